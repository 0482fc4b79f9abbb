package store

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
)

// Where a station does not take the journal for so long that there is no room left, the
// bodies of the oldest records make room, and their leaf hashes stay: the station can
// still tell that what follows them is the same log. They are in a bucket of their own,
// made when it is first written to, between the log's base and the journal's first record:
//
//	seq (8) → leaf hashes (32 bytes each, at most 16) of the records from seq on, sealed
var leavesBucket = []byte("leaves")

const (
	chunkLeaves = 16 // hashes in one value: seven values fill a page
	bareBytes   = 34 // that a leaf takes without its record, about
)

// putBare keeps the hashes of leaves that follow one another, and what is kept before.
func putBare(tx *bbolt.Tx, leaves []Leaf) error {
	if len(leaves) == 0 {
		return nil
	}
	b, err := tx.CreateBucketIfNotExists(leavesBucket)
	if err != nil {
		return fmt.Errorf("leaves: %w", err)
	}
	b.FillPercent = 0.95 // it only grows at its end
	for len(leaves) > 0 {
		n := min(chunkLeaves, len(leaves))
		key := journalKey(leaves[0].Seq)
		var value []byte
		for _, leaf := range leaves[:n] {
			value = append(value, leaf.Hash[:]...)
		}
		if err := b.Put(key, seal(key, value)); err != nil {
			return fmt.Errorf("leaves: %w", err)
		}
		leaves = leaves[n:]
	}
	return nil
}

// readChunk reads a value of the bucket.
func readChunk(key, sealed []byte) (leaves []Leaf, err error) {
	value, err := unseal(key, sealed)
	switch {
	case err != nil:
		return nil, fmt.Errorf("leaves: %x: %w", key, err)
	case len(key) != 8 || len(value) == 0 || len(value)%tlog.HashSize != 0:
		return nil, fmt.Errorf("leaves: %x: %d bytes", key, len(value))
	}
	for seq := seqOf(key); len(value) > 0; seq++ {
		leaves = append(leaves, Leaf{Seq: seq, Hash: tlog.Hash(value[:tlog.HashSize])})
		value = value[tlog.HashSize:]
	}
	return leaves, nil
}

// bareFrom is the number of the oldest leaf that is kept without its record, if there is one.
func (e *epoch) bareFrom() uint64 { return e.first + uint64(e.base.N()) }

// bareLeaves reads up to n leaves without a record that follow a record. The caller holds mu.
func (s *Store) bareLeaves(after uint64, n int) (list []Leaf, err error) {
	next := max(after+1, s.epoch.bareFrom())
	if s.epoch.bare == 0 || next >= s.sets.First {
		return nil, nil
	}
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			list, err = readBare(tx.Bucket(leavesBucket), next, s.sets.First, n)
			return err
		})
	})
	return list, err
}

// readBare reads up to n leaves from a number on, and below end.
func readBare(b *bbolt.Bucket, next, end uint64, n int) (list []Leaf, err error) {
	if b == nil {
		return nil, errNoBucket
	}
	c := b.Cursor()
	key, value := c.Seek(journalKey(next))
	switch { // or it is in the chunk before
	case key == nil:
		key, value = c.Last()
	case seqOf(key) != next:
		key, value = c.Prev()
	}
	for ; key != nil && len(list) < n && next < end; key, value = c.Next() {
		chunk, err := readChunk(key, value)
		if err != nil {
			return nil, err
		}
		skip := int64(next) - int64(chunk[0].Seq)
		if skip < 0 || skip >= int64(len(chunk)) {
			break
		}
		chunk = chunk[skip:]
		chunk = chunk[:min(len(chunk), n-len(list))]
		list = append(list, chunk...)
		next += uint64(len(chunk))
	}
	if len(list) < n && next < end {
		return nil, fmt.Errorf("leaves: that of record %d is missing", next)
	}
	return list, nil
}

// oldBare lists the chunks of leaves, from the first on, that nobody needs any more.
func (s *Store) oldBare(tx *bbolt.Tx, old *doomed) {
	old.left = s.epoch.bare
	b := tx.Bucket(leavesBucket)
	if b == nil {
		return
	}
	c := b.Cursor()
	for key, value := c.First(); key != nil && len(old.chunks) < pruneBatch/chunkLeaves; key, value = c.Next() {
		n := max(1, (len(value)-sealSize)/tlog.HashSize)
		if !s.mayRemove(seqOf(key) + uint64(n) - 1) {
			break
		}
		old.chunks = append(old.chunks, bytes.Clone(key))
		old.bytes += int64(n) * bareBytes
		if seqOf(key) >= s.epoch.first {
			old.left -= int64(n)
		}
	}
}

// removeOld removes leaves and records from the file, and the bodies of others.
func (e *epoch) removeOld(tx *bbolt.Tx, next *sets, d doomed) error {
	if err := e.removeBare(tx, d.chunks); err != nil {
		return err
	}
	records := tx.Bucket(journalBucket)
	if err := next.removeRecords(records, d.records, e.remove); err != nil {
		return err
	}
	if err := next.removeRecords(records, d.bodies, e.bareIt); err != nil {
		return err
	}
	defer func() { e.bared = nil }()
	return putBare(tx, e.bared)
}

// removeBare removes chunks of leaves, and moves the base behind those of this epoch.
func (e *epoch) removeBare(tx *bbolt.Tx, keys [][]byte) error {
	for _, key := range keys {
		b := tx.Bucket(leavesBucket)
		if seqOf(key) >= e.first {
			chunk, err := readChunk(key, b.Get(key))
			if err != nil {
				e.gap = err.Error()
			}
			for _, leaf := range chunk {
				e.bare--
				e.base.Append(leaf.Hash)
			}
		}
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// GiveUp ends an epoch where the station asks for the record that follows one, and it was
// removed: the station can be given none of this log any more, and what comes from now on under
// another epoch. Where the record is here, or its leaf's hash, it is an error.
func (s *Store) GiveUp(epoch string, after uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.err
	}
	if s.epoch.name != epoch {
		return nil // it has ended
	}
	leaves, err := s.leaves(after, 1)
	if err != nil || s.epoch.name != epoch {
		return err
	}
	if len(leaves) == 0 || leaves[0].Seq == after+1 {
		return fmt.Errorf("record %d is here, or to come: there is nothing to give up", after+1)
	}
	return s.nextEpoch(because(fmt.Sprintf("the station lacks record %d, which is not here any more", after+1)), nil)
}

// mayRemove tells whether a record, or its leaf, may be removed: where a station takes
// the journal, only one of an earlier epoch or below the receipt.
func (s *Store) mayRemove(seq uint64) bool {
	return !s.station || seq < s.epoch.first || seq <= s.epoch.sent()
}

// checkBare holds the chunks' ends against the base and the journal's first record.
func (e *epoch) checkBare(b *bbolt.Bucket, first uint64) error {
	if e.bare == 0 {
		return nil
	}
	if b == nil {
		return fmt.Errorf("leaves: %w", errNoBucket)
	}
	c := b.Cursor()
	begin, _ := c.Seek(journalKey(e.first))
	key, value := c.Last()
	last, err := readChunk(key, value)
	if err != nil {
		return err
	}
	if len(begin) != 8 || binary.BigEndian.Uint64(begin) != e.bareFrom() || last[len(last)-1].Seq != first-1 {
		return fmt.Errorf("leaves: they go from %x to record %d; want them from %d to %d", begin, last[len(last)-1].Seq, e.bareFrom(), first-1)
	}
	return nil
}
