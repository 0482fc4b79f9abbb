package store

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// A damageError says that the file's content cannot be believed, as opposed to a
// file that cannot be opened or a disk that is full.
type damageError struct{ err error }

func (e *damageError) Error() string { return e.err.Error() }
func (e *damageError) Unwrap() error { return e.err }

// prepare makes sure that there is a file which bbolt can open. why is not empty
// where codes may have been spent that the file does not know of.
func (s *Store) prepare() (found *survey, why string, err error) {
	there, err := exists(s.path())
	if err == nil && !there {
		why, err = s.begin()
	}
	if err != nil {
		return nil, "", err
	}
	found, torn, err := s.examine()
	return found, cmp.Or(why, torn), err
}

// begin makes a file where there is none.
func (s *Store) begin() (why string, err error) {
	had, err := exists(s.markerPath())
	if err != nil {
		return "", err
	}
	first := journal.Record{Kind: journal.Started, Detail: "the store is new"}
	if had {
		why = fileName + " is missing, though there was one"
		s.log.Error("the store is missing; a new one begins, and codes from before are denied", "file", s.path())
		first = journal.Record{Kind: journal.SetAside, Detail: why}
	}
	return why, s.create(first, 0, why)
}

// examine looks through the file that is there.
func (s *Store) examine() (found *survey, why string, err error) {
	f, err := os.Open(s.path())
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	found, err = inspect(f, info.Size())
	if err != nil {
		return nil, "", &damageError{err}
	}
	s.bytes = int64(found.leaves) * pageSize
	if found.torn {
		why = "a page was torn when the power failed: the newest record may be missing"
		s.log.Warn("the store's newest commit may be missing; codes from before now are denied", "file", s.path())
	}
	return found, why, s.mark()
}

func (s *Store) markerPath() string { return filepath.Join(s.opt.Dir, markerName) }

// mark leaves a sign that there is a store here, so that a missing one is noticed.
func (s *Store) mark() error {
	if there, err := exists(s.markerPath()); there || err != nil {
		return err
	}
	f, err := os.OpenFile(s.markerPath(), os.O_WRONLY|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	_, err = f.WriteString("There is a store in this folder. If gate.db is missing while this file is here, railgated denies the codes that it may have granted.\n")
	return errors.Join(err, f.Sync(), f.Close(), syncDir(s.opt.Dir))
}

// create makes a file whose journal begins with a record after a sequence number.
// It is made under another name and renamed when it is whole: a file that is half
// made could not be told from a damaged one.
func (s *Store) create(first journal.Record, after uint64, why string) error {
	fresh := s.path() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	db, err := openFile(fresh, s.maxSize())
	if err != nil {
		return err
	}
	now, trusted := s.opt.Now()
	first.Time, first.Unsure = now, !trusted
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		if err := putMeta(tx, "blind", Blindness{Blind: why != "", Why: why}); err != nil {
			return err
		}
		key := journalKey(after + 1)
		value, err := encodeSealed(key, first)
		if err != nil {
			return err
		}
		if err := putMeta(tx, setsName, sets{First: after + 1, Last: after + 1}); err != nil {
			return err
		}
		return tx.Bucket(journalBucket).Put(key, value)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.path()); err != nil {
		return err
	}
	return errors.Join(syncDir(s.opt.Dir), s.mark())
}

// setAside moves a damaged file out of the way and begins a new one, which does
// not know what was spent.
func (s *Store) setAside(d *damageError) error {
	now, _ := s.opt.Now()
	aside := fmt.Sprintf("%s.damaged-%s", s.path(), now.UTC().Format("20060102T150405.000Z"))
	last := highestIn(s.path())
	if err := os.Rename(s.path(), aside); err != nil {
		return fmt.Errorf("setting a damaged store aside: %w", err)
	}
	s.log.Error("the store is damaged; it was set aside, and codes from before now are denied",
		"err", d, "file", aside, "hint", "railgate journal export --file "+aside+" saves what can be read")
	why := "the file was damaged: " + d.Error()
	return s.create(journal.Record{Kind: journal.SetAside, Detail: filepath.Base(aside)}, last, why)
}

// Blind says whether the store may have forgotten spent codes.
func (s *Store) Blind() Blindness {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blind
}

// SetBlindSince notes the time, once it is trusted, before which a blind store may
// have forgotten spent codes.
func (s *Store) SetBlindSince(since time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.unavailable()
	}
	blind := s.blind
	blind.Since = since
	return s.setBlind(blind)
}

// SetSeeing says that no code from before a blind store's beginning can be valid.
func (s *Store) SetSeeing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.unavailable()
	}
	return s.setBlind(Blindness{})
}

func (s *Store) setBlind(b Blindness) error {
	err := guarded(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error { return putMeta(tx, "blind", b) })
	})
	if err != nil {
		s.fail(err)
		return s.err
	}
	s.blind = b
	return nil
}
