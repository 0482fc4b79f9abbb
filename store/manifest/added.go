package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// MaxAdded bounds the tickets of one day that are added or taken back.
const MaxAdded = 20_000

// Added are the additions of a day on a gate, in memory and in a file: one record for each
// addition, length (4) ‖ CRC-32C (4) ‖ its text, little-endian. They are kept until their day is
// over, whatever manifest comes meanwhile: what was taken back stays so.
//
// It is safe for concurrent use.
type Added struct {
	day  int
	path string

	writing sync.Mutex // guards the fields below; the disk may be slow while it is held
	file    *os.File   // nil: it could not be opened
	torn    bool       // the file does not have all that is in memory,
	fresh   bool       // or not on the disk

	mu      sync.Mutex // guards the fields below; nobody holds it while the disk writes
	station string
	tickets map[[32]byte]added
	holders map[string][][32]byte
	last    int64
}

type added struct {
	Change
	serial uint64
}

// ErrManyAdded is a day of more additions than a gate keeps.
var ErrManyAdded = fmt.Errorf("more than %d tickets of one day are added or taken back; publish the day's manifest again", MaxAdded)

// OpenAdded reads a day's additions, and goes on with their file. A file that cannot be
// opened or read to its end is an error, and what could be read of it counts: [Added.Save]
// makes the file again.
func OpenAdded(path string, day int) (*Added, error) {
	a := &Added{day: day, path: path, tickets: map[[32]byte]added{}, holders: map[string][][32]byte{}, torn: true}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return a, err
	}
	a.file = f
	data, err := io.ReadAll(io.LimitReader(f, maxAddedFile+1))
	if err == nil {
		err = a.read(data)
	}
	a.torn = err != nil
	if err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// maxAddedFile bounds what is read at a start.
const maxAddedFile = 64 << 20

func (a *Added) read(data []byte) error {
	for len(data) > 0 {
		if len(data) < 8 {
			return ErrDamaged
		}
		n, sum := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[4:])
		if n > maxAddition || int(n) > len(data)-8 || crc32.Checksum(data[8:8+n], castagnoli) != sum {
			return ErrDamaged
		}
		x, err := parseAddition(string(data[8 : 8+n]))
		if err != nil || x.Day != a.day {
			return errors.Join(ErrDamaged, err)
		}
		if err := a.put(x); err != nil {
			return err
		}
		data = data[8+n:]
	}
	return nil
}

// put takes an addition into memory. The caller holds mu.
func (a *Added) put(x *Addition) (err error) {
	a.station = x.Station
	for _, c := range x.Changes {
		id := c.Row.ID()
		old, had := a.tickets[id]
		switch {
		case had && old.serial >= x.Serial:
			continue
		case !had && len(a.tickets) >= MaxAdded:
			err = ErrManyAdded
			continue
		case !had:
			a.holders[c.Row.Holder] = append(a.holders[c.Row.Holder], id)
		}
		a.tickets[id] = added{c, x.Serial}
		if c.Row.Kind == Single && !c.Refunded {
			a.last = max(a.last, c.Row.Until)
		}
	}
	return err
}

// news tells whether an addition says what is not known. The caller holds mu.
func (a *Added) news(x *Addition) bool {
	return slices.ContainsFunc(x.Changes, func(c Change) bool {
		old, had := a.tickets[c.Row.ID()]
		return !had || old.serial < x.Serial
	})
}

// Take takes an addition: it counts at once. It survives a power cut once [Added.Save] has
// returned nil.
func (a *Added) Take(x *Addition) error {
	if x.Day != a.day {
		return fmt.Errorf("an addition of %d among those of %d", x.Day, a.day)
	}
	a.mu.Lock()
	news := a.news(x)
	err := a.put(x)
	a.mu.Unlock()
	if !news {
		return err
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	a.fresh = true
	if a.torn {
		return err
	}
	if _, errWrite := a.file.Write(record(x)); errWrite != nil {
		a.torn, err = true, errors.Join(err, errWrite)
	}
	return err
}

func record(x *Addition) []byte {
	text := x.text()
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum([]byte(text), castagnoli))
	return append(b, text...)
}

// Save has the disk keep what was taken.
func (a *Added) Save() error {
	a.writing.Lock()
	if a.torn {
		defer a.writing.Unlock()
		return a.replace()
	}
	file, fresh := a.file, a.fresh
	a.fresh = false
	a.writing.Unlock()
	if !fresh {
		return nil
	}
	err := errors.Join(file.Sync(), syncFolder(filepath.Dir(a.path)))
	if err != nil {
		a.writing.Lock()
		defer a.writing.Unlock()
		a.torn = true
	}
	return err
}

// replace makes the file again of what is in memory. The caller holds writing.
func (a *Added) replace() error {
	var all bytes.Buffer
	a.mu.Lock()
	for _, t := range a.tickets {
		all.Write(record(&Addition{Station: a.station, Day: a.day, Serial: t.serial, Changes: []Change{t.Change}}))
	}
	a.mu.Unlock()
	temp := a.path + ".new"
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(all.Bytes())
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Rename(temp, a.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(temp))
	}
	if a.file != nil {
		a.file.Close()
	}
	a.file, a.torn, a.fresh = f, false, false
	return syncFolder(filepath.Dir(a.path))
}

// Lookup gives what is said of a holder's tickets.
func (a *Added) Lookup(holder string) (changes []Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.holders[holder] {
		changes = append(changes, a.tickets[id].Change)
	}
	return changes
}

// Of gives what is said of a ticket, and the number of the addition that says it.
func (a *Added) Of(id [32]byte) (c Change, serial uint64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.tickets[id]
	return t.Change, t.serial, ok
}

// Len is how many tickets are added, and how many are taken back.
func (a *Added) Len() (sold, refunded int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.tickets {
		if t.Refunded {
			refunded++
		} else {
			sold++
		}
	}
	return sold, refunded
}

// Last is the latest end of a single ticket that was added.
func (a *Added) Last() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Unix(a.last, 0)
}

// Day is which day's they are (yyyymmdd).
func (a *Added) Day() int { return a.day }

// Close ends the use of the file.
func (a *Added) Close() error {
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
