package turnstile

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// GPIOConfig is a turnstile on GPIO lines.
type GPIOConfig struct {
	Config
	Open      gpio.PinIO
	Passage   gpio.PinIO
	Emergency gpio.PinIO // nil: there is no input for the fire loop
	ActiveLow []string   // of open, passage, emergency: which are active when their line is low
}

// NewGPIO prepares a turnstile on GPIO lines; Run requests them.
func NewGPIO(cfg GPIOConfig, log *slog.Logger) *Controller {
	l := &gpioLines{relay: cfg.Open, inputs: []*gpioInput{{input: passage, pin: cfg.Passage}}}
	if cfg.Emergency != nil {
		l.inputs = append(l.inputs, &gpioInput{input: emergency, pin: cfg.Emergency})
	}
	for _, name := range cfg.ActiveLow {
		switch name {
		case "open":
			l.relayLow = true
		case "passage":
			l.inputs[0].low = true
		case "emergency":
			if cfg.Emergency != nil {
				l.inputs[1].low = true
			}
		}
	}
	return newController(cfg.Config, l, log)
}

type gpioLines struct {
	relay    gpio.PinIO
	relayLow bool // active when the line is low
	inputs   []*gpioInput
}

// setRelay writes the relay's line. It is never read back: gpioioctl's Read turns
// an output into an input, and the relay falls. The first write takes the line, low
// until the level is set: an active-low relay may twitch (docs/technician.md).
func (l *gpioLines) setRelay(active bool) error {
	return l.relay.Out(gpio.Level(active != l.relayLow))
}

func (l *gpioLines) watch(ctx context.Context, changed func(input, bool)) error {
	for _, in := range l.inputs {
		if err := in.pin.In(in.pull(), gpio.BothEdges); err != nil {
			return fmt.Errorf("%v input: %w", in.pin, err)
		}
	}
	if len(l.inputs) == 1 {
		changed(emergency, false)
	}
	var wait sync.WaitGroup
	var one sync.Mutex
	for i := range l.inputs {
		in := l.inputs[len(l.inputs)-1-i] // the emergency input first
		in.active = in.read()
		changed(in.input, in.active)
		wait.Go(func() {
			in.watch(ctx, func(input input, active bool) {
				one.Lock()
				defer one.Unlock()
				changed(input, active)
			})
		})
	}
	wait.Wait()
	return nil
}

func (l *gpioLines) close() error { return nil }

type gpioInput struct {
	input  input
	pin    gpio.PinIO
	low    bool // active when the line is low
	active bool
}

// pull is the bias for a broken wire: it makes the emergency input active and the
// passage sensor inactive.
func (in *gpioInput) pull() gpio.Pull {
	if (in.input == emergency) != in.low {
		return gpio.PullUp
	}
	return gpio.PullDown
}

func (in *gpioInput) read() bool { return bool(in.pin.Read()) != in.low }

const (
	// edgeWait bounds a wait for an edge: a wait that ends by itself is followed by
	// a look at the level, so that no lost edge lasts.
	edgeWait = 500 * time.Millisecond
	// debounce is how long a level must stand to be believed.
	debounce = 5 * time.Millisecond
)

func (in *gpioInput) watch(ctx context.Context, changed func(input, bool)) {
	for ctx.Err() == nil {
		began := time.Now()
		edge := in.pin.WaitForEdge(edgeWait)
		if !edge && time.Since(began) < edgeWait/2 {
			pause(ctx, edgeWait) // the line is gone: WaitForEdge no longer waits
		}
		if in.read() == in.active {
			continue
		}
		pause(ctx, debounce)
		if level := in.read(); level != in.active {
			in.active = level
			changed(in.input, level)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
