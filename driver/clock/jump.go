package clock

import (
	"slices"
	"time"
)

const (
	// jumpWindow is the time within which a wall clock that moves by more than the
	// tolerance has jumped, whether it was stepped or slewed.
	jumpWindow = 10 * time.Minute
	// vouchedFor is how long the time daemon must vouch for a clock that jumped.
	vouchedFor = time.Minute
	// markEvery is how often the wall clock's way is noted.
	markEvery = 10 * time.Second
	// leastJump is the least that is a jump, for issuers that tolerate nothing.
	leastJump = time.Second
)

// A mark is what the wall clock said at one instant, and the anchor that counted then.
type mark struct {
	mono   time.Duration
	wall   time.Time
	anchor Anchor
}

// moved is how far the wall clock has moved since the mark, beyond the time that
// went by.
func (m mark) moved(s Sample) time.Duration {
	return s.Wall.Sub(m.wall) - (s.Mono() - m.mono)
}

// A track is the wall clock's way over the last ten minutes, oldest mark first.
type track []mark

// note adds a mark, and drops those that are too old to matter.
func (t *track) note(m mark) {
	*t = slices.DeleteFunc(*t, func(old mark) bool { return m.mono-old.mono > jumpWindow })
	if n := len(*t); n == 0 || m.mono-(*t)[n-1].mono >= markEvery {
		*t = append(*t, m)
	}
}

// jumped finds the oldest mark from which the wall clock has moved too far.
func (t track) jumped(s Sample, tolerance time.Duration) (mark, bool) {
	i := slices.IndexFunc(t, func(m mark) bool {
		return s.Mono()-m.mono <= jumpWindow && m.moved(s).Abs() > tolerance
	})
	if i < 0 {
		return mark{}, false
	}
	return t[i], true
}

// A jump is two clocks that exist: the one from before it, by the monotonic clock,
// and the wall clock. It lasts until one of them is chosen for good: the old one when
// the wall clock comes back to it, the new one when codes or the station confirm it,
// or when the old one has been held for too long.
type jump struct {
	old       Anchor
	candidate mark          // the wall clock since the jump
	daemon    time.Time     // the daemon's file from before it
	vouched   time.Duration // since when the daemon vouches for the candidate; 0: it does not
	taken     time.Duration // since when the candidate counts; 0: it does not
	denied    bool          // the station says that it is wrong
	codes     []choice      // of distinct holders since, oldest first
}

// A choice is one holder's code: in its minute by which clock.
type choice struct {
	holder   string
	old, new bool
}

const mostChoices = 64

// show takes a code that is granted from and before: by the clock from before the
// jump, and by the wall clock.
func (j *jump) show(holder string, from, until time.Time, s Sample) {
	within := func(now time.Time) bool { return !now.Before(from) && now.Before(until) }
	j.codes = slices.DeleteFunc(j.codes, func(c choice) bool { return c.holder == holder })
	if len(j.codes) == mostChoices {
		j.codes = j.codes[1:]
	}
	j.codes = append(j.codes, choice{holder, within(j.old.at(s.Mono())), within(s.Wall)})
}

// contradicted tells whether most holders' codes fit the old clock and not the new;
// confirmed is the opposite.
func (j *jump) contradicted() bool {
	return j.most(func(c choice) bool { return c.old && !c.new })
}

func (j *jump) confirmed() bool {
	return j.most(func(c choice) bool { return c.new && !c.old })
}

func (j *jump) most(fits func(choice) bool) bool {
	n := 0
	for _, c := range j.codes {
		if fits(c) {
			n++
		}
	}
	return 2*n > len(j.codes)
}

// disputed tells whether somebody contradicts the new time.
func (j *jump) disputed() bool { return j.denied || j.contradicted() }

// begin makes the wall clock the candidate, from now.
func (j *jump) begin(s, last Sample) {
	*j = jump{old: j.old, daemon: last.Mark, candidate: mark{mono: s.Mono(), wall: s.Wall}}
}

// follow goes after a candidate that the daemon slews as slowly as it may.
func (j *jump) follow(s Sample) {
	if s.Mono()-j.candidate.mono >= jumpWindow {
		j.candidate = mark{mono: s.Mono(), wall: s.Wall}
	}
}

// choose decides whether the candidate counts: after a minute in which the daemon has
// vouched for it and nobody has spoken against it. Where only the daemon's file tells,
// it must have been written since the jump. A station that answers decides by itself.
func (j *jump) choose(s Sample, belowProven, stationAnswers bool) {
	byFile := !s.Mark.IsZero()
	switch {
	case !s.Synced, byFile && s.Mark.Equal(j.daemon):
		j.vouched = 0
	case j.vouched == 0:
		j.vouched = s.Mono()
	}
	switch {
	case belowProven, j.disputed():
		j.taken = 0
	case j.taken == 0 && j.vouched > 0 && !stationAnswers && s.Mono()-j.vouched > vouchedFor:
		j.taken = s.Mono()
	}
}

// lasted tells whether the candidate has counted for long enough that the next jump is
// one from it.
func (j *jump) lasted(s Sample) bool { return j.taken > 0 && s.Mono()-j.taken >= jumpWindow }
