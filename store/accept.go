package store

import (
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// Accept lowers what is proven of the time, as an operator says, with the record of
// it. It cannot be known which codes were forgotten by the time that was not true, so
// in the same commit the store is blind from now on.
func (s *Store) Accept(now Proven, r journal.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.err
	}
	floor := now.Proven()
	boot, at := s.opt.Boot()
	blind := blindness{Blind: true, RolledBack: s.blind.RolledBack, Boot: boot, At: at, Why: "what was proven of the time was lowered to " + floor.UTC().Format(time.RFC3339)}
	if _, err := s.commitNow(entry{record: r, act: true, lower: &lowering{floor, blind}}); err != nil {
		return err
	}
	s.floor, s.kept, s.blind = floor, floor, blind
	return s.writeMarks(s.markNow())
}

// A lowering is what becomes of the floor when an operator lowers it.
type lowering struct {
	floor time.Time
	blind blindness
}

func (l *lowering) put(tx *bbolt.Tx) error {
	if err := putMeta(tx, provenName, l.floor.UnixNano()); err != nil {
		return err
	}
	return putMeta(tx, blindName, l.blind)
}
