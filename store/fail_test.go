package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// freeze makes every write fail from now on, as on a disk that became read-only.
func (g *gate) freeze(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(g.path(), 0o600, &bbolt.Options{ReadOnly: true, PageSize: pageSize})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(g.path())
	if err != nil {
		t.Fatal(err)
	}
	g.db, g.file = db, file
	t.Cleanup(func() { file.Close() })
}

// Whatever cannot be written makes the store unavailable, says so, and leaves what is
// remembered as it was.
func TestWhateverCannotBeWritten(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(g *gate) error // nil where it returns none
	}{
		{"a grant", func(g *gate) error { _, err := g.Grant(use(50), noon.Add(time.Hour), granted(50)); return err }},
		{"a record before an act", func(g *gate) error { _, err := g.Commit(granted(50)); return err }},
		{"a note with its record", func(g *gate) error { _, err := g.CommitNote("provisioned", 1, granted(50)); return err }},
		{"a note", func(g *gate) error { return g.PutNote("anchor", 1) }},
		{"a repository's files", func(g *gate) error { return g.PutFiles("nation", map[string][]byte{"a": {1}}) }},
		{"what an operator accepts", func(g *gate) error { return g.Accept(proof(noon.AddDate(0, 0, -1)), granted(50)) }},
		{"the floor", func(g *gate) error { g.now = noon.Add(time.Hour); g.Keep(); return g.Err() }},
		{"what is too old", func(g *gate) error {
			g.now, g.kept = noon.AddDate(1, 0, 0), noon.AddDate(1, 0, 0)
			g.Keep()
			return g.Err()
		}},
		{"another epoch", func(g *gate) error { return g.nextEpoch(because("a test"), nil) }},
		{"a receipt", func(g *gate) error {
			st := newStation(t)
			if err := g.PutReceipt(st.receipt(t, g.epoch.name, g.epoch.edge.Tree())); err != nil {
				return err
			}
			g.Keep()
			return g.Err()
		}},
		{"a roll-back", func(g *gate) error {
			st := newStation(t)
			return g.RolledBack(st.receipt(t, g.epoch.name, tlog.Tree{N: 1000}), "a test")
		}},
		{"a longer validity", func(g *gate) error { g.NoteValidity(time.Hour, time.Hour); return g.Err() }},
		{"since when it is blind", func(g *gate) error { g.blind.Blind = true; g.look(); g.blind.Blind = false; return g.Err() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := used(t, 5)
			g.flushNow(t)
			seq, floor, sets, log := g.Seq(), g.Floor(), g.sets, g.epoch
			g.freeze(t)
			if err := tt.do(g); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%v; want %v", err, ErrUnavailable)
			}
			if g.Seq() != seq || g.sets != sets || g.epoch.edge.Tree() != log.edge.Tree() || g.epoch.base.N() != log.base.N() || !g.Spent(use(3)) {
				t.Errorf("seq %d, %+v; want them as they were: %d, %+v", g.Seq(), g.sets, seq, sets)
			}
			if tt.name == "what an operator accepts" && !g.Floor().Equal(floor) {
				t.Errorf("floor = %v; want %v", g.Floor(), floor)
			}
			for _, again := range []func() error{
				func() error { _, err := g.Grant(use(60), noon.Add(time.Hour), granted(60)); return err },
				func() error { _, err := g.Commit(granted(60)); return err },
				func() error { return g.PutNote("anchor", 1) },
				func() error { _, err := g.Note("anchor", new(int)); return err },
				func() error { _, err := g.Records(0, 1); return err },
				func() error { g.Keep(); g.look(); g.NoteValidity(2*time.Hour, 0); return g.Err() },
			} {
				before := g.Err()
				if err := again(); !errors.Is(err, ErrUnavailable) || g.Err() != before || g.rotten != "" {
					t.Errorf("then: %v, because of %v; want the first reason: %v", err, g.Err(), before)
				}
			}
			g.blind = blindness{}
			if !g.reopen() {
				t.Fatal(g.Err())
			}
			g.reopenAfter(nil)
			if g.Err() != nil || g.Blind().Blind || !g.Spent(use(3)) {
				t.Errorf("in the end: %v, %+v", g.Err(), g.Blind())
			}
		})
	}
}

// What cannot be put or deleted is an error, not a set that is wrong.
func TestChangesThatBboltRefuses(t *testing.T) {
	g := used(t, 5)
	g.flushNow(t)
	g.freeze(t)
	key := []byte(use(1).Certificate)
	err := g.db.View(func(tx *bbolt.Tx) error {
		for name, change := range map[string]func() error{
			"put":            func() error { return new(sets).put(tx, passbackBucket, key, key) },
			"delete":         func() error { return new(sets).delete(tx, passbackBucket, key) },
			"remove records": func() error { return (&sets{First: 1}).removeRecords(tx.Bucket(journalBucket), 1, new(epoch).remove) },
			"a record":       func() error { return g.put(tx, new(sets), &entry{record: granted(1)}) },
			"a file":         func() error { return putMeta(tx, "note", 1) },
		} {
			if err := change(); !errors.Is(err, berrors.ErrTxNotWritable) {
				t.Errorf("%s: %v; want %v", name, err, berrors.ErrTxNotWritable)
			}
		}
		var d *damageError
		if err := (&sets{First: 7}).removeRecords(tx.Bucket(journalBucket), 1, new(epoch).remove); !errors.As(err, &d) || !strings.Contains(err.Error(), "want record 7") {
			t.Errorf("removing record 7 of a journal that begins with 1: %v; want that it is damaged", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	long := use(1)
	long.Certificate = journal.ID(strings.Repeat("c", bbolt.MaxKeySize+1))
	h := newGate(t)
	if _, err := h.Grant(long, noon, granted(1)); !errors.Is(err, berrors.ErrKeyTooLarge) {
		t.Errorf("a certificate that is too long: %v; want %v", err, berrors.ErrKeyTooLarge)
	}
	h = newGate(t)
	h.AppendPassage(granted(1), long.Certificate, journal.Entry, 0)
	h.mu.Lock()
	err = h.flush()
	h.mu.Unlock()
	if !errors.Is(err, berrors.ErrKeyTooLarge) {
		t.Errorf("a holder that is too long: %v; want %v", err, berrors.ErrKeyTooLarge)
	}
	h.flying = nil // or it is tried for ever
}

// A set tells entries apart by key and by value, and where one ends.
func TestSetsTellEntriesApart(t *testing.T) {
	seen := map[set]string{}
	for _, e := range [][2]string{{"a", "b"}, {"b", "a"}, {"ab", ""}, {"", "ab"}, {"a", "c"}, {"b", "b"}} {
		var s set
		s.add([]byte(e[0]), []byte(e[1]))
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q are the same", e, other)
		}
		if s.Sum[0] == s.Sum[1] {
			t.Errorf("%q: both halves are the same", e)
		}
		seen[s] = e[0] + "," + e[1]
		s.remove([]byte(e[0]), []byte(e[1]))
		if s != (set{}) {
			t.Errorf("%q added and removed leaves %+v", e, s)
		}
	}
}

// Pruning writes what is queued: it may go on for a while. A passage may be old before
// it is written; one that is not in the file at all is damage.
func TestPruningWritesWhatIsQueued(t *testing.T) {
	g := used(t, 5)
	g.now = noon.Add(time.Hour)
	g.AppendPassage(journal.Record{Time: noon.Add(-3 * time.Hour), Kind: journal.Passage}, "new", journal.Entry, 0)
	seq := g.Seq()
	if n, _, err := g.prune(g.now); n == 0 || err != nil || g.Seq() == seq || g.Stats().Queued != 0 {
		t.Fatalf("pruned %d, %v, %+v; want the old passage, and nothing queued", n, err, g.Stats())
	}
	g.reopenAfter(nil)
	if b := g.Blind(); b.Blind {
		t.Errorf("blind = %+v; want seeing", b)
	}
	g.passages["never"] = journal.LastPassage{}
	if _, _, err := g.prune(g.now); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("%v; want that it is not there", err)
	}
}

// A passage without a holder is written, and remembered of nobody.
func TestPassageOfNobody(t *testing.T) {
	g := newGate(t)
	g.AppendPassage(journal.Record{Time: noon, Kind: journal.Passage}, "", journal.Entry, 0)
	g.Append(journal.Record{Time: noon, Kind: journal.Passage, Holder: "h"})
	g.flushNow(t)
	if st := g.Stats(); st.Passages != 0 || st.Seq != 3 || st.Queued != 0 || g.sets.Passages.N != 0 {
		t.Errorf("%+v; want two records, and no passage remembered", st)
	}
	if _, ok := g.LastPassage(""); ok {
		t.Error("nobody's passage is remembered")
	}
}

// Nothing queued is nothing to write; what was lost is said once, with the time.
func TestFlush(t *testing.T) {
	g := newGate(t)
	commits := 0
	g.commit = func(tx *bbolt.Tx) error { commits++; return tx.Commit() }
	flush := func() {
		t.Helper()
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := g.flush(); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	if commits != 0 {
		t.Errorf("%d commits of nothing", commits)
	}
	for _, trusted := range []bool{true, false} {
		g.trusted = trusted
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
		g.lost = 1
		flush()
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
		flush()
		records, err := g.Records(g.Seq()-3, 10)
		if err != nil || len(records) != 3 || records[0].Kind != journal.Lost || records[0].Count != 1 || !records[0].Time.Equal(noon) || records[0].Unsure != !trusted || records[2].Kind != journal.Forced {
			t.Errorf("%+v, %v; want one lost at noon, trusted %v, said once", records, err, trusted)
		}
	}
	if g.flying != nil || g.newest != g.Seq() {
		t.Errorf("%d flying, newest %d of %d", len(g.flying), g.newest, g.Seq())
	}
}

// A commit that failed, and then the file is gone: its records are not in the new one,
// whatever its numbers.
func TestCommitThatFailedInALostFile(t *testing.T) {
	g := newGate(t)
	g.grant(1)
	g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	g.flushNow(t)
	g.commit = (*bbolt.Tx).Commit
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	if got := g.kinds(); len(got) != 3 || got[1] != journal.SetAside || got[2] != journal.Forced {
		t.Errorf("journal = %v; want another epoch, that the file was lost, and forced", got)
	}
}

// An older version's use goes by its slot: when it began is not known.
func TestUsesOfAnOlderVersion(t *testing.T) {
	s := newSpentCodes()
	old, before, later := use(1), use(1), use(1)
	old.Begins = 0
	before.Slot = 0
	later.Slot, later.Begins = 2, use(1).Begins+60
	s.add(old, 100, true)
	if !s.has(use(1)) || !s.has(before) || s.has(later) || len(s.latest) != 0 {
		t.Errorf("%+v; want the slot and those before it", s)
	}
	s.add(later, 150, false)
	s.forget(old, 100)
	if !s.has(use(1)) || !s.has(later) {
		t.Errorf("%+v; want both kept until the later one goes", s)
	}
	s.forget(later, 150)
	if s.has(use(1)) || s.has(later) || len(s.slots) != 0 {
		t.Errorf("%+v; want nothing kept", s)
	}
	never := journal.Use{Role: journal.Entry, Certificate: "never", Begins: -1}
	if s.has(never) {
		t.Error("a code of a certificate that nobody used is spent")
	}
}

// FuzzSpent feeds keys and values: what is read is written the same.
func FuzzSpent(f *testing.F) {
	key, value := spentKey(use(7), noon), spentValue(use(7))
	if u, until, old, err := parseSpent(key, value); u != use(7) || until != noon.Unix() || old || err != nil {
		f.Fatalf("%+v, %d, %v, %v", u, until, old, err)
	}
	for n := range len(key) {
		if _, _, _, err := parseSpent(key[:n], value); err == nil {
			f.Errorf("the first %d bytes of a key are one", n)
		}
	}
	if _, _, _, err := parseSpent(append(key, 0), value); err == nil {
		f.Error("a key that is too long")
	}
	for n := range 20 {
		if _, _, old, err := parseSpent(key, make([]byte, n)); (err == nil) != (n == 0 || n == beginsSize) || old != (n == 0) {
			f.Errorf("a value of %d bytes: old %v, %v", n, old, err)
		}
	}
	empty := journal.Use{Role: journal.Exit}
	if u, _, _, err := parseSpent(spentKey(empty, noon), spentValue(empty)); u != empty || err != nil {
		f.Errorf("no certificate: %+v, %v", u, err)
	}
	f.Add(key, value)
	f.Add(key, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		u, until, old, err := parseSpent(key, value)
		if err != nil {
			if u.Certificate != "" || until != 0 {
				t.Errorf("an error, and %+v until %d", u, until)
			}
			return
		}
		if until >= 0 && !bytes.Equal(spentKey(u, time.Unix(until, 0)), key) || !old && !bytes.Equal(spentValue(u), value) {
			t.Errorf("%x is read as %+v until %d", key, u, until)
		}
	})
}

func TestUnsealRefuses(t *testing.T) {
	sealed := seal([]byte("key"), []byte("value"))
	if got, err := unseal([]byte("key"), sealed); string(got) != "value" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	for n := range sealed {
		if _, err := unseal([]byte("key"), sealed[:n]); !errors.Is(err, errDamaged) {
			t.Errorf("the first %d bytes: %v; want %v", n, err, errDamaged)
		}
	}
	if _, err := unseal([]byte("kez"), sealed); !errors.Is(err, errDamaged) {
		t.Errorf("under another key: %v; want %v", err, errDamaged)
	}
	var v int
	if err := decodeSealed([]byte("key"), sealed, &v); err == nil {
		t.Error("text is read as a number")
	}
}

// What cannot be asked is an error, and no loss.
func TestFileThatCannotBeAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := sameFile(f, path); size != 5 || err != nil {
		t.Errorf("%d, %v; want 5", size, err)
	}
	var lost *lossError
	if size, err := sameFile(f, path+"/below"); err == nil || errors.As(err, &lost) || size != 0 {
		t.Errorf("a path that leads through a file: %d, %v; want an error", size, err)
	}
	if size, err := sameFile(f, path+"2"); !errors.As(err, &lost) || size != 0 {
		t.Errorf("a path that leads nowhere: %d, %v; want that it was removed", size, err)
	}
	f.Close()
	if size, err := sameFile(f, path); !errors.Is(err, fs.ErrClosed) || size != 0 {
		t.Errorf("a closed file: %d, %v; want %v", size, err, fs.ErrClosed)
	}
}

// What is queued while the store is unavailable waits, and the first reason stays.
func TestQueueOfAnUnavailableStoreWaits(t *testing.T) {
	g := newGate(t)
	g.freeze(t)
	g.flushNow(t)
	before := g.Err()
	g.Append(journal.Record{Time: noon, Kind: journal.Tailgating})
	g.mu.Lock()
	err := g.flush()
	g.mu.Unlock()
	if err != before || g.Err() != before || g.Stats().Queued != 1 {
		t.Errorf("flush = %v, then %v, %d queued; want %v, and one", err, g.Err(), g.Stats().Queued, before)
	}
	if err := g.Close(); !errors.Is(err, before) {
		t.Errorf("Close = %v; want %v: a record was not written", err, before)
	}
}

// What is no record at the beginning of the journal is damage.
func TestJournalThatBeginsWithNoRecord(t *testing.T) {
	g := used(t, 1)
	g.flushNow(t)
	err := g.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(journalBucket)
		if err := b.Put([]byte{0}, []byte("x")); err != nil {
			return err
		}
		return (&sets{First: 1}).removeRecords(b, 1, func(uint64, []byte) { t.Error("a record is removed") })
	})
	if d := (*damageError)(nil); !errors.As(err, &d) || !strings.Contains(err.Error(), "want record 1") {
		t.Errorf("removeRecords = %v; want damage", err)
	}
}

// A code may be forgotten no earlier than the clock's beginning, and an entry that is read
// says nothing when it is an error.
func TestSpentKeysTime(t *testing.T) {
	for until, want := range map[int64]uint64{-1: 0, 0: 0, 1: 1} {
		if got := binary.BigEndian.Uint64(spentKey(use(1), time.Unix(until, 0))); got != want {
			t.Errorf("until %d: %d; want %d", until, got, want)
		}
	}
	for _, bad := range [][2][]byte{{{1}, nil}, {spentKey(use(1), noon), {1}}} {
		if u, until, old, err := parseSpent(bad[0], bad[1]); err == nil || u != (journal.Use{}) || until != 0 || old {
			t.Errorf("%x is read as %+v until %d, %v, %v", bad, u, until, old, err)
		}
	}
}

// What is known of a certificate, and of a credential, goes with the last of its codes.
func TestWhatIsForgottenOfACertificate(t *testing.T) {
	code := func(issued, slot, begins int64) journal.Use {
		return journal.Use{Role: journal.Entry, Certificate: "cti", IssuedAt: issued, Slot: uint8(slot), Begins: begins}
	}
	s := newSpentCodes()
	s.add(code(100, 0, 100), 1000, false)
	s.add(code(200, 0, 200), 2000, false)
	s.forget(code(100, 0, 100), 1000)
	if !s.has(code(150, 0, 150)) {
		t.Error("a code before one that is remembered is forgotten")
	}
	s.forget(code(200, 0, 200), 2000)
	if s.has(code(150, 0, 150)) || len(s.latest) != 0 || len(s.slots) != 0 {
		t.Errorf("%+v; want nothing", s)
	}
	s.add(code(100, 1, 0), 1000, true)
	s.add(code(100, 2, 0), 2000, true)
	s.forget(code(100, 1, 0), 1000)
	if !s.has(code(100, 1, 160)) || !s.has(code(100, 2, 220)) || s.has(code(100, 3, 280)) {
		t.Errorf("%+v; want slots up to 2", s)
	}
	s.forget(code(100, 2, 0), 2000)
	if s.has(code(100, 1, 160)) {
		t.Errorf("%+v; want nothing", s)
	}
}

// A record that rotted says how that is known.
func TestRottenRecordHasItsReason(t *testing.T) {
	if r := readRecord(journalKey(7), []byte("rotten")); r.Seq != 7 || r.Kind != journal.Damaged || r.Detail != errDamaged.Error() || !r.Unsure {
		t.Errorf("%+v; want record 7, damaged, and why", r)
	}
}
