package turnstile

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/driver"
)

// readTrace lists a trace's changes as "open 1", checking their form.
func readTrace(t *testing.T, path string) (changes []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var before time.Time
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l TraceLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if l.Time.Before(before) || l.Time.Location() != time.UTC {
			t.Errorf("%s: not in order, or not in UTC", lines.Text())
		}
		before = l.Time
		changes = append(changes, l.Line+" "+strconv.Itoa(l.Level))
	}
	return changes
}

func runSim(t *testing.T, cfg SimConfig) (s *Sim, events chan driver.Event, stop func()) {
	t.Helper()
	s = NewSim(cfg, slog.New(slog.DiscardHandler))
	events = make(chan driver.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, func(e driver.Event) { events <- e }) }()
	return s, events, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	}
}

func waitFor(t *testing.T, events chan driver.Event, kind driver.EventKind, active bool) {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e.Kind == kind && e.Active == active {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no %v %v", kind, active)
		}
	}
}

func TestSimTracesEveryChange(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.ndjson")
	synctest.Test(t, func(t *testing.T) {
		s, events, stop := runSim(t, SimConfig{Config: Config{Name: "A07", Pulse: 50 * ms}, Trace: trace, PassageAfter: 100 * ms})
		mustDo(t, s.Open(5*time.Second))
		waitFor(t, events, driver.PassageEvent, true)
		waitFor(t, events, driver.PassageEvent, false)
		s.SetEmergency(true)
		waitFor(t, events, driver.EmergencyEvent, true)
		s.SetEmergency(false)
		waitFor(t, events, driver.EmergencyEvent, false)
		stop()
	})
	want := []string{"open 1", "open 0", "passage 1", "passage 0", "emergency 1", "emergency 0"}
	if got := readTrace(t, trace); !slices.Equal(got, want) {
		t.Errorf("trace = %v; want %v", got, want)
	}
}

func TestSimNobodyWalksUnlessTold(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.ndjson")
	s, events, stop := runSim(t, SimConfig{Config: Config{Name: "A07", Pulse: 50 * ms}, Trace: trace})
	mustDo(t, s.Open(5*time.Second))
	s.Walk()
	waitFor(t, events, driver.PassageEvent, true)
	stop()
	if got := readTrace(t, trace); !slices.Contains(got, "passage 1") || got[0] != "open 1" {
		t.Errorf("trace = %v; want an opening, then the walk", got)
	}
}

// A process that was killed while the relay was active leaves it so, as on a
// Raspberry Pi; the next one releases it before anything else.
func TestSimReleasesWhatItsPredecessorLeftActive(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.ndjson")
	left := `{"t":"2026-11-23T04:00:00Z","line":"open","level":1}` + "\n" +
		`{"t":"2026-11-23T04:00:00.2Z","line":"passage","level":1}` + "\n" + `{"t":"2026-11-23T04:0`
	mustDo(t, os.WriteFile(trace, []byte(left+"\n"), 0o644))
	_, events, stop := runSim(t, SimConfig{Config: Config{Name: "A07", Pulse: 50 * ms}, Trace: trace})
	waitFor(t, events, driver.EmergencyEvent, false)
	stop()
	data, err := os.ReadFile(trace)
	mustDo(t, err)
	added := strings.TrimPrefix(string(data), left+"\n")
	if !strings.Contains(added, `"line":"open","level":0`) || !strings.Contains(added, `"line":"passage","level":0`) {
		t.Errorf("added %q; want the relay and the sensor at 0", added)
	}
}

func TestSimWithoutATrace(t *testing.T) {
	s, events, stop := runSim(t, SimConfig{Config: Config{Name: "A07", Pulse: 50 * ms}, PassageAfter: ms})
	mustDo(t, s.Open(5*time.Second))
	waitFor(t, events, driver.PassageEvent, true)
	stop()
}

func TestSimTraceThatCannotBeWrittenIsAFault(t *testing.T) {
	s, events, stop := runSim(t, SimConfig{Config: Config{Name: "A07", Pulse: 50 * ms}, Trace: "/dev/full"})
	if err := s.Open(5 * time.Second); err == nil {
		t.Error("Open = nil; want the trace's error")
	}
	waitFor(t, events, driver.FaultEvent, true)
	_ = stop
}
