package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A Kind says how often a ticket lets its holder in.
type Kind uint8

const (
	Single Kind = iota + 1
	Multi
	Period
)

var kinds = map[string]Kind{"single": Single, "multi": Multi, "period": Period}

// A Row is one ticket.
type Row struct {
	Holder      string // raw bytes, 8 to 32
	Kind        Kind
	Train       string
	From, Until int64 // seconds since 1970
	Station     string
	Count       int
	People      int
}

// ID names a ticket on every day on which it is listed: the SHA-256 of what it is for,
// not of how often. It is as long as a ticket's name in the store.
func (r *Row) ID() [sha256.Size]byte {
	h := sha256.New()
	for _, s := range []string{r.Holder, r.Train, r.Station} {
		h.Write([]byte{byte(len(s))})
		h.Write([]byte(s))
	}
	var fixed [17]byte
	fixed[0] = byte(r.Kind)
	binary.LittleEndian.PutUint64(fixed[1:], uint64(r.From))
	binary.LittleEndian.PutUint64(fixed[9:], uint64(r.Until))
	h.Write(fixed[:])
	return [sha256.Size]byte(h.Sum(nil))
}

const (
	rowSize   = 64
	subSize   = 32
	orderSize = 54 // rows are ordered, and unlike, in so many bytes
	crcAt     = rowSize - 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// names numbers the trains and the stations of a table.
type names struct {
	number map[string]uint16
	list   []string
}

const maxNames = 1<<16 - 1

var errNames = errors.New("the file has more than 65535 trains and stations")

// of is a name's number; 0 is that of no name.
func (n *names) of(name string) (uint16, error) {
	if name == "" {
		return 0, nil
	}
	if i, ok := n.number[name]; ok {
		return i, nil
	}
	if len(n.list) == maxNames {
		return 0, errNames
	}
	if n.number == nil {
		n.number = map[string]uint16{}
	}
	n.list = append(n.list, name)
	i := uint16(len(n.list))
	n.number[name] = i
	return i, nil
}

// at is the name of a number.
func (n *names) at(i uint16) (string, bool) {
	if i == 0 {
		return "", true
	}
	if int(i) > len(n.list) {
		return "", false
	}
	return n.list[i-1], true
}

// encode writes a row's bytes.
func (r *Row) encode(b []byte, n *names) error {
	train, err1 := n.of(r.Train)
	station, err2 := n.of(r.Station)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	clear(b[:rowSize])
	copy(b, r.Holder)
	b[32], b[33] = byte(len(r.Holder)), byte(r.Kind)
	binary.LittleEndian.PutUint16(b[34:], train)
	binary.LittleEndian.PutUint16(b[36:], station)
	binary.LittleEndian.PutUint64(b[38:], uint64(r.From))
	binary.LittleEndian.PutUint64(b[46:], uint64(r.Until))
	b[54] = byte(r.People)
	binary.LittleEndian.PutUint32(b[56:], uint32(r.Count))
	binary.LittleEndian.PutUint32(b[crcAt:], crc32.Checksum(b[:crcAt], castagnoli))
	return nil
}

// decode reads a row's bytes.
func decode(b []byte, n *names) (r Row, err error) {
	if binary.LittleEndian.Uint32(b[crcAt:]) != crc32.Checksum(b[:crcAt], castagnoli) {
		return Row{}, errors.New("checksum mismatch")
	}
	train, ok1 := n.at(binary.LittleEndian.Uint16(b[34:]))
	station, ok2 := n.at(binary.LittleEndian.Uint16(b[36:]))
	if b[32] > subSize || !ok1 || !ok2 {
		return Row{}, errors.New("a row that this program does not write")
	}
	return Row{
		Holder: string(b[:b[32]]), Kind: Kind(b[33]), Train: train, Station: station,
		From: int64(binary.LittleEndian.Uint64(b[38:])), Until: int64(binary.LittleEndian.Uint64(b[46:])),
		People: int(b[54]), Count: int(binary.LittleEndian.Uint32(b[56:])),
	}, nil
}

// holderKey is the beginning of the rows of a holder.
func holderKey(holder string) (key [subSize + 1]byte) {
	copy(key[:], holder)
	key[subSize] = byte(len(holder))
	return key
}

func compareRows(a, b []byte) int { return bytes.Compare(a[:orderSize], b[:orderSize]) }

// Window is a row's window as times.
func (r *Row) Window() (from, until time.Time) { return time.Unix(r.From, 0), time.Unix(r.Until, 0) }
