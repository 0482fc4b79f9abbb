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
	maxSorted = 160 // finders of which corners are made: the best seen of them
	maxNear   = 14  // of them around each that may be its neighbours in a code
	maxEach   = 4   // corners that are kept for each
	sizeRatio = 3
	mostAskew = 1.02 // of a corner: how unequal its legs are, and how far from right its angle is

	tripleCost = 12 // of a corner that three finders may make: most of them do not
)

// A neighbour is a finder that may be of one code with another, and how far away it is.
type neighbour struct {
	i    int
	far  float64
	u, v float64 // the way to it, in modules along both axes; a turned finder seems larger than it is
	long float64 // its length, squared
}

// makeCorners returns the corners that the level's finders may make, most likely first, in
// memory of the level. Each finder in turn is taken for the one where a code's sides meet: which
// it is cannot be told from the longest side, for a code that is seen aslant has its diagonal
// shortened. Its sides end at finders around it, so of a crowd only those are taken that are
// nearest and most alike: the work grows as the number of finders, not as its cube. And of each
// finder only the likeliest corners are kept, for a wall of posters makes better ones than a code
// that is held aslant.
func (l *level) makeCorners() []corner {
	defer l.leave(l.enter(stageCorners))
	order := l.bestSeen()
	out, triples := l.corners[:0], 0
	for _, i := range order {
		var best [maxEach]corner
		kept := best[:0]
		near := l.neighbours(i, order)
		triples += len(near) * (len(near) - 1) / 2
		for n := range near {
			for m := n + 1; m < len(near); m++ {
				if c, ok := l.makeCorner(i, &near[n], &near[m]); ok {
					kept = rank(kept, c)
				}
			}
		}
		out = append(out, kept...)
	}
	l.spend(8*len(order)*len(order) + tripleCost*triples + 50*len(out))
	slices.SortStableFunc(out, func(a, b corner) int { return cmp.Compare(a.doubt, b.doubt) })
	l.corners = out
	return out
}

// rank puts a corner in its place among the likeliest, of which as many are kept as there is room.
func rank(best []corner, c corner) []corner {
	if len(best) == cap(best) {
		if c.doubt >= best[len(best)-1].doubt {
			return best
		}
		best = best[:len(best)-1]
	}
	k := len(best)
	best = append(best, c)
	for ; k > 0 && best[k-1].doubt > c.doubt; k-- {
		best[k] = best[k-1]
	}
	best[k] = c
	return best
}

// bestSeen are the finders that are not known, and if they are many those that are not of a crowd, that most rows crossed
// and that fit best.
func (l *level) bestSeen() []int {
	order := l.order[:0]
	many := len(l.finders) > crowdLeast
	if many {
		l.leaveCrowds()
	}
	for i := range l.finders {
		if !l.finders[i].known && !(many && l.finders[i].crowd) {
			order = append(order, i)
		}
	}
	l.order = order
	if len(order) > maxSorted {
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Compare(l.finders[a].weakness(), l.finders[b].weakness())
		})
		order = order[:maxSorted]
	}
	return order
}

// neighbours are those of order around finder i with which it may be in one code, the nearest
// and most alike of them.
func (l *level) neighbours(i int, order []int) []neighbour {
	near := l.around[:0]
	f := &l.finders[i]
	m := f.mx + f.my
	for _, j := range order {
		if j == i || !l.related(i, j) {
			continue
		}
		g := &l.finders[j]
		n := g.mx + g.my
		far := l.distance2(i, j)
		unlike := max(m, n)/min(m, n) - 1
		far *= 1 + 4*unlike
		if len(near) == maxNear {
			if far >= near[maxNear-1].far {
				continue
			}
			near = near[:maxNear-1]
		}
		k := len(near)
		near = append(near, neighbour{})
		for k > 0 && near[k-1].far > far {
			near[k] = near[k-1]
			k--
		}
		near[k] = neighbour{i: j, far: far}
	}
	for k := range near {
		n := &near[k]
		g := &l.finders[n.i]
		n.u, n.v = (g.x-f.x)/math.Sqrt(f.mx*g.mx), (g.y-f.y)/math.Sqrt(f.my*g.my)
		n.long = n.u*n.u + n.v*n.v
	}
	l.around = near
	return near
}

// related says whether two finders may be of one code: by size, and how far apart they are. They
// are 14 to 170 modules apart, which seen aslant are as few as a third.
func (l *level) related(i, j int) bool {
	a, b := &l.finders[i], &l.finders[j]
	m, n := a.mx+a.my, b.mx+b.my
	if a.inverted != b.inverted || m >= sizeRatio*n || n >= sizeRatio*m {
		return false
	}
	d, s := l.distance2(i, j), m*n/4
	return d > 25*s && d < 62000*s
}

// makeCorner takes finder i for the one where the sides of a code meet that end at two of its neighbours. What
// speaks against it is its doubt: legs of different lengths, a corner that is not right, modules of
// different sizes, a single row, finders that fit badly. Legs and angle are measured in modules, as
// the finder's own width and height are, which takes off much of what a slant does to them. Most are turned
// down by the legs alone, so that comes first.
func (l *level) makeCorner(i int, n, m *neighbour) (c corner, ok bool) {
	short, long := min(n.long, m.long), max(n.long, m.long)
	if short < 60 || long > 30000 || long > (1+mostAskew)*(1+mostAskew)*short {
		return c, false
	}
	cos := math.Abs(n.u*m.u+n.v*m.v) / math.Sqrt(n.long*m.long)
	askew := math.Sqrt(long/short) - 1 + cos
	j, k := n.i, m.i
	if askew > mostAskew || !l.related(j, k) {
		return c, false
	}
	f, g, h := &l.finders[i], &l.finders[j], &l.finders[k]
	least, most := min(f.module(), g.module(), h.module()), max(f.module(), g.module(), h.module())
	doubt := askew + most/least - 1 + (f.off+g.off+h.off)/4
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
