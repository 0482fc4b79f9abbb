package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A survey is what a look through a file found.
type survey struct {
	meta        meta
	size        int64 // of the file
	torn        bool
	leaves      int    // how many leaf pages the journal has
	bare        int    // and how many the leaves without records
	first, last uint64 // the journal's records; 0: it has none
}

// recentLeaves is how many of the journal's last leaves are read at a start. The pages
// that lead to the others are proven; what is on them is read later (see [Store.Run]),
// so that a gate with years in its journal starts as fast as a new one.
const recentLeaves = 256

// inspect looks through a file as bbolt would and finds what would hurt. Each page is
// accounted for: it is reached once, or it is free. Each page that is read is laid
// out exactly as bbolt does, so that no count and no size in it is wrong.
func inspect(r io.ReaderAt, size int64) (*survey, error) {
	m, torn, err := newestMeta(r)
	if err != nil {
		return nil, err
	}
	if m.high < 4 || m.high > uint64(size)/pageSize {
		return nil, fmt.Errorf("the file ends at page %d of %d", size/pageSize, m.high)
	}
	in := &inspection{tree: newTree(r, m), survey: survey{meta: m, size: size, torn: torn}}
	if err := in.tree.buckets(m.root, in.bucket); err != nil {
		return nil, err
	}
	if err := in.tree.free(m.freelist); err != nil {
		return nil, fmt.Errorf("list of free pages: %w", err)
	}
	if err := in.account(); err != nil {
		return nil, err
	}
	return &in.survey, nil
}

type inspection struct {
	tree   *tree
	survey survey
	leaves []uint64 // a bit for each of the journal's leaves; nil: none
}

// bucket looks through one bucket. value is its root's page number and its sequence,
// then for a small bucket a leaf in line.
func (in *inspection) bucket(name string, value []byte) error {
	root := binary.LittleEndian.Uint64(value)
	switch {
	case root == 0:
		p, err := inline(value)
		if err != nil {
			return err
		}
		list, err := p.elements()
		if err == nil && name == string(journalBucket) {
			in.survey.first, in.survey.last, err = follow(list, 0, 0)
		}
		if err != nil {
			return err
		}
		return plain(list)
	case name == string(journalBucket):
		return in.journal(root)
	}
	return in.tree.leaves(root, func(id uint64, first []byte) error {
		list, err := in.tree.leaf(id, first)
		if err != nil {
			return err
		}
		if name == string(leavesBucket) {
			in.survey.bare++
		}
		return plain(list)
	})
}

// inline is the leaf in line of a small bucket.
func inline(value []byte) (*page, error) {
	if len(value) < bucketHeaderSize+pageHeaderSize {
		return nil, errors.New("its page in line is cut off")
	}
	p := parseHeader(value[bucketHeaderSize:])
	p.data = value[bucketHeaderSize:]
	if p.id != 0 || p.flags != leafPage || p.overflow != 0 {
		return nil, errors.New("its page in line is none")
	}
	return &p, nil
}

// plain checks that a leaf's elements are values.
func plain(list []element) error {
	for i, e := range list {
		if e.flags != 0 {
			return fmt.Errorf("element %d is not a value", i)
		}
	}
	return nil
}

// leafRef is a leaf and the first key that the branch above has for it.
type leafRef struct {
	id    uint64
	first []byte
}

// journal looks through the journal: the pages that lead to its leaves, and the last
// leaves themselves, whose records follow one another.
func (in *inspection) journal(root uint64) error {
	var recent [recentLeaves]leafRef
	var oldest uint64
	n := 0
	in.leaves = make([]uint64, len(in.tree.seen))
	err := in.tree.leaves(root, func(id uint64, first []byte) error {
		if first != nil && len(first) != 8 {
			return fmt.Errorf("page %d: a key of %d bytes", id, len(first))
		}
		if n == 0 && first != nil {
			oldest = binary.BigEndian.Uint64(first)
		}
		recent[n%recentLeaves] = leafRef{id, first}
		in.leaves[id/64] |= 1 << (id % 64)
		n++
		return nil
	})
	if err != nil {
		return err
	}
	in.survey.leaves = n
	for i := max(0, n-recentLeaves); i < n; i++ {
		ref := recent[i%recentLeaves]
		list, err := in.tree.leaf(ref.id, ref.first)
		if err == nil {
			err = plain(list)
		}
		if err == nil {
			in.survey.first, in.survey.last, err = follow(list, in.survey.first, in.survey.last)
		}
		if err != nil {
			return err
		}
	}
	if n > recentLeaves {
		in.survey.first = oldest
	}
	return nil
}

// follow checks that a leaf's records follow one another, and those from first to last
// (0: there are none). It returns what the first and the last are with them.
func follow(list []element, first, last uint64) (uint64, uint64, error) {
	for _, e := range list {
		if len(e.key) != 8 {
			return 0, 0, fmt.Errorf("a key of %d bytes", len(e.key))
		}
		seq := binary.BigEndian.Uint64(e.key)
		if first == 0 {
			first, last = seq, seq-1
		}
		if seq != last+1 {
			return 0, 0, fmt.Errorf("record %d follows %d", seq, last)
		}
		last = seq
	}
	return first, last, nil
}

// account finds a page that is neither reached nor free. Behind a leaf of the journal that
// was not read it may be what that one runs over into.
func (in *inspection) account() error {
	t, leaf := in.tree, uint64(0)
	for id := uint64(2); id < t.high; id++ {
		if t.visited(id) {
			leaf = 0
			if in.leaves != nil && in.leaves[id/64]&(1<<(id%64)) != 0 {
				leaf = id
			}
			continue
		}
		if leaf != 0 {
			if p, err := readHeader(t.r, leaf); err == nil && p.id == leaf && p.flags == leafPage && leaf+p.overflow >= id {
				continue
			}
		}
		return fmt.Errorf("page %d is neither used nor free", id)
	}
	return nil
}
