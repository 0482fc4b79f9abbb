package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// pruneBatch bounds one commit of pruning, so that a grant never waits for more.
const pruneBatch = 256

// Keep does the housekeeping that a gate needs every minute: what is proven of the
// time is written, and what is too old by it or too much is removed, a little at a
// time. It goes by no other clock.
func (s *Store) Keep() {
	now, err := s.keepFloor()
	if err != nil {
		return
	}
	s.mu.Lock()
	s.see()
	s.keepReceipt()
	s.mu.Unlock()
	pruned := 0
	for {
		n, removed, err := s.prune(now)
		pruned += removed
		if err != nil || n < pruneBatch {
			break
		}
	}
	if pruned > 0 {
		s.Append(s.stamped(journal.Record{Kind: journal.Pruned, Count: pruned}))
	}
	if made := s.roomMade(); made.from > 0 {
		s.Append(s.stamped(journal.RoomMade(made.from, made.upTo)))
	}
}

// JournalUnsent is the reason of the record that says of how many records the bodies made
// room before the station had them.
const JournalUnsent = journal.Unsent

// A span is records from one to another; of none from is 0.
type span struct{ from, upTo uint64 }

// roomMade are the records that made room of which the journal does not tell yet.
func (s *Store) roomMade() (made span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, s.madeRoom = s.madeRoom, span{}
	return made
}

// makeRoom notes that the bodies of records up to the journal's first made room. The caller
// holds mu.
func (s *Store) makeRoom(bodies int) {
	if bodies == 0 || s.epoch.bare == 0 {
		return // none, or of a log that has ended
	}
	if s.madeRoom.from == 0 {
		s.madeRoom.from = s.sets.First - uint64(bodies)
	}
	s.madeRoom.upTo = s.sets.First - 1
}

// proven is what is proven of the time; the zero time where nothing is.
func (s *Store) proven() time.Time {
	if s.opt.Proven != nil {
		if p := s.opt.Proven(); p != nil {
			return p.Proven()
		}
	}
	return time.Time{}
}

// stamped gives a record of the store's own its time.
func (s *Store) stamped(r journal.Record) journal.Record {
	now, trusted := s.opt.Now()
	r.Time, r.Unsure = now, !trusted
	return r
}

// keepFloor writes what is proven of the time, and returns it. It asks under mu, for
// [Store.Accept] lowers it.
func (s *Store) keepFloor() (now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now = s.proven()
	s.floor = laterOf(s.floor, now)
	if s.db == nil || s.floor.Sub(s.kept) < keepEvery-time.Second {
		return now, s.err
	}
	floor := s.floor
	err = s.update(func(tx *bbolt.Tx) error { return putMeta(tx, provenName, floor.UnixNano()) })
	if err != nil {
		s.fail(err)
		return now, s.err
	}
	s.kept = floor
	return now, nil
}

// prune writes what is queued, and removes up to a batch of what is too old or too
// much, in one commit. It returns how much it did, a batch or more where there is more
// to do, and how many records it removed.
func (s *Store) prune(now time.Time) (n, records int, err error) {
	station := s.opt.Station != nil && s.opt.Station()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.station = station
	if err := s.flush(); err != nil || s.db == nil {
		return 0, 0, s.err
	}
	next, err := s.read(s.age.seen, pruneBatch)
	looked := s.age.look(next, now.AddDate(0, 0, -s.opt.Days), s.latestStamp())
	var old doomed
	if err == nil {
		old, err = s.tooOld(now)
	}
	if err == nil && old.len() > 0 {
		err = s.remove(old)
	}
	if err != nil {
		s.fail(err)
		return 0, 0, s.err
	}
	s.bytes -= old.bytes
	s.makeRoom(old.bodies)
	if s.overfull() {
		err = s.nextEpoch(because("the station does not take the journal, and there is no room left for what it does not have"), nil)
	}
	return old.len() + looked, old.records, err
}

// overfull tells whether leaves without records take half of the journal's room, and may
// not be removed: then what the station does not have is given up.
func (s *Store) overfull() bool {
	return !s.mayRemove(s.epoch.bareFrom()) && s.epoch.bare*bareBytes > s.limit.journal/2
}

// tooOld lists a batch of what may be removed.
func (s *Store) tooOld(now time.Time) (old doomed, err error) {
	old.passages = s.oldRides(now, s.oldPassages(now))
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			old.spent = oldSpent(tx.Bucket(spentBucket), now)
			s.oldBare(tx, &old)
			return nil
		})
	})
	if err == nil {
		err = s.oldRecords(&old)
	}
	return old, err
}

// latestStamp is the latest time that a record can bear; the zero time while the
// clock is not trusted.
func (s *Store) latestStamp() time.Time {
	now, trusted := s.opt.Now()
	if !trusted {
		return time.Time{}
	}
	return now
}

// doomed are the keys of what is to be removed. Records are removed from the first on; of
// those that the station does not have only the bodies, which none of the others does.
type doomed struct {
	spent, passages, chunks [][]byte
	left                    int64 // leaves without a record that stay
	records, bodies         int
	bytes                   int64 // that it frees of the journal
}

func (d doomed) len() int {
	return len(d.spent) + len(d.passages) + len(d.chunks)*chunkLeaves + d.records + d.bodies
}

// remove removes entries from the file, and then from memory.
func (s *Store) remove(d doomed) error {
	seq, next, log := s.seq, s.sets, s.epoch
	var forgotten []func()
	err := s.update(func(tx *bbolt.Tx) (err error) {
		if forgotten, err = s.removeMemory(tx, &next, d); err != nil {
			return err
		}
		if err := log.removeOld(tx, &next, d); err != nil {
			return err
		}
		if log.gap != "" {
			if log, err = s.beginEpoch(tx, &next, because(log.gap)); err != nil {
				return err
			}
		}
		return errors.Join(putMeta(tx, setsName, next), log.putBase(tx), log.putReceipt(tx))
	})
	if err != nil {
		s.seq = seq
		return err
	}
	s.sets, s.epoch, s.newest = next, log, max(s.newest, s.seq)
	for _, forget := range forgotten {
		forget()
	}
	return nil
}

// removeMemory removes spent codes and passages from the file. What is returned removes
// them from memory, once it is on the disk.
func (s *Store) removeMemory(tx *bbolt.Tx, next *sets, d doomed) (forgotten []func(), err error) {
	for _, key := range d.spent {
		value, err := unseal(key, tx.Bucket(spentBucket).Get(key))
		if err != nil {
			return nil, fmt.Errorf("pruning spent codes: %w", err)
		}
		forget, err := s.forgetting(key, value)
		if err != nil {
			return nil, fmt.Errorf("pruning spent codes: %w", err)
		}
		forgotten = append(forgotten, forget)
		if err := next.delete(tx, spentBucket, key); err != nil {
			return nil, err
		}
	}
	for _, key := range d.passages {
		forgotten = append(forgotten, func() { s.forgetPassage(key) })
		if err := next.delete(tx, passbackBucket, key); err != nil {
			return nil, err
		}
	}
	return forgotten, nil
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
		if now.Sub(c.Time) > s.remembered(c) {
			keys = append(keys, []byte(holder))
		}
	}
	return keys
}

// longestDay is longer than any civil day, and the doubt of the clocks.
const longestDay = 26 * time.Hour

// remembered is how long a passage is: one that counts for its day, until that is over.
func (s *Store) remembered(c journal.LastPassage) time.Duration {
	if c.Today > 0 {
		return max(longestDay, s.opt.PassbackFor)
	}
	return s.opt.PassbackFor
}

// SetPassbackFor says how long a passage is remembered for anti-passback from now on.
func (s *Store) SetPassbackFor(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.PassbackFor = d
}

// oldRecords counts the records, from the first on, that are old or too many bytes: those
// that may be removed, or else those of which the bodies make room.
func (s *Store) oldRecords(old *doomed) error {
	return walkJournal(s.file, s.sets.First, s.sets.Last, 0, func(e stored) bool {
		full := s.bytes-old.bytes > s.limit.journal
		switch {
		case old.records+old.bodies == pruneBatch, e.upTo == s.seq:
			return false // the newest stays: the sequence goes on from it
		case s.mayRemove(e.upTo) && old.left > 0:
			return false // they come first
		case s.mayRemove(e.upTo) && (full || e.upTo <= s.age.old):
			old.records++
			old.bytes += int64(len(e.key) + len(e.value) + elementSize)
			return true
		case s.mayRemove(e.upTo) || !full:
			return false
		}
		old.bodies++
		old.bytes += int64(len(e.key)+len(e.value)+elementSize) - bareBytes
		return true
	})
}
