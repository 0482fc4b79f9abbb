package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
)

// The doctor beside a gate that runs: the daemon's causes and its own, each with a command
// that ends it.
func TestDoctorOfAGateThatRuns(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.mkdir("tools", 0o755)
	w.start()
	w.write("good.json", w.keyset(2, month, w.signers[0]))
	for _, tt := range []struct {
		cause  string
		damage func()
		remedy string // in place of the doctor's, where a person's hand mends it; KEYS.JSON is the good keyset
	}{
		{control.EmergencyActive, func() { w.tool("sim", "emergency", "1") }, "railgate sim emergency 0 --config " + w.path("gate.toml")},
		{control.KeysetInvalid, func() { w.write("keys.json", "garbage") }, ""},
		{control.KeysetMissing, func() { w.remove("keys.json") }, ""},
		{control.KeysetForeign, func() { w.write("keys.json", w.keyset(3, month, w.signer("else"))) }, ""},
		{control.KeysetExpired, func() { w.write("keys.json", w.keyset(4, -time.Hour, w.signers[0])) }, ""},
		{control.KeysetEndsSoon, func() { w.write("keys.json", w.keyset(5, time.Minute, w.signers[0])) }, ""},
	} {
		tt.damage()
		var f finding
		w.until(tt.cause+" is found", func() bool {
			s := w.status()
			var ok bool
			f, ok = find(w.examine(), tt.cause)
			if s.Blinks != control.BlinkFor(s.Causes).Times || s.Light {
				t.Errorf("%s: %d blinks, light %v; want those of %v, and no light", tt.cause, s.Blinks, s.Light, s.Causes)
			}
			return ok && s.Health == control.Degraded // and the daemon has seen it too
		})
		if status, _, errOut := w.tool("doctor"); status != exitDegraded {
			t.Errorf("%s: doctor's status %d, %s; want 1, for the lane works", tt.cause, status, errOut)
		}
		remedy := tt.remedy
		if remedy == "" {
			remedy = strings.Replace(f.Fix, "KEYS.JSON", w.path("good.json"), 1)
		}
		if err := w.paste(remedy); err != nil {
			t.Fatalf("%s: %v", remedy, err)
		}
		w.until(tt.cause+" is gone", func() bool {
			_, there := find(w.examine(), tt.cause)
			return !there && w.status().Health == control.Healthy
		})
	}
}

func (s *site) status() *control.Status {
	s.t.Helper()
	st, err := control.NewClient(s.path("data")).Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// The exit statuses of railgated itself.
func TestExitStatusesOfRailgated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("bad.toml", "nonsense = 1\n")
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	s.write("second.toml", strings.Replace(s.read("gate.toml"), s.path("trace.ndjson"), s.path("trace2.ndjson"), 1))
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"--check", "--config", s.path("gate.toml")}, 0},
		{[]string{"--config", s.path("second.toml")}, 1}, // the data folder is the first one's
		{[]string{"--check", "--config", s.path("bad.toml")}, 2},
		{[]string{"--config", s.path("bad.toml")}, 2},
		{[]string{"--nonsense"}, 2},
	} {
		c := exec.Command(filepath.Join(bin, "railgated"), tt.args...)
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != tt.want {
			t.Errorf("railgated %v: status %d, %s; want %d", tt.args, c.ProcessState.ExitCode(), out, tt.want)
		}
	}
}
