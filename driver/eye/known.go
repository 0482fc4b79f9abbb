package eye

// This file is about several codes in one picture: one that is known is not looked for again.

// maxKnown bounds the codes of a picture that are known.
const maxKnown = 8

// worth tells whether the code that was just read is to be returned. Of one that is not worth
// it the place is noted, and the search goes on.
func (r *Reader) worth(l *level) bool {
	if r.Worth == nil || r.Worth(r.code.Text) {
		return true
	}
	r.others = append(r.others, r.code.Text)
	r.know(l)
	return false
}

// know notes where the code is that was read on level l.
func (r *Reader) know(l *level) {
	if len(r.known) == maxKnown {
		return
	}
	r.known = append(r.known, r.code.Corners)
	for i := range l.finders {
		f := &l.finders[i]
		f.known = f.known || l.isKnown(f.x, f.y)
	}
}

// Others are the texts of the last picture that were read and were not worth it. They are good
// until the next picture.
func (r *Reader) Others() []string { return r.others }

// LookAgain looks for another code in the picture that was given to Look and is still as it was,
// with what is left of its budget.
func (r *Reader) LookAgain() (Code, bool) {
	if len(r.known) == maxKnown || !r.found {
		return Code{}, false
	}
	r.known = append(r.known, r.code.Corners)
	if r.found = r.search(r.levels[0].plane); !r.found {
		return Code{}, false
	}
	return r.code, true
}

// isKnown tells whether a place on the level is in a known code.
func (l *level) isKnown(x, y float64) bool {
	if l.known == nil {
		return false
	}
	for i := range *l.known {
		if contains(&(*l.known)[i], x*float64(l.shrink), y*float64(l.shrink)) {
			return true
		}
	}
	return false
}

// hasKnown tells whether one of a corner's finders is a known code's.
func (l *level) hasKnown(c corner) bool {
	return l.finders[c.at].known || l.finders[c.right].known || l.finders[c.below].known
}

// contains tells whether a place is in a quadrangle without an angle that points inward.
func contains(q *[4]Point, x, y float64) bool {
	left, right := false, false
	for i := range q {
		a, b := q[i], q[(i+1)%4]
		switch side := (b.X-a.X)*(y-a.Y) - (b.Y-a.Y)*(x-a.X); {
		case side > 0:
			left = true
		case side < 0:
			right = true
		default: // on it, or not a number
			return false
		}
	}
	return left != right
}
