package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// MaxRecord bounds a journal message's body: a record's CBOR is far shorter.
const MaxRecord = 16 << 10

// A Place is where a journal message's record stands: which gate's, of which epoch, and which.
type Place struct {
	Gate, Epoch string
	Seq         uint64 // the record's sequence number
	First       uint64 // that of the epoch's leaf 0
}

// Leaf is the record's index in the epoch's tree.
func (p Place) Leaf() int64 { return int64(p.Seq - p.First) }

// Header is the place as a message's headers. The body is the record's CBOR: the leaf's bytes.
func (p Place) Header() map[string][]string {
	number := func(n uint64) []string { return []string{strconv.FormatUint(n, 10)} }
	return map[string][]string{
		HeaderGate: {p.Gate}, HeaderEpoch: {p.Epoch}, HeaderSeq: number(p.Seq), HeaderFirst: number(p.First),
	}
}

// ParsePlace reads the headers of a journal message that came on a subject: the gate's name there
// is the one that the server let it use, and the header must say the same.
func ParsePlace(subject string, header map[string][]string) (Place, error) {
	one := func(name string) string {
		if v := header[name]; len(v) == 1 {
			return v[0]
		}
		return ""
	}
	p := Place{Gate: one(HeaderGate), Epoch: one(HeaderEpoch)}
	var errSeq, errFirst error
	p.Seq, errSeq = parseNumber(one(HeaderSeq))
	p.First, errFirst = parseNumber(one(HeaderFirst))
	switch {
	case !journal.GoodName(p.Gate) || !journal.GoodName(p.Epoch):
		return Place{}, fmt.Errorf("gate %q and epoch %q in the headers; want names", p.Gate, p.Epoch)
	case GateOf(subject) != p.Gate:
		return Place{}, fmt.Errorf("gate %q in the headers of a message on %q", p.Gate, subject)
	case errSeq != nil || errFirst != nil:
		return Place{}, fmt.Errorf("seq and first in the headers: %w", errors.Join(errSeq, errFirst))
	case p.First < 1 || p.Seq < p.First:
		return Place{}, fmt.Errorf("seq %d, first %d; want 1 ≤ first ≤ seq", p.Seq, p.First)
	}
	return p, nil
}

// SetLeaf makes a message's headers those of a record whose body made room: what is left of it
// is its leaf hash.
func SetLeaf(header map[string][]string, leaf tlog.Hash) {
	header[HeaderLeaf] = []string{hex.EncodeToString(leaf[:])}
}

// ParseLeaf is the leaf hash of a journal message: of its body, or, where that made room, what the
// headers say. bare tells which.
func ParseLeaf(header map[string][]string, body []byte) (leaf tlog.Hash, bare bool, err error) {
	text, bare := header[HeaderLeaf]
	if !bare {
		return tlog.RecordHash(body), false, nil
	}
	if len(text) != 1 || len(body) > 0 {
		return leaf, true, fmt.Errorf("%d leaf hashes, and a body of %d bytes; want one or the other", len(text), len(body))
	}
	data, err := hex.DecodeString(text[0])
	if err != nil || len(data) != len(leaf) || hex.EncodeToString(data) != text[0] {
		return leaf, true, fmt.Errorf("leaf hash %.80q; want %d bytes in hex", text[0], len(leaf))
	}
	return tlog.Hash(data), true, nil
}

// parseNumber reads a number in the one way that it is written, up to 2⁶³−1.
func parseNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, err
	}
	if strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("%q is not how a number is written", text)
	}
	return n, nil
}

// Kind says what happened to a code at a gate.
type Kind string

const (
	Granted   Kind = "granted"    // it is spent
	Passed    Kind = "passed"     // its holder crossed
	NoPassage Kind = "no_passage" // nobody crossed on its grant
)

// Spent is what a gate tells the others of its station, after the record is on its disk. It names
// nobody. Duplicates are known by (Gate, Epoch, Seq). A message has one, or several one after
// the other: the stream flushes each message to its disk.
type Spent struct {
	Kind        Kind         `cbor:"1,keyasint"`
	Gate        string       `cbor:"2,keyasint"`
	Epoch       string       `cbor:"3,keyasint"`
	Seq         uint64       `cbor:"4,keyasint"` // of the record
	Role        journal.Role `cbor:"5,keyasint"`
	Certificate journal.ID   `cbor:"6,keyasint,omitempty"`
	Holder      journal.ID   `cbor:"7,keyasint,omitempty"`
	IssuedAt    int64        `cbor:"8,keyasint,omitempty"` // as in journal.Use, seconds since 1970
	Slot        uint8        `cbor:"9,keyasint,omitempty"`
	Begins      int64        `cbor:"10,keyasint,omitempty"`
	Until       int64        `cbor:"11,keyasint,omitempty"` // the second at which the code ends
	Static      bool         `cbor:"12,keyasint,omitempty"` // a slip
	Time        int64        `cbor:"13,keyasint,omitempty"` // the gate's trusted time; 0: not trusted
	Ticket      string       `cbor:"14,keyasint,omitempty"` // a multi-ride ticket
	Uses        int          `cbor:"15,keyasint,omitempty"` // the gate's own count of uses of it
	Walk        uint32       `cbor:"16,keyasint,omitempty"` // of a slip, as in journal.Record; 0: an older version's
}

// Bounds of a message of spent codes.
const (
	MaxSpents     = 256
	MaxSpentBytes = 32 << 10
)

// MaxCertificate is how many bytes a certificate's name has at most: the cti of docs/wire.md.
const MaxCertificate = 16

const (
	maxHolder = 64
	spentSize = 120 // bytes that one takes as a rule
	maxTicket = 64
	maxWalk   = 1 << 20 // nobody walks more often in a day
)

// Encode is deterministic CBOR, a map with integer keys: a message's body, or a part of it.
func (s Spent) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return journal.Encode(s)
}

// ParseSpent reads a message's body. subject is where it came; its gate is the message's. With
// an error it gives those before the one that is wrong.
func ParseSpent(subject string, body []byte) (all []Spent, err error) {
	if len(body) > MaxSpentBytes || len(body) == 0 {
		return nil, fmt.Errorf("spent codes of %d bytes; want 1 to %d", len(body), MaxSpentBytes)
	}
	gate := GateOf(subject)
	all = make([]Spent, 0, min(1+len(body)/spentSize, MaxSpents))
	for n := 0; len(body) > 0; n++ {
		if n == MaxSpents {
			return all, fmt.Errorf("more than %d spent codes", MaxSpents)
		}
		all = append(all, Spent{})
		s := &all[n]
		body, err = journal.DecodeFirst(body, s)
		switch {
		case err != nil:
			err = fmt.Errorf("a spent code: %w", err)
		case gate != s.Gate:
			err = fmt.Errorf("a spent code of gate %q on %q", s.Gate, subject)
		default:
			err = s.check()
		}
		if err != nil {
			return all[:n], err
		}
	}
	return all, nil
}

func (s Spent) check() error {
	switch {
	case s.Kind != Granted && s.Kind != Passed && s.Kind != NoPassage:
		return fmt.Errorf("a spent code: unknown kind %q", s.Kind)
	case !journal.GoodName(s.Gate) || !journal.GoodName(s.Epoch) || s.Seq == 0:
		return fmt.Errorf("a spent code of gate %q, epoch %q, seq %d", s.Gate, s.Epoch, s.Seq)
	case s.Role > journal.Check:
		return fmt.Errorf("a spent code: unknown role %d", s.Role)
	case len(s.Certificate) > MaxCertificate || len(s.Holder) > maxHolder || len(s.Ticket) > maxTicket:
		return errors.New("a spent code: an id that is too long")
	case s.Walk > maxWalk:
		return fmt.Errorf("a spent code: walk %d; want %d at most", s.Walk, maxWalk)
	case s.IssuedAt < 0 || s.Begins < 0 || s.Until < 0 || s.Time < 0 || s.Uses < 0:
		return errors.New("a spent code: a number below 0")
	}
	return nil
}

// Use is the code in its role.
func (s Spent) Use() journal.Use {
	return journal.Use{Role: s.Role, Certificate: s.Certificate, IssuedAt: s.IssuedAt, Slot: s.Slot, Begins: s.Begins}
}
