package main

import (
	"strings"
	"testing"

	"railgate/store/update"
)

const (
	trialMark  = update.Folder + "/" + update.MarkName
	trialBegan = "/run/trial-began"
)

// The units of a trial, by Debian's systemd: railgated hangs at its start, deaf to SIGTERM, and so does the trial's own program. The trial begins once
// systemd has given railgated's start up, ends when its time is over, and the gate restarts once; not in the slot from before, which is not bad. The
// units' own times are minutes: here they are seconds.
func TestATrialOfWhichEveryProgramHangs(t *testing.T) {
	g := newSystem(t, wired, func(_ testing.TB, s *setup) {
		for _, name := range []string{"railgate-trial.service", "railgate-trial-failed.service"} {
			s.plain["overlay/usr/lib/systemd/system/"+name] = "../../systemd/" + name
		}
		s.words = append(s.words, "rauc.slot=B")
	})
	g.inService()
	g.write("/etc/rauc/system.conf", "[system]\n", 0o644)
	g.write("/usr/bin/rauc", "#!/bin/sh\necho \"$*\" >>/var/rauc-was-asked\n", 0o755)
	g.write("/run/systemd/system/railgated.service.d/hangs.conf", "[Service]\nExecStart=\nExecStart=/bin/sh -c 'trap \"\" TERM; exec sleep infinity'\nTimeoutStartSec=2\nTimeoutStopSec=2\n", 0o644)
	g.write("/run/systemd/system/railgate-trial.service.d/hangs.conf", "[Service]\nExecStart=\nExecStart=/bin/sh -c 'touch "+trialBegan+"; exec sleep infinity'\nRuntimeMaxSec=2\n", 0o644)
	g.run("/bin/systemctl", "daemon-reload")
	g.run("/bin/systemctl", "stop", "railgated")
	starts := func() {
		g.run("/bin/systemctl", "reset-failed")
		g.run("/bin/systemctl", "start", "--no-block", "railgated.service", "railgate-trial.service")
		g.until("the trial's beginning", func() bool { return g.exists(trialBegan) })
	}
	g.step("in the slot from before", func(t *testing.T) {
		g.write(trialMark, "9.0.0\nslot=A\n", 0o644)
		starts()
		g.until("the end of a trial that could not be held", func() bool {
			if g.happened("RESET") > 0 {
				t.Fatal("the gate restarts out of the slot from before")
			}
			return strings.TrimSpace(g.attempt("/bin/systemctl", "is-failed", "railgate-trial-failed").Output) == "failed"
		})
		if !g.exists(trialMark) || g.exists("/var/rauc-was-asked") || g.happened("RESET") > 0 {
			t.Errorf("the mark is there: %v; RAUC was asked: %v; resets: %d; want the slot left alone", g.exists(trialMark), g.exists("/var/rauc-was-asked"), g.happened("RESET"))
		}
		g.run("/bin/systemctl", "stop", "railgated", "railgate-trial")
		g.run("/bin/rm", trialBegan)
	})
	g.step("in the release's", func(t *testing.T) {
		g.write(trialMark, "9.0.0\nslot=B\n", 0o644)
		starts()
		g.until("the restart", func() bool { return g.happened("RESET") > 0 })
		g.set(emergencyPin, true) // the controller has forgotten what its inputs are wired to
		g.again()
		if got := g.read("/var/rauc-was-asked"); got != "status mark-bad booted\n" || g.exists(trialMark) {
			t.Errorf("RAUC was asked %q, and the mark is there: %v; want the slot marked bad, and no mark", got, g.exists(trialMark))
		}
		g.inService() // what made it hang was in memory
	})
}
