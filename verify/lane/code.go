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
	laneOutOfOrder verify.Reason = "out_of_service"
)

// read takes a reading, or passes it over.
func (t *stepper) read(ev Read) {
	text := ev.Text
	switch {
	case t.emergency:
		t.do(Drop{"emergency"})
	case t.OutOfService():
		t.do(Drop{"out_of_service"})
	case t.now.Mono-ev.At > staleAfter:
		t.do(Drop{"stale"})
	case t.isHeld(text):
		t.do(Drop{"held"})
	case len(t.grants) >= maxGrants:
		t.do(Drop{"busy"})
	default:
		t.hold(text)
		t.do(Decide{ev})
	}
}

// isHeld tells whether a text is still held to the glass, and notes that it was read.
func (t *stepper) isHeld(text string) bool {
	for i := range t.held {
		if t.held[i].text == text && t.now.Mono-t.held[i].last <= HeldFor {
			t.held[i].last = t.now.Mono
			return true
		}
	}
	return false
}

func (t *stepper) hold(text string) {
	t.held = slices.DeleteFunc(t.held, func(h heldText) bool { return h.text == text || t.now.Mono-h.last > HeldFor })
	if len(t.held) == heldTexts {
		t.held = t.held[1:]
	}
	t.held = append(t.held, heldText{text, t.now.Mono})
}

// judge goes on with a code that has been verified.
func (t *stepper) judge(ev Judged) {
	v := &ev.Verdict
	r := codeRecord(v, ev.Scanner)
	switch {
	case t.emergency:
		t.do(Drop{"emergency"})
	case t.OutOfService():
		t.deny(laneOutOfOrder, v, r)
	case !v.Granted():
		t.deny(v.Reason, v, r)
	case t.forgotten(v):
		t.deny(alreadyUsed, v, r)
	case v.Class == verify.Staff:
		t.spend(&pending{verdict: *v, record: r, readAt: ev.At, staff: true, service: (t.service + 1) % (ServiceDiagnosis + 1)})
	case t.service == ServiceFree:
		t.show(Occasion{Reason: string(verify.OK)}, denialShown)
	case t.service != ServiceNone:
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
func (t *stepper) judgePassback(ev Judged, r journal.Record) {
	again := t.rules.Passback != "off" && t.rules.Role != journal.Check && ev.Last != nil &&
		ev.Last.Role == t.rules.Role && t.now.Wall.Sub(ev.Last.Time) < t.rules.PassbackFor
	if again && t.rules.Passback == "hard" {
		t.deny(passback, &ev.Verdict, r)
		return
	}
	if again {
		r.Flag = string(passback)
	}
	t.spend(&pending{verdict: ev.Verdict, record: r, readAt: ev.At})
}

// spend has a grant written before anything moves.
func (t *stepper) spend(p *pending) {
	v := &p.verdict
	p.record.Kind, p.record.Decision, p.record.Reason = journal.Decision, journal.Granted, string(verify.OK)
	if p.staff {
		p.record.Kind, p.record.Detail = serviceKind(p.service), p.service.String()
	}
	p.record = t.stamp(p.record)
	t.pending = p
	t.do(Spend{
		Use:    journal.Use{Role: t.rules.Role, Certificate: journal.ID(v.Certificate), IssuedAt: v.IssuedAt.Unix(), Slot: v.Slot, Begins: v.Begins.Unix()},
		Until:  v.Ends.Add(spentFor),
		Record: p.record,
	})
}

// spent goes on once the grant is on the disk, or is not.
func (t *stepper) spent(ev Written) {
	p := t.pending
	t.pending = nil
	denied := p.record
	denied.Kind, denied.Flag, denied.Detail = journal.Decision, "", ""
	switch {
	case errors.Is(ev.Err, journal.ErrSpent):
		t.deny(alreadyUsed, &p.verdict, denied)
	case ev.Err != nil:
		t.setCause(CauseStore, ev.Err.Error())
		t.deny(laneOutOfOrder, &p.verdict, denied)
	case t.now.Mono-p.readAt > lateAfter:
		late := follow(p.record, journal.TooLate)
		late.Grant, late.Detail = ev.Seq, fmt.Sprintf("the disk took %v", (t.now.Mono-p.readAt).Round(time.Millisecond))
		t.journal(late)
		t.show(Occasion{Reason: string(verify.CodeExpired), Static: p.verdict.Way == verify.Static}, denialShown)
	case p.staff:
		t.beginService(p.service)
	default:
		p.record.Seq = ev.Seq
		t.let(p.record)
	}
}

// let lets one person through.
func (t *stepper) let(r journal.Record) {
	if !t.rules.Opens {
		t.show(Occasion{Reason: string(verify.OK)}, denialShown)
		return
	}
	until := t.now.Mono + t.rules.OpenFor
	t.grants = append(t.grants, grant{r, until})
	t.graceEnd = until
	t.do(Open{t.rules.OpenFor})
	if t.rules.Passback == "hard" {
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
func (t *stepper) opened(ev Opened) {
	n := len(t.grants)
	if ev.Err == nil {
		if n > 0 {
			t.show(Occasion{Reason: string(verify.OK)}, t.rules.OpenFor)
		}
		return
	}
	if n > 0 {
		r := follow(t.grants[n-1].record, journal.NoPassage)
		r.Detail = ev.Err.Error()
		t.grants = t.grants[:n-1]
		t.journal(r)
	}
	if ev.Emergency {
		return // its event is on the way
	}
	t.setCause(CauseTurnstile, ev.Err.Error())
}

// deny denies a code and says so. A flood of denials is counted and not journaled
// one by one: garbage must not fill the disk.
func (t *stepper) deny(reason verify.Reason, v *verify.Verdict, r journal.Record) {
	r.Kind, r.Decision, r.Reason = journal.Decision, journal.Denied, string(reason)
	r = t.stamp(r)
	t.show(Occasion{Reason: string(reason), Static: v.Signed && v.Way == verify.Static}, denialShown)
	budget, allowance := &t.garbage, garbageAllowance
	if v.Signed {
		budget, allowance = &t.signed, signedAllowance
	}
	if budget.take(allowance, t.now.Mono) {
		t.do(Journal{r})
		return
	}
	t.count(r)
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
		if v.Way != verify.Static {
			slot := v.Slot
			r.Slot = &slot
		}
	}
	return r
}
