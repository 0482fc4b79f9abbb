package store

import (
	"testing"
	"time"

	"railgate/store/journal"
)

// What is remembered of a certificate goes with the last of its codes.
func TestACertificateIsForgottenWithItsLastCode(t *testing.T) {
	g := newGate(t)
	u := journal.Use{Role: journal.Entry, Certificate: "cti", Begins: 100}
	later := u
	later.Slot, later.Begins = 1, 160
	for i, u := range []journal.Use{u, later} {
		if _, err := g.Grant(u, noon.Add(time.Duration(i+1)*time.Hour), granted(i)); err != nil {
			t.Fatal(err)
		}
	}
	g.now = noon.Add(time.Hour)
	g.Keep()
	if !g.Spent(u) || !g.Spent(later) {
		t.Error("forgotten with the first of two codes")
	}
	g.now = noon.Add(2 * time.Hour)
	g.Keep()
	if g.Spent(u) || g.Spent(later) {
		t.Error("remembered after the last")
	}
}

func TestPassagesAreRemembered(t *testing.T) {
	g := newGate(t)
	g.AppendPassage(journal.Record{Time: noon, Kind: journal.Passage, Holder: "holder-1"}, "holder-1", journal.Entry, 0)
	if c, ok := g.LastPassage("holder-1"); !ok || c.Role != journal.Entry || !c.Time.Equal(noon) {
		t.Errorf("crossing = %v, %v; want entry at noon", c, ok)
	}
	g.reopenAfter(nil)
	if c, ok := g.LastPassage("holder-1"); !ok || c.Role != journal.Entry || !c.Time.Equal(noon) {
		t.Errorf("after a restart: %v, %v; want entry at noon", c, ok)
	}
	if _, ok := g.LastPassage("holder-2"); ok {
		t.Error("a holder who never passed is remembered")
	}
	g.now = noon.Add(2*time.Hour + time.Second)
	g.Keep()
	g.reopenAfter(nil)
	if _, ok := g.LastPassage("holder-1"); ok {
		t.Error("a passage is remembered after two hours")
	}
}

// Only what is proven raises the floor: no record's time, and no wall clock, trusted
// or not.
func TestFloorIsWhatWasProven(t *testing.T) {
	g := newGate(t)
	g.proven = noon.Add(-time.Hour)
	g.Append(journal.Record{Time: noon.AddDate(1, 0, 0), Kind: journal.Forced}) // a clock that was a year ahead
	g.now = noon.AddDate(1, 0, 0)
	g.Keep()
	g.reopenAfter(nil)
	if got := g.Floor(); !got.Equal(g.proven) {
		t.Errorf("floor = %v; want %v", got, g.proven)
	}
	proven := g.proven
	g.proven = proven.Add(-time.Hour) // what was proven stays so
	g.Keep()
	g.reopenAfter(nil)
	if got := g.Floor(); !got.Equal(proven) {
		t.Errorf("floor = %v; want %v, as it was", got, proven)
	}
}

// Nothing is forgotten where nothing is proven of the time.
func TestNothingIsForgottenByAnUnprovenClock(t *testing.T) {
	g := newGate(t)
	g.grant(1)
	g.AppendPassage(granted(2), "holder", journal.Entry, 0)
	g.flushNow(t)
	g.opt.Proven = nil
	g.now = noon.AddDate(1, 0, 0)
	g.reopenAfter(nil)
	g.Keep()
	if _, ok := g.LastPassage("holder"); !ok || !g.Spent(use(1)) || len(g.kinds()) != 3 {
		t.Errorf("a year later by the wall clock: spent %v, passage %v, journal %v; want all kept", g.Spent(use(1)), ok, g.kinds())
	}
}

func TestRetention(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Options)
		now    time.Time
		left   func(n int) bool
	}{
		{"by days", func(o *Options) { o.Days = 2 }, noon.AddDate(0, 0, 2).Add(500 * time.Second), func(n int) bool { return n == 502 }},
		{"by bytes", func(o *Options) { o.MaxBytes = 20_000 }, noon.Add(time.Hour), func(n int) bool { return n > 50 && n < 400 }},
		{"nothing to do", func(o *Options) {}, noon.Add(time.Hour), func(n int) bool { return n == 1001 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(t)
			tt.change(&g.opt)
			g.reopenAfter(nil)
			for n := range 1000 {
				g.Append(granted(n))
			}
			g.flushNow(t)
			g.now = tt.now
			g.Keep()
			g.flushNow(t)
			kinds := g.kinds()
			decisions, pruned := 0, 0
			for _, k := range kinds {
				switch k {
				case journal.Decision:
					decisions++
				case journal.Pruned:
					pruned++
				}
			}
			if !tt.left(decisions + 1 + pruned) {
				t.Errorf("%d decisions are left, %d said to be pruned", decisions, pruned)
			}
			if (decisions < 1000) != (pruned == 1) {
				t.Errorf("%d decisions are left and %d records say so", decisions, pruned)
			}
		})
	}
}

func TestSpentCodesAreForgottenAfterTheirTime(t *testing.T) {
	g := newGate(t)
	g.grant(1)
	if _, err := g.Grant(use(2), noon.Add(24*time.Hour), granted(2)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		now, proven    time.Time
		first, another bool
	}{
		{noon.Add(59 * time.Minute), noon.Add(59 * time.Minute), true, true},
		{noon.Add(8 * time.Hour), noon.Add(59 * time.Minute), true, true}, // a trusted clock that is wrong
		{noon.Add(2 * time.Hour), noon.Add(2 * time.Hour), false, true},
		{noon.Add(25 * time.Hour), noon.Add(25 * time.Hour), false, false},
	} {
		g.now, g.proven = tt.now, tt.proven
		g.Keep()
		g.reopenAfter(nil)
		if g.Spent(use(1)) != tt.first || g.Spent(use(2)) != tt.another {
			t.Errorf("at %v: spent %v, %v; want %v, %v", tt.now, g.Spent(use(1)), g.Spent(use(2)), tt.first, tt.another)
		}
	}
}

func TestNotesAreKept(t *testing.T) {
	g := newGate(t)
	var v string
	if ok, err := g.Note("anchor", &v); ok || err != nil {
		t.Errorf("a note that nobody wrote: %v, %v", ok, err)
	}
	if err := g.PutNote("anchor", "boot 1"); err != nil {
		t.Fatal(err)
	}
	g.reopenAfter(nil)
	if ok, err := g.Note("anchor", &v); !ok || err != nil || v != "boot 1" {
		t.Errorf("note = %q, %v, %v; want boot 1", v, ok, err)
	}
}
