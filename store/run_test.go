package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// running runs a gate's store in a bubble, and says how to end it.
func running(t *testing.T, g *gate, changed func(error)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, changed) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Housekeeping is done soon after the start and then each minute.
func TestRunKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		kept := func() time.Duration {
			synctest.Wait()
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.kept.Sub(noon)
		}
		set := func(d time.Duration) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.proven = noon.Add(d)
		}
		defer running(t, g, func(error) {})()
		for _, tt := range []struct{ wait, want, then time.Duration }{ // then that much is proven
			{0, 0, time.Hour}, {keepSoon - 1, 0, time.Hour}, {1, time.Hour, 2 * time.Hour},
			{keepEvery - 1, time.Hour, 2 * time.Hour}, {1, 2 * time.Hour, 3 * time.Hour},
			{keepEvery - 1, 2 * time.Hour, 3 * time.Hour}, {1, 3 * time.Hour, 3 * time.Hour},
		} {
			time.Sleep(tt.wait)
			if got := kept(); max(0, got) != tt.want {
				t.Errorf("after %v more: the floor on the disk is noon and %v; want %v", tt.wait, got, tt.want)
			}
			set(tt.then)
		}
	})
}

// A file that was taken away is told within a second, and its successor after another.
func TestRunLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := used(t, 1)
		states := make(chan error, 1000)
		began := time.Now()
		defer running(t, g, func(err error) { states <- err })()
		if err := os.Remove(g.path()); err != nil {
			t.Fatal(err)
		}
		for err := range states {
			if err != nil {
				break
			}
		}
		if took := time.Since(began); took > lookEvery {
			t.Errorf("told after %v; want within %v", took, lookEvery)
		}
		for err := range states {
			if err == nil {
				break
			}
		}
		if took := time.Since(began); took > lookEvery+reopenMin {
			t.Errorf("opened again after %v; want within %v", took, lookEvery+reopenMin)
		}
	})
}

// An unavailable file is opened again at once, and then less and less often; one that works
// again starts over.
func TestRunOpensLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		began := time.Now()
		var tries []int
		broken := true
		g.commit = func(tx *bbolt.Tx) error {
			if broken {
				tries = append(tries, int(time.Since(began)/time.Second))
				return errors.New("input/output error")
			}
			return tx.Commit()
		}
		stop := running(t, g, func(error) {})
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
		time.Sleep(36 * time.Second)
		g.mu.Lock()
		broken = false
		g.mu.Unlock()
		time.Sleep(10500 * time.Millisecond) // it works from second 45 on
		g.mu.Lock()
		broken = true
		g.mu.Unlock()
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
		time.Sleep(3 * time.Second)
		stop()
		if got := fmt.Sprint(tries); got != "[0 1 3 7 15 25 35 46 47 49]" {
			t.Errorf("tried in seconds %s", got)
		}
		broken = false
	})
}

// A closed store is unavailable, stays so, and has let go of the folder.
func TestClosedStore(t *testing.T) {
	g := used(t, 1)
	g.flushNow(t)
	outside := g.outside
	for range 2 {
		if err := g.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if !g.reopen() || g.db != nil || g.Err() != ErrUnavailable {
			t.Errorf("it is opened again: %v", g.Err())
		}
		if _, err := g.Commit(granted(7)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Commit = %v; want %v", err, ErrUnavailable)
		}
	}
	lock, err := lockFolder(g.opt.Dir, 0)
	if err != nil {
		t.Fatalf("the folder: %v", err)
	}
	lock.Close()
	if _, err := outside.Stat(); !errors.Is(err, os.ErrClosed) || g.outside != nil {
		t.Errorf("the mark outside is open: %v", err)
	}
	for _, path := range g.marks() {
		if m, _, err := readMark(path); err != nil || m.Seq != g.seq {
			t.Errorf("%s: %+v, %v; want record %d", path, m, err, g.seq)
		}
	}
}

// A loss, and rot, are remembered for the next opening; other errors are neither.
func TestWhatAFailureLeaves(t *testing.T) {
	for _, tt := range []struct {
		err          error
		loss, rotten string
	}{
		{errors.New("input/output error"), "", ""},
		{fmt.Errorf("writing: %w", &lossError{"a cat took it"}), "a cat took it", ""},
		{fmt.Errorf("pruning: %w", &damageError{errNoBucket}), "", errNoBucket.Error()},
	} {
		g := newGate(t)
		db := g.db
		g.mu.Lock()
		g.fail(tt.err)
		g.mu.Unlock()
		if g.loss != tt.loss || g.rotten != tt.rotten || !errors.Is(g.Err(), tt.err) || !errors.Is(g.Err(), ErrUnavailable) || g.db != nil {
			t.Errorf("%v: loss %q, rotten %q, %v", tt.err, g.loss, g.rotten, g.Err())
		}
		if err := db.View(func(*bbolt.Tx) error { return nil }); err == nil {
			t.Errorf("%v: the file is open", tt.err)
		}
	}
}

// A store that works is not opened again, and a file that was taken away is told once.
func TestOneReasonIsTold(t *testing.T) {
	g := used(t, 1)
	g.flushNow(t)
	db := g.db
	if !g.reopen() || g.db != db {
		t.Error("a store that works was opened again")
	}
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	g.look()
	if n := g.Stats().Queued; n != 0 {
		t.Errorf("%d records wait; want none: there is no journal to look through", n)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail(errNoBucket) // without a file to close
	if !errors.Is(g.err, errNoBucket) {
		t.Errorf("err = %v; want %v", g.err, errNoBucket)
	}
}

// The journal is read through a part at a time, then not for a day; what cannot be read is
// told once, with its numbers.
func TestTheJournalIsReadThrough(t *testing.T) {
	for _, what := range []string{"", "a leaf", "a record"} {
		damaged := what != ""
		g := used(t, 3)
		g.fill(700)
		if what == "a record" {
			if err := g.update(func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Put(journalKey(300), []byte("rotten")) }); err != nil {
				t.Fatal(err)
			}
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		first := leavesOf(t, g.path())
		want := ""
		if what == "a record" {
			want = "1 of the records 300 to 300 cannot be read"
		}
		if what == "a leaf" {
			content, err := os.ReadFile(g.path())
			if err != nil {
				t.Fatal(err)
			}
			zero(t, g.path(), pageWith(t, content, first[2])*pageSize, pageSize)
			want = fmt.Sprintf("%d of the records %d to %d cannot be read", first[3]-first[2], first[2], first[3]-1)
		}
		for len(g.kick) > 0 {
			<-g.kick
		}
		reads := 0
		for seen := uint64(0); g.scrubRest == 0 && reads < 100; reads++ {
			g.scrub()
			if g.scrubbed == seen {
				t.Fatalf("record %d is read again and again", seen)
			}
			if g.scrubRest == 0 {
				seen = g.scrubbed
			}
		}
		if most := int(g.seq)/scrubBatch + 1; reads < 3 || reads > most || g.scrubbed != 0 || g.scrubRest != scrubEvery {
			t.Errorf("damaged %v: %d parts, then %d, and none for %d s; want at most %d, 0 and a day", damaged, reads, g.scrubbed, g.scrubRest, most)
		}
		switch {
		case !damaged && (len(g.queue) != 0 || len(g.kick) != 0):
			t.Errorf("%+v; want nothing told", g.queue)
		case damaged && (len(g.queue) != 1 || len(g.kick) != 1):
			t.Errorf("%d records, woken %d; want one told", len(g.queue), len(g.kick))
		case damaged:
			if r := g.queue[0].record; r.Kind != journal.Fault || !strings.Contains(r.Detail, want) || !r.Time.Equal(noon) {
				t.Errorf("%+v; want %q", r, want)
			}
		}
		g.queue = nil
		g.scrubRest = 1
		g.scrub()
		if g.scrubRest != 0 || g.scrubbed != 0 {
			t.Errorf("the last second of a day: %d left, read up to %d", g.scrubRest, g.scrubbed)
		}
		g.scrub()
		if g.scrubbed == 0 {
			t.Error("then nothing is read")
		}
		g.queue = nil
	}
}
