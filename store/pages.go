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

	bucketElement    = 0x01
	bucketHeaderSize = 16 // root, sequence

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
		return meta{}, errors.New("meta page: checksum mismatch")
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
	id       uint64
	flags    uint16
	count    int
	overflow uint64
	data     []byte // from the header on
}

// readHeader reads a page's header.
func readHeader(r io.ReaderAt, id uint64) (page, error) {
	var h [pageHeaderSize]byte
	if _, err := r.ReadAt(h[:], int64(id)*pageSize); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	return parseHeader(h[:]), nil
}

func parseHeader(h []byte) page {
	le := binary.LittleEndian
	return page{id: le.Uint64(h), flags: le.Uint16(h[8:]), count: int(le.Uint16(h[10:])), overflow: uint64(le.Uint32(h[12:]))}
}

// element is an element of a page. Element i, at 16+16i, is of a leaf: flags, pos,
// ksize, vsize (4 bytes each); of a branch: pos, ksize (4 bytes each), page (8). Its
// key begins pos bytes after it.
type element struct {
	flags      uint32
	child      uint64
	key, value []byte // in the page's memory
}

// elements takes a page apart. It must be laid out as bbolt does (WriteInodeToPage):
// the elements, then each one's key and value in their order, without a gap. So no
// count and no size in it can be wrong unnoticed.
func (p *page) elements() ([]element, error) {
	list := make([]element, 0, min(p.count, len(p.data)/elementSize))
	next := uint64(pageHeaderSize + p.count*elementSize)
	for i := range p.count {
		e, begin, err := p.element(i)
		switch {
		case err != nil:
			return nil, err
		case begin != next:
			return nil, fmt.Errorf("element %d is not where it belongs", i)
		case i > 0 && string(list[i-1].key) >= string(e.key):
			return nil, fmt.Errorf("element %d is out of order", i)
		}
		next += uint64(len(e.key) + len(e.value))
		list = append(list, e)
	}
	return list, nil
}

// element reads one element, whatever the others are, and where its key begins.
func (p *page) element(i int) (e element, begin uint64, err error) {
	at := pageHeaderSize + i*elementSize
	if at+elementSize > len(p.data) {
		return e, 0, fmt.Errorf("no room for %d elements", p.count)
	}
	le, h := binary.LittleEndian, p.data[at:]
	var vsize uint32
	pos, ksize := le.Uint32(h[4:]), le.Uint32(h[8:])
	if p.flags == branchPage {
		pos, ksize, e.child = le.Uint32(h), le.Uint32(h[4:]), le.Uint64(h[8:])
	} else {
		e.flags, vsize = le.Uint32(h), le.Uint32(h[12:])
	}
	begin = uint64(at) + uint64(pos)
	split := begin + uint64(ksize)
	end := split + uint64(vsize)
	if end > uint64(len(p.data)) {
		return e, 0, fmt.Errorf("element %d runs over the end", i)
	}
	e.key, e.value = p.data[begin:split], p.data[split:end]
	return e, begin, nil
}
