// Package panel shows the passenger what was decided: a light, a sound, words.
package panel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"periph.io/x/conn/v3/gpio"

	"railgate/driver"
)

// An Output makes one line of a panel active or inactive.
type Output func(active bool) error

// GPIO is an output on a GPIO line that is active when it is high.
func GPIO(pin gpio.PinIO) Output {
	return func(active bool) error { return pin.Out(gpio.Level(active)) }
}

// Config is a panel's wiring. An output that is nil is not wired; a panel without
// any is a simulated one.
type Config struct {
	Name               string
	Green, Red, Buzzer Output
	Service            Output // the technician's light
}

const beat = 500 * time.Millisecond

// The service light's rhythm: slow enough to be counted.
const (
	blinkOn    = 400 * time.Millisecond
	blinkOff   = 400 * time.Millisecond
	blinkPause = 2 * time.Second // more, before the first
)

// untold is a service light of which nobody has said how it is.
const untold = -1

// A Panel drives lights and a buzzer.
type Panel struct {
	driver.Monitor
	cfg    Config
	log    *slog.Logger
	latest chan driver.Display // has room for one: the newest wins
	blinks chan int            // likewise
}

var _ driver.Panel = (*Panel)(nil)

// New prepares a panel; Run drives it.
func New(cfg Config, log *slog.Logger) *Panel {
	return &Panel{cfg: cfg, log: log.With("panel", cfg.Name), latest: make(chan driver.Display, 1), blinks: make(chan int, 1)}
}

func (p *Panel) String() string { return p.cfg.Name }

// Show implements [driver.Panel]. It must not be called concurrently.
func (p *Panel) Show(d driver.Display) {
	select {
	case <-p.latest: // overtaken
	default:
	}
	p.latest <- d
}

// Blink implements [driver.Panel]. It must not be called concurrently.
func (p *Panel) Blink(times int) {
	select {
	case <-p.blinks: // overtaken
	default:
	}
	p.blinks <- times
}

// melody is a sound as the buzzer's active and inactive times, in turn.
func melody(s driver.Sound) []time.Duration {
	const ms = time.Millisecond
	switch s {
	case driver.Pass:
		return []time.Duration{100 * ms}
	case driver.Again:
		return []time.Duration{100 * ms, 100 * ms, 100 * ms}
	case driver.Staff:
		return []time.Duration{600 * ms}
	case driver.Alarm:
		return []time.Duration{400 * ms, 200 * ms, 400 * ms, 200 * ms, 400 * ms}
	}
	return nil
}

// A frame is the state of a panel's lines at one moment.
type frame struct{ green, red, buzzer, service bool }

// frameAt is what a display looks like a while after it was shown, and how long
// it stays so (at most a beat).
func frameAt(d driver.Display, elapsed time.Duration) (frame, time.Duration) {
	wait := beat
	if d.For > 0 {
		if elapsed >= d.For {
			return frame{}, beat
		}
		wait = min(wait, d.For-elapsed)
	}
	f := frame{green: d.Light == driver.Green, red: d.Light == driver.Red}
	var end time.Duration
	for i, part := range melody(d.Sound) {
		if end += part; elapsed < end {
			f.buzzer = i%2 == 0
			return f, min(wait, end-elapsed)
		}
	}
	return f, wait
}

// blinkAt tells whether the service light is on a while after it was told how often to blink,
// and how long it stays so. It begins with the pause, so that who counts begins at one.
func blinkAt(times int, elapsed time.Duration) (on bool, wait time.Duration) {
	switch {
	case times == untold:
		return false, beat
	case times == 0:
		return true, beat
	}
	at := elapsed % (blinkPause + time.Duration(times)*(blinkOn+blinkOff))
	if at < blinkPause {
		return false, blinkPause - at
	}
	if at = (at - blinkPause) % (blinkOn + blinkOff); at < blinkOn {
		return true, blinkOn - at
	}
	return false, blinkOn + blinkOff - at
}

// Run implements [driver.Panel].
func (p *Panel) Run(ctx context.Context) error {
	defer p.drive(frame{})
	var shown driver.Display
	began := time.Now()
	times, since := untold, began
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case shown = <-p.latest:
			began = time.Now()
		case n := <-p.blinks:
			if n != times { // who counts is not disturbed
				times, since = n, time.Now()
			}
		case <-timer.C:
		}
		p.Beat()
		f, wait := frameAt(shown, time.Since(began))
		on, stays := blinkAt(times, time.Since(since))
		f.service = on
		p.drive(f)
		timer.Reset(min(wait, stays))
	}
}

// drive sets all lines. A panel that fails is no reason to stop letting people
// through: it says so in its health.
func (p *Panel) drive(f frame) {
	err := errors.Join(set("green", p.cfg.Green, f.green), set("red", p.cfg.Red, f.red), set("buzzer", p.cfg.Buzzer, f.buzzer), set("service light", p.cfg.Service, f.service))
	switch {
	case err != nil && p.Down(err):
		p.log.Error("panel cannot be driven", "err", err)
	case err == nil && p.Up():
		p.log.Info("panel is ready")
	}
}

func set(name string, out Output, active bool) error {
	if out == nil {
		return nil
	}
	if err := out(active); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
