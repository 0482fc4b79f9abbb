package scanner

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rsc.io/qr"

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
