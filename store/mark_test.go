package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/durable"
)

// marked is a gate whose marks are fresh, and the files that they are in.
func marked(t *testing.T) (*gate, []os.FileInfo) {
	t.Helper()
	g := used(t, 2)
	g.flushNow(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.writeMarks(g.markNow()); err != nil {
		t.Fatal(err)
	}
	return g, infos(t, g)
}

func infos(t *testing.T, g *gate) (all []os.FileInfo) {
	t.Helper()
	for _, path := range g.marks() {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}

// Marks are written where they are old, or not what was written, and else left alone: a
// memory card wears.
func TestMarksAreWrittenWhereTheyAreOld(t *testing.T) {
	in := func(g *gate, change func(*mark)) {
		m := g.marked
		change(&m)
		data, err := m.encode()
		if err = errors.Join(err, os.WriteFile(g.marks()[0], data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		change  func(g *gate)
		written bool
	}{
		{"nothing", func(*gate) {}, false},
		{"another store", func(g *gate) { g.id = "another" }, true},
		{"codes are valid for longer", func(g *gate) { g.validity.Rotating = time.Hour }, true},
		{"paper is valid for longer", func(g *gate) { g.validity.Paper = 500 * time.Hour }, true},
		{"almost too many records", func(g *gate) { g.seq += markEvery - 1; g.markNewest() }, false},
		{"too many records", func(g *gate) { g.seq += markEvery; g.markNewest() }, true},
		{"almost too much time", func(g *gate) { g.floor = g.floor.Add(markProvenBy - 1) }, false},
		{"too much time", func(g *gate) { g.floor = g.floor.Add(markProvenBy) }, true},
		{"the one inside names another store", func(g *gate) { in(g, func(m *mark) { m.Store = "another" }) }, true},
		{"the one inside is older than it was written", func(g *gate) { in(g, func(m *mark) { m.Seq-- }) }, true},
		{"the one outside is older than the newest record", func(g *gate) { g.seq++ }, true},
		{"and is not open, so that it may be", func(g *gate) { g.closeOutside(); g.seq++ }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, before := marked(t)
			g.mu.Lock()
			defer g.mu.Unlock()
			id, seq := g.id, g.seq
			tt.change(g)
			before[0], _ = os.Lstat(g.marks()[0])
			if err := g.mark(); err != nil {
				t.Fatal(err)
			}
			after := infos(t, g)
			for i := range after {
				if written := !os.SameFile(before[i], after[i]); written != tt.written {
					t.Errorf("mark %d: written %v; want %v", i, written, tt.written)
				}
			}
			g.id, g.seq = id, seq
		})
	}
}

// The mark outside is written in its place with each commit; where that fails, it is
// written again with the next look.
func TestTheMarkOutsideFollows(t *testing.T) {
	g, before := marked(t)
	seqOutside := func() uint64 {
		t.Helper()
		m, there, err := readMark(g.marks()[1])
		if !there || err != nil {
			t.Fatalf("no mark outside: %v", err)
		}
		return m.Seq
	}
	g.grant(10)
	if got := seqOutside(); got != g.Seq() || !os.SameFile(before[1], infos(t, g)[1]) || g.outside == nil || g.marked.Store != g.id {
		t.Errorf("it names %d; want %d, in its place", got, g.Seq())
	}
	open := g.outside
	readOnly, err := os.Open(g.marks()[1])
	if err != nil {
		t.Fatal(err)
	}
	g.outside = readOnly
	open.Close()
	g.grant(11)
	if _, err := readOnly.Stat(); !errors.Is(err, fs.ErrClosed) || g.outside != nil || g.marked != (mark{}) {
		t.Errorf("a write that fails: %v, open %v, marked %+v; want it closed, and forgotten", err, g.outside, g.marked)
	}
	g.look()
	if got := seqOutside(); got != g.Seq() || g.outside == nil {
		t.Errorf("after a look it names %d; want %d", got, g.Seq())
	}
}

// What does not belong in the mark outside is not written there.
func TestTheMarkOutsideIsLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(g *gate)
	}{
		{"it is not open", func(g *gate) { g.closeOutside() }},
		{"it is another store's", func(g *gate) { g.marked.Store = "another" }},
		{"a time that cannot be written", func(g *gate) { g.marked.Proven = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, _ := marked(t)
			before, err := os.ReadFile(g.marks()[1])
			if err != nil {
				t.Fatal(err)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			tt.change(g)
			was := g.marked
			g.seq++
			g.markNewest()
			g.seq--
			if after, err := os.ReadFile(g.marks()[1]); err != nil || !bytes.Equal(after, before) {
				t.Errorf("%s, %v; want it as it was", after, err)
			}
			if was.Proven.Year() == 10_000 && g.outside != nil {
				t.Error("it is open, and cannot be written")
			}
			if g.marked != was && was.Proven.Year() < 10_000 {
				t.Errorf("marked = %+v; want %+v", g.marked, was)
			}
		})
	}
}

// A mark that is opened again is closed before.
func TestMarksDoNotUseUpFiles(t *testing.T) {
	g, _ := marked(t)
	before := g.outside
	g.openOutside()
	if _, err := before.Stat(); !errors.Is(err, fs.ErrClosed) || g.outside == nil {
		t.Errorf("the one before: %v; want %v", err, fs.ErrClosed)
	}
	before = g.outside
	g.closeOutside()
	if _, err := before.Stat(); !errors.Is(err, fs.ErrClosed) || g.outside != nil {
		t.Errorf("the last one: %v; want %v", err, fs.ErrClosed)
	}
}

// A mark says what it is for, and is read only as it was written.
func TestAMarksText(t *testing.T) {
	m := mark{Store: "one", Seq: 7, Proven: noon}
	good, err := m.encode()
	if err != nil || !strings.Contains(string(good), markNote) {
		t.Fatalf("%s, %v; want the note", good, err)
	}
	if _, err := parseMark(bytes.Replace(good, []byte(`"seq": 7`), []byte(`"seq": 6`), 1)); err == nil {
		t.Error("another number is read")
	}
	if _, err := (mark{Proven: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}).encode(); err == nil {
		t.Error("a time that cannot be written is no error")
	}
}

func TestReadingAMark(t *testing.T) {
	dir := memory(t)
	path := filepath.Join(dir, "mark")
	if m, there, err := readMark(path); there || err != nil || m != (mark{}) {
		t.Errorf("no mark: %+v, %v, %v", m, there, err)
	}
	for n, wantErr := range map[int]bool{4096: false, 4097: true} {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, there, err := readMark(path); !there || (err != nil) != wantErr || m != (mark{}) {
			t.Errorf("%d bytes: %+v, %v, %v; want that there is one", n, m, there, err)
		}
	}
	if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, there, err := readMark(path); !there || !errors.Is(err, durable.ErrNotFile) {
		t.Errorf("a pipe: %v, %v; want %v", there, err, durable.ErrNotFile)
	}
	g := newGate(t)
	g.Store.opt.Mark = ""
	if got := g.Store.marks(); len(got) != 1 {
		t.Errorf("marks %q; want the one beside the file", got)
	}
}

// What a mark says of codes' validity is not lost with the file.
func TestMarksRecallTheValidity(t *testing.T) {
	g, _ := marked(t)
	g.NoteValidity(5*time.Minute, 48*time.Hour)
	g.reopenAfter(func(path string) { os.Remove(path) })
	if want := (validity{5 * time.Minute, 48 * time.Hour}); g.validity != want {
		t.Errorf("validity = %v; want %v", g.validity, want)
	}
}

// A process knows its newest record without any mark: an older copy of the file that is put
// in its place while it could not be written is no memory.
func TestProcessKnowsItsNewestRecord(t *testing.T) {
	g := used(t, 5)
	g.flushNow(t)
	older, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	for name, restart := range map[string]bool{"which it wrote": false, "which it found": true} {
		g.grant(10)
		if restart {
			g.reopenAfter(nil)
		}
		g.freeze(t)
		g.flushNow(t)
		g.removeMarks()
		if err := os.WriteFile(g.path(), older, 0o600); err != nil {
			t.Fatal(err)
		}
		if !g.reopen() {
			t.Fatal(g.Err())
		}
		if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "older than what was here") {
			t.Errorf("%s: blind = %+v; want blind: it is an older copy", name, b)
		}
		g = used(t, 5)
		g.flushNow(t)
		if older, err = os.ReadFile(g.path()); err != nil {
			t.Fatal(err)
		}
	}
}

// Another gate's file that was taken up is this one's from then on, with its own numbers.
func TestAnotherGatesNumbers(t *testing.T) {
	g, other := used(t, 5), newGate(t)
	g.flushNow(t)
	other.Close()
	theirs, err := os.ReadFile(other.path())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		g.mu.Lock()
		g.fail(errors.New("input/output error"))
		g.mu.Unlock()
		if theirs != nil {
			if err := os.WriteFile(g.path(), theirs, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		theirs = nil
		if !g.reopen() {
			t.Fatal(g.Err())
		}
		if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "not the store that was here") || g.id != other.id {
			t.Errorf("blind = %+v, store %q; want another store's, and %q", b, g.id, other.id)
		}
	}
}

// Marks are the group's to read, and so is a folder that is made for one.
func TestMarksModes(t *testing.T) {
	g := newGate(t)
	g.Store.opt.Mark = filepath.Join(memory(t), "folder", "mark")
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.writeMarks(g.markNow()); err != nil || strings.Contains(g.log.String(), "cannot be written") {
		t.Fatalf("%v, and the log has:\n%s", err, g.log.String())
	}
	for path, want := range map[string]fs.FileMode{g.Store.opt.Mark: 0o640, filepath.Dir(g.Store.opt.Mark): 0o750, g.Store.opt.Dir: 0o750} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^want != 0 || info.Mode().IsRegular() && info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

// A mark beside the file that is not there, and cannot be made, is an error; so is one that
// cannot be written down.
func TestMarkThatCannotBeMade(t *testing.T) {
	g, _ := marked(t)
	was := g.marked
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.writeMarks(mark{Proven: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil || g.marked != was {
		t.Errorf("writeMarks = %v, marked %+v; want an error, and %+v", err, g.marked, was)
	}
	dir := g.Store.opt.Dir
	g.Store.opt.Dir = "/proc/railgate"
	if err := g.writeMarks(g.markNow()); err == nil {
		t.Error("no error")
	}
	g.Store.opt.Dir = dir
}

// Marks that a power cut left unreadable do not make a store blind.
func TestMarksThatCannotBeRead(t *testing.T) {
	g := used(t, 2)
	g.reopenAfter(func(string) {
		for _, path := range g.marks() {
			if err := os.WriteFile(path, []byte("torn"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	if b := g.Blind(); b.Blind {
		t.Errorf("blind = %+v; want seeing", b)
	}
}
