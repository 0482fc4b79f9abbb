package store

import (
	"bytes"
	"io"
	"os"
)

// unsentFrom is from, or the first record that the station does not have, if that is earlier.
func (s *Store) unsentFrom(found *survey, from uint64) (uint64, error) {
	f, err := os.Open(s.path())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	log, err := readLog(f, found)
	if err != nil {
		return 0, &damageError{err}
	}
	if log.name == "" || from <= log.first {
		return from, nil
	}
	return max(found.first, min(from, max(log.first, log.sent()+1))), nil
}

// readLog reads the log of a file without bbolt; one without a name is none.
func readLog(r io.ReaderAt, found *survey) (epoch, error) {
	values, err := bucketValues(r, found.meta, metaBucket)
	if err != nil {
		return epoch{}, err
	}
	log, ends, err := loadEpoch(values, found.first, found.last)
	if ends != "" {
		return epoch{}, err
	}
	return log, err
}

// logFrom is the log of a file as it is when the journal begins with a record. Where the
// records before it cannot be read, or are too many, it has none: another epoch begins.
func logFrom(old *os.File, found *survey, from uint64) (epoch, error) {
	log, err := readLog(old, found)
	switch {
	case err != nil:
		return epoch{}, &damageError{err}
	case from == found.first:
		return log, nil
	case int64(found.leaves)*pageSize > logAtMost:
		return epoch{}, nil
	}
	err = eachChunk(old, found.meta, func(chunk []Leaf) {
		for _, leaf := range chunk {
			if leaf.Seq >= log.first {
				log.base.Append(leaf.Hash)
				log.bare--
			}
		}
	})
	if err == nil {
		err = walkJournal(old, found.first, found.last, found.first-1, func(e stored) bool {
			if e.seq < from {
				log.remove(e.seq, e.value)
			}
			return e.seq < from && log.gap == ""
		})
	}
	if err != nil || log.gap != "" {
		return epoch{}, nil
	}
	return log, nil
}

// eachChunk reads the leaves without records of a file without bbolt.
func eachChunk(r io.ReaderAt, m meta, found func([]Leaf)) error {
	t := newTree(r, m)
	return t.buckets(m.root, func(name string, value []byte) error {
		if name != string(leavesBucket) {
			return nil
		}
		return t.values(value, func(e element) error {
			chunk, err := readChunk(e.key, e.value)
			if err == nil {
				found(chunk)
			}
			return err
		})
	})
}

// logAtMost is how large a journal may be of which a start reads what is not copied.
const logAtMost = 256 << 20

// bucketValues reads a small bucket of a file without bbolt.
func bucketValues(r io.ReaderAt, m meta, bucket []byte) (values valueMap, err error) {
	values = valueMap{}
	t := newTree(r, m)
	err = t.buckets(m.root, func(name string, value []byte) error {
		if name != string(bucket) {
			return nil
		}
		return t.values(value, func(e element) error {
			values[string(e.key)] = bytes.Clone(e.value)
			return nil
		})
	})
	return values, err
}

// A valueMap is a bucket in memory.
type valueMap map[string][]byte

// Get is a value; nil where there is none.
func (m valueMap) Get(key []byte) []byte { return m[string(key)] }
