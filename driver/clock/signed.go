package clock

import (
	"fmt"
	"slices"
	"time"
)

// A SignedTime is what a code whose signature holds says of the time.
type SignedTime struct {
	Certificate string
	Holder      string
	Issued      time.Time // when it was signed
	InTime      bool      // it is the code to show now
	From, Until time.Time // its minute, with tolerances; zero: it does not rotate and has none
}

// Learn takes the signed time of a code that was shown. It proves that it is later
// than that, where the trusted time says so too. Those from later than the trusted
// time prove it once eight certificates agree and no code in its time came between:
// whoever shows a code too early must not close a lane. A clock that is vouched for is
// not argued with. A code's minute helps to choose between two clocks, after a jump.
func (t *Trust) Learn(c SignedTime, s Sample) {
	now := t.Now(s)
	if c.InTime {
		t.doubts = nil
	}
	switch {
	case now.OK && !c.Issued.After(now.Time):
		t.prove(signedCodes, c.Issued.Add(-t.cfg.Tolerance), s)
	case c.InTime, t.state.Source == Synchronised, t.state.Source == Station:
	default:
		if least, enough := t.doubts.add(c); enough {
			t.prove(signedCodes, least.Add(-t.cfg.Tolerance), s)
			t.doubts = nil
		}
	}
	if t.jump != nil && !c.Until.IsZero() {
		t.jump.show(c.Holder, c.From, c.Until, s)
	}
}

func (t *Trust) prove(signer string, at time.Time, s Sample) {
	t.proofs.add(proof{signer, at, s.Raw})
}

// doubts are codes from later than the trusted time, of distinct certificates.
type doubts []SignedTime

const enoughDoubts = 8

// add notes a code. It returns the least time that eight of them were signed at.
func (d *doubts) add(c SignedTime) (least time.Time, enough bool) {
	*d = slices.DeleteFunc(*d, func(e SignedTime) bool { return e.Certificate == c.Certificate })
	*d = append(*d, c)
	if len(*d) < enoughDoubts {
		return time.Time{}, false
	}
	return slices.MinFunc(*d, func(a, b SignedTime) int { return a.Issued.Compare(b.Issued) }).Issued, true
}

// Prove takes a time that a station signed. It counts at most an hour past what
// anybody else's signature proves. It proves a little less than it says, as a code does:
// clocks that agree are not the same, and the one that is behind must not close a lane.
func (t *Trust) Prove(station string, at time.Time, s Sample) {
	t.prove(station, t.proofs.bounded(station, at.Add(-t.cfg.Tolerance), s.Raw), s)
}

// heardFor is how long a station's word counts: it is asked every ten minutes.
const heardFor = 25 * time.Minute

// Confirm takes a station's answer: it is at the sample's instant between at and at +
// width, and the station signed that. The station is believed before the time
// daemon, unless what it says is before what is proven.
func (t *Trust) Confirm(station string, at time.Time, width time.Duration, s Sample) error {
	latest := at.Add(width)
	t.correct(station, latest, s)
	t.Prove(station, at, s)
	t.told = true
	if t.below(latest, s) {
		return fmt.Errorf("station %s says that it is %s, but signed times prove that it is at least %s",
			station, latest.UTC().Format(time.RFC3339), t.proven(s).at.UTC().Format(time.RFC3339))
	}
	line := Anchor{Boot: t.boot, Wall: at.Add(width / 2), Mono: s.Mono()}
	agrees := s.Wall.Sub(line.Wall).Abs() <= t.leastJump()+width/2
	if agrees && s.Synced {
		line.Wall = s.Wall // which is more exact
	}
	t.heard, t.anchor, t.track = s.Mono(), &line, nil
	switch {
	case t.jump != nil && agrees:
		t.jump, t.news = nil, "the station confirms the time of the wall clock"
	case agrees, t.jump == nil && !s.Synced:
	case t.jump == nil:
		t.jump = new(jump)
		t.jump.begin(s, t.last)
		fallthrough
	default:
		t.jump.old, t.jump.taken, t.jump.denied = line, 0, true
	}
	return nil
}

// correct takes back what a station proved, where its answer to a question of now is
// earlier: its clock was ahead, and is right again. What others proved stays.
func (t *Trust) correct(station string, latest time.Time, s Sample) {
	t.proofs = slices.DeleteFunc(t.proofs, func(p proof) bool { return p.signer == station && p.at(s.Raw).After(latest) })
}

// Accept lowers proven time to at, as an operator says: for the one case in which a
// signer's own clock was ahead. Everything that was proven is forgotten, but for the
// build: this program cannot be older than itself.
func (t *Trust) Accept(at time.Time, s Sample) error {
	proven := t.proven(s).at
	build := t.proofs.newest(s.Raw, func(signer string) bool { return signer == signedBuild })
	switch {
	case at.After(proven):
		return fmt.Errorf("proven time is %s, which is not later: nothing to accept", proven.UTC().Format(time.RFC3339))
	case at.Before(build):
		return fmt.Errorf("%s is before this program was built (%s): set the clock", at.UTC().Format(time.RFC3339), build.UTC().Format(time.RFC3339))
	}
	t.proofs = slices.DeleteFunc(t.proofs, func(p proof) bool { return p.signer != signedBuild })
	t.prove(signedOperator, at, s)
	t.doubts = nil
	return nil
}
