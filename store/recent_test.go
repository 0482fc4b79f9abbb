package store

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// What the newest records are is the same in memory and in the file, whatever wrote them:
// grants, records that were queued, a commit that failed, another epoch, one that is too long to keep.
func TestRecentRecordsAreThoseOfTheFile(t *testing.T) {
	g := newGate(t)
	random, number, served := rand.New(rand.NewPCG(1, 2)), 0, 0
	for range 300 {
		switch random.IntN(12) {
		case 0:
			for range 1 + random.IntN(2*recentMost) {
				g.Append(journal.Record{Kind: journal.Forced, Detail: strings.Repeat("x", random.IntN(50))})
			}
			g.flushNow(t)
		case 1:
			if err := g.nextEpoch(because("a test"), nil); err != nil {
				t.Fatal(err)
			}
		case 2:
			g.Append(journal.Record{Kind: journal.Forced, Detail: strings.Repeat("x", recentValue)})
			g.Append(journal.Record{Kind: journal.Forced})
			g.flushNow(t)
		case 3:
			landed := random.IntN(2) == 0
			g.commit = func(tx *bbolt.Tx) error {
				if landed {
					return errors.Join(tx.Commit(), errors.New("a test"))
				}
				return errors.New("a test")
			}
			g.Append(journal.Record{Kind: journal.Forced, Detail: "it comes later"})
			g.flushNow(t)
			g.commit = (*bbolt.Tx).Commit
			if !g.reopen() {
				t.Fatal(g.Err())
			}
			g.flushNow(t)
		default:
			number++
			g.grant(number)
		}
		last := g.Seq()
		after := last - min(last, random.Uint64N(recentMost+10))
		n := random.IntN(recentMost + 10)
		g.mu.Lock()
		if _, ok := g.recent.follow(g.sets.First, g.sets.Last, after); ok {
			served++
		}
		recent := g.recent
		got, errGot := g.read(after, n)
		leaves, errLeaves := g.leaves(after, n)
		g.recent = nil
		want, errWant := g.read(after, n)
		wantLeaves, errWantLeaves := g.leaves(after, n)
		g.recent = recent
		g.mu.Unlock()
		if err := errors.Join(errGot, errLeaves, errWant, errWantLeaves); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(leaves, wantLeaves) {
			t.Fatalf("%d behind %d of %d: %d records and %d leaves; the file has %d and %d", n, after, last, len(got), len(leaves), len(want), len(wantLeaves))
		}
	}
	if served < 50 {
		t.Errorf("%d of 300 were answered from memory", served)
	}
}

// Records that were removed from the journal are not told again.
func TestRecentRecordsBeginWithTheJournal(t *testing.T) {
	var r recent
	r.add(make([]entry, 5), 5)
	list, ok := r.follow(3, 5, 0)
	if !ok || len(list) != 3 || list[0].seq != 3 {
		t.Errorf("%d records, %v; want 3, from 3 on", len(list), ok)
	}
}
