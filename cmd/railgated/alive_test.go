package main

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver"
	"railgate/driver/clock"
	"railgate/driver/panel"
	"railgate/store"
	"railgate/verify/lane"
)

// A lane that hangs is not healthy, whoever is asked; asking does not hang, and SIGTERM
// ends the gate with its relay released.
func TestALaneThatHangsIsSeenAndEnds(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	s.write("gate.toml", strings.Replace(s.config, `pulse = "50ms"`, `pulse = "5s"`, 1))
	d := s.start("RAILGATED_TEST=hangs")
	if status, _, _ := get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz = %d; want 200", status)
	}
	d.scan(d.code())
	d.until("open", func() bool { _, active := d.pulses(); return active })
	d.scan(d.code())
	d.until("out of service", func() bool { return d.status().Health == control.OutOfService })
	causes := d.status().Causes
	if last := causes[len(causes)-1]; last.Cause != control.LaneHung {
		t.Errorf("causes %+v; want the lane that hangs", causes)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text, _ := get(t, url+path); status != http.StatusServiceUnavailable || !strings.Contains(text, "the lane hangs") {
			t.Errorf("%s = %d %q; want 503, for the lane", path, status, text)
		}
	}
	if _, text, _ := get(t, url+"/metrics"); !strings.Contains(text, `railgate_health{health="out_of_service"} 1`) {
		t.Error("the metrics call it well")
	}
	if status := d.stop(); status != exitFailed {
		t.Errorf("exit status %d; want %d: it did not stop by itself", status, exitFailed)
	}
	if n, active := d.pulses(); n != 1 || active {
		t.Errorf("%d pulses, the relay active: %v; want one, released", n, active)
	}
}

func TestStillness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stillness
		for _, tt := range []struct {
			after time.Duration
			turns uint64
			want  time.Duration
		}{
			{time.Hour, 0, 0}, // nobody asked before
			{time.Second, 0, time.Second},
			{time.Second, 1, 0},
			{time.Second, 1, time.Second},
			{time.Second, 1, 2 * time.Second},
			{time.Second, 5, 0},
		} {
			time.Sleep(tt.after)
			if got := s.lasts(tt.turns); got != tt.want {
				t.Errorf("%d turns: still for %v; want %v", tt.turns, got, tt.want)
			}
		}
	})
}

// A store that hangs in a commit keeps nobody from hearing how the gate is.
func TestAStoreThatHangsDelaysAStatusOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r statsReader
		hang := make(chan struct{})
		if s := r.read(func() store.Stats { return store.Stats{Seq: 1} }); s.Seq != 1 {
			t.Errorf("seq = %d; want 1", s.Seq)
		}
		for n := range 3 {
			began := time.Now()
			want := statsWait
			if n > 0 {
				want = 0
			}
			s := r.read(func() store.Stats { <-hang; return store.Stats{Seq: 2} })
			if took := time.Since(began); s.Seq != 1 || took != want {
				t.Errorf("seq = %d after %v; want the last, 1, after %v", s.Seq, took, want)
			}
		}
		close(hang)
		synctest.Wait()
		if s := r.read(func() store.Stats { return store.Stats{Seq: 3} }); s.Seq != 3 {
			t.Errorf("seq = %d once it works; want 3", s.Seq)
		}
	})
}

// A store that hangs with its lock held keeps nobody from hearing how the gate is.
func TestStatusWaitsForNoStore(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	hang, hangs := make(chan struct{}), make(chan struct{})
	st, err := store.Open(store.Options{
		Dir: t.TempDir(), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return time.Now(), true },
		Proven: func() store.Proven { close(hangs); <-hang; return nil },
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	go st.Keep()
	<-hangs
	l := newRunner(parts{
		rules: &lane.Rules{Opens: true}, in: newInbox(), store: st, keys: &keyring.Ring{}, panel: panel.New(panel.Config{}, log),
		clock: clock.New(clock.Config{}, time.Time{}, log),
	}, log)
	answer := make(chan *control.Status)
	go func() { answer <- (&server{cfg: &configs.Config{}, lane: l}).status() }()
	select {
	case s := <-answer:
		if s.Health != control.OutOfService {
			t.Errorf("health %s; want out of service: it has not begun", s.Health)
		}
	case <-time.After(20 * time.Second):
		t.Error("no answer")
	}
	close(hang)
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// A lane that hangs may hang in its turnstile: its relay is released before the devices
// are told to stop.
func TestALaneThatHangsIsReleasedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := &lastRelease{}
		g := &gate{log: slog.New(slog.DiscardHandler), board: newBoard(slog.New(slog.DiscardHandler)), devices: &devices{turnstile: relay}}
		lane, devices := new(sync.WaitGroup), new(sync.WaitGroup)
		lane.Add(1)
		defer func() { // its store is nil: the end of stop is not this test's
			recover()
			lane.Done()
		}()
		g.stopAll(lane, func() {}, devices, func() {
			if !relay.released {
				t.Error("the devices are told to stop before the relay is released")
			}
			panic("enough")
		})
	})
}

// lastRelease is a turnstile that knows only one thing.
type lastRelease struct {
	driver.Turnstile
	released bool
}

func (r *lastRelease) ReleaseForGood() error {
	r.released = true
	return nil
}

// A disk that hangs does not keep a gate from ending.
func TestADiskThatHangsDoesNotKeepTheGateFromEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{log: slog.New(slog.DiscardHandler), devices: &devices{}}
		hang := make(chan struct{})
		began := time.Now()
		if err := g.finish(func() error { <-hang; return nil }, stopLeast); err == nil || time.Since(began) != stopLeast {
			t.Errorf("finish = %v after %v; want an error after %v", err, time.Since(began), stopLeast)
		}
		close(hang)
		if err := g.finish(func() error { return nil }, stopLeast); err != nil {
			t.Error(err)
		}
	})
}

// A listener that reads in the middle of a publication does not stop the lane, and one
// that never reads loses the oldest.
func TestAListenerNeverStopsTheLane(t *testing.T) {
	h := newHub()
	slow, fast := h.listen(), h.listen()
	go func() {
		for range fast {
		}
	}()
	for n := range 20 * listenerRoom {
		h.publish(control.Event{Mode: string(rune(n))})
	}
	h.leave(fast)
	close(fast)
	if first := <-slow; first.Mode != string(rune(19*listenerRoom)) {
		t.Errorf("the first event is %q; want the oldest of the last %d", first.Mode, listenerRoom)
	}
	full := make(chan control.Event, 1)
	dropOldest(full) // the listener has just emptied it
}
