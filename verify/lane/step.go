package lane

import (
	"fmt"
	"slices"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// This file is the lane's law: one pure step, (state, event, now) → (state,
// effects). It reads no clock, opens no file and moves no relay; lane.go does what
// the effects say and feeds back what came of them.

const (
	staleAfter    = time.Second      // an older reading opens nothing: a backlog must never become openings
	lateAfter     = 3 * time.Second  // a grant that took longer to reach the disk opens nothing: its passenger is gone
	HeldFor       = 3 * time.Second  // the same text within this is held to the glass: one reading
	heldTexts     = 8                // how many phones may alternate before one glass
	denialShown   = 3 * time.Second  // how long a denial is shown
	toldShown     = 8 * time.Second  // how long a technician is told something
	blockedFor    = 30 * time.Second // a sensor active for so long is obstructed
	ServiceFor    = 10 * time.Minute // how long staff have the lane
	maxGrants     = 8                // people who may be let through before the first has crossed
	spentFor      = 2 * time.Hour    // after a code's end it is remembered: longer than any keyset's tolerance
	CountEvery    = time.Second      // when counted denials are journaled
	reopenOverlap = time.Second      // by how much two openings of free passage overlap
)

// How many denials are journaled one by one: a burst, and then so many a second; more
// are counted. A code whose signature holds was somebody's, and is worth a line for
// longer than what anybody may make up.
var (
	garbageAllowance = allowance{burst: 100, perSecond: 10}
	signedAllowance  = allowance{burst: 500, perSecond: 50}
)

// stepper carries one step through its cases.
type stepper struct {
	State
	now     Instant
	effects []Effect
}

// step is the lane's law.
func (s State) Step(ev Event, now Instant) (State, []Effect) {
	t := &stepper{State: s, now: now}
	t.grants, t.held, t.counted, t.pending = slices.Clone(s.grants), slices.Clone(s.held), slices.Clone(s.counted), slices.Clone(s.pending)
	t.claims = slices.Clone(s.claims)
	before, mayPass := t.IdleScreen(), len(t.grants) > 0
	t.expire()
	switch ev := ev.(type) {
	case Read:
		t.read(ev)
	case Judged:
		t.judge(ev)
	case Claimed:
		t.answered(ev)
	case Written:
		t.written(ev)
	case Opened:
		t.opened(ev)
	case Sensor:
		t.sense(ev.Active)
	case Emergency:
		t.alarm(ev.Active)
	case Missing:
		t.setCause(ev.Cause, ev.Why)
	case Service:
		t.takeOver(ev)
	case NewRules:
		t.change(ev)
	case Blind:
		t.blindSince = ev.Since
	case Tell:
		t.show(Occasion{Reason: ev.Reason}, toldShown)
	case Note:
		t.journal(ev.Record)
	case Tick:
	default:
		panic(fmt.Sprintf("lane: internal error: event %T", ev))
	}
	t.adopt()
	t.face(before, mayPass)
	return t.State, t.effects
}

func (t *stepper) do(e Effect) { t.effects = append(t.effects, e) }

// stamp gives a record its time and its lane.
func (t *stepper) stamp(r journal.Record) journal.Record {
	r.Time, r.Unsure, r.Direction = t.now.Wall, !t.now.Trusted, t.rules.Direction
	return r
}

func (t *stepper) journal(r journal.Record) { t.do(Journal{Record: t.stamp(r)}) }

func (t *stepper) show(o Occasion, d time.Duration) {
	o.Exit, o.Check = t.rules.Role == journal.Exit, t.rules.Role == journal.Check
	o.Opens = t.rules.Hours.opens()
	t.do(Show{o, d})
	t.shown, t.shownUntil = o.Reason, 0
	if d > 0 {
		t.shownUntil = t.now.Mono + d
	}
}

// face goes back to what the lane looks like at rest: when that is another than
// before the step, when a message's time is over, and when nobody is let through
// any more.
func (t *stepper) face(before string, mayPass bool) {
	over := t.shownUntil > 0 && t.now.Mono >= t.shownUntil
	passed := mayPass && len(t.grants) == 0 && t.shown == string(verify.OK)
	if !t.shows() && (t.IdleScreen() != before || over || passed) {
		t.show(Occasion{Reason: t.IdleScreen()}, 0)
	}
}

// shows tells whether this step shows something.
func (t *stepper) shows() bool {
	return slices.ContainsFunc(t.effects, func(e Effect) bool { _, ok := e.(Show); return ok })
}

// rest is the lane's face when nobody is being answered.
func (s *State) IdleScreen() string {
	switch {
	case s.emergency:
		return ScreenEmergency
	case s.why[CauseProvision] != "":
		return ScreenNotProvisioned
	case s.OutOfService(), s.service == ServiceClosed:
		return ScreenOutOfService
	case s.service == ServiceFree:
		return ScreenFree
	case s.service == ServiceDiagnosis:
		return ScreenDiagnosis
	case s.shut:
		return ScreenNotOpen
	}
	return ScreenIdle
}

// next is the instant at which time alone will change something; 0: none.
func (s *State) NextWake() time.Duration {
	next := time.Duration(0)
	at := func(ok bool, d time.Duration) {
		if ok && (next == 0 || d < next) {
			next = d
		}
	}
	if len(s.grants) > 0 {
		at(true, s.grants[0].until)
	}
	at(s.service != ServiceNone, s.serviceEnd)
	at(s.freeNow(), s.reopenAt)
	at(s.sensor && !s.obstructed, s.sensorAt+blockedFor)
	at(s.shownUntil > 0, s.shownUntil)
	at(len(s.counted) > 0, s.countAt)
	at(s.hoursAt > 0, s.hoursAt)
	if len(s.claims) > 0 {
		at(true, s.claims[0].until)
	}
	return next
}

// freeNow tells whether staff let everybody through and nothing forbids it.
func (s *State) freeNow() bool {
	return s.service == ServiceFree && !s.emergency && !s.OutOfService() && s.rules.Opens
}

// expire does what is due by time alone.
func (t *stepper) expire() {
	t.keepHours()
	for len(t.grants) > 0 && t.now.Mono >= t.grants[0].until {
		t.noPassage()
	}
	if t.now.Mono >= t.serviceEnd {
		t.endService("its time is over")
	}
	if t.freeNow() && t.now.Mono >= t.reopenAt {
		t.reopen(journal.Record{Kind: journal.Opening, Detail: "free passage"})
	}
	if t.sensor && !t.obstructed && t.now.Mono >= t.sensorAt+blockedFor {
		t.obstructed = true
		t.journal(journal.Record{Kind: journal.Obstructed})
	}
	t.expireClaims()
	if t.now.Mono >= t.countAt {
		for _, r := range t.counted {
			t.journal(r)
		}
		t.counted = nil
	}
}
