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
	maxFollows = 4 // in a frame

	timingLine = 6.5 // modules from the code's edge

	slipReach = 2 // modules from where the net has an alignment pattern that it is looked for
	slipMatch = 6 // tenths of the finders' contrast that it has then

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
	stiff float64

	contrast int32 // of the code's finders
	least    int32 // brightness between two modules that differ
	starts   []start
}

// A start is a knot that a net grows from.
type start struct {
	i, j int
	knot
}

// follow lays a net over a code that lies about as t says, from pins on, of which the first three are its finders, and
// ties a bend by it. If creased, the net is smoothed once. It is nil if there is no room for that in the budget, or if the net
// goes astray.
func (r *Reader) follow(l *level, t *homography, dim int, pins []pin, creased bool) *bend {
	defer r.leave(r.enter(stageAlignment))
	n := &r.net
	stiff := float64(columnStiff)
	if creased {
		stiff = creaseStiff
	}
	n.begin(l, t, dim, stiff)
	if n.least <= 0 || !r.mayGrow(n.cost(len(pins), creased)) {
		return nil
	}
	n.starts = n.starts[:0]
	for i := range pins {
		if pins[i].weight >= sureWeight {
			n.starts = append(n.starts, n.startAt(l, t, &pins[i], i < 3))
		}
	}
	return r.grow(l, t, creased)
}

// begin makes the net ready for a code.
func (n *net) begin(l *level, t *homography, dim int, stiff float64) {
	n.n, n.dim, n.stiff = dim/netEvery+2, float64(dim), stiff
	n.contrast = l.finderContrast(t, middle, middle)
	n.least = int32(leastEdge * float64(n.contrast))
}

// followAgain lays the net again, from its finders and from the alignment patterns that are found near to where it was. Where
// it had slipped by a module, they were not.
func (r *Reader) followAgain(l *level, t *homography, lay *layout) *bend {
	defer r.leave(r.enter(stageAlignment))
	n := &r.net
	if !r.mayGrow(n.cost(len(lay.align)*len(lay.align), true)) {
		return nil
	}
	n.starts = n.starts[:min(len(n.starts), 3)]
	for k := range n.starts {
		s := &n.starts[k]
		s.knot = n.knots[s.j*n.n+s.i]
	}
	for _, v := range lay.align {
		for _, u := range lay.align {
			if lay.hasAlignment(u, v) {
				n.addPattern(l, float64(u)+0.5, float64(v)+0.5)
			}
		}
	}
	if len(n.starts) <= 3 {
		return nil
	}
	return r.grow(l, t, true)
}

// addPattern adds a start where the alignment pattern of (u, v) is, if it is found near to where the net has it.
func (n *net) addPattern(l *level, u, v float64) {
	i, j := int(math.Round(u/netEvery)), int(math.Round(v/netEvery))
	k := n.knots[j*n.n+i]
	du, dv := u-float64(i*netEvery), v-float64(j*netEvery)
	p := pattern{l: l, x: k.x + du*k.rx + dv*k.bx, y: k.y + du*k.ry + dv*k.by, rx: k.rx, ry: k.ry, bx: k.bx, by: k.by}
	if x, y, q := p.search(slipReach); q > n.contrast*slipMatch/10 {
		k.x, k.y, k.round = x-du*k.rx-dv*k.bx, y-du*k.ry-dv*k.by, 1
		n.starts = append(n.starts, start{i, j, k})
	}
}

// cost is what it costs to lay a net from so many starts on, and once more if it is smoothed.
func (n *net) cost(starts int, smoothed bool) int {
	knots := n.n*n.n + patternFit*starts
	if smoothed {
		knots += n.n * n.n
	}
	return knots * knotCost
}

// mayGrow says whether a net that costs so much may be laid.
func (r *Reader) mayGrow(cost int) bool {
	return r.follows < maxFollows && cost <= mostFollow && cost <= r.left
}

// grow lays the net from its starts on, and ties a bend by it.
func (r *Reader) grow(l *level, t *homography, smoothed bool) *bend {
	n := &r.net
	cost := n.cost(len(n.starts), smoothed)
	if !r.mayGrow(cost) {
		return nil
	}
	r.follows++
	r.spend(cost)
	n.knots = grown(n.knots, n.n*n.n)
	clear(n.knots)
	for _, s := range n.starts {
		if !n.lay(l, s.i, s.j, s.knot, patternFit) {
			return nil
		}
	}
	if !n.spread(l) || smoothed && !n.smooth(l) {
		return nil
	}
	return r.tieNet(t)
}

// tieNet ties a bend by the net.
func (r *Reader) tieNet(t *homography) *bend {
	n, b := &r.net, &r.bend
	b.n, b.every, b.knots = n.n, netEvery, b.knots[:0]
	for i := range n.knots {
		x, y := t.at(float64(i%n.n*netEvery), float64(i/n.n*netEvery))
		b.knots = append(b.knots, [2]float64{n.knots[i].x - x, n.knots[i].y - y})
	}
	return b
}

// startAt is the knot that is nearest to a pin. A finder's own modules tell how large those around it are.
func (n *net) startAt(l *level, t *homography, p *pin, isFinder bool) start {
	at := patternAt(l, t, p.u, p.v)
	x, y := l.lens.bent(p.x, p.y)
	if isFinder {
		at.rx, at.ry = l.asLong(x, y, at.rx, at.ry)
		at.bx, at.by = l.asLong(x, y, at.bx, at.by)
	}
	i, j := int(math.Round(p.u/netEvery)), int(math.Round(p.v/netEvery))
	du, dv := float64(i*netEvery)-p.u, float64(j*netEvery)-p.v
	return start{i, j, knot{x: x + du*at.rx + dv*at.bx, y: y + du*at.ry + dv*at.by, rx: at.rx, ry: at.ry, bx: at.bx, by: at.by, round: 1}}
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
	if !k.holds(l) {
		return false
	}
	n.keepTime(l, &k, u, v)
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

// keepTime moves a knot beside a timing pattern along it to where the pattern's beat has its phase: the edges around it do not
// tell if it is half a module off.
func (n *net) keepTime(l *level, k *knot, u, v float64) {
	var a, b float64
	if math.Abs(v-timingLine) < edgeReach {
		a = n.offBeat(l, k.x+(timingLine-v)*k.bx, k.y+(timingLine-v)*k.by, k.rx, k.ry, u)
	}
	if math.Abs(u-timingLine) < edgeReach {
		b = n.offBeat(l, k.x+(timingLine-u)*k.rx, k.y+(timingLine-u)*k.ry, k.bx, k.by, v)
	}
	k.x, k.y = k.x+a*k.rx+b*k.bx, k.y+a*k.ry+b*k.by
}

// offBeat is by how many modules a timing pattern's beat is off around (x, y), u modules along it in steps of (rx, ry); 0 where
// it is not off, or not clear.
func (n *net) offBeat(l *level, x, y, rx, ry, u float64) (off float64) {
	const steps = 4                                                      // a module
	from, to := int(max(u-edgeReach, 7)), int(min(u+edgeReach, n.dim-6)) // as many light ones as dark
	if from >= to {
		return 0
	}
	swing := func(off float64) (sum int32) {
		l.spend(beatCost * (to - from))
		for m := from; m < to; m++ {
			w := float64(m) + 0.5 - u + off
			if g := l.at(x+w*rx, y+w*ry); m%2 == 0 != l.inverted {
				sum -= g
			} else {
				sum += g
			}
		}
		return sum
	}
	best := n.least * int32(to-from)
	if swing(0) > best {
		return 0
	}
	for s := 1; s <= steps; s++ {
		for _, at := range [...]float64{-float64(s) / steps, float64(s) / steps} {
			if q := swing(at); q > best {
				best, off = q, at
			}
		}
	}
	return off
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
