package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"railgate/store/journal"
)

// Salvage reads what can be read of the journal in a damaged file: every record
// on any leaf page whose checksum fits, each once, oldest first.
func Salvage(path string) ([]journal.Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	bySeq := map[uint64]journal.Record{}
	salvage(f, info.Size(), func(r journal.Record) { bySeq[r.Seq] = r })
	records := make([]journal.Record, 0, len(bySeq))
	for _, r := range bySeq {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b journal.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	return records, nil
}

// salvage hands each readable record of a file to found, in the order of pages.
// Old copies of a page hold the same records again.
func salvage(r io.ReaderAt, size int64, found func(journal.Record)) {
	data := make([]byte, pageSize)
	for at := int64(0); at+pageSize <= size; at += pageSize {
		if _, err := r.ReadAt(data, at); err != nil {
			continue // a bad block
		}
		if binary.LittleEndian.Uint16(data[8:]) != leafPage {
			continue
		}
		for i := range int(binary.LittleEndian.Uint16(data[10:])) {
			items, err := leafItem(data, i)
			if err != nil {
				break
			}
			salvageItem(items, found)
		}
	}
}

// leafItem is one element of a leaf, whatever the others are.
func leafItem(data []byte, i int) (item, error) {
	at := pageHeaderSize + i*elementSize
	if at+elementSize > len(data) {
		return item{}, io.ErrUnexpectedEOF
	}
	one := make([]byte, 0, len(data))
	one = append(one, data[:pageHeaderSize]...)
	one = append(one, data[at:]...)
	items, err := leafItems(one, 1, "page")
	if err != nil {
		return item{}, err
	}
	return items[0], nil
}

func salvageItem(it item, found func(journal.Record)) {
	if it.bucket {
		if len(it.value) > 16+pageHeaderSize { // a small bucket in line
			inline := it.value[16:]
			for i := range int(binary.LittleEndian.Uint16(inline[10:])) {
				if one, err := leafItem(inline, i); err == nil && !one.bucket {
					salvageItem(one, found)
				}
			}
		}
		return
	}
	if len(it.key) != 8 {
		return
	}
	r := journal.Record{Seq: binary.BigEndian.Uint64(it.key)}
	if decodeSealed(it.key, it.value, &r) == nil && r.Kind != "" {
		found(r)
	}
}

// lastSalvaged is the highest sequence number that can be read in a file, so that
// the journal that follows does not use it again. 0: none.
func lastSalvaged(path string) (last uint64) {
	records, err := Salvage(path)
	if err != nil || len(records) == 0 {
		return 0
	}
	return records[len(records)-1].Seq
}

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
