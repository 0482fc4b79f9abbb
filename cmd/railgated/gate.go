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

	"railgate/cmd/railgated/keyring"
	"railgate/cmd/railgated/logsink"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/driver/turnstile"
	"railgate/store"
	"railgate/store/durable"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// A gate is the daemon with all its parts.
type gate struct {
	cfg     *configs.Config
	log     *slog.Logger
	level   *slog.LevelVar
	started time.Time
	store   *store.Store
	clock   *clock.Clock
	keys    *keyring.Ring
	revoked *revocations
	sync    *syncer // nil: no repository is configured
	wire    *wire   // nil: no station is

	releases  *releases    // nil: no station is
	provision *provisioner // nil: the gate's file says all
	devices   *devices
	lane      *runner
	server    *server
	board     *board

	again    bool      // it ends to begin again; owned by run
	resumed  bool      // the clock knows what the store has kept; owned by the store's task
	anchored time.Time // when the clock's anchor was kept last; owned by the clock's task
}

// memoryLimit is where the collector begins to work harder. A gate needs a megabyte or
// two; one that remembers a week's holders for anti-passback needs thirty, and must
// not spend its time collecting.
const memoryLimit = 64 << 20

// newGate builds a gate whole, in the order in which its parts need one another: devices,
// keys, the clock, the store, then the floor that the store has proven, then the lane.
// first is the keyset's file as the start's check has read it; nil where it could not.
func newGate(cfg *configs.Config, first *configs.KeysetFile, log *slog.Logger, level *slog.LevelVar) (*gate, error) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	devices, err := newDevices(cfg, log)
	if err != nil {
		return nil, err
	}
	g := &gate{cfg: cfg, log: log, level: level, started: time.Now(), devices: devices, board: newBoard(log)}
	g.board.set(partOutputs, g.saveOutputs())
	keys := keyring.New(cfg.Keys, cfg.Sync.Nation, cfg.Data, first, log)
	if err := keys.Begin(first); err != nil && keys.Current() == nil && !cfg.Provision.Waiting {
		log.Error("there is no keyset; the lane stays closed", "err", err)
	}
	clock := newClock(cfg, keys.Current(), log)
	store, err := store.Open(store.Options{
		Dir: cfg.Data, Mark: markPath(cfg.Data), Days: cfg.Journal.Days, MaxBytes: cfg.Journal.MaxBytes, PassbackFor: cfg.Lane.PassbackFor,
		Now:    func() (time.Time, bool) { now := clock.Now(); return now.Time, now.OK },
		Proven: func() store.Proven { return clock.Proven() },
		// Whoever has a station's repository has its collector, too.
		Station: func() bool { return cfg.Sync.Station != "" },
	}, log)
	if err != nil {
		return nil, err
	}
	g.resumed = resumeClock(clock, store)
	in := newInbox()
	g.revoked = newRevocations(cfg, store, clock, keys, func(r journal.Record) { in.post(lane.Note{Record: r}) }, log)
	sync := newSyncer(cfg, store, clock, keys, g.revoked, func(r journal.Record) { in.post(lane.Note{Record: r}) }, log)
	g.store, g.sync = store, sync
	g.provision = newProvisioner(cfg, store, clock, in, log)
	g.wire = g.newWire(store, clock, sync, func(r journal.Record) { in.post(lane.Note{Record: r}) })
	runner := newRunner(parts{
		rules: g.newRules(), languages: cfg.Panel.Languages, clock: clock, store: store, keys: keys, revoked: g.revoked, in: in, sync: sync, wire: g.wire, provision: g.provision, spawn: g.spawn,
		scanners: devices.scanners, turnstile: devices.turnstile, panel: devices.panel,
	}, log)
	g.lane, g.clock = runner, clock
	g.releases = newReleases(g, func(r journal.Record) { in.post(lane.Note{Record: r}) })
	runner.releases = g.releases
	if g.provision != nil {
		g.provision.emergency = func() bool { return runner.seen().Mode == lane.ModeEmergency }
	}
	sync.onRules(func() { in.post(lane.NewRules{Rules: g.newRules()}) })
	g.anchored, g.clock, g.keys, g.lane = time.Now(), clock, keys, runner
	g.server = &server{cfg: cfg, lane: runner, sim: devices.sim, log: log, started: g.started, board: g.board, logs: logsink.Of(log)}
	return g, nil
}

// markPath is where the store leaves word outside its folder: in the unit's second state
// folder, else beside the data folder. It must outlive a reboot, for paper does.
func markPath(data string) string {
	if dirs := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); len(dirs) > 1 {
		return filepath.Join(dirs[1], "gate.mark")
	}
	return filepath.Clean(data) + ".mark"
}

// saveOutputs writes the file that railgate outputs-safe reads.
func (g *gate) saveOutputs() error {
	dir := runtimeFolder()
	if dir == "" {
		dir = g.cfg.Data
	}
	return writeOutputs(dir, g.devices.outputs)
}

func writeOutputs(dir string, o turnstile.Outputs) error {
	data, err := o.Marshal()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, turnstile.OutputsName)
	if old, err := durable.ReadFile(path, 1<<20); err == nil && string(old) == string(data) {
		return nil // nothing to write, so a full disk does not matter
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return durable.WriteFile(path, data, 0o600)
}

// defaultTolerance is how wrong the clock may be where no issuer says.
const defaultTolerance = 5 * time.Second

// newClock makes a clock that knows the build's time, and the issuers' tolerance.
func newClock(cfg *configs.Config, keys *verify.Keyset, log *slog.Logger) *clock.Clock {
	c := clock.Config{Drift: cfg.Clock.DriftPPM, RequireSync: cfg.Clock.RequireSync, Tolerance: tolerance(keys)}
	seconds, _ := strconv.ParseInt(built, 10, 64) // the linker's
	return clock.New(c, time.Unix(seconds, 0), log)
}

// tolerance is how wrong the clock may be: the least that an issuer says.
func tolerance(keys *verify.Keyset) time.Duration {
	if keys == nil {
		return defaultTolerance
	}
	least := keys.Issuers[0].Early
	for _, i := range keys.Issuers {
		least = min(least, i.Early)
	}
	return least
}

// anchorNote is the anchor's name in the store. The older versions' was of another clock.
const anchorNote = "clock anchor"

// resumeClock gives the clock the floor and the anchor that the store kept. It reports
// whether the store could be read.
func resumeClock(c *clock.Clock, s *store.Store) bool {
	var kept clock.Anchor
	ok, err := s.Note(anchorNote, &kept)
	if err != nil {
		return false
	}
	if ok && c.Anchor() == nil { // a clock that has an anchor of its own by now needs no older one
		c.Resume(s.Floor(), &kept)
	} else {
		c.Resume(s.Floor(), nil)
	}
	return true
}

// close writes the last records and closes the store.
func (g *gate) close() error {
	now := g.clock.Now()
	if anchor := g.clock.Anchor(); anchor != nil {
		g.store.PutNote(anchorNote, anchor) // without it the next start needs a synchronised clock
	}
	g.store.Append(journal.Record{Time: now.Time, Unsure: !now.OK, Kind: journal.Stopped, Direction: g.cfg.Lane.Direction})
	if err := g.store.Close(); err != nil && !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// storeChanged is told whether the store works. After a start without it, the clock gets
// what it kept before the lane opens.
func (g *gate) storeChanged(err error) {
	if err == nil && !g.resumed {
		g.resumed = resumeClock(g.clock, g.store)
		g.revoked.resume()
		g.sync.resume()
		g.lane.in.post(lane.Missing{Cause: lane.CauseClock, Why: g.clock.State().Why})
	}
	g.lane.storeChanged(err)
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

// clockChanged is told the state of the clock every second.
func (g *gate) clockChanged(s clock.State) {
	g.lane.clockChanged(s)
	g.clock.Tolerate(tolerance(g.keys.Current()))
	if time.Since(g.anchored) < anchorEvery {
		return
	}
	g.anchored = time.Now()
	if anchor := g.clock.Anchor(); anchor != nil {
		g.store.PutNote(anchorNote, anchor)
	}
}
