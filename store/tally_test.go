package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// A ticket's key is told from a holder's by its length and its first byte.
func TestKeysOfTickets(t *testing.T) {
	for _, tt := range []struct {
		key  string
		want bool
	}{
		{"T" + strings.Repeat("t", TicketSize), true},
		{"U" + strings.Repeat("t", TicketSize), false},
		{"T" + strings.Repeat("t", TicketSize-1), false},
		{"T", false},
		{"", false},
	} {
		if got := isRide([]byte(tt.key)); got != tt.want {
			t.Errorf("%q: %v; want %v", tt.key, got, tt.want)
		}
	}
}

// A ride of what is no ticket is a record, and nothing else.
func TestRideOfNoTicket(t *testing.T) {
	g := newGate(t)
	for _, r := range []*journal.Ride{nil, {Ticket: "short", N: 1}, {Ticket: journal.ID(strings.Repeat("t", TicketSize+1)), N: 1}} {
		g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, r)
	}
	g.flushNow(t)
	if len(g.rides) != 0 || g.sets.Passages.N != 0 {
		t.Errorf("%v, %d entries; want none", g.rides, g.sets.Passages.N)
	}
	if got := fmt.Sprint(g.kinds()); got != "[epoch no_passage no_passage no_passage]" {
		t.Errorf("journal = %s", got)
	}
}

// A count that rotted is damage, not a count that begins again.
func TestRottenCountOfRides(t *testing.T) {
	g := newGate(t)
	g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, ride(1))
	g.flushNow(t)
	if err := g.update(func(tx *bbolt.Tx) error { return tx.Bucket(passbackBucket).Put(rideKey(multi), []byte("rotten")) }); err != nil {
		t.Fatal(err)
	}
	g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, ride(1))
	g.flushNow(t)
	if err := g.Err(); !errors.Is(err, errDamaged) || g.rotten == "" {
		t.Errorf("Err = %v, rotten %q; want that it is damaged", err, g.rotten)
	}
}

// Tickets that have ended are forgotten a batch at a time, but for those that wait for their
// first commit.
func TestTicketsThatHaveEnded(t *testing.T) {
	const most = pruneBatch + 10
	g := newGate(t)
	ticket := func(n int) journal.ID { return journal.ID(fmt.Sprintf("%032d", n)) }
	for n := range most {
		g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, &journal.Ride{Ticket: ticket(n), Until: noon.Unix(), N: 1})
	}
	g.flushNow(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	if keys := g.oldRides(noon, nil); len(keys) != 0 {
		t.Errorf("%d in their last second; want none", len(keys))
	}
	later := noon.Add(time.Second)
	if keys := g.oldRides(later, nil); len(keys) != pruneBatch {
		t.Errorf("%d have ended; want a batch of %d", len(keys), pruneBatch)
	}
	if keys := g.oldRides(later, make([][]byte, pruneBatch)); len(keys) != pruneBatch {
		t.Errorf("%d with passages; want %d", len(keys), pruneBatch)
	}
	queued := ticket(1)
	clear(g.rides)
	g.rides[queued], g.rides[ticket(2)] = tally{Until: noon.Unix()}, tally{Until: noon.Unix()}
	g.queue = []entry{{}, {ride: &journal.Ride{Ticket: queued}}}
	if keys := g.oldRides(later, nil); len(keys) != 1 || string(keys[0]) != "T"+string(ticket(2)) {
		t.Errorf("%q; want the one that does not wait", keys)
	}
	g.queue = nil
}

// A first ride that was not written was not taken.
func TestFirstRideThatIsLost(t *testing.T) {
	g := newGate(t)
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	if _, err := g.GrantRide(use(1), noon.Add(time.Hour), granted(1), ride(1)); err == nil {
		t.Fatal("a grant without a commit")
	}
	g.commit = (*bbolt.Tx).Commit
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.wantRides(0)
}

// A passage counts for its day although anti-passback forgets it earlier.
func TestPassageIsRememberedForItsDay(t *testing.T) {
	g := newGate(t)
	for today, want := range map[int]time.Duration{0: 2 * time.Hour, 1: longestDay, 2: longestDay} {
		if got := g.remembered(journal.LastPassage{Today: today}); got != want {
			t.Errorf("%d on the day: for %v; want %v", today, got, want)
		}
	}
	g.SetPassbackFor(100 * time.Hour)
	if got := g.remembered(journal.LastPassage{Today: 1}); got != 100*time.Hour {
		t.Errorf("for %v; want 100 hours", got)
	}
}

// A ride that is given back while a commit is in doubt is given back once it has landed.
func TestRideThatIsGivenBackMeanwhile(t *testing.T) {
	g := newGate(t)
	g.commit = func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), errors.New("input/output error")) }
	if _, err := g.GrantRide(use(1), noon.Add(time.Hour), granted(1), ride(1)); err == nil {
		t.Fatal("no error")
	}
	g.commit = (*bbolt.Tx).Commit
	g.AppendRide(journal.Record{Time: noon, Kind: journal.NoPassage}, ride(-1))
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.wantRides(0)
	g.reopenAfter(nil)
	g.wantRides(0)
}
