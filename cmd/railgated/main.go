// Railgated is the gate: it reads codes from its scanners, decides, and opens the
// turnstile.
//
//	railgated --config /etc/railgate/railgated.toml
//	railgated --check       says what is wrong with the configuration and the devices
//
// It exits with 0 when it was asked to stop, with 1 when it failed, and with 2 when
// its usage or its configuration is wrong, or when it panicked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/driver/turnstile"
	"railgate/store"
	"railgate/verify"
)

// Set by the linker: the version, and when it was made (seconds since 1970), which
// is a floor for the clock.
var (
	version = "devel"
	built   = "0"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// options are what the command line says.
type options struct {
	config  string
	check   bool
	debug   bool
	version bool
}

// parse reads the command line. Its error has been printed.
func (o *options) parse(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("railgated", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.config, "config", configs.DefaultPath, "the configuration `file`")
	flags.BoolVar(&o.check, "check", false, "check the configuration and the devices, and exit")
	flags.BoolVar(&o.debug, "debug", false, "log everything (SIGUSR1 does so while running)")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("%q is not understood; see railgated --help", flags.Arg(0))
		fmt.Fprintln(stderr, "railgated:", err)
		return err
	}
	return nil
}

func run(args []string, stderr io.Writer) int {
	var o options
	switch err := o.parse(args, stderr); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case o.version:
		fmt.Println("railgated", version)
		return exitOK
	}
	cfg, err := configs.Load(o.config)
	var missing error
	if err == nil {
		missing = cfg.CheckDevices()
		if o.check || !worked(cfg) {
			err = missing
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		if missing != nil && !o.check {
			newDevices(cfg, slog.New(slog.DiscardHandler)) // what is missing may be the scanner: the outputs are made inactive all the same
		}
		return exitUsage
	}
	if o.check {
		fmt.Fprintf(stderr, "%s: good\n", o.config)
		return exitOK
	}
	return runGate(cfg, missing, o.debug, stderr)
}

// runGate runs a gate until it is asked to stop or fails; missing is what the machine
// does not have any more.
func runGate(cfg *configs.Config, missing error, debug bool, stderr io.Writer) int {
	level := new(slog.LevelVar)
	if debug {
		level.Set(slog.LevelDebug)
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime()}))
	slog.SetDefault(log) // libraries that log do so here
	if missing != nil {
		log.Error("something is missing that was there when this configuration worked; going on without", "err", missing)
	}
	g, err := newGate(cfg, log, level)
	if err == nil {
		err = g.run()
	}
	if err == nil {
		return exitOK
	}
	log.Error("railgated ends", "err", err)
	var problem *configs.Problem
	if errors.As(err, &problem) {
		return exitUsage
	}
	return exitFailed
}

// A configuration that has worked on this gate is not wrong: what it misses now is
// broken or unplugged, and a gate that starts without it still has its other
// scanner, its screen and its emergency exit.
const workedName = "config.worked"

func worked(cfg *configs.Config) bool {
	sum, err := os.ReadFile(filepath.Join(cfg.Data, workedName))
	return err == nil && string(sum) == cfg.Sum
}

func (g *gate) noteWorked() {
	if worked(g.cfg) {
		return
	}
	if err := os.WriteFile(filepath.Join(g.cfg.Data, workedName), []byte(g.cfg.Sum), 0o640); err != nil {
		g.log.Warn("noting that the configuration works", "err", err)
	}
}

// withoutTime leaves the time to journald, which has its own.
func withoutTime() func([]string, slog.Attr) slog.Attr {
	if os.Getenv("JOURNAL_STREAM") == "" {
		return nil
	}
	return func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
}

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
	lane    *lane

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
	g.lane = newLane(laneRules(cfg), log)
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

func laneRules(cfg *configs.Config) *rules {
	r := &rules{
		direction: cfg.Lane.Direction, passback: cfg.Lane.Passback, passbackFor: cfg.Lane.PassbackFor, openFor: cfg.Lane.OpenFor,
		role: map[string]store.Role{"entry": store.Entry, "exit": store.Exit, "check": store.Check}[cfg.Lane.Direction],
	}
	r.opens = r.role != store.Check
	for _, class := range cfg.Lane.Classes {
		r.accept.Classes = append(r.accept.Classes, verify.Class(class))
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

// A task works until its context ends, and then returns nil.
type task struct {
	name string
	run  func(context.Context) error
}

// run starts everything, waits for a signal or for a task that fails, and stops
// everything: the lane first, the store last.
func (g *gate) run() error {
	defer turnstile.Guard(g.devices.turnstile, "main", g.log)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1)
	g.log.Info("railgated starts", "version", version, "config", g.cfg.Path, "gate", g.cfg.Gate, "direction", g.cfg.Lane.Direction)
	g.lane.in.post(evNote{store.Record{Kind: store.Started, Detail: "railgated " + version}})

	ctx, fail := context.WithCancelCause(context.Background())
	untilLane, stopLane := context.WithCancel(context.Background())
	untilDevices, stopDevices := context.WithCancel(context.Background())
	lane := g.start(untilLane, fail, []task{{"lane", g.lane.Run}})
	devices := g.start(untilDevices, fail, g.tasks())
	g.start(untilLane, fail, []task{{"ready", g.sayReady}})

	err := g.wait(faulty(ctx, "main"), signals)
	notify(g.log, daemon.SdNotifyStopping)
	stopLane()
	lane.Wait()
	stopDevices()
	g.await(devices)
	return errors.Join(err, g.close())
}

// stopWait is how long a device may take to stop. The lane has released the relay by
// then, and what is queued must still be written.
const stopWait = 3 * time.Second

// await waits for tasks that were told to stop, but not for one that hangs.
func (g *gate) await(tasks *sync.WaitGroup) {
	done := make(chan struct{})
	g.spawn(new(sync.WaitGroup), "stop", func() { tasks.Wait(); close(done) })
	select {
	case <-done:
	case <-time.After(stopWait):
		g.log.Error("a device does not stop; railgated ends without it")
	}
}

// start runs tasks until ctx ends; a task that ends before then is a failure.
func (g *gate) start(ctx context.Context, fail context.CancelCauseFunc, tasks []task) *sync.WaitGroup {
	wait := new(sync.WaitGroup)
	for _, t := range tasks {
		g.spawn(wait, t.name, func() {
			err := t.run(faulty(ctx, t.name))
			if err == nil && ctx.Err() == nil {
				err = errors.New("ended by itself")
			}
			if err != nil {
				fail(fmt.Errorf("%s: %w", t.name, err))
			}
		})
	}
	return wait
}

// spawn starts a goroutine, as every one of the gate's is: its panic releases the relay
// before it ends the process. The turnstile's own are started in the same way.
func (g *gate) spawn(wait *sync.WaitGroup, name string, f func()) {
	wait.Go(func() {
		defer turnstile.Guard(g.devices.turnstile, name, g.log)
		f()
	})
}

// tasks are all but the lane.
func (g *gate) tasks() []task {
	l := g.lane
	s := &server{cfg: g.cfg, lane: l, sim: g.devices.sim, log: g.log, started: g.started}
	tasks := []task{
		{"store", func(ctx context.Context) error { return g.store.Run(ctx, l.storeChanged) }},
		{"clock", func(ctx context.Context) error { return g.clock.Run(ctx, g.clockChanged) }},
		{"keyset", g.keys.Run},
		{"panel", g.devices.panel.Run},
		{"control", s.Run},
	}
	pulses := []pulse{{"lane", l.beats.Load}}
	for _, d := range g.devices.scanners {
		tasks = append(tasks, task{"scanner " + d.String(), func(ctx context.Context) error { return d.Run(ctx, l.deliver) }})
		pulses = append(pulses, devicePulse("scanner", d))
	}
	if d := g.devices.turnstile; d != nil {
		tasks = append(tasks, task{"turnstile", func(ctx context.Context) error { return d.Run(ctx, l.sensed) }})
		pulses = append(pulses, devicePulse("turnstile", d))
	}
	if g.cfg.HTTP.Listen != "" {
		tasks = append(tasks, task{"http", web{s}.Run})
	}
	if w := newWatchdog(pulses, g.log); w != nil {
		tasks = append(tasks, task{"watchdog", w.Run})
	}
	return tasks
}

// wait waits for the end: asked for (nil), or because a task failed, which ends ctx.
func (g *gate) wait(ctx context.Context, signals chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case s := <-signals:
			switch s {
			case unix.SIGHUP:
				g.keys.reload()
			case unix.SIGUSR1:
				g.toggleDebug()
			default:
				g.log.Info("railgated stops", "signal", s.String())
				return nil
			}
		}
	}
}

func (g *gate) toggleDebug() {
	if g.level.Level() == slog.LevelDebug {
		g.level.Set(slog.LevelInfo)
	} else {
		g.level.Set(slog.LevelDebug)
	}
	g.log.Info("debug log", "on", g.level.Level() == slog.LevelDebug)
}

// close writes what is left.
func (g *gate) close() error {
	now, trusted := g.clock.Now()
	if anchor := g.clock.Anchor(); anchor != nil {
		g.store.PutNote("anchor", anchor) // a holdover that is lost is asked for again
	}
	g.store.Append(store.Record{Time: now, Unsure: !trusted, Kind: store.Stopped, Direction: g.cfg.Lane.Direction})
	if err := g.store.Close(); err != nil && !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// sayReady tells systemd that the gate is up once its outputs are safe and its lane
// works, or after a while although it does not: a closed lane that says why is up.
func (g *gate) sayReady(ctx context.Context) error {
	last := ""
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3 * time.Second); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s := g.lane.status(g.cfg, g.started)
		text := fmt.Sprintf("%s: %s", s.Health, s.Mode)
		if len(s.Problems) > 0 {
			text += "; " + s.Problems[0]
		}
		switch {
		case last == "" && (s.Mode != string(modeOutOfService) || time.Now().After(end)):
			notify(g.log, daemon.SdNotifyReady+"\nSTATUS="+text)
			g.log.Info("ready", "health", s.Health, "mode", s.Mode)
			tick.Reset(time.Second)
		case last != "" && text != last:
			notify(g.log, "STATUS="+text)
		default:
			continue
		}
		last = text
		if s.Health == control.Healthy {
			g.noteWorked()
		}
	}
}

func (l *lane) storeChanged(err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	l.in.post(evCause{causeStore, why})
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

func (l *lane) clockChanged(s clock.State) {
	l.in.post(evCause{causeClock, s.Why})
	if s.Step != 0 {
		l.in.post(evNote{store.Record{Kind: store.ClockStep, Detail: fmt.Sprintf("the wall clock jumped by %v; %s", s.Step.Round(time.Millisecond), s.Source)}})
	}
}
