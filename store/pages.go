package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// This file reads bbolt's file format (version 2: internal/common/page.go and
// meta.go there) without trusting it. bbolt itself maps the file and believes
// every page number in it, so that a bad block of a memory card ends the process;
// and it has no way to say what can still be read.

const (
	pageSize       = 4096
	pageHeaderSize = 16
	elementSize    = 16

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	bucketElement = 0x01

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	metaSize    = 64
)

// meta is a valid meta page.
type meta struct {
	root     uint64 // the root bucket's page
	freelist uint64
	high     uint64 // the first page that was never used
	txid     uint64
}

// readMeta reads the meta page at index 0 or 1.
func readMeta(r io.ReaderAt, index int64) (meta, error) {
	var p [pageHeaderSize + metaSize]byte
	if _, err := r.ReadAt(p[:], index*pageSize); err != nil {
		return meta{}, err
	}
	le, m := binary.LittleEndian, p[pageHeaderSize:]
	sum := fnv.New64a()
	sum.Write(m[:metaSize-8])
	switch {
	case le.Uint16(p[8:])&metaPage == 0, le.Uint32(m) != boltMagic, le.Uint32(m[4:]) != boltVersion:
		return meta{}, errors.New("not a meta page")
	case le.Uint32(m[8:]) != pageSize:
		return meta{}, fmt.Errorf("page size %d; want %d", le.Uint32(m[8:]), pageSize)
	case le.Uint64(m[metaSize-8:]) != sum.Sum64():
		return meta{}, errors.New("meta page's checksum does not fit")
	}
	return meta{root: le.Uint64(m[16:]), freelist: le.Uint64(m[32:]), high: le.Uint64(m[40:]), txid: le.Uint64(m[48:])}, nil
}

// newestMeta chooses between the two meta pages. torn says that one of them is
// not valid: then the newest commit may be missing.
func newestMeta(r io.ReaderAt) (m meta, torn bool, err error) {
	a, errA := readMeta(r, 0)
	b, errB := readMeta(r, 1)
	switch {
	case errA != nil && errB != nil:
		return meta{}, true, errA
	case errA != nil:
		return b, true, nil
	case errB != nil:
		return a, true, nil
	case a.txid > b.txid:
		return a, false, nil
	}
	return b, false, nil
}

// page is a page with the pages that it runs over into.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // from the header on
}

// tree reads pages below a high-water mark, each once.
type tree struct {
	r    io.ReaderAt
	high uint64
	seen []uint64 // a bit for each page
}

func newTree(r io.ReaderAt, m meta) *tree {
	return &tree{r: r, high: m.high, seen: make([]uint64, m.high/64+1)}
}

// visit marks a page, and refuses one that is out of range or marked.
func (t *tree) visit(id uint64) error {
	if id < 2 || id >= t.high {
		return fmt.Errorf("page %d is outside the file's %d", id, t.high)
	}
	if t.seen[id/64]&(1<<(id%64)) != 0 {
		return fmt.Errorf("page %d is used twice", id)
	}
	t.seen[id/64] |= 1 << (id % 64)
	return nil
}

// read reads a page that visit has let pass, with its overflow.
func (t *tree) read(id uint64) (*page, error) {
	data := make([]byte, pageSize)
	if _, err := t.r.ReadAt(data, int64(id)*pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	le := binary.LittleEndian
	p := &page{id: le.Uint64(data), flags: le.Uint16(data[8:]), count: int(le.Uint16(data[10:])), data: data}
	overflow := uint64(le.Uint32(data[12:]))
	if p.id != id {
		return nil, fmt.Errorf("page %d calls itself %d", id, p.id)
	}
	if overflow >= t.high-id {
		return nil, fmt.Errorf("page %d runs over the file's end", id)
	}
	if overflow > 0 {
		p.data = make([]byte, (overflow+1)*pageSize)
		if _, err := t.r.ReadAt(p.data, int64(id)*pageSize); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	for next := id + 1; next <= id+overflow; next++ {
		if err := t.visit(next); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// children are a branch page's pages.
func (p *page) children() ([]uint64, error) {
	ids := make([]uint64, 0, p.count)
	for i := range p.count {
		at := pageHeaderSize + i*elementSize
		if at+elementSize > len(p.data) {
			return nil, fmt.Errorf("page %d claims %d elements", p.id, p.count)
		}
		ids = append(ids, binary.LittleEndian.Uint64(p.data[at+8:]))
	}
	return ids, nil
}

// item is a leaf's element.
type item struct {
	bucket     bool
	key, value []byte // in the page's memory
}

// items are a leaf page's elements.
func (p *page) items() ([]item, error) {
	return leafItems(p.data, p.count, fmt.Sprintf("page %d", p.id))
}

// leafItems takes a leaf apart: element i, at 16+16i, is flags, pos, ksize, vsize
// (4 bytes each), and its key begins pos bytes after it.
func leafItems(data []byte, count int, name string) ([]item, error) {
	le := binary.LittleEndian
	items := make([]item, 0, min(count, len(data)/elementSize))
	for i := range count {
		at := pageHeaderSize + i*elementSize
		if at+elementSize > len(data) {
			return nil, fmt.Errorf("%s claims %d elements", name, count)
		}
		begin := uint64(at) + uint64(le.Uint32(data[at+4:]))
		split := begin + uint64(le.Uint32(data[at+8:]))
		end := split + uint64(le.Uint32(data[at+12:]))
		if end > uint64(len(data)) {
			return nil, fmt.Errorf("%s: element %d runs over its end", name, i)
		}
		it := item{bucket: le.Uint32(data[at:])&bucketElement != 0, key: data[begin:split], value: data[split:end]}
		if i > 0 && string(items[i-1].key) >= string(it.key) {
			return nil, fmt.Errorf("%s: element %d is out of order", name, i)
		}
		items = append(items, it)
	}
	return items, nil
}

// A survey is what a look through a file found.
type survey struct {
	meta    meta
	torn    bool
	buckets map[string]int // how many leaf pages each has
}

// recentLeaves is how many of the journal's last leaves a survey reads; it trusts
// the pages that lead to the others, so that a gate with years in its journal
// starts as fast as a new one.
const recentLeaves = 16

// inspect looks through a file as bbolt would and finds what would hurt: a page
// that is out of place, used twice or both used and free, an element beyond its
// page's end.
func inspect(r io.ReaderAt, size int64) (*survey, error) {
	m, torn, err := newestMeta(r)
	if err != nil {
		return nil, err
	}
	if m.high < 4 || m.high > uint64(size)/pageSize {
		return nil, fmt.Errorf("the file ends at page %d of %d", size/pageSize, m.high)
	}
	t := newTree(r, m)
	s := &survey{meta: m, torn: torn, buckets: map[string]int{}}
	root, err := t.leaves(m.root, nil)
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	for _, id := range root {
		if err := s.inspectRoot(t, id); err != nil {
			return nil, err
		}
	}
	if err := t.checkFree(m.freelist); err != nil {
		return nil, err
	}
	return s, nil
}

// inspectRoot looks through the buckets that a leaf of the root names.
func (s *survey) inspectRoot(t *tree, id uint64) error {
	p, err := t.read(id)
	if err != nil {
		return err
	}
	items, err := p.items()
	if err != nil {
		return err
	}
	for _, it := range items {
		if !it.bucket || len(it.value) < 16 {
			return fmt.Errorf("%q is no bucket", it.key)
		}
		n, err := t.inspectBucket(it.value, string(it.key) == string(journalBucket))
		if err != nil {
			return fmt.Errorf("bucket %q: %w", it.key, err)
		}
		s.buckets[string(it.key)] = n
	}
	return nil
}

// inspectBucket looks through one bucket and counts its leaf pages. value is its
// root's page number and its sequence, then for a small bucket a leaf in line.
func (t *tree) inspectBucket(value []byte, recent bool) (leaves int, err error) {
	root := binary.LittleEndian.Uint64(value)
	if root == 0 {
		return 0, checkInline(value[16:])
	}
	ids, err := t.leaves(root, nil)
	if err != nil {
		return 0, err
	}
	skip := 0
	if recent {
		skip = max(0, len(ids)-recentLeaves)
	}
	for _, id := range ids[skip:] {
		p, err := t.read(id)
		if err != nil {
			return 0, err
		}
		if p.flags&leafPage == 0 {
			return 0, fmt.Errorf("page %d is no leaf", id)
		}
		if _, err := p.items(); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func checkInline(data []byte) error {
	if len(data) < pageHeaderSize {
		return errors.New("its page in line is cut off")
	}
	_, err := leafItems(data, int(binary.LittleEndian.Uint16(data[10:])), "its page in line")
	return err
}

// leaves lists the leaf pages below a page, in order, and marks them. Only branch
// pages are read; the last level's kind is told from one page of it.
func (t *tree) leaves(id uint64, out []uint64) ([]uint64, error) {
	level := []uint64{id}
	if err := t.visit(id); err != nil {
		return nil, err
	}
	for depth := 0; ; depth++ {
		if depth > 32 {
			return nil, errors.New("the tree is too deep")
		}
		first, err := t.kind(level[0])
		if err != nil {
			return nil, err
		}
		if first&branchPage == 0 {
			return append(out, level...), nil
		}
		if level, err = t.descend(level); err != nil {
			return nil, err
		}
	}
}

// kind reads a page's flags.
func (t *tree) kind(id uint64) (uint16, error) {
	var h [pageHeaderSize]byte
	if _, err := t.r.ReadAt(h[:], int64(id)*pageSize); err != nil {
		return 0, fmt.Errorf("page %d: %w", id, err)
	}
	flags := binary.LittleEndian.Uint16(h[8:])
	if flags != branchPage && flags != leafPage {
		return 0, fmt.Errorf("page %d is neither branch nor leaf", id)
	}
	return flags, nil
}

// descend goes from a level of branch pages to the one below.
func (t *tree) descend(level []uint64) (below []uint64, err error) {
	for _, id := range level {
		p, err := t.read(id)
		if err != nil {
			return nil, err
		}
		if p.flags&branchPage == 0 || p.count == 0 {
			return nil, fmt.Errorf("page %d is no branch", id)
		}
		ids, err := p.children()
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if err := t.visit(id); err != nil {
				return nil, err
			}
		}
		below = append(below, ids...)
	}
	return below, nil
}

// checkFree reads the list of free pages; none of them may be in use.
func (t *tree) checkFree(id uint64) error {
	if err := t.visit(id); err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	p, err := t.read(id)
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	le, first, count := binary.LittleEndian, pageHeaderSize, p.count
	if p.flags&freelistPage == 0 {
		return fmt.Errorf("list of free pages: page %d is none", id)
	}
	if count == 0xffff { // then the first element is the count
		count, first = int(min(le.Uint64(p.data[first:]), t.high)), first+8
	}
	if first+8*count > len(p.data) {
		return errors.New("list of free pages: runs over its page")
	}
	for i := range count {
		if err := t.visit(le.Uint64(p.data[first+8*i:])); err != nil {
			return fmt.Errorf("list of free pages: %w", err)
		}
	}
	return nil
}
