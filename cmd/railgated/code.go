package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"railgate/driver"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// This file is the part of the law that is about one code: read, judged, spent, let through.

// A lane's reasons, beside those of package verify.
const (
	alreadyUsed    verify.Reason = "already_used"
	passback       verify.Reason = "passback"
	laneOutOfOrder verify.Reason = "out_of_service"
)

// read takes a reading, or passes it over.
func (t *stepper) read(ev evReading) {
	text := ev.reading.Text
	switch {
	case t.emergency:
		t.do(effDrop{"emergency"})
	case t.outOfService():
		t.do(effDrop{"out_of_service"})
	case t.now.mono-ev.at > staleAfter:
		t.do(effDrop{"stale"})
	case t.isHeld(text):
		t.do(effDrop{"held"})
	case len(t.grants) >= maxGrants:
		t.do(effDrop{"busy"})
	default:
		t.hold(text)
		t.do(effDecide(ev))
	}
}

// isHeld tells whether a text is still held to the glass, and notes that it was read.
func (t *stepper) isHeld(text string) bool {
	for i := range t.held {
		if t.held[i].text == text && t.now.mono-t.held[i].last <= heldFor {
			t.held[i].last = t.now.mono
			return true
		}
	}
	return false
}

func (t *stepper) hold(text string) {
	t.held = slices.DeleteFunc(t.held, func(h heldText) bool { return h.text == text || t.now.mono-h.last > heldFor })
	if len(t.held) == heldTexts {
		t.held = t.held[1:]
	}
	t.held = append(t.held, heldText{text, t.now.mono})
}

// judge goes on with a code that has been verified.
func (t *stepper) judge(ev evVerdict) {
	v := &ev.verdict
	r := codeRecord(v, ev.reading.Scanner)
	switch {
	case t.emergency:
		t.do(effDrop{"emergency"})
	case t.outOfService():
		t.deny(laneOutOfOrder, v, r)
	case !v.Granted():
		t.deny(v.Reason, v, r)
	case t.forgotten(v):
		t.deny(alreadyUsed, v, r)
	case v.Class == verify.Staff:
		t.spend(&pending{verdict: *v, record: r, readAt: ev.at, staff: true, service: (t.service + 1) % (diagnosis + 1)})
	case t.service == freePassage:
		t.show(lane.Occasion{Reason: string(verify.OK)}, denialShown)
	case t.service != noService:
		t.deny(laneOutOfOrder, v, r)
	default:
		t.judgePassback(ev, r)
	}
}

// forgotten tells whether a code may have been used before the store's memory begins.
func (t *stepper) forgotten(v *verify.Verdict) bool {
	return !t.blindSince.IsZero() && !v.Begins.Add(-v.Early).After(t.blindSince)
}

// judgePassback grants a code, unless its holder went this way already.
func (t *stepper) judgePassback(ev evVerdict, r journal.Record) {
	again := t.rules.passback != "off" && t.rules.role != journal.Check && ev.crossing != nil &&
		ev.crossing.Role == t.rules.role && t.now.wall.Sub(ev.crossing.Time) < t.rules.passbackFor
	if again && t.rules.passback == "hard" {
		t.deny(passback, &ev.verdict, r)
		return
	}
	if again {
		r.Flag = string(passback)
	}
	t.spend(&pending{verdict: ev.verdict, record: r, readAt: ev.at})
}

// spend has a grant written before anything moves.
func (t *stepper) spend(p *pending) {
	v := &p.verdict
	p.record.Kind, p.record.Decision, p.record.Reason = journal.Decision, "granted", string(verify.OK)
	if p.staff {
		p.record.Kind, p.record.Detail = serviceKind(p.service), p.service.String()
	}
	p.record = t.stamp(p.record)
	t.pending = p
	t.do(effSpend{
		use:    journal.Use{Role: t.rules.role, Certificate: journal.ID(v.Certificate), IssuedAt: v.IssuedAt.Unix(), Slot: v.Slot},
		until:  v.Ends.Add(spentFor),
		record: p.record,
	})
}

// spent goes on once the grant is on the disk, or is not.
func (t *stepper) spent(ev evSpent) {
	p := t.pending
	t.pending = nil
	denied := p.record
	denied.Kind, denied.Flag, denied.Detail = journal.Decision, "", ""
	switch {
	case errors.Is(ev.err, journal.ErrSpent):
		t.deny(alreadyUsed, &p.verdict, denied)
	case ev.err != nil:
		t.setCause(causeStore, ev.err.Error())
		t.deny(laneOutOfOrder, &p.verdict, denied)
	case t.now.mono-p.readAt > lateAfter:
		late := follow(p.record, journal.TooLate)
		late.Grant, late.Detail = ev.seq, fmt.Sprintf("the disk took %v", (t.now.mono-p.readAt).Round(time.Millisecond))
		t.journal(late)
		t.show(lane.Occasion{Reason: string(verify.CodeExpired), Static: p.verdict.Way == verify.Static}, denialShown)
	case p.staff:
		t.beginService(p.service)
	default:
		p.record.Seq = ev.seq
		t.let(p.record)
	}
}

// let lets one person through.
func (t *stepper) let(r journal.Record) {
	if !t.rules.opens {
		t.show(lane.Occasion{Reason: string(verify.OK)}, denialShown)
		return
	}
	until := t.now.mono + t.rules.openFor
	t.grants = append(t.grants, grant{r, until})
	t.graceEnd = until
	t.do(effOpen{t.rules.openFor})
	if t.rules.passback == "hard" {
		t.supersede(r)
	}
}

// supersede ends the grants of a holder who is granted anew before crossing. Two codes
// are valid at once around a minute's end, and under hard anti-passback one holder is
// one person.
func (t *stepper) supersede(r journal.Record) {
	t.grants = slices.DeleteFunc(t.grants, func(g grant) bool {
		if g.record.Holder != r.Holder || g.record.Seq == r.Seq {
			return false
		}
		ended := follow(g.record, journal.NoPassage)
		ended.Detail = "its holder showed another code"
		t.journal(ended)
		return true
	})
}

// opened shows the way, or takes back a grant whose opening failed.
func (t *stepper) opened(err error) {
	n := len(t.grants)
	if err == nil {
		if n > 0 {
			t.show(lane.Occasion{Reason: string(verify.OK)}, t.rules.openFor)
		}
		return
	}
	if n > 0 {
		r := follow(t.grants[n-1].record, journal.NoPassage)
		r.Detail = err.Error()
		t.grants = t.grants[:n-1]
		t.journal(r)
	}
	if errors.Is(err, driver.ErrEmergency) {
		return // its event is on the way
	}
	t.setCause(causeTurnstile, err.Error())
}

// deny denies a code and says so. A flood of denials is counted and not journaled
// one by one: garbage must not fill the disk.
func (t *stepper) deny(reason verify.Reason, v *verify.Verdict, r journal.Record) {
	r.Kind, r.Decision, r.Reason = journal.Decision, "denied", string(reason)
	r = t.stamp(r)
	t.show(lane.Occasion{Reason: string(reason), Static: v.Signed && v.Way == verify.Static}, denialShown)
	budget, allowance := &t.garbage, garbageAllowance
	if v.Signed {
		budget, allowance = &t.signed, signedAllowance
	}
	if budget.take(allowance, t.now.mono) {
		t.do(effJournal{r})
		return
	}
	t.count(r)
}

func (t *stepper) count(r journal.Record) {
	if len(t.counted) == 0 {
		t.countAt = t.now.mono + countEvery
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
		if v.Way != verify.Static {
			slot := v.Slot
			r.Slot = &slot
		}
	}
	return r
}
