package clock

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProvenTimeGoesOnByTheCrystal(t *testing.T) {
	trust := NewTrust(gate, "boot", built)
	trust.Observe(sample(0, false))
	trust.Resume(noon, nil, sample(0, false))
	for _, tt := range []struct {
		name string
		s    Sample
		want time.Duration
	}{
		{"a thousand seconds less a second", Sample{Raw: time.Hour + 1000*time.Second}, 999 * time.Second},
		{"no wall clock moves it", Sample{Wall: noon.Add(year), Raw: time.Hour, Synced: true}, 0},
		{"nor does a suspension", Sample{Raw: time.Hour, Asleep: year}, 0},
	} {
		if got := trust.Proven(tt.s).Proven().Sub(noon); got != tt.want {
			t.Errorf("%s: %v after noon is proven; want %v", tt.name, got, tt.want)
		}
	}
	if (Proven{}).Proven() != (time.Time{}) {
		t.Error("the zero value proves something")
	}
}

func TestCodesProveTheTime(t *testing.T) {
	later := noon.Add(time.Hour)
	code := func(certificate string, issued time.Time, inTime bool) SignedTime {
		return SignedTime{Certificate: certificate, Issued: issued, InTime: inTime}
	}
	// early are codes of n certificates from later than noon, the first from latest.
	early := func(n int) (codes []SignedTime) {
		for i := range n {
			codes = append(codes, code(string(rune('a'+i)), later.Add(time.Duration(n-1-i)*time.Minute), false))
		}
		return codes
	}
	inTime := code("z", noon.Add(-time.Minute), true)
	for _, tt := range []struct {
		name  string
		cfg   Config
		first Sample
		codes []SignedTime
		want  time.Time
	}{
		{"from the past", bench, sample(0, false), []SignedTime{code("a", noon.Add(-time.Second), false)}, noon.Add(-6 * time.Second)},
		{"from the future", bench, sample(0, false), early(1), built},
		{"from the future, again and again", bench, sample(0, false), slices.Repeat(early(1), 20), built},
		{"too few from the future", bench, sample(0, false), early(enoughDoubts - 1), built},
		{"enough from the future: the least of them", bench, sample(0, false), early(enoughDoubts), later.Add(-5 * time.Second)},
		{"a code in its time among them", bench, sample(0, false), slices.Concat(early(enoughDoubts-1), []SignedTime{inTime}, early(enoughDoubts-1)), noon.Add(-time.Minute - 5*time.Second)},
		{"a little from the future and in its time all the same", bench, sample(0, false), slices.Repeat([]SignedTime{code("a", noon.Add(time.Second), true)}, 20), built},
		{"enough from the future of a synchronised clock", gate, sample(0, true), early(enoughDoubts), built},
		{"from the past of a clock that nobody vouches for", gate, sample(0, false), []SignedTime{code("a", noon.Add(-time.Second), false)}, built},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := NewTrust(tt.cfg, "boot", built)
			trust.Observe(tt.first)
			for _, c := range tt.codes {
				trust.Learn(c, tt.first)
			}
			if got := trust.Observe(tt.first).Proven.Proven(); !got.Equal(tt.want) {
				t.Errorf("proven %v; want %v", got, tt.want)
			}
		})
	}
}

func TestOneStationProvesAnHourMoreThanOthers(t *testing.T) {
	s := sample(0, true)
	code := SignedTime{Certificate: "a", Issued: noon.Add(5 * time.Second), InTime: true} // proves noon
	for _, tt := range []struct {
		name string
		act  func(*Trust)
		want time.Time
	}{
		{"what others support", func(c *Trust) { c.Prove("station", built.Add(time.Minute+gate.Tolerance), s) }, built.Add(time.Minute)},
		{"an hour and no more", func(c *Trust) { c.Prove("station", noon, s) }, built.Add(time.Hour)},
		{"again and again", func(c *Trust) {
			for range 100 {
				c.Prove("station", noon, s)
			}
		}, built.Add(time.Hour)},
		{"past what codes prove", func(c *Trust) {
			later := sample(10*time.Second, true)
			c.Observe(later)
			c.Learn(code, later)
			c.Prove("station", noon.Add(year), later)
		}, noon.Add(time.Hour)},
		{"the floor on the disk supports nobody", func(c *Trust) {
			c.proofs.add(proof{signedStore, noon.Add(-time.Hour), s.Raw})
			c.Prove("station", noon, s)
		}, noon.Add(-time.Hour)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := NewTrust(gate, "boot", built)
			trust.Observe(s)
			tt.act(trust)
			if got := trust.Proven(trust.last).Proven(); got.Sub(tt.want).Abs() > time.Second {
				t.Errorf("proven %v; want %v", got, tt.want)
			}
		})
	}
}

func TestTheStationIsBelievedFirst(t *testing.T) {
	confirm := func(w *world) error {
		return w.trust.Confirm("station", w.truth.Add(-500*time.Millisecond), time.Second, w.sample())
	}
	t.Run("without a time daemon", func(t *testing.T) {
		w := newWorld(-year)
		w.pass(time.Minute)
		if err := confirm(w); err != nil {
			t.Fatal(err)
		}
		w.pass(20 * time.Minute)
		if s := w.trust.State(); s.Source != Station || !w.right() || s.Stepped {
			t.Errorf("off by %v, %+v; want the station's", w.wrong(), s)
		}
		w.pass(20 * time.Minute)
		if s := w.trust.State(); s.Source != Holdover || !w.right() {
			t.Errorf("not heard for long: off by %v, %+v; want holdover", w.wrong(), s)
		}
	})
	t.Run("confirms a jump", func(t *testing.T) {
		w := newWorld(-90 * time.Second)
		w.synced = true
		w.pass(time.Hour)
		w.off = 0
		w.pass(2 * time.Second)
		if w.right() {
			t.Fatal("the jump was believed at once")
		}
		confirm(w)
		w.tick()
		if s := w.trust.State(); !w.right() || s.Stepped || s.Source != Station || s.Event != "the station confirms the time of the wall clock" {
			t.Errorf("off by %v, %+v; want the new time", w.wrong(), s)
		}
	})
	t.Run("contradicts the time daemon", func(t *testing.T) {
		w := newWorld(8 * time.Hour)
		w.synced = true
		w.pass(time.Hour)
		confirm(w)
		w.pass(24 * time.Hour)
		if s := w.trust.State(); !w.right() || !s.Disputed || s.Source != Holdover {
			t.Errorf("off by %v, %+v; want the station's time, disputed", w.wrong(), s)
		}
		w.off = 0
		w.pass(time.Second)
		if s := w.trust.State(); !w.right() || s.Stepped || s.Source != Synchronised {
			t.Errorf("mended: off by %v, %+v; want synchronised", w.wrong(), s)
		}
	})
	t.Run("contradicts a time daemon that comes up later", func(t *testing.T) {
		w := newWorld(8 * time.Hour)
		w.pass(time.Minute)
		confirm(w)
		w.pass(time.Second)
		w.synced = true
		w.pass(9 * time.Minute) // to the next question
		if s := w.trust.State(); !w.right() || !s.Stepped || s.Source != Station {
			t.Errorf("off by %v, %+v; want the station's", w.wrong(), s)
		}
		w.pass(20 * time.Minute)
		if s := w.trust.State(); w.right() || s.Source != Synchronised {
			t.Errorf("the station is silent: off by %v, %+v; want the daemon's", w.wrong(), s)
		}
	})
	for name, begin := range map[string]func() *world{
		"a year ahead for a while, with a time daemon":    running,
		"a year ahead for a while, without a time daemon": func() *world { w := newWorld(-year); w.pass(time.Minute); return w },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin()
			before := w.trust.Proven(w.sample()).Proven()
			if err := w.trust.Confirm("station", w.truth.Add(year), time.Second, w.sample()); err != nil {
				t.Fatal(err)
			}
			w.pass(10 * time.Minute)
			if err := confirm(w); err != nil {
				t.Errorf("the station is right again: %v; want that it may correct itself", err)
			}
			w.tick()
			if s := w.trust.State(); !w.right() || !s.Trusted() {
				t.Errorf("off by %v, %+v; want the right time at once", w.wrong(), s)
			}
			if p := w.trust.Proven(w.sample()).Proven(); p.Before(before) || p.After(w.truth) {
				t.Errorf("proven %v, at %v; want what others proved to stay, from %v on", p, w.truth, before)
			}
		})
	}
	t.Run("below what is proven", func(t *testing.T) {
		w := running()
		err := w.trust.Confirm("station", w.truth.Add(-year), time.Second, w.sample())
		if err == nil || !strings.Contains(err.Error(), "signed times prove") {
			t.Errorf("err = %v; want a refusal", err)
		}
		if w.tick(); !w.right() {
			t.Errorf("off by %v", w.wrong())
		}
	})
}

// What a station says is good for a second: two of its answers, or its clock and a time daemon's,
// may contradict each other by a little. That closes no lane.
func TestAnswersThatDifferByALittleCloseNoLane(t *testing.T) {
	t.Run("an answer at a second's beginning, then one at its end", func(t *testing.T) {
		w := newWorld(-year)
		for range 2 { // what codes prove supports the second one
			w.trust.Confirm("station", w.truth, time.Second, w.sample())
			w.crowd = true
			w.pass(time.Minute)
		}
		if err := w.trust.Confirm("station", w.truth.Add(-990*time.Millisecond), time.Second, w.sample()); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		if s := w.trust.State(); !s.Trusted() || !w.right() {
			t.Errorf("off by %v, %+v; want the station's time", w.wrong(), s)
		}
	})
	t.Run("a time daemon that is two seconds behind", func(t *testing.T) {
		w := running()
		if err := w.trust.Confirm("station", w.truth.Add(2*time.Second), time.Second, w.sample()); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		if s := w.trust.State(); !s.Trusted() || !w.right() {
			t.Errorf("off by %v, %+v; want a time that is trusted", w.wrong(), s)
		}
	})
}

func TestAcceptLowersProvenTime(t *testing.T) {
	ahead := noon.Add(100 * 24 * time.Hour)
	c := &Clock{log: slog.New(slog.DiscardHandler), sync: func(*Sample) {}, trust: NewTrust(gate, "boot", built)}
	c.read = func() Sample { return sample(0, true) }
	c.trust.Observe(c.sample())
	c.Resume(ahead, nil)
	keep := func(Proven) error { return nil }
	if c.State().Trusted() {
		t.Fatal("trusted, before what is proven")
	}
	for _, tt := range []struct {
		name string
		at   time.Time
		keep func(Proven) error
		want string
	}{
		{"later than proven", ahead.Add(time.Hour), keep, "nothing to accept"},
		{"before the build", built.Add(-time.Second), keep, "built"},
		{"the disk is full", noon, func(Proven) error { return errors.New("no space left on device") }, "no space"},
	} {
		if err := c.Accept(tt.at, "a test", tt.keep); err == nil || !strings.Contains(err.Error(), tt.want) || !c.Proven().Proven().Equal(ahead) {
			t.Errorf("%s: %v, proven %v; want %q, and nothing changed", tt.name, err, c.Proven(), tt.want)
		}
	}
	var kept time.Time
	if err := c.Accept(noon, "a test", func(p Proven) error {
		c.Now() // whoever keeps may ask
		kept = p.Proven()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.trust.Observe(c.sample())
	if !kept.Equal(noon) || !c.Proven().Proven().Equal(noon) || !c.State().Trusted() {
		t.Errorf("kept %v, proven %v, %+v; want noon, and trusted", kept, c.Proven(), c.State())
	}
}

// A clock that is before what is proven says who keeps it, for that decides what mends it.
func TestAClockBelowProvenTimeSaysWhoKeepsIt(t *testing.T) {
	ahead := noon.AddDate(1, 0, 0)
	for _, tt := range []struct {
		name                    string
		damage                  func(w *world)
		vouched, heard, unbuilt bool
	}{
		{"network time", func(w *world) { w.synced = true }, true, false, false},
		{"a station, too", func(w *world) {
			w.synced = true
			w.trust.Confirm("station", w.truth, time.Second, w.sample())
		}, true, true, false},
		{"a time server that gives the year before", func(w *world) { w.synced, w.off = true, -365*24*time.Hour }, true, false, true},
		{"nobody on a bench", func(w *world) { w.trust.cfg.RequireSync = false }, true, false, false},
	} {
		w := newWorld(0)
		tt.damage(w)
		w.trust.prove("issuer", ahead, w.sample())
		w.tick()
		if s := w.trust.State(); !s.Below || s.Vouched != tt.vouched || s.Heard != tt.heard || s.Unbuilt != tt.unbuilt {
			t.Errorf("%s: %+v; want below, vouched %v, heard %v, unbuilt %v", tt.name, s, tt.vouched, tt.heard, tt.unbuilt)
		}
	}
	w := running()
	w.synced = false
	w.trust.prove("issuer", ahead, w.sample())
	if w.tick(); !w.trust.State().Below || w.trust.State().Vouched {
		t.Errorf("%+v; want below, and nobody to vouch", w.trust.State())
	}
}
