package store

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// The journal's records are the leaves of a Merkle tree (RFC 6962, section 2.1), in
// their order. Its right edge is written in each record's own commit, so that the root is
// always that of the records on the disk. A tree is an epoch: it has a random name, and it
// begins with a record of kind epoch, its leaf 0, in a new store, after a roll-back, and
// where the leaves of the one before cannot be told any more.
type epoch struct {
	name     string
	first    uint64       // the number of the record that is leaf 0
	edge     journal.Edge // of all leaves
	base     journal.Edge // of the leaves that were removed: roots go on from it
	bare     int64        // how many leaves follow it that are kept without their records
	received received     // the newest receipt; empty: there is none
	due      bool         // it is not on the disk yet
	bared    []Leaf       // those that a commit which is being made adds to them
	gap      string       // why the base does not go on: a record that was removed cannot be read; "": it does
}

// Names in the meta bucket.
const (
	edgeName    = "edge"
	baseName    = "base"
	receiptName = "receipt"
)

// edgeValue is what each record's commit writes of an epoch, and baseValue what pruning
// does.
type (
	edgeValue struct {
		_     struct{} `cbor:",toarray"`
		Epoch string
		First uint64
		Edge  journal.Edge
	}
	baseValue struct {
		_     struct{} `cbor:",toarray"`
		Epoch string
		Base  journal.Edge
		Bare  int64
	}
)

// received is the newest receipt: the station has so many leaves of an epoch.
type received struct {
	_     struct{} `cbor:",toarray"`
	Epoch string
	Note  []byte
	Edge  journal.Edge // of those leaves: the next root is computed from it
}

// sound tells whether a receipt says the root of the edge that is kept with it.
func (r *received) sound() bool {
	if r.Edge.N() == 0 {
		return len(r.Note) == 0
	}
	_, tree, err := journal.UnverifiedHead(r.Note)
	return err == nil && tree == r.Edge.Tree()
}

// putReceipt writes a receipt that is not on the disk yet.
func (e *epoch) putReceipt(tx *bbolt.Tx) error {
	if !e.due {
		return nil
	}
	e.due = false
	return putMeta(tx, receiptName, e.received)
}

// end is the number of the newest record whose leaf the epoch has.
func (e *epoch) end() uint64 { return e.first + uint64(e.edge.N()) - 1 }

// sent is the number of the newest record that the station is known to have; one below
// the first where it has none.
func (e *epoch) sent() uint64 { return e.first + uint64(e.received.Edge.N()) - 1 }

func (e *epoch) putEdge(tx *bbolt.Tx) error {
	return putMeta(tx, edgeName, edgeValue{Epoch: e.name, First: e.first, Edge: e.edge})
}

func (e *epoch) putBase(tx *bbolt.Tx) error {
	return putMeta(tx, baseName, baseValue{Epoch: e.name, Base: e.base, Bare: e.bare})
}

// remove moves the base behind a record that is removed.
func (e *epoch) remove(seq uint64, sealed []byte) {
	if seq < e.first || e.gap != "" {
		return
	}
	leaf, err := stored{seq, seq, journalKey(seq), sealed}.leaf()
	if err != nil {
		e.gap = err.Error()
		return
	}
	e.base.Append(leaf.Hash)
}

// bareIt keeps the leaf of a record that is removed.
func (e *epoch) bareIt(seq uint64, sealed []byte) {
	leaf, err := stored{seq, seq, journalKey(seq), sealed}.leaf()
	if err != nil {
		e.gap = err.Error()
	}
	e.bared, e.bare = append(e.bared, leaf), e.bare+1
}

// loadEpoch reads the epoch of a journal from first to last. One that does not match is an
// error. It may be short of leaves, where a version that knows of no log has written to
// the file: then another begins, and ends says why.
func loadEpoch(b interface{ Get(key []byte) []byte }, first, last uint64) (e epoch, ends string, err error) {
	var edge edgeValue
	var base baseValue
	var got received
	if err := errors.Join(getMeta(b, edgeName, &edge), getMeta(b, baseName, &base), getMeta(b, receiptName, &got)); err != nil {
		return epoch{}, "", err
	}
	e = epoch{name: edge.Epoch, first: edge.First, edge: edge.Edge, base: base.Base, bare: base.Bare, received: got}
	if e.name == "" {
		return epoch{}, "the file had no log", nil
	}
	behind, err := e.fit(base.Epoch, first, last)
	if behind {
		ends = "records were written, or removed, without the log"
	}
	return e, ends, err
}

// fit holds an epoch against the journal's ends.
func (e *epoch) fit(base string, first, last uint64) (behind bool, err error) {
	removed := int64(0)
	if first > e.first {
		removed = int64(first - e.first)
	}
	switch got := e.received; {
	case !journal.GoodName(e.name) || base != e.name || got.Epoch != e.name && got.Epoch != "":
		return false, fmt.Errorf("epochs %q, %q and %q; want the same", e.name, base, got.Epoch)
	case e.first == 0 || e.end() > last:
		return false, fmt.Errorf("the log ends with record %d, and the journal with %d", e.end(), last)
	case e.bare < 0 || e.base.N()+e.bare > removed:
		return false, fmt.Errorf("the log's base has %d leaves, and %d follow; %d records were removed", e.base.N(), e.bare, removed)
	case got.Edge.N() > e.edge.N():
		return false, fmt.Errorf("the receipt is of %d leaves, and the log has %d", got.Edge.N(), e.edge.N())
	case !got.sound():
		return false, errors.New("the receipt is not of the edge beside it")
	}
	return e.end() < last || e.base.N()+e.bare < removed, nil
}

// beginEpoch has an epoch begin with the next record, which says why.
func (s *Store) beginEpoch(tx *bbolt.Tx, next *sets, r journal.Record) (epoch, error) {
	r.Before = s.epoch.name
	entry := entry{record: s.stamped(r)}
	if err := s.put(tx, next, &entry); err != nil {
		return epoch{}, err
	}
	next.Last = s.seq
	return s.startEpoch(tx, s.seq, entry.leaf)
}

// startEpoch writes an epoch that has its leaf 0 and, perhaps, more.
func (s *Store) startEpoch(tx *bbolt.Tx, first uint64, leaves ...tlog.Hash) (epoch, error) {
	e := epoch{name: rand.Text(), first: first}
	for _, leaf := range leaves {
		e.edge.Append(leaf)
	}
	return e, errors.Join(e.putEdge(tx), e.putBase(tx), tx.Bucket(metaBucket).Delete([]byte(receiptName)))
}

// because is the record of an epoch that begins without a loss.
func because(why string) journal.Record { return journal.Record{Kind: journal.Epoch, Detail: why} }

// nextEpoch ends the epoch, and has another begin with a record; in the same commit the
// store becomes blind, unless blind is nil. The caller holds mu.
func (s *Store) nextEpoch(r journal.Record, blind *blindness) error {
	seq, next := s.seq, s.sets
	var e epoch
	err := s.update(func(tx *bbolt.Tx) (err error) {
		if e, err = s.beginEpoch(tx, &next, r); err != nil {
			return err
		}
		if blind != nil {
			err = putMeta(tx, blindName, blind)
		}
		return errors.Join(err, putMeta(tx, setsName, next))
	})
	if err != nil {
		s.seq = seq
		s.fail(err)
		return s.err
	}
	s.log.Warn("the log begins again, under another epoch", "why", r.Detail, "epoch", e.name, "before", s.epoch.name)
	s.sets, s.epoch, s.newest = next, e, max(s.newest, s.seq)
	if blind != nil {
		s.blind = *blind
	}
	s.markNewest()
	return nil
}

// Log is a gate's log: an epoch of its journal, as it is on the disk.
type Log struct {
	Epoch string    // its name
	First uint64    // the sequence number of leaf 0
	Tree  tlog.Tree // its number of leaves, and their root
}

// Log is the log as the newest commit left it.
func (s *Store) Log() (Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return Log{}, s.err
	}
	return Log{Epoch: s.epoch.name, First: s.epoch.first, Tree: s.epoch.edge.Tree()}, nil
}

// A Leaf is a record of the log.
type Leaf struct {
	Seq  uint64
	Body []byte    // the record's CBOR; nil: it made room
	Hash tlog.Hash // of the body
}

// ErrEpochEnded is the answer where leaves of the log cannot be read: another epoch has
// begun, see [Store.Log].
var ErrEpochEnded = errors.New("records of the log cannot be read; another epoch has begun")

// Leaves are up to n leaves of the log that follow a record, oldest first. The first is
// the oldest that is kept, where those before it are removed.
func (s *Store) Leaves(after uint64, n int) ([]Leaf, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, s.err
	}
	return s.leaves(after, n)
}

// leaves reads leaves. The caller holds mu.
func (s *Store) leaves(after uint64, n int) (list []Leaf, err error) {
	if n <= 0 {
		return nil, nil
	}
	list, err = s.bareLeaves(after, n)
	if len(list) > 0 {
		after = list[len(list)-1].Seq
	}
	var failed error
	if err == nil && len(list) < n {
		err = s.follow(max(after, s.epoch.first-1), func(e stored) bool {
			var leaf Leaf
			if leaf, failed = e.leaf(); failed != nil {
				return false
			}
			list = append(list, leaf)
			return len(list) < n
		})
	}
	if err = cmp.Or(err, failed); err == nil {
		return list, nil
	}
	if err := s.nextEpoch(because(err.Error()), nil); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrEpochEnded, err)
}

// leaf is a record as a leaf. One that cannot be read is an error.
func (s stored) leaf() (Leaf, error) {
	if s.value == nil {
		return Leaf{}, fmt.Errorf("records %d to %d cannot be read", s.seq, s.upTo)
	}
	body, err := unseal(s.key, s.value)
	if err != nil {
		return Leaf{}, fmt.Errorf("record %d: %w", s.seq, err)
	}
	leaf, err := leafOf(s.seq, body)
	if err != nil {
		return Leaf{}, fmt.Errorf("record %d: %w", s.seq, err)
	}
	return leaf, nil
}

// leafOf is the leaf of a record's value. What stands for a record that could not be read
// is none.
func leafOf(seq uint64, body []byte) (Leaf, error) {
	var r journal.Record
	if err := journal.Decode(body, &r); err != nil {
		return Leaf{}, err
	}
	if r.Kind == journal.Damaged {
		return Leaf{}, errors.New("it could not be read once, and this stands in its place")
	}
	return Leaf{Seq: seq, Body: bytes.Clone(body), Hash: tlog.RecordHash(body)}, nil
}
