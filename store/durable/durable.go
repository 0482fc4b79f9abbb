// Package durable writes small files that a power cut leaves whole: the old text or
// the new one, never a part, and the new one once WriteFile has returned.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile puts data into the file at path, with exactly the permissions of mode, and
// returns once file and folder are on the disk. It writes a new file in the same
// folder, syncs it, renames it to path and syncs the folder (fsync(2): "does not
// necessarily ensure that the entry in the directory has also reached disk").
//
// After an error path holds the old text, or the new one whole: which of them a power
// cut would leave is not known. What was there before is replaced, a symbolic link
// itself and not what it names. The last of several concurrent writers wins.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return steps{(*os.File).Write, (*os.File).Sync, os.Rename}.writeFile(path, data, mode)
}

// steps are what may fail; the tests let them fail.
type steps struct {
	write  func(f *os.File, data []byte) (int, error)
	sync   func(f *os.File) error
	rename func(from, to string) error
}

func (s steps) writeFile(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.new") // 0600
	if err != nil {
		return err
	}
	_, err = s.write(f, data)
	if err == nil {
		err = f.Chmod(mode)
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

func (s steps) syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(s.sync(d), d.Close())
}
