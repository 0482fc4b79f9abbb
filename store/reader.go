package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"railgate/store/journal"
)

// A Reader reads the file of a gate whose daemon is not running.
type Reader struct {
	db *bbolt.DB
}

// OpenReader opens a data folder's file for reading. While a daemon has it the
// error is ErrLocked. A damaged file is an error that says so.
func OpenReader(dir string) (*Reader, error) {
	path := filepath.Join(dir, fileName)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := inspect(f, info.Size()); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	r := new(Reader)
	err = guarded(func() (err error) {
		r.db, err = bbolt.Open(path, 0, &bbolt.Options{Timeout: time.Second, ReadOnly: true, PageSize: pageSize})
		return err
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%s: %w", dir, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Records are up to n records that follow a sequence number, oldest first.
func (r *Reader) Records(after uint64, n int) ([]journal.Record, error) {
	return readRecords(r.db, after, n)
}

// Close closes the file.
func (r *Reader) Close() error { return r.db.Close() }
