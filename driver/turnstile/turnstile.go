// Package turnstile drives a barrier: its relay's timing, its interlock and its
// override by the fire loop are one controller over lines that are GPIO's or
// simulated.
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

// Config is a turnstile's timing.
type Config struct {
	Name  string
	Pulse time.Duration // how long the relay is active for one opening
	Hold  bool          // instead of a pulse: active for as long as the lane is open

	// Interlock is a lock file that two directions of one turnstile share, ""
	// for none: many turnstiles read both relays active as free passage.
	Interlock string
}

const (
	// MinPulse is the shortest pulse that turnstiles obey and MaxPulse the longest
	// that is one opening.
	MinPulse = 50 * time.Millisecond
	MaxPulse = 5 * time.Second

	// relayGap is how long the relay is inactive between two pulses, so that the
	// turnstile counts two.
	relayGap = 50 * time.Millisecond
	// relock is how often a pulse that waits for the interlock tries to take it.
	relock = 5 * time.Millisecond
	// beat is the loop's slowest turn.
	beat = 500 * time.Millisecond
	// maxDue bounds the pulses that wait behind one another.
	maxDue = 8
	// quarantine is how long a relay that failed must work again before it is used.
	quarantine = 5 * time.Second
	// answer bounds the wait for the owner of the lines.
	answer = time.Second
)

// lines is a turnstile's electrical side. Levels are active or inactive.
type lines interface {
	// setRelay drives the relay's line.
	setRelay(active bool) error
	// open requests the inputs, hands their present levels to changed, and returns the
	// watchers for what follows.
	open(changed func(edge)) ([]watcher, error)
	// close releases the lines, with the relay inactive.
	close() error
}

type input uint8

const (
	passage input = iota
	emergency
)

func (in input) String() string {
	if in == emergency {
		return "emergency"
	}
	return "passage"
}

// An edge is a change of an input.
type edge struct {
	input  input
	active bool
	at     time.Time
}

// A Controller is a turnstile of any kind.
type Controller struct {
	driver.Monitor
	cfg      Config
	lines    lines
	log      *slog.Logger
	commands chan command

	relay sync.Mutex // guards the relay's line, and the field below
	dying bool       // it is released for good

	// owned by Run
	active   bool          // the relay, as last driven
	until    time.Time     // when an active relay is released
	gapUntil time.Time     // before which it is not active again
	due      int           // openings that wait
	window   time.Duration // how long the next held opening may last
	alarm    bool          // the emergency input is active
	broken   error         // the relay's last write failed
	brokenAt time.Time
	lock     *interlock
	deliver  func(driver.Event)
}

var _ driver.Turnstile = (*Controller)(nil)

type command struct {
	kind   commandKind
	window time.Duration
	reply  chan error // has room for the answer
}

type commandKind uint8

const (
	openCommand commandKind = iota
	closeCommand
	releaseCommand
)

func newController(cfg Config, lines lines, log *slog.Logger) *Controller {
	return &Controller{cfg: cfg, lines: lines, log: log.With("turnstile", cfg.Name), commands: make(chan command), lock: newInterlock(cfg.Interlock)}
}

func (c *Controller) String() string { return c.cfg.Name }

// Open implements [driver.Turnstile].
func (c *Controller) Open(window time.Duration) error {
	return c.command(command{kind: openCommand, window: window})
}

// Close implements [driver.Turnstile].
func (c *Controller) Close() error { return c.command(command{kind: closeCommand}) }

// Release implements [driver.Turnstile].
func (c *Controller) Release() error { return c.command(command{kind: releaseCommand}) }

var errHangs = errors.New("turnstile does not answer")

func (c *Controller) command(cmd command) error {
	cmd.reply = make(chan error, 1)
	timeout := time.NewTimer(answer)
	defer timeout.Stop()
	select {
	case c.commands <- cmd:
	case <-timeout.C:
		return errHangs
	}
	select {
	case err := <-cmd.reply:
		return err
	case <-timeout.C:
		return errHangs
	}
}

// Run implements [driver.Turnstile].
func (c *Controller) Run(ctx context.Context, deliver func(driver.Event)) (err error) {
	c.deliver, c.due = deliver, 0 // what an earlier Run left undone is not done now
	watching, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer func() { // a panic passes here too: the relay first
		err = errors.Join(err, c.setRelay(false), c.lock.close())
		stop()
		wait.Wait()
		err = errors.Join(err, c.lines.close())
	}()
	c.drive(false)

	edges := make(chan edge, 64)
	changed := func(e edge) {
		select {
		case edges <- e:
		case <-watching.Done():
		}
	}
	watchers, err := c.lines.open(changed)
	if err != nil {
		return fmt.Errorf("watching the inputs: %w", err)
	}
	ended := c.start(watching, &wait, watchers, changed)

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("watching the inputs: %w", err)
		case cmd := <-c.commands:
			cmd.reply <- c.obey(cmd)
		case e := <-edges:
			c.sense(e)
		case <-timer.C:
		}
		c.Beat()
		timer.Reset(c.advance(time.Now()))
	}
}

func (c *Controller) obey(cmd command) error {
	switch cmd.kind {
	case openCommand:
		return c.open(cmd.window)
	case closeCommand:
		c.due = 0
		if c.cfg.Hold {
			return c.drive(false)
		}
		return nil
	default:
		c.due = 0
		return c.drive(false)
	}
}

func (c *Controller) open(window time.Duration) error {
	switch {
	case c.alarm:
		return driver.ErrEmergency
	case c.broken != nil:
		return c.broken
	case c.cfg.Hold && c.active:
		c.until = time.Now().Add(window)
		return nil
	}
	c.window = window
	c.due = min(c.due+1, maxDue)
	if c.cfg.Hold {
		c.due = 1
	}
	c.advance(time.Now())
	return c.broken
}

// advance does what is due at a time and returns how long until the next.
func (c *Controller) advance(now time.Time) time.Duration {
	if c.broken == nil && c.active && !now.Before(c.until) {
		c.drive(false)
	}
	if c.broken != nil {
		c.repair(now)
	}
	switch {
	case c.broken != nil:
		return beat
	case c.active:
		return min(beat, c.until.Sub(now))
	case c.due == 0 || c.alarm:
		return beat
	case now.Before(c.gapUntil):
		return c.gapUntil.Sub(now)
	}
	ok, err := c.lock.try()
	if err != nil {
		c.fault(fmt.Errorf("interlock: %w", err))
		return beat
	}
	if !ok {
		return relock
	}
	c.due--
	if c.drive(true) != nil {
		return beat
	}
	return min(beat, c.until.Sub(now))
}

// drive makes the relay active or inactive. Any failure leaves the relay's state
// unknown: it is reported, and nothing opens until a release has worked.
func (c *Controller) drive(active bool) error {
	err := c.setRelay(active)
	now := time.Now()
	switch {
	case err != nil:
		c.fault(fmt.Errorf("relay: %w", err))
		return c.broken
	case active:
		c.until = now.Add(c.cfg.Pulse)
		if c.cfg.Hold {
			c.until = now.Add(c.window)
		}
	case c.active:
		c.gapUntil = now.Add(relayGap)
	}
	if c.active != active {
		c.Line("open", active, now)
	}
	c.active = active
	if !active {
		c.lock.release()
	}
	return nil
}

// fault reports that the turnstile cannot be driven, once, and tries to release
// the relay: it may have moved.
func (c *Controller) fault(err error) {
	now := time.Now()
	c.due = 0
	c.setRelay(false)
	if c.broken == nil {
		c.log.Error("turnstile cannot be driven", "err", err)
		c.deliver(driver.Event{Kind: driver.FaultEvent, Active: true, Err: err, At: now})
	}
	c.broken, c.brokenAt = err, now
	c.Down(err)
}

// repair tries to release a relay whose last write failed. A turnstile that
// works again is used after a while.
func (c *Controller) repair(now time.Time) {
	if c.setRelay(false) != nil {
		c.brokenAt = now
		return
	}
	if now.Sub(c.brokenAt) < quarantine {
		return
	}
	c.Line("open", false, now)
	c.active, c.broken = false, nil
	c.lock.release()
	c.Up()
	c.log.Info("turnstile can be driven again")
	c.deliver(driver.Event{Kind: driver.FaultEvent, At: time.Now()})
}

// sense takes a change of an input. The emergency input overrides: the relay is
// released before anybody is told.
func (c *Controller) sense(e edge) {
	c.Line(e.input.String(), e.active, e.at)
	kind := driver.PassageEvent
	if e.input == emergency {
		kind = driver.EmergencyEvent
		c.alarm = e.active
		if c.alarm {
			c.due = 0
			c.drive(false)
		}
		if c.broken == nil && c.Up() {
			c.log.Info("turnstile is ready")
		}
	}
	c.deliver(driver.Event{Kind: kind, Active: e.active, At: e.at})
}
