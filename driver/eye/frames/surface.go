package frames

import "math"

// A ticket is a card with a code on it and nothing else. What is beyond the card is not its.
type ticket struct {
	code         *Code
	quiet        float64 // modules of white around the code
	rim          float64 // modules of black around the white
	white, black float32

	// ink, if it is set, is how black the code is at a place, 0 to 1; else its modules are squares.
	ink func(c *Code, u, v float64) float64
	// over, if it is set, is what the light becomes: shadow, a finger.
	over func(u, v float64, light float32) float32
	// card is half the side of a white square under the code, in modules, and askew how far it is
	// turned against it, in radians. Where there is none the code lies on the ground.
	card, askew float64
	// creases are how far the paper is pushed at most, in modules: folds of it every few modules.
	creases float64
	folds   int // their seed
}

func (t *ticket) half() float64 { return float64(t.code.Size)/2 + t.quiet + t.rim }

func (t *ticket) bounds() (u0, v0, u1, v1 float64) {
	h := math.Max(t.half(), t.card*math.Sqrt2)
	return -h, -h, h, h
}

func (t *ticket) light(u, v float64) (float32, bool) {
	if h := t.half(); (math.Abs(u) > h || math.Abs(v) > h) && !t.onCard(u, v) {
		return 0, false
	}
	shade := float32(1)
	if t.creases > 0 {
		u, v, shade = t.folded(u, v)
	}
	light := t.white
	half := float64(t.code.Size) / 2
	switch off := math.Max(math.Abs(u), math.Abs(v)); {
	case off > half+t.quiet && t.card == 0:
		light = t.black
	case off > half:
	case t.ink != nil:
		light += float32(t.ink(t.code, u+half, v+half)) * (t.black - t.white)
	case t.code.Black(int(math.Floor(u+half)), int(math.Floor(v+half))):
		light = t.black
	}
	light *= shade
	if t.over != nil {
		light = t.over(u, v, light)
	}
	return light, true
}

func (t *ticket) onCard(u, v float64) bool {
	sin, cos := math.Sincos(t.askew)
	return math.Abs(cos*u+sin*v) < t.card && math.Abs(cos*v-sin*u) < t.card
}

// foldEvery is how far creases of crumpled paper are apart, in modules.
const foldEvery = 9

// folded is where a place of crumpled paper was while it was smooth, and how light it is.
func (t *ticket) folded(u, v float64) (fu, fv float64, shade float32) {
	across, down := t.push(u, v, 1), t.push(u, v, 2)
	return u + t.creases*across, v + t.creases*down, float32(1 + 0.35*t.creases*(across-down))
}

// push is chance from -1 to 1 that goes straight from knot to knot.
func (t *ticket) push(u, v float64, axis int) float64 {
	u, v = u/foldEvery, v/foldEvery
	i, j := math.Floor(u), math.Floor(v)
	knot := func(i, j float64) float64 {
		return float64(hash(t.folds+axis, int(i), int(j))%2001)/1000 - 1
	}
	u, v = u-i, v-j
	upper, lower := knot(i, j)*(1-u)+knot(i+1, j)*u, knot(i, j+1)*(1-u)+knot(i+1, j+1)*u
	return upper*(1-v) + lower*v
}

// dotted draws each black module as a dot of so many modules across, moved by chance.
func dotted(across, jitter float64, seed int) func(c *Code, u, v float64) float64 {
	return func(c *Code, u, v float64) float64 {
		x, y := int(math.Floor(u)), int(math.Floor(v))
		if !c.Black(x, y) {
			return 0
		}
		du := (float64(hash(seed, x, y)%2001)/1000 - 1) * jitter
		dv := (float64(hash(seed+1, x, y)%2001)/1000 - 1) * jitter
		if math.Hypot(u-float64(x)-0.5-du, v-float64(y)-0.5-dv) > across/2 {
			return 0
		}
		return 1
	}
}

// pictured lets only the middle of each module, so many modules a side, be the code's; the rest
// is a picture's. Finders, timing and the alignment pattern of versions 2 to 6 stay whole.
func pictured(own float64, seed int) func(c *Code, u, v float64) float64 {
	return func(c *Code, u, v float64) float64 {
		x, y := int(math.Floor(u)), int(math.Floor(v))
		black := 0.
		if c.Black(x, y) {
			black = 1
		}
		near := func(at, from, to int) bool { return at >= from && at < to }
		n := c.Size
		switch {
		case near(x, 0, 9) && near(y, 0, 9), near(x, n-8, n) && near(y, 0, 9), near(x, 0, 9) && near(y, n-8, n),
			x == 6, y == 6, near(x, n-9, n-4) && near(y, n-9, n-4):
			return black
		}
		if math.Max(math.Abs(u-float64(x)-0.5), math.Abs(v-float64(y)-0.5)) < own/2 {
			return black
		}
		p := ticket{folds: seed}
		return math.Min(1, math.Max(0, 0.5+1.2*p.push(u, v, 3)))
	}
}

// A lens draws the picture's rim in: what a place at r half diagonals from its middle shows is
// where a true lens has the place at r (1 + k1 r²).
type lens struct {
	k1     float64
	cx, cy float64 // the picture's middle, pixels
}

func (l *lens) straight(x, y float64) (sx, sy float64) {
	dx, dy := x-l.cx, y-l.cy
	k := 1 + l.k1*(dx*dx+dy*dy)/(l.cx*l.cx+l.cy*l.cy)
	return l.cx + k*dx, l.cy + k*dy
}

// A roll is a sheet on a cylinder about its vertical, of so many modules' radius; behind it if
// it is negative.
type roll struct {
	*pose
	radius float64
}

// far is the place of a sheet that no ray meets.
const far = 1e9

// plane is the point of the sheet that a point of the picture shows.
func (c *roll) plane(x, y float64) (u, v float64) {
	p := c.pose
	ray := vector{(x - p.cx) / p.focus, (y - p.cy) / p.focus, 1}
	eye := vector{-p.at.dot(p.right), -p.at.dot(p.down), -p.at.dot(p.away)}
	way := vector{ray.dot(p.right), ray.dot(p.down), ray.dot(p.away)}
	// |(x, z - radius)| = |radius|, along the ray.
	z := eye.z - c.radius
	a, b, d := way.x*way.x+way.z*way.z, eye.x*way.x+z*way.z, eye.x*eye.x+z*z-c.radius*c.radius
	root := b*b - a*d
	if root < 0 {
		return far, far
	}
	t := -b - math.Sqrt(root) // the near side of a cylinder behind the sheet
	if c.radius < 0 {
		t = -b + math.Sqrt(root)
	}
	t /= a
	if at := (z + t*way.z) * c.radius; at > 0 { // its other half
		return far, far
	}
	r := math.Abs(c.radius)
	sin := math.Min(1, math.Max(-1, (eye.x+t*way.x)/r))
	return r * math.Asin(sin), eye.y + t*way.y
}
