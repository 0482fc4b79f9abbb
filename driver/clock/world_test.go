package clock

import (
	"fmt"
	"time"
)

// A world is a gate's clocks, and the truth, by the second. Nobody sleeps.
type world struct {
	cfg    Config
	truth  time.Time
	raw    time.Duration
	asleep time.Duration
	ppm    float64 // how fast the crystal is
	off    time.Duration
	slew   float64 // how fast the wall clock is moved, in parts per million of the truth
	synced bool    // a time daemon disciplines the wall clock, rightly or not
	boots  int
	stored time.Time // the floor on the disk
	crowd  bool      // a passenger every seven seconds
	people int
	trust  *Trust
	seen   tally
	err    error // a promise that was broken
}

// A tally counts seconds by what a passenger with a good code would have met.
type tally struct{ granted, denied, closed int }

var (
	built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	noon  = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	gate  = Config{Drift: 50, Tolerance: 5 * time.Second, RequireSync: true}
	bench = Config{Drift: 50, Tolerance: 5 * time.Second}
)

// newWorld is a gate that has just been booted, at noon, with a wall clock that is off.
func newWorld(off time.Duration) *world {
	w := &world{cfg: gate, truth: noon, off: off, stored: noon.Add(-time.Hour)}
	w.reboot()
	return w
}

// running is a gate that has been right for an hour.
func running() *world {
	w := newWorld(0)
	w.synced, w.crowd = true, true
	w.pass(time.Hour)
	w.seen = tally{}
	return w
}

func (w *world) reboot() {
	w.boots++
	w.raw, w.asleep = 20*time.Second, 0
	w.start(nil)
}

// restart is one of the program, in the same boot.
func (w *world) restart() { w.start(w.trust.Anchor()) }

func (w *world) start(kept *Anchor) {
	w.trust = NewTrust(w.cfg, fmt.Sprint("boot ", w.boots), built)
	w.trust.Observe(w.sample())
	w.trust.Resume(w.stored, kept, w.sample())
	w.observe()
}

func (w *world) sample() Sample {
	return Sample{Wall: w.truth.Add(w.off), Raw: w.raw, Asleep: w.asleep, Synced: w.synced}
}

func (w *world) observe() {
	before := w.trust.State().Proven
	state := w.trust.Observe(w.sample())
	proven := w.trust.Proven(w.sample()).Proven()
	switch {
	case w.err != nil:
	case proven.After(w.truth):
		w.err = fmt.Errorf("at %v, %v is proven, which is ahead by %v", w.truth, proven, proven.Sub(w.truth))
	case proven.Before(before.Proven()):
		w.err = fmt.Errorf("at %v, proven time fell from %v to %v", w.truth, before.Proven(), proven)
	case state.Trusted() && w.now().Time.Before(proven):
		w.err = fmt.Errorf("at %v, %v is trusted and before %v, which is proven", w.truth, w.now().Time, proven)
	}
	w.stored = proven
}

func (w *world) now() Trusted { return w.trust.Now(w.sample()) }

// wrong is by how much the time that the gate goes by is.
func (w *world) wrong() time.Duration { return w.now().Time.Sub(w.truth).Abs() }

// right tells whether codes are judged as they should be.
func (w *world) right() bool { return w.now().OK && w.wrong() <= w.cfg.Tolerance }

// pass lets time go by, a second at once, and counts.
func (w *world) pass(d time.Duration) {
	for range int(d / time.Second) {
		w.tick()
		switch {
		case w.right():
			w.seen.granted++
		case w.now().OK:
			w.seen.denied++
		default:
			w.seen.closed++
		}
		if w.crowd && w.raw/time.Second%7 == 0 {
			w.show()
		}
	}
}

func (w *world) tick() {
	drift := time.Duration(w.ppm * 1e3) // a second's
	w.truth = w.truth.Add(time.Second)
	w.raw += time.Second + drift
	w.off += time.Duration(w.slew * 1e3)
	if !w.synced {
		w.off += drift
	}
	w.observe()
}

// show is an honest passenger with a code of this minute.
func (w *world) show() {
	if !w.now().OK {
		return // a closed lane reads nothing
	}
	w.people++
	c := SignedTime{
		Certificate: fmt.Sprint("certificate ", w.people%500), Holder: fmt.Sprint("holder ", w.people%500),
		Issued: w.truth.Add(-time.Duration(w.people*37%1800) * time.Second),
	}
	begins := w.truth.Add(-time.Duration(w.people*13%60) * time.Second)
	c.From, c.Until = begins.Add(-5*time.Second), begins.Add(70*time.Second)
	now := w.now().Time
	c.InTime = !now.Before(c.From) && now.Before(c.Until)
	w.trust.Learn(c, w.sample())
}

// sleep is a suspension of the board. Without a battery clock the kernel does not
// know how long it was.
func (w *world) sleep(d time.Duration, battery bool) {
	w.truth = w.truth.Add(d)
	if battery {
		w.asleep += d
	} else {
		w.off -= d
	}
	w.observe()
}
