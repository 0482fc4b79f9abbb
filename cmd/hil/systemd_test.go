package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lasting is a gate whose relay is active for two minutes after a code, if nobody walks through: so what releases it
// before is what the test did. Its scanner goes by its serial number.
var lasting = strings.NewReplacer(`pulse = "300ms"`, `pulse = "hold"`, `open_for = "10s"`, `open_for = "2m"`,
	scannerPort, "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_RG0001-if00-port0").Replace(wired)

// Every way out that systemd has a part in, in one machine, each while the relay is active.
func TestSystemd(t *testing.T) {
	t.Parallel()
	g := newSystem(t, lasting)
	g.inService()
	t.Logf("ready %s s after power-on", g.readyAfter())
	if log := g.run("/bin/journalctl", "-b", "--no-pager", "-u", "railgated"); strings.Contains(log, "permission denied") {
		t.Errorf("railgated had to wait for a device:\n%s", log)
	}
	if got := g.owner("/dev/ttyUSB0"); got != "root:dialout 660" {
		t.Errorf("/dev/ttyUSB0 is %s", got)
	}
	if links := g.run("/bin/ls", "/dev/railgate"); !strings.Contains(links, "scanner-") {
		t.Errorf("/dev/railgate has %s; want the scanner, by its socket", links)
	}

	g.step("killed", func(t *testing.T) { g.dies(t, "SIGKILL", patience, g.send(unix.SIGKILL)) })
	g.step("a panic", g.panicsUnderSystemd)
	g.step("no more memory", func(t *testing.T) {
		g.dies(t, "the kernel's OOM killer", patience, func(pid int) {
			g.write(fmt.Sprintf("/proc/%d/oom_score_adj", pid), "1000", 0o644) // else it would take another
			g.write("/proc/sysrq-trigger", "f", 0o200)
		})
		g.journalSays(t, "oom-kill")
	})
	g.step("hung, and found by systemd", func(t *testing.T) {
		const watchdog, abort = 10 * time.Second, time.Second // WatchdogSec, from the last sign of life, and TimeoutAbortSec
		g.dies(t, "SIGSTOP", watchdog+abort, g.send(unix.SIGSTOP))
		g.journalSays(t, "Watchdog timeout")
	})
	g.step("restarted", func(t *testing.T) {
		g.open()
		from := time.Now()
		g.story.tell("hand", "systemctl restart railgated")
		g.run("/bin/systemctl", "restart", "railgated")
		g.inService()
		g.releasedBefore(t, from, g.startedAt())
	})
	g.step("rebooted", func(t *testing.T) {
		code, certificate, _ := g.opens()
		g.tellJournal()
		from := time.Now()
		g.story.tell("hand", "systemctl reboot")
		g.attempt("/bin/systemctl", "--no-block", "reboot")
		g.until("the relay is released", func() bool { return len(g.since(from, relayPin)) > 0 })
		if g.happened("RESET") > 0 {
			t.Error("the relay was released by the reset, and not before")
		}
		g.comesBackClosed(t, from, code, certificate)
	})
	g.step("the whole machine hung, and reset by its watchdog", func(t *testing.T) {
		code, certificate, _ := g.opens()
		g.tellJournal()
		from := time.Now()
		g.story.tell("hand", "echo c > /proc/sysrq-trigger")
		g.write("/proc/sys/kernel/panic", "0", 0o644)
		g.guest.Go("Guest.Write", File{"/proc/sysrq-trigger", []byte("c"), 0o200}, new(struct{}), nil)
		g.until("the watchdog", func() bool { return g.happened("WATCHDOG") > 0 })
		g.comesBackClosed(t, from, code, certificate)
	})
	g.remedies()
	g.step("the chip's group by udev's rule", func(t *testing.T) {
		g.run("/bin/chown", "root:root", "/dev/gpiochip0")
		g.run("/bin/udevadm", "trigger", "--settle", "--action=add", "--subsystem-match=gpio")
		if got := g.owner("/dev/gpiochip0"); got != "root:gpio 660" {
			t.Errorf("/dev/gpiochip0 is %s", got)
		}
	})
}

// owner is a device's owner, group and mode.
func (g *gate) owner(path string) string {
	g.t.Helper()
	return strings.TrimSpace(g.run("/usr/bin/stat", "-c", "%U:%G %a", path))
}

// send sends a signal to a process.
func (g *gate) send(s unix.Signal) func(pid int) {
	return func(pid int) { g.ask("Kill", Signal{PID: pid, Number: int(s)}, new(struct{})) }
}

// journalSays wants a word of systemd's about railgated.
func (g *gate) journalSays(t *testing.T, word string) {
	t.Helper()
	if log := g.run("/bin/journalctl", "-b", "--no-pager", "-u", "railgated"); !strings.Contains(log, word) {
		t.Errorf("the journal has no %q:\n%s", word, log)
	}
}

// dies ends railgated while the relay is active: ExecStopPost releases it, within a second of the death, which comes
// within a limit. On a machine that others load an emulated second is a long one, and not always of one length: the
// best of three tries counts, against the longest second. That the next railgated did not do it is to be so each time.
func (g *gate) dies(t *testing.T, how string, within time.Duration, kill func(pid int)) {
	t.Helper()
	best, limit := patience, time.Second
	for range 3 {
		pid := g.mainPID()
		g.open()
		from := time.Now()
		g.story.tell("hand", "ends railgated: %s", how)
		kill(pid)
		g.until("its end", func() bool { return g.dead(pid) })
		died := time.Now()
		g.inService()
		released := g.releasedBefore(t, from, g.startedAt())
		late := max(released.Sub(died), died.Sub(from)-within)
		best, limit = min(best, late), max(limit, g.second())
		t.Logf("%s: dead after %v, released %v later, a second is %v", how, ms(died.Sub(from)), ms(released.Sub(died)), ms(limit))
		if best < time.Second {
			return
		}
	}
	if best < limit {
		t.Logf("%s: over a second on a machine that is as slow", how)
		return
	}
	t.Errorf("released %v after the death, or after the %v in which it must come, at best; want %v at most", ms(best), within, ms(limit))
}

// releasedBefore is when the relay was released after an instant: once, and before another.
func (g *gate) releasedBefore(t *testing.T, from, before time.Time) time.Time {
	t.Helper()
	c := g.since(from, relayPin)
	if len(c) != 1 || c[0].high || g.level(t, relayPin) {
		t.Fatalf("the relay: %v; want it released, and nothing else", c)
	}
	if !c[0].at.Before(before) {
		t.Errorf("released %v after the next railgated was started; want it released before", ms(c[0].at.Sub(before)))
	}
	return c[0].at
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// comesBackClosed waits for a machine that boots again: its relay is inactive and was so all the time, the code that
// opened before is in the journal, and is denied because it was used, not because it is old.
func (g *gate) comesBackClosed(t *testing.T, from time.Time, code, certificate string) {
	t.Helper()
	g.until("the reset", func() bool { return g.happened("RESET") > 0 })
	g.set(emergencyPin, true) // the controller has forgotten what its inputs are wired to
	g.again()
	g.inService()
	g.neverActive(t, from)
	g.isSpent(code, certificate)
	g.neverActive(t, from)
	g.open()
	passed := time.Now()
	g.set(passagePin, true)
	g.until("the relay is released", func() bool { return len(g.since(passed, relayPin)) > 0 })
	g.set(passagePin, false)
	g.until("closed", func() bool { return g.status().Mode == "closed" })
	g.forget()
}

// neverActive wants the relay inactive, and no activation of it since an instant.
func (g *gate) neverActive(t *testing.T, from time.Time) {
	t.Helper()
	up := slices.IndexFunc(g.since(from, relayPin), func(c change) bool { return c.high })
	if up >= 0 || g.level(t, relayPin) {
		t.Errorf("the relay: %v; want it inactive since the boot began", g.since(from, relayPin))
	}
}
