package store

import (
	"slices"
	"strings"
	"testing"

	"railgate/store/journal"
)

// What is told of a journal of 300 records, a leaf each: how many records come before a
// gap, and which one is the gap.
func TestWalkTellsEachRecordOrAGap(t *testing.T) {
	const n = 300
	leaf := func(seq uint64) uint64 { return leavesAt + seq - 1 }
	rot := func(seq uint64) func(*draft) {
		return func(d *draft) { clear(d.pages[leaf(seq)][pageHeaderSize:]) }
	}
	for _, tt := range []struct {
		name   string
		change func(*draft)
		gaps   [][2]uint64
	}{
		{"nothing", func(*draft) {}, nil},
		{"a leaf", rot(7), [][2]uint64{{7, 7}}},
		{"the first leaf", rot(1), [][2]uint64{{1, 1}}},
		{"the last leaf", rot(n), [][2]uint64{{n, n}}},
		{"three leaves", func(d *draft) { rot(7)(d); rot(8)(d); rot(9)(d) }, [][2]uint64{{7, 9}}},
		{"a branch", func(d *draft) { le64(d.pages[lowerAt+1], 0) }, [][2]uint64{{perBranch + 1, 2 * perBranch}}},
		{"the first branch", func(d *draft) { le64(d.pages[lowerAt], 0) }, [][2]uint64{{1, perBranch}}},
		{"a leaf whose elements are fine", func(d *draft) { le64(d.pages[leaf(7)], 0) }, nil},
		{"a leaf that is a copy of a later one", func(d *draft) { d.draw(leaf(7), drawn(leaf(7), leafPage, recordOf(9, ""))) }, [][2]uint64{{7, 7}}},
		{"a leaf that is a copy of an older one", func(d *draft) { d.draw(leaf(7), drawn(leaf(7), leafPage, recordOf(3, ""))) }, [][2]uint64{{7, 7}}},
		{"the last leaf, of a later record", func(d *draft) { d.draw(leaf(n), drawn(leaf(n), leafPage, recordOf(n+5, ""))) }, [][2]uint64{{n, n}}},
		{"the first leaf, of no records", func(d *draft) {
			d.draw(leaf(1), drawn(leaf(1), leafPage, element{key: []byte("k"), value: []byte("v")}))
		}, [][2]uint64{{1, 1}}},
		{"a leaf of no records", func(d *draft) {
			d.draw(leaf(7), drawn(leaf(7), leafPage, element{key: []byte("k"), value: []byte("v")}))
		}, [][2]uint64{{7, 7}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := sketch(n, -1)
			tt.change(d)
			for _, from := range []uint64{0, 6, 7, 8, perBranch, perBranch + 1, n, n + 1} {
				wantWalk(t, d, n, from, tt.gaps)
			}
		})
	}
}

// wantWalk walks from a number, in parts of several sizes.
func wantWalk(t *testing.T, d *draft, last, from uint64, gaps [][2]uint64) {
	t.Helper()
	for _, at := range []int{7, 50, 1000} {
		told := from
		for {
			records, err := readRecords(d, 1, last, told, at)
			if err != nil || len(records) > at {
				t.Fatalf("from %d, %d at once: %d records, %v", from, at, len(records), err)
			}
			for _, r := range records {
				first := told + 1
				gap := slices.ContainsFunc(gaps, func(g [2]uint64) bool { return first >= g[0] && first <= g[1] && r.Seq == g[1] })
				switch {
				case gap && (r.Kind != journal.Damaged || r.Count != int(r.Seq-told) || !r.Unsure || !strings.HasSuffix(r.Detail, "cannot be read")):
					t.Fatalf("from %d, %d at once: %+v after %d; want a gap", from, at, r, told)
				case !gap && (r.Seq != first || r.Kind != journal.Forced):
					t.Fatalf("from %d, %d at once: %+v after %d; want the next record", from, at, r, told)
				}
				told = r.Seq
			}
			if len(records) < at {
				break
			}
		}
		if told != max(from, last) {
			t.Fatalf("from %d, %d at once: told up to %d; want %d", from, at, told, last)
		}
	}
}

// A branch that is wrong about where a leaf begins hides no record.
func TestWalkBelowABranchThatIsWrong(t *testing.T) {
	for _, tt := range []struct{ was, says uint64 }{{7, 6}, {7, 8}} { // between its neighbours', which are 5 and 9
		d := &draft{pages: map[uint64][]byte{}}
		var list []element
		for i, seq := range []uint64{1, 3, 5, 7, 9, 11} {
			at := uint64(leavesAt + i)
			d.draw(at, drawn(at, leafPage, recordOf(seq, ""), recordOf(seq+1, "")))
			if seq == tt.was {
				seq = tt.says
			}
			list = append(list, element{child: at, key: journalKey(seq)})
		}
		d.draw(branchAt, drawn(branchAt, branchPage, list...))
		d.draw(rootAt, drawn(rootAt, leafPage, bucketOf("journal", rooted(branchAt))))
		d.metas(meta{root: rootAt, freelist: freeAt, high: leavesAt + 6, txid: 7})
		d.size = (leavesAt + 6) * pageSize
		for from := range uint64(13) {
			records, err := readRecords(d, 1, 12, from, 100)
			if err != nil || tt.says < tt.was && len(records) != 12-int(from) {
				t.Errorf("leaf of %d said to begin with %d, from %d: %d records, %v", tt.was, tt.says, from, len(records), err)
			}
			told := from
			for _, r := range records {
				told += uint64(max(1, r.Count))
			}
			if told != 12 {
				t.Errorf("leaf of %d said to begin with %d, from %d: told up to %d of 12", tt.was, tt.says, from, told)
			}
		}
	}
}

// A file that cannot be walked at all is an error; nothing asked for is nothing read.
func TestWalkOfAFileThatCannotBeWalked(t *testing.T) {
	d := sketch(3, -1)
	if records, err := readRecords(d, 1, 3, 0, 0); len(records) != 0 || err != nil {
		t.Errorf("%d records, %v; want none", len(records), err)
	}
	for name, change := range map[string]func(*draft){
		"no meta page":              func(d *draft) { delete(d.pages, 0); delete(d.pages, 1) },
		"a root that is damaged":    func(d *draft) { le64(d.pages[rootAt], 0) },
		"a tree that leads nowhere": func(d *draft) { le16(d.pages[branchAt][8:], 0) },
		"a page in line that is cut": func(d *draft) {
			d.draw(rootAt, drawn(rootAt, leafPage, bucketOf("journal", inlined()[:bucketHeaderSize+3])))
		},
		"a page in line that is damaged": func(d *draft) {
			value := inlined(recordOf(1, ""))
			le16(value[bucketHeaderSize+10:], 2)
			d.draw(rootAt, drawn(rootAt, leafPage, bucketOf("journal", value)))
		},
	} {
		d := sketch(3, -1)
		change(d)
		if records, err := readRecords(d, 1, 3, 0, 10); err == nil {
			t.Errorf("%s: %d records; want an error", name, len(records))
		}
	}
	small := sketch(3, -1)
	small.draw(rootAt, drawn(rootAt, leafPage, bucketOf("journal", inlined(recordOf(1, ""), recordOf(2, ""), recordOf(3, "")))))
	wantWalk(t, small, 3, 0, nil)
	wantWalk(t, small, 3, 2, nil)
}

// Of a leaf whose header rotted each record is told.
func TestWalkOverALeafOfManyRecords(t *testing.T) {
	d := sketch(3, -1)
	d.draw(leavesAt, drawn(leavesAt, leafPage, recordOf(1, ""), recordOf(2, ""), recordOf(3, "")))
	d.draw(leavesAt+1, drawn(leavesAt+1, leafPage, recordOf(4, "")))
	d.draw(leavesAt+2, drawn(leavesAt+2, leafPage, recordOf(5, "")))
	d.draw(lowerAt, drawn(lowerAt, branchPage, element{child: leavesAt, key: journalKey(1)}, element{child: leavesAt + 1, key: journalKey(4)}, element{child: leavesAt + 2, key: journalKey(5)}))
	le64(d.pages[leavesAt], 9)
	for _, from := range []uint64{0, 1, 2, 3, 4} {
		wantWalk(t, d, 5, from, nil)
	}
}
