package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"railgate/configs"
	"railgate/driver/clock"
	"railgate/driver/turnstile"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// A gate is the daemon: everything, wired.
type gate struct {
	cfg     *configs.Config
	log     *slog.Logger
	level   *slog.LevelVar
	started time.Time
	store   *store.Store
	clock   *clock.Clock
	keys    *keyring
	devices *devices
	lane    *runner

	anchored time.Time // when the clock's anchor was kept last; owned by the clock's task
}

// memoryLimit is where the collector begins to work harder. A gate needs a megabyte or
// two; one that remembers a week's holders for anti-passback needs thirty, and must
// not spend its time collecting.
const memoryLimit = 64 << 20

func newGate(cfg *configs.Config, log *slog.Logger, level *slog.LevelVar) (*gate, error) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	g := &gate{cfg: cfg, log: log, level: level, started: time.Now(), anchored: time.Now()}
	devices, err := newDevices(cfg, log)
	if err != nil {
		return nil, err
	}
	g.devices = devices
	g.saveOutputs()
	// The store asks for the time, and the clock for the store's floor.
	g.store, err = store.Open(store.Options{
		Dir: cfg.Data, Days: cfg.Journal.Days, MaxBytes: cfg.Journal.MaxBytes, PassbackFor: cfg.Lane.PassbackFor, Now: g.now,
	}, log)
	if err != nil {
		return nil, err
	}
	g.keys = newKeyring(cfg.Keys, log)
	if cfg.Keys != "" {
		if err := g.keys.load(); err != nil {
			log.Error("there is no keyset; the lane stays closed", "err", err)
		}
	}
	g.openClock()
	g.lane = newRunner(laneRules(cfg), log)
	g.lane.languages, g.lane.clock, g.lane.store, g.lane.keys = cfg.Panel.Languages, g.clock, g.store, g.keys
	g.lane.scanners, g.lane.turnstile, g.lane.panel = devices.scanners, devices.turnstile, devices.panel
	return g, nil
}

// now is the time for the store; before the clock is there, an untrusted one.
func (g *gate) now() (time.Time, bool) {
	if g.clock == nil {
		return time.Now(), false
	}
	return g.clock.Now()
}

func laneRules(cfg *configs.Config) *lane.Rules {
	r := &lane.Rules{
		Direction: cfg.Lane.Direction, Passback: cfg.Lane.Passback, PassbackFor: cfg.Lane.PassbackFor, OpenFor: cfg.Lane.OpenFor,
		Role: map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit, "check": journal.Check}[cfg.Lane.Direction],
	}
	r.Opens = r.Role != journal.Check
	for _, class := range cfg.Lane.Classes {
		r.Accept.Classes = append(r.Accept.Classes, verify.Class(class))
	}
	return r
}

// saveOutputs leaves word for railgate outputs-safe.
func (g *gate) saveOutputs() {
	dir := os.Getenv("RUNTIME_DIRECTORY")
	if dir == "" {
		dir = g.cfg.Data
	}
	err := os.MkdirAll(dir, 0o750)
	if err == nil {
		err = g.devices.outputs.Save(filepath.Join(dir, turnstile.OutputsName))
	}
	if err != nil {
		g.log.Error("railgate outputs-safe will not know this gate's outputs", "err", err)
	}
}

// defaultTolerance is how wrong the clock may be where no issuer says.
const defaultTolerance = 5 * time.Second

func (g *gate) openClock() {
	cfg := clock.Config{Drift: g.cfg.Clock.DriftPPM, RequireSync: g.cfg.Clock.RequireSync, Tolerance: defaultTolerance}
	if keys := g.keys.current(); keys != nil && len(keys.Issuers) > 0 {
		cfg.Tolerance = keys.Issuers[0].Early
		for _, i := range keys.Issuers {
			cfg.Tolerance = min(cfg.Tolerance, i.Early)
		}
	}
	seconds, _ := strconv.ParseInt(built, 10, 64) // the linker's
	floor := time.Unix(seconds, 0)
	if f := g.store.Floor(); f.After(floor) {
		floor = f
	}
	var kept clock.Anchor
	if ok, err := g.store.Note("anchor", &kept); !ok || err != nil {
		kept = clock.Anchor{}
	}
	g.clock = clock.New(cfg, floor, &kept, g.log)
}

// close writes what is left.
func (g *gate) close() error {
	now, trusted := g.clock.Now()
	if anchor := g.clock.Anchor(); anchor != nil {
		g.store.PutNote("anchor", anchor) // a holdover that is lost is asked for again
	}
	g.store.Append(journal.Record{Time: now, Unsure: !trusted, Kind: journal.Stopped, Direction: g.cfg.Lane.Direction})
	if err := g.store.Close(); err != nil && !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

func (l *runner) storeChanged(err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	l.in.post(lane.Missing{Cause: lane.CauseStore, Why: why})
}

// anchorEvery is how often the clock's anchor is kept, for a restart in the same boot.
const anchorEvery = 10 * time.Minute

// clockChanged hears of the clock every second.
func (g *gate) clockChanged(s clock.State) {
	g.lane.clockChanged(s)
	if time.Since(g.anchored) < anchorEvery {
		return
	}
	g.anchored = time.Now()
	if anchor := g.clock.Anchor(); anchor != nil {
		g.store.PutNote("anchor", anchor)
	}
}

func (l *runner) clockChanged(s clock.State) {
	l.in.post(lane.Missing{Cause: lane.CauseClock, Why: s.Why})
	if s.Step != 0 {
		l.in.post(lane.Note{Record: journal.Record{Kind: journal.ClockStep, Detail: fmt.Sprintf("the wall clock jumped by %v; %s", s.Step.Round(time.Millisecond), s.Source)}})
	}
}
