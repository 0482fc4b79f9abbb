// Package clock says what time it is and whether to believe it: a code that
// lasts a minute is only as good as the gate's clock, and many boards have no
// battery.
//
// [Trust] is pure: samples of the system's clocks in, a state out. [Clock] reads
// the system and keeps a Trust up to date.
package clock

import (
	"fmt"
	"slices"
	"time"
)

// A Sample is what the system's clocks say at one instant.
type Sample struct {
	Wall   time.Time     // the system's date and time
	Mono   time.Duration // since boot, suspended time included; never set by anybody
	Synced bool          // the system's time daemon says that it is synchronised
}

// An Anchor is an instant at which the wall clock was right. It is worth
// something until the next boot.
type Anchor struct {
	Boot string // the boot's id
	Wall time.Time
	Mono time.Duration
}

// Source says where the time comes from.
type Source string

const (
	Synchronised Source = "synchronised" // the time daemon vouches for it
	Holdover     Source = "holdover"     // it did a while ago; counted on by the monotonic clock
	Unchecked    Source = "unchecked"    // nobody does, and the configuration lets it pass
	Untrusted    Source = "untrusted"    // see State.Why
)

// A State is what is believed about the time.
type State struct {
	Source Source
	Error  time.Duration // holdover: how wrong the time may be by now
	Why    string        // Untrusted: the reason, in words for a technician
	Floor  time.Time     // it cannot be earlier than this
	Step   time.Duration // how far the wall clock jumped since the sample before; 0: it did not
}

// Trusted tells whether codes may be judged by the time.
func (s State) Trusted() bool { return s.Source != Untrusted }

// Config is how much is demanded of the time.
type Config struct {
	Drift       float64       // of the monotonic clock, in parts per million
	Tolerance   time.Duration // the error at which holdover ends: the issuers' early
	RequireSync bool          // false: an unsynchronised clock is believed (on a bench)
}

// noticeableStep is the disagreement between wall and monotonic clock in one
// second that is a step and no slew (the kernel slews at most 500 ppm).
const noticeableStep = 500 * time.Millisecond

// A Trust decides whether to believe the wall clock.
type Trust struct {
	cfg    Config
	boot   string
	floor  time.Time
	anchor *Anchor // of this boot; nil: never synchronised
	last   Sample
	seen   bool
	state  State
	future []witness // codes from later than the wall clock, of distinct certificates
}

type witness struct {
	certificate string
	issued      time.Time
}

// NewTrust starts with a floor (the build, the last record) and an anchor that
// was kept; one of another boot is forgotten.
func NewTrust(cfg Config, boot string, floor time.Time, kept *Anchor) *Trust {
	t := &Trust{cfg: cfg, boot: boot}
	t.Resume(floor, kept)
	t.state = State{Source: Untrusted, Why: "the clock has not been read yet", Floor: floor}
	return t
}

// Resume raises the floor, and takes an anchor that was kept in this boot where there
// is none yet.
func (t *Trust) Resume(floor time.Time, kept *Anchor) {
	t.RaiseFloor(floor)
	if t.anchor == nil && kept != nil && kept.Boot == t.boot && t.boot != "" {
		t.anchor = kept
	}
}

// Observe takes a sample, once a second or so, and returns the state.
func (t *Trust) Observe(s Sample) State {
	var step time.Duration
	if t.seen {
		if d := s.Wall.Sub(t.last.Wall) - (s.Mono - t.last.Mono); d.Abs() > noticeableStep {
			step = d
		}
	}
	t.last, t.seen = s, true
	t.state = t.judge(s)
	t.state.Floor, t.state.Step = t.floor, step
	if t.state.Source == Synchronised {
		t.anchor = &Anchor{Boot: t.boot, Wall: s.Wall, Mono: s.Mono}
		t.future = nil
	}
	return t.state
}

func (t *Trust) judge(s Sample) State {
	switch {
	case s.Synced && !s.Wall.Before(t.floor):
		return State{Source: Synchronised}
	case s.Synced:
		return t.belowFloor(s.Wall)
	case t.anchor != nil:
		return t.judgeHoldover(s)
	case t.cfg.RequireSync:
		return State{Source: Untrusted, Why: "not synchronised since boot: is the time daemon running, and its server reachable?"}
	case s.Wall.Before(t.floor):
		return t.belowFloor(s.Wall)
	}
	return State{Source: Unchecked}
}

func (t *Trust) judgeHoldover(s Sample) State {
	elapsed := s.Mono - t.anchor.Mono
	wrong := time.Duration(float64(elapsed) * t.cfg.Drift / 1e6)
	switch {
	case wrong >= t.cfg.Tolerance && t.cfg.RequireSync:
		return State{Source: Untrusted, Error: wrong,
			Why: fmt.Sprintf("not synchronised for %v: the error may have reached %v", elapsed.Round(time.Minute), t.cfg.Tolerance)}
	case t.held(s.Mono).Before(t.floor):
		return t.belowFloor(t.held(s.Mono))
	}
	return State{Source: Holdover, Error: wrong}
}

func (t *Trust) belowFloor(now time.Time) State {
	return State{Source: Untrusted, Why: fmt.Sprintf("the clock says %s, but it is at least %s: set it, or fit a battery clock",
		now.UTC().Format(time.RFC3339), t.floor.UTC().Format(time.RFC3339))}
}

// held is the time by the monotonic clock since the anchor.
func (t *Trust) held(mono time.Duration) time.Time {
	return t.anchor.Wall.Add(mono - t.anchor.Mono)
}

// Now is the best time for a reading of the clocks: in holdover a wall clock that
// was set by hand is passed over.
func (t *Trust) Now(s Sample) time.Time {
	if t.state.Source == Holdover {
		return t.held(s.Mono)
	}
	return s.Wall
}

// RaiseFloor says that it is at least now: something signed says so.
func (t *Trust) RaiseFloor(now time.Time) {
	if now.After(t.floor) {
		t.floor = now
	}
}

// witnesses is how many certificates must agree that the clock is late.
const witnesses = 8

// Witness takes the time at which a credential was signed, from a code whose
// signature holds, and whether it was the code to show now. A credential from the
// past raises the floor. Those from later than the clock says raise it once eight
// certificates agree and no code in its time came between: whoever shows a code too
// early must not close a lane. A synchronised clock is not argued with.
func (t *Trust) Witness(certificate string, issued, now time.Time, inTime bool) {
	if inTime {
		t.future = nil
	}
	if !issued.After(now) {
		t.RaiseFloor(issued.Add(-t.cfg.Tolerance))
		return
	}
	if inTime || t.state.Source == Synchronised {
		return
	}
	t.doubt(witness{certificate, issued})
}

// doubt notes a code from later than the clock says.
func (t *Trust) doubt(w witness) {
	t.future = slices.DeleteFunc(t.future, func(f witness) bool { return f.certificate == w.certificate })
	t.future = append(t.future, w)
	if len(t.future) < witnesses {
		return
	}
	least := slices.MinFunc(t.future, func(a, b witness) int { return a.issued.Compare(b.issued) })
	t.RaiseFloor(least.issued.Add(-t.cfg.Tolerance))
	t.future = nil
}

// State is what the last sample gave.
func (t *Trust) State() State { return t.state }

// Anchor is what to keep for a restart in the same boot; nil: nothing.
func (t *Trust) Anchor() *Anchor { return t.anchor }
