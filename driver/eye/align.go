package eye

import "math"

// pinDown makes a grid exact by the alignment patterns, as far as they are found. The one
// opposite the corner is looked for first, and farthest from where it should be; with it the
// others are near to where they are expected.
func (r *Reader) pinDown(l *level, g *grid, c corner, lay *layout) []pin {
	defer r.leave(r.enter(stageAlignment))
	n := float64(g.dim - 7)
	pins := r.pins[:0]
	for _, p := range [...]struct {
		f    int
		u, v float64
	}{{c.at, 0, 0}, {c.right, n, 0}, {c.below, 0, n}} {
		f := &l.finders[p.f]
		weight := 1.0
		if f.guessed {
			weight = 0.1
		}
		x, y := l.lens.straight(f.x, f.y)
		pins = append(pins, pin{middle + p.u, middle + p.v, x, y, weight})
	}
	defer func() { r.pins = pins }()
	if len(lay.align) == 0 {
		return pins
	}
	seen := middle
	if l.finders[c.at].guessed {
		seen += n
	}
	least := l.finderContrast(&g.t, seen, middle) * 3 / 10
	last := float64(g.dim) - 6.5
	x, y, q := l.alignment(&g.t, last, last, 1.5)
	if q < 2*least {
		x, y, q = l.alignment(&g.t, last, last, 4)
	}
	if q < least {
		return pins
	}
	x, y = l.lens.straight(x, y)
	pins = append(pins, pin{last, last, x, y, 1})
	g.fitTo(pins)
	pins = r.pinOthers(l, g, lay, pins, least)
	if len(pins) > 4 {
		g.fitTo(pins)
	}
	return pins
}

// fitTo lays the grid through the pins, if there is a way to.
func (g *grid) fitTo(pins []pin) {
	if t, ok := fit(pins, 3); ok && t.holds(g.dim) {
		g.t = t
	}
}

// pinOthers goes by rows from the first finder on, so that each pattern is looked for near to
// where those next to it lie, however the paper is bent.
func (r *Reader) pinOthers(l *level, g *grid, lay *layout, pins []pin, least int32) []pin {
	bent := len(lay.align) > 3
	for _, v := range lay.align {
		for _, u := range lay.align {
			if !lay.hasAlignment(u, v) || u == g.dim-7 && v == g.dim-7 {
				continue
			}
			cu, cv := float64(u)+0.5, float64(v)+0.5
			var dx, dy float64
			if bent {
				r.bend.measure(pins, &g.t, 0)
				dx, dy = r.bend.mean(cu, cv)
			}
			p := patternMoved(l, &g.t, cu, cv, dx, dy)
			if x, y, q := p.search(1); q > least {
				x, y = l.lens.straight(x, y)
				pins = append(pins, pin{cu, cv, x, y, 0.6})
			}
		}
	}
	return pins
}

// alignment looks for an alignment pattern, dark around light around dark, within reach
// modules of (u, v), and returns its middle and how well it is seen: the brightness between
// what should be light and what should be dark.
func (l *level) alignment(t *homography, u, v, reach float64) (x, y float64, quality int32) {
	p := patternAt(l, t, u, v)
	return p.search(reach)
}

// A pattern is an alignment pattern's place on the level, flat: five modules of a code have
// no perspective to speak of.
type pattern struct {
	l              *level
	x, y           float64
	rx, ry, bx, by float64 // the way to the next module to the right, and below
}

func patternAt(l *level, t *homography, u, v float64) pattern {
	return patternMoved(l, t, u, v, 0, 0)
}

// patternMoved is patternAt where the code is bent by (dx, dy).
func patternMoved(l *level, t *homography, u, v, dx, dy float64) pattern {
	p := pattern{l: l}
	p.x, p.y, p.rx, p.ry, p.bx, p.by = t.around(u, v)
	p.x, p.y = p.x+dx, p.y+dy
	if l != nil && l.lens.k1 != 0 {
		p.rx, p.ry = l.lens.bentWay(p.x, p.y, p.rx, p.ry)
		p.bx, p.by = l.lens.bentWay(p.x, p.y, p.bx, p.by)
		p.x, p.y = l.lens.bent(p.x, p.y)
	}
	return p
}

// search looks for the pattern within reach modules of where it is expected.
func (p *pattern) search(reach float64) (x, y float64, quality int32) {
	const coarse = 0.5
	n := int(reach / coarse)
	best, bu, bv := int32(math.MinInt32), 0.0, 0.0
	for j := -n; j <= n; j++ {
		for i := -n; i <= n; i++ {
			du, dv := float64(i)*coarse, float64(j)*coarse
			// One that is near is a little better.
			if q := p.quality(du, dv) - int32((du*du+dv*dv)*0.3*grayScale); q > best {
				best, bu, bv = q, du, dv
			}
		}
	}
	for step := coarse / 2; step > 0.1; step /= 2 {
		mu, mv := bu, bv
		for _, d := range [8][2]float64{{-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {1, 1}, {-1, 1}, {1, -1}} {
			if q := p.quality(mu+d[0]*step, mv+d[1]*step); q > best {
				best, bu, bv = q, mu+d[0]*step, mv+d[1]*step
			}
		}
	}
	p.l.spend(180 * ((2*n+1)*(2*n+1) + 16))
	x, y = p.at(bu, bv)
	return x, y, best
}

func (p *pattern) at(du, dv float64) (x, y float64) {
	return p.x + p.rx*du + p.bx*dv, p.y + p.ry*du + p.by*dv
}

// quality of the pattern, if its middle is (du, dv) modules from where it is expected.
func (p *pattern) quality(du, dv float64) int32 {
	x, y := p.at(du, dv)
	fx, fy := fixed(x), fixed(y)
	rx, ry, bx, by := fixed(p.rx), fixed(p.ry), fixed(p.bx), fixed(p.by)
	var ring [3]int32 // sums over the rings, from the middle
	for j := int32(-2); j <= 2; j++ {
		x, y := fx+j*bx-2*rx, fy+j*by-2*ry
		for i := int32(-2); i <= 2; i++ {
			ring[max(i, -i, j, -j)] += p.l.atFixed(x, y)
			x, y = x+rx, y+ry
		}
	}
	q := ring[1]/8 - (ring[2]+ring[0])/17
	if p.l.inverted {
		return -q
	}
	return q
}

// finderContrast is the brightness between light and dark in the finder whose middle is (u, v).
func (l *level) finderContrast(t *homography, u, v float64) int32 {
	p := patternAt(l, t, u, v)
	var darkSum, brightSum int32
	for i := -2; i <= 2; i++ {
		for j := -2; j <= 2; j++ {
			if g := l.at(p.at(float64(i), float64(j))); max(i, -i, j, -j) < 2 {
				darkSum += g
			} else {
				brightSum += g
			}
		}
	}
	q := brightSum/16 - darkSum/9
	if l.inverted {
		return -q
	}
	return q
}

// A bend is what a flat grid leaves over: paper is not flat, and lenses are not true. It is
// known at pins. Between them it is their mean, the nearer the more; that is computed at
// knots, with what the lens adds, and between those in proportion. A net that follows the code ties closer knots: see follow.
type bend struct {
	pins  []pin
	left  [][2]float64 // at pins, in pixels, to be added, before the lens
	knots [][2]float64 // by rows
	n     int          // knots in a row
	every float64      // modules between two
}

const (
	knotEvery = 6   // modules
	leastBend = 0.2 // modules
)

// measure takes what t leaves over at pins, and says whether it is worth heeding: more than
// least modules anywhere.
func (b *bend) measure(pins []pin, t *homography, least float64) bool {
	b.pins, b.left = pins, b.left[:0]
	worth := false
	for i := range pins {
		p := &pins[i]
		x, y, rx, ry, _, _ := t.around(p.u, p.v)
		b.left = append(b.left, [2]float64{p.x - x, p.y - y})
		worth = worth || math.Hypot(p.x-x, p.y-y) > least*math.Hypot(rx, ry)
	}
	return worth
}

// mean is the pins' mean at (u, v).
func (b *bend) mean(u, v float64) (dx, dy float64) {
	var sum float64
	for i := range b.pins {
		p := &b.pins[i]
		d := (p.u-u)*(p.u-u) + (p.v-v)*(p.v-v) + 4
		w := 1 / (d * d)
		dx, dy, sum = dx+w*b.left[i][0], dy+w*b.left[i][1], sum+w
	}
	return dx / sum, dy / sum
}

// tie computes the knots for a code of dim modules that lies as t says, and returns what that costs
// of the budget.
func (b *bend) tie(dim int, t *homography, n *lens) (cost int) {
	b.n, b.every = dim/knotEvery+2, knotEvery
	b.knots = b.knots[:0]
	for j := range b.n {
		for i := range b.n {
			u, v := float64(i*knotEvery), float64(j*knotEvery)
			dx, dy := b.mean(u, v)
			if n.k1 != 0 {
				x, y := t.at(u, v)
				bx, by := n.bent(x+dx, y+dy)
				dx, dy = bx-x, by-y
			}
			b.knots = append(b.knots, [2]float64{dx, dy})
		}
	}
	return 2 * len(b.knots) * (len(b.pins) + 10)
}

// at is the bend at (u, v), from the knots.
func (b *bend) at(u, v float64) (dx, dy float64) {
	u, v = u/b.every, v/b.every
	i, j := int(u), int(v)
	u, v = u-float64(i), v-float64(j)
	p, q := b.knots[j*b.n+i:], b.knots[(j+1)*b.n+i:]
	for k, d := range [2]*float64{&dx, &dy} {
		upper, lower := p[0][k]+u*(p[1][k]-p[0][k]), q[0][k]+u*(q[1][k]-q[0][k])
		*d = upper + v*(lower-upper)
	}
	return dx, dy
}
