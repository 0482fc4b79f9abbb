package main

import (
	"fmt"
	"slices"
	"time"

	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// This file is the lane's law: one pure step, (state, event, now) → (state,
// effects). It reads no clock, opens no file and moves no relay; lane.go does what
// the effects say and feeds back what came of them.

const (
	staleAfter    = time.Second      // an older reading opens nothing: a backlog must never become openings
	lateAfter     = 3 * time.Second  // a grant that took longer to reach the disk opens nothing: its passenger is gone
	heldFor       = 3 * time.Second  // the same text within this is held to the glass: one reading
	heldTexts     = 8                // how many phones may alternate before the glass
	denialShown   = 3 * time.Second  // how long a denial is shown
	blockedFor    = 30 * time.Second // a sensor active for so long is obstructed
	serviceFor    = 10 * time.Minute // how long staff have the lane
	maxGrants     = 8                // people who may be let through before the first has crossed
	spentFor      = 2 * time.Hour    // after a code's end it is remembered: longer than any keyset's tolerance
	countEvery    = time.Second      // when counted denials are journaled
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
	state
	now     instant
	effects []effect
}

// step is the lane's law.
func (s state) step(ev event, now instant) (state, []effect) {
	t := &stepper{state: s, now: now}
	t.grants, t.held, t.counted = slices.Clone(s.grants), slices.Clone(s.held), slices.Clone(s.counted)
	before, mayPass := t.rest(), len(t.grants) > 0
	t.expire()
	switch ev := ev.(type) {
	case evReading:
		t.read(ev)
	case evVerdict:
		t.judge(ev)
	case evSpent:
		t.spent(ev)
	case evOpened:
		t.opened(ev.err)
	case evSensor:
		t.sense(ev.active)
	case evEmergency:
		t.alarm(ev.active)
	case evCause:
		t.setCause(ev.cause, ev.why)
	case evService:
		t.setService(ev.mode, journal.Record{Detail: ev.mode.String() + ", by " + ev.by})
	case evBlind:
		t.blindSince = ev.since
	case evNote:
		t.journal(ev.record)
	case evTick:
	default:
		panic(fmt.Sprintf("railgated: internal error: event %T", ev))
	}
	t.face(before, mayPass)
	return t.state, t.effects
}

func (t *stepper) do(e effect) { t.effects = append(t.effects, e) }

// stamp gives a record its time and its lane.
func (t *stepper) stamp(r journal.Record) journal.Record {
	r.Time, r.Unsure, r.Direction = t.now.wall, !t.now.trusted, t.rules.direction
	return r
}

func (t *stepper) journal(r journal.Record) { t.do(effJournal{t.stamp(r)}) }

func (t *stepper) show(o lane.Occasion, d time.Duration) {
	o.Exit = t.rules.role == journal.Exit
	t.do(effShow{o, d})
	t.shown, t.shownUntil = o.Reason, 0
	if d > 0 {
		t.shownUntil = t.now.mono + d
	}
}

// face goes back to what the lane looks like at rest: when that is another than
// before the step, when a message's time is over, and when nobody is let through
// any more.
func (t *stepper) face(before string, mayPass bool) {
	over := t.shownUntil > 0 && t.now.mono >= t.shownUntil
	passed := mayPass && len(t.grants) == 0 && t.shown == string(verify.OK)
	if !t.shows() && (t.rest() != before || over || passed) {
		t.show(lane.Occasion{Reason: t.rest()}, 0)
	}
}

// shows tells whether this step shows something.
func (t *stepper) shows() bool {
	return slices.ContainsFunc(t.effects, func(e effect) bool { _, ok := e.(effShow); return ok })
}

// rest is the lane's face when nobody is being answered.
func (s *state) rest() string {
	switch {
	case s.emergency:
		return lane.ScreenEmergency
	case s.outOfService(), s.service == serviceClosed:
		return lane.ScreenOutOfService
	case s.service == freePassage:
		return lane.ScreenFree
	case s.service == diagnosis:
		return lane.ScreenDiagnosis
	}
	return lane.ScreenIdle
}

// next is the instant at which time alone will change something; 0: none.
func (s *state) next() time.Duration {
	next := time.Duration(0)
	at := func(ok bool, d time.Duration) {
		if ok && (next == 0 || d < next) {
			next = d
		}
	}
	at(len(s.grants) > 0, s.oldestEnd())
	at(s.service != noService, s.serviceEnd)
	at(s.freeNow(), s.reopenAt)
	at(s.sensor && !s.obstructed, s.sensorAt+blockedFor)
	at(s.shownUntil > 0, s.shownUntil)
	at(len(s.counted) > 0, s.countAt)
	return next
}

func (s *state) oldestEnd() time.Duration {
	if len(s.grants) == 0 {
		return 0
	}
	return s.grants[0].until
}

// freeNow tells whether staff let everybody through and nothing forbids it.
func (s *state) freeNow() bool {
	return s.service == freePassage && !s.emergency && !s.outOfService() && s.rules.opens
}

// expire does what is due by time alone.
func (t *stepper) expire() {
	for len(t.grants) > 0 && t.now.mono >= t.grants[0].until {
		t.noPassage()
	}
	if t.service != noService && t.now.mono >= t.serviceEnd {
		t.setService(noService, journal.Record{Detail: "its time is over"})
	}
	if t.freeNow() && t.now.mono >= t.reopenAt {
		t.openFreely()
	}
	if t.sensor && !t.obstructed && t.now.mono >= t.sensorAt+blockedFor {
		t.obstructed = true
		t.journal(journal.Record{Kind: journal.Obstructed})
	}
	if len(t.counted) > 0 && t.now.mono >= t.countAt {
		for _, r := range t.counted {
			t.journal(r)
		}
		t.counted = nil
	}
}
