package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver"
	"railgate/driver/gpioline"
	"railgate/driver/turnstile"
)

// This file is about the lines of a gate whose configuration is right, and which are not there: of an image, for its configuration came with the
// board, and of any gate whose configuration has worked. It is out of service, says which is missing, on its screen, to a laptop and by its service
// light, and has them as soon as they are there; before it is provisioned it shows its keys. A gate that ends has only the log to say it in: the
// screen stays dark. Any other gate ends, and systemd starts it; so does one whose lines go while it runs, once.

// awaitLines puts a line that is looked for in the place of each that was not found.
func awaitLines(c *configs.Config, lines map[string]*gpioline.Line) {
	for key, spec := range c.LineNames() {
		if lines[key] == nil {
			lines[key] = gpioline.Await(spec)
		}
	}
}

// A patientTurnstile is one that a line that is missing, now or later, does not end.
type patientTurnstile struct {
	*turnstile.Controller
	waits bool // the gate waits to be provisioned: it opens for nobody
	log   *slog.Logger

	mu  sync.Mutex // guards the field below
	why error      // what Run ended of since it worked last; nil: it has not
}

// linesEvery is how often lines that are missing are looked for.
const linesEvery = time.Second

// Run implements [driver.Turnstile]. It ends with its context alone.
func (p *patientTurnstile) Run(ctx context.Context, deliver func(driver.Event)) error {
	for {
		err := p.Controller.Run(ctx, deliver)
		if ctx.Err() != nil {
			return err
		}
		p.fails(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(linesEvery):
			p.Beat()
		}
	}
}

// fails notes why the lines cannot be had.
func (p *patientTurnstile) fails(err error) {
	p.mu.Lock()
	news := p.why == nil || p.why.Error() != err.Error()
	p.why = err
	p.mu.Unlock()
	p.Down(err)
	if news {
		p.log.Error("the turnstile's lines cannot be had; they are looked for", "err", err)
	}
}

// Health implements [driver.Turnstile]. What Run ended of is said until the lines work: each try has words of its own.
func (p *patientTurnstile) Health() driver.Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.Controller.Health()
	switch {
	case h.Up:
		p.why = nil
	case p.why != nil:
		h.Err, _, _ = strings.Cut(p.why.Error(), "\n") // the relay's, where that fails too, is the second
	}
	return h
}

// without tells whether the lines cannot be had. Then nobody drives them: what Run ended of has left the relay inactive, as far as it could.
func (p *patientTurnstile) without() bool {
	if p.Health().Up {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why != nil
}

// Close implements [driver.Turnstile]. The lane does not wait for lines that are not there.
func (p *patientTurnstile) Close() error {
	if p.without() {
		return nil
	}
	return p.Controller.Close()
}

// Release implements [driver.Turnstile].
func (p *patientTurnstile) Release() error {
	if p.without() {
		return nil
	}
	return p.Controller.Release()
}

// cause is the name in the table of causes of why it does not work.
func (p *patientTurnstile) cause() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case errors.Is(p.why, gpioline.ErrNoChip), errors.Is(p.why, unix.ENODEV): // it was there
		return control.GPIOChipMissing
	case errors.Is(p.why, gpioline.ErrNotFound):
		return control.GPIOLineMissing
	}
	return control.TurnstileDown
}

var (
	errOpensForNobody = errors.New("a gate that waits to be provisioned opens for nobody")
	errNotYet         = errors.New("the turnstile's lines are not there yet")
)

// Open implements [driver.Turnstile]. Nothing opens before the emergency input was read, in this Run.
func (p *patientTurnstile) Open(window time.Duration) error {
	switch {
	case p.waits:
		return errOpensForNobody
	case !p.Controller.Health().Up:
		return errNotYet
	}
	return p.Controller.Open(window)
}
