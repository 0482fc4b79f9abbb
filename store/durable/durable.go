// Package durable writes small files that a power cut leaves whole: the old text or
// the new one, never a part, and the new one once WriteFile has returned. It reads them
// without waiting for what may be in their place.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrNotFile is the answer where there is a folder, a pipe or a device in a file's place.
var ErrNotFile = errors.New("it is not a file")

// Open opens a file for reading. It never waits, as opening a pipe would.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, ErrNotFile)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a file of up to max bytes; a longer one is an error.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("%s has more than %d bytes", path, max)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// WriteFile puts data into the file at path, with exactly the permissions of mode, and
// returns once file and folder are on the disk. It writes a new file in the same
// folder, syncs it, renames it to path and syncs the folder (fsync(2): "does not
// necessarily ensure that the entry in the directory has also reached disk").
//
// After an error path holds the old text, or the new one whole: which of them a power
// cut would leave is not known. What was there before is replaced, a symbolic link
// itself and not what it names. The last of several concurrent writers wins.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return WriteFileAs(path, data, mode, -1, -1)
}

// WriteFileAs is WriteFile for a file of another user's and group's: the file has its owner
// before it has its name. -1 stands for the process's own.
func WriteFileAs(path string, data []byte, mode fs.FileMode, uid, gid int) error {
	return steps{(*os.File).Write, (*os.File).Sync, os.Rename}.writeFile(path, data, owner{mode, uid, gid})
}

// owner is whose a file is, and who else may use it.
type owner struct {
	mode     fs.FileMode
	uid, gid int
}

func (o owner) give(f *os.File) error {
	if o.uid != -1 || o.gid != -1 {
		if err := f.Chown(o.uid, o.gid); err != nil {
			return err
		}
	}
	return f.Chmod(o.mode)
}

// steps are what may fail; the tests let them fail.
type steps struct {
	write  func(f *os.File, data []byte) (int, error)
	sync   func(f *os.File) error
	rename func(from, to string) error
}

func (s steps) writeFile(path string, data []byte, o owner) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.new") // 0600
	if err != nil {
		return err
	}
	_, err = s.write(f, data)
	if err == nil {
		err = o.give(f)
	}
	if err == nil {
		err = s.sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return s.syncFolder(dir)
}

// SyncFolder returns once a folder's names are on the disk.
func SyncFolder(dir string) error { return steps{sync: (*os.File).Sync}.syncFolder(dir) }

func (s steps) syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(s.sync(d), d.Close())
}
