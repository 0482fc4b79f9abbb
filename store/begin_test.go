package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// first is the journal's first record.
func (g *gate) first() journal.Record {
	g.t.Helper()
	records, err := g.Records(0, 1)
	if err != nil || len(records) != 1 {
		g.t.Fatalf("%d records, %v; want one", len(records), err)
	}
	return records[0]
}

// second is the one behind it, the first of a journal that a loss began being its epoch's.
func (g *gate) second() journal.Record {
	g.t.Helper()
	records, err := g.Records(0, 2)
	if err != nil || len(records) != 2 || records[0].Kind != journal.Epoch || records[1].Seq != records[0].Seq+1 {
		g.t.Fatalf("%+v, %v; want an epoch's and another", records, err)
	}
	return records[1]
}

// removeMarks takes both marks away.
func (g *gate) removeMarks() {
	g.t.Helper()
	for _, path := range g.marks() {
		if err := os.Remove(path); err != nil {
			g.t.Fatal(err)
		}
	}
}

func TestAJournalSaysHowItBegan(t *testing.T) {
	g := newGate(t)
	if r := g.first(); r.Kind != journal.Epoch || r.Seq != 1 || r.Detail == "" || !r.Time.Equal(noon) || r.Unsure {
		t.Errorf("a new store begins with %+v", r)
	}
	g.grant(1)
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	g.removeMarks() // the process knows all the same
	g.look()
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	if r := g.second(); r.Kind != journal.SetAside || !strings.Contains(r.Detail, "removed while it was in use") || r.Seq != 4 {
		t.Errorf("after a loss it begins with %+v; want what was lost, and number 4", r)
	}
}

// A mark may be old by the records of two, and so far the numbers go on.
func TestNumbersGoOnBehindAMark(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(g *gate)
		want   uint64
	}{
		{"marks of record 1", func(*gate) {}, 1 + 2*markEvery + 1},
		{"marks that cannot be read", func(g *gate) {
			for _, path := range g.marks() {
				os.WriteFile(path, []byte("There is a store in this folder.\n"), 0o600)
			}
		}, 1},
	} {
		g := newGate(t)
		g.reopenAfter(func(path string) { os.Remove(path); tt.change(g) })
		if r := g.second(); r.Seq != tt.want+1 || r.Kind != journal.SetAside {
			t.Errorf("%s: the new journal begins with %+v; want number %d", tt.name, r, tt.want+1)
		}
	}
}

// The file that this start set aside says where the numbers go on, not one of another year.
func TestNumbersGoOnBehindTheFileThatWasSetAside(t *testing.T) {
	g := used(t, 5)
	g.flushNow(t)
	seq := g.Seq()
	g.reopenAfter(func(path string) {
		if err := os.WriteFile(path+asideSuffix+"20991231T235959.000Z", []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		zero(t, path, 0, 2*pageSize)
	})
	if r := g.second(); r.Seq != seq+2 || !strings.HasPrefix(r.Detail, fileName+asideSuffix+"2026") {
		t.Errorf("the new journal begins with %+v; want number %d, and the file's name", r, seq+2)
	}
}

// zero clears some bytes of a file.
func zero(t *testing.T, path string, at, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, n), int64(at)); err != nil {
		t.Fatal(err)
	}
}

// The name of a file that was set aside is the time in UTC, wherever the gate is.
func TestSetAsideIsNamedByUTC(t *testing.T) {
	g := used(t, 1)
	g.now = noon.In(time.FixedZone("", 8*3600))
	g.reopenAfter(func(path string) { zero(t, path, 0, 2*pageSize) })
	if _, err := os.Lstat(g.path() + asideSuffix + "20261123T040000.000Z"); err != nil {
		t.Error(err)
	}
}

// What bbolt could not get past goes with the file that was set aside: the new one is not made again.
func TestSetAsideIsTheEndOfRot(t *testing.T) {
	g := used(t, 1)
	g.rotten = "page 7 is rotten"
	if err := g.setAside(&damageError{errNoBucket}); err != nil || g.rotten != "" {
		t.Errorf("setAside = %v, rotten %q; want none", err, g.rotten)
	}
}

// A process that has had a store knows of it when the file and both marks were taken away
// while it could not be written.
func TestProcessRemembersThatThereWasAStore(t *testing.T) {
	g := used(t, 5)
	g.commit = func(*bbolt.Tx) error { return errors.New("input/output error") }
	g.flushNow(t)
	g.commit = (*bbolt.Tx).Commit
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	g.removeMarks()
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	if b, r := g.Blind(), g.second(); !b.Blind || r.Kind != journal.SetAside {
		t.Errorf("blind = %+v, first %+v; want blind, and that the file was lost", b, r)
	}
}

// What was lost is said once: a store that has been opened again since sees.
func TestALossIsOver(t *testing.T) {
	g := used(t, 1)
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	g.look()
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	g.mu.Lock()
	g.blind = blindness{} // its day is over
	err := g.update(func(tx *bbolt.Tx) error { return putMeta(tx, blindName, g.blind) })
	g.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	g.freeze(t)
	g.flushNow(t)
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	if b := g.Blind(); b.Blind {
		t.Errorf("blind = %+v; want seeing", b)
	}
}

// A file that is lost later is not called by the name of one that was set aside before.
func TestTheNextLossHasItsOwnWords(t *testing.T) {
	g := used(t, 1)
	g.reopenAfter(func(path string) { zero(t, path, 0, 2*pageSize) })
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	g.look()
	if !g.reopen() {
		t.Fatal(g.Err())
	}
	records, err := g.Records(0, 10)
	if err != nil || len(records) < 2 || records[1].Kind != journal.SetAside || !strings.Contains(records[1].Detail, "removed") {
		t.Errorf("%+v, %v; want that it was removed", records, err)
	}
}

// The folder's lock is kept while the file is opened again, and taken again where its file was
// removed.
func TestTheFoldersLockIsKept(t *testing.T) {
	g := used(t, 1)
	lock := g.lock
	for _, remove := range []bool{false, true} {
		if remove {
			if err := os.Remove(filepath.Join(g.opt.Dir, lockName)); err != nil {
				t.Fatal(err)
			}
		}
		g.freeze(t)
		g.flushNow(t)
		if !g.reopen() {
			t.Fatal(g.Err())
		}
		if _, err := lock.Stat(); (g.lock != lock) != remove || errors.Is(err, fs.ErrClosed) != remove {
			t.Errorf("removed %v: another lock: %v; the one before: %v", remove, g.lock != lock, err)
		}
		if other, err := lockFolder(g.opt.Dir, 0); !errors.Is(err, ErrLocked) {
			other.Close()
			t.Errorf("removed %v: another process has the folder too (%v)", remove, err)
		}
	}
}

// The epoch that a loss ended is named by the file that was set aside, or else by the process.
func TestTheEpochBefore(t *testing.T) {
	g := used(t, 1)
	mine, theirs := g.logNow().Epoch, newGate(t)
	name := theirs.logNow().Epoch
	theirs.Close()
	damaged := filepath.Join(memory(t), "damaged")
	if err := os.WriteFile(damaged, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{theirs.path(): name, damaged: mine, damaged + "2": mine, "": mine} {
		if got := g.epochBefore(path); got != want {
			t.Errorf("%q: epoch %q; want %q", path, got, want)
		}
	}
	theirs.change(theirs.path(), func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete([]byte(edgeName)) })
	if got := g.epochBefore(theirs.path()); got != mine {
		t.Errorf("a file without a log: epoch %q; want %q", got, mine)
	}
}
