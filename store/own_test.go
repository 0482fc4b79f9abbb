package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// away are the ways to take a store's file away. before is a copy of it from before
// the newest grants.
var away = []struct {
	name string
	take func(g *gate, before []byte) error
	why  string
}{
	{"removed", func(g *gate, _ []byte) error { return os.Remove(g.path()) }, "removed"},
	{"the folder emptied", func(g *gate, _ []byte) error {
		entries, err := os.ReadDir(g.opt.Dir)
		for _, e := range entries {
			err = errors.Join(err, os.RemoveAll(filepath.Join(g.opt.Dir, e.Name())))
		}
		return err
	}, "removed"},
	{"the folder removed", func(g *gate, _ []byte) error { return os.RemoveAll(g.opt.Dir) }, "removed"},
	{"renamed", func(g *gate, _ []byte) error { return os.Rename(g.path(), g.path()+".old") }, "removed"},
	{"replaced by an older copy", func(g *gate, before []byte) error {
		return errors.Join(os.WriteFile(g.path()+".copy", before, 0o600), os.Rename(g.path()+".copy", g.path()))
	}, "another file"},
	{"overwritten by an older copy", func(g *gate, before []byte) error {
		f, err := os.OpenFile(g.path(), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(before)
		return errors.Join(err, f.Close())
	}, "overwritten"},
	{"emptied", func(g *gate, _ []byte) error { return os.Truncate(g.path(), 0) }, "cut off"},
	{"cut off", func(g *gate, _ []byte) error { return os.Truncate(g.path(), 5*pageSize) }, "cut off"},
}

// A file that is taken away under the daemon is noticed before the next grant, and what
// comes after it is blind.
func TestFileTakenAwayUnderTheDaemon(t *testing.T) {
	for _, tt := range away {
		t.Run(tt.name, func(t *testing.T) {
			g, before := takenAway(t, tt.take)
			_, err := g.Grant(use(50), noon.Add(time.Hour), granted(50))
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("the next grant: %v; want unavailable: %q", err, tt.why)
			}
			if !g.reopen() {
				t.Fatal(g.Err())
			}
			if b := g.Blind(); !b.Blind || b.Closed != rotatingAtLeast || !strings.Contains(b.Why, tt.why) {
				t.Errorf("blind = %+v; want blind for %v: %q", b, rotatingAtLeast, tt.why)
			}
			if got := g.Seq(); got < before {
				t.Errorf("the journal goes on with %d; want a number that was not used, above %d", got, before)
			}
			g.reopenAfter(nil)
			if b := g.Blind(); !b.Blind {
				t.Error("seeing after a restart")
			}
		})
	}
}

// It is noticed without a grant, too.
func TestFileTakenAwayIsNoticedWithinASecond(t *testing.T) {
	for _, tt := range away {
		g, _ := takenAway(t, tt.take)
		g.look()
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.why)
		}
	}
}

// A restart that finds no memory is blind: a mark outside the folder says that there
// was one, another that it was a later one.
func TestFileTakenAwayBeforeAStart(t *testing.T) {
	for _, tt := range away {
		t.Run(tt.name, func(t *testing.T) {
			g, before := takenAway(t, nil)
			g.Close()
			if err := tt.take(g, make([]byte, 3*pageSize)); err != nil {
				t.Fatal(err)
			}
			g.open()
			if b := g.Blind(); !b.Blind || g.Err() != nil {
				t.Errorf("blind = %+v, %v; want blind, and available", b, g.Err())
			}
			if got := g.Seq(); got <= before {
				t.Errorf("the journal goes on with %d; want a number above %d", got, before)
			}
			g.booted += rotatingAtLeast - 1
			for _, n := range []int{1, 50} { // one that was granted, and one that was not
				if _, err := g.Grant(use(n), noon.Add(time.Hour), granted(n)); !errors.Is(err, journal.ErrSpent) || !g.Spent(use(n)) {
					t.Errorf("a grant while no code can be told from a used one: %v; want %v", err, journal.ErrSpent)
				}
			}
			g.booted++
			if _, err := g.Grant(use(50), noon.Add(time.Hour), granted(50)); err != nil {
				t.Errorf("a grant after it: %v", err)
			}
		})
	}
}

// takenAway is a gate with some grants whose file is taken away, and the number of its
// newest record.
func takenAway(t *testing.T, take func(*gate, []byte) error) (*gate, uint64) {
	t.Helper()
	g := used(t, 5)
	g.reopenAfter(nil)
	before, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	g.grant(40)
	g.grant(41)
	if take != nil {
		if err := take(g, before); err != nil {
			t.Fatal(err)
		}
	}
	return g, g.Seq()
}

// An older copy of the same store, or another gate's, is no memory of this one.
func TestAnotherMemoryIsBlind(t *testing.T) {
	t.Run("an older copy", func(t *testing.T) {
		g := used(t, 5)
		g.flushNow(t)
		g.Close()
		older, err := os.ReadFile(g.path())
		if err != nil {
			t.Fatal(err)
		}
		g.open()
		g.grant(40)
		seq := g.Seq()
		g.reopenAfter(func(path string) { os.WriteFile(path, older, 0o600) })
		if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "older than what was here") || g.Seq() <= seq {
			t.Errorf("blind = %+v, seq %d; want blind, and numbers above %d", b, g.Seq(), seq)
		}
	})
	t.Run("an older copy, after a kill", func(t *testing.T) {
		g := used(t, 5)
		g.flushNow(t)
		older, err := os.ReadFile(g.path())
		if err != nil {
			t.Fatal(err)
		}
		for n := 40; n < 44; n++ { // the numbers get another digit
			g.grant(n)
			g.kill()
			g.open()
		}
		g.grant(44)
		seq := g.Seq()
		g.kill()
		if err := os.WriteFile(g.path(), older, 0o600); err != nil {
			t.Fatal(err)
		}
		g.open()
		if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "older than what was here") || g.Seq() <= seq {
			t.Errorf("blind = %+v, seq %d; want blind, and numbers above %d", b, g.Seq(), seq)
		}
	})
	t.Run("another gate's", func(t *testing.T) {
		g, other := used(t, 5), used(t, 500)
		other.Close()
		theirs, err := os.ReadFile(other.path())
		if err != nil {
			t.Fatal(err)
		}
		g.reopenAfter(func(path string) { os.WriteFile(path, theirs, 0o600) })
		if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "not the store that was here") {
			t.Errorf("blind = %+v; want blind: another store's", b)
		}
		g.Keep()
		g.booted += time.Hour
		g.now = g.now.AddDate(0, 0, 2)
		g.Keep()
		g.Keep()
		g.reopenAfter(nil)
		if b := g.Blind(); b.Blind {
			t.Errorf("later: %+v; want seeing: it is this gate's now", b)
		}
	})
}

// kill ends a store as SIGKILL does: nothing is written.
func (g *gate) kill() {
	g.t.Helper()
	if err := errors.Join(g.db.Close(), g.lock.Close()); err != nil {
		g.t.Fatal(err)
	}
}

// Marks that are taken away under the daemon are there again within a second, so that one
// who then takes the file, or puts an older copy in its place, does not find the gate without any.
func TestMarksTakenAwayAreWrittenAgain(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"older":   func(path string) error { return replaceBy(path, path+".older") },
		"a FIFO":  func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) },
		"a link":  func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/dev/null", path)) },
	} {
		t.Run(name, func(t *testing.T) {
			g := used(t, 5)
			g.look()
			older, err := os.ReadFile(g.path())
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range g.marks() {
				if err := replaceBy(path+".older", path); err != nil {
					t.Fatal(err)
				}
			}
			g.grant(40)
			for _, path := range g.marks() {
				if err := take(path); err != nil {
					t.Fatal(err)
				}
			}
			g.look()
			g.grant(41)
			seq := g.Seq()
			g.kill()
			if err := os.WriteFile(g.path(), older, 0o600); err != nil {
				t.Fatal(err)
			}
			g.open()
			if b := g.Blind(); !b.Blind || g.Seq() <= seq {
				t.Errorf("blind = %+v, seq %d; want blind, and a number above %d", b, g.Seq(), seq)
			}
		})
	}
}

// replaceBy puts a copy of a file in another's place.
func replaceBy(path, by string) error {
	data, err := os.ReadFile(by)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path+".copy", data, 0o600), os.Rename(path+".copy", path))
}

// Whatever is in the place of a file that a start reads, the start goes on.
func TestAStartWaitsForNoPipe(t *testing.T) {
	g := used(t, 5)
	paths := append(g.marks(), g.path())
	g.Close()
	for _, path := range paths {
		if err := errors.Join(os.RemoveAll(path), unix.Mkfifo(path, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	g.open()
	if b := g.Blind(); !b.Blind || g.Err() != nil {
		t.Errorf("blind = %+v, %v; want blind, and available", b, g.Err())
	}
}

// A folder for the outside mark that cannot be written is said once, and stops nothing.
func TestMarkThatCannotBeWritten(t *testing.T) {
	g := newGate(t)
	g.Close()
	g.opt.Dir, g.opt.Mark = filepath.Join(memory(t), "data"), filepath.Join("/proc", "railgate", "mark")
	g.open()
	for n := range 3 {
		g.grant(n)
		g.look()
	}
	g.reopenAfter(nil)
	if b := g.Blind(); b.Blind || !g.Spent(use(1)) {
		t.Errorf("blind = %+v, spent %v", b, g.Spent(use(1)))
	}
	if n := strings.Count(g.log.String(), "mark of the store cannot be written"); n < 1 || n > 4 {
		t.Errorf("%d lines about it:\n%s", n, g.log.String())
	}
}

// A mark is read as it was written; anything else says only that there was a store.
func FuzzMark(f *testing.F) {
	good, err := mark{Store: "one", Seq: 7, Proven: noon, Rotating: 75, Paper: 86400}.encode()
	if err != nil {
		f.Fatal(err)
	}
	if m, err := parseMark(good); err != nil || m.Seq != 7 || !m.Proven.Equal(noon) || m.Store != "one" || m.Rotating != 75 || m.Paper != 86400 {
		f.Fatalf("%+v, %v", m, err)
	}
	f.Add(good)
	f.Add([]byte("There is a store in this folder.\n"))
	f.Add(good[:len(good)/2])
	for i := range good {
		changed := append([]byte(nil), good...)
		changed[i] ^= 1
		f.Add(changed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMark(data)
		if err != nil {
			if m != (mark{}) {
				t.Errorf("an error and %+v", m)
			}
			return
		}
		if again, err := m.encode(); err != nil || string(again) != string(data) {
			t.Errorf("%q is read, and written as %q, %v", data, again, err)
		}
	})
}

// A start that was cut after it had renamed a damaged file goes on from there.
func TestStartThatWasCutGoesOn(t *testing.T) {
	for _, marked := range []bool{true, false} {
		g := used(t, 200)
		g.flushNow(t)
		seq := g.Seq()
		g.Close()
		if err := os.Rename(g.path(), g.path()+asideSuffix+"20261123T040000.000Z"); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{".new": "half", asideSuffix + "20261123T040000.000Z.ndjson": "an export"} {
			if err := os.WriteFile(g.path()+name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if !marked {
			for _, path := range g.marks() {
				os.Remove(path)
			}
		}
		g.open()
		if b := g.Blind(); !b.Blind || g.Err() != nil {
			t.Errorf("marked %v: blind = %+v, %v; want blind", marked, b, g.Err())
		}
		records, err := g.Records(0, 10)
		if err != nil || len(records) != 2 || records[0].Kind != journal.Epoch || records[1].Kind != journal.SetAside || records[0].Seq != seq+1 {
			t.Errorf("marked %v: journal = %+v, %v; want an epoch and one record, from %d on", marked, records, err, seq+1)
		}
	}
}
