package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rsc.io/qr"

	"railgate/driver"
	"railgate/driver/eye"
)

const sample = "RG1:PWGSLK/-4FR8/$M4*PW6BW%KCV9/.E3RDE-6ZWC0F4OHNDF3FV8L/IDF3IU8J+C+89 2QMO1%67UFH100000QJGDF3IU8"

// picture draws a code with modules of 4 pixels on gray, with a quiet zone.
func picture(t testing.TB, text string) *image.Gray {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const module, quiet = 4, 8
	size := (code.Size + 2*quiet) * module
	img := image.NewGray(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			level := uint8(230)
			if code.Black(x/module-quiet, y/module-quiet) {
				level = 30
			}
			img.SetGray(x, y, color.Gray{Y: level})
		}
	}
	return img
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func encodePGM(img *image.Gray) []byte {
	return append(fmt.Appendf(nil, "P5\n# a comment\n%d %d\n255\n", img.Rect.Dx(), img.Rect.Dy()), img.Pix...)
}

func TestPictures(t *testing.T) {
	img := picture(t, sample)
	rgba := image.NewNRGBA(img.Rect) // transparent where the code is light
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if img.GrayAt(x, y).Y < 128 {
				rgba.Set(x, y, color.Black)
			}
		}
	}
	for name, data := range map[string][]byte{"png": encodePNG(t, img), "transparent png": encodePNG(t, rgba), "jpeg": encodeJPEG(t, img), "pgm": encodePGM(img)} {
		got, err := DecodePicture(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text, ok := eye.NewReader().Read(got); !ok || text != sample {
			t.Errorf("%s reads %q, %v; want the code", name, text, ok)
		}
	}
}

func TestAJPEGThatIsCutShortIsReadAsFarAsItGoes(t *testing.T) {
	img := picture(t, sample)
	tall := image.NewGray(image.Rect(0, 0, img.Rect.Dx(), 3*img.Rect.Dy()))
	copy(tall.Pix, img.Pix)
	data := encodeJPEG(t, tall)
	got, err := DecodePicture(data[:len(data)*9/10])
	if err != nil || got.Rect != tall.Rect {
		t.Fatalf("%v, %v; want the picture", got.Bounds(), err)
	}
	if text, ok := eye.NewReader().Read(got); !ok || text != sample {
		t.Errorf("read %q, %v; want the code, which is in the part that is there", text, ok)
	}
}

func TestPicturesThatAreNone(t *testing.T) {
	good := encodePGM(image.NewGray(image.Rect(0, 0, 4, 4)))
	for name, data := range map[string][]byte{
		"nothing":                 nil,
		"text":                    []byte("RG1:"),
		"half a PNG":              encodePNG(t, picture(t, sample))[:100],
		"half a PGM":              good[:len(good)-1],
		"a PGM of 16 bits":        []byte("P5 1 1 65535 \x00\x00"),
		"a PGM of no size":        []byte("P5 0 4 255 "),
		"a PGM of many bytes":     []byte("P5 99999 99999 255 "),
		"a PGM without a number":  []byte("P5 x"),
		"a PGM that is a comment": []byte("P5 # and on"),
	} {
		if img, err := DecodePicture(data); err == nil {
			t.Errorf("%s: %v; want an error", name, img.Rect)
		}
	}
}

func FuzzDecodePicture(f *testing.F) {
	f.Add(encodePGM(image.NewGray(image.Rect(0, 0, 3, 2))))
	f.Add(encodePNG(f, image.NewGray(image.Rect(0, 0, 3, 2))))
	f.Add([]byte("P5 1 1 255 \x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, []byte("P5")) {
			return // the standard library's formats are its own to fuzz
		}
		if img, err := DecodePicture(data); err == nil && len(img.Pix) > len(data) {
			t.Errorf("%d pixels from %d bytes", len(img.Pix), len(data))
		}
	})
}

func runCamera(t *testing.T, dir string) (c *Camera, readings chan driver.Reading, log *lockedBuffer) {
	readings, log = make(chan driver.Reading, 1000), new(lockedBuffer)
	c = NewCamera(CameraConfig{Name: "eye", Frames: dir, FPS: 200}, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, func(r driver.Reading) { readings <- r }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	})
	return c, readings, log
}

func waitReading(t *testing.T, readings chan driver.Reading, text string) {
	t.Helper()
	for {
		select {
		case r := <-readings:
			if r.Text == text && r.Scanner == "eye" {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no reading of %q", text)
		}
	}
}

func TestCameraSeesWhatIsInItsFolder(t *testing.T) {
	dir := t.TempDir()
	_, readings, _ := runCamera(t, dir)
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.png", encodePNG(t, picture(t, "RG1:B")))
	waitReading(t, readings, "RG1:B")
	waitReading(t, readings, "RG1:B") // as a camera that goes on looking
	write("a.jpg", encodeJPEG(t, picture(t, "RG1:A")))
	write("c.png", encodePNG(t, picture(t, "RG1:C"))[:200]) // still being written
	write("note.txt", []byte("no picture"))
	waitReading(t, readings, "RG1:A")
	waitReading(t, readings, "RG1:B")
	write("c.png", encodePNG(t, picture(t, "RG1:C")))
	waitReading(t, readings, "RG1:C")
}

func TestCameraSurvivesUnplugging(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "frames")
	c, readings, log := runCamera(t, dir)
	for c.Health().Err == "" {
		<-time.After(time.Millisecond)
	}
	if !strings.Contains(log.String(), dir) {
		t.Errorf("log does not name the folder:\n%s", log)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.png"), encodePNG(t, picture(t, "RG1:A")), 0o600); err != nil {
		t.Fatal(err)
	}
	waitReading(t, readings, "RG1:A")
	if !c.Health().Up {
		t.Error("a camera that sees is not up")
	}
}

// hung is a camera that can be opened and gives no frame.
type hung struct{ opened int }

func (h *hung) next(ctx context.Context, _ func(*image.Gray, time.Time)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Second):
		return errors.New("delivers no frames")
	}
}

func (h *hung) close() error { return nil }

// A reason that counts is logged once a minute, and not at each try; a device that was up, at once.
func TestChangingReasonsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, m, tries := new(lockedBuffer), new(driver.Monitor), 0
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		err := keepTrying(ctx, m, slog.New(slog.NewTextHandler(log, nil)), "camera", func() error {
			if tries++; tries == 2 {
				m.Up()
			}
			return fmt.Errorf("%d damaged", tries)
		})
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		// The first, the one after it was up, and those of two minutes.
		if err != nil || tries < 30 || len(lines) != 4 || !strings.Contains(lines[1], "2 damaged") {
			t.Errorf("%v, %d tries, log:\n%s\nwant four lines", err, tries, log)
		}
	})
}

func TestCameraThatHangsIsNeverUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h := new(lockedBuffer), new(hung)
		c := NewCamera(CameraConfig{Name: "eye", Device: "/dev/video0"}, slog.New(slog.NewTextHandler(log, nil)))
		c.open = func() (frames, error) { h.opened++; return h, nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx, func(driver.Reading) { t.Error("a reading") }) }()
		for range 59 {
			time.Sleep(time.Second)
			if c.Health().Up {
				t.Fatal("a camera without a frame is up")
			}
		}
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
		if h.opened < 5 {
			t.Errorf("opened %d times in a minute; want again and again", h.opened)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "delivers no frames") {
			t.Errorf("%d lines of log; want one that says why:\n%s", n, log)
		}
	})
}
