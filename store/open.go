package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// lockWait bounds the wait for a predecessor that is going.
const lockWait = 2 * time.Second

// open opens the folder and the file, and reads what is kept in memory.
func (s *Store) open() error {
	if err := os.MkdirAll(s.opt.Dir, 0o750); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := s.takeFolder(); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	err := s.openPrepared()
	var d *damageError
	if errors.As(err, &d) {
		if err := s.setAside(d); err != nil {
			return err
		}
		err = s.openPrepared()
	}
	return err
}

// takeFolder locks the folder, again where somebody has removed the lock's file.
func (s *Store) takeFolder() error {
	if s.lock != nil {
		if _, err := sameFile(s.lock, s.lock.Name()); err == nil {
			return nil
		}
		s.lock.Close()
		s.lock = nil
	}
	lock, err := lockFolder(s.opt.Dir, lockWait)
	if err == nil {
		s.lock = lock
	}
	return err
}

// openPrepared opens the file, or makes one. What it reads and cannot believe is
// a damageError.
func (s *Store) openPrepared() error {
	marks, had := s.recall()
	known := s.id
	found, err := s.prepare(had)
	if err == nil {
		found, err = s.fit(found)
	}
	if err != nil {
		return err
	}
	db, err := openFile(s.path(), s.limit.maxSize(found.size), &s.file)
	if err != nil {
		return err
	}
	old, err := s.load(db, found)
	why := ""
	if err == nil {
		why, err = s.judgeMarks(marks, found.torn)
	}
	if err != nil {
		return errors.Join(&damageError{err}, db.Close())
	}
	if found.torn {
		why = "a page was torn when the power failed: the newest record may be missing"
		s.log.Warn("the store's newest commit may be missing; codes from before now are denied", "file", s.path())
	}
	if err := s.probe(db, cmp.Or(s.loss, why)); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", s.path(), err), db.Close())
	}
	if err := errors.Join(s.room(), s.mark()); err != nil {
		return errors.Join(err, db.Close())
	}
	if s.id != known {
		s.newest = 0 // another store's numbers
	}
	s.db, s.err, s.newest = db, nil, max(s.newest, s.seq)
	s.loss, s.aside = "", ""
	if old {
		s.takeOver()
	}
	return nil
}

// roomWanted is the room with which a store begins to work: on a disk that is full
// to the brim some commits find a place in the file and some do not, and a lane must
// not open and close with them.
const roomWanted = 1 << 20

func (s *Store) room() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(s.opt.Dir, &fs); err != nil {
		return err
	}
	if free := int64(fs.Bavail) * int64(fs.Bsize); free < roomWanted {
		return fmt.Errorf("%s: %w (%d KiB are free)", s.opt.Dir, unix.ENOSPC, free>>10)
	}
	return nil
}

func (s *Store) path() string { return filepath.Join(s.opt.Dir, fileName) }

// openFile opens a bbolt file, and leaves the file itself in opened unless that is nil.
func openFile(path string, maxSize int, opened **os.File) (db *bbolt.DB, err error) {
	err = guarded(func() (err error) {
		db, err = bbolt.Open(path, 0o640, &bbolt.Options{
			Timeout:         lockWait,
			PageSize:        pageSize, // not the kernel's: with 16 KiB a passage writes four times as much
			FreelistType:    bbolt.FreelistMapType,
			InitialMmapSize: 64 << 20, // or growing waits for every reader
			MaxSize:         maxSize,
			NoStatistics:    true,
			OpenFile: func(path string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(path, flag, mode)
				if opened != nil {
					*opened = f
				}
				return f, err
			},
		})
		if err == nil {
			db.AllocSize = 1 << 20 // the file grows by that much
		}
		return err
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is locked for longer than %v (%s)", path, lockWait, holder(path))
	}
	return db, err
}

// guarded makes a damageError of a panic in f, and of a fault in the mapped file:
// bbolt believes what it reads, and [inspect] does not read everything.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &damageError{fmt.Errorf("%v", p)}
		}
	}()
	return f()
}

// load reads the spent codes, the passages and the rest of what is remembered, and
// holds them against what the last commit said of them: a memory with a hole is not
// a memory. Any damage is an error. old is a file of a version that proved nothing.
func (s *Store) load(db *bbolt.DB, found *survey) (old bool, err error) {
	read := sets{First: found.first, Last: found.last}
	err = guarded(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			if err := s.loadSpent(tx.Bucket(spentBucket), &read.Spent); err != nil {
				return fmt.Errorf("spent codes: %w", err)
			}
			if err := s.loadPassback(tx.Bucket(passbackBucket), &read.Passages); err != nil {
				return fmt.Errorf("passages: %w", err)
			}
			if tx.Bucket(journalBucket) == nil {
				return fmt.Errorf("journal: %w", errNoBucket)
			}
			if old, err = s.loadMeta(tx.Bucket(metaBucket), read); err == nil && s.ends == "" {
				err = s.epoch.checkBare(tx.Bucket(leavesBucket), read.First)
			}
			return err
		})
	})
	if err == nil {
		s.sets, s.seq, s.opened, s.age = read, read.Last, read.Last, aging{}
		s.txid, s.size, s.recent = found.meta.txid, 0, nil
	}
	return old, err
}

var errNoBucket = errors.New("bucket is missing")

func (s *Store) loadSpent(b *bbolt.Bucket, read *set) error {
	if b == nil {
		return errNoBucket
	}
	clear(s.slips) // what is queued is counted again
	return b.ForEach(func(key, sealed []byte) error {
		value, err := unseal(key, sealed)
		if err != nil {
			return err
		}
		read.add(key, sealed)
		if isSlip(value) {
			p, err := parseSlip(key, value)
			if err == nil {
				s.addSlip(p)
			}
			return err
		}
		use, until, old, err := parseSpent(key, value)
		if err == nil {
			s.spent.add(use, until, old)
		}
		return err
	})
}

func (s *Store) loadPassback(b *bbolt.Bucket, read *set) error {
	if b == nil {
		return errNoBucket
	}
	clear(s.rides) // what is queued is counted again
	return b.ForEach(func(key, sealed []byte) (err error) {
		if isRide(key) {
			var t tally
			err = decodeSealed(key, sealed, &t)
			s.rides[journal.ID(key[1:])] = t
		} else {
			var c journal.LastPassage
			err = decodeSealed(key, sealed, &c)
			s.passages[journal.ID(key)] = c
		}
		read.add(key, sealed)
		return err
	})
}

// loadMeta reads the small things. Each of them is checked, also those that nobody
// asks for: a damaged name would be an absent value.
func (s *Store) loadMeta(b *bbolt.Bucket, read sets) (old bool, err error) {
	if b == nil {
		return false, fmt.Errorf("meta: %w", errNoBucket)
	}
	err = b.ForEach(func(key, sealed []byte) error {
		if _, err := unseal(key, sealed); err != nil {
			return fmt.Errorf("meta: %q: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	var floor int64
	var id string
	var blind blindness
	var seen validity
	proven := read
	err = errors.Join(getMeta(b, provenName, &floor), getMeta(b, blindName, &blind), getMeta(b, setsName, &proven),
		getMeta(b, storeName, &id), getMeta(b, validityName, &seen))
	if err != nil {
		return false, fmt.Errorf("meta: %w", err)
	}
	s.kept, s.id, s.blind = time.Unix(0, floor), id, blind
	s.floor = laterOf(s.floor, s.kept)
	s.validity.note(seen)
	if err := read.compare(proven); err != nil {
		return false, err
	}
	s.epoch, s.ends, err = loadEpoch(b, proven.First, proven.Last)
	if err != nil {
		return false, fmt.Errorf("log: %w", err)
	}
	if s.epoch.bare > 0 { // whether the journal tells of them is not known
		s.madeRoom = span{s.epoch.bareFrom(), proven.First - 1}
	}
	return b.Get([]byte(setsName)) == nil, nil
}

// Names in the meta bucket. An older version kept a floor under "floor" that unsigned
// clocks had raised; it is not believed.
const (
	provenName   = "proven"
	blindName    = "blind"
	storeName    = "store"
	validityName = "validity"
)

// getMeta reads a value into v, which stays as it is where there is none.
func getMeta(b interface{ Get(key []byte) []byte }, name string, v any) error {
	value := b.Get([]byte(name))
	if value == nil {
		return nil
	}
	if err := decodeSealed([]byte(name), value, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func putMeta(tx *bbolt.Tx, name string, v any) error {
	return tx.Bucket(metaBucket).Put([]byte(name), encodeSealed([]byte(name), v))
}

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// probe writes: a file that can be read and not written is of no use to a lane.
// The blindness of a store that lost its memory is written with it.
func (s *Store) probe(db *bbolt.DB, why string) error {
	boot, at := s.opt.Boot()
	if why != "" {
		s.blind = blindness{Blind: true, RolledBack: s.blind.RolledBack, Why: why, Boot: boot, At: at}
	}
	if s.blind.Blind && s.blind.Boot != boot {
		s.blind.Boot, s.blind.At = boot, at
	}
	if s.id == "" {
		s.id = rand.Text()
	}
	s.kept = s.floor
	next, log := s.sets, s.epoch
	err := s.updateIn(db, func(tx *bbolt.Tx) (err error) {
		if s.ends != "" {
			if log, err = s.beginEpoch(tx, &next, because(s.ends)); err != nil {
				return err
			}
		}
		return errors.Join(putMeta(tx, provenName, s.floor.UnixNano()), putMeta(tx, blindName, s.blind), putMeta(tx, setsName, next), putMeta(tx, storeName, s.id), putMeta(tx, validityName, s.validity))
	})
	if err == nil {
		s.sets, s.epoch, s.ends = next, log, ""
	}
	return err
}

// takeOver says in the journal that a file of an older version is proven from now on.
func (s *Store) takeOver() {
	s.queue = append(s.queue, entry{record: s.stamped(journal.Record{Kind: journal.TakenOver,
		Detail: "the file is of an older version: what it holds is proven whole from now on, and the floor that unsigned clocks had raised is not taken over"})})
	s.wake()
}
