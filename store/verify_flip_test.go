package store

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"testing"
)

// contents are all entries of all buckets of a file, as a reader finds them.
func contents(file []byte) (all map[string]string, err error) {
	all = map[string]string{}
	m, _, err := newestMeta(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	t := newTree(bytes.NewReader(file), m)
	return all, t.buckets(m.root, func(name string, value []byte) error {
		return t.values(value, func(e element) error {
			all[fmt.Sprintf("%s %x %d", name, e.key, e.flags)] = string(e.value)
			return nil
		})
	})
}

// Any bit of a journal's file may be flipped. Where verify says that the journal is whole, every
// entry of the file is as it was: the bit was in a free page, in the free bytes of another, or in
// the meta page that is not in use.
func TestNoFlippedBitOfAJournalPasses(t *testing.T) {
	h := newHonest(t)
	whole, err := os.ReadFile(h.path)
	if err != nil {
		t.Fatal(err)
	}
	was, err := contents(whole)
	if err != nil || len(was) < 100 {
		t.Fatalf("%d entries, %v", len(was), err)
	}
	whole = whole[:usedPages(t, whole)*pageSize]
	random := rand.New(rand.NewPCG(7, 8))
	flips := 1500
	if testing.Short() {
		flips = 400
	}
	bad, free := 0, 0
	path := h.altered(t, func(string) {})
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range flips {
		bit := random.IntN(8 * len(whole))
		at := bit / 8
		whole[at] ^= 1 << (bit % 8)
		write(t, f, whole, at)
		r, err := Verify(path, h.proofs())
		if err != nil {
			t.Fatal(err)
		}
		now, err := contents(whole)
		switch {
		case !r.OK:
			bad++
		case err != nil || !maps.Equal(now, was):
			t.Errorf("bit %d of byte %d of page %d changes what the file has (%v), and passes", bit%8, at%pageSize, at/pageSize, err)
		default:
			free++
		}
		whole[at] ^= 1 << (bit % 8)
		write(t, f, whole, at)
	}
	t.Logf("of %d flips %d were named; %d changed nothing", flips, bad, free)
	if bad < flips/20 {
		t.Errorf("only %d of %d were named", bad, flips)
	}
}

// write writes one byte where it was changed.
func write(t *testing.T, f *os.File, whole []byte, at int) {
	t.Helper()
	if _, err := f.WriteAt(whole[at:at+1], int64(at)); err != nil {
		t.Fatal(err)
	}
}
