package frames

import "math"

// A phone is a sheet: a screen with a code on a card, writing about it, and a rim.
// Its lights are linear, what the glass reflects included.
type phone struct {
	code     *Code // nil: writing in its place
	mirrored bool
	card     float64 // half of the card's side: code and quiet zone
	wide     float64 // half of the screen's width
	top      float64 // the screen goes from -top
	bottom   float64 // to bottom
	rim      float64

	white, black   float32 // of modules
	paper, ink     float32 // of what is about the card
	body           float32
	number         int     // of the page
	letter         float64 // modules a letter
	glares         []glare
	bar            *glareBar
	moire          grating
	bands          grating
	u0, v0, u1, v1 float64
}

// A glare is light in the glass: how much in its middle, at (u, v), and its radius.
type glare struct {
	light  float32
	u, v   float64
	radius float64
}

// A glareBar is a lamp's tube in the glass: a soft stripe.
type glareBar struct {
	light     float32
	sin, cos  float64
	at, width float64
}

// A grating multiplies the picture's light by 1 ± depth along a direction.
type grating struct {
	depth, fx, fy, phase float64
}

func (g *grating) factor(x, y int) float32 {
	return float32(1 + g.depth*math.Sin(g.fx*float64(x)+g.fy*float64(y)+g.phase))
}

// newPhone is some phone that shows a code, or writing if that is nil.
func newPhone(r random, code *Code, s Showing) *phone {
	size, quiet := 45, 4
	if code != nil {
		size = code.Size
	}
	if r.chance(0.25) {
		quiet = 2
	}
	p := &phone{code: code, mirrored: s.Mirrored, card: float64(size)/2 + float64(quiet)}
	p.wide = p.card*r.in(1.05, 1.4) + 1
	p.top, p.bottom = p.card*r.in(1.3, 1.8), p.card*r.in(1.5, 2.3)
	p.rim = p.wide * r.in(0.03, 0.09)
	p.u0, p.v0, p.u1, p.v1 = -p.wide-p.rim, -p.top-2*p.rim, p.wide+p.rim, p.bottom+2*p.rim
	p.glow(r, s)
	p.number, p.letter = r.IntN(1<<20), r.in(1.2, 2.5)
	p.reflect(r, float64(size))
	return p
}

// glow sets the lights of the screen.
func (p *phone) glow(r random, s Showing) {
	p.white, p.black = float32(r.in(0.2, 1)), float32(r.in(0.004, 0.04))
	if s.Dimmed {
		p.white = p.black + float32(r.in(0.03, 0.1))
	}
	p.paper, p.ink = p.white, p.black+0.05
	if r.chance(1. / 3) { // a dark screen about the card
		p.paper, p.ink = p.black+0.008, p.white*0.6
	}
	if s.Inverted {
		p.white, p.black = p.black, p.white
		p.paper, p.ink = p.white, p.black*0.6
	}
	p.body = float32(r.in(0.002, 0.05))
}

// reflect sets what the glass and the screen's refresh do to the picture.
func (p *phone) reflect(r random, size float64) {
	if r.chance(0.4) {
		p.glares = append(p.glares, glare{float32(r.in(0, 0.4)), size * r.in(-.5, .5), size * r.in(-.5, .5), size * r.in(0.15, 0.55)})
	}
	if r.chance(0.1) {
		sin, cos := math.Sincos(r.in(0, math.Pi))
		p.bar = &glareBar{float32(r.in(0, 0.15)), sin, cos, size * r.in(-.5, .5), size * r.in(0.04, 0.12)}
	}
	if r.chance(0.5) { // the screen's grid against the sensor's
		sin, cos := math.Sincos(r.in(0, math.Pi))
		f := 2 * math.Pi / (3 + 40*r.Float64()*r.Float64())
		p.moire = grating{r.in(0, 0.24), f * cos, f * sin, r.in(0, 2*math.Pi)}
	}
	if r.chance(0.3) { // a backlight that pulses while the rows are read
		p.bands = grating{r.in(0, 0.4), 0, 2 * math.Pi / r.in(60, 310), r.in(0, 2*math.Pi)}
	}
}

func (p *phone) bounds() (u0, v0, u1, v1 float64) { return p.u0, p.v0, p.u1, p.v1 }

func (p *phone) light(u, v float64) (float32, bool) {
	if u < p.u0 || u > p.u1 || v < p.v0 || v > p.v1 {
		return 0, false
	}
	if math.Abs(u) > p.wide || v < -p.top || v > p.bottom {
		return p.body, true
	}
	light := p.screen(u, v)
	for i := range p.glares {
		g := &p.glares[i]
		light += g.light * float32(math.Exp(-((u-g.u)*(u-g.u)+(v-g.v)*(v-g.v))/(g.radius*g.radius)))
	}
	if b := p.bar; b != nil {
		if off := math.Abs(u*b.cos+v*b.sin-b.at) / b.width; off < 1 {
			light += b.light * float32(math.Min(1, 3*(1-off)))
		}
	}
	return light, true
}

// screen is the light of the screen itself.
func (p *phone) screen(u, v float64) float32 {
	onCard := math.Abs(u) < p.card && math.Abs(v) < p.card
	switch {
	case onCard && p.code != nil:
		if p.mirrored {
			u = -u
		}
		half := float64(p.code.Size) / 2
		if p.code.Black(int(math.Floor(u+half)), int(math.Floor(v+half))) {
			return p.black
		}
		return p.white
	case onCard:
		if glyph(p.number, (u+p.card)/p.letter, (v+p.card)/p.letter) {
			return p.black
		}
		return p.white
	}
	line := int(math.Floor((v + p.top) / (2 * p.letter)))
	long := p.wide * float64(hash(p.number, line, 1)%100) / 100
	if math.Abs(v) > p.card+1 && math.Abs(u) < long && glyph(p.number, (u+p.wide)/p.letter, (v+p.top)/p.letter) {
		return p.ink
	}
	return p.paper
}

// drawPhone puts a phone somewhere.
func drawPhone(r random, c *canvas, code *Code, s Showing) {
	p := newPhone(r, code, s)
	at := somePose(r, s, 2*int(p.card)-6)
	p.draw(c, &at)
	if s.Cracked {
		crack(r, c, p, &at)
	}
}

func (p *phone) draw(c *canvas, at *pose) {
	c.paint(at, p, func(x, y int, light float32) float32 {
		if p.moire.depth != 0 {
			light *= p.moire.factor(x, y)
		}
		if p.bands.depth != 0 {
			light *= p.bands.factor(x, y)
		}
		return light
	})
}

// crack breaks the glass: from a point near the rim run lines that bend and fork.
func crack(r random, c *canvas, p *phone, at *pose) {
	u, v := p.wide*pick(r, -0.9, 0.9), r.in(-p.card, p.card)
	for range 3 + r.IntN(4) {
		x, y, way := u, v, math.Atan2(-v, -u)+r.in(-1.2, 1.2)
		light := p.black + float32(r.in(0, 0.5))*(p.white-p.black)
		wide := r.in(0.1, 0.35) * at.focus / at.at.z
		for range 6 + r.IntN(6) {
			way += r.in(-0.4, 0.4)
			step := p.wide * r.in(0.1, 0.35)
			nx, ny := x+step*math.Cos(way), y+step*math.Sin(way)
			if math.Abs(nx) > p.wide || ny < -p.top || ny > p.bottom {
				break
			}
			x0, y0 := at.image(x, y)
			x1, y1 := at.image(nx, ny)
			c.line(x0, y0, x1, y1, wide, light)
			x, y = nx, ny
		}
	}
}
