package eye

import "math"

// Of a crowd of corners all but a few are chance: letters, icons, posters. What tells a code's from
// them at the least cost is the beat of its timing patterns: along both, what is a module farther is of the other
// colour, and what is two modules farther is of the same. How many modules there are need not be known for that. Of a code's own
// corners what changes in two modules is 0.01 to 0.3 of what changes in one; among letters one in forty has less than beatsOff.

const (
	beatSteps = 2   // places that are looked at, a module
	beatOff   = 0.8 // of what changes in a module: what may change in two, along one side
	beatsOff  = 0.6 // the same, along both sides together
	looseBeat = 1   // the same, of a third finder that is not where it is expected
	beatCost  = 11  // of a place that is looked at
)

// keepsTime says whether there is a timing pattern's beat along both sides of a corner.
func (l *level) keepsTime(c corner) bool {
	at, right, below := &l.finders[c.at], &l.finders[c.right], &l.finders[c.below]
	a1, a2 := l.beat(at, right, below)
	if a2 > beatOff*a1 {
		return false
	}
	b1, b2 := l.beat(at, below, right)
	return b2 <= beatOff*b1 && a2+b2 <= beatsOff*(a1+b1)
}

// pairKeepsTime says whether a timing pattern's beat is between two finders, or beside them.
func (l *level) pairKeepsTime(i, j int) bool {
	for _, v := range l.vacanciesOf(i, j) {
		if l.vacancyKeepsTime(&v, i, j, beatsOff) {
			return true
		}
	}
	return false
}

// vacancyKeepsTime says whether a timing pattern's beat, of which so much may be off, is where the third finder to i and j
// would have it: along one line if they are at the ends of a code's side, along both if they are across from each other.
func (l *level) vacancyKeepsTime(v *vacancy, i, j int, off float64) bool {
	f, g := &l.finders[i], &l.finders[j]
	third := finder{x: v.x, y: v.y, mx: (f.mx + g.mx) / 2, my: (f.my + g.my) / 2}
	var one, two float64
	switch v.at {
	case i:
		one, two = l.beat(f, g, &third)
	case j:
		one, two = l.beat(g, f, &third)
	default:
		a1, a2 := l.beat(&third, f, g)
		b1, b2 := l.beat(&third, g, f)
		one, two = a1+b1, a2+b2
	}
	return two <= off*one
}

// beat is how much changes in one module and in two along the timing pattern between finders f and g of
// a corner at f, whose other side goes to h: the sum of the differences' squares.
func (l *level) beat(f, g, h *finder) (one, two float64) {
	const (
		inward = 3                 // modules from a finder's middle to the timing pattern's line
		margin = beatSteps * 9 / 2 // steps from a finder's middle to the pattern's end
	)
	dx, dy := h.x-f.x, h.y-f.y
	long := math.Hypot(dx, dy)
	dx, dy = inward*dx/long, inward*dy/long
	mf, mg := f.along(dx, dy), g.along(dx, dy)
	x0, y0, x1, y1 := f.x+mf*dx, f.y+mf*dy, g.x+mg*dx, g.y+mg*dy
	dx, dy = x1-x0, y1-y0
	n := beatSteps * math.Hypot(dx, dy) / math.Sqrt(f.along(dx, dy)*g.along(dx, dy))
	steps := int(n) - 2*margin
	if steps < 3*beatSteps || n > 2*beatSteps*maxDim {
		return 0, 1
	}
	l.spend(30 + beatCost*steps)
	if l.lens.k1 != 0 { // it bows the line
		l.spend(2 * beatCost * steps)
		x0, y0 = l.lens.straight(x0, y0)
		x1, y1 = l.lens.straight(x1, y1)
		dx, dy = x1-x0, y1-y0
	}
	dx, dy = dx/n, dy/n
	x, y := x0+margin*dx, y0+margin*dy
	var last, last2, last3, last4 int32 // what was seen before, the farther back the higher its number
	var sum1, sum2 int64
	for k := range steps {
		var now int32
		if l.lens.k1 == 0 {
			now = l.at(x, y)
		} else {
			now = l.at(l.lens.bent(x, y))
		}
		if k >= 2*beatSteps {
			d1, d2 := int64(now-last2), int64(now-last4)
			sum1, sum2 = sum1+d1*d1, sum2+d2*d2
		}
		last, last2, last3, last4 = now, last, last2, last3
		x, y = x+dx, y+dy
	}
	return float64(sum1), float64(sum2)
}

// along is a module's size in the direction of (dx, dy), by those along x and y. A finder that is turned
// against the level is crossed aslant, and is less than it seems.
func (f *finder) along(dx, dy float64) float64 {
	dx, dy = math.Abs(dx), math.Abs(dy)
	return (f.mx*dx + f.my*dy) / (dx + dy) * max(dx, dy) / math.Hypot(dx, dy)
}
