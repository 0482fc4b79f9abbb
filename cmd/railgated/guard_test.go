package main

import (
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/configs"
	"railgate/driver/clock"
	"railgate/driver/turnstile"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// A gate's time is moved on a bench only: where the turnstile is simulated, and nobody demands
// that it is right or a station says so if it is not.
func TestOnlyABenchsTimeIsMoved(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	sim := turnstile.NewSim(turnstile.SimConfig{Config: turnstile.Config{Name: "7"}}, log)
	for _, tt := range []struct {
		name        string
		requireSync bool
		station     string
		sim         *turnstile.Sim
		query       string
		want        int
		moved       bool
	}{
		{"a bench", false, "", sim, "line=clock&seconds=60", http.StatusOK, true},
		{"a gate whose clock must be right", true, "", sim, "line=clock&seconds=60", http.StatusConflict, false},
		{"one that has a station", true, "https://station.example", sim, "line=clock&seconds=60", http.StatusOK, true},
		{"one that has a station and a relay", true, "https://station.example", nil, "line=clock&seconds=60", http.StatusConflict, false},
		{"a gate with a relay", false, "", nil, "line=clock&seconds=60", http.StatusConflict, false},
		{"back", false, "", sim, "line=clock&seconds=-1", http.StatusBadRequest, false},
		{"more than a year", false, "", sim, "line=clock&seconds=31622401", http.StatusBadRequest, false},
		{"more than a number holds", false, "", sim, "line=clock&seconds=9223372036854775807", http.StatusBadRequest, false},
		{"no number", false, "", sim, "line=clock", http.StatusBadRequest, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := &configs.Config{}
			cfg.Clock.RequireSync, cfg.Sync.Station = tt.requireSync, tt.station
			c := clock.New(clock.Config{RequireSync: tt.requireSync}, time.Time{}, log)
			s := &server{cfg: cfg, sim: tt.sim, log: log, lane: newRunner(parts{rules: &lane.Rules{}, in: newInbox(), clock: c}, log)}
			before := c.Wall()
			rec := httptest.NewRecorder()
			s.controlMux().ServeHTTP(rec, httptest.NewRequest("POST", "/sim?"+tt.query, nil))
			moved := c.Wall().Sub(before) > 30*time.Second
			if rec.Code != tt.want || moved != tt.moved {
				t.Errorf("status %d, moved: %v; want %d, %v", rec.Code, moved, tt.want, tt.moved)
			}
		})
	}
}

// Whoever looks at the gate's page learns nothing of who passed.
func TestNoPageTellsOfAHolder(t *testing.T) {
	t.Parallel()
	s, url := withScreen(t)
	d := s.start()
	claims := d.claims()
	code := d.mint(claims)
	d.scan(code)
	d.waitFor(1, kind(journal.Passage))
	d.scan(code) // again: held to the glass, or already used
	holder, certificate := string(claims.Holder), string(claims.Certificate)
	var found bool
	for _, r := range d.records() { // on the socket, which is the gate's group's, they are
		found = found || string(r.Holder) == holder && string(r.Certificate) == certificate
	}
	if !found {
		t.Error("the journal does not have the holder: this test would see nothing")
	}
	_, text, _ := get(t, url+"/status.json")
	if !strings.Contains(text, `"recent":[{`) {
		t.Errorf("no recent records in %s", text)
	}
	_, metrics, _ := get(t, url+"/metrics")
	for _, secret := range []string{holder, certificate, hex.EncodeToString([]byte(holder)), hex.EncodeToString([]byte(certificate)), code, code[4:40]} {
		if strings.Contains(text, secret) || strings.Contains(metrics, secret) {
			t.Errorf("%q is told to everybody", secret)
		}
	}
}

// A code is worth a passage for a minute: the log does not have one, of a reading that was
// ignored neither, nor with everything logged.
func TestNoCodeIsInTheLog(t *testing.T) {
	t.Parallel()
	d := newSite(t, "").start()
	d.cmd.Process.Signal(unix.SIGUSR1)
	d.until("debug", func() bool { return strings.Contains(d.log.String(), `msg="debug log" on=true`) })
	code := d.code()
	d.scan(code)
	d.waitFor(1, decided("granted", "ok"))
	d.scan(code) // held to the glass
	d.until("ignored", func() bool { return strings.Contains(d.log.String(), "reading ignored") })
	if err := d.client().Sim(t.Context(), "emergency", true); err != nil {
		t.Fatal(err)
	}
	d.waitFor(1, kind(journal.EmergencyBegin))
	other := d.code()
	d.scan(other)
	d.until("ignored in an emergency", func() bool { return d.status().Counts.Dropped["emergency"] == 1 })
	for _, c := range []string{code, other} {
		if text := d.log.String(); strings.Contains(text, c[4:40]) || strings.Contains(text, "RG1:") {
			t.Errorf("a code is in the log:\n%s", text)
		}
	}
}
