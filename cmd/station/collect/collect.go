// Package collect takes the gates' journals from the station's bus into its ledger, gives
// receipts for what is there, and tells gates the time.
//
//  1. Each record is taken once, in order, by (gate, epoch, number). How far the stream was
//     read is kept in the same transaction as the records.
//  2. A receipt is the gate's signed head with the station's cosignature. It is given for a
//     head that the ledger's records have, once they are on the disk, and never for less than
//     an earlier one.
//  3. An invalid record is refused, counted and shown. It stops no other gate, and no later
//     message of the same one.
//  4. What the stream of spent codes has stored is told to all gates at once (package news).
//  5. The time is the gate's own fresh head, cosigned with another key. Nothing is kept of it.
package collect

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"railgate/cmd/station/ledger"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/news"
)

// Options are what a collector needs.
type Options struct {
	Station  string
	Receipts ed25519.PrivateKey // the key of railgate.<S>.receipts
	Time     ed25519.PrivateKey // the key of railgate.<S>.time
	Ledger   *ledger.Ledger
	Conn     *nats.Conn // reconnects by itself
	Anchors  string     // the file of the newest receipts, beside the ledger; "": none
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now

	// Gates is told which gates are enrolled, at the start and when that changes: for a
	// message server that must know them; nil: nobody is. It is told again after an error.
	Gates func([]identity.Public) error
	// Revocations is the newest list of what is revoked; nil, or no bytes: there is none.
	Revocations func() []byte
	// Connected tells which keys are connected now; nil: that is not known.
	Connected func() (map[string]bool, error)
}

// A Collector's methods may be called concurrently.
type Collector struct {
	o        Options
	js       jetstream.JetStream
	receipts *cosigner
	times    *cosigner
	asks     chan ask
	state    state
	teller   *news.Teller
	anchors  *anchors
	missing  atomic.Bool // a stream was not there
	streams  chan struct{}
	prepared func() // closes streams: they are there

	mu    sync.Mutex // guards the fields below
	gates map[string]ledger.Gate
	heard map[int64]time.Time // since it was kept last

	// Owned by the goroutine of collect: what the ledger has, until something fails.
	logs   map[string]*epochState
	newest map[int64]string
	lanes  map[int64]ledger.Lane
	looked time.Time // for a gate that was not known

	large []byte // the list that was told of last that is too large for the bus; owned by keepRevoking
}

// New makes a collector.
func New(o Options) (*Collector, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	js, err := jetstream.New(o.Conn)
	if err != nil {
		return nil, err
	}
	c := &Collector{o: o, js: js, asks: make(chan ask, 1024), gates: map[string]ledger.Gate{}, heard: map[int64]time.Time{}, logs: map[string]*epochState{}, newest: map[int64]string{}, lanes: map[int64]ledger.Lane{}}
	c.streams = make(chan struct{})
	c.prepared = sync.OnceFunc(func() { close(c.streams) })
	c.state.init()
	c.teller = news.New(js, o.Conn, o.Station)
	if c.receipts, err = newCosigner(bus.ReceiptKeyName(o.Station), o.Receipts, o.Now); err != nil {
		return nil, err
	}
	if c.times, err = newCosigner(bus.TimeKeyName(o.Station), o.Time, o.Now); err != nil {
		return nil, err
	}
	c.anchors, err = openAnchors(o.Anchors, o.Log)
	return c, err
}

// Run works until ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.refresh(ctx); err != nil && ctx.Err() == nil {
		c.trouble("gates", err) // it is tried again
	}
	stop, err := c.subscribe()
	if err != nil {
		return err
	}
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() { c.keepStreams(ctx) })
	wait.Go(func() { c.keepGates(ctx) })
	wait.Go(func() { c.collect(ctx) })
	wait.Go(func() { c.replicate(ctx) })
	wait.Go(func() { c.tellNews(ctx) })
	wait.Go(func() { c.keepSelling(ctx) })
	if c.o.Revocations != nil {
		wait.Go(func() { c.keepRevoking(ctx) })
	}
	wait.Wait()
	return c.anchors.write()
}

// String is the task's name.
func (c *Collector) String() string { return "collect" }

// subscribe takes the gates' questions.
func (c *Collector) subscribe() (stop func(), err error) {
	receipts, err := c.o.Conn.Subscribe(bus.ReceiptSubjects(c.o.Station), c.asked)
	if err != nil {
		return nil, err
	}
	times, err := c.o.Conn.Subscribe(bus.TimeSubjects(c.o.Station), c.tellTime)
	if err != nil {
		return nil, errors.Join(err, receipts.Unsubscribe())
	}
	return func() { receipts.Unsubscribe(); times.Unsubscribe() }, nil
}

const (
	lookForGates = time.Second
	keepHeard    = 5 * time.Second
	lookForUsers = 5 * time.Second
)

// keepGates looks for gates that are enrolled meanwhile, keeps when each was heard of, and
// the newest receipts outside the ledger.
func (c *Collector) keepGates(ctx context.Context) {
	var kept, looked time.Time
	told := false
	for tick := time.NewTicker(lookForGates); ; {
		err := c.refresh(ctx)
		if err == nil && (!told || c.state.gatesChanged()) {
			err = c.tellGates()
			told = err == nil
		}
		now := time.Now()
		if now.Sub(looked) >= lookForUsers {
			looked = now
			c.lookForUsers()
		}
		if err == nil && now.Sub(kept) >= keepHeard {
			kept = now
			err = errors.Join(c.keepHeard(ctx), c.anchors.write())
		}
		if ctx.Err() == nil {
			c.trouble("gates", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// refresh reads the enrolled gates.
func (c *Collector) refresh(ctx context.Context) error {
	all, err := c.o.Ledger.Gates(ctx)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	gates := map[string]ledger.Gate{}
	for _, g := range all {
		if g.Station == c.o.Station {
			gates[g.Gate] = g
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !sameGates(c.gates, gates) {
		c.state.setGatesChanged()
	}
	c.gates = gates
	return nil
}

// sameGates tells whether both have the same gates with the same keys.
func sameGates(a, b map[string]ledger.Gate) bool {
	if len(a) != len(b) {
		return false
	}
	for name, g := range a {
		if h, ok := b[name]; !ok || !h.Enrolled.Equal(g.Enrolled) {
			return false
		}
	}
	return true
}

func (c *Collector) tellGates() error {
	if c.o.Gates == nil {
		return nil
	}
	c.mu.Lock()
	var all []identity.Public
	for _, g := range c.gates {
		all = append(all, g.Public)
	}
	c.mu.Unlock()
	return c.o.Gates(all)
}

// gate is an enrolled gate.
func (c *Collector) gate(name string) (ledger.Gate, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.gates[name]
	return g, ok
}

// lane is how a gate's lane is in the ledger.
func (c *Collector) lane(g ledger.Gate) ledger.Lane {
	if l, ok := c.lanes[g.ID]; ok {
		return l
	}
	return g.Lane
}

// lookAgain is how long after a look for gates an unknown name is worth another.
const lookAgain = 100 * time.Millisecond

// known looks for a gate that may have been enrolled a moment ago. It is called by the
// goroutine of collect.
func (c *Collector) known(ctx context.Context, name string) {
	if _, ok := c.gate(name); ok || time.Since(c.looked) < lookAgain {
		return
	}
	if err := c.refresh(ctx); err != nil && ctx.Err() == nil {
		c.trouble("gates", err)
	}
	c.looked = time.Now()
}

// hear keeps that a gate was heard of now.
func (c *Collector) hear(gate int64) {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard[gate] = now
}

// Heard is when gates were heard of since it was kept last, by their ids.
func (c *Collector) Heard() map[int64]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[int64]time.Time, len(c.heard))
	for id, at := range c.heard {
		all[id] = at
	}
	return all
}

func (c *Collector) keepHeard(ctx context.Context) error {
	all := c.Heard()
	if len(all) == 0 {
		return nil
	}
	return c.o.Ledger.Update(ctx, func(t *ledger.Tx) error { return t.Heard(all) })
}

// lookForUsers counts a gate that is connected as heard of.
func (c *Collector) lookForUsers() {
	if c.o.Connected == nil {
		return
	}
	keys, err := c.o.Connected()
	if err != nil {
		c.trouble("connections", err)
		return
	}
	c.mu.Lock()
	var here []int64
	for _, g := range c.gates {
		if keys[g.Bus] {
			here = append(here, g.ID)
		}
	}
	c.mu.Unlock()
	for _, id := range here {
		c.hear(id)
	}
	c.state.touch()
}

// trouble says that a part does not work, once, and that it does again.
func (c *Collector) trouble(part string, err error) {
	switch was := c.state.trouble(part, err); {
	case err != nil && was != err.Error():
		c.o.Log.Error("does not work; it is tried again", "part", part, "err", err)
	case err == nil && was != "":
		c.o.Log.Info("works again", "part", part)
	}
}
