package turnstile

import (
	"context"
	"log/slog"
	"testing"
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

func TestGPIODrivesTheRelayActiveHighAndLow(t *testing.T) {
	for _, tt := range []struct {
		name             string
		activeLow        []string
		active, inactive gpio.Level
	}{
		{"active high", nil, gpio.High, gpio.Low},
		{"active low", []string{"open"}, gpio.Low, gpio.High},
	} {
		t.Run(tt.name, func(t *testing.T) {
			open := newPin("open")
			c, events := runGPIO(t, GPIOConfig{Open: open, Passage: newPin("passage"), ActiveLow: tt.activeLow})
			waitFor(t, events, driver.EmergencyEvent, false)
			if got := level(open); got != tt.inactive {
				t.Errorf("before any opening the line is %v; want %v", got, tt.inactive)
			}
			mustDo(t, c.Open(time.Second))
			if got := level(open); got != tt.active {
				t.Errorf("opened, the line is %v; want %v", got, tt.active)
			}
			for level(open) != tt.inactive {
				<-time.After(ms)
			}
		})
	}
}

func TestGPIOSensesItsInputs(t *testing.T) {
	passage, emergency := newPin("passage"), newPin("emergency")
	_, events := runGPIO(t, GPIOConfig{Open: newPin("open"), Passage: passage, Emergency: emergency, ActiveLow: []string{"emergency"}})
	// A loop that is wired normally closed and pulled down reads low when it is cut.
	waitFor(t, events, driver.EmergencyEvent, true)
	emergency.EdgesChan <- gpio.High
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

// A broken wire is an emergency, and nobody passing.
func TestGPIOBiasIsForABrokenWire(t *testing.T) {
	for _, tt := range []struct {
		input input
		low   bool
		want  gpio.Pull
	}{
		{emergency, true, gpio.PullDown},
		{emergency, false, gpio.PullUp},
		{passage, true, gpio.PullUp},
		{passage, false, gpio.PullDown},
	} {
		if got := (&gpioInput{input: tt.input, low: tt.low}).pull(); got != tt.want {
			t.Errorf("input %d, active low %v: %v; want %v", tt.input, tt.low, got, tt.want)
		}
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
	in.watch(ctx, func(input, bool) {})
	if n := len(in.pin.(deadPin).waits); n > 4 {
		t.Errorf("%d waits in two edge waits' time; want a pause between them", n)
	}
}
