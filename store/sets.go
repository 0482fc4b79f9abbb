package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// A set proves a bucket whole: how many entries it has, and the sum of their hashes.
// Every commit writes it with what it changes. It costs one hash an entry: nothing is
// read again, and the order does not matter.
//
// The hash is the first 128 bits of SHA-256, the sum is modulo 2^64 in each half. Who
// could forge such a sum could write the file; it is against rot, lost writes and
// pages of long ago, which bbolt cannot see. Then a wrong set goes unnoticed once in
// 2^128.
type set struct {
	_   struct{} `cbor:",toarray"`
	N   uint64
	Sum [2]uint64
}

func hashEntry(key, value []byte) (half [2]uint64) {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(key))))
	h.Write(key)
	h.Write(value)
	binary.Decode(h.Sum(nil), binary.BigEndian, &half)
	return half
}

func (s *set) add(key, value []byte) {
	h := hashEntry(key, value)
	s.N++
	s.Sum[0] += h[0]
	s.Sum[1] += h[1]
}

func (s *set) remove(key, value []byte) {
	h := hashEntry(key, value)
	s.N--
	s.Sum[0] -= h[0]
	s.Sum[1] -= h[1]
}

// sets prove what a lane goes by, and where the journal begins and ends: its records
// follow one another, and each has a checksum over its number and itself.
type sets struct {
	_        struct{} `cbor:",toarray"`
	Spent    set
	Passages set
	First    uint64
	Last     uint64
}

const setsName = "sets"

// of is the set of a bucket that has one.
func (s *sets) of(bucket []byte) *set {
	if string(bucket) == string(spentBucket) {
		return &s.Spent
	}
	return &s.Passages
}

// put puts an entry into a bucket and its set, in the place of one of the same key.
func (s *sets) put(tx *bbolt.Tx, bucket, key, value []byte) error {
	b, set := tx.Bucket(bucket), s.of(bucket)
	if old := b.Get(key); old != nil {
		set.remove(key, old)
	}
	set.add(key, value)
	if err := b.Put(key, value); err != nil {
		return fmt.Errorf("%s: %w", bucket, err)
	}
	return nil
}

// delete takes an entry out of a bucket and its set.
func (s *sets) delete(tx *bbolt.Tx, bucket, key []byte) error {
	b := tx.Bucket(bucket)
	old := b.Get(key)
	if old == nil {
		return &damageError{fmt.Errorf("%s: %x is not there", bucket, key)}
	}
	s.of(bucket).remove(key, old)
	return b.Delete(key)
}

// compare says how what was read differs from what was proven.
func (s sets) compare(proven sets) error {
	for _, part := range []struct {
		name         string
		read, proven set
	}{{"spent codes", s.Spent, proven.Spent}, {"passages", s.Passages, proven.Passages}} {
		switch {
		case part.read.N != part.proven.N:
			return fmt.Errorf("%s: %d of %d are there", part.name, part.read.N, part.proven.N)
		case part.read != part.proven:
			return fmt.Errorf("%s: they are not those that were written", part.name)
		}
	}
	if s.First != proven.First || s.Last != proven.Last {
		return fmt.Errorf("journal: records %d to %d are there; want %d to %d", s.First, s.Last, proven.First, proven.Last)
	}
	return nil
}

// removeRecords removes the first records of the journal, which are those that the
// sets say they are. It hands each to removed.
func (s *sets) removeRecords(b *bbolt.Bucket, n int, removed func(seq uint64, sealed []byte)) error {
	for range n {
		c := b.Cursor()
		key, value := c.First()
		if len(key) != 8 || binary.BigEndian.Uint64(key) != s.First {
			return &damageError{fmt.Errorf("journal: it begins with %x; want record %d", key, s.First)}
		}
		removed(s.First, value)
		if err := c.Delete(); err != nil {
			return err
		}
		s.First++
	}
	return nil
}
