package main

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/driver/clock"
)

// clockDaemon answers with a clock, and notes what it was asked to accept.
func clockDaemon(t *testing.T, c control.Clock) (dir string, accepted *[]string) {
	t.Helper()
	dir, accepted = t.TempDir(), new([]string)
	listener, err := net.Listen("unix", filepath.Join(dir, control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(control.Status{Clock: c}) })
	mux.HandleFunc("POST /clock", func(_ http.ResponseWriter, r *http.Request) {
		*accepted = append(*accepted, r.FormValue("time")+" "+r.FormValue("why"))
	})
	daemon := &http.Server{Handler: mux}
	go daemon.Serve(listener)
	t.Cleanup(func() { daemon.Close() })
	return dir, accepted
}

var clockNoon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func TestClockShow(t *testing.T) {
	t.Parallel()
	right := control.Clock{Time: clockNoon, Wall: clockNoon, Source: clock.Synchronised, Trusted: true, Proven: clockNoon.Add(-time.Minute)}
	for _, tt := range []struct {
		name   string
		change func(*control.Clock)
		words  string
	}{
		{"right", func(*control.Clock) {}, "1m0s before"},
		{"stepped", func(c *control.Clock) { c.Stepped, c.Holdover = true, 3600 }, "good for 1h0m0s"},
		{"disputed", func(c *control.Clock) { c.Stepped, c.Disputed = true, true }, "is contradicted"},
		{"suspect", func(c *control.Clock) { c.Suspect = true }, "outside their minute"},
		{"not trusted", func(c *control.Clock) { c.Trusted, c.Why = false, "not synchronised since boot" }, "since boot"},
	} {
		c := right
		tt.change(&c)
		dir, _ := clockDaemon(t, c)
		status, out, errOut := tool(t, "", "clock", "show", "--data", dir)
		if status != 0 || !strings.Contains(out, tt.words) {
			t.Errorf("%s: status %d, %q, %q; want 0, %q", tt.name, status, out, errOut, tt.words)
		}
		status, out, _ = tool(t, "", "clock", "show", "--json", "--data", dir)
		var got control.Clock
		if err := json.Unmarshal([]byte(out), &got); status != 0 || err != nil || got.Stepped != c.Stepped || !got.Proven.Equal(c.Proven) {
			t.Errorf("%s: status %d, %q, %v; want %+v as JSON", tt.name, status, out, err, c)
		}
	}
}

func TestClockAcceptAsks(t *testing.T) {
	t.Parallel()
	const at = "2026-11-23T04:00:00Z"
	for _, tt := range []struct {
		name, in string
		args     []string
		status   int
		accepted string
	}{
		{"yes", "y\n", []string{at, "--why", "a test"}, 0, at + " a test"},
		{"no", "n\n", []string{at, "--why", "a test"}, exitFailed, ""},
		{"no answer", "", []string{at, "--why", "a test"}, exitFailed, ""},
		{"in a script", "", []string{at, "--why", "a test", "--yes"}, 0, at + " a test"},
		{"no reason", "y\n", []string{at}, exitUsage, ""},
		{"no time", "y\n", []string{"--why", "a test"}, exitUsage, ""},
		{"a time of another kind", "y\n", []string{"noon", "--why", "a test"}, exitUsage, ""},
	} {
		dir, accepted := clockDaemon(t, control.Clock{Proven: clockNoon.AddDate(1, 0, 0)})
		status, out, errOut := tool(t, tt.in, append([]string{"clock", "accept", "--data", dir}, tt.args...)...)
		if status != tt.status || strings.Join(*accepted, "; ") != tt.accepted {
			t.Errorf("%s: status %d, %q, %q, accepted %q; want %d, %q", tt.name, status, out, errOut, *accepted, tt.status, tt.accepted)
		}
	}
}
