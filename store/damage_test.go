package store

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
)

// used is a store with grants enough for several pages in each bucket.
func used(t *testing.T, grants int) *gate {
	g := newGate(t)
	for n := range grants {
		if _, err := g.Grant(use(n), noon.Add(time.Hour+time.Duration(n)*time.Second), granted(n)); err != nil {
			t.Fatal(err)
		}
		g.AppendPassage(journal.Record{Time: noon, Kind: journal.Passage, Holder: use(n).Certificate}, use(n).Certificate, journal.Entry, 0)
	}
	return g
}

// wantMemory checks the promise: after anything that happens to the file, each
// spent code is known, or the store says that it is blind.
func (g *gate) wantMemory(t *testing.T, grants int, what string) {
	t.Helper()
	if g.Err() != nil {
		t.Fatalf("%s: the store does not open: %v", what, g.Err())
	}
	if g.Blind().Blind {
		return
	}
	for n := range grants {
		if !g.Spent(use(n)) {
			t.Fatalf("%s: code %d of %d is forgotten, and the store does not say that it is blind", what, n, grants)
		}
	}
}

func TestTruncatedAtAnyLength(t *testing.T) {
	const grants = 60
	g := used(t, grants)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:usedPages(t, whole)*pageSize]
	lengths := []int{0, 1, 15, 16, 79, 80, 4095, 4096, 4097, 8191, 8192}
	for n := 8192; n < len(whole); n += 1500 {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		restore(t, g, whole[:n])
		g.wantMemory(t, grants, "truncated")
		g.booted += rotatingAtLeast
		g.grant(1000 + n)
		g.Close()
	}
}

// restore puts a file's content back into a folder that knows it had one.
func restore(t *testing.T, g *gate, content []byte) {
	t.Helper()
	aside, _ := filepath.Glob(g.path() + ".damaged-*")
	for _, path := range aside {
		os.Remove(path)
	}
	if g.marksKept == nil {
		for _, path := range g.marks() {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			g.marksKept = append(g.marksKept, data)
		}
	}
	for i, path := range g.marks() { // or it is another store's file
		if err := os.WriteFile(path, g.marksKept[i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(g.path(), content, 0o600); err != nil {
		t.Fatal(err)
	}
	g.open()
}

func TestAnyByteMayRot(t *testing.T) {
	const grants = 60
	g := used(t, grants)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:usedPages(t, whole)*pageSize]
	random := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		at := random.IntN(len(whole))
		changed := bytes.Clone(whole)
		changed[at] ^= byte(1 + random.IntN(255))
		g.sees(t, changed, func() {
			g.wantMemory(t, grants, "a byte changed")
			g.grant(1000)
		})
	}
}

func TestAnyPageMayRot(t *testing.T) {
	const grants = 60
	g := used(t, grants)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:usedPages(t, whole)*pageSize]
	random := rand.New(rand.NewPCG(3, 4))
	for at := 0; at < len(whole); at += pageSize {
		for _, fill := range []func([]byte){
			func(p []byte) { clear(p) },
			func(p []byte) {
				for i := range p {
					p[i] = 0xff
				}
			},
			func(p []byte) {
				for i := range p {
					p[i] = byte(random.Uint32())
				}
			},
			func(p []byte) { copy(p, whole[2*pageSize:]) }, // another page in its place
			func(p []byte) { // its elements, not its header
				for i := pageHeaderSize; i < 256; i++ {
					p[i] = byte(random.Uint32())
				}
			},
		} {
			changed := bytes.Clone(whole)
			fill(changed[at : at+pageSize])
			g.sees(t, changed, func() {
				g.wantMemory(t, grants, "a page changed")
				g.grant(1000)
			})
		}
	}
}

func TestDamagedFileIsSetAside(t *testing.T) {
	g := used(t, 200)
	seq := g.Seq()
	g.reopenAfter(func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		clear(data[:2*pageSize]) // both meta pages
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	blind := g.Blind()
	if !blind.Blind || !blind.Since.IsZero() || !strings.Contains(blind.Why, "damaged") {
		t.Errorf("blind = %+v; want blind, not yet since when", blind)
	}
	aside, _ := filepath.Glob(g.path() + ".damaged-*")
	if len(aside) != 1 || !strings.Contains(g.log.String(), aside[0]) {
		t.Fatalf("set aside %v; want one file, named in the log:\n%s", aside, g.log.String())
	}
	records, err := g.Records(0, 10)
	if err != nil || len(records) != 2 || records[0].Kind != journal.Epoch || records[0].Seq <= seq || records[1].Kind != journal.SetAside || records[1].Detail != filepath.Base(aside[0]) {
		t.Errorf("journal = %+v, %v; want an epoch and a record after %d that names the file", records, err, seq)
	}
	var saved []journal.Record
	err = Salvage(aside[0], func(r journal.Record) error { saved = append(saved, r); return nil })
	if err != nil || len(saved) < 401 {
		t.Errorf("%d records saved, %v; want 401", len(saved), err)
	}
	for i, r := range saved {
		if r.Seq != uint64(i+1) {
			t.Fatalf("record %d saved as %d", i+1, r.Seq)
		}
	}
}

func TestTornMetaPageMakesBlind(t *testing.T) {
	for page := range 2 {
		g := used(t, 5)
		g.reopenAfter(func(path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte("torn"), int64(page*pageSize+40))
			f.Close()
		})
		if b := g.Blind(); !b.Blind || !strings.Contains(b.Why, "torn") {
			t.Errorf("meta page %d torn: %+v; want blind", page, b)
		}
		if aside, _ := filepath.Glob(g.path() + ".damaged-*"); len(aside) != 0 {
			t.Errorf("meta page %d torn: %v set aside; want the file kept", page, aside)
		}
		if len(g.kinds()) < 5 {
			t.Errorf("meta page %d torn: the journal is gone", page)
		}
	}
}

func TestRottenRecordIsTold(t *testing.T) {
	g := used(t, 3)
	g.reopenAfter(func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; ; { // in every copy of its page
			i := bytes.Index(data[at:], []byte("granted"))
			if i < 0 {
				break
			}
			data[at+i] = 'G'
			at += i + 7
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	damaged := 0
	for _, k := range g.kinds() {
		if k == journal.Damaged {
			damaged++
		}
	}
	if damaged != 3 {
		t.Errorf("journal = %v; want three damaged records told", g.kinds())
	}
	g.wantMemory(t, 3, "records rotted")
}

func TestOpenReaderNamesDamage(t *testing.T) {
	g := used(t, 3)
	g.Close()
	if err := os.Truncate(g.path(), 3*pageSize); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(g.opt.Dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("OpenReader = %v; want an error that says damaged", err)
	}
	if _, err := OpenReader(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("OpenReader of an empty folder = %v; want that it is not there", err)
	}
}

// FuzzInspect feeds files: looking through one, or saving what it holds, never
// panics and never reads beyond it.
func FuzzInspect(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(Options{Dir: dir, Now: func() (time.Time, bool) { return noon, true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	for n := range 40 {
		if _, err := s.Grant(use(n), noon.Add(time.Hour), granted(n)); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(s.path())
	if err != nil {
		f.Fatal(err)
	}
	if _, err := inspect(bytes.NewReader(whole), int64(len(whole))); err != nil {
		f.Fatalf("a good file: %v", err)
	}
	f.Add(whole, 0, []byte{})
	f.Add(whole[:5*pageSize], pageSize+20, []byte{0xff})
	f.Add(whole, 3*pageSize+10, []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte, at int, patch []byte) {
		if at >= 0 && at+len(patch) <= len(data) {
			data = bytes.Clone(data)
			copy(data[at:], patch)
		}
		found, err := inspect(bytes.NewReader(data), int64(len(data)))
		if (found == nil) == (err == nil) {
			t.Errorf("inspect = %v, %v", found, err)
		}
		_ = salvage(bytes.NewReader(data), int64(len(data)), func(journal.Record) error { return nil })
		highest(bytes.NewReader(data), int64(len(data)))
	})
}
