package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// pruneBatch bounds one commit of pruning, so that a grant never waits for more.
const pruneBatch = 256

// Keep does the housekeeping that a gate needs every minute: the clock's floor is
// written, and what is too old or too much is removed, a little at a time.
func (s *Store) Keep() {
	now, trusted := s.opt.Now()
	if !trusted {
		return // nothing is too old by a clock that may be wrong
	}
	if err := s.keepFloor(now); err != nil {
		return
	}
	pruned := 0
	for {
		n, removed, err := s.prune(now)
		pruned += removed
		if err != nil || n < pruneBatch {
			break
		}
	}
	if pruned > 0 {
		s.Append(journal.Record{Time: now, Kind: journal.Pruned, Count: pruned})
	}
}

// keepFloor writes the floor where no record has for a while.
func (s *Store) keepFloor(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = laterOf(s.floor, now)
	if s.db == nil || s.floor.Sub(s.kept) < keepEvery-time.Second {
		return s.err
	}
	floor := s.floor
	err := guarded(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error { return putMeta(tx, "floor", floor.UnixNano()) })
	})
	if err != nil {
		s.fail(err)
		return s.err
	}
	s.kept = floor
	return nil
}

// prune removes up to a batch of what is too old or too much, in one commit. It
// returns how many entries it removed, and how many of them were records.
func (s *Store) prune(now time.Time) (n, records int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return 0, 0, s.unavailable()
	}
	var doomed [3][][]byte // keys of spent, passback, journal
	var freed int64
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			doomed[0] = oldSpent(tx.Bucket(spentBucket), now)
			doomed[1] = s.oldPassages(now)
			doomed[2], freed = s.oldRecords(tx.Bucket(journalBucket), now)
			return nil
		})
	})
	n = len(doomed[0]) + len(doomed[1]) + len(doomed[2])
	if err == nil && n > 0 {
		err = guarded(func() error { return s.remove(doomed) })
	}
	if err != nil {
		s.fail(err)
		return 0, 0, s.err
	}
	s.forget(doomed)
	s.bytes -= freed
	return n, len(doomed[2]), nil
}

func (s *Store) remove(doomed [3][][]byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for i, name := range [][]byte{spentBucket, passbackBucket, journalBucket} {
			for _, key := range doomed[i] {
				if err := tx.Bucket(name).Delete(key); err != nil {
					return fmt.Errorf("pruning %s: %w", name, err)
				}
			}
		}
		return nil
	})
}

// forget follows a removal in memory.
func (s *Store) forget(doomed [3][][]byte) {
	for _, key := range doomed[0] {
		if use, _, err := parseSpentKey(key); err == nil {
			delete(s.spent, use)
		}
	}
	for _, key := range doomed[1] {
		delete(s.passages, journal.ID(key))
	}
}

// oldSpent lists the codes that may be forgotten: they are the first keys.
func oldSpent(b *bbolt.Bucket, now time.Time) (keys [][]byte) {
	c := b.Cursor()
	for key, _ := c.First(); key != nil && len(keys) < pruneBatch; key, _ = c.Next() {
		if int64(binary.BigEndian.Uint64(key)) > now.Unix() {
			break
		}
		keys = append(keys, bytes.Clone(key))
	}
	return keys
}

func (s *Store) oldPassages(now time.Time) (keys [][]byte) {
	for holder, c := range s.passages {
		if len(keys) == pruneBatch {
			break
		}
		if now.Sub(c.Time) > s.opt.PassbackFor {
			keys = append(keys, []byte(holder))
		}
	}
	return keys
}

// oldRecords lists the records that are older than the journal's days, or that
// are too many bytes.
func (s *Store) oldRecords(b *bbolt.Bucket, now time.Time) (keys [][]byte, freed int64) {
	limit := now.AddDate(0, 0, -s.opt.Days)
	c := b.Cursor()
	for key, value := c.First(); key != nil && len(keys) < pruneBatch; key, value = c.Next() {
		r := readRecord(key, value)
		if r.Seq == s.seq {
			break // the newest stays: the sequence goes on from it
		}
		if r.Kind != journal.Damaged && s.bytes-freed <= s.opt.MaxBytes && !r.Time.Before(limit) {
			break
		}
		keys = append(keys, bytes.Clone(key))
		freed += int64(len(key) + len(value) + elementSize)
	}
	return keys, freed
}

// PutNote keeps a small value under a name, for its owner to find at the next start.
func (s *Store) PutNote(name string, v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.unavailable()
	}
	err := guarded(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error { return putMeta(tx, "note "+name, v) })
	})
	if err != nil {
		s.fail(err)
		return s.err
	}
	return nil
}

// Note reads a value that was kept into v, and reports whether there was one.
func (s *Store) Note(name string, v any) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return false, s.unavailable()
	}
	found := false
	err := guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(metaBucket)
			found = b.Get([]byte("note "+name)) != nil
			return getMeta(b, "note "+name, v)
		})
	})
	return found, err
}

// Stats are a store's sizes.
type Stats struct {
	Spent     int    `json:"spent"`    // codes that are remembered as used
	Passages  int    `json:"passages"` // holders that are remembered for anti-passback
	Seq       uint64 `json:"seq"`      // the newest record
	Queued    int    `json:"queued"`   // records that wait for the disk
	Bytes     int64  `json:"bytes"`    // of the journal, about
	FileBytes int64  `json:"file_bytes"`
}

// Stats are the store's sizes now.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Spent: len(s.spent), Passages: len(s.passages), Seq: s.seq, Queued: len(s.queue), Bytes: s.bytes}
	if s.db != nil {
		guarded(func() error {
			return s.db.View(func(tx *bbolt.Tx) error { st.FileBytes = tx.Size(); return nil })
		})
	}
	return st
}
