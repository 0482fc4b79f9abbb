package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

var multi = journal.ID(strings.Repeat("m", TicketSize))

func ride(n int) *journal.Ride {
	return &journal.Ride{Ticket: multi, Until: noon.Add(24 * time.Hour).Unix(), N: n}
}

func (g *gate) ride(n int) {
	g.t.Helper()
	if _, err := g.GrantRide(use(n), noon.Add(time.Hour), granted(n), ride(1)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gate) wantRides(want int) {
	g.t.Helper()
	if got := g.Rides(multi); got != want {
		g.t.Errorf("%d rides are taken; want %d", got, want)
	}
}

// A ride is taken in the grant's own commit, and given back in that of the record that says so.
func TestARideIsTakenWithItsGrant(t *testing.T) {
	for name, landed := range map[string]bool{"lost": false, "landed": true} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			g.commit = func(tx *bbolt.Tx) error {
				if landed {
					tx.Commit()
				}
				return errors.New("input/output error")
			}
			if _, err := g.GrantRide(use(2), noon.Add(time.Hour), granted(2), ride(1)); err == nil {
				t.Fatal("a grant without a commit")
			}
			g.wantRides(1)
			g.commit = (*bbolt.Tx).Commit
			if !g.reopen() {
				t.Fatal(g.Err())
			}
			want := 0
			if landed {
				want = 1
			}
			g.wantRides(want)
			g.reopenAfter(nil)
			g.wantRides(want)
		})
	}
}

// A ride that is given back while the file cannot be written is given back once, when it can.
func TestARideIsGivenBackOnce(t *testing.T) {
	g := newGate(t)
	g.ride(1)
	g.ride(2)
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, ride(-1))
	g.flushNow(t)
	g.wantRides(1)
	g.commit = (*bbolt.Tx).Commit
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.wantRides(1)
	g.reopenAfter(nil)
	g.wantRides(1)
	for range 3 {
		g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, ride(-1))
	}
	g.reopenAfter(nil)
	g.wantRides(0)
}

// A spent code takes no second ride.
func TestADeniedCodeTakesNoRide(t *testing.T) {
	g := newGate(t)
	g.ride(1)
	if _, err := g.GrantRide(use(1), noon.Add(time.Hour), granted(1), ride(1)); !errors.Is(err, journal.ErrSpent) {
		t.Errorf("GrantRide = %v", err)
	}
	g.wantRides(1)
}

// A ticket is forgotten when it has ended by what is proven of the time, and no sooner.
func TestATicketIsForgottenByProvenTime(t *testing.T) {
	g := newGate(t)
	g.ride(1)
	g.now, g.proven = noon.Add(48*time.Hour), noon.Add(24*time.Hour)
	g.Keep()
	g.wantRides(1)
	g.proven = noon.Add(24*time.Hour + time.Second)
	g.Keep()
	g.wantRides(0)
	g.reopenAfter(nil)
	g.wantRides(0)
}

// A holder's passages of a day outlast anti-passback's time, and a restart.
func TestPassagesOfADayAreCounted(t *testing.T) {
	g := newGate(t)
	walk := func(at time.Time, day int) {
		g.AppendPassage(journal.Record{Time: at, Kind: journal.Passage}, "holder-1", journal.Entry, day)
	}
	want := func(day, n int) {
		t.Helper()
		if c, _ := g.LastPassage("holder-1"); c.On(day) != n {
			t.Errorf("%d passages on %d; want %d", c.On(day), day, n)
		}
	}
	walk(noon, 20261123)
	walk(noon, 20261123)
	want(20261123, 2)
	want(20261124, 0)
	g.now = noon.Add(10 * time.Hour)
	g.Keep()
	g.reopenAfter(nil)
	want(20261123, 2)
	walk(g.now, 0) // one of a group: it is counted already
	want(20261123, 2)
	walk(g.now, 20261124)
	want(20261124, 1)
	g.now = g.now.Add(longestDay + time.Second)
	g.Keep()
	if _, ok := g.LastPassage("holder-1"); ok {
		t.Error("a day that is over is remembered")
	}
}

// What was set is what counts from then on.
func TestPassbackForCanChange(t *testing.T) {
	g := newGate(t)
	g.AppendPassage(journal.Record{Time: noon, Kind: journal.Passage}, "holder-1", journal.Entry, 0)
	g.SetPassbackFor(3 * time.Hour)
	g.now = noon.Add(2*time.Hour + time.Minute)
	g.Keep()
	if _, ok := g.LastPassage("holder-1"); !ok {
		t.Error("forgotten before the new time")
	}
}
