package eye

import (
	"cmp"
	"math"
	"slices"
)

// A grid is a guess at a code: how many modules a side, and where they lie.
type grid struct {
	dim    int
	t      homography
	timing float64 // the share of the timing patterns' steps that go the right way
	weaker float64 // that share of the pattern that shows less of it
}

const (
	maxGrids    = 3    // tried for a corner
	minTiming   = 0.6  // of a grid that is looked at further
	clearTiming = 0.72 // of each pattern, of a corner that is doubtful
	sureTiming  = 0.8  // of one that may do as it is
	timingCost  = 22   // of both patterns, a module
	dimError    = 0.12 // of the distance between finders, in modules
)

// makeGrids returns the likely grids for a corner, most likely first.
func (r *Reader) makeGrids(l *level, c corner) []grid {
	defer r.leave(r.enter(stageGrids))
	s, ok := l.sidesOf(c)
	if !ok {
		return nil
	}
	out := r.grids[:0]
	for _, dim := range dimsNear((s.x.modules()+s.y.modules())/2 + 7) {
		if g, ok := l.bestPerspective(&s, dim); ok {
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, func(a, b grid) int { return cmp.Compare(b.timing, a.timing) })
	r.grids = out
	return out[:min(len(out), maxGrids)]
}

// dimsNear are the dimensions near to est, nearest first.
func dimsNear(est float64) []int {
	d := int(math.Round((est-17)/4))*4 + 17
	side := 4
	if est < float64(d) {
		side = -4
	}
	var out [5]int
	n := 0
	for _, dim := range [...]int{d, d + side, d - side, d + 2*side, d - 2*side} {
		if dim >= minDim && dim <= maxDim && math.Abs(float64(dim)-est) <= dimError*est+2 {
			out[n] = dim
			n++
		}
	}
	return out[:n]
}

// A side is the line between two finders' middles.
type side struct {
	dx, dy    float64 // pixels
	from, end float64 // a module's size at its ends, along it, in pixels
}

// modules is the side's length. On a line seen in perspective a module's size at the ends
// has the geometric mean of what it would be if all were alike.
func (s *side) modules() float64 { return math.Hypot(s.dx, s.dy) / math.Sqrt(s.from*s.end) }

// sides are what is known of a corner: where it is, and its sides to the right and below.
type sides struct {
	atX, atY float64
	x, y     side
}

// sidesOf measures modules along the sides; where that makes no square, it goes by the sizes
// that the finders were found with.
func (l *level) sidesOf(c corner) (s sides, ok bool) {
	at, right, below := &l.finders[c.at], &l.finders[c.right], &l.finders[c.below]
	x, y := l.lens.straight(at.x, at.y)
	s = sides{x, y, l.straighten(at, right, l.sideOf(at, right)), l.straighten(at, below, l.sideOf(at, below))}
	if s.square() {
		return s, true
	}
	s.x, s.y = l.straighten(at, right, sideBySize(at, right)), l.straighten(at, below, sideBySize(at, below))
	return s, s.square()
}

// straighten is a side from f to g as a true lens has it.
func (l *level) straighten(f, g *finder, s side) side {
	if l.lens.k1 == 0 {
		return s
	}
	k := 1 / math.Hypot(s.dx, s.dy)
	fx, fy := l.lens.straightWay(f.x, f.y, s.dx*s.from*k, s.dy*s.from*k)
	gx, gy := l.lens.straightWay(g.x, g.y, s.dx*s.end*k, s.dy*s.end*k)
	x0, y0 := l.lens.straight(f.x, f.y)
	x1, y1 := l.lens.straight(g.x, g.y)
	return side{x1 - x0, y1 - y0, math.Hypot(fx, fy), math.Hypot(gx, gy)}
}

func (s *sides) square() bool {
	nx, ny := s.x.modules(), s.y.modules()
	return nx <= 1.35*ny && ny <= 1.35*nx
}

// sideOf measures modules along the line from f to g. If a finder cannot be measured that
// way, the other's has to do, and else both by their size.
func (l *level) sideOf(f, g *finder) side {
	s := sideBySize(f, g)
	long := max(math.Abs(s.dx), math.Abs(s.dy))
	ux, uy := s.dx/long, s.dy/long
	step := math.Hypot(ux, uy)
	from, ok1 := l.cross(f.x, f.y, ux, uy, f.module()*1.2/step, 0.9, f.inverted)
	end, ok2 := l.cross(g.x, g.y, ux, uy, g.module()*1.2/step, 0.9, g.inverted)
	switch {
	case ok1 && ok2:
		s.from, s.end = from*step, end*step
	case ok1:
		s.from, s.end = from*step, from*step
	case ok2:
		s.from, s.end = end*step, end*step
	}
	return s
}

// sideBySize takes modules from the finders' sizes along x and y. A finder that is turned
// against the level is crossed aslant, and is less than it seems.
func sideBySize(f, g *finder) side {
	s := side{dx: g.x - f.x, dy: g.y - f.y}
	aslant := max(math.Abs(s.dx), math.Abs(s.dy)) / math.Hypot(s.dx, s.dy)
	s.from, s.end = f.module()*aslant, g.module()*aslant
	return s
}

// bestPerspective tries the perspective that the finders' sizes tell of, and none.
func (l *level) bestPerspective(s *sides, dim int) (best grid, ok bool) {
	n := float64(dim - 7)
	for _, tilted := range [...]bool{true, false} {
		g, h := 0.0, 0.0
		if tilted {
			g, h = (math.Sqrt(s.x.from/s.x.end)-1)/n, (math.Sqrt(s.y.from/s.y.end)-1)/n
		}
		t, fine := fromSides(s, n, g, h)
		if !fine || !t.holds(dim) {
			continue
		}
		if q, weaker := l.timing(&t, dim); q >= minTiming && q > best.timing {
			best, ok = grid{dim, t, q, weaker}, true
		}
	}
	return best, ok
}

// middle of a finder, in modules from the code's edge.
const middle = 3.5

// fromSides is the homography of a code whose finders' middles are n modules apart, with
// g and h for its perspective, counted from the first finder's middle.
func fromSides(s *sides, n, g, h float64) (t homography, ok bool) {
	kx, ky := (1+g*n)/n, (1+h*n)/n
	a, b, d, e := s.x.dx*kx, s.y.dx*ky, s.x.dy*kx, s.y.dy*ky
	x0, y0 := s.atX, s.atY
	// Moved from the middle (a u' + b v')/(1 + g u' + h v') + x0, with u' = u - 3.5, to u.
	w := 1 - middle*(g+h)
	if w < 0.1 || 1+(g+h)*n < 0.1 {
		return t, false
	}
	a, b, d, e = a+x0*g, b+x0*h, d+y0*g, e+y0*h
	return homography{a / w, b / w, (x0 - middle*(a+b)) / w, d / w, e / w, (y0 - middle*(d+e)) / w, g / w, h / w}, true
}

// timing is the share of steps between neighbouring modules of the timing patterns that go
// from dark to light and back as they should: of both, and of the weaker one.
func (l *level) timing(t *homography, dim int) (both, weaker float64) {
	l.spend(timingCost * dim)
	a, _ := l.timingLine(t, dim, 0)
	b, _ := l.timingLine(t, dim, 1)
	steps := float64(dim - 17)
	return float64(a+b) / (2 * steps), float64(min(a, b)) / steps
}

// timingLine counts the steps that go the right way along one timing pattern, the one to the right
// (0) or the one below (1), and adds up how much brighter its light modules are than its dark ones.
func (l *level) timingLine(t *homography, dim, which int) (right int, swing int32) {
	var last int32
	down, up := 0, 0
	for i := 8; i <= dim-9; i++ {
		u, v := float64(i)+0.5, 6.5
		if which == 1 {
			u, v = v, u
		}
		now := l.at(l.seenAt(t, u, v))
		if i > 8 && now != last {
			if (now < last) == (i%2 == 0) {
				down++
			} else {
				up++
			}
		}
		if i%2 == 0 {
			swing -= now
		} else {
			swing += now
		}
		last = now
	}
	if l.inverted {
		return up, -swing
	}
	return down, swing
}

func shareOf(both, _ float64) float64 { return both }
