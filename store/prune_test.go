package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"railgate/store/journal"
)

// commits counts a store's commits from now on.
func (g *gate) commits() *int {
	n := new(int)
	g.commit = func(tx *bbolt.Tx) error { *n++; return tx.Commit() }
	return n
}

// A record that is pruned is told, with the gate's time and whether it is trusted.
func TestPruningIsTold(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		g := newGate(t)
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
		g.flushNow(t)
		g.now, g.trusted = noon.AddDate(0, 0, 91), true
		g.proven = g.now
		g.mu.Lock()
		g.age.old = 1 // whatever made it so
		g.mu.Unlock()
		g.trusted = trusted
		g.Keep()
		g.flushNow(t)
		records, err := g.Records(0, 10)
		if err != nil || len(records) < 2 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		if r := records[1]; records[0].Seq != 2 || r.Kind != journal.Pruned || r.Count != 1 || !r.Time.Equal(g.now) || r.Unsure != !trusted {
			t.Errorf("trusted %v: the first is %d, then %+v; want that one record was pruned now", trusted, records[0].Seq, r)
		}
	}
}

// Housekeeping that has nothing to do writes nothing: a memory card wears.
func TestHousekeepingWithNothingToDo(t *testing.T) {
	g := used(t, 3)
	g.flushNow(t)
	g.Keep()
	n := g.commits()
	for _, tt := range []struct {
		name string
		add  time.Duration
		want int
	}{
		{"the same time", 0, 0},
		{"less than a minute later", keepEvery - time.Second - 1, 0},
		{"about a minute later", 1, 1},
		{"the same time again", 0, 0},
		{"a minute later", keepEvery, 1},
	} {
		*n = 0
		g.now = g.now.Add(tt.add)
		g.Keep()
		if *n != tt.want {
			t.Errorf("%s: %d commits; want %d", tt.name, *n, tt.want)
		}
	}
}

// A gate whose clock proves nothing yet forgets nothing.
func TestNothingIsProven(t *testing.T) {
	g := used(t, 1)
	g.Store.opt.Proven = func() Proven { return nil }
	g.now = noon.AddDate(1, 0, 0)
	g.Keep()
	if !g.Spent(use(0)) || !g.Floor().IsZero() && g.Floor().After(noon) {
		t.Errorf("spent %v, floor %v; want nothing forgotten", g.Spent(use(0)), g.Floor())
	}
}

// While the clock is not trusted no record's time says that it is old.
func TestNoRecordIsOldBeforeTheClockIsTrusted(t *testing.T) {
	g := newGate(t)
	g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	g.flushNow(t)
	g.now, g.trusted = noon.AddDate(1, 0, 0), false
	g.Keep()
	if got := g.first().Seq; got != 1 {
		t.Errorf("the journal begins with %d; want 1", got)
	}
	g.trusted = true
	g.reopenAfter(nil)
	g.Keep()
	if got := g.first().Seq; got == 1 {
		t.Error("it begins with 1 once the clock is trusted")
	}
}

// One commit of housekeeping removes a batch of each kind, so that no grant waits for more.
func TestPruningIsDoneInBatches(t *testing.T) {
	const most = pruneBatch + 10
	g := newGate(t)
	for n := range most {
		u := use(n)
		g.AppendUsed(granted(n), &u, noon.Add(time.Hour))
		g.AppendPassage(granted(n), u.Certificate, journal.Entry, 0)
	}
	g.flushNow(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	now := noon.Add(24 * time.Hour)
	g.age.old = 1000
	old, err := g.tooOld(now)
	if err != nil || len(old.spent) != pruneBatch || len(old.passages) != pruneBatch || old.records != pruneBatch {
		t.Errorf("%d codes, %d passages, %d records, %v; want %d of each", len(old.spent), len(old.passages), old.records, err, pruneBatch)
	}
}

// What may be removed, from both sides.
func TestWhatIsTooOld(t *testing.T) {
	g := newGate(t)
	first := g.Seq()
	u := use(1)
	g.AppendUsed(granted(1), &u, noon.Add(time.Hour))
	g.AppendPassage(journal.Record{Time: noon, Kind: journal.Passage}, "h", journal.Entry, 0)
	g.flushNow(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, tt := range []struct {
		name                     string
		now                      time.Time
		old                      uint64
		limit                    int64
		spent, passages, records int
	}{
		{"nothing", noon, 0, 1 << 30, 0, 0, 0},
		{"a second before", noon.Add(time.Hour - time.Second), 0, 1 << 30, 0, 0, 0},
		{"a code", noon.Add(time.Hour), 0, 1 << 30, 1, 0, 0},
		{"a passage's last nanosecond", noon.Add(2 * time.Hour), 0, 1 << 30, 1, 0, 0},
		{"a passage", noon.Add(2*time.Hour + 1), 0, 1 << 30, 1, 1, 0},
		{"a record", noon, 1, 1 << 30, 0, 0, 1},
		{"all records but the newest", noon, 1000, 1 << 30, 0, 0, int(first) + 1},
		{"exactly as many bytes as may be", noon, 0, g.bytes, 0, 0, 0},
		{"a byte too many", noon, 0, g.bytes - 1, 0, 0, 1},
		{"too many bytes, all of them", noon, 0, -1, 0, 0, int(first) + 1},
	} {
		g.age.old, g.limit.journal = tt.old, tt.limit
		old, err := g.tooOld(tt.now)
		if err != nil || len(old.spent) != tt.spent || len(old.passages) != tt.passages || old.records != tt.records || (old.bytes > 0) != (tt.records > 0) {
			t.Errorf("%s: %d codes, %d passages, %d records of %d bytes, %v; want %d, %d, %d", tt.name, len(old.spent), len(old.passages), old.records, old.bytes, err, tt.spent, tt.passages, tt.records)
		}
	}
}

// What is removed is forgotten at once.
func TestWhatIsRemovedIsForgotten(t *testing.T) {
	g := used(t, 3)
	g.flushNow(t)
	before := g.Stats()
	g.now = noon.Add(3 * time.Hour)
	n, records, err := g.prune(g.now)
	if st := g.Stats(); err != nil || n < 6 || records != 0 || st.Spent != 0 || st.Passages != 0 || before.Spent != 3 || before.Passages != 3 {
		t.Errorf("%d, %d records, %v, %+v before, %+v after; want three codes and three passages gone", n, records, err, before, st)
	}
	if _, ok := g.LastPassage(use(1).Certificate); ok || g.Spent(use(1)) {
		t.Error("remembered all the same")
	}
}

// Pruning that cannot be done is an error, with nothing done, and the first reason stays.
func TestPruningThatCannotBeDone(t *testing.T) {
	damaged := func(change func(tx *bbolt.Tx) error) func(g *gate) {
		return func(g *gate) {
			if err := g.update(change); err != nil {
				t.Fatal(err)
			}
		}
	}
	key := spentKey(use(0), noon.Add(time.Hour))
	for _, tt := range []struct {
		name   string
		change func(g *gate)
		want   string
	}{
		{"a spent code that rotted", damaged(func(tx *bbolt.Tx) error { return tx.Bucket(spentBucket).Put(key, []byte("rotten")) }), "pruning spent codes: damaged"},
		{"a spent code of the wrong length", damaged(func(tx *bbolt.Tx) error {
			return tx.Bucket(spentBucket).Put(key[:9], seal(key[:9], nil))
		}), "pruning spent codes: spent code of the wrong length"},
		{"a journal that begins elsewhere", func(g *gate) {
			damaged(func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(journalKey(1)) })(g)
			g.age.old = 2
		}, "want record 1"},
		{"a bucket that is gone", damaged(func(tx *bbolt.Tx) error { return tx.DeleteBucket(spentBucket) }), ""},
		{"a file that bbolt has closed", func(g *gate) {
			g.freeze(t)
			if err := g.db.Close(); err != nil {
				t.Fatal(err)
			}
		}, berrors.ErrDatabaseNotOpen.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := used(t, 3)
			g.flushNow(t)
			tt.change(g)
			before := g.Stats()
			n, records, err := g.prune(noon.Add(24 * time.Hour))
			if n != 0 || records != 0 || !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("prune = %d, %d, %v; want unavailable: %q", n, records, err, tt.want)
			}
			if st := g.Stats(); st.Spent != before.Spent || st.Bytes != before.Bytes || st.Passages != before.Passages {
				t.Errorf("%+v; want what is remembered as it was: %+v", st, before)
			}
			first := g.Err()
			if n, records, err := g.prune(noon.Add(24 * time.Hour)); n != 0 || records != 0 || err != first || g.Err() != first {
				t.Errorf("then prune = %d, %d, %v, because of %v; want %v", n, records, err, g.Err(), first)
			}
			g.Append(journal.Record{Time: noon, Kind: journal.Forced})
			if n, records, err := g.prune(noon.Add(24 * time.Hour)); n != 0 || records != 0 || err != first || g.Err() != first || g.Stats().Queued != 1 {
				t.Errorf("then prune = %d, %d, %v, because of %v; want %v, and the record waiting", n, records, err, g.Err(), first)
			}
		})
	}
}

// A note of another kind than is asked for is an error.
func TestNoteOfAnotherKind(t *testing.T) {
	g := newGate(t)
	if err := g.PutNote("anchor", "words"); err != nil {
		t.Fatal(err)
	}
	var number int
	if _, err := g.Note("anchor", &number); err == nil {
		t.Errorf("words are read as %d", number)
	}
}

func TestStatsAreWhatThereIs(t *testing.T) {
	g := used(t, 2)
	g.flushNow(t)
	g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	st := g.Stats()
	if want := fmt.Sprint(Stats{Spent: 2, Passages: 2, Seq: g.seq, Queued: 1, Bytes: g.bytes, FileBytes: st.FileBytes}); fmt.Sprint(st) != want || g.seq == 0 || g.bytes == 0 || st.FileBytes < 4*pageSize {
		t.Errorf("%+v; want %s", st, want)
	}
	g.Close()
	if st := g.Stats(); st.FileBytes != 0 {
		t.Errorf("a closed file has %d bytes; want that nothing is said", st.FileBytes)
	}
}

// A floor that cannot be written makes the store unavailable, and nothing is pruned by it.
func TestFloorThatCannotBeWritten(t *testing.T) {
	g := used(t, 1)
	g.flushNow(t)
	g.freeze(t)
	g.proven = noon.Add(time.Hour)
	if _, err := g.keepFloor(); !errors.Is(err, ErrUnavailable) || err != g.Err() || g.kept.Equal(g.proven) {
		t.Errorf("keepFloor = %v, because of %v, kept %v; want that it is unavailable, and not kept", err, g.Err(), g.kept)
	}
}

// An epoch that begins within pruning is not told where it was not written.
func TestPruningThatEndsAnEpochAndFails(t *testing.T) {
	g := used(t, 3)
	g.flushNow(t)
	if err := g.update(func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Put(journalKey(2), []byte("rotten")) }); err != nil {
		t.Fatal(err)
	}
	seq, name := g.Seq(), g.logNow().Epoch
	g.mu.Lock()
	g.age.old = 3
	g.mu.Unlock()
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	if _, _, err := g.prune(noon); err == nil || g.Seq() != seq {
		t.Errorf("%v, record %d; want an error, and %d", err, g.Seq(), seq)
	}
	g.commit = (*bbolt.Tx).Commit
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.mu.Lock()
	g.age.old = 3
	g.mu.Unlock()
	if _, n, err := g.prune(noon); err != nil || n != 3 {
		t.Fatalf("%d pruned, %v; want 3", n, err)
	}
	if now := g.logNow(); now.Epoch == name || g.newest != g.Seq() || g.Seq() != seq+1 {
		t.Errorf("epoch %q after %q, newest %d, %d after %d; want another, which begins with the newest record", now.Epoch, name, g.newest, g.Seq(), seq)
	}
	g.reopenAfter(nil)
	if b := g.Blind(); b.Blind {
		t.Errorf("blind = %+v; want seeing: the file is whole", b)
	}
}
