package eye

import "math"

// Crumpled paper lies between two alignment patterns as it likes, and a sheet around a column has left the plane that its
// finders tell of before the first of them. What shows how it lies are the edges between its dark and light modules. So where
// a grid is nearly right and the code is not read, the code is followed from its patterns on: knots of a net are laid where
// those next to them say, and each is moved to where the edges around it are half-way between modules.

const (
	netEvery   = 4    // modules between knots
	edgeReach  = 3    // modules around a knot whose edges are looked at
	edgeSteps  = 4    // places from one module to the next
	leastEdge  = 0.35 // of the contrast of the code's finders: between two modules that differ
	knotCost   = 1500 // of a knot that is moved once
	patternFit = 3    // times that one at a pattern is moved
	sureWeight = 0.5  // of a pin that was seen
	mostFollow = frameBudget / 4
	maxFollows = 3 // in a frame

	pinnedOff = 0.06 // of the modules that are alike in every code: where the patterns are right, and the paper between them is not known
	lostOff   = 0.2  // where the finders are right, and an alignment pattern may not be

	// How stiff the net is: as many edges speak for how the knots around one lie, and as many, a module away, against
	// a bend at it. Crumpled paper has creases, which are not a bend; a column has a bend everywhere.
	knotStiff   = 0.5
	creaseStiff = 200
	columnStiff = 20
)

// A knot is how the modules around a place of the code lie.
type knot struct {
	x, y           float64 // where it is, in pixels
	rx, ry, bx, by float64 // the ways to the next module to the right and below
	sure           float64 // the share of places for edges that have one
	round          int     // in which it was laid, from 1 on; 0 not yet
}

// A net is what follows a code.
type net struct {
	knots []knot // by rows
	n     int    // in a row
	dim   float64
	least int32 // brightness between two modules that differ
	stiff float64
}

// follow lays a net over a code that lies about as t says, from pins on, of which the first three are its finders, and
// ties a bend by it. If creased, the net is smoothed once. It is nil if there is no room for that in the budget, or if the net
// goes astray.
func (r *Reader) follow(l *level, t *homography, dim int, pins []pin, creased bool) *bend {
	defer r.leave(r.enter(stageAlignment))
	n := &r.net
	n.n, n.dim = dim/netEvery+2, float64(dim)
	cost := (n.n*n.n + patternFit*len(pins)) * knotCost
	n.stiff = columnStiff
	if creased {
		n.stiff = creaseStiff
		cost += n.n * n.n * knotCost
	}
	n.least = int32(leastEdge * float64(l.finderContrast(t, middle, middle)))
	if n.least <= 0 || r.follows == maxFollows || cost > mostFollow || cost > r.left {
		return nil
	}
	r.follows++
	r.spend(cost)
	n.knots = grown(n.knots, n.n*n.n)
	clear(n.knots)
	for i := range pins {
		if pins[i].weight >= sureWeight && !n.begin(l, t, &pins[i], i < 3) {
			return nil
		}
	}
	if !n.spread(l) || creased && !n.smooth(l) {
		return nil
	}
	b := &r.bend
	b.n, b.every, b.knots = n.n, netEvery, b.knots[:0]
	for i := range n.knots {
		x, y := t.at(float64(i%n.n*netEvery), float64(i/n.n*netEvery))
		b.knots = append(b.knots, [2]float64{n.knots[i].x - x, n.knots[i].y - y})
	}
	return b
}

// begin lays the knot that is nearest to a pin. A finder's own modules tell how large those around it are.
func (n *net) begin(l *level, t *homography, p *pin, isFinder bool) bool {
	at := patternAt(l, t, p.u, p.v)
	x, y := l.lens.bent(p.x, p.y)
	if isFinder {
		at.rx, at.ry = l.asLong(x, y, at.rx, at.ry)
		at.bx, at.by = l.asLong(x, y, at.bx, at.by)
	}
	i, j := int(math.Round(p.u/netEvery)), int(math.Round(p.v/netEvery))
	du, dv := float64(i*netEvery)-p.u, float64(j*netEvery)-p.v
	k := knot{x: x + du*at.rx + dv*at.bx, y: y + du*at.ry + dv*at.by, rx: at.rx, ry: at.ry, bx: at.bx, by: at.by, round: 1}
	return n.lay(l, i, j, k, patternFit)
}

// asLong is (dx, dy), the way to the next module in a finder at (x, y), as long as the finder's modules are along it.
func (l *level) asLong(x, y, dx, dy float64) (float64, float64) {
	long := max(math.Abs(dx), math.Abs(dy))
	if m, ok := l.cross(x, y, dx/long, dy/long, 1.2*long, 0.9, l.inverted); ok {
		return dx / long * m, dy / long * m
	}
	return dx, dy
}

// spread lays all other knots, round by round, beginning with those that have the most neighbours.
func (n *net) spread(l *level) bool {
	for round := 2; ; round++ {
		most := 0
		for i := range n.knots {
			if n.knots[i].round == 0 {
				_, around := n.foretell(i%n.n, i/n.n, round)
				most = max(most, around)
			}
		}
		if most == 0 {
			return true
		}
		for i := range n.knots {
			if n.knots[i].round > 0 {
				continue
			}
			k, around := n.foretell(i%n.n, i/n.n, round)
			if around < min(most, 3) {
				continue
			}
			k.round = round
			if !n.lay(l, i%n.n, i/n.n, k, 1) {
				return false
			}
		}
	}
}

// smooth lays each knot again, from all that are around it.
func (n *net) smooth(l *level) bool {
	for i := range n.knots {
		k, _ := n.foretell(i%n.n, i/n.n, math.MaxInt)
		k.round = n.knots[i].round
		if !n.lay(l, i%n.n, i/n.n, k, 1) {
			return false
		}
	}
	return true
}

// foretell is where a knot lies as those around it say that were laid in earlier rounds.
func (n *net) foretell(i, j, round int) (k knot, around int) {
	var sum float64
	for dj := -1; dj <= 1; dj++ {
		for di := -1; di <= 1; di++ {
			if di == 0 && dj == 0 || min(i+di, j+dj) < 0 || max(i+di, j+dj) >= n.n {
				continue
			}
			o := &n.knots[(j+dj)*n.n+i+di]
			if o.round == 0 || o.round >= round {
				continue
			}
			around++
			w := 0.05 + o.sure
			if di != 0 && dj != 0 {
				w /= 2
			}
			u, v := float64(-di*netEvery), float64(-dj*netEvery)
			k.x, k.y = k.x+w*(o.x+u*o.rx+v*o.bx), k.y+w*(o.y+u*o.ry+v*o.by)
			k.rx, k.ry, k.bx, k.by = k.rx+w*o.rx, k.ry+w*o.ry, k.bx+w*o.bx, k.by+w*o.by
			sum += w
		}
	}
	if around > 0 {
		f := 1 / sum
		k.x, k.y, k.rx, k.ry, k.bx, k.by = k.x*f, k.y*f, k.rx*f, k.ry*f, k.bx*f, k.by*f
	}
	return k, around
}

// lay moves a knot some times to where the edges around it say, and puts it into the net. It fails where the net has gone
// astray.
func (n *net) lay(l *level, i, j int, k knot, times int) bool {
	u, v := float64(i*netEvery), float64(j*netEvery)
	for range times {
		if !k.holds(l) {
			return false
		}
		var across, down edgeSums
		n.edgesAlong(l, k.x, k.y, k.rx, k.ry, k.bx, k.by, u, v, &across)
		n.edgesAlong(l, k.x, k.y, k.bx, k.by, k.rx, k.ry, v, u, &down)
		a, b, c := across.solve(n.stiff)
		d, f, e := down.solve(n.stiff)
		rx, ry, bx, by := k.rx, k.ry, k.bx, k.by
		k.x, k.y = k.x+a*rx+d*bx, k.y+a*ry+d*by
		k.rx, k.ry = k.rx+b*rx+e*bx, k.ry+b*ry+e*by
		k.bx, k.by = k.bx+c*rx+f*bx, k.by+c*ry+f*by
		k.sure = (across.n + down.n) / (4 * edgeReach * (2*edgeReach - 1))
	}
	n.knots[j*n.n+i] = k
	return k.holds(l)
}

// holds says whether a knot is near to the level, and its modules smaller than that.
func (k *knot) holds(l *level) bool {
	w, h := float64(l.w), float64(l.h)
	step := max(math.Abs(k.rx), math.Abs(k.ry), math.Abs(k.bx), math.Abs(k.by))
	return k.x >= -w && k.x <= 2*w && k.y >= -h && k.y <= 2*h && step <= max(w, h)/8
}

// edgesAlong adds up the edges on the rows of modules around a knot at (u, v): (rx, ry) is the way to the next module
// along them, (bx, by) to the next row. For columns all is changed over. Beyond the code one module is looked at: it is light.
func (n *net) edgesAlong(l *level, x, y, rx, ry, bx, by, u, v float64, sum *edgeSums) {
	from, to := max(0.5-edgeReach, -0.5-u), min(edgeReach-0.5, n.dim+0.5-u)
	sx, sy := fixed(rx/edgeSteps), fixed(ry/edgeSteps)
	for q := 0.5 - edgeReach; q < edgeReach; q++ {
		if v+q < 0 || v+q > n.dim {
			continue
		}
		fx, fy := fixed(x+from*rx+q*bx), fixed(y+from*ry+q*by)
		before := l.atFixed(fx, fy)
		for p := from; p < to; p++ {
			var all, now int32
			for range edgeSteps {
				fx, fy = fx+sx, fy+sy
				now = l.atFixed(fx, fy)
				all += now
			}
			// The mean on the way from one module's middle to the next's, its ends counted half, tells where it changes.
			if d := before - now; d > n.least || d < -n.least {
				mean := float64(2*all-now+before) / (2 * edgeSteps)
				if off := (mean-float64(now))/float64(d) - 0.5; off > -0.5 && off < 0.5 {
					sum.add(p+0.5+off, q, off)
				}
			}
			before = now
		}
	}
}

// edgeSums are sums over edges at (u, v) from a knot, e off along u.
type edgeSums struct{ n, u, v, uu, uv, vv, e, eu, ev float64 }

func (s *edgeSums) add(u, v, e float64) {
	s.n, s.u, s.v = s.n+1, s.u+u, s.v+v
	s.uu, s.uv, s.vv = s.uu+u*u, s.uv+u*v, s.vv+v*v
	s.e, s.eu, s.ev = s.e+e, s.eu+e*u, s.ev+e*v
}

// solve is the least squares solution for what edges are off: a + b u + c v, held near to nothing.
func (s *edgeSums) solve(stiff float64) (a, b, c float64) {
	n, uu, vv := s.n+knotStiff, s.uu+stiff, s.vv+stiff
	m := n*(uu*vv-s.uv*s.uv) - s.u*(s.u*vv-s.uv*s.v) + s.v*(s.u*s.uv-uu*s.v)
	a = (s.e*(uu*vv-s.uv*s.uv) - s.u*(s.eu*vv-s.uv*s.ev) + s.v*(s.eu*s.uv-uu*s.ev)) / m
	b = (n*(s.eu*vv-s.uv*s.ev) - s.e*(s.u*vv-s.uv*s.v) + s.v*(s.u*s.ev-s.eu*s.v)) / m
	c = (n*(uu*s.ev-s.eu*s.uv) - s.u*(s.u*s.ev-s.eu*s.v) + s.e*(s.u*s.uv-uu*s.v)) / m
	return a, b, c
}
