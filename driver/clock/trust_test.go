package clock

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTrust(t *testing.T) {
	kept := func(boot string, ago time.Duration) *Anchor {
		return &Anchor{Boot: boot, Wall: noon.Add(-ago), Mono: time.Hour - ago}
	}
	for _, tt := range []struct {
		name    string
		cfg     Config
		stored  time.Time
		kept    *Anchor
		samples []Sample
		want    Source
		why     string
	}{
		{name: "synchronised", cfg: gate, samples: []Sample{sample(0, true)}, want: Synchronised},
		{name: "never synchronised", cfg: gate, samples: []Sample{sample(0, false)}, want: Untrusted, why: "not synchronised since boot"},
		{name: "never synchronised, on a bench", cfg: bench, samples: []Sample{sample(0, false)}, want: Unchecked},
		{name: "before proven time, on a bench", cfg: bench, stored: noon.Add(1), samples: []Sample{sample(0, false)}, want: Untrusted, why: "at least 2026-11-23"},
		{name: "at proven time", cfg: bench, stored: noon, samples: []Sample{sample(0, false)}, want: Unchecked},
		{name: "synchronised to before proven time", cfg: gate, stored: noon.Add(1), samples: []Sample{sample(0, true)}, want: Untrusted, why: "set it"},
		{name: "a minute after the synchronisation was lost", cfg: gate, samples: []Sample{sample(0, true), sample(time.Minute, false)}, want: Holdover},
		{name: "just within the drift", cfg: gate, samples: []Sample{sample(0, true), sample(99_999*time.Second, false)}, want: Holdover},
		{name: "the drift has reached the tolerance", cfg: gate, samples: []Sample{sample(0, true), sample(100_000*time.Second, false)}, want: Untrusted, why: "error may have reached 5s"},
		{name: "synchronised again", cfg: gate, samples: []Sample{sample(0, true), sample(100_000*time.Second, false), sample(100_001*time.Second, true)}, want: Synchronised},
		{name: "restarted in the same boot", cfg: gate, kept: kept("boot", time.Minute), samples: []Sample{sample(0, false)}, want: Holdover},
		{name: "rebooted", cfg: gate, kept: kept("another boot", time.Minute), samples: []Sample{sample(0, false)}, want: Untrusted, why: "since boot"},
		{name: "restarted too long after", cfg: Config{Drift: 1e5, Tolerance: 5 * time.Second, RequireSync: true}, kept: kept("boot", time.Minute), samples: []Sample{sample(0, false)}, want: Untrusted, why: "not synchronised for 1m0s"},
		{name: "holdover from before proven time", cfg: gate, stored: noon.Add(time.Hour), kept: kept("boot", time.Minute), samples: []Sample{sample(0, false)}, want: Untrusted, why: "at least"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := NewTrust(tt.cfg, "boot", built)
			if trust.State().Trusted() {
				t.Error("trusted before the first sample")
			}
			for i, s := range tt.samples {
				trust.Observe(s)
				if i == 0 {
					trust.Resume(tt.stored, tt.kept, s)
				}
			}
			got := trust.State()
			if got.Source != tt.want || got.Trusted() != (tt.want != Untrusted) || !strings.Contains(got.Why, tt.why) || (got.Why == "") != got.Trusted() {
				t.Errorf("state = %+v; want %s, saying %q", got, tt.want, tt.why)
			}
		})
	}
}

func TestAJumpIsNotBelievedBetweenTwoSamples(t *testing.T) {
	w := running()
	w.off = year
	if got := w.now(); !got.OK || !w.right() {
		t.Errorf("before the next sample now = %+v; want %v", got, w.truth)
	}
}

func TestOnABenchAJumpIsBelievedAtOnce(t *testing.T) {
	w := newWorld(0)
	w.cfg, w.synced = bench, true
	w.start(nil)
	w.pass(time.Minute)
	w.off = 24 * time.Hour
	if got, want := w.now().Time, w.truth.Add(24*time.Hour); !got.Equal(want) {
		t.Errorf("now = %v; want %v", got, want)
	}
	w.synced = false
	w.pass(time.Second)
	if s := w.trust.State(); s.Source != Unchecked || s.Stepped || w.wrong() != 24*time.Hour {
		t.Errorf("state = %+v, off by %v; want unchecked, a day", s, w.wrong())
	}
}

// What a technician is told of a jump, step by step.
func TestAJumpIsTold(t *testing.T) {
	type told struct {
		state State
		wrong time.Duration
	}
	at := func(w *world, d time.Duration) told {
		var events []string
		for range int(d / time.Second) {
			w.tick()
			if e := w.trust.State().Event; e != "" {
				events = append(events, e)
			}
		}
		s := w.trust.State()
		s.Event = strings.Join(events, "\n")
		return told{s, w.wrong()}
	}
	check := func(t *testing.T, got told, source Source, stepped, disputed bool, wrong time.Duration, event string) {
		t.Helper()
		s := got.state
		if s.Source != source || s.Stepped != stepped || s.Disputed != disputed || (got.wrong-wrong).Abs() > time.Second || s.Event != event {
			t.Errorf("off by %v, %+v; want %s, stepped %v, disputed %v, off by %v, %q", got.wrong, s, source, stepped, disputed, wrong, event)
		}
		if stepped != (s.Ahead != 0) || s.Left <= 0 && source == Holdover {
			t.Errorf("ahead by %v, %v of holdover left", s.Ahead, s.Left)
		}
	}
	const jumped, taken = "the wall clock jumped by 8h0m0s and is not believed yet; holdover", "the new time counts: the time daemon has vouched for it for 1m0s"
	quiet := func() *world {
		w := running()
		w.crowd, w.off = false, 8*time.Hour
		return w
	}
	t.Run("vouched for", func(t *testing.T) {
		w := quiet()
		check(t, at(w, 61*time.Second), Holdover, true, false, 0, jumped)
		check(t, at(w, time.Second), Synchronised, false, false, 8*time.Hour, taken)
		check(t, at(w, time.Hour), Synchronised, false, false, 8*time.Hour, "")
	})
	t.Run("the daemon is not sure for a second", func(t *testing.T) {
		w := quiet()
		at(w, 50*time.Second)
		w.synced = false
		at(w, time.Second)
		w.synced = true
		check(t, at(w, 61*time.Second), Holdover, true, false, 0, "")
		check(t, at(w, time.Second), Synchronised, false, false, 8*time.Hour, taken)
	})
	t.Run("set by hand", func(t *testing.T) {
		w := quiet()
		w.synced = false
		check(t, at(w, time.Hour), Holdover, true, false, 0, jumped)
		w.off = 0
		check(t, at(w, time.Second), Holdover, false, false, 0, "the wall clock is back at the time that holdover kept")
	})
	t.Run("moved on before the minute is over", func(t *testing.T) {
		w := quiet()
		at(w, 50*time.Second)
		w.off = 9 * time.Hour
		check(t, at(w, 61*time.Second), Holdover, true, false, 0, "the wall clock jumped by 1h0m0s; holdover")
		check(t, at(w, time.Second), Synchronised, false, false, 9*time.Hour, taken)
	})
	t.Run("disputed", func(t *testing.T) {
		w := quiet()
		at(w, 30*time.Second)
		w.show()
		check(t, at(w, time.Second), Holdover, true, true, 0, "the time of the wall clock, 8h0m0s ahead, is contradicted; holdover")
		check(t, at(w, time.Hour), Holdover, true, true, 0, "")
	})
	t.Run("taken at night, disputed by the first passengers", func(t *testing.T) {
		w := quiet()
		at(w, 5*time.Hour)
		w.show()
		check(t, at(w, time.Second), Holdover, true, true, 0, "the time of the wall clock, 8h0m0s ahead, is contradicted; holdover")
	})
	t.Run("taken at night, by a crystal of 200 ppm", func(t *testing.T) {
		w := quiet()
		w.ppm = 200
		at(w, 2*time.Minute)
		check(t, at(w, 24*time.Hour), Synchronised, false, false, 8*time.Hour, "")
	})
	t.Run("taken, and confirmed by the first passengers", func(t *testing.T) {
		w := newWorld(8 * time.Hour)
		w.synced = true
		w.pass(time.Hour)
		w.off = 0
		w.pass(5 * time.Minute)
		w.show()
		w.pass(time.Second)
		w.off = 8 * time.Hour // which does not count any more
		check(t, at(w, 10*time.Second), Holdover, true, false, 0, jumped)
	})
	t.Run("taken for long, and jumps again", func(t *testing.T) {
		w := quiet()
		at(w, 5*time.Hour)
		w.off = 90 * time.Second
		check(t, at(w, 10*time.Second), Holdover, true, false, 8*time.Hour, "the wall clock jumped by -7h58m30s; holdover")
	})
	t.Run("set by hand, then a restart", func(t *testing.T) {
		w := quiet()
		w.synced = false
		at(w, time.Second)
		w.restart()
		if s := w.trust.State(); !s.Stepped || s.Source != Holdover || !w.right() {
			t.Errorf("off by %v, %+v; want holdover, stepped", w.wrong(), s)
		}
	})
	t.Run("below proven time", func(t *testing.T) {
		w := quiet()
		w.off = -8 * time.Hour
		check(t, at(w, time.Hour), Holdover, true, false, 0, "the wall clock jumped by -8h0m0s and is not believed yet; holdover")
	})
	t.Run("holdover ends", func(t *testing.T) {
		w := quiet()
		w.off = -8 * time.Hour
		at(w, 99_000*time.Second)
		at(w, 1001*time.Second)
		if s := w.trust.State(); s.Trusted() || !strings.Contains(s.Why, "at least") {
			t.Errorf("state = %+v; want untrusted, below proven time", s)
		}
	})
}

// A hundred codes of one holder are one holder's.
func TestOneHolderDoesNotDispute(t *testing.T) {
	w := running()
	w.off = 8 * time.Hour
	w.crowd = false
	w.pass(time.Second)
	fits := func(holder string, now time.Time) {
		w.trust.Learn(SignedTime{Certificate: holder, Holder: holder, Issued: built, InTime: true, From: now.Add(-time.Second), Until: now.Add(time.Minute)}, w.sample())
	}
	for range 100 {
		fits("one", w.truth)
	}
	fits("two", w.truth.Add(w.off))
	w.pass(62 * time.Second)
	if s := w.trust.State(); s.Disputed || s.Source != Synchronised {
		t.Errorf("one of two holders disputes: %+v", s)
	}
}

// Paper has no minute and says nothing of two clocks, for or against.
func TestPaperDoesNotChoose(t *testing.T) {
	w := running()
	w.off, w.crowd = 8*time.Hour, false
	w.pass(time.Second)
	w.show() // contradicts the new time
	for _, holder := range []string{"a", "b", "c"} {
		w.trust.Learn(SignedTime{Certificate: holder, Holder: holder, Issued: built, InTime: true}, w.sample())
	}
	w.pass(62 * time.Second)
	if s := w.trust.State(); !s.Disputed {
		t.Errorf("paper outvotes a code: %+v", s)
	}
}

func TestChoicesAreBounded(t *testing.T) {
	w := running()
	w.off = 8 * time.Hour
	w.pass(time.Second)
	for range 1000 {
		w.show()
	}
	if n := len(w.trust.jump.codes); n != mostChoices {
		t.Errorf("%d holders' codes are kept; want %d", n, mostChoices)
	}
}

// Where only the daemon's file tells, one that was written before the jump does not
// vouch for the time after it.
func TestAnOldMarkVouchesForNoJump(t *testing.T) {
	mark := noon.Add(-time.Minute)
	trust := NewTrust(gate, "boot", built)
	observe := func(d, off time.Duration) State {
		s := sample(d, true)
		s.Wall, s.Mark = s.Wall.Add(off), mark
		return trust.Observe(s)
	}
	observe(0, 0)
	for d := time.Second; d < 10*time.Minute; d += time.Second {
		if s := observe(d, 90*time.Second); s.Source != Holdover || !s.Stepped {
			t.Fatalf("after %v: %+v; want holdover", d, s)
		}
	}
	mark = noon.Add(20 * time.Minute)
	for d := 10 * time.Minute; d <= 11*time.Minute; d += time.Second {
		observe(d, 90*time.Second)
	}
	if s := observe(11*time.Minute+time.Second, 90*time.Second); s.Source != Synchronised {
		t.Errorf("written again: %+v; want synchronised", s)
	}
}

// Whatever becomes of the wall clock, nothing is proven that is not yet true; and once
// it has been right and synchronised for two minutes the gate goes by it.
func TestTrustKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(time.Duration(rapid.Int64Range(int64(-60*year), int64(60*year)).Draw(t, "boot")))
		w.ppm = rapid.Float64Range(-200, 200).Draw(t, "ppm")
		seconds := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Second
		}
		far := func() time.Duration {
			return time.Duration(rapid.Int64Range(-1, 1).Draw(t, "direction")) * rapid.SampledFrom([]time.Duration{
				time.Second, 6 * time.Second, 90 * time.Second, 8 * time.Hour, 100 * 24 * time.Hour, 70 * year,
			}).Draw(t, "step")
		}
		for range rapid.IntRange(1, 12).Draw(t, "acts") {
			switch rapid.IntRange(0, 8).Draw(t, "act") {
			case 0:
				w.off += far()
			case 1:
				w.off = 0
			case 2:
				w.slew = rapid.Float64Range(-100_000, 100_000).Draw(t, "slew")
			case 3:
				w.slew, w.synced = 0, true
			case 4:
				w.synced = false
			case 5:
				w.crowd = !w.crowd
			case 6:
				w.sleep(seconds("asleep", 7200), rapid.Bool().Draw(t, "battery"))
			case 7:
				w.reboot()
			case 8:
				w.restart()
			}
			w.pass(seconds("for", 900))
		}
		w.off, w.slew, w.synced = 0, 0, true
		w.pass(2 * time.Minute)
		if w.err != nil {
			t.Fatal(w.err)
		}
		if !w.right() || w.trust.State().Stepped {
			t.Fatalf("right and synchronised for two minutes, and off by %v, %+v", w.wrong(), w.trust.State())
		}
	})
}
