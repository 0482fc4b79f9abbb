package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
)

func TestServiceSaysWhatAndUntilWhen(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(10 * time.Minute).Round(time.Second)
	var asked []string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /service", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.FormValue("mode")+": "+r.FormValue("why"))
		a := control.Service{Service: r.FormValue("mode")}
		if a.Service != "none" {
			a.Until = &until
		}
		if a.Service == "diagnosis" {
			a.OutOfService = []string{"scanner: unplugged"}
		}
		json.NewEncoder(w).Encode(a)
	})
	dir := t.TempDir()
	serveControl(t, dir, mux)
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"free"}, exitUsage, ""},
		{[]string{"free", "--why", " \t"}, exitUsage, ""},
		{[]string{"free", "--why", "sensor broken"}, 0, "free passage until " + until.In(zoneOf("")).Format(time.TimeOnly) + ", "},
		{[]string{"closed"}, 0, "closed by staff until " + until.In(zoneOf("")).Format(time.TimeOnly)},
		{[]string{"diagnosis"}, 0, "diagnosis on the screen until " + until.In(zoneOf("")).Format(time.TimeOnly) + ", "},
		{[]string{"none"}, 0, "the lane is given back\n"},
	} {
		status, out, errOut := tool(t, "", append([]string{"service", "--data", dir}, tt.args...)...)
		if status != tt.status || !strings.HasPrefix(out, tt.want) || status == exitUsage && !strings.Contains(errOut, "--why") {
			t.Errorf("service %v: status %d, %q, %q; want %d, %q", tt.args, status, out, errOut, tt.status, tt.want)
		}
	}
	if want := "free: sensor broken closed:  diagnosis:  none: "; strings.Join(asked, " ") != want {
		t.Errorf("asked %q; want %q", strings.Join(asked, " "), want)
	}
}

func TestTakenOverSaysHowLongAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.Local)
	until := now.Add(10*time.Minute - 400*time.Millisecond)
	s := control.Service{Service: "diagnosis", Until: &until, OutOfService: []string{"scanner: unplugged"}}
	if got, want := takenOver(&s, now), "diagnosis on the screen until 04:09:59, 10m0s left; the lane is out of service: scanner: unplugged"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
}

func TestStatusSaysSinceWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	slow, full := control.NewCause(control.DiskSlow, "the disk is slow"), control.NewCause(control.DiskLow, "the disk is nearly full")
	slow.Since, full.Since, full.Unsure = now.Add(-90*time.Second), now.Add(-50*time.Hour), true
	dir := fakeDaemon(t, control.Status{
		Health: control.Degraded, Clock: control.Clock{Time: now}, Problems: []string{slow.Why, full.Why, "something"}, Causes: []control.Cause{slow, full},
	})
	for _, command := range []string{"status", "doctor"} {
		_, out, _ := tool(t, "", command, "--data", dir)
		for _, want := range []string{
			"  since " + slow.Since.In(zoneOf("")).Format(time.TimeOnly) + ", for 1m30s\n",
			"  since " + full.Since.In(zoneOf("")).Format(time.DateTime) + ", for 50h0m0s (by a clock that is not trusted)\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q; want %q in it", command, out, want)
			}
		}
	}
}

func TestStatusShowsATakeoverAndRemedies(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	until := now.Add(9 * time.Minute)
	dir := fakeDaemon(t, control.Status{
		Health: control.Degraded, Mode: "service", Service: "free", ServiceUntil: &until, Clock: control.Clock{Time: now},
		Keyset:   control.Keyset{Loaded: true, Version: 7, Issuers: []string{"rail"}, KeyIDs: []string{"6b31", "6b32"}, Expires: until},
		Problems: []string{"the passage sensor is blocked"}, Causes: []control.Cause{control.NewCause(control.DataMissing, "the passage sensor is blocked")},
	})
	_, out, _ := tool(t, "", "status", "--data", dir)
	for _, want := range []string{"free passage until " + until.In(zoneOf("")).Format(time.TimeOnly) + ", 9m0s left", "→ install -d ", "version 7, issuer rail", "keys 6b31, 6b32", "the last key ends " + until.In(zoneOf("")).Format(time.DateTime)} {
		if !strings.Contains(out, want) {
			t.Errorf("status: %q; want %q in it", out, want)
		}
	}
}

func TestStatusSaysWhatTheServiceLightDoes(t *testing.T) {
	t.Parallel()
	s := control.Status{Health: control.Degraded, Causes: []control.Cause{control.NewCause(control.ClockSuspect, "seen")}, Blinks: 3, Light: true}
	if _, out, _ := tool(t, "", "status", "--data", fakeDaemon(t, s)); !strings.Contains(out, "3 blinks: the clock") {
		t.Errorf("status lacks the light:\n%s", out)
	}
	s.Light = false
	if _, out, _ := tool(t, "", "status", "--data", fakeDaemon(t, s)); strings.Contains(out, "blink") {
		t.Errorf("there is no light:\n%s", out)
	}
	if status, out, _ := tool(t, "", "help", "blink-codes"); status != 0 || !strings.Contains(out, "7 blinks: the fire loop is open") {
		t.Errorf("help: %d\n%s", status, out)
	}
}
