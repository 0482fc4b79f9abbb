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
	*link.Link
	cfg    *configs.Config
	enroll string // the text of the code by which a station enrolls the gate
	err    error  // why there is no link, though there is a station
}

// linkClock is the clock as a link wants it.
type linkClock struct{ *clock.Clock }

func (c linkClock) Now() (time.Time, bool) {
	now := c.Clock.Now()
	return now.Time, now.OK
}

func (c linkClock) Proven() time.Time { return c.Clock.Proven().Proven() }

// newWire makes the link of a gate that has a station. A seed that cannot be read leaves a
// gate that works alone, and says so.
func (g *gate) newWire(s *store.Store, c *clock.Clock, note func(journal.Record)) *wire {
	cfg := g.cfg
	if cfg.Sync.Station == "" {
		return nil
	}
	w := &wire{cfg: cfg}
	id, err := identity.Load(cfg.Data)
	if err != nil {
		g.log.Error("the gate works alone: it cannot sign in at its station", "err", err)
		w.err = err
		return w
	}
	if w.enroll, err = id.Public(cfg.Station, cfg.Gate).Text(); err != nil {
		w.err = err
		return w
	}
	w.Link = link.New(link.Options{
		Station: cfg.Station, Gate: cfg.Gate, Dir: cfg.Data, Identity: id, Store: s, Clock: linkClock{c}, PassbackFor: cfg.Lane.PassbackFor,
		Note: note, Log: g.log.With("part", "bus"), Spawn: g.spawn,
	})
	return w
}

// follow has the link work for the station of station.json, now and whenever another comes.
func (w *wire) follow(y *syncer) {
	if !w.up() {
		return
	}
	y.WatchStation(func(s *bus.Station) { w.Use(s, w.cfg.Bus.Servers) })
}

// up tells whether there is a link.
func (w *wire) up() bool { return w != nil && w.Link != nil }

// spent tells whether another gate of the station has spent a code.
func (w *wire) spent(use journal.Use, static bool) bool { return w.up() && w.Spent(use, static) }

// later is a holder's last passage, at this gate or at another.
func (w *wire) later(own journal.LastPassage, known bool, holder journal.ID) (journal.LastPassage, bool) {
	if !w.up() {
		return own, known
	}
	other, ok := w.LastPassage(holder)
	if ok && (!known || other.Time.After(own.Time)) {
		return other, true
	}
	return own, known
}

// rides is how many of a ticket's rides other gates of the station took.
func (w *wire) rides(ticket journal.ID) int {
	if !w.up() {
		return 0
	}
	return w.Rides(ticket)
}

// outOfTouch tells whether the gate has a station whose other gates it does not hear.
func (w *wire) outOfTouch() bool { return w != nil && (w.Link == nil || !w.InTouch()) }

// wrote has the link look for what is new on the disk.
func (w *wire) wrote() {
	if w.up() {
		w.Wrote()
	}
}

// clockStepped asks the station which time it is.
func (w *wire) clockStepped() {
	if w.up() {
		w.AskTime()
	}
}

// claimMargin is by how much a claim outlasts the opening that it is for.
const claimMargin = 2 * time.Second

// claim asks the station, and leaves the answer for the lane: the lane goes on meanwhile.
func (l *runner) claim(e lane.Claim) {
	answered := func(a lane.Answer) { l.in.post(lane.Claimed{ID: e.ID, Answer: a}) }
	if !l.wire.up() {
		answered(lane.NoAnswer)
		return
	}
	lasts := l.state.Rules().OpenFor + claimMargin
	l.spawn(new(gosync.WaitGroup), "claim", func() {
		var keys []string
		for _, k := range e.Keys {
			keys = append(keys, link.ClaimKey(k.What, k.Role, k.Of))
		}
		answered(map[link.Claim]lane.Answer{link.Held: lane.Held, link.Taken: lane.Taken}[l.wire.Claim(context.Background(), keys, lasts)])
	})
}

// status tells of the bus, for people and scripts.
func (w *wire) status(s *control.Status, cut string) {
	if w == nil {
		return
	}
	s.Bus = &control.Bus{Cut: cut, Identity: w.enroll}
	if w.Link == nil {
		found(s, control.IdentityDamaged, w.err.Error(), "{data}", w.cfg.Data)
		return
	}
	b := w.Status()
	*s.Bus = control.Bus{
		Station: b.Station, Server: b.Server, Connected: b.Connected, InTouch: b.InTouch, Cut: cut, Errors: b.Errors, Unsent: b.Unsent, Receipt: b.Receipt,
		ReceiptAt: b.ReceiptAt, Refused: b.Refused, Time: b.Time, TimeAge: b.TimeAge.Seconds(), Others: b.Others, SentAgain: b.Rewound, NoAnswer: b.NoAnswer, Identity: w.enroll,
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
