package turnstile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// GPIOConfig is a turnstile on GPIO lines. High is active: a line that is active low is
// inverted by whoever makes the pin (gpioline does, in the kernel).
type GPIOConfig struct {
	Config
	Open      gpio.PinIO
	Passage   gpio.PinIO
	Emergency gpio.PinIO // nil: there is no input for the fire loop
}

// NewGPIO prepares a turnstile on GPIO lines; Run requests them.
func NewGPIO(cfg GPIOConfig, log *slog.Logger) *Controller {
	// A broken wire of the sensor reads as nobody in the passage.
	l := &gpioLines{relay: cfg.Open, inputs: []*gpioInput{{input: passage, pin: cfg.Passage, pull: gpio.PullDown}}}
	if cfg.Emergency != nil { // a broken wire of the fire loop as an emergency
		l.inputs = append(l.inputs, &gpioInput{input: emergency, pin: cfg.Emergency, pull: gpio.PullUp})
	}
	return newController(cfg.Config, l, log)
}

type gpioLines struct {
	relay  gpio.PinIO
	inputs []*gpioInput
}

func (l *gpioLines) setRelay(active bool) error { return l.relay.Out(gpio.Level(active)) }

func (l *gpioLines) open(changed func(edge)) (watchers []watcher, err error) {
	for _, in := range l.inputs {
		if err := in.open(); err != nil {
			return nil, err
		}
	}
	if len(l.inputs) == 1 {
		changed(edge{input: emergency, at: time.Now()})
	}
	for _, in := range slices.Backward(l.inputs) { // the emergency input first
		changed(edge{in.input, in.active, time.Now()})
		watchers = append(watchers, watcher{in.input.String() + " input", in.watch})
	}
	return watchers, nil
}

func (l *gpioLines) close() error { return nil }

type gpioInput struct {
	input  input
	pin    gpio.PinIO
	pull   gpio.Pull
	active bool
}

// Debounce is how long the level of an input must be stable to be believed.
const Debounce = 5 * time.Millisecond

// edgeWait bounds a wait for an edge. After a wait without one the level is read, so that a
// lost edge is found.
const edgeWait = 500 * time.Millisecond

func (in *gpioInput) open() error {
	err := in.pin.In(in.pull, gpio.BothEdges)
	if err == nil {
		in.active, err = in.read()
	}
	if err != nil {
		return fmt.Errorf("%v input: %w", in.input, err)
	}
	return nil
}

// read is the level now. Not every pin can say that it does not know.
func (in *gpioInput) read() (bool, error) {
	if pin, ok := in.pin.(interface{ Level() (gpio.Level, error) }); ok {
		level, err := pin.Level()
		return bool(level), err
	}
	return bool(in.pin.Read()), nil
}

func (in *gpioInput) watch(ctx context.Context, changed func(edge)) error {
	for ctx.Err() == nil {
		e, err := in.next(ctx)
		if err != nil {
			return fmt.Errorf("%v input: %w", in.input, err)
		}
		if e.active != in.active {
			in.active = e.active
			changed(e)
		}
	}
	return nil
}

// next waits a while for an edge. Where the pin tells which edge it saw and when, two that follow each other closely
// are two; else the level is read.
func (in *gpioInput) next(ctx context.Context) (edge, error) {
	began := time.Now()
	seen := in.pin.WaitForEdge(edgeWait)
	if pin, ok := in.pin.(interface {
		Edge() (gpio.Level, time.Time)
	}); seen && ok {
		level, at := pin.Edge()
		return edge{in.input, bool(level), at}, nil
	}
	if !seen && time.Since(began) < edgeWait/2 {
		pause(ctx, edgeWait) // it no longer waits: do not spin
	}
	active, err := in.stable(ctx)
	return edge{in.input, active, time.Now()}, err
}

// stable is the level now. A level that has changed is read twice, for not every kernel debounces what is read.
func (in *gpioInput) stable(ctx context.Context) (bool, error) {
	first, err := in.read()
	if err != nil || first == in.active {
		return first, err
	}
	pause(ctx, Debounce)
	second, err := in.read()
	if first != second {
		return in.active, err
	}
	return second, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
