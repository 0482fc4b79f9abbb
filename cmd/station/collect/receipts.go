package collect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/bus"
	"railgate/store/journal"
)

// notNow is the answer while the ledger cannot be written.
const notNow = "the station cannot keep records now; it tries again"

// An ask is a gate's question for a receipt.
type ask struct {
	gate  string // of the subject: the server let nobody else use it
	head  []byte
	reply func(bus.Answer)

	asked bool   // upTo is known
	upTo  uint64 // the newest message of the stream when it came
}

// later asks the gate to ask again: nothing is wrong with what it sent.
func (a *ask) later(why string) { a.reply(bus.Answer{Status: bus.Later, Why: why}) }

// asked takes a question from the bus.
func (c *Collector) asked(m *nats.Msg) {
	a := ask{gate: bus.GateOf(m.Subject), head: m.Data, reply: func(answer bus.Answer) {
		data, err := answer.Encode()
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			c.o.Log.Debug("an answer did not go out", "subject", m.Subject, "err", err)
		}
	}}
	select {
	case c.asks <- a:
	default:
		a.later("the station has too many questions now")
	}
}

// A verdict is what is answered, or that it is not known yet.
type verdict struct {
	wait   bool
	answer bus.Answer
}

func refused(format string, args ...any) verdict {
	return verdict{answer: bus.Answer{Status: bus.Refused, Why: fmt.Sprintf(format, args...)}}
}

// A head is a checkpoint that an enrolled gate has signed.
type head struct {
	gate  ledger.Gate
	epoch string
	tree  tlog.Tree
	note  *note.Note
	text  []byte
}

var errHead = errors.New("not a head of this gate's log")

// open reads a head that came on a gate's subject.
func (c *Collector) open(gate string, text []byte) (head, error) {
	h := head{text: text}
	var ok bool
	if h.gate, ok = c.gate(gate); !ok {
		return h, fmt.Errorf("gate %q is not enrolled", gate)
	}
	origin, _, _ := strings.Cut(string(text), "\n")
	h.epoch, ok = strings.CutPrefix(origin, "railgate."+c.o.Station+"."+gate+".")
	if !ok || !journal.GoodName(h.epoch) {
		return h, fmt.Errorf("%w: its origin is another's", errHead)
	}
	v, err := h.gate.Verifier(origin)
	if err != nil {
		return h, err
	}
	if h.tree, h.note, err = journal.OpenHead(text, origin, v); err != nil {
		return h, fmt.Errorf("%w: %w", errHead, err)
	}
	return h, nil
}

// judge gives a receipt, or says why there is none. caughtUp: all that was published before
// the question is in the ledger. An error is the ledger's.
func (c *Collector) judge(ctx context.Context, a *ask, caughtUp bool) (verdict, error) {
	c.known(ctx, a.gate)
	h, err := c.open(a.gate, a.head)
	if err != nil {
		c.countHead(ctx, a.gate, refusedHead, err.Error())
		return refused("%s", oneLine(err.Error())), nil
	}
	c.hear(h.gate.ID)
	var v verdict
	err = c.o.Ledger.Update(ctx, func(t *ledger.Tx) error {
		j := judgement{c: c, t: t, head: h, caughtUp: caughtUp}
		v, err = j.judge()
		return err
	})
	delete(c.logs, logKey(h.gate.ID, h.epoch)) // it is read again
	if err == nil && v.answer.Status == bus.Received {
		c.anchors.put(h.note.Text, v.answer.Note)
		c.state.change(func(s *State) { s.Receipts++ })
	}
	return v, err
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return s[:min(len(s), 400)]
}

// A judgement is one transaction over one head.
type judgement struct {
	c        *Collector
	t        *ledger.Tx
	head     head
	e        *ledger.Epoch
	caughtUp bool
}

func (j *judgement) judge() (v verdict, err error) {
	if j.e, err = j.t.Epoch(j.head.gate.ID, j.head.epoch); err != nil {
		return j.damaged(err)
	}
	n, have := j.head.tree.N, int64(0)
	if j.e != nil {
		have = j.e.Leaves()
	}
	switch {
	case n == 0:
		return refused("a head of no records"), nil
	case n > have && !j.caughtUp:
		return verdict{wait: true}, nil
	case j.e == nil:
		return j.behind(0, nil)
	}
	newest, err := j.t.NewestEpoch(j.head.gate.ID)
	if err != nil {
		return v, err
	}
	switch {
	case n > have && newest == j.e.Name:
		return j.behind(have, j.askedFor(n))
	case n < j.e.Receipt.Leaves():
		return j.rolledBack(fmt.Sprintf("its log has %d records, and %d were receipted", n, j.e.Receipt.Leaves()))
	case newest != j.e.Name:
		return j.older(newest)
	}
	return j.compare()
}

// behind answers that records are missing. With it goes the newest receipt: a card that was copied
// before that receipt, and has written more since, sees by it what it is.
func (j *judgement) behind(have int64, err error) (verdict, error) {
	v := verdict{answer: bus.Answer{Status: bus.Behind, Have: have}}
	if err == nil && j.e != nil && j.e.Receipt.Leaves() > 0 {
		v.answer.Note, err = j.t.Note(j.e)
	}
	return v, err
}

// askedFor keeps that the gate has signed for records that the ledger does not have.
func (j *judgement) askedFor(n int64) error {
	return j.t.AskedFor(j.e, n, j.head.text)
}

// compare holds the head against the tree of the records.
func (j *judgement) compare() (verdict, error) {
	edge, err := j.t.EdgeAt(j.e, j.head.tree.N)
	switch {
	case errors.Is(err, ledger.ErrGap):
		return j.again("records are missing from the ledger") // somebody removed them
	case err != nil:
		return verdict{}, err
	case edge.Tree().Hash != j.head.tree.Hash:
		return j.doubt()
	}
	j.e.Receipt.Edge = edge
	text, at, err := j.c.receipts.cosign(j.head.note)
	if err != nil {
		return verdict{}, err
	}
	if err := j.t.Receipted(j.e, text, at); err != nil {
		return verdict{}, err
	}
	return verdict{answer: bus.Answer{Status: bus.Received, Note: text}}, nil
}

// doubt answers a head that is not the records' tree. Either what came on the bus above the
// receipt is not what the gate wrote, and then it is asked for again; or what comes again
// does not match either, and then the gate's log is no extension of what was receipted.
func (j *judgement) doubt() (verdict, error) {
	if !j.e.Doubted || j.e.Receipt.Leaves() == 0 {
		return j.again("the records do not have the head that the gate signed")
	}
	return j.rolledBack(fmt.Sprintf("its log of %d records is no extension of the %d that were receipted", j.head.tree.N, j.e.Receipt.Leaves()))
}

// again drops what nothing vouches for, and asks for it again.
func (j *judgement) again(why string) (verdict, error) {
	if err := j.refuse(unfitHead, why); err != nil {
		return verdict{}, err
	}
	return j.behind(j.e.Receipt.Leaves(), j.t.Drop(j.e))
}

// rolledBack lists the gate and gives the proof, which it checks itself.
func (j *judgement) rolledBack(why string) (verdict, error) {
	proof, err := j.t.Note(j.e)
	if err != nil {
		return verdict{}, err
	}
	if proof == nil {
		return j.damaged(errors.New("the newest receipt is missing from the ledger"))
	}
	j.c.o.Log.Error("a gate was rolled back", "gate", j.head.gate.Gate, "epoch", j.e.Name, "why", why)
	if err := errors.Join(j.keepRollback(proof, why), j.t.ForgetAsked(j.e)); err != nil {
		return verdict{}, err
	}
	return verdict{answer: bus.Answer{Status: bus.RolledBack, Note: proof, Have: j.e.Receipt.Leaves()}}, nil
}

// older answers a head of an epoch that the gate has ended: an old card, or a copy.
func (j *judgement) older(newest string) (verdict, error) {
	why := fmt.Sprintf("epoch %s goes on, and the gate began %s after it: an old card, or a copy of one", j.e.Name, newest)
	if err := j.keepRollback(nil, why); err != nil {
		return verdict{}, err
	}
	return refused("%s", why), nil
}

func (j *judgement) keepRollback(proof []byte, why string) error {
	if proof == nil {
		proof = []byte{}
	}
	return j.t.RolledBack(ledger.Rollback{Gate: j.head.gate.ID, Epoch: j.e.Name, Time: j.c.o.Now(), Head: j.head.text, Proof: proof, Why: why})
}

// damaged answers where the ledger's own rows are damaged: it is the station's fault, is
// shown, and stops no other gate.
func (j *judgement) damaged(err error) (verdict, error) {
	if !errors.Is(err, ledger.ErrDamaged) && j.e == nil {
		return verdict{}, err
	}
	j.c.o.Log.Error("the ledger is damaged: run station audit", "gate", j.head.gate.Gate, "err", err)
	if err := j.refuse(damagedLedger, err.Error()); err != nil {
		return verdict{}, err
	}
	return refused("the station's ledger is damaged"), nil
}

func (j *judgement) refuse(why, detail string) error {
	now := j.c.o.Now()
	j.c.state.change(func(s *State) { s.Refused[why]++ })
	return j.t.Refuse(ledger.Refused{Station: j.c.o.Station, Gate: j.head.gate.Gate, Why: why, N: 1, First: now, Last: now, Detail: detail})
}

// countHead counts a head that is nobody's. It is no reason to stop if that cannot be kept.
func (c *Collector) countHead(ctx context.Context, gate, why, detail string) {
	if _, ok := c.gate(gate); !ok {
		gate = unknownGate
	}
	now := c.o.Now()
	c.state.change(func(s *State) { s.Refused[why]++ })
	err := c.o.Ledger.Update(ctx, func(t *ledger.Tx) error {
		return t.Refuse(ledger.Refused{Station: c.o.Station, Gate: gate, Why: why, N: 1, First: now, Last: now, Detail: detail})
	})
	if err != nil && ctx.Err() == nil {
		c.o.Log.Warn("a refusal was not kept", "why", why, "err", err)
	}
}
