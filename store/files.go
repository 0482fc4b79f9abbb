package store

import (
	"bytes"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// Files of repositories, which can be fetched again: bucket "files", made when it is
// first written to.
//
//	repository ‖ 0 ‖ name → the file's bytes, sealed
var filesBucket = []byte("files")

func fileKey(repository, name string) []byte {
	return slices.Concat([]byte(repository), []byte{0}, []byte(name))
}

// File is a file of a repository that was kept; nil where there is none. One that rotted
// is none: it is fetched again.
func (s *Store) File(repository, name string) (data []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, s.err
	}
	key := fileKey(repository, name)
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(filesBucket)
			if b == nil {
				return nil
			}
			sealed := b.Get(key)
			if sealed == nil {
				return nil
			}
			value, err := unseal(key, sealed)
			if err != nil {
				s.log.Warn("a file that was kept is damaged; it is fetched again", "repository", repository, "name", name)
				return nil
			}
			data = bytes.Clone(value)
			return nil
		})
	})
	return data, err
}

// ReplaceFile puts a file of a repository in the place of the one that is kept, where replaces
// says so of that one (nil: none is kept), in one transaction. It tells whether it did.
func (s *Store) ReplaceFile(repository, name string, data []byte, replaces func(old []byte) bool) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return false, s.err
	}
	err = s.update(func(tx *bbolt.Tx) error {
		done = false
		b, err := tx.CreateBucketIfNotExists(filesBucket)
		if err != nil {
			return fmt.Errorf("files: %w", err)
		}
		key := fileKey(repository, name)
		var old []byte
		if sealed := b.Get(key); sealed != nil {
			if value, err := unseal(key, sealed); err == nil { // one that rotted is none
				old = bytes.Clone(value)
			}
		}
		if !replaces(old) {
			return nil
		}
		done = true
		return b.Put(key, seal(key, bytes.Clone(data)))
	})
	if err != nil {
		s.fail(err)
		return false, s.err
	}
	return done, nil
}

// PutFiles keeps files of a repository, and forgets those whose bytes are nil, in one
// commit.
func (s *Store) PutFiles(repository string, files map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.err
	}
	err := s.update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(filesBucket)
		if err != nil {
			return fmt.Errorf("files: %w", err)
		}
		for name, data := range files {
			key := fileKey(repository, name)
			if data == nil {
				err = b.Delete(key)
			} else {
				err = b.Put(key, seal(key, bytes.Clone(data)))
			}
			if err != nil {
				return fmt.Errorf("files: %s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		s.fail(err)
		return s.err
	}
	return nil
}
