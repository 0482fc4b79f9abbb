package main

import (
	"railgate/store/journal"
	"railgate/verify/lane"
)

// This file is the part of the law that takes the lane from the passengers: an
// emergency, something missing, staff.

// alarm follows the emergency input. The turnstile has released its relay by
// itself; nobody is denied until the emergency ends.
func (t *stepper) alarm(active bool) {
	if t.emergency == active {
		return
	}
	t.emergency = active
	if active {
		t.grants, t.evacuated = nil, 0
		t.graceEnd = 0
		t.do(effRelease{})
		t.journal(journal.Record{Kind: journal.EmergencyBegin})
		return
	}
	t.journal(journal.Record{Kind: journal.EmergencyEnd, Count: t.evacuated})
	t.reopenAt = t.now.mono
}

// setCause notes that something the lane needs is missing, or is back.
func (t *stepper) setCause(c cause, why string) {
	if t.why[c] == why {
		return
	}
	news := why != starting && ((t.why[c] == "") != (why == "") || t.why[c] == starting)
	t.why[c] = why
	switch {
	case why != "" && news:
		t.do(effRelease{})
		t.journal(journal.Record{Kind: journal.OutOfService, Detail: c.String() + ": " + why})
	case why == "" && !t.outOfService():
		t.journal(journal.Record{Kind: journal.InService})
		t.reopenAt = t.now.mono
	}
}

// setService lets a technician, or the clock, do what a staff code does.
func (t *stepper) setService(m serviceMode, r journal.Record) {
	if t.service == noService && m == noService {
		return
	}
	r.Kind = serviceKind(m)
	t.journal(r)
	t.beginService(m)
}

// beginService makes of the lane what staff asked for.
func (t *stepper) beginService(m serviceMode) {
	wasFree := t.freeNow()
	t.service, t.serviceEnd = m, t.now.mono+serviceFor
	if wasFree && m != freePassage {
		t.do(effClose{})
		t.graceEnd = t.now.mono + t.rules.openFor // whoever is still walking was let through
	}
	t.show(lane.Occasion{Reason: t.rest()}, 0)
	if t.freeNow() {
		t.openFreely()
	}
}

// openFreely opens the turnstile for whoever comes, until it does so again.
func (t *stepper) openFreely() {
	t.reopenAt = t.now.mono + t.rules.openFor
	t.do(effOpen{t.rules.openFor + reopenOverlap})
}

func serviceKind(m serviceMode) journal.Kind {
	if m == noService {
		return journal.ServiceEnd
	}
	return journal.ServiceBegin
}
