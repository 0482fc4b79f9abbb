package turnstile

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"railgate/driver"
)

func newPin(name string) *gpiotest.Pin {
	return &gpiotest.Pin{N: name, EdgesChan: make(chan gpio.Level, 1)}
}

func level(p *gpiotest.Pin) gpio.Level {
	p.Lock()
	defer p.Unlock()
	return p.L
}

func runGPIO(t *testing.T, cfg GPIOConfig) (c *Controller, events chan driver.Event) {
	t.Helper()
	cfg.Config = Config{Name: "A07", Pulse: 50 * ms}
	c = NewGPIO(cfg, slog.New(slog.DiscardHandler))
	events = make(chan driver.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx, func(e driver.Event) { events <- e }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	})
	return c, events
}

func TestGPIODrivesTheRelay(t *testing.T) {
	open := newPin("open")
	c, events := runGPIO(t, GPIOConfig{Open: open, Passage: newPin("passage")})
	waitFor(t, events, driver.EmergencyEvent, false)
	if got := level(open); got != gpio.Low {
		t.Errorf("before any opening the line is %v; want %v", got, gpio.Low)
	}
	mustDo(t, c.Open(time.Second))
	if got := level(open); got != gpio.High {
		t.Errorf("opened, the line is %v; want %v", got, gpio.High)
	}
	for level(open) != gpio.Low {
		<-time.After(ms)
	}
}

func TestGPIOSensesItsInputs(t *testing.T) {
	passage, emergency := newPin("passage"), newPin("emergency")
	_, events := runGPIO(t, GPIOConfig{Open: newPin("open"), Passage: passage, Emergency: emergency})
	waitFor(t, events, driver.EmergencyEvent, true) // nothing is wired to it, and it is pulled to active
	emergency.EdgesChan <- gpio.Low
	waitFor(t, events, driver.EmergencyEvent, false)
	passage.EdgesChan <- gpio.High
	waitFor(t, events, driver.PassageEvent, true)
	passage.EdgesChan <- gpio.Low
	waitFor(t, events, driver.PassageEvent, false)
}

func TestGPIOFindsALevelWhoseEdgeWasLost(t *testing.T) {
	passage := newPin("passage")
	_, events := runGPIO(t, GPIOConfig{Open: newPin("open"), Passage: passage})
	waitFor(t, events, driver.PassageEvent, false)
	passage.Lock()
	passage.L = gpio.High // with no edge
	passage.Unlock()
	waitFor(t, events, driver.PassageEvent, true)
}

// looksPin is a line that has no edges, and at each look the next of its levels.
type looksPin struct {
	*gpiotest.Pin
	levels []gpio.Level
}

func (p *looksPin) WaitForEdge(timeout time.Duration) bool {
	time.Sleep(timeout)
	return false
}

func (p *looksPin) Level() (gpio.Level, error) {
	level := p.levels[0]
	p.levels = p.levels[1:]
	return level, nil
}

// A spike at the very moment of a look is nobody passing.
func TestGPIOLevelThatIsFoundMustStand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &gpioInput{input: passage, pin: &looksPin{newPin("passage"), []gpio.Level{gpio.Low, gpio.High, gpio.Low, gpio.High, gpio.High}}}
		for i, want := range []bool{false, false, true} {
			if e, err := in.next(t.Context()); err != nil || e.active != want {
				t.Errorf("wait %d: active %v, %v; want %v", i, e.active, err, want)
			}
		}
	})
}

// A broken wire is an emergency, and nobody passing.
func TestGPIOBiasIsForABrokenWire(t *testing.T) {
	passage, emergency := newPin("passage"), newPin("emergency")
	_, events := runGPIO(t, GPIOConfig{Open: newPin("open"), Passage: passage, Emergency: emergency})
	waitFor(t, events, driver.EmergencyEvent, true)
	if got := emergency.Pull(); got != gpio.PullUp {
		t.Errorf("the emergency input is pulled %v; want %v, to active", got, gpio.PullUp)
	}
	if got := passage.Pull(); got != gpio.PullDown {
		t.Errorf("the passage sensor is pulled %v; want %v, to inactive", got, gpio.PullDown)
	}
}

// keenPin is a line that tells its edges, as gpioline's do; its level is always low.
type keenPin struct {
	*gpiotest.Pin
	edges chan gpio.Level
	last  gpio.Level
}

func (p *keenPin) WaitForEdge(timeout time.Duration) bool {
	select {
	case p.last = <-p.edges:
		return true
	case <-time.After(timeout):
		return false
	}
}

func (p *keenPin) Edge() (gpio.Level, time.Time) { return p.last, time.Unix(1_800_000_000, 0) }
func (p *keenPin) Level() (gpio.Level, error)    { return gpio.Low, nil }

// Somebody who runs is seen, though the level is low again before anybody looks, and at the time that
// the kernel says.
func TestGPIOShortEdgesAreSeen(t *testing.T) {
	passage := &keenPin{Pin: newPin("passage"), edges: make(chan gpio.Level, 4)}
	passage.edges <- gpio.High
	passage.edges <- gpio.Low
	passage.edges <- gpio.High
	passage.edges <- gpio.Low
	_, events := runGPIO(t, GPIOConfig{Open: newPin("open"), Passage: passage})
	waitFor(t, events, driver.PassageEvent, false) // as it was
	for _, want := range []bool{true, false, true, false} {
		if e := <-events; e.Kind != driver.PassageEvent || e.Active != want || e.At.Unix() != 1_800_000_000 {
			t.Errorf("%+v; want a passage, %v, at the kernel's time", e, want)
		}
	}
}

// lostPin is a line that can no longer be read.
type lostPin struct{ *gpiotest.Pin }

func (lostPin) WaitForEdge(time.Duration) bool { return false }
func (lostPin) Level() (gpio.Level, error)     { return gpio.Low, errors.New("no such device") }

func TestGPIOInputThatIsLostEndsRun(t *testing.T) {
	c := NewGPIO(GPIOConfig{Open: newPin("open"), Passage: lostPin{newPin("passage")}}, slog.New(slog.DiscardHandler))
	err := c.Run(t.Context(), func(driver.Event) {})
	if err == nil || err.Error() != "watching the inputs: passage input: no such device" {
		t.Errorf("Run = %v; want it to say which input, and why", err)
	}
}

// deadPin is a line whose chip is gone: its waits end at once.
type deadPin struct {
	*gpiotest.Pin
	waits chan struct{}
}

func (p deadPin) WaitForEdge(time.Duration) bool {
	p.waits <- struct{}{}
	return false
}

func TestGPIOLineThatIsGoneDoesNotSpin(t *testing.T) {
	in := &gpioInput{input: passage, pin: deadPin{newPin("passage"), make(chan struct{}, 1000)}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*edgeWait)
	defer cancel()
	mustDo(t, in.watch(ctx, func(edge) {}))
	if n := len(in.pin.(deadPin).waits); n > 4 {
		t.Errorf("%d waits in two edge waits' time; want a pause between them", n)
	}
}
