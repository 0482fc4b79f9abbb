package store

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
)

func TestBlindnessLastsUntilItIsOver(t *testing.T) {
	g := used(t, 5)
	g.reopenAfter(func(path string) { os.Remove(path) })
	if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "missing") {
		t.Fatalf("blind = %+v; want so, for the file is missing", b)
	}
	g.trusted = false
	for _, tt := range []struct {
		name   string
		change func()
		want   Blindness
	}{
		{"a restart, with a clock that is not trusted", func() { g.reopenAfter(nil) }, Blindness{Blind: true, Closed: 75 * time.Second}},
		{"ten seconds later", func() { g.booted += 10 * time.Second }, Blindness{Blind: true, Closed: 65 * time.Second}},
		{"the clock is trusted", func() { g.trusted, g.now = true, noon.Add(time.Minute) }, Blindness{Blind: true, Closed: 65 * time.Second, Since: noon.Add(time.Minute)}},
		{"the wall clock is set by a day", func() { g.now, g.proven = noon.AddDate(0, 0, 1), noon }, Blindness{Blind: true, Closed: 65 * time.Second, Since: noon.Add(time.Minute)}},
		{"a restart", func() { g.reopenAfter(nil) }, Blindness{Blind: true, Closed: 65 * time.Second, Since: noon.Add(time.Minute)}},
		{"a keyset without an issuer", func() { g.NoteValidity(0, 0) }, Blindness{Blind: true, Closed: 65 * time.Second, Since: noon.Add(time.Minute)}},
		{"one whose codes last longer", func() { g.NoteValidity(100*time.Second, 48*time.Hour) }, Blindness{Blind: true, Closed: 90 * time.Second, Since: noon.Add(time.Minute)}},
		{"a reboot", func() { g.boot, g.booted = "another", time.Hour; g.reopenAfter(nil) }, Blindness{Blind: true, Closed: 100 * time.Second, Since: noon.Add(time.Minute)}},
		{"the span is over", func() { g.booted += 100 * time.Second }, Blindness{Blind: true, Since: noon.Add(time.Minute)}},
		{"two days by the wall clock", func() { g.now, g.proven = noon.AddDate(0, 0, 3), noon.AddDate(0, 0, 2) }, Blindness{Blind: true, Since: noon.Add(time.Minute)}},
		{"a second before paper's day is over, by proven time", func() { g.proven = noon.AddDate(0, 0, 2).Add(59 * time.Second) }, Blindness{Blind: true, Since: noon.Add(time.Minute)}},
		{"it is over, and another reboot", func() {
			g.proven, g.boot, g.booted = noon.AddDate(0, 0, 2).Add(2*time.Minute), "a third", time.Minute
			g.reopenAfter(nil)
		}, Blindness{Blind: true, Closed: 100 * time.Second, Since: noon.Add(time.Minute)}},
		{"the span's last nanosecond", func() { g.booted += 100*time.Second - 1 }, Blindness{Blind: true, Closed: 1, Since: noon.Add(time.Minute)}},
		{"the span is over again, and the wall clock is not trusted", func() { g.trusted, g.booted = false, g.booted+1 }, Blindness{}},
		{"another restart", func() { g.reopenAfter(nil) }, Blindness{}},
	} {
		tt.change()
		g.Keep()
		got := g.Blind()
		got.Why = ""
		if !got.Since.Equal(tt.want.Since) {
			t.Errorf("%s: since %v; want %v", tt.name, got.Since, tt.want.Since)
		}
		got.Since, tt.want.Since = time.Time{}, time.Time{}
		if got != tt.want {
			t.Errorf("%s: %+v; want %+v", tt.name, got, tt.want)
		}
	}
	records, err := g.Records(0, 100)
	if err != nil || !slices.ContainsFunc(records, func(r journal.Record) bool {
		return r.Kind == journal.InService && strings.Contains(r.Detail, "no code from before")
	}) {
		t.Errorf("journal = %+v, %v; want it to say that the store sees again", records, err)
	}
}

// Where no keyset has ever said how long paper is good, it is a day.
func TestPaperIsDeniedForADay(t *testing.T) {
	g := used(t, 5)
	g.reopenAfter(func(path string) { os.Remove(path) })
	g.Keep() // the clock is trusted: since noon
	g.booted += rotatingAtLeast
	g.now = noon.Add(24*time.Hour - time.Second)
	g.Keep()
	if b := g.Blind(); !b.Blind || b.Closed != 0 {
		t.Errorf("a second before: %+v; want blind for paper", b)
	}
	for len(g.kick) > 0 {
		<-g.kick
	}
	g.now = noon.Add(24 * time.Hour)
	g.Keep()
	if b := g.Blind(); b.Blind || len(g.kick) == 0 {
		t.Errorf("then: %+v; want seeing, and a record that is written at once", b)
	}
}

// The longest validity is in the file as well as in its marks.
func TestValidityIsKept(t *testing.T) {
	g := newGate(t)
	want := validity{2 * time.Minute, 48 * time.Hour}
	g.NoteValidity(want.Rotating, time.Hour)
	g.NoteValidity(time.Minute, want.Paper)
	txid := g.txid
	g.NoteValidity(time.Minute, want.Paper)
	if g.txid != txid {
		t.Error("what is known is written again")
	}
	g.reopenAfter(func(string) {
		for _, path := range g.marks() {
			os.Remove(path)
		}
	})
	if g.validity != want {
		t.Errorf("validity = %v; want %v", g.validity, want)
	}
}

// The longest validity that was ever seen is not lost with the file.
func TestLostFileLosesNoProofAndNoValidity(t *testing.T) {
	g := used(t, 5)
	g.NoteValidity(5*time.Minute, 48*time.Hour)
	g.Keep()
	g.look()
	g.reopenAfter(func(path string) { os.Remove(path) })
	if b := g.Blind(); !b.Blind || b.Closed != 5*time.Minute {
		t.Errorf("blind = %+v; want closed for five minutes", b)
	}
	if got := g.Floor(); !got.Equal(noon) {
		t.Errorf("floor = %v; want noon", got)
	}
	if got := g.Seq(); got <= 11 {
		t.Errorf("the journal goes on with %d; want a number that was not used", got)
	}
}

func TestANewStoreIsNotBlind(t *testing.T) {
	g := newGate(t)
	if b := g.Blind(); b.Blind {
		t.Errorf("blind = %+v; want seeing", b)
	}
}

// A store that is unavailable says so, and does not look at its time.
func TestUnavailableStoreSeesNothing(t *testing.T) {
	g := used(t, 1)
	g.reopenAfter(func(path string) { os.Remove(path) })
	g.freeze(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.see(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a write that fails: %v; want %v", err, ErrUnavailable)
	}
	before := g.err
	if err := g.see(); err != nil || g.err != before || !g.blind.Since.IsZero() {
		t.Errorf("then: %v, because of %v, since %v; want nothing done", err, g.err, g.blind.Since)
	}
}

// The span in which no code can be told from a used one begins with the loss, and once more
// with each boot; a machine without a boot's name begins it with the loss too.
func TestWhereTheSpanBegins(t *testing.T) {
	for _, boot := range []string{"one", ""} {
		g := used(t, 1)
		g.boot, g.booted = boot, time.Hour
		g.reopenAfter(func(path string) { os.Remove(path) })
		if b := g.Blind(); b.Closed != rotatingAtLeast {
			t.Errorf("boot %q, a loss after an hour: closed for %v; want %v", boot, b.Closed, rotatingAtLeast)
		}
		g.boot, g.booted = "two", 10*time.Second
		g.reopenAfter(nil)
		g.booted += 20 * time.Second
		g.reopenAfter(nil)
		if b := g.Blind(); b.Closed != rotatingAtLeast-20*time.Second {
			t.Errorf("boot %q, then another and a restart: closed for %v; want 20 s less than %v", boot, b.Closed, rotatingAtLeast)
		}
	}
}

// A store that was rolled back says so, also after another loss.
func TestARollBackIsNotForgotten(t *testing.T) {
	for _, rolled := range []bool{true, false} {
		g := newGate(t)
		g.mu.Lock()
		g.blind.RolledBack = rolled
		err := g.probe(g.db, "a page was torn")
		g.mu.Unlock()
		if err != nil || g.Blind().RolledBack != rolled || g.Stats().RolledBack != rolled || !g.Blind().Blind {
			t.Errorf("rolled back %v: %v, %+v, %+v", rolled, err, g.Blind(), g.Stats())
		}
	}
}
