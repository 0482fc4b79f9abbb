package store

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

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
