package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/durable"
	"railgate/store/journal"
)

// A damageError says that the file's content cannot be believed, as opposed to a
// file that cannot be opened or a disk that is full.
type damageError struct{ err error }

func (e *damageError) Error() string { return e.err.Error() }
func (e *damageError) Unwrap() error { return e.err }

// prepare makes sure that there is a file which bbolt can open, and looks through it.
func (s *Store) prepare(had bool) (*survey, error) {
	there, err := exists(s.path())
	if err == nil && !there {
		err = s.begin(had)
	}
	if err != nil {
		return nil, err
	}
	return s.examine()
}

// begin makes a file where there is none. had says that there was one.
func (s *Store) begin(had bool) error {
	aside := s.lastAside()
	if !had && aside == "" {
		return s.create(0, journal.Record{Kind: journal.Epoch, Detail: "the store is new"})
	}
	if s.loss == "" {
		s.loss = fileName + " is missing, though there was one"
		s.log.Error("the store is missing; a new one begins, and codes from before are denied", "file", s.path())
	}
	detail := s.loss
	if s.aside != "" {
		detail = filepath.Base(s.aside)
	}
	return s.create(s.lastNumber(aside),
		journal.Record{Kind: journal.Epoch, Detail: s.loss, Before: s.epochBefore(aside)},
		journal.Record{Kind: journal.SetAside, Detail: detail})
}

// lastAside is the file that was set aside last; "": none was. A start that was cut
// after it renamed a file goes on from there.
func (s *Store) lastAside() string {
	if s.aside != "" {
		return s.aside
	}
	found, _ := filepath.Glob(s.path() + asideSuffix + "*Z") // the pattern is sound, and an export's copy is not one
	if len(found) == 0 {
		return ""
	}
	return slices.Max(found)
}

// epochBefore names the epoch that a loss ended, as far as this process or the file that was
// set aside knows; "": neither does.
func (s *Store) epochBefore(aside string) string {
	f, err := durable.Open(aside)
	if err != nil {
		return s.epoch.name
	}
	defer f.Close()
	var edge edgeValue
	m, _, err := newestMeta(f)
	if err == nil {
		var values valueMap
		if values, err = bucketValues(f, m, metaBucket); err == nil {
			err = getMeta(values, edgeName, &edge)
		}
	}
	if err != nil || edge.Epoch == "" {
		return s.epoch.name
	}
	return edge.Epoch
}

// lastNumber is a number that no record before is above: as the marks and the file
// that was set aside say. A mark may be old by the records of two.
func (s *Store) lastNumber(aside string) uint64 {
	last, exact := highestIn(aside)
	for _, path := range s.marks() {
		if m, _, _ := readMark(path); m.Seq > 0 {
			if !exact {
				m.Seq += 2 * markEvery
			}
			last = max(last, m.Seq)
		}
	}
	return max(last, s.newest)
}

// examine looks through the file that is there.
func (s *Store) examine() (*survey, error) {
	f, err := durable.Open(s.path())
	if errors.Is(err, durable.ErrNotFile) {
		return nil, &damageError{err}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	found, err := inspect(f, info.Size())
	if err != nil {
		return nil, &damageError{err}
	}
	s.bytes = int64(found.leaves+found.bare) * pageSize
	return found, nil
}

// create makes a file whose journal has records that follow a sequence number, the first
// of them an epoch's. It is made under another name and renamed when it is whole: a file
// that is half made could not be told from a damaged one.
func (s *Store) create(after uint64, records ...journal.Record) error {
	fresh := s.path() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	db, err := openFile(fresh, s.limit.maxSize(0), nil)
	if err != nil {
		return err
	}
	id := rand.Text()
	err = db.Update(func(tx *bbolt.Tx) error { return s.fill(tx, id, after, records) })
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.path()); err != nil {
		return err
	}
	return syncDir(s.opt.Dir)
}

// fill writes what a new file begins with.
func (s *Store) fill(tx *bbolt.Tx, id string, after uint64, records []journal.Record) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	var leaves []tlog.Hash
	for i, r := range records {
		key := journalKey(after + 1 + uint64(i))
		value := encodeSealed(key, s.stamped(r))
		if err := tx.Bucket(journalBucket).Put(key, value); err != nil {
			return err
		}
		leaves = append(leaves, tlog.RecordHash(value[:len(value)-sealSize]))
	}
	_, err := s.startEpoch(tx, after+1, leaves...)
	return errors.Join(err, putMeta(tx, blindName, blindness{Blind: s.loss != "", Why: s.loss}), putMeta(tx, storeName, id),
		putMeta(tx, setsName, sets{First: after + 1, Last: after + uint64(len(records))}))
}

const asideSuffix = ".damaged-"

// setAside moves a damaged file out of the way, for a new one, which does not know
// what was spent.
func (s *Store) setAside(d *damageError) error {
	now, _ := s.opt.Now()
	aside := s.path() + asideSuffix + now.UTC().Format("20060102T150405.000Z")
	if err := errors.Join(os.Rename(s.path(), aside), syncDir(s.opt.Dir)); err != nil {
		return fmt.Errorf("setting a damaged store aside: %w", err)
	}
	s.rotten = ""
	s.log.Error("the store is damaged; it was set aside, and codes from before now are denied",
		"err", d, "file", aside, "hint", "railgate journal export --file "+aside+" saves what can be read")
	s.loss, s.aside = cmp.Or(s.loss, "the file was damaged: "+d.Error()), aside
	return nil
}
