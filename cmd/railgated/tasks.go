package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/driver/turnstile"
	"railgate/store/journal"
	"railgate/verify/lane"
)

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
	g.lane.in.post(lane.Note{Record: journal.Record{Kind: journal.Started, Detail: "railgated " + version}})

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
	for _, d := range g.devices.scanners {
		tasks = append(tasks, task{"scanner " + d.String(), func(ctx context.Context) error { return d.Run(ctx, l.deliver) }})
	}
	if d := g.devices.turnstile; d != nil {
		tasks = append(tasks, task{"turnstile", func(ctx context.Context) error { return d.Run(ctx, l.sensed) }})
	}
	if g.cfg.HTTP.Listen != "" {
		tasks = append(tasks, task{"http", web{s}.Run})
	}
	if w := newWatchdog(g.pulses(), g.log); w != nil {
		tasks = append(tasks, task{"watchdog", w.Run})
	}
	return tasks
}

// pulses are the loops that must turn for the watchdog to be fed, as the unit's comment has them.
func (g *gate) pulses() []pulse {
	all := []pulse{{"lane", g.lane.beats.Load}, {"clock", g.clock.Beats}, {"keyset", g.keys.beats.Load}}
	for _, d := range g.devices.scanners {
		all = append(all, devicePulse("scanner", d))
	}
	if d := g.devices.turnstile; d != nil {
		all = append(all, devicePulse("turnstile", d))
	}
	return all
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

// sayReady tells systemd that the gate is up once its outputs are safe and its lane
// works, or after a while although it does not: a closed lane that says why is up.
func (g *gate) sayReady(ctx context.Context) error {
	last, noted := "", false
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
		case last == "" && (s.Mode != string(lane.ModeOutOfService) || time.Now().After(end)):
			notify(g.log, daemon.SdNotifyReady+"\nSTATUS="+text)
			g.log.Info("ready", "health", s.Health, "mode", s.Mode)
			tick.Reset(time.Second)
			last = text
		case last != "" && text != last:
			notify(g.log, "STATUS="+text)
			last = text
		}
		if !noted && s.Health == control.Healthy { // a camera is, at its first frame: later than the lane is ready
			g.noteWorked()
			noted = true
		}
	}
}
