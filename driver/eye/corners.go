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
	leastLeg  = 7.7  // of a corner, in modules as its middle finder is high and wide: a code has 14
	mostLeg   = 173  // the same: a code has 170
	mostAskew = 1.02 // of a corner: how unequal its legs are, and how far from right its angle is

	tripleCost = 12 // of a corner that three finders may make: most of them do not
)

// A neighbour is a finder that may be of one code with another.
type neighbour struct {
	i    int
	u, v float64 // the way to it, in modules along both axes; a turned finder seems larger than it is
	long float64 // its length
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
	marks := l.marksOf(order)
	for k, i := range order {
		var best [maxEach]corner
		kept := best[:0]
		near := l.neighbours(&marks[k], marks)
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
	many := len(l.finders) > crowdLeast && l.leaveCrowds()
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

// A mark is what tells a finder's neighbours: its place and its size. All marks are gone through for each finder.
type mark struct {
	i        int     // of the finder
	x, y, m  float64 // m: a module's size along both axes together
	inverted bool
	far      float64 // from the finder whose neighbours are looked for: the distance's square, and more if it is unlike
}

func (l *level) marksOf(order []int) []mark {
	l.marks = l.marks[:0]
	for _, i := range order {
		f := &l.finders[i]
		l.marks = append(l.marks, mark{i: i, x: f.x, y: f.y, m: f.mx + f.my, inverted: f.inverted})
	}
	return l.marks
}

// neighbours are those of all marks around one with which it may be in one code, the nearest and most alike of them.
func (l *level) neighbours(s *mark, all []mark) []neighbour {
	var nearest [maxNear]*mark
	n := 0
	for k := range all {
		o := &all[k]
		far := (o.x-s.x)*(o.x-s.x) + (o.y-s.y)*(o.y-s.y)
		if n == maxNear && far >= nearest[n-1].far || o == s || o.inverted != s.inverted || !mayBeOne(s.m, o.m, far) {
			continue
		}
		o.far = far * (4*max(s.m, o.m)/min(s.m, o.m) - 3)
		if n < maxNear {
			n++
		} else if o.far >= nearest[n-1].far {
			continue
		}
		at := n - 1
		for ; at > 0 && nearest[at-1].far > o.far; at-- {
			nearest[at] = nearest[at-1]
		}
		nearest[at] = o
	}
	near := l.around[:0]
	f := &l.finders[s.i]
	for _, o := range nearest[:n] {
		g := &l.finders[o.i]
		u, v := (g.x-f.x)/math.Sqrt(f.mx*g.mx), (g.y-f.y)/math.Sqrt(f.my*g.my)
		near = append(near, neighbour{o.i, u, v, math.Sqrt(u*u + v*v)})
	}
	l.around = near
	return near
}

// related says whether two finders may be of one code: by size, and how far apart they are.
func (l *level) related(i, j int) bool {
	a, b := &l.finders[i], &l.finders[j]
	return a.inverted == b.inverted && mayBeOne(a.mx+a.my, b.mx+b.my, l.distance2(i, j))
}

// mayBeOne says whether two finders whose modules are of sizes m and n, along both axes together, and whose distance has the
// square d, may be of one code. They are 14 to 170 modules apart, which seen aslant are as few as a third.
func mayBeOne(m, n, d float64) bool {
	s := m * n / 4
	return m < sizeRatio*n && n < sizeRatio*m && d > 25*s && d < 62000*s
}

// makeCorner takes finder i for the one where the sides of a code meet that end at two of its neighbours. What
// speaks against it is its doubt: legs of different lengths, a corner that is not right, modules of
// different sizes, a single row, finders that fit badly. Legs and angle are measured in modules, as
// the finder's own width and height are, which takes off much of what a slant does to them. Most are turned
// down by the legs alone, so that comes first.
func (l *level) makeCorner(i int, n, m *neighbour) (c corner, ok bool) {
	short, long, across := min(n.long, m.long), max(n.long, m.long), math.Abs(n.u*m.u+n.v*m.v)
	if long*long+across > (1+mostAskew)*short*long || short < leastLeg || long > mostLeg {
		return c, false
	}
	j, k := n.i, m.i
	if !l.related(j, k) {
		return c, false
	}
	askew := long/short - 1 + across/(short*long)
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
