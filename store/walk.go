package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"

	"railgate/store/journal"
)

// A walk reads the journal from a file without bbolt, which believes what it reads. A
// page that has rotted since the start, or that the start did not read, costs the
// records on it, and they are told as a gap.
type walk struct {
	tree  *tree
	next  uint64 // the number that is due
	last  uint64 // the newest record's
	found func(stored) bool
}

// stored is a record as it is in the file, or (value nil) a gap from seq to upTo.
type stored struct {
	seq, upTo  uint64
	key, value []byte
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// walkJournal hands the records that follow a number to found, until it wants no more.
// The journal is known to go from first to last.
func walkJournal(r io.ReaderAt, first, last, after uint64, found func(stored) bool) error {
	m, _, err := newestMeta(r)
	if err != nil {
		return err
	}
	w := &walk{newTree(r, m), max(first, after+1), last, found}
	err = w.tree.buckets(m.root, w.bucket)
	if err == nil {
		err = w.skip(last + 1)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// bucket goes into the journal.
func (w *walk) bucket(name string, value []byte) error {
	if name != string(journalBucket) {
		return nil
	}
	root := binary.LittleEndian.Uint64(value)
	if root != 0 {
		height, err := w.tree.height(root)
		if err != nil {
			return err
		}
		return w.descend(root, height, math.MaxUint64)
	}
	p, err := inline(value)
	if err != nil {
		return err
	}
	list, err := p.elements()
	if err != nil {
		return err
	}
	return w.tell(list, math.MaxUint64)
}

// descend goes to the leaves that may hold what is due. Those below a page come before
// the number end. The branch above the first of them may be wrong about where it
// begins, so it begins one earlier.
func (w *walk) descend(id uint64, height int, end uint64) error {
	if height == 0 {
		return w.leaf(id, end)
	}
	list, err := w.tree.elements(id, branchPage)
	if err != nil {
		return nil // what is below it is told as a gap
	}
	from := sort.Search(len(list), func(i int) bool { return seqOf(list[i].key) > w.next })
	for i := max(0, from-2); i < len(list); i++ {
		before := end
		if i+1 < len(list) {
			before = seqOf(list[i+1].key)
		}
		if err := w.descend(list[i].child, height-1, before); err != nil {
			return err
		}
	}
	return nil
}

// seqOf is a key's number; 0 where it has none.
func seqOf(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// leaf tells the records of a leaf; of a damaged one those that can be read.
func (w *walk) leaf(id, end uint64) error {
	list, err := w.tree.elements(id, leafPage)
	if err == nil {
		return w.tell(list, end)
	}
	wreck := newWreck(w.tree.r)
	for e, ok := wreck.next(int64(id), w.next-1); ok; e, ok = wreck.next(int64(id), e.seq) {
		if err := w.tell([]element{e.element}, end); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) tell(list []element, end uint64) error {
	for _, e := range list {
		seq := seqOf(e.key)
		if seq < w.next || seq >= end || seq > w.last {
			continue
		}
		if err := w.skip(seq); err != nil {
			return err
		}
		w.next = seq + 1
		if !w.found(stored{seq, seq, e.key, e.value}) {
			return errEnough
		}
	}
	return nil
}

// skip goes on to a number. What is due before it is a gap.
func (w *walk) skip(to uint64) error {
	if to <= w.next {
		return nil
	}
	gap := stored{seq: w.next, upTo: to - 1}
	w.next = to
	if !w.found(gap) {
		return errEnough
	}
	return nil
}

// record reads one record. One that rotted is told, not skipped; so is a gap, as one
// record that stands for it.
func (s stored) record() journal.Record {
	if s.value != nil {
		return readRecord(s.key, s.value)
	}
	return journal.Record{Seq: s.upTo, Kind: journal.Damaged, Unsure: true, Count: int(s.upTo - s.seq + 1),
		Detail: fmt.Sprintf("records %d to %d cannot be read", s.seq, s.upTo)}
}

// readRecords reads up to n records that follow a number.
func readRecords(r io.ReaderAt, first, last, after uint64, n int) ([]journal.Record, error) {
	return upTo(n, func(found func(stored) bool) error { return walkJournal(r, first, last, after, found) })
}

// upTo takes up to n records of a walk.
func upTo(n int, walk func(found func(stored) bool) error) (records []journal.Record, err error) {
	if n <= 0 {
		return nil, nil
	}
	err = walk(func(s stored) bool {
		records = append(records, s.record())
		return len(records) < n
	})
	return records, err
}

// scrubEvery is how many seconds pass after the journal has been read through until it
// is read through again; scrubBatch is how many records are read in one of them.
const (
	scrubEvery = 24 * 60 * 60
	scrubBatch = 256
)

// scrub reads the journal through, a little each second: what a start does not read is
// read soon after it, and what rots later, within a day. The caller holds mu.
func (s *Store) scrub() {
	if s.scrubRest > 0 {
		s.scrubRest--
		return
	}
	n, damaged := 0, 0
	var from, to uint64
	err := walkJournal(s.file, s.sets.First, s.sets.Last, s.scrubbed, func(e stored) bool {
		n++
		s.scrubbed = e.upTo
		if r := e.record(); r.Kind == journal.Damaged {
			damaged += max(1, r.Count)
			from, to = cmp.Or(from, e.seq), e.upTo
		}
		return n < scrubBatch
	})
	if damaged > 0 && err == nil {
		err = fmt.Errorf("%d of the records %d to %d cannot be read", damaged, from, to)
	}
	if err != nil {
		s.log.Error("the journal is damaged", "err", err, "hint", "save it with railgate journal export, and think of a new card")
		s.queue = append(s.queue, entry{record: s.stamped(journal.Record{Kind: journal.Fault, Detail: "the journal is damaged: " + err.Error()})})
		s.wake()
	}
	if n < scrubBatch {
		s.scrubbed, s.scrubRest = 0, scrubEvery
	}
}
