package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"railgate/store/journal"
)

// saves is what is saved of a file, by number.
func saves(t *testing.T, r io.ReaderAt, size int64) string {
	t.Helper()
	var all []string
	err := salvage(r, size, func(r journal.Record) error {
		if r.Kind != journal.Forced {
			t.Errorf("record %d is %s", r.Seq, r.Kind)
		}
		all = append(all, fmt.Sprint(r.Seq))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// What can be read is saved once, in its order, whatever the rest is like.
func TestWhatIsSaved(t *testing.T) {
	leaf := func(id uint64, list ...element) func(*draft) {
		return func(d *draft) { d.draw(id, drawn(id, leafPage, list...)) }
	}
	r := func(seq uint64) element { return recordOf(seq, "") }
	long := func(seq uint64, pages int) element { return recordOf(seq, strings.Repeat("w", (pages-1)*pageSize)) }
	rotten, foreign, told := r(2), element{key: journalKey(2)}, element{key: journalKey(2)}
	rotten.value = append([]byte(nil), rotten.value...)
	rotten.value[0] ^= 1
	foreign.value = seal(foreign.key, []byte{0x07}) // a number
	told.value = encodeSealed(told.key, journal.Record{Kind: journal.Damaged})
	for _, tt := range []struct {
		name string
		draw []func(*draft)
		want string
	}{
		{"nothing", nil, ""},
		{"pages in turn", []func(*draft){leaf(3, r(1), r(4)), leaf(4, r(2), r(3))}, "1 2 3 4"},
		{"an old copy of a page", []func(*draft){leaf(3, r(1), r(2)), leaf(4, r(1), r(2), r(3))}, "1 2 3"},
		{"the first page of the file", []func(*draft){leaf(0, r(1))}, "1"},
		{"the last page of the file", []func(*draft){leaf(19, r(1))}, "1"},
		{"any order on a page", []func(*draft){leaf(3, r(3), r(1), r(2))}, "1 2 3"},
		{"a record that rotted", []func(*draft){leaf(3, r(1), rotten, r(3))}, "1 3"},
		{"a record behind its rotten copy", []func(*draft){leaf(3, rotten, r(2))}, "2"},
		{"a record before an older one that rotted", []func(*draft){leaf(3, r(3), rotten)}, "3"},
		{"an element of no known kind", []func(*draft){leaf(3, element{flags: 2, key: journalKey(1), value: r(1).value}, r(2))}, "2"},
		{"another value with such a key", []func(*draft){leaf(3, r(1), foreign, r(3))}, "1 3"},
		{"a record that was told to be damaged", []func(*draft){leaf(3, r(1), told, r(3))}, "1 3"},
		{"a key of another length", []func(*draft){leaf(3, element{key: []byte("key"), value: seal([]byte("key"), nil)}, r(3))}, "3"},
		{"a small bucket", []func(*draft){leaf(3, bucketOf("journal", inlined(r(2), r(1))), bucketOf("x", nil)), leaf(4, r(3))}, "1 2 3"},
		{"a value that is like a small bucket", []func(*draft){leaf(3, element{key: []byte("k"), value: inlined(r(1))}, r(2))}, "2"},
		{"a bucket whose name is like a number", []func(*draft){leaf(3, element{flags: bucketElement, key: journalKey(1), value: r(1).value}, r(2))}, "2"},
		{"a page of another kind", []func(*draft){leaf(3, r(1)), func(d *draft) { le16(d.pages[3][8:], freelistPage) }}, ""},
		{"a page without a number", []func(*draft){leaf(3, r(1)), func(d *draft) { le64(d.pages[3], 0) }}, "1"},
		{"a page that says it is empty", []func(*draft){leaf(3, r(1), r(2)), func(d *draft) { le16(d.pages[3][10:], 0) }}, "1 2"},
		{"a page that says it has thousands", []func(*draft){leaf(3, r(1), r(2)), func(d *draft) { le16(d.pages[3][10:], 0xffff) }}, "1 2"},
		{"a page whose first element is elsewhere", []func(*draft){leaf(3, r(1), r(2)), func(d *draft) { le32(d.pages[3][pageHeaderSize+4:], 0) }}, "2"},
		{"a record on two pages, the last of the file", []func(*draft){leaf(18, long(1, 2))}, "1"},
		{"a record on seventeen pages", []func(*draft){leaf(2, long(1, 17))}, "1"},
		{"a record on more pages than are believed", []func(*draft){leaf(2, long(1, 18))}, ""},
		{"more pages than there are", []func(*draft){leaf(19, r(1)), func(d *draft) { le32(d.pages[19][12:], 1) }}, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &draft{pages: map[uint64][]byte{}, size: 20 * pageSize}
			for _, draw := range tt.draw {
				draw(d)
			}
			if got := saves(t, d, d.size); got != tt.want {
				t.Errorf("saved %q; want %q", got, tt.want)
			}
		})
	}
}

// rotting changes, once, when its pages have been read so often.
type rotting struct {
	*draft
	reads int
	rot   func(*draft) // nil: it has happened
}

func (r *rotting) ReadAt(p []byte, off int64) (int, error) {
	if r.reads--; r.reads < 0 && r.rot != nil {
		r.rot(r.draft)
		r.rot = nil
	}
	return r.draft.ReadAt(p, off)
}

// A card that goes on rotting while it is read costs the records that go, and no other.
func TestWhatRotsWhileItIsSaved(t *testing.T) {
	for _, tt := range []struct {
		name string
		rot  func(*draft)
		want string
	}{
		{"a page goes", func(d *draft) { delete(d.pages, 0) }, "6"},
		{"a page becomes another", func(d *draft) { d.draw(0, drawn(0, leafPage, recordOf(7, ""))) }, "6 7"},
	} {
		d := &draft{pages: map[uint64][]byte{}, size: 2 * pageSize}
		d.draw(0, drawn(0, leafPage, recordOf(5, "")))
		d.draw(1, drawn(1, leafPage, recordOf(6, "")))
		if got := saves(t, &rotting{d, 2, tt.rot}, d.size); got != tt.want {
			t.Errorf("%s: saved %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestSalvageEndsWithItsReader(t *testing.T) {
	if err := Salvage(filepath.Join(t.TempDir(), "missing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v; want %v", err, fs.ErrNotExist)
	}
	if last, exact := highestIn(filepath.Join(t.TempDir(), "missing")); last != 0 || exact {
		t.Errorf("no file has record %d, exactly %v", last, exact)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, drawn(0, leafPage, recordOf(1, strings.Repeat("w", 3000)), recordOf(2, strings.Repeat("w", 2000)))[:pageSize], 0o600); err != nil {
		t.Fatal(err)
	}
	enough, n := errors.New("enough"), 0
	if err := Salvage(path, func(journal.Record) error { n++; return enough }); err != enough || n != 1 {
		t.Errorf("Salvage = %v after %d records; want %v after one", err, n, enough)
	}
	if last, exact := highestIn(path); last != 1 || !exact {
		t.Errorf("the highest is %d, exactly %v; want 1, of what can be read", last, exact)
	}
}

// The highest number is exact where each page is read, and else above what is not read.
func TestHighestNumber(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages int64
		at    uint64 // the page with records 5 and 7; 0: none
		want  uint64
		exact bool
	}{
		{"no record", 10, 0, 0, false},
		{"a small file", 10, 9, 7, true},
		{"the largest file of which each page is read", sampledPages, sampledPages - 1, 7, true},
		{"a larger one", sampledPages + 1, 2, 7 + (sampledPages+1)*pageSize/leastRecord, false},
		{"a larger one, without a record where it is read", sampledPages + 1, 3, 0, false},
	} {
		d := &draft{pages: map[uint64][]byte{}, size: tt.pages * pageSize}
		if tt.at > 0 {
			d.draw(tt.at, drawn(tt.at, leafPage, recordOf(5, ""), recordOf(7, "")))
		}
		if last, exact := highest(d, d.size); last != tt.want || exact != tt.exact {
			t.Errorf("%s: %d, exactly %v; want %d, %v", tt.name, last, exact, tt.want, tt.exact)
		}
	}
}

// A page's elements end where its bytes do.
func TestElementsAtTheEndOfAPage(t *testing.T) {
	p := page{flags: leafPage, count: 1, data: drawn(0, leafPage, element{})}
	if list, err := p.elements(); err != nil || len(list) != 1 || len(p.data) != pageHeaderSize+elementSize {
		t.Errorf("an element of nothing at the end: %d, %v", len(list), err)
	}
	for n := pageHeaderSize; n < pageHeaderSize+elementSize; n++ {
		p.data = p.data[:n:n]
		if list, err := p.elements(); err == nil || !strings.Contains(err.Error(), "no room for 1") {
			t.Errorf("%d bytes: %v, %v; want no room", n, list, err)
		}
		p.data = drawn(0, leafPage, element{})
	}
	d := &draft{size: 10}
	if _, err := readHeader(d, 7); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "page 7") {
		t.Errorf("a page behind the end: %v; want its number, and %v", err, io.EOF)
	}
}
