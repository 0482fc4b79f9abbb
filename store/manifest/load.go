package manifest

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// MaxWindow is the largest window of zstd that a gate takes, which is memory.
const MaxWindow = 4 << 20

// Load makes a table at path of a manifest, a CSV file in zstd, of a day (yyyymmdd). The
// first row that is wrong refuses it, and path stays as it was. The table is on the disk
// when Load returns. pause is called between pieces of work of a millisecond or less, and
// may end them with a panic-free wait; stop, where it gives an error, ends it all.
func Load(source, path string, day int, pause func(), stop func() error) error {
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	z, err := zstd.NewReader(io.TeeReader(f, sum), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(MaxWindow))
	if err != nil {
		return err
	}
	defer z.Close()
	s, err := newSorter(filepath.Dir(path), pause)
	if err != nil {
		return err
	}
	defer s.close()
	err = ReadCSV(z, func(line int, r *Row) error {
		if line%pieceRows == 0 {
			if err := stop(); err != nil {
				return err
			}
		}
		return s.add(line, r)
	}, func(bad *RowError) error { return bad })
	if err != nil {
		return err
	}
	if _, err := io.Copy(sum, f); err != nil { // what zstd has not read
		return err
	}
	return s.save(path, day, [32]byte(sum.Sum(nil)), stop)
}

// save writes the table beside path, and puts it in its place.
func (s *sorter) save(path string, day int, source [32]byte, stop func() error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".table-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
		err = errors.Join(err, f.Close())
	}()
	h := header{day: day, names: len(s.names.list), last: s.last, source: source}
	out := newPacer(f)
	out.Write(make([]byte, headerSize))
	err = s.merge(func(row []byte) error {
		if h.rows++; h.rows%pieceRows == 0 {
			if err := stop(); err != nil {
				return err
			}
		}
		_, err := out.Write(row)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range s.names.list {
		text := append([]byte{byte(len(name))}, name...)
		h.nameBytes, h.nameCRC = h.nameBytes+len(text), crc32.Update(h.nameCRC, castagnoli, text)
		out.Write(text)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if _, err := f.WriteAt(h.encode(), 0); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o640), f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// A pacer writes a file a piece at a time, and waits until each is on its way to the
// disk: a passage's commit must not wait for megabytes of tickets that are written before
// it.
type pacer struct {
	*bufio.Writer
}

const pieceBytes = 64 << 10

func newPacer(f *os.File) *pacer { return &pacer{bufio.NewWriterSize(&paced{f: f}, pieceBytes)} }

type paced struct {
	f  *os.File
	at int64
}

func (p *paced) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	if err != nil {
		return n, fmt.Errorf("%s: %w", p.f.Name(), err)
	}
	// What the file system does not know of this is only slower.
	unix.SyncFileRange(int(p.f.Fd()), p.at, int64(n), unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	p.at += int64(n)
	return n, nil
}
