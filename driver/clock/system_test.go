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

func TestReadSystem(t *testing.T) {
	a := ReadSystem()
	b := ReadSystem()
	if b.Mono < a.Mono || a.Mono <= 0 || a.Wall.Year() < 2026 {
		t.Errorf("samples %+v, %+v; want a boot time that does not fall and a date", a, b)
	}
	if id := BootID(); len(id) != 36 {
		t.Errorf("boot id %q; want a UUID", id)
	}
}

func TestTheMarkOfTimesyncd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "synchronized")
	now := time.Now()
	if marked(path, now) {
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
		if got := marked(path, now); got != tt.want {
			t.Errorf("%s: synchronised %v; want %v", tt.name, got, tt.want)
		}
	}
}

func TestClockReportsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		synced := false
		began := time.Now()
		c := &Clock{log: slog.New(slog.NewTextHandler(&log, nil)), trust: NewTrust(gate, "boot", build, nil)}
		c.read = func() Sample {
			d := time.Since(began)
			return sample(d, synced)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		var states []Source
		go func() { done <- c.Run(ctx, func(s State) { states = append(states, s.Source) }) }()
		time.Sleep(1500 * time.Millisecond)
		if _, trusted := c.Now(); trusted {
			t.Error("trusted, never synchronised")
		}
		c.mu.Lock()
		synced = true
		c.mu.Unlock()
		time.Sleep(time.Second)
		now, trusted := c.Now()
		if !trusted || !now.Equal(noon.Add(2500*time.Millisecond)) {
			t.Errorf("now = %v, trusted %v; want noon and 2.5 s, trusted", now, trusted)
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
	c := &Clock{log: slog.New(slog.DiscardHandler), trust: NewTrust(bench, "boot", build, nil)}
	c.read = func() Sample { return sample(time.Since(began), false) }
	c.trust.Observe(c.sample())
	before, _ := c.Now()
	c.Pretend(24 * time.Hour)
	after, _ := c.Now()
	if d := after.Sub(before); d < 24*time.Hour || d > 25*time.Hour {
		t.Errorf("the time moved by %v; want a day", d)
	}
	if step := c.trust.Observe(c.sample()).Step; step.Round(time.Second) != 24*time.Hour {
		t.Errorf("step = %v; want a day", step)
	}
}
