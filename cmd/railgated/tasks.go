package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

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
	signals := notifySignals()
	g.log.Info("railgated starts", "version", version, "config", g.cfg.Path, "gate", g.cfg.Gate, "direction", g.cfg.Lane.Direction)
	g.lane.in.post(lane.Note{Record: journal.Record{Kind: journal.Started, Detail: "railgated " + version}})

	ctx, fail := context.WithCancelCause(context.Background())
	untilLane, stopLane := context.WithCancel(context.Background())
	untilDevices, stopDevices := context.WithCancel(context.Background())
	lane := g.start(untilLane, fail, []task{{"lane", g.lane.Run}})
	devices := g.start(untilDevices, fail, g.tasks())
	g.start(untilLane, fail, []task{{"ready", g.sayReady}})

	err := g.wait(faulty(ctx, "main"), signals)
	g.again = errors.Is(err, errAgain)
	return errors.Join(err, g.stopAll(lane, stopLane, devices, stopDevices))
}

// stopAll stops the lane, then the devices, then the store. It waits for each, but not for
// one that hangs.
func (g *gate) stopAll(lane *sync.WaitGroup, stopLane func(), devices *sync.WaitGroup, stopDevices func()) (err error) {
	began := time.Now()
	if !g.again { // to systemd it never stops
		g.notify(daemon.SdNotifyStopping)
	}
	stopLane()
	if !g.await(lane, releaseWait) {
		g.releaseForGood() // the lane may wait for a slow disk, or hang
		if !g.await(lane, laneWait) {
			err = errors.New("the lane hangs")
			g.log.Error("the lane does not stop; railgated ends without it")
		}
	}
	stopDevices()
	if !g.await(devices, deviceWait) {
		g.log.Error("a device does not stop; railgated ends without it")
	}
	return errors.Join(err, g.finish(g.close, max(stopAll-time.Since(began), stopLeast)))
}

// How long the parts of a gate may take to stop, one after the other. systemd waits for
// 15 seconds (TimeoutStopSec).
const (
	releaseWait = time.Second     // until the relay is released whatever the lane does
	laneWait    = 5 * time.Second // more, for a lane that waits for the disk
	deviceWait  = 3 * time.Second
	stopAll     = 12 * time.Second
	stopLeast   = 2 * time.Second // what is left for the store at least, to write what is queued
)

// await waits for tasks that were told to stop, but not for one that hangs. It reports
// whether they have stopped.
func (g *gate) await(tasks *sync.WaitGroup, within time.Duration) bool {
	done := make(chan struct{})
	g.spawn(new(sync.WaitGroup), "stop", func() { tasks.Wait(); close(done) })
	select {
	case <-done:
		return true
	case <-time.After(within):
		return false
	}
}

// finish calls close, but does not wait for a disk that hangs.
func (g *gate) finish(close func() error, within time.Duration) error {
	done := make(chan error, 1)
	g.spawn(new(sync.WaitGroup), "close", func() { done <- close() })
	select {
	case err := <-done:
		return err
	case <-time.After(within):
		return errors.New("the disk hangs; records that were queued may be lost")
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

// spawn starts a goroutine of the gate. A panic in it releases the relay before it ends
// the process. The turnstile starts its own in the same way.
func (g *gate) spawn(wait *sync.WaitGroup, name string, f func()) {
	wait.Go(func() {
		defer turnstile.Guard(g.devices.turnstile, name, g.log)
		f()
	})
}

// tasks are all but the lane.
func (g *gate) tasks() []task {
	l := g.lane
	s := g.server
	tasks := []task{
		{"store", func(ctx context.Context) error { return g.store.Run(ctx, g.storeChanged) }},
		{"clock", func(ctx context.Context) error { return g.clock.Run(ctx, g.clockChanged) }},
		{"keyset", g.keys.Run},
		{"revocations", g.revoked.Run},
		{"panel", g.devices.panel.Run},
		{"control", s.Run},
	}
	if g.provision != nil {
		tasks = append(tasks, task{"provisioning", g.provision.Run})
	}
	if g.wire != nil {
		tasks = append(tasks, task{"bus", g.wire.Run})
	}
	if g.sync != nil {
		tasks = append(tasks, task{"sync", g.sync.Run})
		if g.sync.tickets != nil {
			tasks = append(tasks, task{"tickets", g.sync.tickets.Run}, task{"tickets of the day", g.sync.tickets.keepAdded})
		}
	}
	if g.releases != nil {
		tasks = append(tasks, task{"releases", g.releases.Run})
	}
	for _, d := range g.devices.scanners {
		tasks = append(tasks, task{"scanner " + d.String(), func(ctx context.Context) error { return d.Run(ctx, l.deliver) }})
	}
	if d := g.devices.turnstile; d != nil {
		tasks = append(tasks, task{"turnstile", func(ctx context.Context) error { return d.Run(ctx, l.sensed) }})
	}
	if g.cfg.Panel.Service != "" {
		tasks = append(tasks, task{"service light", func(ctx context.Context) error { return s.blink(ctx, g.devices.panel.Blink) }})
	}
	if g.cfg.HTTP.Listen != "" {
		tasks = append(tasks, task{"http", web{s}.Run})
	}
	if w := newWatchdog(g.watched(), g.notify, g.log); w != nil {
		tasks = append(tasks, task{"watchdog", w.Run})
	}
	return tasks
}

// watched are the loops that must turn for the watchdog to be fed, as the unit's comment has them.
func (g *gate) watched() []pulse {
	all := []pulse{{"lane", g.lane.beats.Load}, {"clock", g.clock.Beats}, {"keyset", g.keys.Beats}}
	for _, d := range g.devices.scanners {
		all = append(all, devicePulse("scanner", d))
	}
	if d := g.devices.turnstile; d != nil {
		all = append(all, devicePulse("turnstile", d))
	}
	return all
}
