// Package store is a gate's memory: one bbolt file that is the only truth about
// which codes are spent, who went where, and what happened.
//
// # What is promised
//
// When [Store.Grant] returns nil, the record of the grant and the spent code are
// on the disk, in one commit: no power cut loses one without the other. When it
// returns an error other than [journal.ErrSpent] it is not known whether they are; the
// code counts as spent all the same. Other records are on the disk within one
// commit's time of [Store.Append] (or with the next grant, whatever is first).
//
// # What is assumed of the disk
//
//  1. fdatasync returns after the data is where a power cut does not reach.
//  2. A page of 4096 bytes may be torn by a power cut while it is written; bytes
//     that are not being written stay.
//  3. Any byte may rot, any page may be lost or be one of long ago. bbolt's meta pages
//     and every value here have checksums; every commit writes how many spent codes
//     and passages there are, the sum of their hashes, and where the journal begins
//     and ends; and every start holds the file against that, and accounts for each
//     page. A file that is damaged is set aside, never repaired by guess, never read
//     past its damage.
//
// So one damaged bit is seen at the start, or harmless. Of a journal that is longer
// than a megabyte, a start reads the pages that lead to the records and the last
// megabyte: gates whose journal is of gigabytes must start as well. That no page of the
// others is lost is proven; what is on them is read in the hours after the start, and
// then once a day ([Store.Run]). Whoever reads them is told each record, or that it
// cannot be read.
//
// What cannot be seen is a disk that acknowledges a write and then returns the whole
// file as it was before it. Use a card that is made for power cuts.
//
// # After damage
//
// A new store where there was one before is blind: it cannot know which codes were
// spent. That there was one is said by two marks, one beside the file and one outside
// its folder, which also hold what is proven of the time. A blind store says for how
// long no code can be told from one that was used, and since when paper may have been
// ([Store.Blind]); the lane denies both.
//
// The file is looked at before every commit: one that was removed, replaced, cut off
// or overwritten while it was open is such a loss.
//
// # The file
//
// gate.db, four buckets and "leaves", all integers big-endian, every value followed by a
// CRC-32C (4 bytes) over its key and itself:
//
//	spent     until (8, seconds) ‖ role (1) ‖ slot (1) ‖ issued (8) ‖ len (1) ‖ cti → begins (8, seconds); a slip: ‖ granted (4) ‖ passed (4), see slips.go
//	passback  sub → CBOR {1: role, 2: time, 3: day, 4: passages on that day}, and rides that were taken of tickets (see rides.go)
//	journal   seq (8) → CBOR map of a [journal.Record]
//	leaves    seq (8) → leaf hashes (32 bytes each, at most 16), from seq on, of records whose bodies made room; made when it is needed
//	meta      "sets", "store", "proven", "blind", "validity", "edge", "base", "receipt", "note …" → CBOR
//
// A record's value, without its checksum, is a leaf of the log (RFC 6962). "edge" is
// [epoch, the number of leaf 0, the right edge], written with each record; "base" is
// [epoch, the edge of the leaves that were removed, how many follow in "leaves"], written
// by pruning; "receipt" is [epoch, the receipt, the edge of its leaves]. An edge is its
// number of leaves (8) and its hashes. The journal's last record is the log's last leaf:
//
//	leaf 0 … base ‖ leaves … ‖ journal …
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

const (
	fileName = "gate.db"
	lockName = "gate.lock"
)

var (
	spentBucket    = []byte("spent")
	passbackBucket = []byte("passback")
	journalBucket  = []byte("journal")
	metaBucket     = []byte("meta")
	buckets        = [][]byte{spentBucket, passbackBucket, journalBucket, metaBucket}
)

// Options are a store's limits.
type Options struct {
	Dir         string
	Days        int           // how long the journal is kept
	MaxBytes    int64         // how large the journal may grow
	PassbackFor time.Duration // how long a passage is remembered for anti-passback

	// Mark is a file outside Dir in which the store leaves word that it is there, and
	// what must not be lost with it; "": there is none.
	Mark string

	// Now is the best time there is, and whether it is trusted. Records that the
	// store makes itself are stamped with it; nothing is forgotten by it.
	Now func() (time.Time, bool)

	// Proven is what is proven of the time now. What cannot be taken back goes by
	// it alone: forgetting a spent code or a passage, removing a record by age, the
	// floor on the disk. nil: nothing is proven, and nothing is forgotten.
	Proven func() Proven

	// Station tells whether a station takes the journal: then records are removed only
	// below its receipt. It must not call the store. nil: none does.
	Station func() bool

	// Boot is the time since boot, by a clock that nobody sets, and the boot's name;
	// nil: the system's.
	Boot func() (id string, at time.Duration)
}

// Proven is a lower bound of the time that cannot be wrong unless a signer's clock
// is: package clock makes one. A wall clock is none, synchronised or not.
type Proven interface{ Proven() time.Time }

// A Durable is the proof that a record is on the disk. Only a store makes one that
// is worth something; whoever energises a relay asks for it.
type Durable struct{ seq uint64 }

// Seq is the record's sequence number; 0: this proves nothing.
func (d Durable) Seq() uint64 { return d.seq }

// OnDisk marks a Durable as a [journal.Durable].
func (d Durable) OnDisk() {}

// ErrUnavailable is the answer while the file cannot be read or written.
var ErrUnavailable = errors.New("store is unavailable")

// A Store is a gate's memory. Its methods may be called concurrently.
type Store struct {
	opt   Options
	limit limit
	log   *slog.Logger
	lock  *os.File // the folder's; set by Open

	// commit is tx.Commit but in tests.
	commit func(*bbolt.Tx) error

	kick chan struct{} // has room for one: something is queued

	mu        sync.Mutex // guards the fields below
	db        *bbolt.DB  // nil while unavailable
	err       error      // why
	closed    bool
	spent     spentCodes
	passages  map[journal.ID]journal.LastPassage
	rides     map[journal.ID]tally // by ticket
	slips     map[bearer]slip
	seq       uint64 // of the newest record on the disk
	newest    uint64 // the highest of those that were on the disk
	queue     []entry
	flying    []entry   // a commit of these failed: it may have landed
	landing   mark      // where the journal would end if it has
	lost      int       // records that found no room in the queue
	bytes     int64     // of the journal, about
	floor     time.Time // what is proven of the time
	kept      time.Time // as the disk has it
	age       aging
	sets      sets     // of the file
	epoch     epoch    // of the file,
	ends      string   // and why it ends with the next record; "": it does not
	station   bool     // takes the journal
	madeRoom  span     // records whose bodies did, and of which the journal does not say so yet
	opened    uint64   // the newest record that the file had when it was opened
	recent    recent   // the newest records
	scrubbed  uint64   // the journal has been read through up to this record,
	scrubRest int      // and is not read for so many seconds
	file      *os.File // the open one, bbolt's
	size      int64    // of the file when it was asked last,
	txid      uint64   // and the number of its newest commit
	id        string   // the store's name, for its marks
	marked    mark     // as the marks are on the disk
	outside   *os.File // the one outside the folder, open for markNewest; nil: it is not
	unmarked  bool     // the one outside cannot be written
	rotten    string   // why bbolt could not go on; "": it could
	loss      string   // what the next opening is to say of what was lost; "": nothing was
	aside     string   // where the file before this one is, if it was damaged
	validity  validity
	blind     blindness
}

// An entry is a record that waits for its commit, with the passage it tells.
type entry struct {
	record  journal.Record
	holder  journal.ID           // "": nobody's passage
	passage *journal.LastPassage // the holder's
	use     *journal.Use         // that is spent; nil: none
	ride    *journal.Ride        // that is taken or given back; nil: none
	until   time.Time
	lower   *lowering // of the floor; nil: none
	note    *keepsake // that is kept with it; nil: none
	value   []byte    // of the record in the journal, and its
	leaf    tlog.Hash // leaf, once it was put
	act     bool      // something was to follow from it: it is not written later in its place
}

// Open takes the data folder for this process and opens its file. A folder that
// another process has is ErrLocked. Whatever else is wrong with the file leaves a
// store that is unavailable, for [Store.Run] to open again and again: a gate
// without a store still has an emergency exit.
func Open(opt Options, log *slog.Logger) (*Store, error) {
	if opt.Boot == nil {
		opt.Boot = sinceBoot
	}
	s := &Store{
		opt: opt, limit: limitFor(opt.MaxBytes, wordBits), log: log, commit: (*bbolt.Tx).Commit,
		kick:  make(chan struct{}, 1),
		spent: newSpentCodes(), passages: map[journal.ID]journal.LastPassage{}, rides: map[journal.ID]tally{}, slips: map[bearer]slip{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		if errors.Is(err, ErrLocked) {
			return nil, err
		}
		s.err = err
		log.Error("the store cannot be opened; the lane stays closed", "err", err)
	}
	return s, nil
}

// Close writes what is queued and lets go of the folder.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.flush(), s.keepReceipt())
	if s.db != nil {
		err = errors.Join(err, s.writeMarks(s.markNow()), s.db.Close())
		s.db = nil
	}
	s.closeOutside()
	s.err, s.closed = ErrUnavailable, true
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}

// Err is why the store is unavailable; nil while it is not.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Run writes what is appended, prunes, and opens the file again for as long as it
// is unavailable. It hands each change to changed: nil once the store works.
func (s *Store) Run(ctx context.Context, changed func(error)) error {
	changed(s.Err())
	keep := time.NewTimer(keepSoon)
	defer keep.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	delay := reopenMin
	again := time.NewTimer(delay)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
			s.mu.Lock()
			s.flush()
			s.mu.Unlock()
		case <-look.C:
			s.look()
		case <-keep.C:
			s.Keep()
			keep.Reset(keepEvery)
		case <-again.C:
			if s.reopen() {
				delay = reopenMin
			} else {
				delay = min(2*delay, reopenMax)
			}
			again.Reset(delay)
		}
		changed(s.Err())
	}
}

const (
	keepEvery = time.Minute
	keepSoon  = 5 * time.Second // after a start: its limits may be others
	lookEvery = time.Second
	reopenMin = time.Second
	reopenMax = 10 * time.Second
)

// look does what must not wait for a passenger: it notices a file that was taken
// away, writes the marks where many records came, and ends blindness.
func (s *Store) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return
	}
	err := s.own()
	if err == nil {
		err = s.mark()
	}
	if err != nil {
		s.fail(err)
		return
	}
	if s.see() == nil {
		s.scrub()
	}
}

// reopen opens an unavailable file again. It reports whether the store works.
func (s *Store) reopen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return true
	}
	if s.closed {
		return true
	}
	if err := s.open(); err != nil {
		if s.err == nil || s.err.Error() != err.Error() {
			s.log.Error("the store cannot be opened; the lane stays closed", "err", err)
		}
		s.err = err
		return false
	}
	s.settle()
	if s.flush() != nil {
		return false
	}
	s.log.Info("the store works again", "seq", s.seq)
	return true
}

// fail closes a file after a commit whose outcome is not known. What it was to
// write may be on the disk or not: the next open tells by the sequence.
func (s *Store) fail(err error) {
	attrs := []any{"err", err}
	if errors.Is(err, unix.ENOSPC) {
		attrs = append(attrs, "hint", "make room in "+s.opt.Dir)
	}
	if lost := (*lossError)(nil); errors.As(err, &lost) {
		s.loss = lost.why
	}
	if d := (*damageError)(nil); errors.As(err, &d) {
		s.rotten = d.Error()
	}
	s.log.Error("writing the store failed; the lane closes until it works again", attrs...)
	s.err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	func() {
		defer func() { recover() }() // bbolt's rollback may fault on a bad page
		s.db.Close()
	}()
	s.db = nil
}

// Floor is a time before which it cannot be: the latest that was proven to this
// store or to one before it in the folder. No record's time raises it.
func (s *Store) Floor() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.floor
}
