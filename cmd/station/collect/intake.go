package collect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/bus"
	"railgate/store/journal"
)

// Why a message or a head is not taken: a closed set.
const (
	unknownGate   = "?"                 // in the place of a name
	refusedGate   = "unknown_gate"      // its gate is not enrolled
	refusedHeader = "bad_header"        // it does not say where its record stands, or says another gate's place
	refusedSize   = "too_large"         // more than a record
	refusedFirst  = "another_first"     // it begins the epoch elsewhere
	refusedGap    = "gap"               // a record before it has not come
	refusedChange = "altered"           // the record was received, and it was another one
	refusedEpoch  = "older_epoch"       // a new record of an epoch that the gate has ended
	refusedHead   = "bad_head"          // not signed by the gate, or of another log
	unfitHead     = "head_does_not_fit" // the records above the receipt are asked for again
	damagedLedger = "ledger_damaged"    // the station's own rows
)

// epochState is an epoch between batches. It is thrown away after an error.
type epochState struct {
	e       *ledger.Epoch
	pending []ledger.Record // not in the database yet
}

func logKey(gate int64, epoch string) string { return fmt.Sprint(gate, ".", epoch) }

// An intake is one batch in one transaction.
type intake struct {
	c       *Collector
	t       *ledger.Tx
	now     time.Time
	open    map[string]*epochState // of this batch
	minutes map[ledger.Minute]int64
	lanes   map[int64]ledger.Lane
	refused map[ledger.Refused]*refusal
	records map[string]uint64
	again   uint64
	rolled  []ledger.Rollback
	newest  map[int64]string // epochs, by gate
	facts   map[factKey]ledger.Fact
}

type refusal struct {
	n      int64
	detail string
}

func newIntake(c *Collector, t *ledger.Tx) *intake {
	return &intake{
		c: c, t: t, now: c.o.Now(), open: map[string]*epochState{}, minutes: map[ledger.Minute]int64{}, lanes: map[int64]ledger.Lane{},
		refused: map[ledger.Refused]*refusal{}, records: map[string]uint64{}, newest: map[int64]string{}, facts: map[factKey]ledger.Fact{},
	}
}

// take has messages in the ledger, and that the stream was read so far.
func (c *Collector) take(ctx context.Context, was, now ledger.Position, batch []message) error {
	for _, m := range batch {
		c.known(ctx, bus.GateOf(m.subject))
	}
	var in *intake
	err := c.o.Ledger.Update(ctx, func(t *ledger.Tx) error {
		in = newIntake(c, t)
		for _, m := range batch {
			if err := in.add(m); err != nil {
				return err
			}
		}
		return errors.Join(in.keep(), t.Advance(was, now))
	})
	if err != nil {
		return err // and what is cached is cleared
	}
	maps.Copy(c.logs, in.open)
	maps.Copy(c.newest, in.newest)
	maps.Copy(c.lanes, in.lanes)
	c.state.change(func(s *State) {
		for gate, n := range in.records {
			s.Records[gate] += n
		}
		for r, n := range in.refused {
			s.Refused[r.Why] += uint64(n.n)
		}
		s.Again += in.again
	})
	for r, n := range in.refused {
		c.o.Log.Warn("messages were refused", "gate", r.Gate, "why", r.Why, "n", n.n, "last", n.detail)
	}
	return nil
}

// add takes one message's records, or counts why not. An error is the database's.
func (in *intake) add(m message) error {
	name := bus.GateOf(m.subject)
	g, ok := in.c.gate(name)
	if !ok {
		in.refuse(unknownGate, refusedGate, "gate %q", name)
		return nil
	}
	place, err := bus.ParsePlace(m.subject, m.header)
	switch {
	case err != nil:
		in.refuse(name, refusedHeader, "%v", err)
		return nil
	case len(m.body) > bus.MaxRecord:
		in.refuse(name, refusedSize, "%d bytes", len(m.body))
		return nil
	}
	in.c.hear(g.ID)
	leaves, err := bus.ParseLeaves(place, m.header, m.body)
	if err != nil {
		in.refuse(name, refusedHeader, "%v", err)
		return nil
	}
	for i, leaf := range leaves {
		if err := in.addOne(g, place.At(i), leaf); err != nil {
			return err
		}
	}
	return nil
}

// addOne takes one record, or counts why not.
func (in *intake) addOne(g ledger.Gate, p bus.Place, leaf bus.Leaf) error {
	s, err := in.epoch(g.ID, p)
	switch {
	case errors.Is(err, ledger.ErrDamaged):
		in.refuse(g.Gate, damagedLedger, "%v", err)
		return nil
	case err != nil:
		return err
	case s == nil:
		in.refuse(g.Gate, refusedGap, "epoch %s begins with record %d; want %d", p.Epoch, p.Seq, p.First)
		return nil
	}
	r := ledger.Record{Seq: p.Seq, Leaf: leaf.Hash, Body: leaf.Body, Said: ledger.Read(leaf.Body)}
	if len(r.Body) == 0 {
		r.Body = []byte{} // and not NULL
	}
	return in.place(g, s, p, r)
}

// epoch is the epoch of a place; nil where it is a new one that does not begin with its
// first record.
func (in *intake) epoch(gate int64, p bus.Place) (*epochState, error) {
	key := logKey(gate, p.Epoch)
	if s := in.open[key]; s != nil {
		return s, nil
	}
	if s := in.c.logs[key]; s != nil {
		e := *s.e // the batch may fail
		in.open[key] = &epochState{e: &e}
		return in.open[key], nil
	}
	e, err := in.t.Epoch(gate, p.Epoch)
	if err == nil && e == nil {
		if p.Seq != p.First {
			return nil, nil
		}
		e, err = in.t.Begin(gate, p.Epoch, p.First)
		in.newest[gate] = p.Epoch
	}
	if err != nil {
		return nil, err
	}
	in.open[key] = &epochState{e: e}
	return in.open[key], nil
}

// place appends a record to its epoch, or finds that it is there.
func (in *intake) place(g ledger.Gate, s *epochState, p bus.Place, r ledger.Record) error {
	have := s.e.Leaves()
	switch {
	case p.First != s.e.First:
		in.refuse(g.Gate, refusedFirst, "epoch %s: first record %d; want %d", p.Epoch, p.First, s.e.First)
		return nil
	case p.Leaf() < have:
		return in.compare(g, s, p, r.Leaf)
	case p.Leaf() > have:
		in.refuse(g.Gate, refusedGap, "epoch %s: record %d; want %d", p.Epoch, p.Seq, s.e.First+uint64(have))
		return nil
	}
	newest, err := in.newestOf(g.ID)
	if err != nil {
		return err
	}
	if newest != s.e.Name {
		why := fmt.Sprintf("record %d of epoch %s came after the gate had begun %s: an old card, or a copy of one", p.Seq, p.Epoch, newest)
		in.refuse(g.Gate, refusedEpoch, "%s", why)
		in.rolled = append(in.rolled, ledger.Rollback{Gate: g.ID, Epoch: p.Epoch, Time: in.now, Head: []byte{}, Proof: []byte{}, Why: why})
		return nil
	}
	in.append(g, s, r)
	return nil
}

// newestOf is the epoch that a gate began last.
func (in *intake) newestOf(gate int64) (string, error) {
	for _, known := range []map[int64]string{in.newest, in.c.newest} {
		if name := known[gate]; name != "" {
			return name, nil
		}
	}
	name, err := in.t.NewestEpoch(gate)
	in.newest[gate] = name
	return name, err
}

// compare holds a record that came again against the one that came first.
func (in *intake) compare(g ledger.Gate, s *epochState, p bus.Place, leaf tlog.Hash) error {
	var had tlog.Hash
	if stored := s.e.Leaves() - int64(len(s.pending)); p.Leaf() >= stored {
		had = s.pending[p.Leaf()-stored].Leaf
	} else {
		var err error
		if had, err = in.t.Leaf(s.e, p.Seq); errors.Is(err, sql.ErrNoRows) || errors.Is(err, ledger.ErrDamaged) {
			in.refuse(g.Gate, damagedLedger, "epoch %s: %v", p.Epoch, err)
			return nil
		} else if err != nil {
			return err
		}
	}
	if had != leaf {
		in.refuse(g.Gate, refusedChange, "record %d of epoch %s", p.Seq, p.Epoch)
		return nil
	}
	in.again++
	return nil
}

// append takes a new record. One that cannot be read is taken too, and one of which the gate
// has nothing but the leaf hash: the gate's tree has it, and what comes after it must not wait.
func (in *intake) append(g ledger.Gate, s *epochState, r ledger.Record) {
	s.pending = append(s.pending, r)
	s.e.Edge.Append(r.Leaf)
	s.e.Newest = r.Said.Time
	in.records[g.Gate]++
	in.count(g.ID, r.Said)
	lane, ok := in.lanes[g.ID]
	if !ok {
		lane = in.c.lane(g)
	}
	in.lanes[g.ID] = laneAfter(lane, r.Said)
	in.learn(g.ID, r.Said)
}

// count counts a record in the minute of its time, or in this one where its time cannot be
// believed.
func (in *intake) count(gate int64, r journal.Record) {
	at := r.Time
	if d := at.Sub(in.now); r.Unsure || d > time.Hour || d < -JournalFor {
		at = in.now
	}
	m := ledger.Minute{Gate: gate, Minute: at.Unix() / 60, Kind: string(r.Kind), Reason: r.Reason, Direction: r.Direction}
	if r.Kind == journal.Decision && r.Decision == journal.Granted && r.Reason == "" {
		m.Reason = "ok"
	}
	in.minutes[m]++
}

// laneAfter is how a lane is after a record.
func laneAfter(l ledger.Lane, r journal.Record) ledger.Lane {
	if r.Direction != "" {
		l.Direction = r.Direction
	}
	var state string
	why := r.Detail
	switch r.Kind {
	case journal.OutOfService:
		state = "out_of_service"
	case journal.EmergencyBegin:
		state = "emergency"
	case journal.ServiceBegin:
		state = "service"
	case journal.Stopped:
		state = "stopped"
	case journal.InService, journal.EmergencyEnd, journal.ServiceEnd, journal.Started:
		why = ""
	default:
		return l
	}
	l.State, l.Why, l.Since = state, why, r.Time
	return l
}

func (in *intake) refuse(gate, why, format string, args ...any) {
	key := ledger.Refused{Station: in.c.o.Station, Gate: gate, Why: why}
	r := in.refused[key]
	if r == nil {
		r = &refusal{}
		in.refused[key] = r
	}
	r.n++
	r.detail = fmt.Sprintf(format, args...)
}

// keep writes the batch.
func (in *intake) keep() error {
	for _, s := range in.open {
		if len(s.pending) == 0 {
			continue
		}
		if err := errors.Join(in.t.Insert(s.e, s.pending), in.t.Grown(s.e)); err != nil {
			return err
		}
		s.pending = nil
	}
	if err := in.t.Count(in.minutes); err != nil {
		return err
	}
	for gate, l := range in.lanes {
		if l == in.c.lanes[gate] {
			continue
		}
		if err := in.t.SetLane(gate, l); err != nil {
			return err
		}
	}
	if err := in.keepFacts(); err != nil {
		return err
	}
	for _, r := range in.rolled {
		if err := in.t.RolledBack(r); err != nil {
			return err
		}
	}
	for r, n := range in.refused {
		r.N, r.First, r.Last, r.Detail = n.n, in.now, in.now, n.detail
		if err := in.t.Refuse(r); err != nil {
			return err
		}
	}
	return nil
}
