package lane

import (
	"railgate/store/journal"
)

// This file is the part of the law that is about people in the passage.

// sense follows the passage sensor: each time that it becomes active somebody
// crosses.
func (t *stepper) sense(active bool) {
	if t.sensor == active {
		return
	}
	t.sensor, t.sensorAt = active, t.now.Mono
	if !active {
		t.sensorOK = false
		if t.obstructed {
			t.obstructed = false
			t.journal(journal.Record{Kind: journal.Cleared})
		}
		return
	}
	t.cross()
}

// cross judges one person who crosses.
func (t *stepper) cross() {
	switch {
	case t.emergency:
		t.evacuated++
	case len(t.grants) > 0:
		t.sensorOK = true
		t.pass()
	case t.freeNow():
		t.sensorOK = true
		t.reopen(journal.Record{Kind: journal.Passage, Detail: "free passage"})
	case t.now.Mono < t.graceEnd:
		t.journal(journal.Record{Kind: journal.Tailgating})
		t.show(Occasion{Reason: ScreenOneByOne}, denialShown)
	default:
		t.journal(journal.Record{Kind: journal.Forced})
		t.show(Occasion{Reason: ScreenOneByOne}, denialShown)
	}
}

// pass lets one person cross on the oldest grant. It is used up by the last of its people;
// of a holder's passages in a day it is one.
func (t *stepper) pass() {
	g := &t.grants[0]
	passage := RecordPassage{Record: t.stamp(follow(g.record, journal.Passage))}
	if g.crossed++; g.crossed == 1 && t.rules.PerDay > 0 {
		passage.Day = t.rules.Day(t.now.Wall)
	}
	t.do(passage)
	if g.crossed < g.people {
		t.nextOfGroup(g)
		return
	}
	t.grants = t.grants[1:]
	if len(t.grants) == 0 {
		t.do(Close{})
	}
}

// unused journals a grant that ends with nobody, or not everybody, having crossed. Where
// nobody did the ride is given back.
func (t *stepper) unused(g grant, why string) {
	e := Journal{Record: t.stamp(follow(g.record, journal.NoPassage))}
	e.Record.Detail = why
	if g.crossed == 0 {
		e.Ride = back(g.ride)
	} else {
		e.Record.Count = g.people - g.crossed
	}
	t.do(e)
}

// noPassage ends a grant that nobody used. Anti-passback goes by passages, so its
// holder may try again with the next code.
func (t *stepper) noPassage() {
	g := t.grants[0]
	t.grants = t.grants[1:]
	t.unused(g, "")
	if len(t.grants) == 0 && !t.freeNow() {
		t.do(Close{})
	}
}

// follow is a record about what became of a grant.
func follow(granted journal.Record, kind journal.Kind) journal.Record {
	r := journal.Record{Kind: kind, Certificate: granted.Certificate, Holder: granted.Holder, KeyID: granted.KeyID, Slot: granted.Slot, Grant: granted.Seq, Ticket: granted.Ticket, Walk: granted.Walk}
	if r.Slot == nil {
		r.Ends = granted.Ends // for so long paper is remembered, at other gates too
	}
	return r
}
