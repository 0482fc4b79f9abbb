package store

import (
	"fmt"
	"strings"
	"testing"
)

func TestInspectFindsAGoodFileGood(t *testing.T) {
	for _, tt := range []struct {
		leaves, long int
	}{{1, -1}, {2, 1}, {recentLeaves, -1}, {recentLeaves + 1, -1}, {recentLeaves + 1, 0}, {recentLeaves + 60, 3}, {recentLeaves + 60, recentLeaves + 58}} {
		d := sketch(tt.leaves, tt.long)
		found, err := inspect(d, d.size)
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		if found.first != 1 || found.last != uint64(tt.leaves) || found.leaves != tt.leaves || found.torn || found.size != d.size || found.meta.txid != 7 {
			t.Errorf("%+v: %+v; want records 1 to %d on as many leaves, of commit 7", tt, found, tt.leaves)
		}
	}
}

// A new file is of four pages.
func TestInspectOfTheSmallestFile(t *testing.T) {
	d := &draft{pages: map[uint64][]byte{}, size: 4 * pageSize}
	d.draw(rootAt, drawn(rootAt, leafPage, bucketOf("journal", inlined(recordOf(7, ""), recordOf(8, "")))))
	d.draw(freeAt, freeList(freeAt))
	d.metas(meta{root: rootAt, freelist: freeAt, high: 4, txid: 7})
	if found, err := inspect(d, d.size); err != nil || found.first != 7 || found.last != 8 || found.leaves != 0 {
		t.Errorf("inspect = %+v, %v; want records 7 and 8, in line", found, err)
	}
}

// What would hurt, each by itself, in a file of few pages.
func TestInspectFinds(t *testing.T) {
	const leaf, lastLeaf = leavesAt, leavesAt + 2
	at := func(page, offset int) func(d *draft) []byte {
		return func(d *draft) []byte { return d.pages[uint64(page)][offset:] }
	}
	put16 := func(place func(*draft) []byte, v uint16) func(*draft) {
		return func(d *draft) { le16(place(d), v) }
	}
	put32 := func(place func(*draft) []byte, v uint32) func(*draft) {
		return func(d *draft) { le32(place(d), v) }
	}
	put64 := func(place func(*draft) []byte, v uint64) func(*draft) {
		return func(d *draft) { le64(place(d), v) }
	}
	redraw := func(page uint64, flags uint16, list ...element) func(*draft) {
		return func(d *draft) { d.draw(page, drawn(page, flags, list...)) }
	}
	root := func(change func(map[string][]byte)) func(*draft) {
		return func(d *draft) {
			b := map[string][]byte{"journal": rooted(branchAt), "meta": inlined(), "passback": inlined(), "spent": rooted(spentAt)}
			change(b)
			var list []element
			for _, name := range []string{"journal", "meta", "passback", "spent"} {
				list = append(list, bucketOf(name, b[name]))
			}
			d.draw(rootAt, drawn(rootAt, leafPage, list...))
		}
	}
	free := func(ids ...uint64) func(*draft) {
		return func(d *draft) { d.draw(freeAt, freeList(freeAt, ids...)) }
	}
	freed := func(more ...uint64) (ids []uint64) {
		ids = []uint64{freedAt}
		for id := uint64(lowerAt + 1); id < leavesAt; id++ {
			ids = append(ids, id)
		}
		return append(ids, more...)
	}
	eight := func(n uint64) []byte { return journalKey(n) }
	three := func(first ...uint64) (list []element) {
		for i, f := range first {
			list = append(list, element{child: leaf + uint64(i), key: eight(f)})
		}
		return list
	}
	for _, tt := range []struct {
		name   string
		change func(*draft)
		want   string
	}{
		{"nothing", func(*draft) {}, ""},
		{"both meta pages gone", func(d *draft) { delete(d.pages, 0); delete(d.pages, 1) }, "not a meta page"},
		{"a file of less than a page, of which one meta page is left", func(d *draft) { d.size = pageSize - 1 }, "the file ends at page 0 of 23"},
		{"a file of some bytes", func(d *draft) { d.size = 20 }, "EOF"},
		{"a file that ends early", func(d *draft) { d.size -= pageSize }, "the file ends at page 22 of 23"},
		{"a file of three pages", func(d *draft) { d.metas(meta{root: rootAt, freelist: rootAt, high: 3, txid: 7}) }, "the file ends at page 23 of 3"},
		{"a root outside", func(d *draft) { d.metas(meta{root: 23, freelist: freeAt, high: 23, txid: 7}) }, "page 23 is outside the file's 23"},
		{"a root among the meta pages", func(d *draft) { d.metas(meta{root: 1, freelist: freeAt, high: 23, txid: 7}) }, "page 1 is outside the file's 23"},
		{"a root that is no tree's", func(d *draft) { d.metas(meta{root: freeAt, freelist: freeAt, high: 23, txid: 7}) }, "page 3 is neither branch nor leaf"},
		{"a list of free pages outside", func(d *draft) { d.metas(meta{root: rootAt, freelist: 23, high: 23, txid: 7}) }, "list of free pages: page 23 is outside"},
		{"a list of free pages in the root", func(d *draft) { d.metas(meta{root: rootAt, freelist: rootAt, high: 23, txid: 7}) }, "list of free pages: page 2 is used twice"},
		{"a list of free pages that is a leaf", put16(at(freeAt, 8), leafPage), "list of free pages: page 3 is of kind 0x2; want 0x10"},
		{"a list of free pages that is too long", put16(at(freeAt, 10), 511), "it runs over its page"},
		{"a list that fills its page", put16(at(freeAt, 10), 510), "page 0 is outside"},
		{"a long list that is too long", put16(at(freeAt, 10), 0xffff), "page 4 is neither used nor free"},
		{"a long list that says a number", func(d *draft) { le16(d.pages[freeAt][10:], 0xffff); le64(d.pages[freeAt][pageHeaderSize:], 1<<40) }, "page 0 is outside the file's 23"},
		{"a free page that is used", free(freed(spentAt)...), "page 5 is used twice"},
		{"a free page outside", free(freed(23)...), "page 23 is outside"},
		{"a page on no list", free(freed()[1:]...), "page 4 is neither used nor free"},
		{"a first page on no list", func(d *draft) {
			d.pages[freedAt] = d.pages[rootAt]
			le64(d.pages[freedAt], freedAt)
			free(freed()[1:]...)(d)
			d.metas(meta{root: freedAt, freelist: freeAt, high: 23, txid: 7})
		}, "page 2 is neither used nor free"},
		{"a page behind a free one that was a leaf and ran over", func(d *draft) {
			d.draw(11, drawn(11, leafPage, recordOf(1, "")))
			le32(d.pages[11][12:], 1)
			free(append(freed()[:5], freed()[6:]...)...)(d)
		}, "page 12 is neither used nor free"},
		{"the last page on no list", func(d *draft) {
			d.metas(meta{root: rootAt, freelist: freeAt, high: 24, txid: 7})
			d.size += pageSize
		}, "page 23 is neither used nor free"},
		{"an overflow past the end", put32(at(lastLeaf, 12), 1), "page 22 runs over the file's end"},
		{"an overflow into another page", put32(at(leaf, 12), 1), "page 21 is used twice"},
		{"a page that calls itself another", put64(at(leaf, 0), 21), "page 20 calls itself 21"},
		{"a leaf that is a branch", put16(at(leaf, 8), branchPage), "page 20 is of kind 0x1; want 0x2"},
		{"a branch that is a leaf", put16(at(lowerAt, 8), leafPage), "element 0 is not where it belongs"},
		{"a tree without an end", put64(at(lowerAt, pageHeaderSize+2*elementSize+8), lowerAt), "the tree is too high"},
		{"a tree that leads outside", put64(at(lowerAt, pageHeaderSize+2*elementSize+8), 23), "page 23 is outside"},
		{"a tree that leads to the meta pages", put64(at(lowerAt, pageHeaderSize+2*elementSize+8), 1), "page 1 is outside"},
		{"a branch of nothing", redraw(lowerAt, branchPage), "page 0 is outside the file's 23"},
		{"a branch of nothing, in between", func(d *draft) {
			d.draw(branchAt, drawn(branchAt, branchPage, element{child: lowerAt, key: eight(1)}, element{child: 8, key: eight(2)}))
			d.draw(lowerAt, drawn(lowerAt, branchPage))
			d.draw(8, drawn(8, branchPage, three(1, 2, 3)...))
		}, "page 7 does not begin where the page above says"},
		{"one child too few", redraw(lowerAt, branchPage, three(1, 2)...), "page 22 is neither used nor free"},
		{"a child too many", put16(at(lowerAt, 10), 4), "runs over the end"},
		{"many children too many", put16(at(lowerAt, 10), 1000), "no room for 1000 elements"},
		{"a page twice below a branch", redraw(lowerAt, branchPage, element{child: leaf, key: eight(1)}, element{child: leaf, key: eight(2)}, element{child: 22, key: eight(3)}), "page 20 is used twice"},
		{"children out of order", redraw(lowerAt, branchPage, three(1, 3, 2)...), "element 2 is out of order"},
		{"children that begin at the same", redraw(lowerAt, branchPage, three(1, 1, 3)...), "element 1 is out of order"},
		{"branches that overlap", func(d *draft) {
			d.draw(branchAt, drawn(branchAt, branchPage, element{child: lowerAt, key: eight(1)}, element{child: 8, key: eight(2)}))
			d.draw(lowerAt, drawn(lowerAt, branchPage, three(1, 2)...))
			d.draw(8, drawn(8, branchPage, element{child: 22, key: eight(2)}))
		}, "page 22 is out of order"},
		{"a branch that begins later than the one above says", redraw(branchAt, branchPage, element{child: lowerAt, key: eight(9)}), "page 7 does not begin where the page above says"},
		{"a leaf that begins later than the branch says", redraw(lowerAt, branchPage, three(1, 9, 10)...), "page 21 does not begin where the page above says"},
		{"a leaf of nothing below a branch", redraw(leaf, leafPage), "page 20 does not begin where the page above says"},
		{"a key of another length in a branch", redraw(lowerAt, branchPage, element{child: leaf, key: []byte("1")}, element{child: 21, key: []byte("2")}, element{child: 22, key: []byte("3")}), "does not begin"},
		{"keys of another length", func(d *draft) {
			d.draw(branchAt, drawn(branchAt, branchPage, element{child: lowerAt, key: []byte("1")}))
			d.draw(lowerAt, drawn(lowerAt, branchPage, element{child: leaf, key: []byte("1")}, element{child: 21, key: []byte("2")}, element{child: 22, key: []byte("3")}))
		}, "page 20: a key of 1 bytes"},
		{"a key of another length on the journal's only leaf", func(d *draft) {
			root(func(b map[string][]byte) { b["journal"] = inlined(element{key: []byte("short"), value: []byte("v")}) })(d)
			free(freed(branchAt, lowerAt, leaf, 21, 22)...)(d)
		}, `bucket "journal": a key of 5 bytes`},
		{"a key of another length behind a good one", redraw(leaf, leafPage, recordOf(1, ""), element{key: append(journalKey(1), 0)}), "a key of 9 bytes"},
		{"a record missing", redraw(leaf, leafPage, recordOf(1, ""), recordOf(3, "")), "record 3 follows 1"},
		{"a record twice", redraw(leaf, leafPage, recordOf(1, ""), recordOf(2, "")), "record 2 follows 2"},
		{"a record missing in line", func(d *draft) {
			root(func(b map[string][]byte) { b["journal"] = inlined(recordOf(5, ""), recordOf(7, "")) })(d)
			free(freed(branchAt, lowerAt, leaf, 21, 22)...)(d)
		}, `bucket "journal": record 7 follows 5`},
		{"records out of order in line", func(d *draft) {
			root(func(b map[string][]byte) { b["journal"] = inlined(recordOf(6, ""), recordOf(5, "")) })(d)
			free(freed(branchAt, lowerAt, leaf, 21, 22)...)(d)
		}, `bucket "journal": element 1 is out of order`},
		{"a bucket in the journal", redraw(leaf, leafPage, func() element { e := recordOf(1, ""); e.flags = bucketElement; return e }()), "element 0 is not a value"},
		{"a bucket among the spent codes", redraw(spentAt, leafPage, bucketOf("a", nil)), `bucket "spent": element 0 is not a value`},
		{"a bucket in a page in line", root(func(b map[string][]byte) { b["passback"] = inlined(bucketOf("a", nil)) }), `bucket "passback": element 0 is not a value`},
		{"elements out of order in line", root(func(b map[string][]byte) {
			b["passback"] = inlined(element{key: []byte("b")}, element{key: []byte("a")})
		}), `bucket "passback": element 1 is out of order`},
		{"elements out of order", redraw(spentAt, leafPage, element{key: []byte("b")}, element{key: []byte("a")}), "page 5: element 1 is out of order"},
		{"a key twice", redraw(spentAt, leafPage, element{key: []byte("a")}, element{key: []byte("a")}), "page 5: element 1 is out of order"},
		{"a gap in a page", put32(at(spentAt, pageHeaderSize+4), 17), "element 0 is not where it belongs"},
		{"an element that is longer than its page", put32(at(spentAt, pageHeaderSize+12), pageSize), "element 0 runs over the end"},
		{"a page in line of another kind", root(func(b map[string][]byte) { le16(b["meta"][bucketHeaderSize+8:], branchPage) }), `bucket "meta": its page in line is none`},
		{"a page in line with a number", root(func(b map[string][]byte) { le64(b["meta"][bucketHeaderSize:], 9) }), `bucket "meta": its page in line is none`},
		{"a page in line that runs over", root(func(b map[string][]byte) { le32(b["meta"][bucketHeaderSize+12:], 1) }), `bucket "meta": its page in line is none`},
		{"a page in line that is cut", root(func(b map[string][]byte) { b["meta"] = b["meta"][:bucketHeaderSize+pageHeaderSize-1] }), "its page in line is cut off"},
		{"a value among the buckets", func(d *draft) { le32(d.pages[rootAt][pageHeaderSize:], 0) }, `root: "journal" is not a bucket`},
		{"a bucket that is cut", root(func(b map[string][]byte) { b["meta"] = b["meta"][:bucketHeaderSize-1] }), `root: "meta" is not a bucket`},
		{"a root's leaf that is damaged", put32(at(rootAt, pageHeaderSize+4), 9), "root: page 2: element 0 is not where it belongs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := sketch(3, -1)
			tt.change(d)
			found, err := inspect(d, d.size)
			if tt.want == "" && (err != nil || found == nil) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || found != nil) {
				t.Errorf("inspect = %v, %v; want %q", found, err, tt.want)
			}
		})
	}
}

// A file may be as small as can be, and of a journal that is longer than a start reads
// each page is accounted for.
func TestInspectOfALongJournal(t *testing.T) {
	const n = recentLeaves + 60
	for _, tt := range []struct {
		name   string
		change func(*draft)
		want   string
	}{
		{"an unread leaf of another kind", func(d *draft) { le16(d.pages[leavesAt+3][8:], freelistPage) }, ""},
		{"the last that is not read", func(d *draft) { le64(d.pages[leavesAt+59], 0) }, ""},
		{"the first that is read", func(d *draft) { le64(d.pages[leavesAt+60], 0) }, "page 80 calls itself 0"},
		{"a page behind an unread leaf, which does not run over", func(d *draft) { lose(d, leavesAt+5) }, "page 25 is neither used nor free"},
		{"a page behind an unread leaf that runs over", func(d *draft) { lose(d, leavesAt+5); le32(d.pages[leavesAt+4][12:], 1) }, ""},
		{"a page behind another unread leaf that runs over", func(d *draft) { lose(d, 65); le32(d.pages[64][12:], 1) }, ""},
		{"and calls itself another", func(d *draft) { lose(d, leavesAt+5); le32(d.pages[leavesAt+4][12:], 1); le64(d.pages[leavesAt+4], 9) }, "page 25 is neither"},
		{"and is no leaf", func(d *draft) {
			lose(d, leavesAt+5)
			le32(d.pages[leavesAt+4][12:], 1)
			le16(d.pages[leavesAt+4][8:], branchPage)
		}, "page 25 is neither"},
		{"two pages behind one that runs over into one", func(d *draft) { lose(d, leavesAt+5); lose(d, leavesAt+6); le32(d.pages[leavesAt+4][12:], 1) }, "page 26 is neither"},
		{"a page behind a free one that is behind a leaf", func(d *draft) {
			lose(d, leavesAt+5)
			lose(d, leavesAt+6)
			le32(d.pages[leavesAt+4][12:], 2)
			list := d.pages[freeAt]
			count := uint16(leavesAt - lowerAt - 3 + 1)
			le64(list[pageHeaderSize+8*int(count):], leavesAt+5)
			le16(list[10:], count+1)
		}, "page 26 is neither"},
		{"a record missing where it is read", func(d *draft) { lose(d, leavesAt+n-2) }, "record 316 follows 314"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := sketch(n, -1)
			tt.change(d)
			_, err := inspect(d, d.size)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("inspect = %v; want %q", err, tt.want)
			}
		})
	}
}

// lose takes a leaf of the journal out of its branch.
func lose(d *draft, leaf uint64) {
	for id := uint64(lowerAt); id < leavesAt; id++ {
		if d.pages[id] == nil {
			continue
		}
		p := parseHeader(d.pages[id])
		p.data = d.pages[id]
		list, err := p.elements()
		if err != nil {
			panic(err)
		}
		for i, e := range list {
			if e.child == leaf {
				rest := append(append([]element(nil), list[:i]...), list[i+1:]...)
				d.draw(id, drawn(id, branchPage, clone(rest)...))
				return
			}
		}
	}
	panic(fmt.Sprintf("no branch leads to page %d", leaf))
}

// clone copies elements out of their page.
func clone(list []element) (out []element) {
	for _, e := range list {
		out = append(out, element{e.flags, e.child, append([]byte(nil), e.key...), append([]byte(nil), e.value...)})
	}
	return out
}

// The two meta pages: the newer one that is good counts, and one that is not says torn.
func TestNewestMeta(t *testing.T) {
	bad := func(change func([]byte)) func([]byte) {
		return func(p []byte) { change(p[pageHeaderSize:]); sumMeta(p) }
	}
	for _, tt := range []struct {
		name string
		page uint64
		bad  func([]byte)
		txid uint64
		torn bool
	}{
		{"both are good", 0, func([]byte) {}, 7, false},
		{"the newer one is rotten", 1, func(p []byte) { p[pageHeaderSize+20]++ }, 6, true},
		{"the older one is rotten", 0, func(p []byte) { p[pageHeaderSize+20]++ }, 7, true},
		{"the newer one is of another kind", 1, func(p []byte) { le16(p[8:], leafPage) }, 6, true},
		{"the newer one has another magic", 1, bad(func(m []byte) { le32(m, 1) }), 6, true},
		{"the newer one is of another version", 1, bad(func(m []byte) { le32(m[4:], 1) }), 6, true},
		{"the newer one has another page size", 1, bad(func(m []byte) { le32(m[8:], 2*pageSize) }), 6, true},
		{"the newer one is in the first place", 0, bad(func(m []byte) { le64(m[48:], 8) }), 8, false},
	} {
		d := sketch(1, -1)
		tt.bad(d.pages[tt.page])
		m, torn, err := newestMeta(d)
		if err != nil || m.txid != tt.txid || torn != tt.torn || m.root != rootAt || m.freelist != freeAt || m.high != leavesAt+1 {
			t.Errorf("%s: %+v, torn %v, %v; want commit %d, torn %v", tt.name, m, torn, err, tt.txid, tt.torn)
		}
	}
	d := sketch(1, -1)
	for _, id := range []uint64{0, 1} {
		bad(func(m []byte) { le32(m[8:], 2*pageSize) })(d.pages[id])
	}
	if _, torn, err := newestMeta(d); err == nil || !torn || !strings.Contains(err.Error(), "page size 8192; want 4096") {
		t.Errorf("%v; want the page size", err)
	}
}

// A list of 65,535 free pages or more says so in its first place.
func TestLongListOfFreePages(t *testing.T) {
	for _, n := range []int{0xfffe, 0xffff, 0x10001} {
		d := &draft{pages: map[uint64][]byte{}}
		d.draw(rootAt, drawn(rootAt, leafPage, bucketOf("meta", inlined())))
		from := uint64(freeAt + (8*n+pageHeaderSize+8)/pageSize + 1)
		var free []uint64
		for id := from; len(free) < n; id++ {
			free = append(free, id)
		}
		for id := uint64(freeAt + (len(freeList(freeAt, free...))-1)/pageSize + 1); id < from; id++ {
			free = append([]uint64{id}, free[:n-1]...)
		}
		d.draw(freeAt, freeList(freeAt, free...))
		high := free[n-1] + 1
		d.metas(meta{root: rootAt, freelist: freeAt, high: high, txid: 7})
		d.size = int64(high) * pageSize
		if _, err := inspect(d, d.size); err != nil {
			t.Errorf("%d free pages: %v", n, err)
		}
	}
}

// Pages of leaves without records count, for the journal's room.
func TestInspectCountsLeavesWithoutRecords(t *testing.T) {
	d := sketch(3, -1)
	d.draw(freedAt, drawn(freedAt, leafPage, element{key: journalKey(1), value: []byte("v")}))
	d.draw(rootAt, drawn(rootAt, leafPage, bucketOf("journal", rooted(branchAt)), bucketOf("leaves", rooted(freedAt)), bucketOf("spent", rooted(spentAt))))
	var free []uint64
	for id := uint64(lowerAt + 1); id < leavesAt; id++ {
		free = append(free, id)
	}
	d.draw(freeAt, freeList(freeAt, free...))
	if found, err := inspect(d, d.size); err != nil || found.bare != 1 || found.leaves != 3 {
		t.Errorf("inspect = %+v, %v; want one page of them", found, err)
	}
}
