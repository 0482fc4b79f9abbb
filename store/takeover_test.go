package store

import (
	"compress/gzip"
	"io"
	"os"
	"testing"
	"time"

	"railgate/store/journal"
)

// unproven is a file of a version that proved nothing: 60 grants and 30 passages, made
// by commit aab1974.
func unproven(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("testdata/unproven.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// emptied is a gate's folder with the mark of an older version, which named no store.
func emptied(t *testing.T) *gate {
	t.Helper()
	g := newGate(t)
	g.Close()
	for _, path := range g.marks() {
		if err := os.WriteFile(path, []byte("There is a store in this folder.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// Where there are no sets to hold a file against, the layout of its pages shows a
// damaged header.
func TestAnyHeaderBitOfAnOldFileMayRot(t *testing.T) {
	if testing.Short() {
		t.Skip("each bit by itself takes seconds")
	}
	g := emptied(t)
	changed := unproven(t)
	for page := range usedPages(t, changed) {
		for bit := range 8 * pageHeaderSize {
			at := page*pageSize + bit/8
			changed[at] ^= 1 << (bit % 8)
			g.sees(t, changed, func() {
				for n := range 60 {
					if _, ok := g.LastPassage(use(n).Certificate); !g.Spent(use(n)) || ok != (n%2 == 0) {
						t.Fatalf("bit %d of byte %d of page %d: code %d is forgotten or its passage, and nobody says so", bit%8, bit/8, page, n)
					}
				}
			})
			changed[at] ^= 1 << (bit % 8)
		}
	}
}

// A file of a version that proved nothing is taken over, once, and says so.
func TestOldFileIsTakenOver(t *testing.T) {
	g := emptied(t)
	restore(t, g, unproven(t))
	for range 2 {
		g.flushNow(t)
		if b := g.Blind(); b.Blind {
			t.Fatalf("blind = %+v; want seeing", b)
		}
		for n := range 60 {
			if !g.Spent(use(n)) {
				t.Errorf("code %d is forgotten", n)
			}
			next := use(n)
			next.Slot, next.Begins = next.Slot+1, next.Begins+60
			if g.Spent(next) {
				t.Errorf("the code after %d is spent; that version noted no begin, so only what was granted is", n)
			}
			if _, ok := g.LastPassage(use(n).Certificate); ok != (n%2 == 0) {
				t.Errorf("passage %d: %v", n, ok)
			}
		}
		if !g.Floor().Equal(time.Unix(0, 0)) {
			t.Errorf("floor = %v; want none: unsigned clocks had raised it", g.Floor())
		}
		taken := 0
		for _, k := range g.kinds() {
			if k == journal.TakenOver {
				taken++
			}
		}
		if taken != 1 {
			t.Errorf("the journal says %d times that the file was taken over; want once", taken)
		}
		g.reopenAfter(nil)
	}
	g.proven = noon.Add(4 * time.Hour)
	g.Keep()
	if g.Spent(use(1)) || len(g.spent.slots) != 0 {
		t.Error("its codes are remembered after their time")
	}
}

// It gets a name, by which its marks know it, and says why it was taken over.
func TestOldFileGetsAName(t *testing.T) {
	g := emptied(t)
	restore(t, g, unproven(t))
	g.flushNow(t)
	id := g.id
	g.reopenAfter(nil)
	if g.id == "" || g.id != id {
		t.Errorf("it is %q, and then %q; want one name", id, g.id)
	}
	records, err := g.Records(0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == journal.TakenOver && r.Detail == "" {
			t.Errorf("%+v; want what has changed", r)
		}
	}
}

func TestTheLaterOfTwo(t *testing.T) {
	if a, b := noon, noon.Add(1); laterOf(a, b) != b || laterOf(b, a) != b || laterOf(a, a) != a {
		t.Error("the earlier one")
	}
}
