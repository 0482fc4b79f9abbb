package store

import (
	"os"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// Blindness says what a store does not know that lost its memory.
type Blindness struct {
	Blind  bool
	Closed time.Duration // for so long yet no code can be told from one that was used; 0: only paper
	Since  time.Time     // paper from before may have been used; zero: so may any paper
	Why    string

	RolledBack bool // it lost the newest of it: the station has records that are not here
}

// blindness is what is kept of it. The span in which no code can be told from a used
// one goes by the clock that nobody sets; it begins again where the machine does.
type blindness struct {
	Blind bool
	Since time.Time // when the clock was first trusted after the loss
	Why   string
	Boot  string        // the boot in which the loss was found, or the latest since,
	At    time.Duration // and when, since that boot

	RolledBack bool
}

// How long a code may be valid where no keyset has said so yet: what was granted was
// granted under one.
const (
	rotatingAtLeast = 75 * time.Second
	paperAtLeast    = 24 * time.Hour
)

// validity is the longest that a code may be valid, under any keyset that was seen.
type validity struct{ Rotating, Paper time.Duration }

// note takes the longer ones. It reports whether there was one.
func (v *validity) note(o validity) bool {
	before := *v
	v.Rotating, v.Paper = max(v.Rotating, o.Rotating), max(v.Paper, o.Paper)
	return *v != before
}

// NoteValidity says how long a code may be valid under a keyset that is in use, from
// its begin to its end with all tolerance: one that rotates, and paper. The store
// keeps the longest, for the day on which it has lost its memory.
func (s *Store) NoteValidity(rotating, paper time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.validity.note(validity{rotating, paper}) || s.db == nil {
		return // one that is not written is written at the next opening
	}
	v := s.validity
	if err := s.update(func(tx *bbolt.Tx) error { return putMeta(tx, validityName, v) }); err != nil {
		s.fail(err)
	}
}

// Blind says whether the store may have forgotten spent codes, and which.
func (s *Store) Blind() Blindness {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Blindness{Blind: s.blind.Blind, Closed: s.closedFor(), Since: s.blind.Since, Why: s.blind.Why, RolledBack: s.blind.RolledBack}
}

// closedFor is how long no code can be told from a used one. The caller holds mu.
func (s *Store) closedFor() time.Duration {
	if !s.blind.Blind {
		return 0
	}
	_, at := s.opt.Boot() // the boot that the span goes by is this one
	return max(0, s.blind.At+max(rotatingAtLeast, s.validity.Rotating)-at)
}

// see notes when the clock was first trusted after a loss, and ends blindness when no
// code from before can be valid: paper until its day is over by proven time. The
// caller holds mu.
func (s *Store) see() error {
	if s.db == nil || !s.blind.Blind {
		return nil
	}
	next := s.blind
	paper := max(paperAtLeast, s.validity.Paper)
	switch now, trusted := s.opt.Now(); {
	case next.Since.IsZero() && !trusted:
		return nil
	case next.Since.IsZero():
		next.Since = laterOf(now, s.floor)
	case s.closedFor() > 0 || s.floor.Before(next.Since.Add(paper)):
		return nil
	default:
		next = blindness{}
	}
	if err := s.update(func(tx *bbolt.Tx) error { return putMeta(tx, blindName, next) }); err != nil {
		s.fail(err)
		return s.err
	}
	s.blind = next
	if !next.Blind {
		s.queue = append(s.queue, entry{record: s.stamped(journal.Record{Kind: journal.InService, Detail: "no code from before the store was lost can be valid any more"})})
		s.wake()
	}
	return nil
}

// sinceBoot is the time since boot, with that in which the machine was suspended, and
// the boot's name (proc_sys_kernel(5)); a machine without one gets a new span at each
// start.
func sinceBoot() (boot string, at time.Duration) {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("store: internal error: " + err.Error()) // Linux has had it since 2.6.39
	}
	return strings.TrimSpace(string(id)), time.Duration(ts.Nano())
}
