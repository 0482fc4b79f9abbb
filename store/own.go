package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// A lossError says that the file was taken away while it was in use: what comes after
// it does not know what was spent.
type lossError struct{ why string }

func (e *lossError) Error() string { return e.why }

// own tells whether the file that is open is the one at its path, whole, and as the
// last commit left it. It costs four system calls; every commit asks.
func (s *Store) own() error {
	size, err := sameFile(s.file, s.path())
	if err != nil {
		return err
	}
	if size < s.size {
		return &lossError{fmt.Sprintf("%s was cut off while it was in use", fileName)}
	}
	s.size = size
	if m, _, _ := newestMeta(s.file); m.txid != s.txid { // 0 where it cannot be read
		return &lossError{fmt.Sprintf("%s was overwritten while it was in use", fileName)}
	}
	return nil
}

// sameFile compares an open file with what its path names, and returns its size.
func sameFile(f *os.File, path string) (size int64, err error) {
	open, err := f.Stat()
	if err != nil {
		return 0, err
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, &lossError{path + " was removed while it was in use"}
	}
	if err != nil {
		return 0, err
	}
	if !os.SameFile(open, there) {
		return 0, &lossError{"another file was put in the place of " + path + " while it was in use"}
	}
	return open.Size(), nil
}

// update changes the file in one commit, if it is still this store's own.
func (s *Store) update(change func(*bbolt.Tx) error) error {
	return guarded(func() error {
		if err := s.own(); err != nil {
			return err
		}
		return s.updateIn(s.db, change)
	})
}

func (s *Store) updateIn(db *bbolt.DB, change func(*bbolt.Tx) error) error {
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		return err
	}
	txid := uint64(tx.ID())
	if err := s.commit(tx); err != nil {
		return err
	}
	s.txid = txid
	return nil
}
