package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/journal"
)

// Bounds of a journal's message.
const (
	MaxRecord  = 16 << 10 // of its body: a record's CBOR is far shorter
	MaxRecords = 64
)

// A Place is where a journal message's records stand: which gate's, of which epoch, and which.
type Place struct {
	Gate, Epoch string
	Seq         uint64 // the first record's sequence number
	First       uint64 // that of the epoch's leaf 0
	More        int    // how many records follow it in the message
}

// Leaf is the first record's index in the epoch's tree.
func (p Place) Leaf() int64 { return int64(p.Seq - p.First) }

// Last is the last record's sequence number.
func (p Place) Last() uint64 { return p.Seq + uint64(p.More) }

// At is the place of the record that follows the first one as the n-th.
func (p Place) At(n int) Place {
	p.Seq, p.More = p.Seq+uint64(n), 0
	return p
}

// Header is the place as a message's headers.
func (p Place) Header() map[string][]string {
	number := func(n uint64) []string { return []string{strconv.FormatUint(n, 10)} }
	h := map[string][]string{
		HeaderGate: {p.Gate}, HeaderEpoch: {p.Epoch}, HeaderSeq: number(p.Seq), HeaderFirst: number(p.First),
	}
	if p.More > 0 {
		h[HeaderMore] = number(uint64(p.More))
	}
	return h
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
	more, errMore := uint64(0), error(nil)
	if _, several := header[HeaderMore]; several {
		if more, errMore = parseNumber(one(HeaderMore)); errMore == nil && (more < 1 || more >= MaxRecords) {
			errMore = fmt.Errorf("%d; want 1 to %d", more, MaxRecords-1)
		}
	}
	p.More = int(more)
	switch {
	case !journal.GoodName(p.Gate) || !journal.GoodName(p.Epoch):
		return Place{}, fmt.Errorf("gate %q and epoch %q in the headers; want names", p.Gate, p.Epoch)
	case GateOf(subject) != p.Gate:
		return Place{}, fmt.Errorf("gate %q in the headers of a message on %q", p.Gate, subject)
	case errSeq != nil || errFirst != nil:
		return Place{}, fmt.Errorf("seq and first in the headers: %w", errors.Join(errSeq, errFirst))
	case errMore != nil:
		return Place{}, fmt.Errorf("more in the headers: %w", errMore)
	case p.First < 1 || p.Seq < p.First || p.Last() > math.MaxInt64:
		return Place{}, fmt.Errorf("seq %d, first %d, %d more; want 1 ≤ first ≤ seq", p.Seq, p.First, p.More)
	}
	return p, nil
}

// A Leaf is a record as a message has it.
type Leaf struct {
	Hash tlog.Hash
	Body []byte // its CBOR: the leaf's bytes
	Bare bool   // the body made room at the gate: the hash is what is left of it
}

// Fit is how many of some leaves, from the first one on, go as one message: all of them with a
// body, or none.
func Fit(leaves []Leaf) (n int) {
	const head = 3 // of an array of up to MaxRecords, and of a body of up to MaxRecord
	size := head
	for _, l := range leaves {
		if size += head + len(l.Body); n == MaxRecords || n > 0 && (size > MaxRecord || l.Bare != leaves[0].Bare) {
			break
		}
		n++
	}
	return n
}

// EncodeLeaves makes a message of leaves that [Fit]: its body, and what its headers say besides the
// place. A record by itself is the body. Several are a CBOR array of byte strings.
func EncodeLeaves(header map[string][]string, leaves []Leaf) (body []byte, err error) {
	switch {
	case leaves[0].Bare:
		for _, l := range leaves {
			header[HeaderLeaf] = append(header[HeaderLeaf], hex.EncodeToString(l.Hash[:]))
		}
		return nil, nil
	case len(leaves) == 1:
		return leaves[0].Body, nil
	}
	bodies := make([][]byte, len(leaves))
	for i, l := range leaves {
		bodies[i] = l.Body
	}
	return journal.Encode(bodies)
}

// ParseLeaves are the records of a journal message that came with a place: of its body, or, where
// bodies made room, of its headers.
func ParseLeaves(p Place, header map[string][]string, body []byte) (leaves []Leaf, err error) {
	texts, bare := header[HeaderLeaf]
	switch {
	case bare && len(body) > 0:
		return nil, fmt.Errorf("%d leaf hashes, and a body of %d bytes; want one or the other", len(texts), len(body))
	case bare:
		for _, text := range texts {
			hash, err := parseHash(text)
			if err != nil {
				return nil, err
			}
			leaves = append(leaves, Leaf{Hash: hash, Bare: true})
		}
	case p.More == 0:
		return []Leaf{{Hash: tlog.RecordHash(body), Body: body}}, nil
	default:
		var bodies [][]byte
		if err := journal.Decode(body, &bodies); err != nil {
			return nil, fmt.Errorf("several records: %w", err)
		}
		for _, b := range bodies {
			leaves = append(leaves, Leaf{Hash: tlog.RecordHash(b), Body: b})
		}
	}
	if len(leaves) != p.More+1 {
		return nil, fmt.Errorf("%d records; want %d", len(leaves), p.More+1)
	}
	return leaves, nil
}

func parseHash(text string) (hash tlog.Hash, err error) {
	data, err := hex.DecodeString(text)
	if err != nil || len(data) != len(hash) || hex.EncodeToString(data) != text {
		return hash, fmt.Errorf("leaf hash %.80q; want %d bytes in hex", text, len(hash))
	}
	return tlog.Hash(data), nil
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
