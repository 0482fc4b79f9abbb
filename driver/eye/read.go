package eye

import "math"

// tryGrid makes a grid exact and reads it. If what it was made exact by was wrong, as where
// the alignment pattern is torn off, the grid may do as it was. And where it is nearly right, the code is followed: from
// all of its patterns if they are where they should be, or else from its finders.
func (r *Reader) tryGrid(l *level, g grid, c corner) bool {
	if r.spent() {
		return false
	}
	lay, asFound := r.layout(g.dim), g.t
	pins := r.pinDown(l, &g, c, lay)
	var b *bend
	if len(pins) > 4 && r.bend.measure(pins, &g.t, leastBend) || l.lens.k1 != 0 {
		b = &r.bend
		l.spend(b.tie(g.dim, &g.t, &l.lens))
	}
	off := 1.0
	if b != nil || shareOf(l.timing(&g.t, g.dim)) >= minTiming {
		if r.readGrid(l, &g, lay, b) {
			return true
		}
		off = r.modules.off
		if len(pins) > 3 && off <= pinnedOff && !l.hasKnown(c) && r.readFollowed(l, &g, c, lay, pins, true) {
			return true
		}
	}
	if len(pins) > 3 && g.timing > sureTiming && !l.hasKnown(c) {
		g.t, b = asFound, nil
		if l.lens.k1 != 0 {
			b = &r.bend
			b.measure(pins[:3], &g.t, 0)
			l.spend(b.tie(g.dim, &g.t, &l.lens))
		}
		if r.readGrid(l, &g, lay, b) {
			return true
		}
		off = min(off, r.modules.off)
	}
	if len(pins) > 3 && off > pinnedOff && off <= lostOff && !l.hasKnown(c) {
		g.t = asFound
		return r.readFollowed(l, &g, c, lay, pins[:3], false)
	}
	return false
}

// readFollowed follows a code that nearly lies as its grid says, and reads it. Where it is followed from its finders alone, it
// is followed again from what was found of it so, as long as that brings it nearer.
func (r *Reader) readFollowed(l *level, g *grid, c corner, lay *layout, pins []pin, creased bool) bool {
	b := r.follow(l, &g.t, g.dim, pins, creased)
	for off := float64(lostOff); b != nil; b = r.followAgain(l, &g.t, lay) {
		if r.readGrid(l, g, lay, b) {
			return true
		}
		if creased || r.modules.off >= off || l.hasKnown(c) {
			break
		}
		off = r.modules.off
	}
	return false
}

func (r *Reader) layout(dim int) *layout {
	if r.layouts[dim] == nil {
		r.layouts[dim] = newLayout(dim)
	}
	return r.layouts[dim]
}

const (
	maxKnownOff = 0.25 // of the modules that are alike in every code
	sharpOff    = 0.1  // of them, where the rest may be read by the modules' middles
	farOff      = 0.3  // of them at a glance, of what is no code: of grids that were read, 0.15 at most
	clearOff    = 0.05 // the same, of a code whose modules are first looked at in their middles alone
	fewKnown    = 3    // of them, one in so many is looked at for that
	knownCost   = 20   // of one
	lightBlur   = 0.1  // a neighbour's share in a module, for the first try
	ridge       = 4    // for the trained equaliser
	middleCost  = 30   // of a module that is looked at in its middle, levelled and sharpened
	sampleCost  = 60   // of one that is looked at in five places
)

// readGrid looks at the modules and reads them: at few of them first, which tell whether it is a code and how clear.
func (r *Reader) readGrid(l *level, g *grid, lay *layout, b *bend) bool {
	defer r.leave(r.enter(stageModules))
	r.modules.off = 1
	n := g.dim * g.dim
	if !r.allows(sampleCost*n + decodeCost(lay)) {
		return false
	}
	off := l.offAtAGlance(g, lay, b)
	if off > farOff {
		return false
	}
	ok := off <= clearOff && fiveFit(&g.t, g.dim) && r.readMiddles(l, g, lay, b) || r.readModules(l, g, lay, b)
	r.sketchGrid(l, g, b, ok)
	if ok {
		r.place(l, g, b)
		ok = r.worth(l)
	}
	if ok {
		r.remember()
	}
	return ok
}

// offAtAGlance is the share of the modules alike in every code that are not so here, by a part of them, looked at once each and
// by the level's thresholds. Looking at all modules costs twenty times as much and more.
func (l *level) offAtAGlance(g *grid, lay *layout, b *bend) float64 {
	looks, off := 0, 0
	for k := 0; k < len(lay.known); k += fewKnown {
		i := lay.known[k]
		u, v := float64(int(i)%g.dim)+0.5, float64(int(i)/g.dim)+0.5
		x, y := g.t.at(u, v)
		if b != nil {
			dx, dy := b.at(u, v)
			x, y = x+dx, y+dy
		}
		looks++
		if isDark := l.brightness(x, y) < 0 != l.inverted; isDark != (lay.fixed[i] == dark) {
			off++
		}
	}
	l.spend(knownCost * looks)
	return float64(off) / float64(looks)
}

// lookAtModules looks at a grid's modules, in up to so many places each, and levels them.
func (r *Reader) lookAtModules(l *level, g *grid, b *bend, places int) {
	m := &r.modules
	m.sample(&l.plane, &g.t, b, g.dim, places)
	cost := middleCost
	if m.taps > 1 {
		cost = sampleCost
	}
	r.spend(cost * g.dim * g.dim)
	m.level(l.inverted)
}

// readMiddles reads modules by their middles alone, which a clear code needs no more than.
func (r *Reader) readMiddles(l *level, g *grid, lay *layout, b *bend) bool {
	m := &r.modules
	r.lookAtModules(l, g, b, 1)
	if m.knownOff(lay) > sharpOff {
		return false
	}
	m.sharpen(lightBlur)
	return r.decode(lay, m.eq)
}

// readModules reads modules with a little blur taken off, and if that is not enough, with what the
// equaliser is taught to take off.
func (r *Reader) readModules(l *level, g *grid, lay *layout, b *bend) bool {
	m := &r.modules
	n := g.dim * g.dim
	r.lookAtModules(l, g, b, 5)
	if m.off = m.knownOff(lay); m.off > maxKnownOff {
		return false
	}
	m.sharpen(lightBlur)
	ok := r.decode(lay, m.eq)
	if train := 25*n + 50*len(lay.known); !ok && r.allows(train+decodeCost(lay)) {
		r.spend(train)
		ok = m.train(lay, ridge) && r.decode(lay, m.eq)
	}
	// Sharp where all codes are alike, and yet not read: it may be a picture but for the middles.
	if !ok && m.taps == 5 && r.allows(middleCost*n+decodeCost(lay)) {
		r.lookAtModules(l, g, b, 1)
		ok = m.knownOff(lay) <= sharpOff && r.decode(lay, m.soft)
	}
	return ok
}

// place fills in where the code is.
func (r *Reader) place(l *level, g *grid, b *bend) {
	c, n := &r.code, float64(g.dim)
	c.Version, c.Inverted = (g.dim-17)/4, l.inverted
	r.lens = l.lens
	corners := [4][2]float64{{0, 0}, {n, 0}, {n, n}, {0, n}}
	if c.Mirrored {
		corners[1], corners[3] = corners[3], corners[1]
	}
	k := float64(l.shrink)
	for i, uv := range corners {
		x, y := g.t.at(uv[0], uv[1])
		if b != nil {
			dx, dy := b.at(uv[0], uv[1])
			x, y = x+dx, y+dy
		}
		c.Corners[i] = Point{k * x, k * y}
	}
	rx, ry, bx, by := g.t.steps(n/2, n/2)
	c.Module = k * math.Sqrt(math.Abs(rx*by-ry*bx))
}
