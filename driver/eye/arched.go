package eye

import "math"

// A sheet around a column is bent along one of its sides all over, and its finders' own squares tell how: the ways to the next
// modules at two of them are those in which the curve between them begins and ends. So where finders are, and how
// they lie, tells how the sheet lies between them, before any other pattern is known.

const (
	archedTurns  = 12   // ways in which a finder is crossed
	archedLoose  = 0.9  // modules by which its edges may be off there
	archedTiming = 0.85 // of each timing pattern
	leastArch    = 0.4  // modules that a sheet's sides are off from straight ones at least
	archedCost   = 60   // of a place on it
	mostShear    = 0.85 // of the cosine between a finder's sides
)

// A frame is how a finder lies: its middle, and the ways to the next module to the right and below.
type frame struct{ x, y, rx, ry, bx, by float64 }

// An arched sheet is the sum of two curves, from the finder where its sides meet, with a twist.
type arched struct {
	at, right, below frame
	n                float64 // modules between finders' middles
	tx, ty           float64 // how the ways to the right change from top to bottom, and those down from left to right
}

// archedBy is how a sheet lies as a corner's finders do; false if one of them does not tell. How many modules are between them is not in it.
func (l *level) archedBy(c corner, s *sides) (a arched, ok bool) {
	x, y := &s.x, &s.y
	kx, ky := 1/math.Hypot(x.dx, x.dy), 1/math.Hypot(y.dx, y.dy)
	for _, p := range [...]struct {
		to     *frame
		f      int
		mx, my float64
	}{{&a.at, c.at, x.from, y.from}, {&a.right, c.right, x.end, y.from}, {&a.below, c.below, x.from, y.end}} {
		f := &l.finders[p.f]
		*p.to, ok = l.frameOf(f, frame{f.x, f.y, x.dx * kx * p.mx, x.dy * kx * p.mx, y.dx * ky * p.my, y.dy * ky * p.my})
		if !ok {
			return a, false
		}
	}
	return a, true
}

// throughArches looks at the likeliest corners as if their sheet were bent, each side in its own way.
func (r *Reader) throughArches(l *level) bool {
	for c := range r.likelyBent(l) {
		if s, ok := l.sidesOf(c); ok && r.readArched(l, c, &s, dimsNear(min(s.x.modules(), s.y.modules())+7)) {
			return true
		}
	}
	return false
}

// readArched reads a code that is bent as its finders tell, of one of some numbers of modules a side: of the first whose
// timing patterns show so. It is read as the sheet is, or else as it settles.
func (r *Reader) readArched(l *level, c corner, s *sides, dims []int) bool {
	a, ok := l.archedBy(c, s)
	if !ok {
		return false
	}
	for _, dim := range dims {
		if a.bendBy(float64(dim-7)) < leastArch || a.timing(l, dim) < archedTiming {
			continue
		}
		g, ok := a.grid(dim)
		if !ok {
			return false
		}
		lay := r.layout(dim)
		b := r.archedNet(l, &a, &g)
		if b == nil || l.offAtAGlance(&g, lay, b) > lostOff {
			return false
		}
		if r.readGrid(l, &g, lay, b) {
			return true
		}
		if r.net.least <= 0 || l.hasKnown(c) {
			return false
		}
		b = r.settle(l, &a, &g.t, lay)
		return b != nil && r.readGrid(l, &g, lay, b)
	}
	return false
}

// grid is the flat grid through the sheet's finders and its fourth corner.
func (a *arched) grid(dim int) (g grid, ok bool) {
	last := middle + a.n
	k := a.knotAt(last, last)
	g.dim = dim
	g.t, ok = fit(append(a.pins(nil), pin{last, last, k.x, k.y, 1}), 3)
	return g, ok && g.t.holds(dim)
}

// pins are its finders', after those there are.
func (a *arched) pins(out []pin) []pin {
	last := middle + a.n
	return append(out, pin{middle, middle, a.at.x, a.at.y, 1}, pin{last, middle, a.right.x, a.right.y, 1}, pin{middle, last, a.below.x, a.below.y, 1})
}

// archedNet lays the net as the sheet is, and ties a bend by it; nil if it leaves the level.
func (r *Reader) archedNet(l *level, a *arched, g *grid) *bend {
	n := &r.net
	n.begin(l, &g.t, g.dim, columnStiff)
	n.knots = grown(n.knots, n.n*n.n)
	for i := range n.knots {
		n.knots[i] = a.knotAt(float64(i%n.n*netEvery), float64(i/n.n*netEvery))
		if !n.knots[i].holds(l) {
			return nil
		}
	}
	r.pins = a.pins(r.pins[:0])
	r.spend(archedCost * len(n.knots))
	return r.tieNet(&g.t)
}

// settle moves the net's knots from where the sheet has them to where the alignment patterns are, and then each to where the edges
// around it say, and ties a bend by it. Nothing is told from knot to knot, so none slips because another did.
func (r *Reader) settle(l *level, a *arched, t *homography, lay *layout) *bend {
	defer r.leave(r.enter(stageAlignment))
	n, b := &r.net, &r.bend
	cost := n.cost(0, true)
	if !r.mayGrow(cost) {
		return nil
	}
	r.follows++
	r.spend(cost)
	pins := a.pins(r.pins[:0])
	b.left = append(b.left[:0], [2]float64{}, [2]float64{}, [2]float64{})
	for _, v := range lay.align {
		for _, u := range lay.align {
			if !lay.hasAlignment(u, v) {
				continue
			}
			cu, cv := float64(u)+0.5, float64(v)+0.5
			b.pins = pins
			dx, dy := b.mean(cu, cv)
			k := a.knotAt(cu, cv)
			p := pattern{l: l, x: k.x + dx, y: k.y + dy, rx: k.rx, ry: k.ry, bx: k.bx, by: k.by}
			if x, y, q := p.search(slipReach); q > n.contrast*slipMatch/10 {
				pins, b.left = append(pins, pin{cu, cv, x, y, 1}), append(b.left, [2]float64{x - k.x, y - k.y})
			}
		}
	}
	b.pins, r.pins = pins, pins
	r.spend(2 * len(n.knots) * (len(pins) + 10))
	for i := range n.knots {
		k := &n.knots[i]
		dx, dy := b.mean(float64(i%n.n*netEvery), float64(i/n.n*netEvery))
		k.x, k.y = k.x+dx, k.y+dy
	}
	for range 2 {
		for i := range n.knots {
			if !n.lay(l, i%n.n, i/n.n, n.knots[i], 1) {
				return nil
			}
		}
	}
	return r.tieNet(t)
}

// frameOf measures how a finder lies that lies about as near says: along a line through its middle that leaves it to the right or
// to the left, the modules tell how far that is; along the others, how far it is down.
func (l *level) frameOf(f *finder, near frame) (frame, bool) {
	var dx, dy, long [archedTurns]float64
	for k := range archedTurns {
		sin, cos := math.Sincos(float64(k) * math.Pi / archedTurns)
		scale := 1 / max(math.Abs(sin), math.Abs(cos))
		dx[k], dy[k] = cos*scale, sin*scale
		if m, ok := l.cross(f.x, f.y, dx[k], dy[k], 1.3*f.module(), archedLoose, f.inverted); ok {
			long[k] = m
		}
	}
	for range 3 {
		det := near.rx*near.by - near.ry*near.bx
		if math.Abs(det) < 0.2 {
			return near, false
		}
		// (ux, uy) and (vx, vy) are how many modules to the right and down a pixel to the right and down is.
		ux, uy, vx, vy := near.by/det, -near.bx/det, -near.ry/det, near.rx/det
		var right, down [5]float64 // sums of squares, and of what they are to be
		for k := range archedTurns {
			if long[k] == 0 {
				continue
			}
			u, v := ux*dx[k]+uy*dy[k], vx*dx[k]+vy*dy[k]
			sum, way := &right, u
			if math.Abs(v) > math.Abs(u) {
				sum, way = &down, v
			}
			w := math.Copysign(1/long[k], way)
			sum[0], sum[1], sum[2] = sum[0]+dx[k]*dx[k], sum[1]+dx[k]*dy[k], sum[2]+dy[k]*dy[k]
			sum[3], sum[4] = sum[3]+w*dx[k], sum[4]+w*dy[k]
		}
		var ok1, ok2 bool
		ux, uy, ok1 = solve2(&right)
		vx, vy, ok2 = solve2(&down)
		det = ux*vy - uy*vx
		if !ok1 || !ok2 || math.Abs(det) < 1e-4 {
			return near, false
		}
		near.rx, near.ry, near.bx, near.by = vy/det, -vx/det, -uy/det, ux/det
	}
	dot := near.rx*near.bx + near.ry*near.by
	return near, math.Abs(dot) <= mostShear*math.Hypot(near.rx, near.ry)*math.Hypot(near.bx, near.by)
}

func solve2(s *[5]float64) (x, y float64, ok bool) {
	det := s[0]*s[2] - s[1]*s[1]
	if det < 1e-3 {
		return 0, 0, false
	}
	return (s[3]*s[2] - s[4]*s[1]) / det, (s[4]*s[0] - s[3]*s[1]) / det, true
}

// hermite is a curve from p to q that begins as d and ends as e, at s from 0 to 1, and its way there.
func hermite(p, q, d, e, s float64) (at, way float64) {
	r := 1 - s
	at = r*r*(1+2*s)*p + s*s*(3-2*s)*q + s*r*(r*d-s*e)
	way = 6*s*r*(q-p) + r*(1-3*s)*d + s*(3*s-2)*e
	return at, way
}

// knotAt is how the modules around (u, v) lie.
func (a *arched) knotAt(u, v float64) (k knot) {
	s, t := (u-middle)/a.n, (v-middle)/a.n
	x0, dx0 := hermite(a.at.x, a.right.x, a.n*a.at.rx, a.n*a.right.rx, s)
	y0, dy0 := hermite(a.at.y, a.right.y, a.n*a.at.ry, a.n*a.right.ry, s)
	x1, dx1 := hermite(a.at.x, a.below.x, a.n*a.at.bx, a.n*a.below.bx, t)
	y1, dy1 := hermite(a.at.y, a.below.y, a.n*a.at.by, a.n*a.below.by, t)
	k.x, k.y = x0+x1-a.at.x+s*t*a.n*a.tx, y0+y1-a.at.y+s*t*a.n*a.ty
	k.rx, k.ry = dx0/a.n+t*a.tx, dy0/a.n+t*a.ty
	k.bx, k.by = dx1/a.n+s*a.tx, dy1/a.n+s*a.ty
	k.round = 1
	return k
}

// bendBy takes it that there are n modules between finders' middles, and says by how many modules the sheet's sides leave straight ones.
// A side is straight along a column: how those change from one end of the bent side to the other twists the sheet. The other two
// finders tell the same but for the perspective; what is measured is not exact, so they have a say.
func (a *arched) bendBy(n float64) (off float64) {
	a.n, a.tx, a.ty = n, 0, 0
	var across, down float64
	for _, s := range [...]float64{0.25, 0.5, 0.75} {
		across = max(across, a.offAt(s*n, 0, s, &a.right))
		down = max(down, a.offAt(0, s*n, s, &a.below))
	}
	p := 0.25 + 0.5*across*across/(across*across+down*down+1e-9)
	q := 1 - p
	a.tx = p*(a.right.bx-a.at.bx) + q*(a.below.rx-a.at.rx)
	a.ty = p*(a.right.by-a.at.by) + q*(a.below.ry-a.at.ry)
	return max(across, down)
}

// offAt is how far a side is off at (u, v), modules from its first finder and s of its length, from a straight one.
func (a *arched) offAt(u, v, s float64, end *frame) float64 {
	k := a.knotAt(middle+u, middle+v)
	return math.Hypot(k.x-a.at.x-s*(end.x-a.at.x), k.y-a.at.y-s*(end.y-a.at.y)) / math.Sqrt(math.Abs(k.rx*k.by-k.ry*k.bx)+1e-9)
}

// timing is the share of steps along both timing patterns that go the right way, of the weaker one.
func (a *arched) timing(l *level, dim int) float64 {
	l.spend(2 * archedCost * dim)
	var right [2]int
	for which := range right {
		var last int32
		for i := 8; i <= dim-9; i++ {
			u, v := float64(i)+0.5, timingLine
			if which == 1 {
				u, v = v, u
			}
			k := a.knotAt(u, v)
			if !k.holds(l) {
				return 0
			}
			now := l.at(k.x, k.y)
			if i > 8 && now != last && (now < last) == (i%2 == 0) != l.inverted {
				right[which]++
			}
			last = now
		}
	}
	return float64(min(right[0], right[1])) / float64(dim-17)
}
