package store

import (
	"encoding/binary"
	"errors"
	"os"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// This file makes a store's file again in a smaller one: where the journal's limit was
// lowered, for bbolt's files never shrink; and where a page of the journal rotted that
// bbolt could not get past.

// A limit is how large a store may become.
type limit struct {
	journal int64 // from which the journal is pruned
	file    int64 // at which bbolt stops growing the file
}

const (
	slack    = 64 << 20 // what a file may hold beside its journal
	mapped32 = 1 << 30  // what a process of 32 bits can map safely, of 2 GiB
)

// limitFor is the limit for a journal of at most max bytes, in a process whose words
// have so many bits. A file may be twice as large as its journal, so that pruning
// always has the pages it needs.
func limitFor(max int64, bits int) limit {
	if most := int64(mapped32-slack) / 2; bits == 32 && max > most {
		max = most
	}
	return limit{max, 2*max + slack}
}

// wordBits are the bits of an int here.
const wordBits = 32 << (^uint(0) >> 63)

// maxSize is where bbolt stops growing a file that is so large now. Never where it is
// already, or pruning could not make the room that it lacks.
func (l limit) maxSize(now int64) int {
	return int(max(l.file, now+slack/8))
}

// fitAtMost is how much is copied at a start: more would keep a lane closed for longer
// than pruning keeps a large file.
const fitAtMost = 64 << 20

// fits tells whether a file can be used as it is: its journal is about as large as it
// may be, or too large to be copied.
func (l limit) fits(journal int64) bool {
	return l.journal > fitAtMost || journal <= l.journal+l.journal/4+8<<20
}

// fit makes a file that fits where the one that is there does not, and looks through
// it. A copy that cannot be made is no reason to do without a store.
func (s *Store) fit(found *survey) (*survey, error) {
	if s.rotten == "" && s.limit.fits(s.bytes) {
		return found, nil
	}
	if s.rotten != "" && min(s.bytes, s.limit.journal) > fitAtMost {
		return nil, &damageError{errors.New(s.rotten)}
	}
	from := found.first
	if leaves := max(1, int(s.limit.journal/pageSize*9/10)); found.leaves > leaves {
		var err error
		if from, err = s.firstOf(found, found.leaves-leaves); err != nil {
			return nil, &damageError{err}
		}
	}
	if s.opt.Station != nil && s.opt.Station() {
		unsent, err := s.unsentFrom(found, from)
		if err != nil {
			return nil, err
		}
		if unsent < from && s.rotten == "" {
			return found, nil // it is pruned where it is: what the station does not have is not left out
		}
		from = unsent
	}
	err := s.copyFrom(found, from)
	var d *damageError
	switch {
	case errors.As(err, &d):
		return nil, err
	case err != nil:
		s.log.Warn("the store's file cannot be made smaller; its journal is pruned where it is", "err", err)
		return found, nil
	}
	s.rotten = ""
	s.log.Info("the store's file was made again, with the newest records", "first", from)
	if from > found.first {
		s.queue = append(s.queue, entry{record: s.stamped(journal.Record{Kind: journal.Pruned, Count: int(from - found.first)})})
		s.wake()
	}
	again, err := s.examine()
	if err == nil {
		again.torn = found.torn
	}
	return again, err
}

// firstOf is the first record on a leaf of the journal.
func (s *Store) firstOf(found *survey, leaf int) (first uint64, err error) {
	f, err := os.Open(s.path())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	t := newTree(f, found.meta)
	err = t.buckets(found.meta.root, func(name string, value []byte) error {
		if name != string(journalBucket) {
			return nil
		}
		n := 0
		return t.leaves(binary.LittleEndian.Uint64(value), func(_ uint64, key []byte) error {
			if n == leaf {
				first = seqOf(key)
			}
			n++
			return nil
		})
	})
	return first, err
}

// copyFrom copies what the file remembers, and the journal from a record on, into a new
// file that takes its place. What the sets say goes with it: an entry that is lost on
// the way is seen like any other.
func (s *Store) copyFrom(found *survey, from uint64) error {
	old, err := os.Open(s.path())
	if err != nil {
		return err
	}
	defer old.Close()
	fresh := s.path() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	db, err := openFile(fresh, s.limit.maxSize(0), nil)
	if err != nil {
		return err
	}
	db.NoSync = true // until it is whole
	c := &copying{db: db, from: from}
	if c.log, err = logFrom(old, found, from); err == nil {
		err = c.copy(old, found)
	}
	if err = errors.Join(err, db.Sync(), db.Close()); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := os.Rename(fresh, s.path()); err != nil {
		return err
	}
	return syncDir(s.opt.Dir)
}

// copying puts entries into a new file, many in one commit.
type copying struct {
	db   *bbolt.DB
	from uint64
	log  epoch // as it is in the new file; without a name: it has none
	tx   *bbolt.Tx
	n    int
}

// copy copies every bucket, but of the journal only the records. What cannot be read is
// a damageError.
func (c *copying) copy(old *os.File, found *survey) (err error) {
	if c.tx, err = c.db.Begin(true); err != nil {
		return err
	}
	defer func() { c.tx.Rollback() }() // nothing, once it is committed
	t := newTree(old, found.meta)
	var failed error // of the copy, not of what is copied
	err = t.buckets(found.meta.root, func(name string, value []byte) error {
		if _, failed = c.tx.CreateBucket([]byte(name)); failed != nil || name == string(journalBucket) {
			return failed
		}
		return t.values(value, func(e element) error {
			if value := c.changed(name, e); value != nil {
				failed = c.put([]byte(name), e.key, value)
			}
			return failed
		})
	})
	if err == nil {
		err = walkJournal(old, found.first, found.last, c.from-1, func(e stored) bool {
			failed = c.putRecord(e)
			return failed == nil
		})
	}
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return &damageError{err}
	}
	return c.tx.Commit()
}

// copyBatch bounds the memory of one commit of a copy.
const copyBatch = 1000

func (c *copying) put(bucket, key, value []byte) (err error) {
	if c.n++; c.n%copyBatch == 0 {
		if err := c.tx.Commit(); err != nil {
			return err
		}
		tx, err := c.db.Begin(true)
		if err != nil {
			return err
		}
		c.tx = tx
	}
	b := c.tx.Bucket(bucket)
	b.FillPercent = 0.95 // the keys come in their order
	return b.Put(key, value)
}

// changed is an entry's value in the new file: the sets say where its journal begins, and
// so does the log's base. nil: it is not in the new file.
func (c *copying) changed(bucket string, e element) []byte {
	switch {
	case bucket == string(leavesBucket) && c.log.bare == 0:
		return nil
	case bucket != string(metaBucket):
		return e.value
	}
	switch name := string(e.key); name {
	case setsName:
		var s sets
		if decodeSealed(e.key, e.value, &s) == nil {
			s.First = c.from
			return encodeSealed(e.key, s)
		}
	case baseName:
		return c.log.ifAny(encodeSealed(e.key, baseValue{Epoch: c.log.name, Base: c.log.base, Bare: c.log.bare}))
	case edgeName, receiptName:
		return c.log.ifAny(e.value)
	}
	return e.value
}

// ifAny is a value of the log's; nil where there is none.
func (e *epoch) ifAny(value []byte) []byte {
	if e.name == "" {
		return nil
	}
	return value
}

// putRecord puts a record. For each of a gap there is one that says so: the numbers of
// a journal follow one another.
func (c *copying) putRecord(e stored) error {
	if e.value != nil {
		return c.put(journalBucket, e.key, e.value)
	}
	for seq := e.seq; seq <= e.upTo; seq++ {
		key := journalKey(seq)
		value := encodeSealed(key, journal.Record{Kind: journal.Damaged, Unsure: true, Detail: "it could not be read"})
		if err := c.put(journalBucket, key, value); err != nil {
			return err
		}
	}
	return nil
}
