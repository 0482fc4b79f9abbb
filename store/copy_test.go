package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// several is a gate with some codes, passages, a note and a journal of some leaves, closed,
// and what a look through its file found.
func several(t *testing.T) (g *gate, found *survey) {
	t.Helper()
	g = used(t, 60)
	g.fill(1500)
	if err := g.PutNote("anchor", "boot 1"); err != nil {
		t.Fatal(err)
	}
	g.Close()
	found, err := g.examine()
	if err != nil || found.leaves < 30 || found.leaves >= recentLeaves {
		t.Fatalf("%+v, %v; want some leaves", found, err)
	}
	return g, found
}

// A file that rotted is made again with all that it remembers and its whole journal; one
// that is too large, with the newest leaves, and says how many records are left out.
func TestAFileIsMadeAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		keep   int // leaves, by the journal's limit
		leaves int // that are kept; 0: all
	}{
		{"all of it", 1000, 0}, {"as many leaves as there may be", 0, 0}, {"nine tenths of twenty leaves", 20, 18}, {"at least one", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, found := several(t)
			if tt.name == "as many leaves as there may be" {
				tt.keep = (found.leaves*10 + 8) / 9
			}
			before := leavesOf(t, g.path())
			g.rotten, g.limit.journal = "page 7 is rotten", int64(tt.keep)*pageSize
			first := found.first
			if tt.leaves > 0 {
				first = before[len(before)-tt.leaves]
			}
			found.torn = true
			for len(g.kick) > 0 {
				<-g.kick
			}
			again, err := g.fit(found)
			if err != nil {
				t.Fatal(err)
			}
			if again.first != first || again.last != found.last || !again.torn || g.rotten != "" {
				t.Errorf("records %d to %d, torn %v, rotten %q; want %d to %d, torn as before", again.first, again.last, again.torn, g.rotten, first, found.last)
			}
			wantPruned(t, g.queue, int(first-found.first), len(g.kick))
			if _, err := os.Lstat(g.path() + ".new"); err == nil {
				t.Error("a file is left over")
			}
			g.open()
			defer g.Close()
			if b := g.Blind(); b.Blind || g.Err() != nil {
				t.Fatalf("blind = %+v, %v; want seeing", b, g.Err())
			}
			wantMemoryWhole(t, g, first, found.last)
		})
	}
}

func wantPruned(t *testing.T, queue []entry, n, woken int) {
	t.Helper()
	switch {
	case n == 0 && len(queue) == 0:
	case n == 0 || len(queue) != 1 || woken != 1:
		t.Errorf("%d records are queued, woken %d; want one if some are left out", len(queue), woken)
	default:
		if r := queue[0].record; r.Kind != journal.Pruned || r.Count != n || !r.Time.Equal(noon) {
			t.Errorf("%+v; want that %d were pruned", r, n)
		}
	}
}

// leavesOf are the first records of a journal's leaves.
func leavesOf(t *testing.T, path string) (first []uint64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, _, err := newestMeta(f)
	if err != nil {
		t.Fatal(err)
	}
	tree := newTree(f, m)
	err = tree.buckets(m.root, func(name string, value []byte) error {
		if name != string(journalBucket) {
			return nil
		}
		return tree.leaves(le64of(value), func(_ uint64, key []byte) error {
			first = append(first, seqOf(key))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func wantMemoryWhole(t *testing.T, g *gate, first, last uint64) {
	t.Helper()
	for n := range 60 {
		if _, ok := g.LastPassage(use(n).Certificate); !ok || !g.Spent(use(n)) {
			t.Fatalf("code %d is forgotten, or its passage", n)
		}
	}
	var note string
	if ok, err := g.Note("anchor", &note); !ok || err != nil || note != "boot 1" {
		t.Errorf("note = %q, %v, %v", note, ok, err)
	}
	records, err := g.Records(0, 10_000)
	if err != nil || len(records) != int(last-first)+1 {
		t.Fatalf("%d records, %v; want %d", len(records), err, last-first+1)
	}
	for i, r := range records {
		if r.Seq != first+uint64(i) || r.Kind == journal.Damaged {
			t.Fatalf("record %d is %+v", i, r)
		}
	}
}

// A journal that fits is left alone, and so is one that is too large to be copied; what rotted
// is copied or, where it is too large, damage.
func TestWhatIsMadeAgain(t *testing.T) {
	for _, tt := range []struct {
		name            string
		bytes, limit    int64
		rotten          string
		made, wantError bool
	}{
		{"it fits", 1 << 20, 1 << 20, "", false, false},
		{"a quarter and 8 MB too large", 4<<20 + 1<<20 + 8<<20, 4 << 20, "", false, false},
		{"and a byte", 4<<20 + 1<<20 + 8<<20 + 1, 4 << 20, "", true, false},
		{"a limit that is just copied", 1 << 40, fitAtMost, "", true, false},
		{"a limit that is not", 1 << 40, fitAtMost + 1, "", false, false},
		{"rot in a journal that is just copied", fitAtMost, 1 << 40, "rotten", true, false},
		{"rot in one that is not", fitAtMost + 1, 1 << 40, "rotten", false, true},
		{"rot in a large one, of which little is kept", 1 << 40, fitAtMost, "rotten", true, false},
	} {
		g, found := several(t)
		before, err := os.Stat(g.path())
		if err != nil {
			t.Fatal(err)
		}
		g.bytes, g.limit.journal, g.rotten = tt.bytes, tt.limit, tt.rotten
		again, err := g.fit(found)
		var d *damageError
		if again != nil && again.torn {
			t.Errorf("%s: torn", tt.name)
		}
		if errors.As(err, &d) != tt.wantError || !tt.wantError && (err != nil || again == nil) || tt.wantError && (again != nil || err.Error() != tt.rotten) {
			t.Errorf("%s: %v, %v", tt.name, again, err)
		}
		after, err := os.Stat(g.path())
		if err != nil {
			t.Fatal(err)
		}
		if made := !os.SameFile(before, after); made != tt.made || !tt.made && !tt.wantError && again != found {
			t.Errorf("%s: made again %v; want %v", tt.name, made, tt.made)
		}
	}
}

// A copy that cannot be made leaves the file as it is, and the gate with it; damage is none
// that a copy gets past.
func TestFileThatCannotBeMadeAgain(t *testing.T) {
	t.Run("the disk is full", func(t *testing.T) {
		if alone(t) {
			return
		}
		g, found := several(t)
		g.bytes, g.limit.journal = 1<<40, 1<<20
		more := smallFiles(t, 100_000)
		again, err := g.fit(found)
		more()
		if again != found || err != nil || len(g.queue) != 0 {
			t.Errorf("fit = %v, %v, %d queued; want the file as it was", again, err, len(g.queue))
		}
		if _, err := os.Lstat(g.path() + ".new"); err == nil {
			t.Error("a part of a copy is left over")
		}
	})
	t.Run("its name is too long", func(t *testing.T) {
		g, found := several(t)
		dir := deep(t, fileName)
		if err := os.Rename(g.path(), dir+"/"+fileName); err != nil {
			t.Fatal(err)
		}
		g.Store.opt.Dir = dir
		if err := g.copyFrom(found, found.first); !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("copyFrom = %v; want %v", err, unix.ENAMETOOLONG)
		}
	})
	t.Run("it is not there", func(t *testing.T) {
		g, found := several(t)
		if err := os.Remove(g.path()); err != nil {
			t.Fatal(err)
		}
		if err := g.copyFrom(found, found.first); !errors.Is(err, unix.ENOENT) {
			t.Errorf("copyFrom = %v; want %v", err, unix.ENOENT)
		}
		if _, err := g.firstOf(found, 1); !errors.Is(err, unix.ENOENT) {
			t.Errorf("firstOf = %v; want %v", err, unix.ENOENT)
		}
		g.rotten, g.limit.journal = "rotten", pageSize
		var d *damageError
		if again, err := g.fit(found); again != nil || !errors.As(err, &d) {
			t.Errorf("fit = %v, %v; want damage", again, err)
		}
	})
	for _, what := range []string{"root", "spent", "passback"} {
		t.Run(what+" is damaged", func(t *testing.T) {
			g, found := several(t)
			page := found.meta.root
			if what != "root" {
				page = rootOf(t, g.path(), what)
			}
			zero(t, g.path(), int(page)*pageSize, 16)
			g.rotten = "rotten"
			var d *damageError
			if again, err := g.fit(found); again != nil || !errors.As(err, &d) || g.rotten == "" {
				t.Errorf("fit = %v, %v; want damage", again, err)
			}
			if _, err := g.firstOf(found, 1); (err != nil) != (what == "root") {
				t.Errorf("firstOf = %v", err)
			}
			if _, err := os.Lstat(g.path() + ".new"); err == nil {
				t.Error("a part of a copy is left over")
			}
		})
	}
}

// Records that rotted are told in the copy, each by its number.
func TestRotIsToldInTheCopy(t *testing.T) {
	g, found := several(t)
	first := leavesOf(t, g.path())
	g.rotten = "rotten"
	content, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	leaf := pageWith(t, content, first[3])
	zero(t, g.path(), leaf*pageSize, pageSize)
	if _, err := g.fit(found); err != nil {
		t.Fatal(err)
	}
	g.open()
	defer g.Close()
	records, err := g.Records(first[3]-2, int(first[4]-first[3])+3)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		damaged := r.Kind == journal.Damaged
		if damaged && (!r.Unsure || r.Detail == "" || r.Count != 0) {
			t.Errorf("%+v; want one that says so", r)
		}
		if want := r.Seq >= first[3] && r.Seq < first[4]; damaged != want {
			t.Errorf("record %d: damaged %v; want %v", r.Seq, damaged, want)
		}
		got = append(got, fmt.Sprint(r.Seq))
	}
	if len(got) != int(first[4]-first[3])+3 {
		t.Errorf("records %s", strings.Join(got, " "))
	}
}

// pageWith is the page of a file that begins with a record.
func pageWith(t *testing.T, file []byte, seq uint64) int {
	t.Helper()
	m, _, err := newestMeta(strings.NewReader(string(file)))
	if err != nil {
		t.Fatal(err)
	}
	for id := 2; id < int(m.high); id++ {
		p := parseHeader(file[id*pageSize:])
		p.data = file[id*pageSize : (id+1)*pageSize]
		if p.flags != leafPage || p.count == 0 {
			continue
		}
		if e, _, err := p.element(0); err == nil && seqOf(e.key) == seq {
			return id
		}
	}
	t.Fatalf("no page begins with record %d", seq)
	return 0
}

// rootOf is the page of a bucket's root.
func rootOf(t *testing.T, path, bucket string) (page uint64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, _, err := newestMeta(f)
	if err == nil {
		err = newTree(f, m).buckets(m.root, func(name string, value []byte) error {
			if name == bucket {
				page = le64of(value)
			}
			return nil
		})
	}
	if err != nil || page == 0 {
		t.Fatalf("%q is on page %d, %v", bucket, page, err)
	}
	return page
}

// A small bucket whose page in line is cut is an error, and so is what its reader says.
func TestValuesOfASmallBucket(t *testing.T) {
	tree := newTree(&draft{}, meta{high: 4})
	list := inlined(element{key: []byte("a")}, element{key: []byte("b")})
	enough := errors.New("enough")
	n := 0
	if err := tree.values(list, func(element) error { n++; return enough }); err != enough || n != 1 {
		t.Errorf("values = %v after %d; want %v after one", err, n, enough)
	}
	if err := tree.values(list[:len(list)-1], func(element) error { return nil }); err == nil {
		t.Error("an element that is cut is no error")
	}
	if err := tree.values(list[:bucketHeaderSize+3], func(element) error { return nil }); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("values = %v; want that it is cut off", err)
	}
}

// What a station does not have is not left out of a copy, and a copy that cannot tell is none.
func TestCopyForAStation(t *testing.T) {
	for _, station := range []bool{true, false} {
		g, found := several(t)
		g.Store.opt.Station = func() bool { return station }
		g.rotten, g.limit.journal = "rotten", 20*pageSize
		again, err := g.fit(found)
		if err != nil || (again.first == found.first) != station || g.rotten != "" {
			t.Errorf("a station %v: from record %d, %v, rotten %q; want all of it for a station", station, again.first, err, g.rotten)
		}
	}
	g, found := several(t)
	g.Store.opt.Station = func() bool { return true }
	g.rotten = "rotten"
	if err := os.Remove(g.path()); err != nil {
		t.Fatal(err)
	}
	if again, err := g.fit(found); again != nil || !errors.Is(err, unix.ENOENT) {
		t.Errorf("fit = %v, %v; want %v", again, err, unix.ENOENT)
	}
}
