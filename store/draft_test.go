package store

import (
	"encoding/binary"
	"hash/fnv"
	"io"

	"railgate/store/journal"
)

// A draft is a bbolt file that a test draws page by page. Pages that were not drawn are
// zero.
type draft struct {
	pages map[uint64][]byte
	size  int64 // of the file
}

func (d *draft) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		if at >= d.size {
			return n, io.EOF
		}
		page := d.pages[uint64(at/pageSize)]
		if page == nil {
			page = make([]byte, pageSize)
		}
		n += copy(p[n:], page[at%pageSize:min(pageSize, at%pageSize+d.size-at)])
	}
	return n, nil
}

// draw puts the bytes of a page, and of those that it runs over into, into the file.
func (d *draft) draw(id uint64, data []byte) {
	for at := 0; at < len(data); at += pageSize {
		page := make([]byte, pageSize)
		copy(page, data[at:])
		d.pages[id+uint64(at/pageSize)] = page
	}
}

func le16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }
func le32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func le64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// drawn is a page with its elements, as bbolt lays them out.
func drawn(id uint64, flags uint16, list ...element) []byte {
	data := make([]byte, pageHeaderSize+len(list)*elementSize)
	for i, e := range list {
		at := pageHeaderSize + i*elementSize
		pos := uint32(len(data) - at)
		if flags == branchPage {
			le32(data[at:], pos)
			le32(data[at+4:], uint32(len(e.key)))
			le64(data[at+8:], e.child)
		} else {
			le32(data[at:], e.flags)
			le32(data[at+4:], pos)
			le32(data[at+8:], uint32(len(e.key)))
			le32(data[at+12:], uint32(len(e.value)))
		}
		data = append(append(data, e.key...), e.value...)
	}
	le64(data, id)
	le16(data[8:], flags)
	le16(data[10:], uint16(len(list)))
	le32(data[12:], uint32((len(data)-1)/pageSize))
	return data
}

// inlined is a small bucket's value.
func inlined(list ...element) []byte {
	return append(make([]byte, bucketHeaderSize), drawn(0, leafPage, list...)...)
}

// rooted is a bucket's value whose root is a page.
func rooted(root uint64) []byte {
	value := make([]byte, bucketHeaderSize)
	le64(value, root)
	return value
}

func bucketOf(name string, value []byte) element {
	return element{flags: bucketElement, key: []byte(name), value: value}
}

func freeList(id uint64, free ...uint64) []byte {
	count, from := len(free), pageHeaderSize
	if count >= 0xffff {
		count, from = 0xffff, pageHeaderSize+8
	}
	data := make([]byte, from+8*len(free))
	if count == 0xffff {
		le64(data[pageHeaderSize:], uint64(len(free)))
	}
	for i, f := range free {
		le64(data[from+8*i:], f)
	}
	le64(data, id)
	le16(data[8:], freelistPage)
	le16(data[10:], uint16(count))
	le32(data[12:], uint32((len(data)-1)/pageSize))
	return data
}

// metaOf is a meta page.
func metaOf(m meta) []byte {
	data := make([]byte, pageHeaderSize+metaSize)
	le16(data[8:], metaPage)
	b := data[pageHeaderSize:]
	le32(b, boltMagic)
	le32(b[4:], boltVersion)
	le32(b[8:], pageSize)
	le64(b[16:], m.root)
	le64(b[32:], m.freelist)
	le64(b[40:], m.high)
	le64(b[48:], m.txid)
	sumMeta(data)
	return data
}

func sumMeta(data []byte) {
	h := fnv.New64a()
	h.Write(data[pageHeaderSize : pageHeaderSize+metaSize-8])
	le64(data[pageHeaderSize+metaSize-8:], h.Sum64())
}

// recordOf is a record's element; long ones run over several pages.
func recordOf(seq uint64, words string) element {
	key := journalKey(seq)
	return element{key: key, value: encodeSealed(key, journal.Record{Time: noon, Kind: journal.Forced, Detail: words})}
}

// Where the pages of a draft are.
const (
	rootAt    = 2
	freeAt    = 3
	freedAt   = 4 // a free page
	spentAt   = 5 // a leaf
	branchAt  = 6 // of the journal,
	lowerAt   = 7 // and those below it
	leavesAt  = 20
	perBranch = 120
)

// sketch is a good file: spent codes on one page, passages in line, and a journal of as
// many leaves with one record each as it is told, below two levels of branches. Leaf
// long (-1: none) has a record that runs over into a second page.
func sketch(leaves, long int) *draft {
	d := &draft{pages: map[uint64][]byte{}}
	next := uint64(leavesAt)
	var upper, lower []element
	below := uint64(lowerAt)
	flush := func() {
		if len(lower) > 0 {
			d.draw(below, drawn(below, branchPage, lower...))
			upper = append(upper, element{child: below, key: lower[0].key})
			below, lower = below+1, nil
		}
	}
	for i := range leaves {
		words := ""
		if i == long {
			words = string(make([]byte, pageSize))
		}
		r := recordOf(uint64(i+1), words)
		page := drawn(next, leafPage, r)
		d.draw(next, page)
		if lower = append(lower, element{child: next, key: r.key}); len(lower) == perBranch {
			flush()
		}
		next += uint64((len(page)-1)/pageSize + 1)
	}
	flush()
	d.draw(branchAt, drawn(branchAt, branchPage, upper...))
	key := spentKey(use(1), noon)
	d.draw(spentAt, drawn(spentAt, leafPage, element{key: key, value: seal(key, spentValue(use(1)))}))
	d.draw(rootAt, drawn(rootAt, leafPage,
		bucketOf("journal", rooted(branchAt)), bucketOf("meta", inlined()),
		bucketOf("passback", inlined(element{key: []byte("h"), value: []byte("v")})), bucketOf("spent", rooted(spentAt))))
	free := []uint64{freedAt}
	for id := below; id < leavesAt; id++ {
		free = append(free, id)
	}
	d.draw(freeAt, freeList(freeAt, free...))
	d.metas(meta{root: rootAt, freelist: freeAt, high: next, txid: 7})
	d.size = int64(next) * pageSize
	return d
}

// metas draws both meta pages.
func (d *draft) metas(m meta) {
	d.draw(m.txid%2, metaOf(m))
	m.txid--
	d.draw(m.txid%2, metaOf(m))
}

func le64of(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
