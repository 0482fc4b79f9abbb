package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	gosync "sync"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/store/link"
	"railgate/verify/lane"
)

// This file is about the station's bus: journals out, spent codes across, claims, the time. The
// lane waits for none of it.

// A wire is the gate's link to its station's bus. All of its methods work on nil: a gate
// without a station.
type wire struct {
	cfg   *configs.Config
	sync  *syncer
	parts func(*identity.Identity) link.Options

	mu     gosync.Mutex // guards the fields below
	link   *link.Link   // nil: the seed could not be read yet
	enroll string       // the text of the code by which a station enrolls the gate
	err    error        // why there is no link, though there is a station
}

// linkClock is the clock as a link wants it.
type linkClock struct{ *clock.Clock }

func (c linkClock) Now() (time.Time, bool) {
	now := c.Clock.Now()
	return now.Time, now.OK
}

func (c linkClock) Proven() time.Time { return c.Clock.Proven().Proven() }

// newWire makes the link of a gate that has a station.
func (g *gate) newWire(s *store.Store, c *clock.Clock, y *syncer, note func(journal.Record)) *wire {
	cfg := g.cfg
	if cfg.Sync.Station == "" {
		return nil
	}
	w := &wire{cfg: cfg, sync: y, parts: func(id *identity.Identity) link.Options {
		return link.Options{
			Station: cfg.Station, Gate: cfg.Gate, Dir: cfg.Data, Identity: id, Store: s, Clock: linkClock{c}, PassbackFor: cfg.Lane.PassbackFor,
			Note: note, Tickets: y.takeTickets, Revocations: y.revoked.Heard, Log: g.log.With("part", "bus"), Spawn: g.spawn,
		}
	}}
	if err := w.begin(); err != nil {
		g.log.Error("the gate works alone: it cannot sign in at its station", "err", err)
	}
	return w
}

// begin reads the seed, and makes the link.
func (w *wire) begin() error {
	id, err := identity.Load(w.cfg.Data)
	text := ""
	if err == nil {
		text, err = id.Public(w.cfg.Station, w.cfg.Gate).Text()
	}
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	if err != nil {
		return err
	}
	l := link.New(w.parts(id))
	w.mu.Lock()
	w.link, w.enroll = l, text
	w.mu.Unlock()
	w.sync.WatchStation(func(s *bus.Station) { l.Use(s, w.cfg.Bus.Servers) })
	return nil
}

// seedEvery is how often a seed is looked for that could not be read.
const seedEvery = 2 * time.Second

// Run works for the station until ctx ends. A seed that cannot be read, or made, leaves a gate
// that works alone until it can.
func (w *wire) Run(ctx context.Context) error {
	for w.up() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(seedEvery):
			w.begin() // the status says why not
		}
	}
	return w.up().Run(ctx)
}

// up is the link; nil: there is none, or none yet.
func (w *wire) up() *link.Link {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link
}

// code is the text of the code by which a station enrolls the gate; "": there is none.
func (w *wire) code() string {
	if w == nil {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.enroll
}

// spent tells whether another gate of the station has spent a code that rotates.
func (w *wire) spent(use journal.Use) bool {
	l := w.up()
	return l != nil && l.Spent(use)
}

// walks are what other gates of the station have said of a slip.
func (w *wire) walks(certificate journal.ID) (none journal.Walks) {
	if l := w.up(); l != nil {
		return l.Walks(certificate)
	}
	return none
}

// later is a holder's last passage, at this gate or at another.
func (w *wire) later(own journal.LastPassage, known bool, holder journal.ID) (journal.LastPassage, bool) {
	l := w.up()
	if l == nil {
		return own, known
	}
	other, ok := l.LastPassage(holder)
	if ok && (!known || other.Time.After(own.Time)) {
		return other, true
	}
	return own, known
}

// rides is how many of a ticket's rides other gates of the station took.
func (w *wire) rides(ticket journal.ID) int {
	if l := w.up(); l != nil {
		return l.Rides(ticket)
	}
	return 0
}

// outOfTouch tells whether the gate has a station whose other gates it does not hear.
func (w *wire) outOfTouch() bool {
	l := w.up()
	return w != nil && (l == nil || !l.InTouch())
}

// wrote has the link look for what is new on the disk.
func (w *wire) wrote() {
	if l := w.up(); l != nil {
		l.Wrote()
	}
}

// clockStepped asks the station which time it is.
func (w *wire) clockStepped() {
	if l := w.up(); l != nil {
		l.AskTime()
	}
}

// claim asks the station, and leaves the answer for the lane: the lane goes on meanwhile.
func (l *runner) claim(e lane.Claim) {
	answered := func(a lane.Answer) { l.in.post(lane.Claimed{ID: e.ID, Answer: a}) }
	station := l.wire.up()
	if station == nil {
		answered(lane.NoAnswer)
		return
	}
	l.spawn(new(gosync.WaitGroup), "claim", func() {
		var keys []string
		for _, k := range e.Keys {
			keys = append(keys, link.ClaimKey(k.What, k.Role, k.Of))
		}
		answered(map[link.Claim]lane.Answer{link.Held: lane.Held, link.Taken: lane.Taken}[station.Claim(context.Background(), keys, e.Lasts)])
	})
}

// status tells of the bus, for people and scripts.
func (w *wire) status(s *control.Status, cut string) {
	if w == nil {
		return
	}
	s.Bus = &control.Bus{Cut: cut, Identity: w.code()}
	l := w.up()
	if l == nil {
		w.mu.Lock()
		why := words(w.err)
		w.mu.Unlock()
		found(s, control.IdentityDamaged, why, "{data}", w.cfg.Data)
		return
	}
	b := l.Status()
	*s.Bus = control.Bus{
		Station: b.Station, Server: b.Server, Connected: b.Connected, InTouch: b.InTouch, Cut: cut, Errors: b.Errors, Unsent: b.Unsent, Receipt: b.Receipt,
		ReceiptAt: b.ReceiptAt, Refused: b.Refused, Time: b.Time, TimeAge: b.TimeAge.Seconds(), Others: b.Others, SentAgain: b.Rewound, NoAnswer: b.NoAnswer, Identity: w.code(),
	}
	addBusCauses(s, b)
}

// addBusCauses says what a technician should know of a bus that a gate works without.
func addBusCauses(s *control.Status, b link.Status) {
	why := b.Errors["bus"]
	switch {
	case b.Servers == 0 && s.Bus.Cut != "closed": // it has none, or the repository's cause says why
	case strings.Contains(why, link.ErrPin.Error()):
		found(s, control.BusWrongKey, "the station's bus is refused: "+why)
	case strings.Contains(why, link.ErrNotEnrolled.Error()):
		found(s, control.GateNotEnrolled, "the station's bus refuses this gate: "+why)
	case !b.Connected && b.Servers > 0:
		found(s, control.BusUnreachable, strings.TrimSuffix("the station's bus cannot be reached: "+why, ": "))
	case !b.InTouch:
		found(s, control.OutOfTouch, "out_of_touch: the station's other gates are not heard")
	}
	if b.Refused != "" {
		found(s, control.JournalRefused, "the station refuses the journal: "+b.Refused)
	}
	for _, part := range slices.Sorted(maps.Keys(b.Errors)) {
		if b.Connected && part != "bus" {
			found(s, control.BusIncomplete, fmt.Sprintf("the station's bus, %s: %s", part, b.Errors[part]))
			break
		}
	}
}
