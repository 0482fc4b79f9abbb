package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// A slip is paper: its code is the same for its whole day, so its walks count ([journal.Walks]).
// It lies in bucket "spent" under the key of its code, until its day is over:
//
//	→ begins (8, seconds) ‖ granted (4) ‖ passed (4)
//
// A grant writes its number as granted, a passage as passed; where nobody crossed, granted goes
// back to passed. A grant whose end never came to the disk counts as walked.
type slip struct {
	use             journal.Use
	until           int64
	granted, passed uint32 // numbers of walks; 0: none
}

const slipSize = beginsSize + 4 + 4

// isSlip tells a slip's unsealed value from a rotating code's.
func isSlip(value []byte) bool { return len(value) == slipSize }

func (p slip) bearer() bearer { return bearer{p.use.Role, p.use.Certificate} }

func (p slip) key() []byte { return spentKey(p.use, time.Unix(p.until, 0)) }

func (p slip) value() []byte {
	value := binary.BigEndian.AppendUint32(spentValue(p.use), p.granted)
	return binary.BigEndian.AppendUint32(value, p.passed)
}

func parseSlip(key, value []byte) (p slip, err error) {
	if !isSlip(value) {
		return p, errors.New("slip with a value of the wrong length")
	}
	if p.use, p.until, _, err = parseSpent(key, value[:beginsSize]); err != nil {
		return slip{}, err
	}
	p.granted = binary.BigEndian.Uint32(value[beginsSize:])
	p.passed = binary.BigEndian.Uint32(value[beginsSize+4:])
	if p.granted == 0 || p.passed > p.granted {
		return slip{}, fmt.Errorf("slip of which walk %d was granted and %d walked", p.granted, p.passed)
	}
	return p, nil
}

// after is the slip once a record of it is written. A record of another walk than the latest
// changes nothing.
func (p slip) after(r *journal.Record) slip {
	switch {
	case r.Decision == journal.Granted:
		p.granted = r.Walk
	case r.Walk != p.granted:
	case r.Kind == journal.Passage:
		p.passed = p.granted
	case r.Kind == journal.NoPassage, r.Kind == journal.TooLate:
		p.granted = p.passed // of a group that was not complete somebody has crossed
	}
	return p
}

// Walks are what this store knows of a slip. use is its code's, in whatever role. What an
// older version granted counts as the first walk.
func (s *Store) Walks(use journal.Use) journal.Walks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.walks(use)
}

func (s *Store) walks(use journal.Use) (w journal.Walks) {
	for _, use.Role = range []journal.Role{journal.Entry, journal.Exit} {
		p := s.slips[bearer{use.Role, use.Certificate}]
		w.Granted[use.Role], w.Passed[use.Role] = p.granted, p.passed
		if p.granted == 0 && s.spent.has(use) {
			w.Granted[use.Role], w.Passed[use.Role] = 1, 1
		}
	}
	return w
}

// mayWalk tells whether a slip may be granted its next walk, as far as this store knows. The
// number says what the gate knew: one that goes on from the walk in the same direction knows of
// none in the other. The caller holds mu.
func (s *Store) mayWalk(use journal.Use, walk uint32) bool {
	w := s.walks(use)
	switch {
	case s.closedFor() > 0, use.Role != journal.Entry && use.Role != journal.Exit, walk <= w.Latest():
		return false
	}
	return !w.Used(use.Role) || walk > w.Granted[use.Role]+1
}

// followSlip notes in memory what a record says of a slip. The record of a grant's end finds the
// slip's code there. The caller holds mu.
func (s *Store) followSlip(e *entry) {
	if e.record.Walk == 0 {
		return
	}
	b := bearer{roleOf(e.record.Direction), e.record.Certificate}
	p, known := s.slips[b]
	if e.use == nil && known {
		e.use, e.until = &p.use, time.Unix(p.until, 0)
	}
	if e.use == nil {
		return // the store that knew of it is lost
	}
	p.use, p.until = *e.use, e.until.Unix()
	if p = p.after(&e.record); p.granted > 0 {
		s.slips[p.bearer()] = p
	} else {
		delete(s.slips, p.bearer())
	}
}

// roleOf is a record's role; 0: of no slip.
func roleOf(direction string) journal.Role {
	return map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit}[direction]
}

// putSlip writes what a record says of a slip.
func (s *sets) putSlip(tx *bbolt.Tx, e *entry) error {
	p := slip{use: *e.use, until: e.until.Unix()}
	key := p.key()
	known := false
	if sealed := tx.Bucket(spentBucket).Get(key); sealed != nil {
		value, err := unseal(key, sealed)
		if known = err == nil && isSlip(value); known { // else an older version's
			p, err = parseSlip(key, value)
		}
		if err != nil {
			return &damageError{err}
		}
	}
	switch p = p.after(&e.record); {
	case p.granted > 0:
		return s.put(tx, spentBucket, key, seal(key, p.value()))
	case known:
		return s.delete(tx, spentBucket, key)
	}
	return nil
}

// addSlip takes a slip of the file. A keyset that says another tolerance gives it another key.
func (s *Store) addSlip(p slip) {
	if old, ok := s.slips[p.bearer()]; ok {
		p.granted, p.passed = max(p.granted, old.granted), max(p.passed, old.passed)
	}
	s.slips[p.bearer()] = p // keys go by until: it is the later one
}

// forgetting is what removes from memory a key that was removed from the file.
func (s *Store) forgetting(key, value []byte) (func(), error) {
	if isSlip(value) {
		p, err := parseSlip(key, value)
		return func() {
			if s.slips[p.bearer()].until <= p.until {
				delete(s.slips, p.bearer())
			}
		}, err
	}
	use, until, _, err := parseSpent(key, value)
	return func() { s.spent.forget(use, until) }, err
}
