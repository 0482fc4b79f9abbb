package turnstile

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver"
)

// fakeLines are a turnstile's electrical side in memory.
type fakeLines struct {
	changed chan edge

	mu     sync.Mutex // guards the fields below
	began  time.Time
	active bool
	trace  []change // of the relay
	err    error    // what setRelay answers
}

type change struct {
	after  time.Duration
	active bool
}

func newFakeLines() *fakeLines {
	return &fakeLines{changed: make(chan edge, 16), began: time.Now()}
}

func (l *fakeLines) setRelay(active bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.active != active {
		l.active = active
		l.trace = append(l.trace, change{time.Since(l.began), active})
	}
	return nil
}

func (l *fakeLines) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *fakeLines) open(changed func(edge)) ([]watcher, error) {
	changed(edge{input: emergency})
	return []watcher{{"fake inputs", l.watch}}, nil
}

func (l *fakeLines) watch(ctx context.Context, changed func(edge)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-l.changed:
			changed(e)
		}
	}
}

func (l *fakeLines) close() error { return nil }

func (l *fakeLines) want(t *testing.T, want ...change) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.trace, want) {
		t.Errorf("relay = %v; want %v", l.trace, want)
	}
}

// rig runs a controller in a bubble of its own time.
type rig struct {
	*Controller
	lines *fakeLines
	stop  func() error

	mu     sync.Mutex
	events []driver.Event
}

func inBubble(t *testing.T, cfg Config, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{lines: newFakeLines()}
		r.Controller = newController(cfg, r.lines, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx, r.record) }()
		r.stop = sync.OnceValue(func() error { cancel(); return <-done })
		defer r.stop()
		synctest.Wait()
		test(t, r)
	})
}

func (r *rig) record(e driver.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.At = time.Time{}
	r.events = append(r.events, e)
}

func (r *rig) wantEvents(t *testing.T, want ...driver.Event) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.events, want) {
		t.Errorf("events = %v; want %v", r.events, want)
	}
}

var pulse = Config{Name: "A07", Pulse: 300 * time.Millisecond}
var hold = Config{Name: "A07", Hold: true}

const ms = time.Millisecond

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRelayIsAPulse(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		r.lines.want(t, change{0, true}) // active before Open returns
		mustDo(t, r.Close())             // the pulse runs to its end
		time.Sleep(time.Second)
		r.lines.want(t, change{0, true}, change{300 * ms, false})
	})
}

func TestTwoOpeningsAreTwoPulses(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		time.Sleep(100 * ms)
		mustDo(t, r.Open(5*time.Second))
		time.Sleep(2 * time.Second)
		r.lines.want(t, change{0, true}, change{300 * ms, false}, change{300*ms + relayGap, true}, change{600*ms + relayGap, false})
	})
}

func TestCloseForgetsAPulseThatIsDue(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		mustDo(t, r.Open(5*time.Second))
		mustDo(t, r.Close())
		time.Sleep(2 * time.Second)
		r.lines.want(t, change{0, true}, change{300 * ms, false})
	})
}

func TestReleaseIsAtOnce(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		mustDo(t, r.Open(5*time.Second))
		time.Sleep(10 * ms)
		mustDo(t, r.Release())
		time.Sleep(2 * time.Second)
		r.lines.want(t, change{0, true}, change{10 * ms, false})
	})
}

func TestHeldRelayEndsByCloseOrByItsWindow(t *testing.T) {
	inBubble(t, hold, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		time.Sleep(time.Second)
		mustDo(t, r.Close())
		time.Sleep(time.Second)
		mustDo(t, r.Open(5*time.Second)) // and nobody closes it: its caller hangs
		time.Sleep(time.Minute)
		r.lines.want(t, change{0, true}, change{time.Second, false}, change{2 * time.Second, true}, change{7 * time.Second, false})
	})
}

func TestHeldRelayIsExtended(t *testing.T) {
	inBubble(t, hold, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		time.Sleep(4 * time.Second)
		mustDo(t, r.Open(5*time.Second))
		time.Sleep(time.Minute)
		r.lines.want(t, change{0, true}, change{9 * time.Second, false})
	})
}

func TestEmergencyOverridesEveryCommand(t *testing.T) {
	for _, cfg := range []Config{pulse, hold} {
		inBubble(t, cfg, func(t *testing.T, r *rig) {
			mustDo(t, r.Open(5*time.Second))
			mustDo(t, r.Open(5*time.Second))
			time.Sleep(10 * ms)
			r.lines.changed <- edge{input: emergency, active: true}
			synctest.Wait()
			if err := r.Open(5 * time.Second); !errors.Is(err, driver.ErrEmergency) {
				t.Errorf("Open in an emergency = %v; want %v", err, driver.ErrEmergency)
			}
			time.Sleep(time.Minute)
			r.lines.changed <- edge{input: emergency, active: false}
			synctest.Wait()
			time.Sleep(time.Minute) // and nothing opens by itself
			r.lines.want(t, change{0, true}, change{10 * ms, false})
			r.wantEvents(t, driver.Event{Kind: driver.EmergencyEvent}, driver.Event{Kind: driver.EmergencyEvent, Active: true}, driver.Event{Kind: driver.EmergencyEvent})
			if err := r.Open(5 * time.Second); err != nil {
				t.Errorf("Open after the emergency = %v; want nil", err)
			}
		})
	}
}

func TestPassageIsReported(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		r.lines.changed <- edge{input: passage, active: true}
		r.lines.changed <- edge{input: passage, active: false}
		r.wantEvents(t, driver.Event{Kind: driver.EmergencyEvent}, driver.Event{Kind: driver.PassageEvent, Active: true}, driver.Event{Kind: driver.PassageEvent})
	})
}

func TestFailingRelayIsAFault(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		broken := errors.New("no such device")
		r.lines.fail(broken)
		if err := r.Open(5 * time.Second); !errors.Is(err, broken) {
			t.Errorf("Open = %v; want %v", err, broken)
		}
		if err := r.Open(5 * time.Second); !errors.Is(err, broken) {
			t.Errorf("Open again = %v; want %v", err, broken)
		}
		if h := r.Health(); h.Up || h.Err != "relay: no such device" {
			t.Errorf("health = %+v; want down, with the reason", h)
		}
		time.Sleep(time.Minute)
		r.lines.fail(nil)
		time.Sleep(quarantine - time.Second)
		if r.Health().Up {
			t.Error("a relay that just failed is believed")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !r.Health().Up || r.Open(5*time.Second) != nil {
			t.Errorf("health = %+v; want up once the relay obeys again", r.Health())
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.events) != 3 || !r.events[1].Active || !errors.Is(r.events[1].Err, broken) || r.events[2].Active {
			t.Errorf("events = %v; want one fault and its end", r.events)
		}
	})
}

func TestRelayThatFailsToFallIsAFault(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(5*time.Second))
		r.lines.fail(errors.New("stuck"))
		time.Sleep(time.Second)
		synctest.Wait()
		if r.Health().Up {
			t.Error("health is up; want a fault")
		}
		r.lines.fail(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if r.lines.active {
			t.Error("the relay is active; want it released as soon as it obeys")
		}
	})
}

func TestStopReleasesTheRelay(t *testing.T) {
	for _, cfg := range []Config{pulse, hold} {
		inBubble(t, cfg, func(t *testing.T, r *rig) {
			mustDo(t, r.Open(5*time.Second))
			time.Sleep(10 * ms)
			mustDo(t, r.stop())
			r.lines.want(t, change{0, true}, change{10 * ms, false})
			if err := r.Open(time.Second); !errors.Is(err, errHangs) {
				t.Errorf("Open after the end = %v; want %v", err, errHangs)
			}
		})
	}
}

func TestPanicReleasesTheRelay(t *testing.T) {
	lines := newFakeLines()
	c := newController(pulse, lines, slog.New(slog.DiscardHandler))
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		c.Run(t.Context(), func(e driver.Event) {
			if e.Kind == driver.PassageEvent {
				panic("lane")
			}
		})
	}()
	mustDo(t, c.Open(5*time.Second))
	lines.changed <- edge{input: passage, active: true}
	if p := <-done; p != "lane" {
		t.Fatalf("panic = %v; want it to go on", p)
	}
	if lines.active {
		t.Error("the relay is active after a panic")
	}
}

// Two directions of one turnstile share an interlock: never both energised.
func TestTwoDirectionsAreNeverEnergisedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := pulse
		cfg.Interlock = filepath.Join(t.TempDir(), "A07.lock")
		ctx, cancel := context.WithCancel(t.Context())
		var sides [2]*Controller
		var relays [2]*fakeLines
		var wait sync.WaitGroup
		for i := range sides {
			relays[i] = newFakeLines()
			sides[i] = newController(cfg, relays[i], slog.New(slog.DiscardHandler))
			wait.Go(func() { sides[i].Run(ctx, func(driver.Event) {}) })
		}
		for range 20 {
			for _, side := range sides {
				mustDo(t, side.Open(5*time.Second))
			}
			time.Sleep(700 * ms)
		}
		cancel()
		wait.Wait()
		var changes [2][]change
		for i, l := range relays {
			if len(l.trace) < 30 {
				t.Errorf("side %d moved %d times; want 20 pulses or nearly", i, len(l.trace))
			}
			changes[i] = l.trace
		}
		for _, a := range pulses(changes[0]) {
			for _, b := range pulses(changes[1]) {
				if a.from < b.to && b.from < a.to {
					t.Errorf("both energised: %v and %v", a, b)
				}
			}
		}
	})
}

type span struct{ from, to time.Duration }

func pulses(trace []change) (spans []span) {
	for i := 0; i+1 < len(trace); i += 2 {
		spans = append(spans, span{trace[i].after, trace[i+1].after})
	}
	return spans
}

func TestTurnstileTellsItsLines(t *testing.T) {
	inBubble(t, pulse, func(t *testing.T, r *rig) {
		mustDo(t, r.Open(0))
		if open := r.Health().Lines[0]; !open.Active || open.Changes != 1 {
			t.Errorf("during a pulse: %+v", open)
		}
		time.Sleep(time.Second)
		r.lines.changed <- edge{passage, true, time.Now()}
		r.lines.changed <- edge{emergency, true, time.Now()}
		synctest.Wait()
		for i, want := range []driver.Line{{Name: "open", Changes: 1}, {Name: "passage", Active: true, Changes: 1}, {Name: "emergency", Active: true, Changes: 1}} {
			got := r.Health().Lines[i]
			if got.Since.IsZero() {
				t.Errorf("%s has no time", got.Name)
			}
			if got.Since = (time.Time{}); got != want {
				t.Errorf("%+v; want %+v", got, want)
			}
		}
	})
}
