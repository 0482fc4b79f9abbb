package clock

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sample is one at an hour of uptime plus d, by a wall clock that ran as long.
func sample(d time.Duration, synced bool) Sample {
	return Sample{Wall: noon.Add(d), Raw: time.Hour + d, Synced: synced}
}

func TestReadSystem(t *testing.T) {
	a := ReadSystem()
	b := ReadSystem()
	if b.Raw < a.Raw || a.Raw <= 0 || b.Mono() < a.Mono() || a.Wall.Year() < 2026 {
		t.Errorf("samples %+v, %+v; want a boot time that does not fall and a date", a, b)
	}
	if id := BootID(); len(id) != 36 {
		t.Errorf("boot id %q; want a UUID", id)
	}
}

func TestTheMarkOfTimesyncd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "synchronized")
	now := time.Now()
	if yes, _ := marked(path, now); yes {
		t.Error("no mark, and synchronised; want not")
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		age  time.Duration
		want bool
	}{
		{"just set", 0, true},
		{"set two polls ago", 69 * time.Minute, true},
		{"the server has been away for long", 91 * time.Minute, false},
		{"the clock was set back since", -time.Minute, false},
	} {
		at := now.Add(-tt.age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if got, set := marked(path, now); got != tt.want || !set.Equal(at) {
			t.Errorf("%s: synchronised %v, set %v; want %v, %v", tt.name, got, set, tt.want, at)
		}
	}
}

func TestClockReportsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		synced := false
		began := time.Now()
		c := &Clock{log: slog.New(slog.NewTextHandler(&log, nil)), sync: func(*Sample) {}, trust: NewTrust(gate, "boot", built)}
		c.read = func() Sample {
			d := time.Since(began)
			return sample(d, synced)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		var states []Source
		go func() { done <- c.Run(ctx, func(s State) { states = append(states, s.Source) }) }()
		time.Sleep(1500 * time.Millisecond)
		if c.Now().OK {
			t.Error("trusted, never synchronised")
		}
		c.mu.Lock()
		synced = true
		c.mu.Unlock()
		time.Sleep(time.Second)
		if now := c.Now(); !now.OK || !now.Time.Equal(noon.Add(2500*time.Millisecond)) {
			t.Errorf("now = %+v; want noon and 2.5 s, trusted", now)
		}
		cancel()
		<-done
		if len(states) != 3 || states[0] != Untrusted || states[2] != Synchronised || c.Anchor() == nil || c.Beats() != 3 {
			t.Errorf("states = %v, anchor %v; want untrusted, untrusted, synchronised", states, c.Anchor())
		}
		if got := log.String(); strings.Count(got, "the clock is trusted") != 1 || strings.Contains(got, "stepped") {
			t.Errorf("log:\n%s", got)
		}
	})
}

func TestPretendedTimeIsAStep(t *testing.T) {
	began := time.Now()
	c := &Clock{log: slog.New(slog.DiscardHandler), sync: func(*Sample) {}, trust: NewTrust(bench, "boot", built)}
	c.read = func() Sample { return sample(time.Since(began), false) }
	c.trust.Observe(c.sample())
	before := c.Now()
	c.Pretend(24 * time.Hour)
	after := c.Now()
	if d := after.Time.Sub(before.Time); d < 24*time.Hour || d > 25*time.Hour {
		t.Errorf("the time moved by %v; want a day", d)
	}
	if event := c.trust.Observe(c.sample()).Event; event != "the wall clock jumped by 24h0m0s; unchecked" {
		t.Errorf("event = %q; want a jump of a day", event)
	}
}
