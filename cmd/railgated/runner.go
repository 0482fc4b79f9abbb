package main

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/driver"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/verify/lane"
)

// A runner does what the law says. One goroutine owns the state, and nothing else
// opens the gate.
type runner struct {
	parts
	log   *slog.Logger
	hub   *hub
	told  *telemetry
	began time.Time // instants count from here
	beats atomic.Uint64
	stats statsReader

	// owned by Run
	state   lane.State
	answers []lane.Event // what became of effects; the law hears it before anything from outside
	times   control.Timings
	readAt  time.Duration
	checkAt time.Duration
	news    bool // records that the station's other gates must hear of

	mu   sync.Mutex // guards the field below, for whoever asks
	view lane.Snapshot
}

// parts are what a lane is made of.
type parts struct {
	rules     *lane.Rules
	languages []string
	clock     *clock.Clock
	store     *store.Store
	keys      *keyring.Ring
	revoked   *revocations
	in        *inbox
	sync      *syncer // nil: no repository is configured
	wire      *wire   // nil: no station is
	provision *provisioner
	releases  *releases // nil: no station is configured
	spawn     func(wait *sync.WaitGroup, name string, f func())
	scanners  []driver.Scanner
	turnstile driver.Turnstile // nil: the lane opens nothing
	panel     driver.Panel
}

func newRunner(p parts, log *slog.Logger) *runner {
	l := &runner{parts: p, log: log, hub: newHub(), told: newTelemetry(), began: time.Now(), state: lane.New(p.rules)}
	l.publish() // whoever asks before the first step
	return l
}

// publish lets others see what the state is.
func (l *runner) publish() {
	view := l.state.Snapshot()
	l.mu.Lock()
	l.view = view
	l.mu.Unlock()
}

func (l *runner) seen() lane.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view
}

func (l *runner) instant() lane.Instant {
	now := l.clock.Now()
	return lane.Instant{Mono: time.Since(l.began), Wall: now.Time, Trusted: now.OK}
}

// answer leaves something for the law to hear once this step is done.
func (l *runner) answer(ev lane.Event) { l.answers = append(l.answers, ev) }

// takeover is what staff made of the lane, and for how long yet; "": they have not.
func (l *runner) takeover() (service string, left time.Duration) {
	view := l.seen()
	if view.Service == lane.ServiceNone {
		return "", 0
	}
	return view.Service.String(), view.ServiceEnd - time.Since(l.began)
}
