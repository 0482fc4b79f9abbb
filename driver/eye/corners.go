package eye

import (
	"cmp"
	"math"
	"slices"
)

// A corner is three finders that may be a code's: the one where the code's sides meet, and
// those to the right of it and below. A mirrored code has right and below changed over.
type corner struct {
	at, right, below int // indices of finders
	doubt            float64
}

const (
	maxSorted = 26 // finders of which corners are made: those that most rows crossed
	sizeRatio = 2.4
)

// makeCorners returns the corners that the level's finders may make, most likely first, in
// memory of the level.
func (l *level) makeCorners() []corner {
	order := l.byRows()
	out, triples := l.corners[:0], 0
	for n, i := range order {
		for m, j := range order[n+1:] {
			if !l.related(i, j) {
				continue
			}
			triples += len(order) - (n + m + 2)
			for _, k := range order[n+m+2:] {
				if !l.related(i, k) || !l.related(j, k) {
					continue
				}
				if c, ok := l.makeCorner(i, j, k); ok {
					out = append(out, c)
				}
			}
		}
	}
	l.spend(25*triples + 50*len(out))
	slices.SortStableFunc(out, func(a, b corner) int { return cmp.Compare(a.doubt, b.doubt) })
	l.corners = out
	return out
}

// byRows are the finders that most rows crossed.
func (l *level) byRows() []int {
	order := l.order[:0]
	for i := range l.finders {
		if !l.finders[i].known {
			order = append(order, i)
		}
	}
	l.order = order
	if len(order) > maxSorted {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.finders[b].rows, l.finders[a].rows) })
		order = order[:maxSorted]
	}
	return order
}

// related says whether two finders may be of one code.
func (l *level) related(i, j int) bool {
	a, b := &l.finders[i], &l.finders[j]
	m, n := a.mx+a.my, b.mx+b.my
	return a.inverted == b.inverted && m < sizeRatio*n && n < sizeRatio*m
}

// makeCorner arranges three finders: the longest side of their triangle is the code's
// diagonal. What speaks against them is their doubt: legs of different lengths, a corner
// that is not right, modules of different sizes, a single row.
func (l *level) makeCorner(i, j, k int) (c corner, ok bool) {
	ij, jk, ik := l.distance2(i, j), l.distance2(j, k), l.distance2(i, k)
	switch {
	case ij >= jk && ij >= ik:
		i, j, k, ij, jk = k, i, j, jk, ij
	case ik >= jk:
		i, j, ik, jk = j, i, jk, ik
	}
	f, g, h := &l.finders[i], &l.finders[j], &l.finders[k]
	m := (f.module() + g.module() + h.module()) / 3
	ratio := min(ij, ik) / max(ij, ik)
	cos := (ij + ik - jk) / (2 * math.Sqrt(ij*ik))
	// Legs of 14 to 170 modules, if they are seen at no more than 60 degrees.
	if ratio < 0.12 || math.Abs(cos) > 0.6 || min(ij, ik) < 60*m*m || jk > 62000*m*m {
		return c, false
	}
	least, most := min(f.module(), g.module(), h.module()), max(f.module(), g.module(), h.module())
	doubt := 1 - math.Sqrt(ratio) + math.Abs(cos) + 2*(most/least-1)
	for _, f := range [...]*finder{f, g, h} {
		if f.rows < 2 {
			doubt += 0.3
		}
	}
	if (g.x-f.x)*(h.y-f.y) < (g.y-f.y)*(h.x-f.x) {
		j, k = k, j
	}
	return corner{at: i, right: j, below: k, doubt: doubt}, true
}

func (l *level) distance2(i, j int) float64 {
	dx, dy := l.finders[i].x-l.finders[j].x, l.finders[i].y-l.finders[j].y
	return dx*dx + dy*dy
}
