package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
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

// A film shows a camera its pictures, ten a second, and then nothing.
type film struct {
	pictures []*image.Gray
	end      func()
}

func (f *film) next(_ context.Context, see func(*image.Gray, time.Time)) error {
	time.Sleep(100 * time.Millisecond)
	if len(f.pictures) == 0 {
		f.end()
		return nil
	}
	see(f.pictures[0], time.Now())
	f.pictures = f.pictures[1:]
	return nil
}

func (f *film) close() error { return nil }

// A screening is what a camera made of a film.
type screening struct {
	*Camera
	log      *lockedBuffer
	readings []string
	at       []time.Duration
}

// screen shows a camera that looks for RG1 a film: each picture for a while.
func screen(t *testing.T, shown func(s *screening), reel ...any) *screening {
	s := &screening{log: new(lockedBuffer)}
	s.Camera = NewCamera(CameraConfig{Name: "eye", Device: "/dev/video0", Prefix: "RG1:"}, slog.New(slog.NewTextHandler(s.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	f := &film{end: cancel}
	for i := 0; i < len(reel); i += 2 {
		for range reel[i+1].(time.Duration) / (100 * time.Millisecond) {
			f.pictures = append(f.pictures, reel[i].(*image.Gray))
		}
	}
	s.open = func() (frames, error) { return f, nil }
	began := time.Now()
	if err := s.Run(ctx, func(r driver.Reading) {
		s.readings, s.at = append(s.readings, r.Text), append(s.at, time.Since(began))
	}); err != nil {
		t.Fatal(err)
	}
	shown(s)
	return s
}

// beside puts pictures beside each other.
func beside(pictures ...*image.Gray) *image.Gray {
	w, h := 0, 0
	for _, p := range pictures {
		w, h = w+p.Rect.Dx(), max(h, p.Rect.Dy())
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	x := 0
	for _, p := range pictures {
		draw.Draw(img, p.Rect.Add(image.Pt(x, 0)), p, image.Point{}, draw.Src)
		x += p.Rect.Dx()
	}
	return img
}

// countOf counts a text, and tells when it was read first and last.
func (s *screening) countOf(text string) (n int, first, last time.Duration) {
	for i, r := range s.readings {
		if r == text {
			if n++; n == 1 {
				first = s.at[i]
			}
			last = s.at[i]
		}
	}
	return n, first, last
}

// A sticker is told of for some seconds, then it is a part of the hall: counted, and noted. It
// hides no code, and is not told of again beside one or after it.
func TestCameraReadsPastASticker(t *testing.T) {
	const foreign, ours = "HTTPS://EXAMPLE.COM/RATE-US", "RG1:OURS"
	sticker := picture(t, foreign)
	both, hall := beside(sticker, picture(t, ours)), image.NewGray(image.Rect(0, 0, 400, 400))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(s *screening) {
			if h := s.Health(); h.Foreign < 30 || !strings.Contains(h.Note, "for 20s: is there a sticker") {
				t.Errorf("before the sticker alone: %+v; want it counted and noted", h)
			}
		}, sticker, 20*time.Second)
		if n, _, last := s.countOf(foreign); n == 0 || last > foreignShown+time.Second {
			t.Errorf("the sticker is told of %d times, until %v; want for %v", n, last, foreignShown)
		}
		if n := strings.Count(s.log.String(), "not ours"); n != 1 {
			t.Errorf("%d lines of log; want one:\n%s", n, s.log)
		}
		unnoted := func(s *screening) {
			if h := s.Health(); h.Note != "" {
				t.Errorf("after codes of ours: %+v; want no note", h)
			}
		}
		screen(t, unnoted, sticker, 10*time.Second, both, 4*time.Second)
		s = screen(t, unnoted, sticker, 10*time.Second, both, 4*time.Second, sticker, 4*time.Second, hall, 9*time.Second, sticker, 2*time.Second)
		if n, first, last := s.countOf(ours); n < 38 || first > 10200*time.Millisecond || last > 14100*time.Millisecond {
			t.Errorf("ours is read %d times, from %v to %v; want in each picture that has it", n, first, last)
		}
		if _, _, last := s.countOf(foreign); last > foreignShown+time.Second {
			t.Errorf("the sticker is told of at %v again", last)
		}
	})
}

// Who holds up something else is told so each time.
func TestCameraDeliversAForeignCodeThatIsHeldUp(t *testing.T) {
	const foreign = "PAYMENT CODE"
	held, hall := picture(t, foreign), image.NewGray(image.Rect(0, 0, 400, 400))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(*screening) {}, hall, time.Second, held, 2*time.Second, hall, 5*time.Second, held, 2*time.Second)
		if _, first, last := s.countOf(foreign); first > 1500*time.Millisecond || last < 8*time.Second {
			t.Errorf("read from %v to %v; want both times", first, last)
		}
		if h := s.Health(); h.Note != "" {
			t.Errorf("noted: %q", h.Note)
		}
	})
}

// Two passengers before one lens are both let through, the first one first.
func TestCameraReadsTwoCodesOfOurs(t *testing.T) {
	img := beside(picture(t, "RG1:FIRST"), picture(t, "RG1:SECOND"), picture(t, "PAYMENT CODE"))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(*screening) {}, img, time.Second)
		if len(s.at) < 3 || s.at[0] == s.at[1] || s.readings[1] == s.readings[2] || s.at[1] != s.at[2] {
			t.Errorf("readings %q at %v; want one of the first picture, both of the second", s.readings, s.at)
		}
		for _, text := range []string{"RG1:FIRST", "RG1:SECOND"} {
			if n, _, _ := s.countOf(text); n < 2 {
				t.Errorf("%s is read %d times; want again and again", text, n)
			}
		}
	})
}

// An eye that failed is replaced by one that looks for the same.
func TestCameraThatFailedStillKnowsItsPrefix(t *testing.T) {
	broken := &image.Gray{Pix: make([]uint8, 100), Stride: 400, Rect: image.Rect(0, 0, 400, 400)}
	both := beside(picture(t, "HTTPS://EXAMPLE.COM"), picture(t, "RG1:OURS"))
	synctest.Test(t, func(t *testing.T) {
		s := screen(t, func(*screening) {}, broken, 100*time.Millisecond, both, 500*time.Millisecond)
		if n, _, _ := s.countOf("RG1:OURS"); n < 4 || !strings.Contains(s.log.String(), "the eye failed") {
			t.Errorf("read %q, log:\n%s\nwant a failure, and then ours", s.readings, s.log)
		}
		if n, _, _ := s.countOf("HTTPS://EXAMPLE.COM"); n > 0 {
			t.Errorf("the foreign code is told of %d times beside ours", n)
		}
	})
}

func TestForeignCodesThatAreRememberedAreFew(t *testing.T) {
	f := foreign{codes: map[string]*sighting{}}
	for i := range 10 * maxForeign {
		f.see([]string{fmt.Sprint(i)}, false, time.Unix(int64(i), 0))
		if len(f.codes) > maxForeign {
			t.Fatalf("%d codes are remembered", len(f.codes))
		}
	}
}
