package link

import (
	"fmt"
	"testing"
	"time"

	"railgate/store/bus"
	"railgate/store/journal"
)

// A slip on which nobody crossed may be shown again, at any gate; one that was walked on may not,
// until it was walked on the other way. A duplicate, or a late message, changes nothing.
func TestASlipIsFreeAgainWhenNobodyCrossed(t *testing.T) {
	t.Parallel()
	o := newOthers(Options{})
	day := time.Now().Add(20 * time.Hour).Unix()
	for _, step := range []struct {
		gate  string
		seq   uint64
		kind  bus.Kind
		role  journal.Role
		walk  uint32
		spent bool // at the entry
	}{
		{"A", 5, bus.Granted, journal.Entry, 1, true},
		{"A", 6, bus.NoPassage, journal.Entry, 1, false},
		{"A", 5, bus.Granted, journal.Entry, 1, false}, // again
		{"B", 9, bus.Granted, journal.Entry, 1, true},
		{"A", 6, bus.NoPassage, journal.Entry, 1, true},
		{"B", 10, bus.NoPassage, journal.Entry, 1, false},
		{"A", 5, bus.Granted, journal.Entry, 1, false},
		{"B", 12, bus.Passed, journal.Entry, 1, true}, // before its grant
		{"B", 11, bus.Granted, journal.Entry, 1, true},
		{"C", 1, bus.Passed, journal.Check, 9, true}, // a check takes nothing, whatever it says
		{"D", 1, bus.Granted, journal.Exit, 2, true}, // it may come back yet
		{"D", 2, bus.NoPassage, journal.Exit, 2, true},
		{"D", 3, bus.Granted, journal.Exit, 2, true},
		{"D", 4, bus.Passed, journal.Exit, 2, false},
		{"D", 2, bus.NoPassage, journal.Exit, 2, false}, // late
		{"B", 12, bus.Passed, journal.Entry, 1, false},  // again
		{"B", 13, bus.Granted, journal.Entry, 3, true},
		{"B", 14, bus.NoPassage, journal.Entry, 3, false},
		{"A", 15, bus.Granted, journal.Entry, 3, true},
		{"E", 1, bus.Passed, journal.Exit, 0, true}, // of an older version: it says no number
	} {
		o.hear(bus.Spent{Kind: step.kind, Gate: step.gate, Epoch: "e", Seq: step.seq, Role: step.role, Certificate: "slip", Static: true, Until: day, Walk: step.walk}, time.Now())
		if got := o.walks("slip").Used(journal.Entry); got != step.spent {
			t.Fatalf("after %s %s %d the slip is spent: %v; want %v", step.gate, step.kind, step.seq, got, step.spent)
		}
	}
	if w := o.walks("slip"); w.Latest() != 3 || !w.Used(journal.Exit) {
		t.Errorf("%+v; want three walks, the second of them out", w)
	}
}

// A slip goes in at one gate, out at the next, and in again: each knows what the other saw, and
// the first still knows it after a restart.
func TestASlipGoesInAtOneGateAndOutAtTheNext(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t)
	day := time.Now().Add(20 * time.Hour)
	known := func(g *testGate) journal.Walks {
		return g.store.Walks(someUse("slip", begins())).With(g.Walks("slip"))
	}
	walk := func(g *testGate, role journal.Role) {
		t.Helper()
		w := known(g)
		if w.Used(role) {
			t.Fatalf("%s: %+v; want that it may go this way", g.name, w)
		}
		r := journal.Record{
			Time: time.Now(), Kind: journal.Decision, Decision: journal.Granted, Certificate: "slip", Holder: "h",
			Direction: map[journal.Role]string{journal.Entry: "entry", journal.Exit: "exit"}[role], Ends: day.Unix(), Walk: w.Latest() + 1,
		}
		use := someUse("slip", 1)
		use.Role = role
		if _, err := g.store.GrantRide(use, day, r, nil); err != nil {
			t.Fatal(err)
		}
		r.Kind, r.Decision = journal.Passage, ""
		g.store.AppendPassage(r, "h", role, 0)
		g.Wrote()
	}
	for n := range 2 {
		walk(a, journal.Entry)
		until(t, "B knows that it went in", func() bool { return b.Walks("slip").Passed[journal.Entry] == uint32(2*n+1) })
		if !known(b).Used(journal.Entry) {
			t.Error("a copy goes in at the other gate")
		}
		walk(b, journal.Exit)
		until(t, "A knows that it came out", func() bool { return !known(a).Used(journal.Entry) })
	}
	a.end()
	a = newGate(t, "A07", a.dir).Start(s.File())
	if w := known(a); w.Used(journal.Entry) || w.Latest() != 4 {
		t.Errorf("after a restart: %+v; want four walks, the last of them out", w)
	}
}

// However many gates a slip was shown at, those of the latest walks are remembered.
func TestTheLatestWalksAreRemembered(t *testing.T) {
	t.Parallel()
	var uses []slipUse
	for n := range uint32(mostUses + 3) {
		uses = newestUse(uses, slipUse{Gate: fmt.Sprint("G", n), Epoch: "e", Seq: 1, Walk: n + 1, Passed: n + 1})
	}
	uses = newestUse(uses, slipUse{Gate: "late", Epoch: "e", Seq: 1, Walk: 1})
	if len(uses) != mostUses {
		t.Fatalf("%d gates; want %d", len(uses), mostUses)
	}
	for _, u := range uses {
		if u.Walk <= 3 {
			t.Errorf("walk %d of %s is remembered in the place of a later one", u.Walk, u.Gate)
		}
	}
}

// What other gates must know of a slip's grant is told in the record of its end, also where the
// disk was late; of a group that was not complete somebody walked.
func TestWhatIsToldOfASlip(t *testing.T) {
	t.Parallel()
	g := newGate(t, "A07", t.TempDir())
	day := time.Now().Add(20 * time.Hour).Unix()
	for _, tt := range []struct {
		kind  journal.Kind
		count int
		want  bus.Kind
	}{{journal.Passage, 0, bus.Passed}, {journal.NoPassage, 0, bus.NoPassage}, {journal.TooLate, 0, bus.NoPassage}, {journal.NoPassage, 1, bus.Passed}} {
		s, ok := g.spentOf(journal.Record{Seq: 7, Time: time.Now(), Kind: tt.kind, Count: tt.count, Certificate: "slip", Holder: "h", Direction: "entry", Ends: day, Walk: 4}, "e")
		if !ok || s.Kind != tt.want || s.Walk != 4 || !s.Static || s.Until != day {
			t.Errorf("%s, %d did not come: told %v, %+v; want %s of walk 4", tt.kind, tt.count, ok, s, tt.want)
		}
	}
	check := journal.Record{Seq: 8, Time: time.Now(), Kind: journal.Decision, Decision: journal.Granted, Certificate: "slip", Direction: "check"}
	if s, ok := g.spentOf(check, "e"); ok {
		t.Errorf("of a check %+v is told; it takes nothing", s)
	}
}
