package store

import (
	"container/heap"
	"encoding/binary"
	"io"

	"railgate/store/durable"
	"railgate/store/journal"
)

// This file reads what can be read of a file whose structure cannot be believed: each
// page by itself, each element by itself, if its checksum matches.

// Salvage hands what can be read of the journal in a damaged file to found: every
// record on any leaf page, each once, oldest first. It needs memory for 16 bytes a
// page of the file, and stops at found's first error.
func Salvage(path string, found func(journal.Record) error) error {
	f, err := durable.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return salvage(f, info.Size(), found)
}

func salvage(r io.ReaderAt, size int64, found func(journal.Record) error) error {
	w := newWreck(r)
	var todo records
	for id := int64(0); id < size/pageSize; id++ {
		if e, ok := w.next(id, 0); ok {
			todo = append(todo, recordAt{e.seq, id})
		}
	}
	heap.Init(&todo)
	for last := uint64(0); len(todo) > 0; {
		first := todo[0]
		if e, ok := w.next(first.page, first.seq-1); ok && e.seq == first.seq && first.seq > last {
			last = e.seq // old copies of a page hold the same records again
			if err := found(readRecord(e.key, e.value)); err != nil {
				return err
			}
		}
		if e, ok := w.next(first.page, max(last, first.seq)); ok {
			todo[0].seq = e.seq
			heap.Fix(&todo, 0)
		} else {
			heap.Pop(&todo)
		}
	}
	return nil
}

// recordAt is the next record to be read on a page.
type recordAt struct {
	seq  uint64
	page int64
}

// records are a heap: the lowest sequence number is the first.
type records []recordAt

func (r records) Len() int           { return len(r) }
func (r records) Less(i, j int) bool { return r[i].seq < r[j].seq }
func (r records) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *records) Push(x any)        { *r = append(*r, x.(recordAt)) }
func (r *records) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// A wreck is a damaged file. It keeps the page that it read last: most records are
// followed by one on the same page.
type wreck struct {
	r io.ReaderAt

	id   int64 // of the page that data is of; 0: of none
	page *page // nil: it is not a leaf
	data [pageSize]byte
}

func newWreck(r io.ReaderAt) *wreck { return &wreck{r: r} }

// saved is an element that is a record, by its key and its checksum.
type saved struct {
	element
	seq uint64
}

// next is the first record on a leaf page that follows a sequence number. Any order
// of elements will do.
func (w *wreck) next(id int64, after uint64) (saved, bool) {
	p := w.leaf(id)
	for p != nil {
		e, ok := p.lowest(after)
		if !ok || isRecord(e.key, e.value) {
			return e, ok
		}
		after = e.seq // something else with a key of that length
	}
	return saved{}, false
}

// lowest is the element on a page with the lowest number after another, of those that
// could be records and whose checksum matches.
func (p *page) lowest(after uint64) (best saved, ok bool) {
	for i := range p.elementsAtMost() {
		e, _, err := p.element(i)
		if err != nil {
			continue
		}
		if e.flags != bucketElement {
			best, ok = e.lower(best, ok, after)
			continue
		}
		for _, one := range inlineElements(e) {
			best, ok = one.lower(best, ok, after)
		}
	}
	return best, ok
}

// lower is an element if it could be a record, has a lower number than the best one so
// far, above another, and its checksum matches; else the best one.
func (e element) lower(best saved, ok bool, after uint64) (saved, bool) {
	seq := seqOf(e.key)
	if e.flags != 0 || seq <= after || ok && seq >= best.seq {
		return best, ok
	}
	if _, err := unseal(e.key, e.value); err != nil {
		return best, ok
	}
	return saved{e, seq}, true
}

func isRecord(key, value []byte) bool {
	kind := readRecord(key, value).Kind
	return kind != "" && kind != journal.Damaged
}

// maxSavedOverflow bounds what a page's header can make a wreck's reader read.
const maxSavedOverflow = 16

// leaf reads a leaf page with what it runs over into; nil where there is none. It is
// good until the next call.
func (w *wreck) leaf(id int64) *page {
	if id == w.id && id != 0 {
		return w.page
	}
	w.id, w.page = id, w.read(id)
	return w.page
}

func (w *wreck) read(id int64) *page {
	if _, err := w.r.ReadAt(w.data[:], id*pageSize); err != nil {
		return nil // a bad block
	}
	p := parseHeader(w.data[:])
	if p.flags != leafPage {
		return nil
	}
	p.data = w.data[:]
	if n := int64(p.overflow); n > 0 && n <= maxSavedOverflow {
		whole := make([]byte, (n+1)*pageSize)
		if _, err := w.r.ReadAt(whole, id*pageSize); err == nil {
			p.data = whole
		}
	}
	return &p
}

// elementsAtMost is how many elements a page may have: by its header, or by where the
// first of them has its key, whichever is more.
func (p *page) elementsAtMost() int {
	n := p.count
	if len(p.data) >= pageHeaderSize+elementSize {
		n = max(n, int(binary.LittleEndian.Uint32(p.data[pageHeaderSize+4:])/elementSize))
	}
	return min(n, len(p.data)/elementSize)
}

// inlineElements are what the page in line of a small bucket holds.
func inlineElements(e element) []element {
	p, err := inline(e.value)
	if err != nil {
		return nil
	}
	var list []element
	for i := range p.elementsAtMost() {
		if e, _, err := p.element(i); err == nil {
			list = append(list, e)
		}
	}
	return list
}

const (
	sampledPages = 4096 // of a file are read for its highest number: 16 MB
	leastRecord  = 48   // bytes that a record takes at least, with its key and its element
)

// highest is a number that no record in a damaged file is above, found in a time that
// does not grow with the file; 0: none was found. Of a small file it is exactly that of
// the newest record. Of a large one some pages are read: its records follow one
// another, and no more of them than the file has room for can follow one that was read.
func highest(r io.ReaderAt, size int64) (last uint64, exact bool) {
	w := newWreck(r)
	pages := size / pageSize
	step := max(1, (pages+sampledPages-1)/sampledPages)
	for id := int64(0); id < pages; id += step {
		for e, ok := w.next(id, last); ok; e, ok = w.next(id, last) {
			last = e.seq
		}
	}
	if last > 0 && step > 1 {
		last += uint64(size / leastRecord)
	}
	return last, last > 0 && step == 1
}

// highestIn is highest of the file at a path; "": there is none.
func highestIn(path string) (last uint64, exact bool) {
	f, err := durable.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	return highest(f, info.Size())
}
