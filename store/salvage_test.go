package store

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"railgate/store/journal"
)

// FuzzSalvage feeds files to what reads damaged ones: it never panics, and tells each
// record once, in order.
func FuzzSalvage(f *testing.F) {
	s, err := Open(Options{Dir: filepath.Join(f.TempDir(), "data"), Now: func() (time.Time, bool) { return noon, true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	for n := range 40 {
		if _, err := s.Grant(use(n), noon.Add(time.Hour), granted(n)); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(s.path())
	if err != nil {
		f.Fatal(err)
	}
	whole = whole[:64*pageSize]
	f.Add(whole, 0, []byte{})
	f.Add(whole, 5*pageSize+10, []byte{0xff, 0xff})
	f.Add(whole, 6*pageSize+20, []byte{0xff})
	f.Fuzz(func(t *testing.T, data []byte, at int, patch []byte) {
		if at >= 0 && at+len(patch) <= len(data) {
			data = bytes.Clone(data)
			copy(data[at:], patch)
		}
		last := uint64(0)
		err := salvage(bytes.NewReader(data), int64(len(data)), func(r journal.Record) error {
			if r.Seq <= last {
				t.Errorf("record %d after %d", r.Seq, last)
			}
			last = r.Seq
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if got, _ := highest(bytes.NewReader(data), int64(len(data))); got < last {
			t.Errorf("highest = %d; want %d or more", got, last)
		}
	})
}

// countingReader counts what is read.
type countingReader struct {
	io.ReaderAt
	reads int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.ReaderAt.ReadAt(p, off)
}

// The highest number is found with as many reads whatever the file's size.
func TestHighestOfALargeFile(t *testing.T) {
	g := newGate(t)
	for _, tt := range []struct {
		records int
		exact   bool
	}{{100, true}, {150_000, false}} {
		g.fill(tt.records)
		f, err := os.Open(g.path())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		r := &countingReader{ReaderAt: f}
		last, exact := highest(r, info.Size())
		if last < g.Seq() || exact != tt.exact || exact && last != g.Seq() || r.reads > sampledPages {
			t.Errorf("%d pages: highest = %d, exactly %v, in %d reads; want %d or more, exactly %v, in %d reads", info.Size()/pageSize, last, exact, r.reads, g.Seq(), tt.exact, sampledPages)
		}
	}
}
