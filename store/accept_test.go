package store

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

func TestAcceptLowersTheFloorAndGoesBlind(t *testing.T) {
	g := newGate(t)
	g.proven = noon.AddDate(1, 0, 0) // a signer's clock was ahead
	g.Keep()
	g.proven = noon
	if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted, Detail: "a test"}); err != nil {
		t.Fatal(err)
	}
	g.now = noon
	for _, when := range []string{"at once", "after a restart", "after housekeeping"} {
		if got, blind := g.Floor(), g.Blind(); !got.Equal(noon) || !blind.Blind || !strings.Contains(blind.Why, "lowered") {
			t.Errorf("%s: floor %v, %+v; want noon, and blind", when, got, blind)
		}
		g.reopenAfter(nil)
		if when == "after a restart" {
			g.Keep()
		}
	}
	if kinds := g.kinds(); kinds[len(kinds)-1] != journal.ClockAccepted {
		t.Errorf("journal = %v; want its record", kinds)
	}
}

func TestAcceptThatCannotBeWrittenChangesNothing(t *testing.T) {
	g := newGate(t)
	high := noon.AddDate(1, 0, 0)
	g.proven = high
	g.Keep()
	g.commit = func(*bbolt.Tx) error { return errors.New("no space left on device") }
	if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted}); err == nil {
		t.Fatal("accepted, and not on the disk")
	}
	if got := g.Floor(); !got.Equal(high) || g.Blind().Blind {
		t.Errorf("floor = %v, %+v; want %v, as it was", got, g.Blind(), high)
	}
	if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("err = %v; want unavailable", err)
	}
	if n := g.Stats().Queued; n != 0 {
		t.Errorf("%d records wait; want none: it was not accepted", n)
	}
}

// What an operator accepts makes the store blind from that instant on, of this boot.
func TestAcceptIsBlindFromNowOn(t *testing.T) {
	g := newGate(t)
	g.booted = time.Hour
	if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted}); err != nil {
		t.Fatal(err)
	}
	g.booted += 10 * time.Second
	for _, when := range []string{"at once", "after a restart"} {
		if b := g.Blind(); b.Closed != rotatingAtLeast-10*time.Second {
			t.Errorf("%s: closed for %v; want %v", when, b.Closed, rotatingAtLeast-10*time.Second)
		}
		g.reopenAfter(nil)
	}
}

// What is proven after a floor was lowered is written like before.
func TestFloorRisesAfterItWasLowered(t *testing.T) {
	g := newGate(t)
	g.proven = noon.AddDate(1, 0, 0)
	g.Keep()
	if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted}); err != nil {
		t.Fatal(err)
	}
	g.proven = noon.Add(time.Hour)
	g.Keep()
	g.proven = noon
	g.kill()
	g.removeMarks()
	g.open()
	if got := g.Floor(); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("floor = %v; want an hour after noon", got)
	}
}

// An operator hears that no mark says what was accepted.
func TestAcceptThatCannotBeMarked(t *testing.T) {
	g := newGate(t)
	g.commit = func(tx *bbolt.Tx) error {
		err := tx.Commit()
		return errors.Join(err, os.RemoveAll(g.opt.Dir), os.WriteFile(g.opt.Dir, nil, 0o600))
	}
	if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("Accept = %v; want %v", err, unix.ENOTDIR)
	}
}

// Proven time is asked for under the lock that Accept holds: what was asked for before
// must not be written after.
func TestHousekeepingAsksForTheTimeUnderTheLock(t *testing.T) {
	g := newGate(t)
	asked := false
	g.Store.opt.Proven = func() Proven {
		asked = true
		if g.mu.TryLock() {
			g.mu.Unlock()
			t.Error("asked for proven time without the lock")
		}
		return proof(noon)
	}
	g.Keep()
	if !asked {
		t.Error("housekeeping never asked what is proven")
	}
}

// A store that was rolled back stays so when the time is lowered, and no other becomes so.
func TestAcceptKeepsARollBack(t *testing.T) {
	for _, rolled := range []bool{true, false} {
		g := newGate(t)
		g.blind.RolledBack = rolled
		if err := g.Accept(proof(noon), journal.Record{Kind: journal.ClockAccepted}); err != nil || g.Blind().RolledBack != rolled {
			t.Errorf("rolled back %v: %v, %+v", rolled, err, g.Blind())
		}
	}
}
