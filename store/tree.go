package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A tree reads pages below a high-water mark, and marks each: no page is used twice.
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
	if t.visited(id) {
		return fmt.Errorf("page %d is used twice", id)
	}
	t.seen[id/64] |= 1 << (id % 64)
	return nil
}

func (t *tree) visited(id uint64) bool { return t.seen[id/64]&(1<<(id%64)) != 0 }

// read reads a page that was visited, of a kind, and visits its overflow.
func (t *tree) read(id uint64, kind uint16) (*page, error) {
	data := make([]byte, pageSize)
	if _, err := t.r.ReadAt(data, int64(id)*pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	p := parseHeader(data)
	if err := t.fits(&p, id, kind); err != nil {
		return nil, err
	}
	p.data = data
	if p.overflow > 0 {
		p.data = make([]byte, (p.overflow+1)*pageSize)
		if _, err := t.r.ReadAt(p.data, int64(id)*pageSize); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	for next := id + 1; next <= id+p.overflow; next++ {
		if err := t.visit(next); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

// fits checks a header against where it was found.
func (t *tree) fits(p *page, id uint64, kind uint16) error {
	switch {
	case p.id != id:
		return fmt.Errorf("page %d calls itself %d", id, p.id)
	case p.flags != kind:
		return fmt.Errorf("page %d is of kind %#x; want %#x", id, p.flags, kind)
	case p.overflow >= t.high-id:
		return fmt.Errorf("page %d runs over the file's end", id)
	}
	return nil
}

// elements reads a page's elements.
func (t *tree) elements(id uint64, kind uint16) ([]element, error) {
	p, err := t.read(id, kind)
	if err != nil {
		return nil, err
	}
	list, err := p.elements()
	if err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return list, nil
}

// maxHeight is more than a tree of 2^32 pages has.
const maxHeight = 32

// height is how many levels of branch pages lead to the leaves below a page: bbolt's
// trees are as high everywhere. It asks the last leaf, which is the newest: what rots is
// the old.
func (t *tree) height(id uint64) (int, error) {
	for h := 0; h < maxHeight; h++ {
		if id < 2 || id >= t.high {
			return 0, fmt.Errorf("page %d is outside the file's %d", id, t.high)
		}
		data := make([]byte, pageSize)
		if _, err := t.r.ReadAt(data, int64(id)*pageSize); err != nil {
			return 0, fmt.Errorf("page %d: %w", id, err)
		}
		p := parseHeader(data)
		switch p.flags {
		case leafPage:
			return h, nil
		case branchPage:
		default:
			return 0, fmt.Errorf("page %d is neither branch nor leaf", id)
		}
		p.data = data
		e, _, err := p.element(max(0, p.count-1))
		if err != nil {
			return 0, fmt.Errorf("page %d: %w", id, err)
		}
		id = e.child
	}
	return 0, errors.New("the tree is too high")
}

// leaves hands each leaf below a page to found, in order, with the first key that the
// branch above has for it; nil where there is none. It reads and checks the branches;
// the leaves it only visits.
func (t *tree) leaves(root uint64, found func(id uint64, first []byte) error) error {
	height, err := t.height(root)
	if err != nil {
		return err
	}
	var last []byte
	return t.descend(root, nil, height, func(id uint64, first []byte) error {
		if last != nil && bytes.Compare(last, first) >= 0 {
			return fmt.Errorf("page %d is out of order", id)
		}
		last = first
		return found(id, first)
	})
}

func (t *tree) descend(id uint64, first []byte, height int, found func(uint64, []byte) error) error {
	if err := t.visit(id); err != nil {
		return err
	}
	if height == 0 {
		return found(id, first)
	}
	list, err := t.elements(id, branchPage)
	if err != nil {
		return err
	}
	if len(list) == 0 || first != nil && !bytes.Equal(first, list[0].key) {
		return fmt.Errorf("page %d does not begin where the page above says", id)
	}
	for _, e := range list {
		if err := t.descend(e.child, e.key, height-1, found); err != nil {
			return err
		}
	}
	return nil
}

// leaf reads a leaf that was visited, and holds its first key against the branch's.
func (t *tree) leaf(id uint64, first []byte) ([]element, error) {
	list, err := t.elements(id, leafPage)
	if err == nil && first != nil && (len(list) == 0 || !bytes.Equal(first, list[0].key)) {
		err = fmt.Errorf("page %d does not begin where the page above says", id)
	}
	return list, err
}

// free visits the pages on the list of free pages.
func (t *tree) free(id uint64) error {
	if err := t.visit(id); err != nil {
		return err
	}
	p, err := t.read(id, freelistPage)
	if err != nil {
		return err
	}
	le, first, count := binary.LittleEndian, pageHeaderSize, p.count
	if count == 0xffff { // then the first element is the count
		count, first = int(min(le.Uint64(p.data[first:]), t.high)), first+8
	}
	if first+8*count > len(p.data) {
		return errors.New("it runs over its page")
	}
	for i := range count {
		if err := t.visit(le.Uint64(p.data[first+8*i:])); err != nil {
			return err
		}
	}
	return nil
}

// buckets hands the name and the value of each bucket, as the root has them, to found.
func (t *tree) buckets(root uint64, found func(name string, value []byte) error) error {
	return t.leaves(root, func(id uint64, first []byte) error {
		list, err := t.leaf(id, first)
		if err != nil {
			return fmt.Errorf("root: %w", err)
		}
		for _, e := range list {
			if e.flags != bucketElement || len(e.value) < bucketHeaderSize {
				return fmt.Errorf("root: %q is not a bucket", e.key)
			}
			if err := found(string(e.key), e.value); err != nil {
				return fmt.Errorf("bucket %q: %w", e.key, err)
			}
		}
		return nil
	})
}

// values hands each entry of a bucket to found.
func (t *tree) values(bucket []byte, found func(element) error) error {
	each := func(list []element, err error) error {
		for i := 0; i < len(list) && err == nil; i++ {
			err = found(list[i])
		}
		return err
	}
	root := binary.LittleEndian.Uint64(bucket)
	if root == 0 {
		p, err := inline(bucket)
		if err != nil {
			return err
		}
		return each(p.elements())
	}
	return t.leaves(root, func(id uint64, first []byte) error { return each(t.leaf(id, first)) })
}
