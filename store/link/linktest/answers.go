package linktest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/store/bus"
	"railgate/store/journal"
)

// A Cosigner cosigns at any time.
type Cosigner struct {
	*torchwood.CosignatureSigner
	key ed25519.PrivateKey
}

func newCosigner(t testing.TB, name string) Cosigner {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		t.Fatal(err)
	}
	return Cosigner{s, key}
}

func (c Cosigner) vkey() string { return c.Verifier().String() }

// at is the Cosigner with a clock of its own.
func (c Cosigner) at(now time.Time) note.Signer { return timed{c, now} }

type timed struct {
	Cosigner
	now time.Time
}

func (t timed) Sign(text []byte) ([]byte, error) {
	seconds := uint64(t.now.Unix())
	sig := ed25519.Sign(t.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text))
	return append(binary.BigEndian.AppendUint64(nil, seconds), sig...), nil
}

// A log is what the station has of an epoch.
type log struct {
	edge   journal.Edge
	leaves []tlog.Hash
	bodies [][]byte
	Twice  int // records that came more than once
	newest []byte
}

// Clock sets how far the station's clock is ahead.
func (s *Station) Clock(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = ahead
}

// Mute has the station answer nothing, as one whose program is dead.
func (s *Station) Mute(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute = on
}

// Doubt has the station ask a gate for records again, where its log is none of those that are
// there: as one does whose records no receipt vouches for.
func (s *Station) Doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts = true
}

// PutOff has it keep no records and give no receipts; "": it does both.
func (s *Station) PutOff(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later = why
}

// Forget has the station forget every record and receipt, as where its ledger was replaced.
func (s *Station) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = map[string]*log{}
}

// Refuse has it refuse receipts; "": it does not.
func (s *Station) Refuse(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = why
}

// open reads the head that a gate sends.
func (s *Station) open(msg *nats.Msg) (origin string, tree tlog.Tree, err error) {
	origin, _, _ = strings.Cut(string(msg.Data), "\n")
	g, ok := s.gates[bus.GateOf(msg.Subject)]
	if !ok {
		return "", tlog.Tree{}, errors.New("not enrolled")
	}
	v, err := g.Verifier(origin)
	if err != nil {
		return "", tlog.Tree{}, err
	}
	tree, _, err = journal.OpenHead(msg.Data, origin, v)
	return origin, tree, err
}

// cosign adds a cosignature to the head that a gate sent.
func (s *Station) cosign(msg *nats.Msg, by Cosigner, now time.Time) []byte {
	return s.Cosign(bus.GateOf(msg.Subject), msg.Data, by, now)
}

// TimeKey and ReceiptKey are what the station cosigns with.
func (s *Station) TimeKey() Cosigner    { return s.times }
func (s *Station) ReceiptKey() Cosigner { return s.receipts }

// Cosign adds a cosignature of some time to a gate's head; nil: it is not that gate's.
func (s *Station) Cosign(gate string, head []byte, by Cosigner, now time.Time) []byte {
	origin, _, _ := strings.Cut(string(head), "\n")
	g := s.gates[gate]
	v, err := g.Verifier(origin)
	if err != nil {
		return nil
	}
	n, err := note.Open(head, note.VerifierList(v))
	if err != nil {
		return nil
	}
	signed, err := note.Sign(n, by.at(now))
	if err != nil {
		return nil
	}
	return signed
}

func (s *Station) onTime(msg *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, _, err := s.open(msg); err == nil && !s.mute {
		msg.Respond(s.cosign(msg, s.times, time.Now().Add(s.ahead)))
	}
}

func (s *Station) onReceipt(msg *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mute {
		return
	}
	data, err := s.answer(msg).Encode()
	if err != nil {
		s.t.Error(err)
	}
	msg.Respond(data)
}

func (s *Station) answer(msg *nats.Msg) bus.Answer {
	origin, tree, err := s.open(msg)
	if err != nil {
		return bus.Answer{Status: bus.Refused, Why: err.Error()}
	}
	if s.later != "" {
		return bus.Answer{Status: bus.Later, Why: s.later}
	}
	if s.refuse != "" {
		return bus.Answer{Status: bus.Refused, Why: s.refuse}
	}
	s.collect()
	l := s.log(origin)
	have := l.edge.Tree()
	switch {
	case tree.N > have.N:
		return bus.Answer{Status: bus.Behind, Have: have.N, Note: l.newest}
	case tree != have && l.newest != nil && s.doubts:
		return bus.Answer{Status: bus.Behind, Have: have.N, Note: l.newest}
	case tree != have && l.newest != nil:
		return bus.Answer{Status: bus.RolledBack, Note: l.newest}
	case tree != have:
		return bus.Answer{Status: bus.Refused, Why: "another root"}
	}
	l.newest = s.cosign(msg, s.receipts, time.Now().Add(s.ahead))
	return bus.Answer{Status: bus.Received, Note: l.newest}
}

func (s *Station) log(origin string) *log {
	if s.logs[origin] == nil {
		s.logs[origin] = new(log)
	}
	return s.logs[origin]
}

// collect reads what is new in the stream of journals. The caller holds mu.
func (s *Station) collect() {
	ctx, cancel := within()
	defer cancel()
	stream, err := s.js.Stream(ctx, bus.JournalStream(Name))
	if err != nil {
		return
	}
	for last := stream.CachedInfo().State.LastSeq; s.at < last; {
		s.at++
		if msg, err := stream.GetMsg(ctx, s.at); err == nil {
			s.take(msg)
		} else if !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("message %d: %v", s.at, err)
		}
	}
}

// take takes a message's records: in order, each once.
func (s *Station) take(msg *jetstream.RawStreamMsg) {
	p, err := bus.ParsePlace(msg.Subject, msg.Header)
	if err != nil {
		s.t.Error(err)
		return
	}
	origin, _ := journal.Origin(Name, p.Gate, p.Epoch)
	l := s.log(origin)
	leaves, err := bus.ParseLeaves(p, msg.Header, msg.Data)
	if err != nil {
		s.t.Error(err)
		return
	}
	for i, leaf := range leaves {
		switch at := p.At(i).Leaf(); {
		case at < l.edge.N():
			l.Twice++
			if l.leaves[at] != leaf.Hash {
				s.t.Errorf("record %d of %s is another one now", at, origin)
			}
		case at == l.edge.N():
			l.edge.Append(leaf.Hash)
			l.leaves, l.bodies = append(l.leaves, leaf.Hash), append(l.bodies, slices.Clone(leaf.Body))
		}
	}
}

// Have is how many records the station has of a gate's epoch, and how many came more than once.
func (s *Station) Have(gate, epoch string) (records int64, twice int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.js != nil && s.nc != nil {
		s.collect()
	}
	origin, _ := journal.Origin(Name, gate, epoch)
	l := s.log(origin)
	return l.edge.N(), l.Twice
}
