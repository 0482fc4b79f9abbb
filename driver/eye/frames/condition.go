package frames

import (
	"fmt"
	"image"
	"math"

	"rsc.io/qr/coding"
)

// A Condition is one thing that makes codes hard to read, drawn at any strength: every other
// thing is as mild as it can be.
type Condition struct {
	Name      string
	Shows     string    // what the pictures show
	Unit      string    // what a strength counts
	Strengths []float64 // that are measured, the mildest first
	Frames    int       // of one scene: 1, or 2 where no frame alone has the whole code

	// Frame draws frame k of a scene; any strength that the unit allows.
	Frame func(seed uint64, strength float64, k int) Frame
}

// Conditions are all there are, in the order of the table in docs/performance.md.
func Conditions() []Condition {
	return []Condition{
		{"icons", "square icons behind the phone", "icons", []float64{40, 60, 100}, 1, single(icons)},
		{"icons-1080p", "square icons behind the phone, at 1920x1080", "icons", []float64{40, 100}, 1, single(iconsLarge)},
		{"torn", "a wall of posters whose codes are torn", "pixels a module of theirs", []float64{2, 3}, 1, single(torn)},
		{"finder-wall", "a wall of finders behind the phone", "pixels a module of theirs", []float64{2, 3, 5}, 1, single(finderWall)},
		{"text", "a page of text on which the code lies", "megapixels: 2, 5 or 12", []float64{2, 5, 12}, 1, single(textPage)},
		{"tilt", "a sheet seen from the side", "degrees, up to 10 less", []float64{50, 60, 67}, 1, single(tilted)},
		{"lens", "a wide lens, a code that fills the picture", "k1, at half the diagonal", []float64{0.2, 0.4, 0.6}, 1, single(wide)},
		{"curved", "a sheet around a column", "degrees of it that the code takes", []float64{40, 60, 80}, 1, single(curved)},
		{"crumpled", "crumpled paper", "modules it is pushed", []float64{0.4, 0.6, 0.8}, 1, single(crumpled)},
		{"dots", "round modules of a designer's code", "modules across", []float64{0.9, 0.8, 0.7}, 1, single(dots)},
		{"dot-print", "dots with gaps, from a matrix printer", "pixels a module", []float64{2.5, 4, 6}, 1, single(dotPrint)},
		{"low-light", "little light and much noise", "darkness: 1 is white at a fifth of the curve", []float64{1, 1.5, 1.8}, 1, single(lowLight)},
		{"shadow", "the edge of a shadow across the code", "times darker", []float64{8, 16, 32}, 1, single(shadow)},
		{"picture", "a picture in the modules but for their middles", "modules that are the picture's, a side", []float64{0.5, 0.6, 0.67}, 1, single(picture)},
		{"no-quiet-light", "no quiet zone, on ground as light as the code's", "modules of it that are missing", []float64{3, 4}, 1, single(noQuietLight)},
		{"no-quiet-dark", "no quiet zone, on ground as dark as the code's", "modules of it that are missing", []float64{3, 3.7, 4}, 1, single(noQuietDark)},
		{"no-quiet-turned", "a card on dark ground, too small for the code that is turned on it", "degrees", []float64{10, 20, 30}, 1, single(turnedOnCard)},
		{"edge", "a clean code that touches the picture's edge", "pixels a module", []float64{1, 2, 3, 8}, 1, single(touching)},
		{"digital", "a clean code of any version", "pixels a module", []float64{1, 2, 3, 4, 8, 16, 32, 64}, 1, single(digital)},
		{"eci", "bytes under an ECI", "its number", []float64{3, 20, 26, 899, 16383, 999999}, 1, single(underECI)},
		{"fnc1", "FNC1", "its position", []float64{1, 2}, 1, single(underFNC1)},
		{"covered", "a finder covered", "share of it", []float64{0.3, 0.6, 1}, 1, single(covered)},
		{"bands", "a screen's light that pulses, seen by a shutter that rolls", "share of the rows that are black", []float64{0.2, 0.35, 0.5}, 2, bands},
	}
}

// single makes a scene of one frame.
func single(draw func(seed uint64, strength float64) Frame) func(uint64, float64, int) Frame {
	return func(seed uint64, strength float64, _ int) Frame { return draw(seed, strength) }
}

// Set is n scenes of a condition at one strength.
func (c Condition) Set(strength float64, n int) Set {
	s := Set{Name: fmt.Sprintf("%s-%g", c.Name, strength), Kind: Codes, Len: n * c.Frames}
	if c.Frames > 1 {
		s.Kind = Approach
	}
	s.Frame = func(i int) Frame {
		f := c.Frame(uint64(i/c.Frames), strength, i%c.Frames)
		if c.Frames == 1 {
			f.Name = fmt.Sprintf("%03d_m%.2f", i, f.Pitch)
		} else {
			f.Name = fmt.Sprintf("s%03d/f%d_m%.2f", i/c.Frames, i%c.Frames, f.Pitch)
		}
		return f
	}
	return s
}

// A scene is what a condition begins with: a ticket held still and straight before a hall, well
// lit and sharp. The condition changes what it is about.
type scene struct {
	random
	w, h   int
	ground *canvas // behind the ticket
	ticket
	pitch           float64
	yaw, tilt, turn float64 // degrees
	arc             float64 // degrees of a column that the code takes; behind it if it is negative
	k1              float64 // of the lens
	blur            float64 // modules
	sensor          sensor
	after           func(c *canvas)                       // done to the light before the lens
	screen          func(x, y int, light float32) float32 // what the shutter does to the ticket's light
}

// newScene is scene number seed of a condition, with a code of some version from least to most.
func newScene(condition, seed uint64, w, h, least, most int) *scene {
	r := newRandom(0xc0de<<16|condition, seed)
	version := least + r.IntN(most-least+1)
	s := &scene{random: r, w: w, h: h, pitch: r.in(3, 4.5), blur: r.in(0.06, 0.16)}
	s.code = mustCode(r.Uint64(), Showing{Version: version})
	s.quiet, s.rim = 4, pick(r, 0, 0.7)
	s.white, s.black = float32(r.in(0.6, 0.9)), float32(r.in(0.01, 0.03))
	s.yaw, s.tilt, s.turn = r.in(-12, 12), r.in(-12, 12), r.in(0, 360)
	s.sensor = sensor{0.002, r.in(0.008, 0.02), r.in(0, 0.2), 0}
	return s
}

// behind is the hall, unless a condition has drawn something else.
func (s *scene) behind() *canvas {
	if s.ground == nil {
		s.ground = hall(s.random, s.w, s.h)
	}
	return s.ground
}

// frame draws the scene.
func (s *scene) frame() Frame {
	c := s.behind()
	s.hold(c)
	if s.after != nil {
		s.after(c)
	}
	c.blur(math.Max(0.3, s.pitch*s.blur))
	return Frame{Image: c.expose(s.random, s.sensor), Text: s.code.Text, Pitch: s.pitch}
}

// hold puts the ticket somewhere, all of it in the picture where that is possible.
func (s *scene) hold(c *canvas) {
	sin, cos := math.Sincos(s.turn * math.Pi / 180)
	half := s.pitch * s.half() * (math.Abs(sin) + math.Abs(cos)) * 1.1
	place := func(side int) float64 {
		half := math.Min(half, float64(side)/2-1)
		return s.in(half, float64(side)-half)
	}
	at := newPose(s.w, s.h, float64(s.w)*1.3, place(s.w), place(s.h), s.pitch, s.yaw, s.tilt, s.turn)
	plane := at.plane
	x0, y0, x1, y1 := box(&at, &s.ticket)
	if s.arc != 0 {
		column := &roll{&at, float64(s.code.Size) / (s.arc * math.Pi / 180)}
		plane = column.plane
		more := (x1 - x0 + y1 - y0) / 4 // it comes nearer, or goes further
		x0, y0, x1, y1 = x0-more, y0-more, x1+more, y1+more
	}
	if s.k1 != 0 {
		flat, glass := plane, lens{s.k1, float64(s.w) / 2, float64(s.h) / 2}
		plane = func(x, y float64) (float64, float64) { return flat(glass.straight(x, y)) }
		x0, y0, x1, y1 = 0, 0, s.w, s.h
	}
	c.paintWithin(x0, y0, x1, y1, plane, &s.ticket, s.screen)
}

func icons(seed uint64, n float64) Frame {
	s := newScene(1, seed, 1280, 720, 7, 11)
	s.scatter(int(n), 1)
	return s.frame()
}

func iconsLarge(seed uint64, n float64) Frame {
	s := newScene(2, seed, 1920, 1080, 7, 11)
	s.scatter(int(n), 1.5)
	return s.frame()
}

// scatter draws n icons, of which some are light on dark.
func (s *scene) scatter(n int, scale float64) {
	c := s.behind()
	for range n {
		m := scale * s.in(2, 10)
		x, y := s.in(0, float64(s.w)-8*m), s.in(0, float64(s.h)-8*m)
		light, dark := float32(s.in(0.55, 0.85)), float32(s.in(0.01, 0.05))
		if s.chance(0.25) {
			light, dark = dark, light
		}
		for d, light := range [...]float32{light, dark, light, dark} {
			in := [...]float64{0, 1, 2, 3}[d] * m
			c.rect(x+in, y+in, x+9*m-in, y+9*m-in, light)
		}
	}
}

func torn(seed uint64, module float64) Frame {
	s := newScene(3, seed, 1280, 720, 7, 9)
	c := newCanvas(s.w, s.h, float32(s.in(0.3, 0.45)))
	s.ground = c
	light, paint := float32(s.in(0.5, 0.7)), float32(s.in(0.03, 0.1))
	var codes []*Code
	for range 4 {
		codes = append(codes, mustCode(s.Uint64(), Showing{Version: 4 + s.IntN(3), Writing: URL}))
	}
	side := 49 * module
	for y := s.in(-side, 0); y < float64(s.h); y += side * 1.2 {
		for x := s.in(-side, 0); x < float64(s.w); x += side * 1.2 {
			code := pick(s.random, codes...)
			c.rect(x, y, x+side, y+side, light)
			for i := range code.Size * code.Size {
				u, v := float64(i%code.Size+2)*module, float64(i/code.Size+2)*module
				if code.Black(i%code.Size, i/code.Size) {
					c.rect(x+u, y+v, x+u+module, y+v+module, 0.03)
				}
			}
			cover := light
			if s.chance(0.4) {
				cover = paint
			}
			c.rect(x, y+side*s.in(0.2, 0.65), x+side, y+side, cover)
		}
	}
	return s.frame()
}

func finderWall(seed uint64, module float64) Frame {
	s := newScene(4, seed, 1280, 720, 7, 9)
	s.ground = newCanvas(s.w, s.h, 0.7)
	wall(module, 8*module+float64(s.IntN(4)))(s.random, s.ground)
	return s.frame()
}

func textPage(seed uint64, megapixels float64) Frame {
	size := image.Pt(1920, 1080)
	switch {
	case megapixels > 8:
		size = image.Pt(4000, 3000)
	case megapixels > 3:
		size = image.Pt(2592, 1944)
	}
	s := newScene(5, seed, size.X, size.Y, 7, 9)
	c := newCanvas(s.w, s.h, float32(s.in(0.5, 0.8)))
	c.page(s.random, 0, 0, float64(s.w), float64(s.h), s.in(7, 14), 0.03)
	s.ground = c
	return s.frame()
}

func tilted(seed uint64, degrees float64) Frame {
	s := newScene(6, seed, 1280, 720, 6, 9)
	s.yaw, s.tilt = s.in(degrees-10, degrees)*pick(s.random, -1., 1), s.in(-4, 4)
	if s.chance(0.5) {
		s.yaw, s.tilt = s.tilt, s.yaw
	}
	s.pitch, s.blur = s.in(5.5, 7), s.in(0.04, 0.08)
	return s.frame()
}

func wide(seed uint64, k1 float64) Frame {
	s := newScene(7, seed, 1280, 720, 8, 11)
	s.k1 = k1
	s.pitch, s.turn = 620/(2*s.half()), s.in(-8, 8)
	return s.frame()
}

func curved(seed uint64, degrees float64) Frame {
	s := newScene(8, seed, 1280, 720, 7, 10)
	s.arc = degrees * pick(s.random, 1., 1, -1)
	s.turn = s.in(-20, 20) + pick(s.random, 0., 90)
	s.pitch = s.in(4.5, 6)
	return s.frame()
}

func crumpled(seed uint64, modules float64) Frame {
	s := newScene(9, seed, 1280, 720, 7, 10)
	s.creases, s.folds = modules, s.IntN(1<<20)
	s.pitch = s.in(4, 5.5)
	return s.frame()
}

func dots(seed uint64, across float64) Frame {
	s := newScene(10, seed, 1280, 720, 4, 7)
	s.ink = dotted(across, 0, 0)
	s.pitch, s.blur = s.in(3.5, 6), s.in(0.04, 0.09)
	return s.frame()
}

func dotPrint(seed uint64, pitch float64) Frame {
	s := newScene(11, seed, 1280, 720, 4, 8)
	s.ink = dotted(s.in(0.68, 0.78), 0.06, s.IntN(1<<20))
	s.pitch, s.blur = pitch, s.in(0.05, 0.09)
	return s.frame()
}

func lowLight(seed uint64, darkness float64) Frame {
	s := newScene(12, seed, 1280, 720, 8, 11)
	s.after = func(c *canvas) {
		for i := range c.p {
			c.p[i] *= float32(0.05 / darkness)
		}
	}
	s.sensor = sensor{0.004, 0.01, 0.2, 0}
	return s.frame()
}

func shadow(seed uint64, times float64) Frame {
	s := newScene(13, seed, 1280, 720, 8, 11)
	sin, cos := math.Sincos(s.in(0, 2*math.Pi))
	at, soft := s.in(-8, 8), s.in(0.5, 3)
	s.over = func(u, v float64, light float32) float32 {
		part := math.Min(1, math.Max(0, (u*cos+v*sin-at)/soft))
		return light * float32(1-part*(1-1/times))
	}
	return s.frame()
}

func picture(seed uint64, of float64) Frame {
	s := newScene(14, seed, 1280, 720, 3, 6)
	s.ink = pictured(1-of, s.IntN(1<<20))
	s.pitch, s.blur = s.in(6, 8), s.in(0.03, 0.06)
	return s.frame()
}

func noQuietLight(seed uint64, missing float64) Frame {
	s := newScene(15, seed, 1280, 720, 7, 10)
	return s.bare(missing, s.white*float32(s.in(0.7, 1)))
}

func noQuietDark(seed uint64, missing float64) Frame {
	s := newScene(16, seed, 1280, 720, 7, 10)
	return s.bare(missing, s.black*float32(s.in(1, 3)))
}

// turnedOnCard is a code whose corners stand on dark ground, and the rest of it on white.
func turnedOnCard(seed uint64, degrees float64) Frame {
	s := newScene(23, seed, 1280, 720, 7, 10)
	s.askew = degrees * math.Pi / 180 * pick(s.random, -1., 1)
	s.card = float64(s.code.Size) / 2 * (math.Cos(s.askew) + math.Abs(math.Sin(s.askew))) * s.in(0.88, 0.98)
	return s.bare(4, s.black*float32(s.in(1, 3)))
}

// bare is a ticket of which the margin is missing, on ground of one light.
func (s *scene) bare(missing float64, light float32) Frame {
	s.quiet, s.rim = 4-missing, 0
	s.ground = newCanvas(s.w, s.h, light)
	s.ground.shade(s.random, 40, 0.1)
	s.ground.shade(s.random, 6, 0.08)
	s.pitch = s.in(3.5, 5.5)
	return s.frame()
}

// margins of a clean picture, in modules: left, above, to the right and below.
func cleanly(code *Code, pitch int, margins [4]int) Frame {
	w, h := (code.Size+margins[0]+margins[2])*pitch, (code.Size+margins[1]+margins[3])*pitch
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		if !code.Black(i%w/pitch-margins[0], i/w/pitch-margins[1]) {
			img.Pix[i] = 255
		}
	}
	return Frame{Image: img, Text: code.Text, Pitch: float64(pitch)}
}

func touching(seed uint64, pitch float64) Frame {
	r := newRandom(0xc0de<<16|17, seed)
	margins := [4]int{r.IntN(2), r.IntN(2), r.IntN(2), r.IntN(2)}
	margins[r.IntN(4)] = 0
	return cleanly(mustCode(r.Uint64(), Showing{Version: 1 + r.IntN(10)}), int(pitch), margins)
}

// mostClean is the longest side of a clean picture, in pixels.
const mostClean = 4096

func digital(seed uint64, pitch float64) Frame {
	r := newRandom(0xc0de<<16|18, seed)
	most := min(40, (mostClean/int(pitch)-8-17)/4)
	code := mustCode(r.Uint64(), Showing{Version: 1 + int(seed)%most})
	return cleanly(code, int(pitch), [4]int{4, 4, 4, 4})
}

// spoken is a clean picture of a code whose segments are given.
func spoken(r random, text string, as ...coding.Encoding) Frame {
	const version = 5
	plan, err := coding.NewPlan(version, coding.M, coding.Mask(r.IntN(8)))
	if err != nil {
		panic("frames: internal error: " + err.Error())
	}
	code, err := newCode(plan, version, text, as...)
	if err != nil {
		panic("frames: internal error: " + err.Error())
	}
	return cleanly(code, 3+r.IntN(3), [4]int{4, 4, 4, 4})
}

func underECI(seed uint64, number float64) Frame {
	r := newRandom(0xc0de<<16|19, seed)
	text := "RG1:"
	for range 30 {
		text += one(r, RG1)
	}
	return spoken(r, text, declared{int(number), text})
}

func underFNC1(seed uint64, position float64) Frame {
	r := newRandom(0xc0de<<16|20, seed)
	text := "01"
	for range 14 {
		text += one(r, Digits)
	}
	f := fnc1{second: position == 2, indicator: byte(r.IntN(100))}
	return spoken(r, text+"AB", f, coding.Num(text), coding.Alpha("AB"))
}

func covered(seed uint64, share float64) Frame {
	s := newScene(21, seed, 1280, 720, 7, 10)
	half := float64(s.code.Size) / 2
	u, v := -half, -half // the finder's outer corner
	switch s.IntN(3) {
	case 1:
		u = half
	case 2:
		v = half
	}
	skin := float32(s.in(0.1, 0.4))
	wide := 7.0 // the finder's middle lines and its rim are whole beyond a part of it
	s.over = func(x, y float64, light float32) float32 {
		if math.Abs(x-u) < wide+0.5 && math.Abs(y-v) < share*wide+0.5*share {
			return skin
		}
		return light
	}
	return s.frame()
}

// bands are two frames of one screen: between them the black rows have moved on.
func bands(seed uint64, black float64, k int) Frame {
	s := newScene(22, seed, 1280, 720, 7, 10)
	period, phase := s.in(110, 240), s.Float64()
	moved := s.in(0.4, 0.6)
	s.screen = func(_, y int, light float32) float32 {
		at := float64(y)/period + phase + float64(k)*moved
		if at-math.Floor(at) < black {
			return light * 0.02
		}
		return light
	}
	s.blur = 0.08
	return s.frame()
}
