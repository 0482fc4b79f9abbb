package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime/debug"
	"sort"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	magic      = "RGTICKT1"
	headerSize = 80
	maxNameLen = 32
)

// header is a table's beginning.
type header struct {
	day       int
	names     int
	rows      int64
	last      int64
	nameBytes int
	nameCRC   uint32
	source    [32]byte
}

func (h *header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], uint32(h.day))
	binary.LittleEndian.PutUint32(b[12:], uint32(h.names))
	binary.LittleEndian.PutUint64(b[16:], uint64(h.rows))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.last))
	binary.LittleEndian.PutUint32(b[32:], uint32(h.nameBytes))
	binary.LittleEndian.PutUint32(b[36:], h.nameCRC)
	copy(b[40:], h.source[:])
	binary.LittleEndian.PutUint32(b[76:], crc32.Checksum(b[:76], castagnoli))
	return b
}

// parseHeader reads a header of a file of a size.
func parseHeader(b []byte, size int64) (h header, err error) {
	if len(b) < headerSize || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[76:]) != crc32.Checksum(b[:76], castagnoli) {
		return h, errors.New("not a table of tickets, or a damaged one")
	}
	h = header{
		day: int(binary.LittleEndian.Uint32(b[8:])), names: int(binary.LittleEndian.Uint32(b[12:])), rows: int64(binary.LittleEndian.Uint64(b[16:])),
		last: int64(binary.LittleEndian.Uint64(b[24:])), nameBytes: int(binary.LittleEndian.Uint32(b[32:])), nameCRC: binary.LittleEndian.Uint32(b[36:]),
		source: [32]byte(b[40:72]),
	}
	if h.rows < 0 || h.rows > MaxRows || h.names > maxNames || size != headerSize+h.rows*rowSize+int64(h.nameBytes) {
		return h, fmt.Errorf("it has %d bytes, which is not what its header says", size)
	}
	return h, nil
}

// A Table is a day's tickets in a mapped file. Its methods may be called concurrently.
type Table struct {
	header
	list names

	mu   sync.RWMutex // held while the mapping is used, so that Close does not take it away
	data []byte       // nil: closed
}

// ErrDamaged is a table that is not what was written.
var ErrDamaged = errors.New("the table of tickets is damaged")

// Open maps a table. It reads the header and the names; [Verify] reads the rest.
func Open(path string) (t *Table, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, list, err := readEnds(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	size := int(headerSize + h.rows*rowSize + int64(h.nameBytes))
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	unix.Madvise(data, unix.MADV_RANDOM) // it is searched, not read through
	return &Table{header: h, list: list, data: data}, nil
}

// readEnds reads a table's header and its names.
func readEnds(f *os.File) (h header, list names, err error) {
	info, err := f.Stat()
	if err != nil {
		return h, list, err
	}
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return h, list, fmt.Errorf("header: %w", err)
	}
	if h, err = parseHeader(b, info.Size()); err != nil {
		return h, list, err
	}
	if h.nameBytes > maxNames*(1+maxNameLen) {
		return h, list, errors.New("its names are too long")
	}
	text := make([]byte, h.nameBytes)
	if _, err := f.ReadAt(text, headerSize+h.rows*rowSize); err != nil && !(err == io.EOF && h.nameBytes == 0) {
		return h, list, fmt.Errorf("names: %w", err)
	}
	if crc32.Checksum(text, castagnoli) != h.nameCRC {
		return h, list, errors.New("names: checksum mismatch")
	}
	for len(text) > 0 {
		n := int(text[0])
		if len(text) < 1+n {
			return h, list, errors.New("names: cut off")
		}
		list.list, text = append(list.list, string(text[1:1+n])), text[1+n:]
	}
	if len(list.list) != h.names {
		return h, list, errors.New("names: some are missing")
	}
	return h, list, nil
}

// Day is the service day, as yyyymmdd; Rows is how many tickets it has; Source is the
// SHA-256 of the file it was made of.
func (t *Table) Day() int         { return t.day }
func (t *Table) Rows() int        { return int(t.rows) }
func (t *Table) Source() [32]byte { return t.source }

// Last is the end of the last single ticket: when the service day is over.
func (t *Table) Last() time.Time { return time.Unix(t.last, 0) }

// maxOfHolder bounds the tickets of one holder in a day.
const maxOfHolder = 64

// Lookup finds a holder's tickets. An error is [ErrDamaged]: a row is not what was
// written, or the file was cut off beneath the mapping.
func (t *Table) Lookup(holder string) (rows []Row, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.data == nil || len(holder) > subSize {
		return nil, nil
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			rows, err = nil, fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	key := holderKey(holder)
	n := int(t.rows)
	for i := sort.Search(n, func(i int) bool { return bytes.Compare(t.row(i)[:len(key)], key[:]) >= 0 }); i < n && len(rows) < maxOfHolder; i++ {
		b := t.row(i)
		if !bytes.Equal(b[:len(key)], key[:]) {
			break
		}
		row, err := decode(b, &t.list)
		if err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", ErrDamaged, i, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// row is a row's bytes in the mapping.
func (t *Table) row(i int) []byte { return t.data[headerSize+i*rowSize:][:rowSize] }

// Close takes the mapping away.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.data == nil {
		return nil
	}
	data := t.data
	t.data = nil
	return unix.Munmap(data)
}

// Verify reads all of a table's file, and says whether it is what was written. pause is
// called between pieces of work.
func Verify(path string, pause func()) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, list, err := readEnds(f)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	before, piece := make([]byte, rowSize), make([]byte, pieceRows*rowSize)
	for i := int64(0); i < h.rows; i += pieceRows {
		rows := piece[:min(pieceRows, h.rows-i)*rowSize]
		if _, err := f.ReadAt(rows, headerSize+i*rowSize); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
		}
		for j := int64(0); len(rows) > 0; j++ {
			if _, err := decode(rows, &list); err != nil {
				return fmt.Errorf("%w: %s: row %d: %w", ErrDamaged, path, i+j, err)
			}
			if i+j > 0 && compareRows(before, rows) >= 0 {
				return fmt.Errorf("%w: %s: row %d is not in order", ErrDamaged, path, i+j)
			}
			copy(before, rows)
			rows = rows[rowSize:]
		}
		pause()
	}
	return nil
}

// pieceRows are the rows of a piece of work: a tenth of a millisecond's or so.
const pieceRows = 64
