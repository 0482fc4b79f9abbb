package turnstile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"railgate/driver"
)

// dies is what a goroutine's panic with word leaves behind: what it said, and how long it took to die.
func dies(t *testing.T, c driver.Turnstile, word string) (said string, took time.Duration) {
	t.Helper()
	var log bytes.Buffer
	began := time.Now()
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		defer Guard(c, "panel", slog.New(slog.NewTextHandler(&log, nil)))
		panic(word)
	}()
	if p := <-done; p != word {
		t.Errorf("panic = %v; want %q to go on", p, word)
	}
	return log.String(), time.Since(began)
}

func TestGuardReleasesTheRelayForGood(t *testing.T) {
	for _, cfg := range []Config{pulse, hold} {
		inBubble(t, cfg, func(t *testing.T, r *rig) {
			mustDo(t, r.Open(5*time.Second))
			time.Sleep(10 * ms)
			said, took := dies(t, r, "words")
			r.lines.want(t, change{0, true}, change{10 * ms, false})
			if took > 0 || !strings.Contains(said, `msg="internal error" goroutine=panel panic=words`) {
				t.Errorf("after %v it said %s; want at once, and whose panic it was", took, said)
			}
			for range 100 { // it is asked until the process is dead
				r.Open(5 * time.Second)
				time.Sleep(10 * ms)
			}
			r.lines.want(t, change{0, true}, change{10 * ms, false})
		})
	}
}

func TestGuardWithoutATurnstile(t *testing.T) {
	if said, _ := dies(t, nil, "words"); !strings.Contains(said, "goroutine=panel") {
		t.Errorf("it said %s; want whose panic it was", said)
	}
}

func TestGuardOfAGoroutineThatEnds(t *testing.T) {
	inBubble(t, hold, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(time.Minute))
		func() { defer Guard(r, "panel", slog.New(slog.DiscardHandler)) }()
		mustDo(t, r.Open(time.Minute))
		r.lines.want(t, change{0, true})
	})
}

// brokenLines are lines whose relay does, once it is active, what the test says.
type brokenLines struct {
	*fakeLines
	broken func()
}

func (l *brokenLines) setRelay(active bool) error {
	if !active && l.active {
		l.broken()
	}
	return l.fakeLines.setRelay(active)
}

// A relay that hangs in the kernel, or a driver that panics, holds nobody's death up.
func TestGuardIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name, words string
		broken      func(until chan struct{})
	}{
		{"hangs", errHangs.Error(), func(until chan struct{}) { <-until }},
		{"panics", "relay: out of order", func(chan struct{}) { panic("out of order") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				until := make(chan struct{})
				lines := &brokenLines{newFakeLines(), func() { tt.broken(until) }}
				lines.active = true
				c := newController(pulse, lines, slog.New(slog.DiscardHandler))
				said, took := dies(t, c, "words")
				if took > answer || !strings.Contains(said, tt.words) {
					t.Errorf("after %v it said %s; want %q within %v", took, said, tt.words, answer)
				}
				close(until)
			})
		})
	}
}

// Code that panics while it holds the lock releases it.
func TestPanicOfTheLineItself(t *testing.T) {
	lines := &brokenLines{newFakeLines(), nil}
	once := false
	lines.broken = func() {
		if !once {
			once = true
			panic("words")
		}
	}
	c := newController(Config{Name: "A07", Pulse: MinPulse}, lines, slog.New(slog.DiscardHandler))
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		defer Guard(c, "turnstile", slog.New(slog.DiscardHandler))
		c.Run(t.Context(), func(driver.Event) {})
	}()
	mustDo(t, c.Open(time.Second)) // the pulse's end panics
	if p := <-done; p != "words" {
		t.Errorf("panic = %v; want it to go on", p)
	}
	if lines.active {
		t.Error("the relay is active")
	}
}

// spoken is an output that says what it is set to.
type spoken struct{ *gpiotest.Pin }

func (p spoken) Out(l gpio.Level) error {
	fmt.Println("relay", l)
	return p.Pin.Out(l)
}

// faulty is an input whose next wait panics once it is told to.
type faulty struct {
	*gpiotest.Pin
	told chan struct{}
}

func (p faulty) WaitForEdge(timeout time.Duration) bool {
	select {
	case <-p.told:
		panic("words")
	case <-time.After(timeout):
		return false
	}
}

// An input's watcher is a goroutine that the turnstile starts: the process dies of its panic, with the relay released.
func TestPanicOfAnInputsWatcher(t *testing.T) {
	if os.Getenv("TURNSTILE_TEST") == "dies" {
		in := faulty{newPin("passage"), make(chan struct{})}
		c := NewGPIO(GPIOConfig{Config: hold, Open: spoken{newPin("open")}, Passage: in}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
		go c.Run(t.Context(), func(driver.Event) {})
		mustDo(t, c.Open(time.Minute))
		close(in.told)
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanicOfAnInputsWatcher$")
	cmd.Env = append(os.Environ(), "TURNSTILE_TEST=dies")
	var said, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &log
	err := cmd.Run()
	if err == nil || said.String() != "relay Low\nrelay High\nrelay Low\n" {
		t.Errorf("the relay's levels: %q, then %v; want low, high, low, and a death", &said, err)
	}
	for _, want := range []string{`goroutine="passage input" panic=words`, "panic: words", "turnstile.(*gpioInput).watch"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log:\n%s\nwant %q", &log, want)
		}
	}
}

// slowLines have a watcher that tells of one edge, and is in a wait of the kernel's when it is told to stop.
type slowLines struct{ *fakeLines }

func (slowLines) open(func(edge)) ([]watcher, error) {
	return []watcher{{"slow inputs", func(ctx context.Context, changed func(edge)) error {
		time.Sleep(10 * ms)
		changed(edge{input: passage, active: true})
		<-ctx.Done()
		time.Sleep(edgeWait)
		return nil
	}}}, nil
}

func TestTurnstilesOwnPanicWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := slowLines{newFakeLines()}
		c := newController(hold, lines, slog.New(slog.DiscardHandler))
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			c.Run(t.Context(), func(driver.Event) { panic("words") })
		}()
		mustDo(t, c.Open(time.Minute))
		if p := <-done; p != "words" {
			t.Errorf("panic = %v; want it to go on", p)
		}
		lines.want(t, change{0, true}, change{10 * ms, false})
	})
}
