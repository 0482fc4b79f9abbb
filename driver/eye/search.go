package eye

import (
	"cmp"
	"math"
	"slices"
)

const (
	// bigFrame is the number of pixels from which on a frame is first looked at smaller:
	// what is held to the glass fills it.
	bigFrame = 3 << 20

	maxLevels   = 5   // the frame, a half of it, a quarter, an eighth, a sixteenth
	leastSide   = 60  // pixels of a level that is worth a look
	wideRadius  = 2   // blocks around a block, for its threshold
	closeRadius = 1   // the same, for light that changes within a code
	maxCorners  = 8   // tried in one pass
	maxEarly    = 2   // of them before all rows have been looked at
	mostDoubt   = 0.6 // of a corner that is tried though little of the timing patterns is seen
	maxLooks    = 40  // between two finders, for what is as busy as a code
	wildShare   = 2   // units a pixel that go to finders where nearly everything looks like one at a glance: one at most where a second look found a code
	crowded     = 8   // corners from which on each is weighed first
	weighShare  = 22  // of what is left of the budget, for weighing: one part of so many for each that may be tried
)

// search looks at the frame at its own size, for codes of up to about 13 pixels a module;
// then at a quarter and a sixteenth of it, for those that are nearer; then, at its own size, for
// finders that have run into their ground. If two finders were seen between which there may be a
// code, and it is not read, it looks again with thresholds closer by, and at a half of it, where noise is
// less. Big frames begin small, and get as far as the budget goes.
func (r *Reader) search(p plane) bool {
	full := r.level(0, p)
	if r.pure(full) {
		return true
	}
	big := p.w*p.h > bigFrame
	before := r.by[stageFinders]
	if !big && r.firstLook(full) {
		return true
	}
	wild := r.by[stageFinders]-before > wildShare*p.w*p.h
	seen := full.evidence()
	for _, i := range [...]int{2, 4} {
		if l := r.level(i, p); l != nil {
			if r.firstLook(l) {
				return true
			}
			seen += l.evidence()
		}
	}
	switch {
	case big:
		if l := r.level(1, p); l != nil && r.firstLook(l) {
			return true
		}
		return r.firstLook(full) || r.lookBetween(full) || r.lookAtMerged(full) || r.lookForCovered()
	case r.lookAtMerged(full):
		return true
	case full.evidence() > fewFinders, wild:
		return false // what is behind the code is sharp, and so would the code be
	case seen == 0:
		return r.glance(full, 2) && (r.lookSoftly(0, p) || r.lookSoftly(1, p))
	}
	switch r.promise() {
	case promisesNothing:
		return r.glance(full, 1) && (r.lookSoftly(0, p) || r.lookSoftly(1, p))
	case promisesTexture:
		return r.lookSoftly(0, p) || r.pass(full, closeRadius) || r.recover(full) || r.lookSoftly(1, p)
	}
	if r.lookForCovered() || r.lookSoftly(0, p) {
		return true
	}
	if r.pass(full, closeRadius) || r.recover(full) {
		return true
	}
	for _, i := range [...]int{1, 3} {
		if l := r.level(i, p); l != nil && r.pass(l, wideRadius) {
			return true
		}
	}
	return r.lookSoftly(1, p)
}

// A promise is what two finders that were seen tell of a code. One that is alone, or icons on a wall, are not
// worth another look.
type promise int

const (
	promisesNothing promise = iota
	promisesTexture         // they are alike, one of them was crossed by two rows, and as much is between them as in a code
	promisesTiming          // and there is a timing pattern's beat
)

// promise is the most that finders promise on a level that has been looked at.
func (r *Reader) promise() (most promise) {
	defer r.leave(r.enter(stageThird))
	for _, i := range [...]int{0, 2, 4} {
		if l := &r.levels[i]; r.have[i] {
			most = max(most, l.promise())
		}
	}
	return most
}

func (l *level) promise() (most promise) {
	looks := 0
	order := l.bestSeen()
	l.spend(4 * len(order) * len(order))
	for n, i := range order {
		for _, j := range order[:n] {
			f, g := &l.finders[i], &l.finders[j]
			if f.rows+g.rows < 3 || !l.related(i, j) || !alike(f.mx, g.mx, 1) || !alike(f.my, g.my, 1) {
				continue
			}
			if looks++; l.busy(i, j) {
				if l.pairKeepsTime(i, j) {
					return promisesTiming
				}
				most = promisesTexture
			}
			if looks == maxLooks {
				return most
			}
		}
	}
	return most
}

// lookSoftly looks at the full size or a half of it, smoothed where something fine is. What is smoothed of dots is gray between
// them, and darker where they are many: thresholds must be from closer by.
func (r *Reader) lookSoftly(i int, p plane) bool {
	if r.level(i, p) == nil {
		return false
	}
	l := r.softLevel(i)
	return l != nil && r.lookThrough(l, closeRadius)
}

func (r *Reader) firstLook(l *level) bool { return r.lookThrough(l, wideRadius) }

// lookThrough is all of a first look, with thresholds of so many blocks around.
func (r *Reader) lookThrough(l *level, radius int) bool {
	return r.pass(l, radius) || r.throughLenses(l) || r.throughArches(l) || l.evidence() <= fewPairs && r.recover(l)
}

// level is the frame by 2^i smaller, made when it is first asked for; nil if it is too small
// to be worth a look, or the budget has no room for it or for what it is made of.
func (r *Reader) level(i int, p plane) *level {
	defer r.leave(r.enter(stagePlanes))
	l := &r.levels[i]
	if i > 0 && min(p.w, p.h)>>i < leastSide {
		return nil
	}
	if r.have[i] {
		return l
	}
	from := &p
	if i > 2 {
		fourth := r.level(2, p)
		if fourth == nil {
			return nil
		}
		from = &fourth.plane
	}
	if i > 0 {
		cost := (p.w >> i) * (p.h >> i) / 8
		if i%2 == 0 {
			cost *= 2
		}
		if cost > r.left {
			return nil
		}
		r.spend(cost)
	}
	r.have[i] = true
	switch i {
	case 0:
		l.plane = p
	case 1, 3:
		halve(&l.plane, from)
	case 2, 4:
		quarter(&l.plane, from)
	}
	l.shrink = 1 << i
	l.reset()
	l.setLens(r.K1)
	return l
}

// evidence counts the finders that more than one row crossed.
func (l *level) evidence() (n int) {
	for i := range l.finders {
		if l.finders[i].rows > 1 && !l.finders[i].known {
			n++
		}
	}
	return n
}

// pass looks for a code on one level: first in the rows where the last code was, then in
// every other row of those that are to be looked at, then in the rest. After each it tries
// the corners that it has.
func (r *Reader) pass(l *level, radius int) bool {
	l.begin(radius)
	every := l.rowsApart(radius)
	first := every / 2
	if top, bottom, ok := r.lastRows(l); ok {
		// No more of them than below: in a large code more rows cross more that looks like finders, and its own are the farthest apart.
		l.scanRows(top-top%(2*every)+first, min(bottom, l.h), 2*every)
		if r.tryCorners(l, maxEarly) {
			return true
		}
	}
	l.scanRows(first, l.h, 2*every)
	if r.tryCorners(l, maxEarly) {
		return true
	}
	l.scanRows(first, l.h, every)
	return r.tryCorners(l, maxCorners)
}

// lookBetween looks at the rows between those that were looked at on a tall level: of a code that is turned by half a right angle
// only rows close to a finder's middle look right.
func (r *Reader) lookBetween(l *level) bool {
	every := l.rowsApart(wideRadius)
	l.scanRows(0, l.h, every)
	return r.tryCorners(l, maxCorners)
}

// begin forgets what was found on the level.
func (l *level) begin(radius int) {
	l.setRadius(radius)
	l.forget()
	l.fine, l.fineFrom, l.fineTo = 0, l.h, 0
	l.scanned = grown(l.scanned, l.h)
	clear(l.scanned)
	l.edges = grown(l.edges, len(l.bits)*(l.h/patch+1))
	clear(l.edges)
}

// forget drops the finders, and what was tried of them.
func (l *level) forget() {
	l.finders, l.tried, l.tries, l.nextID = l.finders[:0], l.tried[:0], 0, 0
	l.merged = l.merged[:0]
	l.cellsWide = l.w/cell + 1
	l.cells = grown(l.cells, l.cellsWide*(l.h/cell+1))
	l.wall = grown(l.wall, (l.w/wallCell+1)*(l.h/wallCell+1)/64+1)
	clear(l.wall)
	l.relink()
}

// rowsApart is how far apart the rows are that are looked at: the middle of a finder, three
// modules, is to be crossed at least once.
func (l *level) rowsApart(radius int) int {
	switch {
	case l.h > 1080:
		return l.h * 3 / 1080
	case l.smoothed:
		return 1
	case l.h < 300 || l.shrink > 1 || radius == closeRadius:
		return 2
	}
	return 3
}

// scanRows looks at rows that have not been looked at.
func (l *level) scanRows(from, to, every int) {
	defer l.leave(l.enter(stageFinders))
	for y := from; y < min(to, l.to) && !l.spent(); y += every {
		if y >= l.from && !l.scanned[y] {
			l.scanned[y] = true
			l.scanRow(y)
		}
	}
}

// tryCorners tries the corners that have not been tried, likeliest first, until most have been in
// all. Where there is a crowd of them, each is weighed first by what costs little: whether both timing patterns'
// beat is there and it is busy along both sides, as in a code, and what share of the timing patterns is seen; one that is
// doubtful must pass the same and show most of both. Those that
// show both timing patterns are tried at once, and of the rest those that show the most of them.
func (r *Reader) tryCorners(l *level, most int) bool {
	defer r.leave(r.enter(stageCorners))
	r.sketchFinders(l)
	if len(l.finders) < 3 || r.spent() {
		return false
	}
	corners := l.makeCorners()
	crowd := len(corners) > crowded || l.merging
	l.likely = l.likely[:0]
	floor := l.left - l.left*most/weighShare // what weighing leaves of the budget
	for _, c := range corners {
		if l.tries >= most || r.left <= floor || r.spent() {
			break
		}
		key := l.key(c)
		if slices.Contains(l.tried, key) || l.hasKnown(c) {
			continue
		}
		doubtful := c.doubt > mostDoubt || l.merging
		if crowd && !l.keepsTime(c) || (crowd || doubtful) && !(l.busy(c.at, c.right) && l.busy(c.at, c.below)) {
			l.tried = append(l.tried, key)
			continue
		}
		l.inverted = l.finders[c.at].inverted
		grids := r.makeGrids(l, c)
		switch {
		case len(grids) == 0, doubtful && grids[0].weaker < clearTiming:
			l.tried = append(l.tried, key)
		case crowd && grids[0].weaker < sureTiming:
			l.likely = append(l.likely, likely{c, grids[0].weaker})
		default:
			if r.tryCorner(l, c, key) {
				return true
			}
		}
	}
	slices.SortStableFunc(l.likely, func(a, b likely) int { return cmp.Compare(b.timing, a.timing) })
	for _, c := range l.likely {
		if l.tries >= most || r.spent() {
			break
		}
		if !l.hasKnown(c.corner) && r.tryCorner(l, c.corner, l.key(c.corner)) {
			return true
		}
	}
	return false
}

// A likely corner is one that has been weighed.
type likely struct {
	corner
	timing float64
}

// key tells a corner from others, whatever the table of finders drops.
func (l *level) key(c corner) uint64 {
	return uint64(l.finders[c.at].id)<<32 | uint64(l.finders[c.right].id)<<16 | uint64(l.finders[c.below].id)
}

// tryCorner tries the grids that a corner may have.
func (r *Reader) tryCorner(l *level, c corner, key uint64) bool {
	l.tried = append(l.tried, key)
	l.tries++
	if r.tryGrids(l, c) {
		return true
	}
	if l.hasKnown(c) {
		l.tries--
	}
	return false
}

func (r *Reader) tryGrids(l *level, c corner) bool {
	l.inverted = l.finders[c.at].inverted
	for _, g := range r.makeGrids(l, c) {
		if r.tryGrid(l, g, c) {
			return true
		}
		if l.hasKnown(c) {
			return false
		}
	}
	return false
}

// remember notes in which rows the code is: there the search in the next picture begins.
func (r *Reader) remember() {
	r.last = rows{math.Inf(1), math.Inf(-1), 0}
	for _, p := range r.code.Corners {
		r.last.top, r.last.bottom = min(r.last.top, p.Y), max(r.last.bottom, p.Y)
	}
}

// rows are those of the frame where a code was read.
type rows struct {
	top, bottom float64
	age         int // frames since
}

// maxAge is for how many frames the last place orders the search.
const maxAge = 30

// lastRows are the rows of the level where the last code was.
func (r *Reader) lastRows(l *level) (top, bottom int, ok bool) {
	if r.last.bottom <= r.last.top || r.last.age > maxAge {
		return 0, 0, false
	}
	k := float64(l.shrink)
	return max(int(r.last.top/k), 0), int(r.last.bottom / k), true
}
