package eye

import (
	"fmt"
	"image"
	"image/draw"
	"testing"

	"railgate/driver/eye/frames"
)

// Rule: a clean picture of nothing but a code is read, whatever its version and its size.
func TestReadsEveryPurePicture(t *testing.T) {
	for _, scale := range []float64{1, 2, 8, 13, 32} {
		n := 40
		if scale > 8 {
			n = 6
		}
		wantRead(t, "digital", scale, n, n)
	}
	for _, scale := range []float64{1, 2, 3, 8} {
		wantRead(t, "edge", scale, 20, 20)
	}
}

// Rule: it is read by one look at each module.
func TestPurePicturesAreReadAtOnce(t *testing.T) {
	f := condition(t, "digital").Frame(39, 3, 0)
	r := NewReader()
	if text, ok := r.Read(f.Image); !ok || text != f.Text || r.Spent() > 2_500_000 {
		t.Errorf("version 40: read %v, spent %d", ok, r.Spent())
	}
	if r.have[2] || r.levels[0].scanned != nil {
		t.Error("it was searched for")
	}
}

// Turned by right angles, mirrored, light on dark, and with margins that differ.
func TestPurePicturesOfEveryKind(t *testing.T) {
	code, err := frames.NewCode(3, 6, frames.RG1)
	if err != nil {
		t.Fatal(err)
	}
	for kind := range 16 {
		turns, mirrored, inverted := kind%4, kind/4%2 == 1, kind/8 == 1
		at := func(u, v int) bool {
			for range turns {
				u, v = v, code.Size-1-u
			}
			if mirrored {
				u = code.Size - 1 - u
			}
			return code.Black(u, v)
		}
		drawn := drawCode(code.Size, at, 5)
		img := image.NewGray(image.Rect(0, 0, drawn.Rect.Dx()+40, drawn.Rect.Dy()+9))
		draw.Draw(img, img.Rect, image.NewUniform(drawn.At(1, 1)), image.Point{}, draw.Src)
		draw.Draw(img, drawn.Rect.Inset(1), drawn, image.Pt(1, 1), draw.Src)
		if inverted {
			for i := range img.Pix {
				img.Pix[i] = 255 - img.Pix[i]
			}
		}
		r := NewReader()
		got, ok := r.Look(img)
		if !ok || got.Text != code.Text || got.Inverted != inverted || got.Mirrored != mirrored || r.levels[0].scanned != nil {
			t.Errorf("turned %d times, mirrored %v, inverted %v: read %v, %+v", turns, mirrored, inverted, ok, got)
		}
	}
}

// Rule: blocks that are flat, one and all, are of two colours all the same.
func TestReadsWhereEveryBlockIsFlat(t *testing.T) {
	for _, scale := range []int{8, 32} {
		wantText(t, fmt.Sprint(scale, " pixels a module"), clean(t, "RG1:FLAT", scale), "RG1:FLAT")
	}
}

// Nothing but a code is pure: what has a speck beside it, or in it, goes by the other stages.
func TestPureMeansPure(t *testing.T) {
	r := newTestReader()
	for name, spoil := range map[string]func(img *image.Gray){
		"a speck beside it": func(*image.Gray) {},
		"a finder's module": func(img *image.Gray) {
			img.Pix[0] = 240
			draw.Draw(img, image.Rect(16, 16, 20, 20), image.White, image.Point{}, draw.Src)
		},
	} {
		img := clean(t, "RG1:PURE", 4)
		spoil(img)
		r.have = [maxLevels]bool{}
		if r.pure(r.level(0, planeOf(img))) {
			t.Errorf("%s: read as pure", name)
		}
	}
}
