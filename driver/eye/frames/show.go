package frames

import (
	"fmt"
	"image"
	"math"
)

// A Showing is how a passenger shows a code. What is zero is left to the seed or off.
type Showing struct {
	Width, Height int     // of the frame
	Version       int     // of the code, 1 to 40
	Pitch         float64 // pixels a module
	Writing       Writing

	Paper    bool // printed, not on a phone
	Inverted bool // white modules on black
	Mirrored bool // seen in a mirror
	Cracked  bool // lines across the glass
	Dimmed   bool // a screen turned down to a tenth and less
}

// Show draws one frame of a passenger before a hall. It panics if there is no such code.
func Show(seed uint64, s Showing) Frame {
	r := newRandom(seed, 1)
	code := mustCode(seed, s)
	c := hall(r, s.Width, s.Height)
	for range r.IntN(2) * r.IntN(4) {
		clutter(r, c)
	}
	if s.Paper {
		drawPaper(r, c, code, s)
	} else {
		drawPhone(r, c, code, s)
	}
	blur := math.Max(0.3, s.Pitch*r.in(0.05, 0.3))
	c.blur(blur)
	if r.chance(0.4) {
		c.smear(s.Pitch*r.in(0, 0.6), r.in(0, math.Pi))
	}
	return Frame{
		Name:  fmt.Sprintf("v%d_m%.2f", s.Version, s.Pitch),
		Image: c.expose(r, someSensor(r)),
		Text:  code.Text,
		Pitch: s.Pitch,
	}
}

func mustCode(seed uint64, s Showing) *Code {
	code, err := NewCode(seed, s.Version, s.Writing)
	if err != nil {
		panic("frames: " + err.Error())
	}
	return code
}

// Clean is the frame of a code as it ought to be: upright and sharp, scale pixels a
// module, in the middle of white.
func Clean(code *Code, w, h, scale int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	drawn := code.Draw(scale, 0)
	x0, y0 := (w-drawn.Rect.Dx())/2, (h-drawn.Rect.Dy())/2
	for i := range img.Pix {
		img.Pix[i] = 255
		if p := image.Pt(i%w-x0, i/w-y0); p.In(drawn.Rect) {
			img.Pix[i] = drawn.Pix[p.Y*drawn.Stride+p.X]
		}
	}
	return img
}

// somePose is where a hand may hold a code of so many modules a side, all of it in
// the picture where that is possible.
func somePose(r random, s Showing, size int) pose {
	yaw, tilt := r.in(-25, 25), r.in(-25, 25)
	roll := 12 * r.NormFloat64()
	switch n := r.IntN(10); n {
	case 0, 1:
		roll += 90 * float64(1+n)
	case 2:
		roll = r.in(0, 360)
	}
	sin, cos := math.Sincos(roll * math.Pi / 180)
	half := s.Pitch * (float64(size)/2 + 2.5) * (math.Abs(sin) + math.Abs(cos)) * 1.1
	place := func(side int) float64 {
		half := math.Min(half, float64(side)/2-1)
		return r.in(half, float64(side)-half)
	}
	focus := float64(s.Width) * r.in(1.1, 1.5)
	return newPose(s.Width, s.Height, focus, place(s.Width), place(s.Height), s.Pitch, yaw, tilt, roll)
}
