package frames

import "math"

// A paper is a sheet with a code printed on it, which may bend about the vertical.
type paper struct {
	code     *Code
	mirrored bool
	half     float64 // of its width
	top      float64 // it goes from -top
	bottom   float64 // to bottom
	white    float32
	ink      float32
	number   int     // of the page
	letter   float64 // modules a letter
	bend     float64 // modules that the code's edge is drawn in by the curl
	shadow   float64 // light lost from one side to the other
	crease   float64 // u of a fold
}

func newPaper(r random, code *Code, s Showing) *paper {
	card := float64(code.Size)/2 + 4
	p := &paper{
		code: code, mirrored: s.Mirrored,
		half: card * r.in(1.02, 2), top: card * r.in(1.02, 2), bottom: card * r.in(1.02, 2.5),
		white: float32(r.in(0.25, 0.85)), ink: float32(r.in(0.015, 0.07)),
		number: r.IntN(1 << 20), letter: r.in(1.5, 3),
		bend: r.in(0, 0.5), shadow: r.in(-0.35, 0.35), crease: card * r.in(-2, 2),
	}
	if s.Inverted {
		p.white, p.ink = p.ink, p.white
	}
	return p
}

func (p *paper) bounds() (u0, v0, u1, v1 float64) { return -p.half, -p.top, p.half, p.bottom }

func (p *paper) light(u, v float64) (float32, bool) {
	if math.Abs(u) > p.half || v < -p.top || v > p.bottom {
		return 0, false
	}
	shade := 1 + p.shadow*u/p.half
	if d := (u - p.crease) / 1.5; math.Abs(d) < 1 {
		shade *= 1 - 0.25*(1-math.Abs(d))*math.Copysign(1, d)
	}
	half := float64(p.code.Size) / 2
	u += p.bend * math.Sin(math.Pi*u/(2*half))
	light := p.white
	switch {
	case math.Abs(u) < half+4 && math.Abs(v) < half+4:
		if p.mirrored {
			u = -u
		}
		if p.code.Black(int(math.Floor(u+half)), int(math.Floor(v+half))) {
			light = p.ink
		}
	case glyph(p.number, (u+p.half)/p.letter, (v+p.top)/p.letter):
		light = p.ink
	}
	return light * float32(shade), true
}

// drawPaper puts a paper somewhere.
func drawPaper(r random, c *canvas, code *Code, s Showing) {
	at := somePose(r, s, code.Size)
	c.paint(&at, newPaper(r, code, s), nil)
}
