package frames

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// decode is what gozxing reads in a picture that holds a code and nothing else.
func decode(t *testing.T, img *image.Gray) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]interface{}{
		gozxing.DecodeHintType_PURE_BARCODE:  true,
		gozxing.DecodeHintType_CHARACTER_SET: "UTF-8",
	})
	if err != nil {
		t.Fatal(err)
	}
	return result.GetText()
}

func TestACodeSaysItsText(t *testing.T) {
	for version := 1; version <= 20; version++ {
		for _, what := range []Writing{RG1, URL, Han, Digits} {
			code, err := NewCode(uint64(version), version, what)
			if err != nil {
				t.Fatal(err)
			}
			if got := decode(t, code.Draw(4, 4)); got != code.Text {
				t.Errorf("version %d, writing %d: reads %q, want %q", version, what, got, code.Text)
			}
			if code.Size != 17+4*version {
				t.Errorf("version %d: %d modules a side", version, code.Size)
			}
		}
	}
}

func TestACleanFrameSaysItsText(t *testing.T) {
	code, err := NewCode(1, 8, RG1)
	if err != nil {
		t.Fatal(err)
	}
	img := Clean(code, 640, 480, 6)
	if img.Rect != image.Rect(0, 0, 640, 480) {
		t.Fatalf("a frame of %v", img.Rect)
	}
	if got := decode(t, img); got != code.Text {
		t.Errorf("reads %q, want %q", got, code.Text)
	}
}

func TestOnlyVersions1To40(t *testing.T) {
	for _, version := range []int{0, 41} {
		if _, err := NewCode(1, version, RG1); err == nil {
			t.Errorf("version %d: no error", version)
		}
	}
}

func TestTextsOfTheGatesCodes(t *testing.T) {
	for version, want := range map[int][2]int{7: {155, 178}, 8: {195, 221}, 11: {325, 366}} {
		code, err := NewCode(5, version, RG1)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(code.Text); n < want[0] || n > want[1] || !strings.HasPrefix(code.Text, "RG1:") {
			t.Errorf("version %d: %d characters, %q; want %d to %d", version, n, code.Text[:8], want[0], want[1])
		}
	}
}

// every is a frame of each kind: the sets' first, third and last, and all options.
func every() map[string]func() Frame {
	all := map[string]func() Frame{}
	for _, s := range Sets() {
		for _, i := range []int{0, 3, s.Len - 1} {
			all[fmt.Sprintf("%s/%d", s.Name, i)] = func() Frame { return s.Frame(i) }
		}
	}
	for name, o := range map[string]Showing{
		"paper": {Paper: true}, "cracked": {Cracked: true}, "dimmed": {Dimmed: true},
		"inverted": {Inverted: true}, "mirrored": {Mirrored: true}, "inverted paper": {Paper: true, Inverted: true, Mirrored: true},
	} {
		o.Width, o.Height, o.Version, o.Pitch = 320, 240, 5, 3
		all[name] = func() Frame { return Show(9, o) }
	}
	return all
}

func TestTheSameSeedGivesTheSameFrame(t *testing.T) {
	seen := map[string]string{}
	for name, frame := range every() {
		if testing.Short() && strings.Contains(name, "720") {
			continue
		}
		a, b := frame(), frame()
		if !bytes.Equal(a.Image.Pix, b.Image.Pix) || a.Text != b.Text || a.Name != b.Name {
			t.Errorf("%s: two frames of one seed differ", name)
		}
		if other, ok := seen[string(a.Image.Pix)]; ok {
			t.Errorf("%s is the same picture as %s", name, other)
		}
		seen[string(a.Image.Pix)] = name
	}
}

func TestSetsSayWhatTheyHold(t *testing.T) {
	if testing.Short() {
		t.Skip("it draws for long under the race detector, and there is nothing to find")
	}
	sizes := map[string]image.Point{"1080": image.Pt(1920, 1080), "720": image.Pt(1280, 720), "480": image.Pt(640, 480)}
	for _, s := range Sets() {
		name, _, _ := strings.Cut(s.Name, "-")
		size := sizes[strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz")]
		for _, i := range []int{0, s.Len / 2} {
			f := s.Frame(i)
			if f.Image.Rect.Size() != size {
				t.Errorf("%s %d: a frame of %v, want %v", s.Name, i, f.Image.Rect, size)
			}
			if shows := s.Kind == Codes || s.Kind == Approach; shows != (f.Text != "") || shows != (f.Pitch > 0) {
				t.Errorf("%s %d: text %q, pitch %v", s.Name, i, f.Text, f.Pitch)
			}
			if shows := f.Pitch > 0; shows && !strings.Contains(f.Name, fmt.Sprintf("_m%.2f", f.Pitch)) {
				t.Errorf("%s %d: %q does not name the pitch %.2f", s.Name, i, f.Name, f.Pitch)
			}
		}
	}
}

func TestPitchesGoUpEvenly(t *testing.T) {
	s := phones("x", 640, 480, 7, 6)
	last := 0.0
	for i := range s.Len {
		f := s.Frame(i)
		low, high := 1.6*math.Pow(7/1.6, float64(i)/6), 1.6*math.Pow(7/1.6, float64(i+1)/6)
		if f.Pitch < low || f.Pitch > high || f.Pitch < last {
			t.Errorf("frame %d: %.2f pixels a module, want %.2f to %.2f", i, f.Pitch, low, high)
		}
		last = f.Pitch
	}
}

func TestAnApproachStops(t *testing.T) {
	first, last := approach(60, 0), approach(60, ApproachFrames-1)
	if stop := approach(60, ApproachStop); stop.Pitch != last.Pitch || stop.Pitch <= first.Pitch {
		t.Errorf("pitches %.2f at first, %.2f when it stops, %.2f at last", first.Pitch, stop.Pitch, last.Pitch)
	}
	if first.Text != last.Text {
		t.Error("the code changes on its way")
	}
}
