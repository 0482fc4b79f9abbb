package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// sees tells whether a file's damage is seen at a start, and calls harmless with the
// store open where it is not. It opens the file only where the look through it finds
// nothing.
func (g *gate) sees(t *testing.T, content []byte, harmless func()) bool {
	t.Helper()
	if _, err := inspect(bytes.NewReader(content), int64(len(content))); err != nil {
		return true
	}
	restore(t, g, content)
	defer g.Close()
	if g.Err() != nil {
		t.Fatalf("the store does not open: %v", g.Err())
	}
	if g.Blind().Blind {
		return true
	}
	harmless()
	return false
}

// wantHarmless is what must be so where damage is not seen: nothing is forgotten, the
// journal tells all there was, and housekeeping goes on.
func (g *gate) wantHarmless(t *testing.T, grants int, what string) {
	t.Helper()
	for n := range grants {
		if !g.Spent(use(n)) {
			t.Fatalf("%s: code %d is forgotten, and nobody says so", what, n)
		}
		if _, ok := g.LastPassage(use(n).Certificate); !ok {
			t.Fatalf("%s: passage %d is forgotten, and nobody says so", what, n)
		}
	}
	records, err := g.Records(0, 10_000)
	if err != nil || len(records) != 2*grants+1 {
		t.Fatalf("%s: %d records, %v; want %d", what, len(records), err, 2*grants+1)
	}
	g.Keep()
	if _, err := g.Grant(use(grants), noon.Add(time.Hour), granted(grants)); err != nil {
		t.Fatalf("%s: granting: %v", what, err)
	}
}

// Every bit of every page's header, and of a small bucket's page in line, and a
// thousand others: each is seen at the start, or harmless.
func TestAnyBitMayRot(t *testing.T) {
	if testing.Short() {
		t.Skip("each bit by itself takes seconds")
	}
	const grants = 60
	g := used(t, grants)
	g.flushNow(t)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:usedPages(t, whole)*pageSize]
	var bits []int
	for at := 0; at < len(whole); at += pageSize {
		for bit := range 8 * pageHeaderSize {
			bits = append(bits, 8*at+bit)
		}
	}
	for _, at := range inlineHeaders(whole) {
		for bit := range 8 * pageHeaderSize {
			bits = append(bits, 8*at+bit)
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		bits = append(bits, random.IntN(8*len(whole)))
	}
	seen := 0
	changed := bytes.Clone(whole)
	for _, bit := range bits {
		changed[bit/8] ^= 1 << (bit % 8)
		if g.sees(t, changed, func() {
			g.wantHarmless(t, grants, fmt.Sprintf("bit %d of byte %d of page %d", bit%8, bit/8%pageSize, bit/8/pageSize))
		}) {
			seen++
		}
		changed[bit/8] ^= 1 << (bit % 8)
	}
	t.Logf("%d of %d flips were seen", seen, len(bits))
	if seen < len(bits)/20 {
		t.Errorf("only %d of %d flips were seen", seen, len(bits))
	}
}

// usedPages is how many pages a file's newest commit knows of.
func usedPages(t *testing.T, file []byte) int {
	t.Helper()
	m, _, err := newestMeta(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return int(m.high)
}

// inlineHeaders are where pages in line begin: behind a bucket header whose root is 0.
func inlineHeaders(file []byte) (at []int) {
	for _, name := range buckets {
		for from := 0; ; {
			i := bytes.Index(file[from:], name)
			if i < 0 {
				break
			}
			from += i + len(name)
			if from+bucketHeaderSize+pageHeaderSize <= len(file) && binary.LittleEndian.Uint64(file[from:]) == 0 {
				at = append(at, from+bucketHeaderSize)
			}
		}
	}
	return at
}

// A page that is neither used nor free was lost; so was what it holds.
func TestLostPageIsSeen(t *testing.T) {
	g := used(t, 60)
	g.Close()
	whole, err := os.ReadFile(g.path())
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := newestMeta(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	list := whole[m.freelist*pageSize:]
	n := binary.LittleEndian.Uint16(list[10:])
	binary.LittleEndian.PutUint16(list[10:], n-1) // the last free page is on no list now
	if _, err := inspect(bytes.NewReader(whole), int64(len(whole))); err == nil || !strings.Contains(err.Error(), "neither used nor free") {
		t.Errorf("inspect = %v; want a page that is neither used nor free", err)
	}
}

// What bbolt cannot see, the sets do: an entry that is missing, one too many, another
// value, though every page is sound; and a journal that ends elsewhere.
func TestSetsProveTheBucketsWhole(t *testing.T) {
	u := use(7)
	key := spentKey(u, noon.Add(time.Hour+7*time.Second))
	u.Begins--
	another := spentKey(use(99), noon.Add(time.Hour))
	for _, tt := range []struct {
		name   string
		change func(*bbolt.Tx) error
		why    string
	}{
		{"a spent code is missing", func(tx *bbolt.Tx) error { return tx.Bucket(spentBucket).Delete(key) }, "59 of 60"},
		{"a spent code too many", func(tx *bbolt.Tx) error {
			return tx.Bucket(spentBucket).Put(another, seal(another, spentValue(use(99))))
		}, "61 of 60"},
		{"a spent code of long ago", func(tx *bbolt.Tx) error { return tx.Bucket(spentBucket).Put(key, seal(key, spentValue(u))) }, "not those that were written"},
		{"a passage is missing", func(tx *bbolt.Tx) error { return tx.Bucket(passbackBucket).Delete([]byte(use(7).Certificate)) }, "59 of 60"},
		{"the newest record is missing", func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(journalKey(121)) }, "want 1 to 121"},
		{"the oldest record is missing", func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(journalKey(1)) }, "want 1 to 121"},
		{"a record in between is missing", func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Delete(journalKey(60)) }, "61 follows 59"},
		{"nothing", func(*bbolt.Tx) error { return nil }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := used(t, 60)
			g.reopenAfter(func(path string) {
				db, err := openFile(path, 1<<30, nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(db.Update(tt.change), db.Close()); err != nil {
					t.Fatal(err)
				}
			})
			if b := g.Blind(); b.Blind != (tt.why != "") || !strings.Contains(b.Why, tt.why) {
				t.Errorf("blind = %+v; want %q", b, tt.why)
			}
		})
	}
}

// Whatever is granted, passed and pruned, the file is as the look through it demands,
// and the sets are what is in it.
func TestSoundFilesAreFoundSound(t *testing.T) {
	g := newGate(t)
	g.opt.MaxBytes = 300_000
	g.reopenAfter(nil)
	random := rand.New(rand.NewPCG(7, 8))
	n := 0
	for round := range 40 {
		for range random.IntN(60) {
			n++
			r := granted(n)
			r.Detail = strings.Repeat("d", random.IntN(10)*random.IntN(1000)) // some records run over several pages
			if _, err := g.Grant(use(n), g.now.Add(time.Duration(random.IntN(100))*time.Minute), r); err != nil {
				t.Fatal(err)
			}
			if random.IntN(3) == 0 {
				g.AppendPassage(journal.Record{Time: g.now, Kind: journal.Passage}, use(random.IntN(n+1)).Certificate, journal.Entry, 0)
			}
		}
		g.now = g.now.Add(time.Duration(random.IntN(30)) * time.Minute)
		if round%3 == 0 {
			g.Keep()
		}
		g.reopenAfter(nil)
		if b := g.Blind(); b.Blind {
			t.Fatalf("round %d: %+v", round, b)
		}
	}
	if g.sets.First == 1 {
		t.Error("nothing was pruned: this test shows less than it should")
	}
}

// A damaged name is not an absent value: the file's blindness, its sets.
func TestDamagedNameIsSeen(t *testing.T) {
	for _, name := range []string{"blind", setsName, provenName} {
		g := used(t, 5)
		g.flushNow(t)
		g.Keep()
		g.Close()
		content, err := os.ReadFile(g.path())
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(name) {
			changed := bytes.ReplaceAll(content, []byte(name), flipped(name, bit))
			g.sees(t, changed, func() { t.Errorf("bit %d of %q: not seen", bit, name) })
		}
	}
}

func flipped(text string, bit int) []byte {
	b := []byte(text)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}
