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
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
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

// A picture is refused for what its header says, before memory is taken for its pixels.
func TestPicturesThatAreTooLarge(t *testing.T) {
	dir := t.TempDir()
	gray := image.NewUniform(color.Gray{Y: 200})
	tall := encodePNG(t, sized{gray, image.Rect(0, 0, 3000, 3200), color.GrayModel})
	deep := encodePNG(t, sized{gray, image.Rect(0, 0, 3000, 3000), color.NRGBA64Model})
	path := filepath.Join(dir, "picture")
	for _, tt := range []struct {
		name  string
		data  []byte
		size  int64 // to which the file is made longer
		words string
	}{
		{"too many pixels of a PNG", tall, 0, "3000 x 3200 pixels"},
		{"too many bytes of a PNG", deep, 0, "3000 x 3000 pixels of 9 bytes"},
		{"too many pixels of a PGM", []byte("P5 3000 3200 255 "), 0, "3000 x 3200 pixels"},
		{"a file that is too large", []byte("\xff\xd8"), frameLimits.file + 1, "larger than 16 MB"},
	} {
		if err := os.WriteFile(path, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if tt.size > 0 {
			if err := os.Truncate(path, tt.size); err != nil {
				t.Fatal(err)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		img, err := frame(path)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), tt.words) || !strings.Contains(err.Error(), "make a smaller picture") {
			t.Errorf("%s: %v, %v; want an error with %q and what to do", tt.name, img != nil, err, tt.words)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s took %d MB; want it refused before that", tt.name, n>>20)
		}
	}
	if _, err := DecodePicture(tall); err != nil {
		t.Errorf("a technician's photograph of 10 megapixels: %v; want it read", err)
	}
}

// sized is an image without memory.
type sized struct {
	*image.Uniform
	bounds image.Rectangle
	model  color.Model
}

func (s sized) Bounds() image.Rectangle { return s.bounds }
func (s sized) ColorModel() color.Model { return s.model }

// Each file that cannot be read is a line of the log, once, and the others are read.
func TestFilesOfAFolderThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), new(lockedBuffer)
		path := func(name string) string { return filepath.Join(dir, name) }
		good := encodePNG(t, picture(t, "RG1:GOOD"))
		err := errors.Join(
			os.WriteFile(path("good.png"), good, 0o600), os.WriteFile(path("half.png"), good[:100], 0o600), os.WriteFile(path("text.jpg"), []byte("text"), 0o600),
			os.WriteFile(path("large.jpg"), []byte("\xff\xd8"), 0o600), os.Truncate(path("large.jpg"), 300<<20),
			os.Symlink(path("good.png"), path("link.png")), unix.Mkfifo(path("pipe.png"), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(dir, 10, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		seen := 0
		for range 100 { // ten seconds
			if err := f.next(t.Context(), func(img *image.Gray, _ time.Time) {
				if img != nil {
					seen++
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if seen != 25 {
			t.Errorf("the good picture was seen %d times in 100; want each fourth", seen)
		}
		for name, words := range map[string]string{
			"half.png": "not enough pixel data", "text.jpg": "not a PNG", "large.jpg": "larger than 16 MB", "link.png": "is a link", "pipe.png": "is a link or a device",
		} {
			var lines []string
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "picture="+name) {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 || !strings.Contains(lines[0], words) {
				t.Errorf("%s: %q; want one line with %q", name, lines, words)
			}
		}
	})
}

// Pictures that are played again and again are kept, but not more than there is room for.
func TestPicturesThatAreKept(t *testing.T) {
	f := &folder{cache: map[string]cached{}}
	for i := range 3 * maxCached {
		f.keep(fmt.Sprint(i), cached{img: image.NewGray(image.Rect(0, 0, 1024, 1024))})
		kept := 0
		for _, c := range f.cache {
			if c.img != nil {
				kept += len(c.img.Pix)
			}
		}
		if kept > maxKept || len(f.cache) > maxCached {
			t.Fatalf("%d files and %d bytes are kept; want up to %d and %d", len(f.cache), kept, maxCached, maxKept)
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
