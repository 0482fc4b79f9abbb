package panel

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"railgate/driver"
)

// lamp is an output that remembers.
type lamp struct {
	mu     sync.Mutex
	active bool
	log    []string
	err    error
	began  time.Time
}

func (l *lamp) set(active bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active != active {
		l.active = active
		word := map[bool]string{true: "on", false: "off"}[active]
		l.log = append(l.log, word+" "+time.Since(l.began).String())
	}
	return l.err
}

func (l *lamp) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.log, ", ")
}

func withPanel(t *testing.T, test func(t *testing.T, p *Panel, green, red, buzzer *lamp)) {
	synctest.Test(t, func(t *testing.T) {
		green, red, buzzer := &lamp{began: time.Now()}, &lamp{began: time.Now()}, &lamp{began: time.Now()}
		p := New(Config{Name: "panel", Green: green.set, Red: red.set, Buzzer: buzzer.set}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		test(t, p, green, red, buzzer)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
		if green.active || red.active || buzzer.active {
			t.Error("a line is active after the end")
		}
	})
}

func TestPanelShowsForAWhile(t *testing.T) {
	withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
		p.Show(driver.Display{Light: driver.Green, Sound: driver.Pass, For: 3 * time.Second})
		time.Sleep(time.Minute)
		if green.String() != "on 0s, off 3s" || red.String() != "" || buzzer.String() != "on 0s, off 100ms" {
			t.Errorf("green %v; red %v; buzzer %v", green, red, buzzer)
		}
	})
}

func TestPanelShowsUntilTheNext(t *testing.T) {
	withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
		p.Show(driver.Display{Light: driver.Red})
		time.Sleep(time.Hour)
		p.Show(driver.Display{Light: driver.Red, Sound: driver.Again, For: time.Second})
		time.Sleep(50 * time.Millisecond)
		p.Show(driver.Display{Light: driver.Green, Sound: driver.Pass, For: time.Second}) // overtakes light and sound
		time.Sleep(time.Minute)
		if red.String() != "on 0s, off 1h0m0.05s" || green.String() != "on 1h0m0.05s, off 1h0m1.05s" || buzzer.String() != "on 1h0m0s, off 1h0m0.15s" {
			t.Errorf("green %v; red %v; buzzer %v", green, red, buzzer)
		}
	})
}

func TestEachSoundIsItsOwn(t *testing.T) {
	heard := map[string]driver.Sound{}
	for _, s := range []driver.Sound{driver.Silent, driver.Pass, driver.Again, driver.Staff, driver.Alarm} {
		withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
			p.Show(driver.Display{Sound: s})
			time.Sleep(time.Minute)
			if other, ok := heard[buzzer.String()]; ok {
				t.Errorf("%v sounds like %v: %v", s, other, buzzer)
			}
			heard[buzzer.String()] = s
		})
	}
}

func TestPanelThatFailsSaysSo(t *testing.T) {
	withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
		if !p.Health().Up {
			t.Fatal("a panel that works is not up")
		}
		red.mu.Lock()
		red.err = errors.New("no such device")
		red.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if h := p.Health(); h.Up || h.Err != "red: no such device" {
			t.Errorf("health = %+v; want down with the reason", h)
		}
		red.mu.Lock()
		red.err = nil
		red.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if !p.Health().Up {
			t.Error("a panel that works again is not up")
		}
	})
}

func TestGPIOOutputIsActiveHigh(t *testing.T) {
	pin := &gpiotest.Pin{N: "green"}
	for _, active := range []bool{true, false} {
		if err := GPIO(pin)(active); err != nil {
			t.Fatal(err)
		}
		if pin.L != gpio.Level(active) {
			t.Errorf("active %v: line is %v", active, pin.L)
		}
	}
}

// The service light can be counted, and who counts is not disturbed by being told the same again.
func TestServiceLightBlinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &lamp{began: time.Now()}
		p := New(Config{Name: "panel", Service: service.set}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Second)
		if service.String() != "" {
			t.Errorf("%v before anybody said how it is; want dark", service)
		}
		p.Blink(2)
		for range 7 {
			time.Sleep(time.Second)
			p.Blink(2)
			p.Show(driver.Display{Light: driver.Green, For: 300 * time.Millisecond})
		}
		const want = "on 3s, off 3.4s, on 3.8s, off 4.2s, on 6.6s, off 7s, on 7.4s, off 7.8s"
		synctest.Wait()
		if got := service.String(); got != want {
			t.Errorf("%s; want %s", got, want)
		}
		p.Blink(0)
		time.Sleep(time.Hour)
		if got := service.String(); got != want+", on 8s" {
			t.Errorf("%s; want it on from the 8th second", got)
		}
		cancel()
		if err := <-done; err != nil || service.active {
			t.Errorf("the end: %v, on %v; want dark", err, service.active)
		}
	})
}
