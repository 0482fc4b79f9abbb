package clock

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	build = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	noon  = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	gate  = Config{Drift: 50, Tolerance: 5 * time.Second, RequireSync: true}
	bench = Config{Drift: 50, Tolerance: 5 * time.Second}
)

// sample is one at an hour of uptime plus d, by a wall clock that ran as long.
func sample(d time.Duration, synced bool) Sample {
	return Sample{Wall: noon.Add(d), Mono: time.Hour + d, Synced: synced}
}

func TestTrust(t *testing.T) {
	kept := func(boot string, ago time.Duration) *Anchor {
		return &Anchor{Boot: boot, Wall: noon.Add(-ago), Mono: time.Hour - ago}
	}
	for _, tt := range []struct {
		name    string
		cfg     Config
		floor   time.Time
		kept    *Anchor
		samples []Sample
		want    Source
		why     string
	}{
		{name: "synchronised", cfg: gate, samples: []Sample{sample(0, true)}, want: Synchronised},
		{name: "never synchronised", cfg: gate, samples: []Sample{sample(0, false)}, want: Untrusted, why: "not synchronised since boot"},
		{name: "never synchronised, on a bench", cfg: bench, samples: []Sample{sample(0, false)}, want: Unchecked},
		{name: "before the floor, on a bench", cfg: bench, floor: noon.Add(1), samples: []Sample{sample(0, false)}, want: Untrusted, why: "at least 2026-11-23"},
		{name: "at the floor", cfg: bench, floor: noon, samples: []Sample{sample(0, false)}, want: Unchecked},
		{name: "synchronised to before the floor", cfg: gate, floor: noon.Add(1), samples: []Sample{sample(0, true)}, want: Untrusted, why: "set it"},
		{name: "a minute after the synchronisation was lost", cfg: gate, samples: []Sample{sample(0, true), sample(time.Minute, false)}, want: Holdover},
		{name: "just within the drift", cfg: gate, samples: []Sample{sample(0, true), sample(99_999*time.Second, false)}, want: Holdover},
		{name: "the drift has reached the tolerance", cfg: gate, samples: []Sample{sample(0, true), sample(100_000*time.Second, false)}, want: Untrusted, why: "error may have reached 5s"},
		{name: "synchronised again", cfg: gate, samples: []Sample{sample(0, true), sample(100_000*time.Second, false), sample(100_001*time.Second, true)}, want: Synchronised},
		{name: "restarted in the same boot", cfg: gate, kept: kept("boot", time.Minute), samples: []Sample{sample(0, false)}, want: Holdover},
		{name: "rebooted", cfg: gate, kept: kept("another boot", time.Minute), samples: []Sample{sample(0, false)}, want: Untrusted, why: "since boot"},
		{name: "restarted too long after", cfg: Config{Drift: 1e5, Tolerance: 5 * time.Second, RequireSync: true}, kept: kept("boot", time.Minute), samples: []Sample{sample(0, false)}, want: Untrusted, why: "not synchronised for 1m0s"},
		{name: "holdover from before the floor", cfg: gate, floor: noon.Add(time.Hour), kept: kept("boot", time.Minute), samples: []Sample{sample(0, false)}, want: Untrusted, why: "at least"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.floor.IsZero() {
				tt.floor = build
			}
			trust := NewTrust(tt.cfg, "boot", tt.floor, tt.kept)
			if trust.State().Trusted() {
				t.Error("trusted before the first sample")
			}
			for _, s := range tt.samples {
				trust.Observe(s)
			}
			got := trust.State()
			if got.Source != tt.want || got.Trusted() != (tt.want != Untrusted) || !strings.Contains(got.Why, tt.why) || (got.Why == "") != got.Trusted() {
				t.Errorf("state = %+v; want %s, saying %q", got, tt.want, tt.why)
			}
		})
	}
}

func TestHoldoverPassesOverAWallClockSetByHand(t *testing.T) {
	trust := NewTrust(gate, "boot", build, nil)
	trust.Observe(sample(0, true))
	set := sample(time.Minute, false)
	set.Wall = set.Wall.Add(-3 * time.Hour)
	state := trust.Observe(set)
	if state.Source != Holdover || state.Step != -3*time.Hour {
		t.Errorf("state = %+v; want holdover, a step of -3h", state)
	}
	if got, want := trust.Now(set), noon.Add(time.Minute); !got.Equal(want) {
		t.Errorf("now = %v; want %v", got, want)
	}
}

func TestStepsAreNoticed(t *testing.T) {
	for _, tt := range []struct {
		wall, want time.Duration
	}{
		{time.Second, 0},
		{time.Second + 400*time.Millisecond, 0},
		{3 * time.Second, 2 * time.Second},
		{-time.Second, -2 * time.Second},
	} {
		trust := NewTrust(bench, "boot", build, nil)
		trust.Observe(sample(0, false))
		s := sample(time.Second, false)
		s.Wall = noon.Add(tt.wall)
		if got := trust.Observe(s).Step; got != tt.want {
			t.Errorf("the wall moved by %v in a second: step %v; want %v", tt.wall, got, tt.want)
		}
	}
}

func TestWitnesses(t *testing.T) {
	later := noon.Add(time.Hour)
	type shown struct {
		witness
		inTime bool
	}
	// early are codes of n certificates from later than noon, the first from latest.
	early := func(n int) (codes []shown) {
		for i := range n {
			codes = append(codes, shown{witness: witness{string(rune('a' + i)), later.Add(time.Duration(n-1-i) * time.Minute)}})
		}
		return codes
	}
	inTime := shown{witness{"z", noon.Add(-time.Minute)}, true}
	for _, tt := range []struct {
		name  string
		first Sample
		codes []shown
		floor time.Time
	}{
		{"a code from the past", sample(0, false), []shown{{witness: witness{"a", noon.Add(-time.Second)}}}, noon.Add(-6 * time.Second)},
		{"one from the future", sample(0, false), early(1), build},
		{"one from the future, again and again", sample(0, false), slices.Repeat(early(1), 20), build},
		{"too few from the future", sample(0, false), early(witnesses - 1), build},
		{"enough from the future: the least of them", sample(0, false), early(witnesses), later.Add(-5 * time.Second)},
		{"a code in its time among them", sample(0, false), slices.Concat(early(witnesses-1), []shown{inTime}, early(witnesses-1)), noon.Add(-time.Minute - 5*time.Second)},
		{"a little from the future and in its time all the same", sample(0, false), slices.Repeat([]shown{{witness{"a", noon.Add(time.Second)}, true}}, 20), build},
		{"enough from the future of a synchronised clock", sample(0, true), early(witnesses), build},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := NewTrust(bench, "boot", build, nil)
			trust.Observe(tt.first)
			for _, c := range tt.codes {
				trust.Witness(c.certificate, c.issued, noon, c.inTime)
			}
			if got := trust.Observe(tt.first).Floor; !got.Equal(tt.floor) {
				t.Errorf("floor = %v; want %v", got, tt.floor)
			}
		})
	}
}

// Whatever is observed, the floor never falls, a trusted time is never before it,
// and without a synchronisation in this boot nothing is trusted.
func TestTrustKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trust := NewTrust(gate, "boot", build, nil)
		ever, mono, floor := false, time.Duration(0), build
		for range rapid.IntRange(1, 30).Draw(t, "samples") {
			mono += time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "elapsed"))
			s := Sample{
				Wall:   build.Add(time.Duration(rapid.Int64Range(int64(-100*time.Hour), int64(1000*time.Hour)).Draw(t, "wall"))),
				Mono:   mono,
				Synced: rapid.Bool().Draw(t, "synced"),
			}
			if rapid.Bool().Draw(t, "raise") {
				trust.RaiseFloor(s.Wall)
			}
			state := trust.Observe(s)
			ever = ever || state.Source == Synchronised
			if state.Floor.Before(floor) {
				t.Fatalf("the floor fell from %v to %v", floor, state.Floor)
			}
			floor = state.Floor
			if state.Trusted() && trust.Now(s).Before(floor) {
				t.Fatalf("%s: trusted %v, before the floor %v", state.Source, trust.Now(s), floor)
			}
			if state.Trusted() && !ever {
				t.Fatalf("trusted as %s, never synchronised", state.Source)
			}
		}
	})
}
