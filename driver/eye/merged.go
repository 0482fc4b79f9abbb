package eye

import (
	"cmp"
	"math"
	"slices"
)

// Without a quiet zone, on ground as dark as its modules, a code's finders run into what is around
// them: of a finder's outer ring the two sides that face the code are there, the others have no
// end. What is left along a row is light, dark and light as 1:3:1, and a dark module on one side
// of them. Of a code that is turned on its card only a finder's tip may run into the ground: there a
// row looks right, and the column has no end. Much else looks like that, so such places are only
// noted in the rows that are looked at, and looked at closer when there is nothing else.

const (
	maxMerged   = 320 // places that are noted on a level
	mergedOff   = 1   // modules by which the edges of one may be off, along both axes: with two sides less, more looks like a finder
	leastMerged = 6   // of them that are worth a look: three finders, two rows each
)

// A place is where a row may cross a finder that has run into its ground.
type place struct {
	x, y, m  float64 // its middle, and a module's size
	inverted bool
}

// looksMerged says whether the runs, the last of which ends at x, may cross a finder one side of
// which has no end.
func (r runs) looksMerged(x int) bool {
	d02, d13, d24, d35, c := r.e2-r.e0, r.e3-r.e1, r.e4-r.e2, x-r.e3, r.e3-r.e2
	sum := d13 + d24 // eight modules
	if sum < 12 || 4*c < sum || 16*c > 9*sum {
		return false
	}
	off := sum/2 + 8 // half a module and half a pixel, sixteen times: a module is sum/8
	ends := 0
	if within(16*d02-4*sum, 2*off) {
		ends++
	} else if 16*d02 < 4*sum {
		return false
	}
	if within(16*d35-4*sum, 2*off) {
		ends++
	} else if 16*d35 < 4*sum {
		return false
	}
	return ends == 1 && within(16*(d13-d24), 2*off)
}

// note keeps a place for later.
func (l *level) note(r runs, end, y int, inverted bool) {
	if len(l.merged) == maxMerged || l.swing(r, y, inverted) < int(l.contrast)*5/4 {
		return
	}
	m := float64(r.e3-r.e1+r.e4-r.e2) / 8
	l.keep(place{float64(r.e1+r.e2+r.e3+r.e4) / 4, float64(y) + 0.5, m, inverted})
}

// keep keeps a place for later, if there is room.
func (l *level) keep(p place) {
	if len(l.merged) < maxMerged && !l.merging {
		l.spend(10)
		l.merged = append(l.merged, p)
	}
}

// lookAtMerged looks closer at the places that were noted on a level, where another row crossed
// the same, and tries the corners that they make with the finders there are. What it finds is no
// evidence of a code: it is forgotten.
func (r *Reader) lookAtMerged(l *level) bool {
	if len(l.merged) < leastMerged || r.spent() {
		return false
	}
	defer r.leave(r.enter(stageFinders))
	l.merging = true
	before := len(l.finders)
	defer func() {
		l.merging = false
		l.finders = l.finders[:min(before, len(l.finders))]
		l.relink()
	}()
	l.spend(100 * len(l.merged))
	slices.SortFunc(l.merged, func(a, b place) int {
		if a.y != b.y {
			return cmp.Compare(a.y, b.y)
		}
		return cmp.Compare(a.x, b.x)
	})
	for i := range l.merged {
		if p := &l.merged[i]; l.isMiddle(i) && !l.spent() {
			l.look(p.x, p.y, p.m, p.inverted)
		}
	}
	return len(l.finders) > before && r.tryCorners(l, l.tries+maxCorners)
}

// isMiddle says whether other rows crossed what row crossed at place i, above and below it, or one
// where no third did. The places are sorted by row.
func (l *level) isMiddle(i int) bool {
	p := &l.merged[i]
	above, below := 0, 0
	for j := i - 1; j >= 0 && p.y-l.merged[j].y < 3*p.m; j-- {
		if p.isLike(&l.merged[j]) {
			above++
		}
	}
	for j := i + 1; j < len(l.merged) && l.merged[j].y-p.y < 3*p.m; j++ {
		if p.isLike(&l.merged[j]) {
			below++
		}
	}
	return above > 0 && below-above <= 1 && above-below <= 1 || above == 0 && below == 1
}

// isLike says whether two rows may cross the same at p and q.
func (p *place) isLike(q *place) bool {
	return math.Abs(q.x-p.x) < p.m+1 && q.inverted == p.inverted && alike(q.m, p.m, 1)
}

// mergedProportions are proportions where one side of the outer ring may have no end: its edge is
// endless.
func mergedProportions(back, ahead *edges, loose float64) (module, off float64, ok bool) {
	d13, d24, c := back[1]+ahead[0], back[0]+ahead[1], back[0]+ahead[0]
	module = (d13 + d24) / 8
	most := module*loose + 0.6
	before, after := math.Abs(back[2]-back[0]-2*module), math.Abs(ahead[2]-ahead[0]-2*module)
	off = (math.Abs(d13-d24) + min(before, after)) / module
	return module, off, math.Abs(d13-d24) <= 1.4*most && min(before, after) <= most && c >= 1.8*module && c <= 4.6*module
}

// endless stands for an edge that is farther than was looked.
const endless = 1e6

// fits are proportions, of a finder that may have run into its ground where such are looked for.
func (l *level) fits(back, ahead *edges, loose float64) (module, off float64, ok bool) {
	if l.merging {
		return mergedProportions(back, ahead, loose)
	}
	return proportions(back, ahead, loose)
}

// shiftOf is the way to the middle of a finder; the outer edges tell of it if both are there.
func (l *level) shiftOf(back, ahead *edges) float64 {
	if l.merging {
		return (ahead[0] - back[0] + ahead[1] - back[1]) / 4
	}
	return shift(back, ahead)
}
