package update

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Phase is what becomes of a release that is being installed. Each is recorded before what
// it names is done.
type Phase string

const (
	Writing    Phase = "writing"    // it is written into the other slot
	Written    Phase = "written"    // it is there whole
	Restarting Phase = "restarting" // the gate restarts into it
	Running    Phase = "running"    // it runs, and has not proved good yet
	Keeping    Phase = "keeping"    // it has proved good, and is marked so
	Failing    Phase = "failing"    // it is given up; the gate restarts into the old one
)

// A Trial is a release on its way in.
type Trial struct {
	Release string `json:"release"`
	Sum     string `json:"sha256"` // of its bundle, in hex
	Slot    string `json:"slot"`   // the bootname of the slot that it is written into
	Phase   Phase  `json:"phase"`
	Starts  int    `json:"starts,omitempty"` // of the new slot
	Before  Before `json:"before"`
}

// Before is how the gate was when it was asked: what was broken then is not the release's fault.
type Before struct {
	Down   []string `json:"down,omitempty"`   // devices that did not work
	Causes []string `json:"causes,omitempty"` // why the lane was out of service
}

// Installed is a release that was kept.
type Installed struct {
	Release string `json:"release"`
	Sum     string `json:"sha256"`
}

// A Failure is a release that did not prove good here.
type Failure struct {
	Release string `json:"release"`
	Sum     string `json:"sha256"`
	Why     string `json:"why"`
}

// A State is what is recorded. Its zero value is a gate that was never updated.
type State struct {
	Running string `json:"running,omitempty"` // the release of the slot that was started last; "": not known
	Slot    string `json:"slot,omitempty"`    // its bootname

	Has map[string]Installed `json:"has,omitempty"` // what was kept in a slot, by its bootname

	Floor  string    `json:"floor,omitempty"`  // the newest release that proved good here
	Trial  *Trial    `json:"trial,omitempty"`  // nil: none is on its way
	Failed []Failure `json:"failed,omitempty"` // the last of them
	Bad    string    `json:"bad,omitempty"`    // the bootname of the slot that has the last of them; "": it was written over
	Cuts   int       `json:"cuts,omitempty"`   // how often the power was cut while CutSum was written
	CutSum string    `json:"cut_sha256,omitempty"`
	Events []Noted   `json:"events,omitempty"` // the last of what happened, oldest first
	Seq    uint64    `json:"seq,omitempty"`    // of the newest event
}

// A Noted is something that happened, for people.
type Noted struct {
	Seq  uint64 `json:"seq"`
	What string `json:"what"`
}

// An Event is something that happened to a gate.
type Event interface{ event() }

type (
	// Asked is the wish that a release be installed. The bundle has been held against what was signed.
	Asked struct {
		Release, Sum string
		Slot         string // that it is to be written into
		ByHand       bool   // a person asks, at the gate
		Downgrade    bool   // and knows that it is older
		Before       Before
	}
	// Wrote says that the other slot has been written.
	Wrote struct{}
	// NotWritten says that it could not be.
	NotWritten struct{ Why string }
	// MayRestart says that a restart disturbs nobody now.
	MayRestart struct{}
	// Started says that the gate has started: which slot runs, with which release.
	Started struct{ Slot, Release string }
	// Proved says that the release that runs has proved good.
	Proved struct{}
	// Kept says that the bootloader starts it from now on.
	Kept struct{}
	// Refused says why a wish was not granted, before anything was done.
	Refused struct{ Release, Why string }
	// Overdue says that it has had its time to prove good, and has not.
	Overdue struct{ Why string }
)

func (Asked) event()      {}
func (Wrote) event()      {}
func (NotWritten) event() {}
func (MayRestart) event() {}
func (Started) event()    {}
func (Proved) event()     {}
func (Kept) event()       {}
func (Overdue) event()    {}
func (Refused) event()    {}

// An Effect is what is to be done once the state is recorded.
type Effect string

const (
	Install  Effect = "install"   // write the bundle into the other slot
	MarkGood Effect = "mark_good" // have the bootloader keep the slot that runs
	MarkBad  Effect = "mark_bad"  // have it start the trial's slot no more
	Restart  Effect = "restart"   // the machine
)

// Why a release is not installed.
var (
	ErrUnderWay = errors.New("another release is on its way")
	ErrFailed   = errors.New("it failed on this gate, and is not installed again by itself")
	ErrOlder    = errors.New("it is older")
	ErrRuns     = errors.New("it runs already")
)

// The bounds of what the law does by itself.
const (
	maxStarts = 3 // of a slot that has not proved good
	maxCuts   = 3 // of the power, while one release is written
	maxFailed = 16
	maxEvents = 32
)

// Step says what becomes of a state by an event, and what is to be done then. An error is
// the answer to Asked alone, and leaves the state.
func Step(s State, e Event) (State, []Effect, error) {
	switch e := e.(type) {
	case Asked:
		return s.asked(e)
	case Started:
		next, effects := s.started(e)
		return next, effects, nil
	case Refused:
		return s.noting(e.Release + " was not installed: " + e.Why), nil, nil
	}
	t := s.Trial
	if t == nil {
		return s, nil, nil
	}
	switch e := e.(type) {
	case Wrote:
		if t.Phase == Writing {
			return s.to(Written), nil, nil
		}
	case NotWritten:
		if t.Phase == Writing {
			return s.failed("it could not be written: " + e.Why), []Effect{MarkBad}, nil
		}
	case MayRestart:
		if t.Phase == Written {
			return s.to(Restarting), []Effect{Restart}, nil
		}
	case Proved:
		if t.Phase == Running {
			return s.to(Keeping), []Effect{MarkGood}, nil
		}
	case Kept:
		if t.Phase == Keeping {
			return s.kept(), nil, nil
		}
	case Overdue:
		if t.Phase == Running || t.Phase == Keeping {
			return s.giveUp(e.Why), []Effect{MarkBad, Restart}, nil
		}
	}
	return s, nil, nil
}

// asked takes a release, or says why not.
func (s State) asked(e Asked) (State, []Effect, error) {
	if t := s.Trial; t != nil {
		return s, nil, fmt.Errorf("%w: %s, %s", ErrUnderWay, t.Release, t.Phase)
	}
	if f := s.failure(e.Sum); f != nil && !e.ByHand {
		return s, nil, fmt.Errorf("release %s: %w: %s", e.Release, ErrFailed, f.Why)
	}
	if err := s.old(e); err != nil {
		return s, nil, err
	}
	s.Failed = slices.DeleteFunc(slices.Clone(s.Failed), func(f Failure) bool { return f.Sum == e.Sum })
	s.Has = maps.Clone(s.Has)
	delete(s.Has, e.Slot)
	if e.Sum != s.CutSum || e.ByHand {
		s.Cuts, s.CutSum = 0, e.Sum
	}
	if s.Bad == e.Slot {
		s.Bad = ""
	}
	s.Trial = &Trial{Release: e.Release, Sum: e.Sum, Slot: e.Slot, Phase: Writing, Before: e.Before}
	what := "is written into slot " + e.Slot
	if e.Downgrade && s.newest() != "" && Compare(e.Release, s.newest()) < 0 {
		what += ", although it is older than " + s.newest() + ": a person asked for it"
	}
	return s.noting(e.Release + " " + what), []Effect{Install}, nil
}

// newest is the newest release that this gate is known to have.
func (s State) newest() string {
	if s.Running != "" && (s.Floor == "" || Compare(s.Running, s.Floor) > 0) {
		return s.Running
	}
	return s.Floor
}

// old says of a release that it is not newer than what is here.
func (s State) old(e Asked) error {
	runs := s.Running != "" && Compare(e.Release, s.Running) == 0 || s.Has[s.Slot].Sum == e.Sum
	if !e.ByHand && runs {
		return fmt.Errorf("release %s: %w", e.Release, ErrRuns)
	}
	if n := s.newest(); n != "" && Compare(e.Release, n) < 0 && !e.Downgrade {
		return fmt.Errorf("release %s: %w than %s, which this gate has had", e.Release, ErrOlder, n)
	}
	return nil
}

// failure is why a bundle failed here; nil: it did not.
func (s State) failure(sum string) *Failure {
	for i := range s.Failed {
		if s.Failed[i].Sum == sum {
			return &s.Failed[i]
		}
	}
	return nil
}

// started says what a start means for the release that is on its way. A slot that is not on trial is
// marked good each time: a bootloader that counts starts has counted this one.
func (s State) started(e Started) (State, []Effect) {
	s.Slot, s.Running = e.Slot, e.Release
	if h, ok := s.Has[e.Slot]; ok {
		s.Running = h.Release // by the nation's name for it
	}
	t := s.Trial
	switch {
	case t == nil && e.Slot == s.Bad:
		return s, []Effect{MarkBad} // the bootloader does not obey
	case t == nil && s.Bad != "":
		return s, []Effect{MarkBad, MarkGood} // the power may have been cut before it was marked
	case t == nil:
		return s, []Effect{MarkGood}
	case e.Slot == t.Slot:
		return s.startedNew()
	}
	bad := []Effect{MarkBad, MarkGood}
	switch t.Phase { // the old slot runs
	case Writing:
		return s.cut(), bad
	case Written: // the bootloader was not told to try it: the power was cut before the restart
		return s, []Effect{MarkGood}
	case Failing:
		s.Trial = nil
		return s, bad
	case Keeping:
		return s.failed("the power was cut before it was kept, so the old release was started"), bad
	case Running:
		return s.failed("it was started, and the gate restarted before it had proved good"), bad
	}
	return s.failed("it was not seen to run: the old release was started"), bad
}

// startedNew is a start of the slot that is on trial. While it was recorded as being
// written, RAUC had finished, and the power was cut before that was recorded.
func (s State) startedNew() (State, []Effect) {
	switch t := s.Trial; {
	case t.Phase == Keeping:
		return s, []Effect{MarkGood}
	case t.Phase == Failing: // the bootloader does not obey; restarting again would not help
		return s, []Effect{MarkBad}
	case t.Starts >= maxStarts:
		return s.giveUp(fmt.Sprintf("it was started %d times, and never proved good", t.Starts)), []Effect{MarkBad, Restart}
	}
	next := s.to(Running)
	next.Trial.Starts++
	return next, nil
}

// cut is a power cut while a release was written: it is nobody's fault, but not for ever.
func (s State) cut() State {
	if s.Cuts++; s.Cuts >= maxCuts {
		return s.failed(fmt.Sprintf("the power was cut %d times while it was written", s.Cuts))
	}
	t := s.Trial
	s.CutSum, s.Bad, s.Trial = t.Sum, t.Slot, nil
	return s.noting(t.Release + " was not written whole: the power was cut")
}

// to is the state with its trial in another phase.
func (s State) to(p Phase) State {
	t := *s.Trial
	t.Phase = p
	s.Trial = &t
	return s
}

// kept ends a trial well.
func (s State) kept() State {
	r := s.Trial.Release
	if s.Floor == "" || Compare(r, s.Floor) > 0 {
		s.Floor = r
	}
	s.Has = maps.Clone(s.Has)
	if s.Has == nil {
		s.Has = map[string]Installed{}
	}
	s.Has[s.Trial.Slot] = Installed{r, s.Trial.Sum}
	s.Trial, s.Running = nil, r
	return s.noting(r + " proved good and is kept")
}

// failed ends a trial badly, with the old slot running.
func (s State) failed(why string) State {
	s = s.failing(why)
	s.Trial = nil
	return s
}

// giveUp ends a trial badly, with the new slot running.
func (s State) giveUp(why string) State { return s.failing(why).to(Failing) }

func (s State) failing(why string) State {
	t := s.Trial
	s.Bad = t.Slot
	kept := slices.DeleteFunc(slices.Clone(s.Failed), func(f Failure) bool { return f.Sum == t.Sum })
	s.Failed = append(kept, Failure{Release: t.Release, Sum: t.Sum, Why: why})
	if n := len(s.Failed); n > maxFailed {
		s.Failed = s.Failed[n-maxFailed:]
	}
	return s.noting(t.Release + " failed: " + why)
}

func (s State) noting(what string) State {
	s.Seq++
	s.Events = append(slices.Clone(s.Events), Noted{s.Seq, what})
	if n := len(s.Events); n > maxEvents {
		s.Events = s.Events[n-maxEvents:]
	}
	return s
}
