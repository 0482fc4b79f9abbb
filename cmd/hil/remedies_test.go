package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"railgate/cmd/control"
)

// This file does what a technician does: runs railgate doctor, pastes the command that it prints, and looks again.

// remedies are the causes that need a real systemd, one after the other.
func (g *gate) remedies() {
	g.t.Helper()
	const good = configPath + ".good"
	g.step("railgated is stopped", func(t *testing.T) {
		const link = "/etc/systemd/system/multi-user.target.wants/railgated.service"
		if g.run("/bin/systemctl", "disable", "--now", "railgated"); g.exists(link) {
			t.Fatal("it is still enabled")
		}
		g.paste(t, g.doctor(t, control.DaemonStopped))
		g.inService()
		g.cured(t, control.DaemonStopped)
		if !g.exists(link) {
			t.Error("railgated is not started at the next boot")
		}
	})
	g.step("railgated fails at each start", func(t *testing.T) {
		g.write(good, g.config, 0o644)
		g.write("/usr/bin/editor", "#!/bin/sh\ncp "+good+" \"$2\"\n", 0o755) // the technician's hand
		g.write(configPath, g.config+"nonsense = 1\n", 0o644)
		g.attempt("/bin/systemctl", "restart", "railgated")
		failed := g.doctor(t, control.DaemonFailed)
		if !strings.Contains(failed.Why, "exit-code, exit status 2") || !strings.Contains(failed.Why, "nonsense") {
			t.Errorf("%s; want how it ended, and its last words", failed.Why)
		}
		g.paste(t, g.doctor(t, control.ConfigInvalid))
		g.paste(t, failed)
		g.inService()
		g.cured(t, control.ConfigInvalid, control.DaemonFailed)
	})
	g.step("its user is not in the scanner's group", func(t *testing.T) {
		g.run("/bin/sh", "-c", "gpasswd -d railgate dialout && systemctl restart railgated")
		remedy := g.doctor(t, control.UserNotInGroup)
		if want := "usermod -a -G dialout railgate && systemctl restart railgated"; remedy.Remedy != want {
			t.Errorf("%q; want %q", remedy.Remedy, want)
		}
		g.paste(t, remedy)
		g.inService()
		g.cured(t, control.UserNotInGroup, control.ScannerDown)
	})
	g.step("its user is gone", func(t *testing.T) {
		g.run("/bin/sh", "-c", "systemctl stop railgated && userdel railgate")
		g.attempt("/bin/systemctl", "--no-block", "start", "railgated")
		g.paste(t, g.doctor(t, control.UserMissing))
		g.inService()
		g.cured(t, control.UserMissing)
	})
}

// causes are what railgate doctor finds.
func (g *gate) causes(t *testing.T) []control.Cause {
	t.Helper()
	var report struct{ Causes []control.Cause }
	if r := g.attempt("/bin/sh", "-c", "railgate doctor --json"); json.Unmarshal([]byte(r.Output), &report) != nil {
		t.Fatalf("doctor: %s, %s", r.End, r.Output)
	}
	return report.Causes
}

// doctor waits until railgate doctor finds a cause.
func (g *gate) doctor(t *testing.T, cause string) (found control.Cause) {
	t.Helper()
	g.until("the doctor finds "+cause, func() bool {
		causes := g.causes(t)
		i := slices.IndexFunc(causes, func(c control.Cause) bool { return c.Cause == cause })
		if i >= 0 {
			found = causes[i]
		}
		return i >= 0
	})
	return found
}

// paste runs a cause's command as it was printed.
func (g *gate) paste(t *testing.T, c control.Cause) {
	t.Helper()
	g.story.tell("hand", "%s", c.Remedy)
	if r := g.attempt("/bin/sh", "-c", c.Remedy); r.End != "exit status 0" {
		t.Fatalf("%s: %s: %s\n%s", c.Cause, c.Remedy, r.End, r.Output)
	}
}

// cured wants causes gone.
func (g *gate) cured(t *testing.T, gone ...string) {
	t.Helper()
	for _, c := range g.causes(t) {
		if slices.Contains(gone, c.Cause) {
			t.Errorf("%s is still there: %s", c.Cause, c.Why)
		}
	}
}
