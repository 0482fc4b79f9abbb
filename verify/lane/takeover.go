package lane

import (
	"railgate/store/journal"
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
		t.do(Release{})
		t.journal(journal.Record{Kind: journal.EmergencyBegin})
		return
	}
	t.journal(journal.Record{Kind: journal.EmergencyEnd, Count: t.evacuated})
	t.reopenAt = t.now.Mono
}

// setCause notes that something the lane needs is missing, or is back.
func (t *stepper) setCause(c Cause, why string) {
	if t.why[c] == why {
		return
	}
	news := why != Starting && ((t.why[c] == "") != (why == "") || t.why[c] == Starting)
	t.why[c] = why
	switch {
	case why != "" && news:
		t.do(Release{})
		t.journal(journal.Record{Kind: journal.OutOfService, Detail: c.String() + ": " + why})
	case why == "" && !t.OutOfService():
		t.journal(journal.Record{Kind: journal.InService})
		t.reopenAt = t.now.Mono
	}
}

// setService lets a technician, or the clock, do what a staff code does.
func (t *stepper) setService(m ServiceMode, r journal.Record) {
	if t.service == ServiceNone && m == ServiceNone {
		return
	}
	r.Kind = serviceKind(m)
	t.journal(r)
	t.beginService(m)
}

// beginService makes of the lane what staff asked for.
func (t *stepper) beginService(m ServiceMode) {
	wasFree := t.freeNow()
	t.service, t.serviceEnd = m, t.now.Mono+serviceFor
	if wasFree && m != ServiceFree {
		t.do(Close{})
		t.graceEnd = t.now.Mono + t.rules.OpenFor // whoever is still walking was let through
	}
	t.show(Occasion{Reason: t.IdleScreen()}, 0)
	if t.freeNow() {
		t.openFreely()
	}
}

// openFreely opens the turnstile for whoever comes, until it does so again.
func (t *stepper) openFreely() {
	t.reopenAt = t.now.Mono + t.rules.OpenFor
	t.do(Open{t.rules.OpenFor + reopenOverlap})
}

func serviceKind(m ServiceMode) journal.Kind {
	if m == ServiceNone {
		return journal.ServiceEnd
	}
	return journal.ServiceBegin
}
