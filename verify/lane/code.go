package lane

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// This file is the part of the law that is about one code: read, judged, spent, let through.

// A lane's reasons, beside those of package verify.
const (
	alreadyUsed    verify.Reason = "already_used"
	passback       verify.Reason = "passback"
	tooEarly       verify.Reason = "too_early"
	wrongStation   verify.Reason = "wrong_station"
	outOfHours     verify.Reason = "out_of_hours"
	limitReached   verify.Reason = "limit_reached"
	laneOutOfOrder verify.Reason = "out_of_service"
)

// read takes a reading, or passes it over.
func (t *stepper) read(ev Read) {
	switch {
	case t.emergency:
		t.do(Drop{"emergency"})
	case t.OutOfService() && !t.diagnosable():
		t.do(Drop{"out_of_service"})
	case t.now.Mono-ev.At > staleAfter:
		t.do(Drop{"stale"})
	case t.isHeld(ev):
		t.do(Drop{"held"})
	case t.OutOfService():
		ev.Closed = true
		t.do(Decide{ev})
	case len(t.grants) >= maxGrants:
		t.do(Drop{"busy"})
	default:
		t.hold(ev)
		t.do(Decide{ev})
	}
}

// isHeld tells whether a text is still held to the glass, and notes that it was read.
// A code that was early is read again when its time has come.
func (t *stepper) isHeld(ev Read) bool {
	for i := range t.held {
		h := &t.held[i]
		if h.text == ev.Text && t.now.Mono-h.last <= HeldFor {
			h.last = t.now.Mono
			return h.due == 0 || t.now.Mono < h.due
		}
	}
	return false
}

// hold notes a text that is before a glass now. Each scanner has its own room: a flood
// at one must not make a code that is held to another a new reading.
func (t *stepper) hold(ev Read) {
	t.held = slices.DeleteFunc(t.held, func(h heldText) bool { return h.text == ev.Text || t.now.Mono-h.last > HeldFor })
	same := func(h heldText) bool { return h.scanner == ev.Scanner }
	if n := len(slices.DeleteFunc(slices.Clone(t.held), func(h heldText) bool { return !same(h) })); n >= heldTexts {
		i := slices.IndexFunc(t.held, same)
		t.held = slices.Delete(t.held, i, i+1)
	}
	t.held = append(t.held, heldText{text: ev.Text, scanner: ev.Scanner, last: t.now.Mono})
}

// decideAgain has a code that is early decided again once its time has come.
func (t *stepper) decideAgain(text string, v *verify.Verdict) {
	for i := range t.held {
		if t.held[i].text == text {
			t.held[i].due = t.now.Mono + v.Begins.Add(-v.Early).Sub(t.now.Wall)
		}
	}
}

// judge goes on with a code that has been verified.
func (t *stepper) judge(ev Judged) {
	v := &ev.Verdict
	r := codeRecord(v, ev.Scanner)
	switch {
	case t.emergency:
		t.do(Drop{"emergency"})
	case ev.Closed:
		t.judgeClosed(ev, r)
	case t.OutOfService():
		t.deny(laneOutOfOrder, v, r)
	case !v.Granted():
		if v.Reason == verify.NotYetValid {
			t.decideAgain(ev.Text, v)
		}
		t.deny(v.Reason, v, r)
	case ev.Used, t.rules.Walked(v) && (t.forgotten(v) || t.stands(v)):
		t.deny(alreadyUsed, v, r)
	case t.rules.Walked(v) && ev.Walks.Used(t.rules.Role):
		t.deny(passback, v, r)
	case v.Class == verify.Staff:
		t.judgeStaff(ev, r)
	case t.service == ServiceFree:
		t.show(Occasion{Reason: string(verify.OK)}, denialShown)
	case t.service != ServiceNone:
		t.deny(laneOutOfOrder, v, r)
	default:
		t.judgePassenger(ev, r)
	}
}

// Walked tells whether a code is a slip whose walks count in a lane: paper shows one code for
// its whole day. A check takes nothing of it.
func (r *Rules) Walked(v *verify.Verdict) bool {
	return v.Rotation == verify.Static && v.Class != verify.Staff && r.Role != journal.Check
}

// forgotten tells whether a slip may have been walked on before the store's memory begins. While
// a rotating code may have been used, the lane is closed ([CauseSpentCodes]).
func (t *stepper) forgotten(v *verify.Verdict) bool {
	return !v.Begins.Add(-v.Early).After(t.blindSince)
}

// stands tells whether a slip has a grant here whose passage is still awaited, or will have one.
func (t *stepper) stands(v *verify.Verdict) bool {
	same := func(r *journal.Record) bool { return r.Walk > 0 && r.Certificate == journal.ID(v.Certificate) }
	return slices.ContainsFunc(t.grants, func(g grant) bool { return same(&g.record) }) ||
		slices.ContainsFunc(t.pending, func(p pending) bool { return same(&p.record) }) ||
		slices.ContainsFunc(t.claims, func(c claiming) bool { return same(&c.record) })
}

// judgePassenger grants a code, unless its holder went this way already, has no ticket, or
// may not pass now or today. The first of these that holds is the reason.
func (t *stepper) judgePassenger(ev Judged, r journal.Record) {
	// A passage of the future was noted by a clock that was ahead: it must not keep its holder out
	// until then, and for passback_for after it.
	again := t.rules.Passback != "off" && t.rules.Role != journal.Check && ev.Last != nil &&
		ev.Last.Role == t.rules.Role && t.now.Wall.Sub(ev.Last.Time).Abs() < t.rules.PassbackFor
	if again && t.rules.Passback == "hard" {
		t.deny(passback, &ev.Verdict, r)
		return
	}
	ticket, reason := t.ticketOf(ev)
	if reason == "" {
		reason = t.limit(ev)
	}
	if reason != "" {
		t.deny(reason, &ev.Verdict, r)
		return
	}
	if reason = t.cut(ev); reason != "" {
		t.deny(reason, &ev.Verdict, r)
		return
	}
	if again {
		r.Flag = string(passback)
	}
	t.grant(ev, r, ticket)
}

// diagnosable tells whether a lane that is out of service can tell a staff code from another, and
// record it: it lacks a device alone.
func (t *stepper) diagnosable() bool {
	why := t.why
	why[CauseTurnstile], why[CauseScanner] = "", ""
	return why == [Causes]string{} && slices.Contains(t.rules.Accept.Classes, verify.Staff)
}

// judgeClosed goes on with a code that was read while the lane was out of service: staff may look
// for the fault. Any other is ignored as if nobody had read it, and is new once the lane works.
func (t *stepper) judgeClosed(ev Judged, r journal.Record) {
	v := &ev.Verdict
	if !t.diagnosable() || !v.Granted() || v.Class != verify.Staff || ev.Used {
		t.do(Drop{"out_of_service"})
		return
	}
	t.hold(ev.Read)
	t.judgeStaff(ev, r)
}

// looks tells whether what goes on is staff's look at the diagnosis, or its end, which a lane
// without its turnstile can do.
func (t *stepper) looks(p pending) bool {
	return p.purpose == toServe && (p.service == ServiceDiagnosis || p.service == ServiceNone) && t.diagnosable()
}

// judgeStaff lets staff take the lane over. That is worth more than a passage: only a
// code that is bound to its device counts, for a photograph of a chain's link works for a
// minute, and only one signed by a key that signs nothing else.
func (t *stepper) judgeStaff(ev Judged, r journal.Record) {
	v := &ev.Verdict
	if v.Rotation != verify.ByDevice || !v.StaffKey {
		t.deny(verify.ClassNotAccepted, v, r)
		return
	}
	next := (t.service + 1) % (ServiceDiagnosis + 1)
	if t.rules.OnlyLook || ev.Closed {
		if next = ServiceDiagnosis; t.service == ServiceDiagnosis {
			next = ServiceNone
		}
	}
	r.Kind, r.Detail = serviceKind(next), fmt.Sprintf("%v for %v, by a staff code", next, ServiceFor)
	if next == ServiceNone {
		r.Detail = fmt.Sprintf("%v, %s, by a staff code", t.service, t.lasted(t.serviceAt))
	}
	t.claim(pending{purpose: toServe, service: next, verdict: *v, record: r, readAt: ev.At}, !ev.OutOfTouch)
}

// grant has a grant written before anything moves, with the ride that it takes of a ticket
// (nil: none).
func (t *stepper) grant(ev Judged, r journal.Record, ticket *Ticket) {
	r.Kind = journal.Decision
	p := pending{verdict: ev.Verdict, readAt: ev.At, ride: ticket.ride(), people: 1}
	if ticket != nil {
		r.Ticket, p.people = ticket.ID, max(1, ticket.People)
	}
	if p.people > 1 {
		r.Detail = fmt.Sprintf("for %d people", p.people)
	}
	if t.rules.Walked(&ev.Verdict) {
		r.Walk = ev.Walks.Latest() + 1
	}
	if ev.OutOfTouch {
		r.Flag = addFlag(r.Flag, FlagOutOfTouch)
	}
	p.record = r
	t.claim(p, !ev.OutOfTouch)
}

// spend writes a record and the code that it spends.
func (t *stepper) spend(p pending) {
	v := &p.verdict
	p.record.Decision, p.record.Reason = journal.Granted, string(verify.OK)
	if v.Rotation == verify.Static && !t.rules.Walked(v) {
		t.write(p, Write{}) // a check, of paper: there is nothing to remember
		return
	}
	p.record.Begins, p.record.Ends = v.Begins.Unix(), v.Ends.Unix() // the station's other gates must know
	use := t.rules.Use(v)
	t.write(p, Write{Use: &use, Until: v.Ends.Add(spentFor), Ride: p.ride})
}

// Use is what a code is spent as in a lane: staff's in all roles together.
func (r *Rules) Use(v *verify.Verdict) journal.Use {
	role := r.Role
	if v.Class == verify.Staff {
		role = journal.AnyRole
	}
	return journal.Use{Role: role, Certificate: journal.ID(v.Certificate), IssuedAt: v.IssuedAt.Unix(), Slot: v.Slot, Begins: v.Begins.Unix()}
}

// write has a record written; what it is for goes on in written.
func (t *stepper) write(p pending, w Write) {
	p.record = t.stamp(p.record)
	w.Record = p.record
	t.pending = append(t.pending, p)
	t.do(w)
}

// written goes on once a record is on the disk, or is not.
func (t *stepper) written(ev Written) {
	p := t.pending[0]
	t.pending = t.pending[1:]
	switch {
	case errors.Is(ev.Err, journal.ErrSpent):
		t.deny(alreadyUsed, &p.verdict, denied(p.record))
	case ev.Err != nil:
		t.notWritten(p, ev.Err)
	case p.verdict.Signed && t.now.Mono-p.readAt > lateAfter:
		t.tooLate(p, ev.Proof)
	default:
		p.record.Seq = ev.Proof.Seq()
		t.proceed(p, ev.Proof)
	}
}

// proceed does what a record was written for.
func (t *stepper) proceed(p pending, proof journal.Durable) {
	switch p.purpose {
	case toGrant:
		t.let(p, proof)
	case toGoOn:
		t.goOn(p.record, proof)
	case toServe:
		t.beginService(p.service, proof)
	case toLetGo:
		t.openFreely(proof)
	}
}

// notWritten closes the lane: it is not known whether the record is on the disk.
func (t *stepper) notWritten(p pending, err error) {
	t.setCause(CauseStore, err.Error())
	switch {
	case p.verdict.Signed:
		t.deny(laneOutOfOrder, &p.verdict, denied(p.record))
	case p.purpose == toServe && p.service != ServiceFree: // nothing moves for it
		t.journal(p.record)
		t.beginService(p.service, nil)
	}
}

// tooLate gives up a grant whose passenger is gone.
func (t *stepper) tooLate(p pending, proof journal.Durable) {
	late := follow(p.record, journal.TooLate)
	late.Grant, late.Detail = proof.Seq(), fmt.Sprintf("the disk took %v", (t.now.Mono-p.readAt).Round(time.Millisecond))
	t.do(Journal{Record: t.stamp(late), Ride: back(p.ride)})
	t.show(Occasion{Reason: string(verify.CodeExpired), Static: p.verdict.Rotation == verify.Static}, denialShown)
}

// denied is a granted record as the beginning of a denied one.
func denied(r journal.Record) journal.Record {
	r.Flag, r.Detail, r.Ticket, r.Begins, r.Ends, r.Walk = "", "", "", 0, 0, 0
	return r
}

// let lets one person through, or the first of a group.
func (t *stepper) let(p pending, proof journal.Durable) {
	if !t.rules.Opens {
		t.show(Occasion{Reason: string(verify.OK)}, denialShown)
		return
	}
	until := t.now.Mono + t.rules.OpenFor
	t.grants = append(t.grants, grant{record: p.record, until: until, ride: p.ride, people: p.people})
	t.graceEnd = until
	t.do(Open{Window: t.rules.OpenFor, Proof: proof})
	if t.rules.Passback == "hard" || t.rules.Tickets || t.rules.PerDay > 0 {
		t.supersede(p.record)
	}
}

// supersede ends the grants of a holder who is granted again before crossing. Two codes
// are valid at once around a minute's end, and where passages count one holder is one
// person.
func (t *stepper) supersede(r journal.Record) {
	t.grants = slices.DeleteFunc(t.grants, func(g grant) bool {
		if g.record.Holder != r.Holder || g.record.Seq == r.Seq {
			return false
		}
		t.unused(g, "its holder showed another code")
		return true
	})
}

// opened shows the way, or takes back a grant whose opening failed.
func (t *stepper) opened(ev Opened) {
	i := slices.IndexFunc(t.grants, func(g grant) bool { return g.record.Seq == ev.Seq })
	if ev.Err == nil {
		if i >= 0 {
			t.show(Occasion{Reason: string(verify.OK)}, t.rules.OpenFor)
		}
		return
	}
	if i >= 0 {
		g := t.grants[i]
		t.grants = slices.Delete(t.grants, i, i+1)
		t.unused(g, ev.Err.Error())
	}
	if !ev.Emergency { // else its event is on the way
		t.setCause(CauseTurnstile, ev.Err.Error())
	}
}

// deny denies a code and says so. A flood of denials is counted and not journaled
// one by one: garbage must not fill the disk.
func (t *stepper) deny(reason verify.Reason, v *verify.Verdict, r journal.Record) {
	r.Kind, r.Decision, r.Reason = journal.Decision, journal.Denied, string(reason)
	r = t.stamp(r)
	t.show(Occasion{Reason: string(reason), Static: v.Signed && v.Rotation == verify.Static}, denialShown)
	budget, allowance := &t.garbage, garbageAllowance
	if v.Signed {
		budget, allowance = &t.signed, signedAllowance
	}
	if budget.take(allowance, t.now.Mono) {
		use, until := t.over(reason, v)
		t.do(Journal{Record: r, Use: use, Until: until})
		return
	}
	t.count(r)
}

// over tells what stays denied of a code whose time was over by a clock that is trusted:
// should that clock go back, a code of hours ago must not open. It costs a passenger a
// minute at most where the clock was wrong, so it is not done to paper, which has one code
// for its whole day. Where the proof of the slot was not looked at, whoever shows a code
// can name any slot, so nothing but its own credential's is remembered.
func (t *stepper) over(reason verify.Reason, v *verify.Verdict) (*journal.Use, time.Time) {
	if !t.now.Trusted || v.Rotation == verify.Static {
		return nil, time.Time{}
	}
	use, until := t.rules.Use(v), v.Ends
	switch reason {
	case verify.CodeExpired:
	case verify.LivenessExpired, verify.CertificateExpired:
		use.Begins = use.IssuedAt
		if until.Before(v.Expires) {
			until = v.Expires
		}
	default:
		return nil, time.Time{}
	}
	return &use, until.Add(spentFor)
}

func (t *stepper) count(r journal.Record) {
	if len(t.counted) == 0 {
		t.countAt = t.now.Mono + CountEvery
	}
	for i := range t.counted {
		if t.counted[i].Reason == r.Reason {
			t.counted[i].Count++
			return
		}
	}
	t.counted = append(t.counted, journal.Record{Kind: journal.Decision, Decision: r.Decision, Reason: r.Reason, Count: 1, Detail: "too many to record one by one"})
}

// codeRecord is what the journal says of a code: ids, never the code.
func codeRecord(v *verify.Verdict, scanner string) journal.Record {
	r := journal.Record{KeyID: journal.ID(v.KeyID), Scanner: scanner}
	if v.Signed {
		r.Certificate, r.Holder, r.Issued = journal.ID(v.Certificate), journal.ID(v.Holder), v.IssuedAt.Unix()
		if v.Rotation != verify.Static {
			slot := v.Slot
			r.Slot = &slot
		}
	}
	return r
}
