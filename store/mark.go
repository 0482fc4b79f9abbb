package store

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/durable"
)

// A mark says, in a small file of its own, that there is a store, and what must not be
// lost with it. There is one beside the store's file, and one elsewhere: whoever
// empties the folder leaves that one.
type mark struct {
	Note     string    `json:"note"`
	Store    string    `json:"store"` // which store: a name that it was given when it was made
	Seq      uint64    `json:"seq"`   // a record that was on the disk
	Proven   time.Time `json:"proven"`
	Rotating int64     `json:"rotating_seconds"` // the longest that a code was valid, as [Store.NoteValidity]
	Paper    int64     `json:"paper_seconds"`
	Sum      string    `json:"sum"` // CRC-32C of the rest, with this empty
}

const markNote = "There is a store in this gate's data folder. If its file is missing or another while this file is here, railgated denies the codes that it may have granted. Do not remove it with the folder."

const (
	markName     = "gate.was-here"
	markEvery    = 4096 // a mark that a power cut leaves is at most that many records old, and
	markProvenBy = 10 * time.Minute
)

// encode writes a mark as a file.
func (m mark) encode() ([]byte, error) {
	m.Note, m.Sum = markNote, ""
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return nil, err
	}
	m.Sum = hex.EncodeToString(seal(data, nil))
	data, err = json.MarshalIndent(m, "", "\t")
	return append(data, '\n'), err
}

// parseMark reads a mark. Anything but what encode wrote is an error.
func parseMark(data []byte) (m mark, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return mark{}, fmt.Errorf("mark: %w", err)
	}
	if again, err := m.encode(); err != nil || string(again) != string(data) {
		return mark{}, errors.New("mark: checksum mismatch")
	}
	return m, nil
}

// readMark reads the mark at a path. There may be one that cannot be read, or that an
// older version wrote: it says no more than that there was a store.
func readMark(path string) (m mark, there bool, err error) {
	data, err := durable.ReadFile(path, maxMark)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mark{}, false, nil
	case err != nil:
		return mark{}, true, err
	}
	m, _ = parseMark(data)
	return m, true, nil
}

// marks are where this store's marks are: beside its file, and elsewhere.
func (s *Store) marks() []string {
	paths := []string{filepath.Join(s.opt.Dir, markName)}
	if s.opt.Mark != "" {
		paths = append(paths, s.opt.Mark)
	}
	return paths
}

// recall reads the marks. The validity that is noted there is not lost with the file;
// of what is proven see [Store.judgeMarks].
func (s *Store) recall() (marks []mark, had bool) {
	if s.id != "" { // this process knows better than any mark
		marks, had = append(marks, mark{Store: s.id, Seq: s.newest}), true
	}
	for _, path := range s.marks() {
		m, there, err := readMark(path)
		if err != nil {
			s.log.Error("reading a mark of the store", "err", err)
		}
		if there {
			marks, had = append(marks, m), true
		}
		s.validity.note(validity{time.Duration(m.Rotating) * time.Second, time.Duration(m.Paper) * time.Second})
	}
	return marks, had
}

// maxMark bounds a mark's file, in bytes.
const maxMark = 4096

// mark writes the marks where they have become old or were taken away. Without the one outside the folder
// a gate works, and says so; so it does while the one beside the file is only old.
func (s *Store) mark() error {
	m := s.markNow()
	if m.Store == s.marked.Store && m.Rotating == s.marked.Rotating && m.Paper == s.marked.Paper &&
		m.Seq < s.marked.Seq+markEvery && m.Proven.Sub(s.marked.Proven) < markProvenBy && s.marksStand() {
		return nil
	}
	return s.writeMarks(m)
}

// marksStand tells whether the marks are there as they were written.
func (s *Store) marksStand() bool {
	newest := s.marked.Seq
	for _, path := range s.marks() {
		if m, _, err := readMark(path); err != nil || m.Store != s.marked.Store || m.Seq < newest {
			return false
		}
		if s.outside != nil {
			newest = s.seq // the second is the one outside
		}
	}
	return true
}

// markNewest has the mark outside the folder name the newest record, by which a start
// knows an older copy of the file. It is written after each commit, in its place and not
// waiting for the disk: a process that is killed leaves it exact, a power cut leaves it as
// old as the kernel's memory was, or as a mark that cannot be read.
func (s *Store) markNewest() {
	if s.outside == nil || s.marked.Store != s.id {
		return
	}
	m := s.marked
	m.Seq = s.seq
	data, err := m.encode()
	if err == nil {
		_, err = s.outside.WriteAt(data, 0) // never shorter than before: the number only grows
	}
	if err != nil {
		s.log.Warn("the mark outside the store's folder cannot be written", "err", err)
		s.closeOutside()
		s.marked = mark{} // the next look writes it again
	}
}

// openOutside opens the mark outside the folder, which was just written.
func (s *Store) openOutside() {
	s.closeOutside()
	if s.opt.Mark != "" {
		s.outside, _ = os.OpenFile(s.opt.Mark, os.O_WRONLY|unix.O_NONBLOCK, 0) // without it the mark is older
	}
}

func (s *Store) closeOutside() {
	if s.outside != nil {
		s.outside.Close()
		s.outside = nil
	}
}

// markNow is the mark as it would be written now.
func (s *Store) markNow() mark {
	return mark{
		Store: s.id, Seq: s.seq, Proven: s.floor.UTC(),
		Rotating: int64(s.validity.Rotating / time.Second), Paper: int64(s.validity.Paper / time.Second),
	}
}

func (s *Store) writeMarks(m mark) error {
	data, err := m.encode()
	if err != nil {
		return err
	}
	var failed error
	for _, path := range s.marks() {
		err := os.MkdirAll(filepath.Dir(path), 0o750)
		if err == nil {
			err = durable.WriteFile(path, data, 0o640)
		}
		failed = errors.Join(failed, err)
	}
	if failed != nil && !s.unmarked {
		s.log.Warn("a mark of the store cannot be written: if its folder is emptied, a restart may not know that codes were spent", "err", failed)
	}
	if s.unmarked = failed != nil; !s.unmarked {
		s.marked = m
		s.openOutside()
		return nil
	}
	if there, err := exists(s.marks()[0]); there || err != nil {
		return err
	}
	return failed
}

// judgeMarks holds a file against the marks. why is not empty where codes may have
// been spent that the file does not know of: it is another than a mark's. What was
// proven to that one still is. A file that is older than a mark of its own is damage,
// for its numbers must not be used again.
func (s *Store) judgeMarks(marks []mark, torn bool) (why string, err error) {
	for _, m := range marks {
		switch {
		case m.Store == "":
		case m.Store != s.id:
			s.floor = laterOf(s.floor, m.Proven)
			why = "this is not the store that was here before"
		case m.Seq > s.seq && !torn:
			return "", &damageError{fmt.Errorf("it is older than what was here: record %d was on the disk, and it ends with %d", m.Seq, s.seq)}
		}
	}
	return why, nil
}
