package lane

import (
	"fmt"
	"time"

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
		grants := t.grants
		t.grants, t.evacuated, t.alarmAt = nil, 0, t.now.Mono
		t.graceEnd = t.now.Mono
		t.do(Release{})
		t.journal(journal.Record{Kind: journal.EmergencyBegin})
		for _, g := range grants {
			t.unused(g, "an emergency began")
		}
		return
	}
	t.journal(journal.Record{Kind: journal.EmergencyEnd, Count: t.evacuated, Detail: t.lasted(t.alarmAt)})
	t.reopenAt = t.now.Mono
}

// lasted says how long something took that ends now.
func (t *stepper) lasted(since time.Duration) string {
	return fmt.Sprintf("after %v", (t.now.Mono - since).Round(time.Second))
}

// setCause notes that something the lane needs is missing, or is back.
func (t *stepper) setCause(c Cause, why string) {
	if t.why[c] == why {
		return
	}
	news := why != Starting && ((t.why[c] == "") != (why == "") || t.why[c] == Starting)
	if !t.OutOfService() {
		t.outAt = t.now.Mono
	}
	t.why[c] = why
	switch {
	case why != "" && news:
		t.do(Release{})
		t.journal(journal.Record{Kind: journal.OutOfService, Detail: c.String() + ": " + why})
	case !t.OutOfService():
		t.journal(journal.Record{Kind: journal.InService, Detail: t.lasted(t.outAt)})
		t.reopenAt = t.now.Mono
	}
}

// takeOver lets a technician do what a staff code does. What moves a relay waits for
// its record.
func (t *stepper) takeOver(ev Service) {
	if ev.Mode == ServiceNone {
		t.endService("by " + ev.By)
		return
	}
	detail := fmt.Sprintf("%v for %v, by %s", ev.Mode, ServiceFor, ev.By)
	if ev.Why != "" {
		detail += ": " + ev.Why
	}
	t.write(pending{purpose: toServe, service: ev.Mode, record: journal.Record{Kind: journal.ServiceBegin, Detail: detail}}, Write{})
}

// endService gives the lane back, if staff have it.
func (t *stepper) endService(why string) {
	if t.service == ServiceNone {
		return
	}
	t.journal(journal.Record{Kind: journal.ServiceEnd, Detail: fmt.Sprintf("%v, %s, %s", t.service, t.lasted(t.serviceAt), why)})
	t.beginService(ServiceNone, nil)
}

// beginService makes of the lane what staff asked for. proof is of the record that
// free passage needs.
func (t *stepper) beginService(m ServiceMode, proof journal.Durable) {
	wasFree := t.freeNow()
	t.service, t.serviceAt, t.serviceEnd = m, t.now.Mono, t.now.Mono+ServiceFor
	if wasFree && m != ServiceFree {
		t.do(Close{})
		t.graceEnd = t.now.Mono + t.rules.OpenFor // whoever is still walking was let through
	}
	t.show(Occasion{Reason: t.IdleScreen()}, 0)
	t.openFreely(proof)
}

// reopen writes a record that the next opening of free passage is for.
func (t *stepper) reopen(r journal.Record) {
	t.reopenAt = t.now.Mono + t.rules.OpenFor
	t.write(pending{purpose: toLetGo, record: r}, Write{})
}

// openFreely opens the turnstile for whoever comes, until it does so again. It does
// nothing where passage is not free, or is so no more since the record was written.
func (t *stepper) openFreely(proof journal.Durable) {
	if !t.freeNow() {
		return
	}
	t.reopenAt = t.now.Mono + t.rules.OpenFor
	t.do(Open{Window: t.rules.OpenFor + reopenOverlap, Proof: proof, Staff: true})
}

func serviceKind(m ServiceMode) journal.Kind {
	if m == ServiceNone {
		return journal.ServiceEnd
	}
	return journal.ServiceBegin
}
