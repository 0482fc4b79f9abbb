package turnstile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"railgate/driver"
)

// This file is for a process that dies of a panic, in whichever goroutine: its relay is released first.
// For deaths that run no code of ours (SIGKILL, a fatal error of Go's runtime) there is outputs-safe.

// Guard is deferred by a goroutine. If the goroutine panics it releases t (nil: there is none) for good, logs
// which goroutine it is, and panics again: the runtime prints the stack and ends the process. A log whose handler has
// a method Dying hears of that first: it may have lines that wait, and what reads them may hang.
func Guard(t driver.Turnstile, goroutine string, log *slog.Logger) {
	p := recover()
	if p == nil {
		return
	}
	if t != nil { // before the log, which may hang
		if err := t.ReleaseForGood(); err != nil {
			log.Error("releasing the relay", "err", err)
		}
	}
	log.Error("internal error", "goroutine", goroutine, "panic", p)
	if h, ok := log.Handler().(interface{ Dying() }); ok {
		h.Dying()
	}
	panic(p)
}

var errDying = errors.New("railgated dies of an internal error")

// ReleaseForGood implements [driver.Turnstile]. The line is driven by a goroutine that may be left behind: it may
// hang in the kernel, and panic as whoever called did.
func (c *Controller) ReleaseForGood() error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("relay: %v", p)
			}
		}()
		c.relay.Lock()
		defer c.relay.Unlock()
		c.dying = true
		done <- c.lines.setRelay(false)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(answer):
		return errHangs
	}
}

// setRelay is the only one to drive the relay while Run runs.
func (c *Controller) setRelay(active bool) error {
	c.relay.Lock()
	defer c.relay.Unlock()
	if active && c.dying {
		return errDying
	}
	return c.lines.setRelay(active)
}

// A watcher hands an input's changes on until ctx ends, in a goroutine of its own.
type watcher struct {
	name string
	run  func(ctx context.Context, changed func(edge)) error
}

// start starts watchers, for wait to wait for. Each leaves its end in the channel.
func (c *Controller) start(ctx context.Context, wait *sync.WaitGroup, watchers []watcher, changed func(edge)) chan error {
	ended := make(chan error, len(watchers))
	for _, w := range watchers {
		wait.Go(func() {
			defer Guard(c, w.name, c.log)
			ended <- w.run(ctx, changed)
		})
	}
	return ended
}
