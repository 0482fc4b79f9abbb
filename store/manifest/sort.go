package manifest

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

// While they are sorted rows have their line behind them, for errors.
const (
	lineRowSize = rowSize + 4
	runRows     = 4096
	sortRows    = 256     // are sorted at once: all of a run's would take milliseconds
	runBuffer   = 8 << 10 // bytes, of each run that is merged
)

type lineRow [lineRowSize]byte

func (r *lineRow) line() int { return int(binary.LittleEndian.Uint32(r[rowSize:])) }

// A sorter puts rows in order, in runs in a temporary file.
type sorter struct {
	names names
	last  int64
	rows  []lineRow
	file  *os.File
	out   *pacer
	runs  []int // rows of each
	pause func()
}

// newSorter makes a sorter whose file is in a folder, and has no name there.
func newSorter(dir string, pause func()) (*sorter, error) {
	f, err := os.CreateTemp(dir, ".runs-*")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name()) // it goes with the process
	return &sorter{file: f, out: newPacer(f), rows: make([]lineRow, 0, runRows), pause: pause}, nil
}

func (s *sorter) add(line int, r *Row) error {
	var b lineRow
	if err := r.encode(b[:], &s.names); err != nil {
		return err
	}
	if r.Kind == Single {
		s.last = max(s.last, r.Until)
	}
	binary.LittleEndian.PutUint32(b[rowSize:], uint32(line))
	s.rows = append(s.rows, b)
	if len(s.rows)%sortRows == 0 {
		sortPiece(s.rows[len(s.rows)-sortRows:])
	}
	if len(s.rows)%pieceRows == 0 {
		s.pause()
	}
	if len(s.rows) == runRows {
		return s.flush()
	}
	return nil
}

func sortPiece(rows []lineRow) {
	slices.SortFunc(rows, func(a, b lineRow) int { return compareRows(a[:], b[:]) })
}

// flush writes a run: its rows by pieces that are in order.
func (s *sorter) flush() error {
	sortPiece(s.rows[len(s.rows)-len(s.rows)%sortRows:]) // the others are
	pieces := slices.Collect(slices.Chunk(s.rows, sortRows))
	for i := range s.rows {
		least := 0
		for k := range pieces {
			if compareRows(pieces[k][0][:], pieces[least][0][:]) < 0 {
				least = k
			}
		}
		if _, err := s.out.Write(pieces[least][0][:]); err != nil {
			return err
		}
		if pieces[least] = pieces[least][1:]; len(pieces[least]) == 0 {
			pieces = slices.Delete(pieces, least, least+1)
		}
		if i%pieceRows == 0 {
			s.pause()
		}
	}
	s.runs, s.rows = append(s.runs, len(s.rows)), s.rows[:0]
	return nil
}

// merge hands the rows to take in their order. Two alike are an error.
func (s *sorter) merge(take func(row []byte) error) error {
	if len(s.rows) > 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.rows = nil
	if err := s.out.Flush(); err != nil {
		return err
	}
	h, err := s.open()
	if err != nil {
		return err
	}
	var before lineRow
	for n := 0; len(h) > 0; n++ {
		r := &h[0].row
		if n > 0 && compareRows(before[:], r[:]) == 0 {
			a, b := min(before.line(), r.line()), max(before.line(), r.line())
			return &RowError{b, "", fmt.Sprintf("is the same ticket as line %d", a)}
		}
		if err := take(r[:rowSize]); err != nil {
			return err
		}
		before = *r
		switch more, err := h[0].next(); {
		case err != nil:
			return err
		case more:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
		}
		if n%pieceRows == 0 {
			s.pause()
		}
	}
	return nil
}

// open begins to read each run.
func (s *sorter) open() (runs, error) {
	var h runs
	at := int64(0)
	for _, n := range s.runs {
		size := int64(n) * lineRowSize
		r := &run{in: bufio.NewReaderSize(io.NewSectionReader(s.file, at, size), runBuffer)}
		if _, err := r.next(); err != nil {
			return nil, err
		}
		h, at = append(h, r), at+size
	}
	heap.Init(&h)
	return h, nil
}

func (s *sorter) close() error { return s.file.Close() }

// A run is one that is being read.
type run struct {
	in  *bufio.Reader
	row lineRow
}

// next reads the next row, and reports whether there was one.
func (r *run) next() (bool, error) {
	_, err := io.ReadFull(r.in, r.row[:])
	if err == io.EOF {
		return false, nil
	}
	return err == nil, err
}

// runs are ordered by their next rows (container/heap).
type runs []*run

func (h runs) Len() int           { return len(h) }
func (h runs) Less(i, j int) bool { return compareRows(h[i].row[:], h[j].row[:]) < 0 }
func (h runs) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runs) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runs) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	*h = (*h)[:last]
	return r
}
