package eye

// Where nothing of the third finder is to be seen, a hand lies on it, the timing patterns tell
// where it must be: one of them, or both, run from it to those that are found, and each of their
// modules is of the other colour than the one before.

const (
	coveredReach = 3.0  // how far from where it should be it is looked for, in modules
	coveredStep  = 0.5  // modules
	knownTiming  = 0.75 // of the pattern between two finders that are found
	fewFinders   = 8    // crossed by more than one row, on a level
	maxCovered   = 3    // places for which a grid is tried, for a pair
)

// A covered finder is a guess at one that is not seen, and the grid that follows from it.
type covered struct {
	x, y  float64
	g     grid
	swing int32 // of the timing patterns
}

// lookForCovered looks for codes of which two finders are seen and nothing of the third, on the levels
// that have been looked at. In a crowd of finders there are too many that may be a code's.
func (r *Reader) lookForCovered() bool {
	for _, i := range [...]int{0, 2, 1} {
		if l := &r.levels[i]; r.have[i] && l.evidence() <= fewFinders && r.forPairs(l, r.recoverCovered) {
			return true
		}
	}
	return false
}

// recoverCovered looks for a code of which finders i and j are seen and nothing of the third.
func (r *Reader) recoverCovered(l *level, i, j int) bool {
	l.inverted = l.finders[i].inverted
	tried := 0
	between := l.sideOf(&l.finders[i], &l.finders[j])
	for _, v := range l.vacanciesOf(i, j) {
		if !l.vacancyKeepsTime(&v, i, j, looseBeat) {
			continue
		}
		for _, dim := range dimsNear(between.modules() + 7) {
			if r.spent() || tried == maxCovered {
				return false
			}
			c, ok := l.uncover(&v, dim)
			if !ok {
				continue
			}
			tried++
			m := (l.finders[i].module() + l.finders[j].module()) / 2
			l.finders = append(l.finders, finder{x: c.x, y: c.y, mx: m, my: m, rows: 1, inverted: l.inverted, guessed: true})
			ok = r.tryGrid(l, c.g, v.fill(len(l.finders)-1))
			l.finders = l.finders[:len(l.finders)-1]
			if ok {
				return true
			}
			if l.finders[i].known || l.finders[j].known {
				return false
			}
		}
	}
	return false
}

// uncover looks for the place of the finder that is not seen at which the timing patterns of a code
// of dim modules show best. A code is seen nearly from the front here: one finder less tells
// nothing of a slant.
func (l *level) uncover(v *vacancy, dim int) (best covered, ok bool) {
	n := float64(dim - 7)
	if t, fine := l.gridOver(v, v.x, v.y, n); !fine || !t.holds(dim) {
		return best, false
	} else if k := v.knownPattern(); k >= 0 {
		if right, _ := l.timingLine(&t, dim, k); float64(right) < knownTiming*float64(dim-17) {
			return best, false
		}
	}
	step := coveredStep * v.side / n
	const reach = int(coveredReach / coveredStep)
	best.swing = -1
	look := func(a, b int) (better bool) {
		l.spend(timingCost * dim)
		x, y := v.x+float64(a)*step, v.y+float64(b)*step
		t, fine := l.gridOver(v, x, y, n)
		if !fine || !t.holds(dim) {
			return false
		}
		right0, swing0 := l.timingLine(&t, dim, 0)
		right1, swing1 := l.timingLine(&t, dim, 1)
		swing := swing0 + swing1
		if better = swing > best.swing; better {
			both, weaker := float64(right0+right1)/float64(2*(dim-17)), float64(min(right0, right1))/float64(dim-17)
			best = covered{x, y, grid{dim, t, both, weaker}, swing}
		}
		return better
	}
	// Every other step first: what swings best there is next to what swings best of all.
	u, w := 0, 0
	for b := -reach; b <= reach; b += 2 {
		for a := -reach; a <= reach; a += 2 {
			if look(a, b) {
				u, w = a, b
			}
		}
	}
	for k := range 9 {
		look(u+k%3-1, w+k/3-1)
	}
	return best, best.g.weaker >= sureTiming
}

// knownPattern is the timing pattern that runs between the finders that are seen: 0 the one to the
// right, 1 the one below, -1 neither.
func (v *vacancy) knownPattern() int {
	switch {
	case v.below < 0:
		return 0
	case v.right < 0:
		return 1
	}
	return -1
}

// gridOver is the grid over three finders' middles, one of them at (x, y), n modules apart and
// seen from the front.
func (l *level) gridOver(v *vacancy, x, y, n float64) (homography, bool) {
	at := func(i int) (float64, float64) {
		if i < 0 {
			return l.lens.straight(x, y)
		}
		return l.lens.straight(l.finders[i].x, l.finders[i].y)
	}
	x0, y0 := at(v.at)
	x1, y1 := at(v.right)
	x2, y2 := at(v.below)
	s := sides{x0, y0, side{dx: x1 - x0, dy: y1 - y0}, side{dx: x2 - x0, dy: y2 - y0}}
	return fromSides(&s, n, 0, 0)
}
