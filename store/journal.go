package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// maxQueue bounds the records that wait while the store is unavailable.
const maxQueue = 4096

// Grant spends a use and writes the record of its grant, in one commit with what
// is queued. It returns the proof once both are on the disk.
//
// [journal.ErrSpent] means that the use is spent: it, or a code of its certificate
// that begins no earlier, was granted in its role before; or a slip, whose record has the
// number of a walk, may have gone this way last; or that a store which lost
// its memory cannot tell ([Store.Blind]). After any other error the
// lane must not open: the record may or may not be on the disk, and the use counts
// as spent.
func (s *Store) Grant(use journal.Use, until time.Time, r journal.Record) (Durable, error) {
	return s.GrantRide(use, until, r, nil)
}

// Commit writes a record of something that is about to be done, with what is
// queued, and returns the proof once it is on the disk. After an error it must not
// be done: the record may or may not be on the disk.
func (s *Store) Commit(r journal.Record) (Durable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return Durable{}, s.err
	}
	return s.commitNow(entry{record: r, act: true})
}

// commitNow writes an entry behind what is queued. The caller holds mu.
func (s *Store) commitNow(e entry) (Durable, error) {
	s.queue = append(s.queue, e)
	if err := s.flush(); err != nil {
		return Durable{}, err
	}
	return Durable{s.seq}, nil
}

// mayBeSpent tells whether a use is spent, or cannot be told from one that is. The
// caller holds mu.
func (s *Store) mayBeSpent(use journal.Use) bool { return s.spent.has(use) || s.closedFor() > 0 }

// Spent tells whether a use is spent, as [Store.Grant] would.
func (s *Store) Spent(use journal.Use) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayBeSpent(use)
}

// Append queues a record; Run writes it at once. It never blocks on the disk
// longer than one commit.
func (s *Store) Append(r journal.Record) { s.enqueue(entry{record: r}) }

// AppendUsed queues a record, and a use (nil: none) that is spent from now on although it
// was not granted. Should a power cut take what is queued, it may be granted yet.
func (s *Store) AppendUsed(r journal.Record, use *journal.Use, until time.Time) {
	e := entry{record: r}
	s.mu.Lock()
	if use != nil && !s.spent.has(*use) {
		s.spent.add(*use, until.Unix(), false)
		e.use, e.until = use, until
	}
	s.mu.Unlock()
	s.enqueue(e)
}

// AppendPassage queues the record of a holder's passage and remembers it for anti-passback.
// It is one more of a day's passages; where the day is 0, they are not counted.
func (s *Store) AppendPassage(r journal.Record, holder journal.ID, role journal.Role, day int) {
	s.mu.Lock()
	p := s.passages[holder]
	s.mu.Unlock()
	if day != 0 {
		p.Day, p.Today = day, p.On(day)+1
	}
	p.Role, p.Time = role, r.Time
	s.enqueue(entry{record: r, holder: holder, passage: &p})
}

func (s *Store) enqueue(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.holder != "" {
		s.passages[e.holder] = *e.passage
	}
	s.followSlip(&e)
	if len(s.queue) >= maxQueue {
		s.queue = s.queue[1:]
		s.lost++
	}
	s.queue = append(s.queue, e)
	s.wake()
}

// wake has Run write what is queued.
func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// LastPassage is a holder's last passage, if it is remembered.
func (s *Store) LastPassage(holder journal.ID) (journal.LastPassage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.passages[holder]
	return c, ok
}

// flush commits what is queued. The caller holds mu.
func (s *Store) flush() error {
	if len(s.queue) == 0 {
		return nil
	}
	if s.db == nil {
		return s.err
	}
	if s.lost > 0 {
		now, trusted := s.opt.Now()
		lost := entry{record: journal.Record{Time: now, Unsure: !trusted, Kind: journal.Lost, Count: s.lost}}
		s.queue = append([]entry{lost}, s.queue...) // they were the oldest
		s.lost = 0
	}
	first := s.seq
	s.flying, s.queue = s.queue, nil
	if err := s.write(s.flying); err != nil {
		s.landing, s.seq = mark{Store: s.id, Seq: first + uint64(len(s.flying))}, first
		s.fail(err)
		return s.err
	}
	s.flying, s.newest = nil, s.seq
	s.markNewest()
	return nil
}

// write commits entries with the sequence numbers that follow.
func (s *Store) write(entries []entry) error {
	next, log := s.sets, s.epoch
	err := s.update(func(tx *bbolt.Tx) error {
		for i := range entries {
			if err := s.put(tx, &next, &entries[i]); err != nil {
				return err
			}
			log.edge.Append(entries[i].leaf)
		}
		next.Last = s.seq
		return errors.Join(putMeta(tx, setsName, next), log.putEdge(tx), log.putReceipt(tx))
	})
	if err == nil {
		s.sets, s.epoch = next, log
		s.recent.add(entries, s.seq)
	}
	return err
}

func (s *Store) put(tx *bbolt.Tx, sets *sets, e *entry) error {
	s.seq++
	key := journalKey(s.seq)
	value := encodeSealed(key, e.record)
	e.value, e.leaf = value, tlog.RecordHash(value[:len(value)-sealSize])
	b := tx.Bucket(journalBucket)
	b.FillPercent = 0.95 // it only grows at its end
	if err := b.Put(key, value); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	s.bytes += int64(len(key) + len(value) + elementSize)
	if e.use != nil && e.record.Walk > 0 {
		if err := sets.putSlip(tx, e); err != nil {
			return err
		}
	} else if e.use != nil {
		key := spentKey(*e.use, e.until)
		if err := sets.put(tx, spentBucket, key, seal(key, spentValue(*e.use))); err != nil {
			return err
		}
	}
	if e.lower != nil {
		if err := e.lower.put(tx); err != nil {
			return err
		}
	}
	if e.note != nil {
		if err := putMeta(tx, "note "+e.note.name, e.note.value); err != nil {
			return err
		}
	}
	if err := sets.putRide(tx, e.ride); err != nil {
		return err
	}
	if e.holder != "" {
		return sets.put(tx, passbackBucket, []byte(e.holder), encodeSealed([]byte(e.holder), e.passage))
	}
	return nil
}

// settle decides, after the file was opened again, what became of the commit that
// failed. If it landed, its records are in the journal. If it did not, they are
// queued again, except those of a grant or of another act: it was not done.
func (s *Store) settle() {
	flying := s.flying
	s.flying = nil
	if (mark{Store: s.id, Seq: s.opened}) == s.landing {
		s.recount()
		return
	}
	var again []entry
	for _, e := range flying {
		if !e.act {
			again = append(again, e)
		}
	}
	s.queue = append(again, s.queue...)
	s.recount()
	s.wake()
}

// Records are up to n records that follow a sequence number, oldest first.
func (s *Store) Records(after uint64, n int) ([]journal.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, s.err
	}
	return s.read(after, n)
}

// read reads records. The caller holds mu, so that nothing is written meanwhile.
func (s *Store) read(after uint64, n int) ([]journal.Record, error) {
	return upTo(n, func(found func(stored) bool) error { return s.follow(after, found) })
}

// readRecord reads one record. One that rotted on the disk is reported, not skipped.
func readRecord(key, value []byte) journal.Record {
	r := journal.Record{Seq: seqOf(key)}
	if err := decodeSealed(key, value, &r); err != nil {
		return journal.Record{Seq: r.Seq, Kind: journal.Damaged, Detail: err.Error(), Unsure: true}
	}
	return r
}

func journalKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// Seq is the newest record's sequence number.
func (s *Store) Seq() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}
