package store

import (
	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// PutNote keeps a small value under a name, for its owner to find at the next start.
func (s *Store) PutNote(name string, v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.err
	}
	err := s.update(func(tx *bbolt.Tx) error { return putMeta(tx, "note "+name, v) })
	if err != nil {
		s.fail(err)
		return s.err
	}
	return nil
}

// A keepsake is a value that is kept under a name.
type keepsake struct {
	name  string
	value any
}

// CommitNote keeps a value together with a record of that, in one commit with what is queued: a
// power cut leaves both or neither. After an error it is not known which.
func (s *Store) CommitNote(name string, v any, r journal.Record) (Durable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return Durable{}, s.err
	}
	return s.commitNow(entry{record: r, act: true, note: &keepsake{name, v}})
}

// Note reads a value that was kept into v, and reports whether there was one.
func (s *Store) Note(name string, v any) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return false, s.err
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
	Unsent    int64  `json:"unsent,omitempty"` // records whose bodies made room before the station had them

	RolledBack bool `json:"rolled_back,omitempty"` // the store was, and codes from before may be valid
}

// Stats are the store's sizes now.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Spent: int(s.sets.Spent.N), Passages: len(s.passages), Seq: s.seq, Queued: len(s.queue), Bytes: s.bytes, Unsent: s.epoch.bare, RolledBack: s.blind.RolledBack}
	if s.db != nil {
		guarded(func() error {
			return s.db.View(func(tx *bbolt.Tx) error { st.FileBytes = tx.Size(); return nil })
		})
	}
	return st
}
