package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver"
	"railgate/driver/gpioline"
	"railgate/driver/turnstile"
	"railgate/store/identity"
	"railgate/verify/lane"
)

// withoutLines has a configuration name lines of a board that is not there.
func (s *site) withoutLines() {
	s.t.Helper()
	before, after, _ := strings.Cut(s.config, "[turnstile]\n")
	_, after, _ = strings.Cut(after, "[clock]")
	s.config = before + `[turnstile]
driver    = "gpio"
open      = "cp2112_gpio:0"
passage   = "cp2112_gpio:1"
emergency = "cp2112_gpio:2"
active_low = ["open"]
pulse     = "300ms"
[panel]
driver  = "gpio"
green   = "cp2112_gpio:3"
service = "cp2112_gpio:6"
[clock]` + after
	s.write("gate.toml", s.config)
}

// An image's gate without the board that has its lines: it shows its keys, says what is missing and what to do, does not begin again and
// again, and is provisioned all the same. Then it says the same, as the gate that it is.
func TestAGateThatWaitsNeedsNoLines(t *testing.T) {
	t.Parallel()
	s := waitingSite(t, true)
	address := freeAddress(t)
	s.config += fmt.Sprintf("[http]\nlisten = %q\n", address)
	s.withoutLines()
	d := s.start()
	pid := d.status().PID
	saysWhat := func(more ...string) {
		t.Helper()
		var st *control.Status
		want := append([]string{control.GPIOChipMissing}, more...)
		d.until("the missing board", func() bool {
			st = d.status()
			return slices.Equal(causesOf(st), want) && len(st.Devices) > 0 && st.Devices[0].Up
		})
		if c := st.Causes[0]; !strings.Contains(c.Why, `"cp2112_gpio:1"`) || strings.Contains(c.Why, "\n") || c.Remedy == "" || c.Hands == "" || c.Severity != control.OutOfService {
			t.Errorf("the first cause: %+v; want the line, and the remedies", c)
		}
		if st.Blinks != 2 || st.PID != pid || st.Mode != "out_of_service" {
			t.Errorf("%d blinks, process %d, %s; want 2, %d, out_of_service", st.Blinks, st.PID, st.Mode, pid)
		}
	}
	saysWhat(control.NotProvisioned, control.PanelDown)
	if _, err := identity.ParsePublic([]byte(d.status().Provision.Identity)); err != nil || len(d.status().Provision.Lines) != 11 {
		t.Errorf("it shows %+v", d.status().Provision)
	}
	if status, body, _ := get(t, "http://"+address+"/enroll.svg"); status != 200 || !strings.Contains(body, "<svg") {
		t.Errorf("its screen's code: %d, %.100s", status, body)
	}
	outputs, err := turnstile.LoadOutputs(s.path("data/" + turnstile.OutputsName))
	if err != nil || len(outputs.Lines) != 3 || outputs.Lines[0] != (turnstile.OutputLine{Line: "cp2112_gpio:0", Inactive: true}) {
		t.Errorf("outputs-safe knows %v, %v; want the relay, and two more", outputs.Lines, err)
	}
	d.scan(d.provision(provisioningKey, nil))
	d.wantA07()
	d.until("the missing board, of the gate that it is", func() bool { return slices.Contains(causesOf(d.status()), control.GPIOChipMissing) })
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
}

func causesOf(s *control.Status) (ids []string) {
	for _, c := range s.Causes {
		ids = append(ids, c.Cause)
	}
	return ids
}

// Whoever wrote the configuration of any other gate hears of a board that is not there at once.
func TestAGateOfItsFileNeedsItsLines(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.withoutLines()
	if status, out := s.runOnce("--config", s.path("gate.toml")); status != exitUsage || !strings.Contains(out, "turnstile.open") {
		t.Errorf("exit status %d, %q; want %d, and the key", status, out, exitUsage)
	}
}

// A configuration that has worked is right: the board with the lines was pulled out, or comes late. The gate says so and what to do, to a laptop and
// on its screen, and does not begin again and again.
func TestAGateThatWorkedStartsWithoutItsLines(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	address := freeAddress(t)
	s.config += fmt.Sprintf("[http]\nlisten = %q\n", address)
	s.withoutLines()
	if err := errors.Join(os.MkdirAll(s.path("data"), 0o700), noteWorked(s.loaded())); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	pid := d.status().PID
	var st *control.Status
	d.until("the missing board", func() bool {
		st = d.status()
		return slices.Equal(causesOf(st), []string{control.GPIOChipMissing})
	})
	if c := st.Causes[0]; !strings.Contains(c.Why, `"cp2112_gpio:1"`) || c.Remedy == "" || c.Hands == "" || c.Severity != control.OutOfService {
		t.Errorf("the first cause: %+v; want the line, and the remedies", c)
	}
	if st.Blinks != 2 || st.PID != pid || st.Mode != string(lane.ModeOutOfService) {
		t.Errorf("%d blinks, process %d, %s; want 2, %d, out_of_service", st.Blinks, st.PID, st.Mode, pid)
	}
	if status, body, _ := get(t, "http://"+address+"/"); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("its screen: %d, %.100s", status, body)
	}
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d", status, exitOK)
	}
	s.config += "# changed\n" // and so another one, which may be wrong
	s.write("gate.toml", s.config)
	if status, out := s.runOnce("--config", s.path("gate.toml")); status != exitUsage || !strings.Contains(out, "turnstile.open") {
		t.Errorf("with another configuration: exit status %d, %q; want %d, and the key", status, out, exitUsage)
	}
}

// A latePin is a line whose chip is not there, and then is.
type latePin struct {
	*gpiotest.Pin
	there *atomic.Bool
	was   bool // it was there before
	drove []gpio.Level
}

func newLatePin(there *atomic.Bool) *latePin {
	return &latePin{Pin: &gpiotest.Pin{N: "pin", EdgesChan: make(chan gpio.Level, 1)}, there: there}
}

func (p *latePin) err() error {
	switch {
	case p.there.Load():
		return nil
	case p.was:
		return fmt.Errorf("GPIO line %q: %w", p.N, unix.ENODEV)
	}
	return fmt.Errorf("GPIO line %q: %w", p.N, gpioline.ErrNoChip)
}

func (p *latePin) Level() (gpio.Level, error) { return p.Read(), p.err() }

func (p *latePin) WaitForEdge(wait time.Duration) bool { time.Sleep(wait); return false }

func (p *latePin) In(pull gpio.Pull, edges gpio.Edge) error {
	if err := p.err(); err != nil {
		return err
	}
	p.was = true
	return p.Pin.In(gpio.PullDown, edges)
}

func (p *latePin) Out(level gpio.Level) error {
	if err := p.err(); err != nil {
		return err
	}
	p.drove, p.was = append(p.drove, level), true
	return p.Pin.Out(level)
}

// The lines come, go, and come back. A gate that waits opens for nobody with all of them; one in service opens once it has heard
// its fire loop, and nothing of what was due before.
func TestAPatientTurnstile(t *testing.T) {
	for _, waits := range []bool{true, false} {
		t.Run(fmt.Sprint("waits ", waits), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var there, senses atomic.Bool
				senses.Store(true)
				relay, passage, emergency := newLatePin(&there), newLatePin(&senses), newLatePin(&there)
				log := slog.New(slog.DiscardHandler)
				p := &patientTurnstile{waits: waits, log: log, Controller: turnstile.NewGPIO(turnstile.GPIOConfig{
					Config: turnstile.Config{Name: "A07", Pulse: turnstile.MaxPulse}, Open: relay, Passage: passage, Emergency: emergency,
				}, log)}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- p.Run(ctx, func(driver.Event) {}) }()
				is := func(put, up bool, cause string) {
					t.Helper()
					there.Store(put)
					time.Sleep(10 * time.Second) // the relay is watched for five
					synctest.Wait()
					if h := p.Health(); h.Up != up || (h.Err != "") == up || !up && p.cause() != cause {
						t.Fatalf("lines there: %v: %+v, %s; want up: %v, %s", put, h, p.cause(), up, cause)
					}
				}
				closes := func() {
					t.Helper()
					began := time.Now()
					if err := errors.Join(p.Close(), p.Release()); err != nil || time.Since(began) > 0 {
						t.Errorf("Close and Release: %v after %v; want no wait", err, time.Since(began))
					}
				}
				opens := func(want error) {
					t.Helper()
					if err := p.Open(time.Second); !errors.Is(err, want) {
						t.Errorf("Open: %v; want %v", err, want)
					}
				}
				refused, opened := errOpensForNobody, errOpensForNobody
				if !waits {
					refused, opened = errNotYet, nil
				}
				is(false, false, control.GPIOChipMissing)
				opens(refused)
				closes()
				is(true, true, "")
				closes()
				opens(opened)
				opens(opened) // is due behind the first
				senses.Store(false)
				drove := len(relay.drove)
				is(true, false, control.GPIOChipMissing)
				opens(refused)
				senses.Store(true)
				is(true, true, "")
				is(false, false, control.GPIOChipMissing)
				is(true, true, "")
				if slices.Contains(relay.drove[drove:], gpio.High) || waits && slices.Contains(relay.drove, gpio.High) {
					t.Errorf("the relay: %v", relay.drove)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A line that has no chip is looked for under the configuration's name for it.
func TestLinesThatAreAwaited(t *testing.T) {
	c := &configs.Config{}
	c.Turnstile.Driver, c.Turnstile.Open, c.Turnstile.Passage = "gpio", "nochip:1", "nochip:2"
	found := &gpioline.Line{Given: "found"}
	lines := map[string]*gpioline.Line{"turnstile.open": found}
	awaitLines(c, lines)
	if len(lines) != 2 || lines["turnstile.open"] != found || lines["turnstile.passage"].Spec() != "nochip:2" {
		t.Errorf("%v", lines)
	}
}
