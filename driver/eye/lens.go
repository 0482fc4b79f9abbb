package eye

import (
	"iter"
	"math"
)

// A wide lens draws a picture's rim in: what is straight bows outward. One number tells how much,
// and with it places are taken to where a true lens has them: there a code lies as a homography
// says. Where it is not known, it is tried which number makes both timing patterns of a corner
// show.
//
// Of a level, a lens's places are straight or bent: bent is where they are seen.

const (
	// MaxK1 is the most that a lens may bend.
	MaxK1 = 1

	stepK1     = 0.1 // between numbers that are tried
	maxBent    = 3   // corners that are looked at through lenses
	bentDoubt  = 1   // of them: a lens makes a code's finders unlike
	bentTiming = 0.8 // of each timing pattern, of a grid that is looked at further
	bentRows   = 2   // that crossed each finder

	leastPins = 9    // of a code that a lens is measured by: version 7 has so many
	leastSpan = 0.6  // of the picture's height that they reach over
	mostOff   = 0.15 // modules that they are off through the lens, on average
	fineK1    = 0.02 // between numbers that are measured
)

// A lens is how the level's lens bends: what is seen at r from the level's middle, in halves of
// its diagonal, a true lens has at r (1 + k1 r²).
type lens struct {
	k1     float64
	cx, cy float64
	scale  float64 // k1 in pixels: of r²
}

// lensOf is the lens of pictures of w by h pixels.
func lensOf(k1 float64, w, h int) lens {
	cx, cy := float64(w)/2, float64(h)/2
	return lens{k1, cx, cy, k1 / (cx*cx + cy*cy)}
}

// straight is where a true lens has what is seen at (x, y).
func (n *lens) straight(x, y float64) (sx, sy float64) {
	if n.k1 == 0 {
		return x, y
	}
	x, y = x-n.cx, y-n.cy
	k := 1 + n.scale*(x*x+y*y)
	return n.cx + k*x, n.cy + k*y
}

// bent is where the lens shows what a true one has at (x, y).
func (n *lens) bent(x, y float64) (bx, by float64) {
	if n.k1 == 0 {
		return x, y
	}
	x, y = x-n.cx, y-n.cy
	d := n.scale * (x*x + y*y)
	// q (1 + d q²) = 1: how much nearer to the middle it is seen.
	q := 1 / math.Cbrt(1+d)
	for range 3 {
		q -= (q*(1+d*q*q) - 1) / (1 + 3*d*q*q)
	}
	return n.cx + q*x, n.cy + q*y
}

// straightWay is a step at (x, y) as a true lens has it.
func (n *lens) straightWay(x, y, dx, dy float64) (sx, sy float64) {
	x0, y0 := n.straight(x-dx/2, y-dy/2)
	x1, y1 := n.straight(x+dx/2, y+dy/2)
	return x1 - x0, y1 - y0
}

// bentWay is how the lens shows a step at (x, y), where a true one has that place and the step.
func (n *lens) bentWay(x, y, dx, dy float64) (bx, by float64) {
	x0, y0 := n.bent(x-dx/2, y-dy/2)
	x1, y1 := n.bent(x+dx/2, y+dy/2)
	return x1 - x0, y1 - y0
}

// seenAt is where the level shows a grid's (u, v).
func (l *level) seenAt(t *homography, u, v float64) (x, y float64) { return l.lens.bent(t.at(u, v)) }

// likelyBent are the likeliest corners of a code that no straight lines go through: those of which each finder was crossed by several rows, and between
// which something changes.
func (r *Reader) likelyBent(l *level) iter.Seq[corner] {
	return func(yield func(corner) bool) {
		if l.lens.k1 != 0 || len(l.finders) < 3 {
			return
		}
		looked := 0
		for _, c := range l.corners { // as the pass before left them
			if looked == maxBent || r.spent() {
				return
			}
			if c.doubt > bentDoubt || l.hasKnown(c) || l.fewestRows(c) < bentRows || !l.busy(c.at, c.right) && !l.busy(c.at, c.below) {
				continue
			}
			looked++
			l.inverted = l.finders[c.at].inverted
			if !yield(c) {
				return
			}
		}
	}
}

// throughLenses looks at the likeliest corners as if the lens were wide, and more so: a code's are
// those whose timing patterns show through one lens or another.
func (r *Reader) throughLenses(l *level) bool {
	defer l.setLens(l.lens.k1) // lenses are tried
	for c := range r.likelyBent(l) {
		k1, ok := r.likeliestLens(l, c)
		if !ok {
			continue
		}
		l.setLens(k1)
		if r.tryGrids(l, c) {
			return true
		}
		l.setLens(0)
	}
	return false
}

func (l *level) fewestRows(c corner) int {
	return min(l.finders[c.at].rows, l.finders[c.right].rows, l.finders[c.below].rows)
}

func (l *level) setLens(k1 float64) { l.lens = lensOf(k1, l.w, l.h) }

// likeliestLens is the lens through which the timing patterns of a corner's likeliest grid show best.
func (r *Reader) likeliestLens(l *level, c corner) (k1 float64, ok bool) {
	var best int32
	try := func(k float64) {
		l.setLens(k)
		grids := r.makeGrids(l, c)
		if len(grids) == 0 || grids[0].weaker < bentTiming {
			return
		}
		g := &grids[0]
		_, a := l.timingLine(&g.t, g.dim, 0)
		_, b := l.timingLine(&g.t, g.dim, 1)
		l.spend(timingCost * g.dim)
		if swing := (a + b) / int32(g.dim-16); swing > best {
			best, k1, ok = swing, k, true
		}
	}
	for k := stepK1; k < MaxK1; k += stepK1 {
		try(k)
	}
	if ok {
		around := k1
		try(around - stepK1/2)
		try(around + stepK1/2)
	}
	return k1, ok
}

// MeasureLens is how much the lens bends, by the code that was just read: through the right lens its
// finders and alignment patterns lie flat. The code must have six of these or more, fill much of
// the picture, and be flat itself.
func (r *Reader) MeasureLens() (k1 float64, ok bool) {
	pins := r.pins
	if len(pins) < leastPins {
		return 0, false
	}
	least, most := pins[0].y, pins[0].y
	for _, p := range pins {
		_, y := r.lens.bent(p.x, p.y)
		least, most = min(least, y), max(most, y)
	}
	if most-least < leastSpan*2*r.lens.cy {
		return 0, false
	}
	off := func(k float64) float64 { return r.offThrough(lensOf(k, int(2*r.lens.cx), int(2*r.lens.cy))) }
	best := math.Inf(1)
	for k := 0.0; k <= MaxK1; k += fineK1 {
		if q := off(k); q < best {
			best, k1 = q, k
		}
	}
	// The least of the parabola through the best and those beside it.
	a, b, c := off(k1-fineK1), best, off(k1+fineK1)
	if bow := a - 2*b + c; bow > 0 {
		k1 += fineK1 * (a - c) / 2 / bow
	}
	return min(max(k1, 0), MaxK1), best < mostOff*mostOff
}

// offThrough is how far the last code's pins are from a flat code's through a lens: the mean of
// squares, in modules.
func (r *Reader) offThrough(n lens) (sum float64) {
	flat := make([]pin, len(r.pins))
	for i, p := range r.pins {
		x, y := r.lens.bent(p.x, p.y)
		p.x, p.y = n.straight(x, y)
		p.weight = 1
		flat[i] = p
	}
	t, ok := fit(flat, 3)
	if !ok {
		return math.Inf(1)
	}
	for i := range flat {
		p := &flat[i]
		x, y, rx, ry, bx, by := t.around(p.u, p.v)
		sum += ((p.x-x)*(p.x-x) + (p.y-y)*(p.y-y)) / math.Abs(rx*by-ry*bx)
	}
	return sum / float64(len(flat))
}
