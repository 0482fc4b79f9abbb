package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// The faults of docs/security.md, "When the clock is wrong", with the guest's real clock.

// demanding is a gate whose clock must be vouched for.
var demanding = strings.Replace(wired, "require_sync = false", "require_sync = true", 1)

// The guest's clock is set, and its kernel is told that it is synchronised, as a lying
// time daemon does.
func TestClockIsSet(t *testing.T) {
	longWait(t)
	g := newGate(t, demanding)
	vouch := func(ahead time.Duration) {
		g.story.tell("hand", "sets the guest's clock %v ahead, and vouches for it", ahead)
		g.ask("Vouch", time.Now().Add(ahead), new(struct{}))
	}
	var code, certificate string // of somebody who has passed

	g.step("boot in 1970", func(t *testing.T) {
		g.ask("Time", time.Unix(3600, 0), new(struct{})) // the kernel takes none before its boot
		g.launch()
		g.until("closed for its clock", func() bool {
			return strings.Contains(g.said(), "msg=ready") && slices.ContainsFunc(g.status().Causes, func(c control.Cause) bool { return c.Cause == control.ClockNotSynchronised })
		})
		vouch(0)
		g.right()
		code, certificate = g.passes()
	})
	g.step("+8 h for a minute", func(t *testing.T) {
		began := time.Now()
		vouch(8 * time.Hour)
		g.stepped()
		g.passes() // by holdover
		time.Sleep(time.Until(began.Add(50 * time.Second)))
		g.stepped()
		vouch(0)
		g.right()
		g.isSpent(code, certificate)
	})
	g.step("+1 year for 3 s, then a restart", func(t *testing.T) {
		vouch(365 * 24 * time.Hour)
		g.stepped()
		time.Sleep(3 * time.Second)
		vouch(0)
		g.right()
		g.signal(unix.SIGKILL)
		g.ended()
		g.start()
		g.right()
		g.isSpent(code, certificate)
	})
	g.step("-90 s while running", func(t *testing.T) {
		vouch(-90 * time.Second)
		g.stepped()
		g.passes() // and so says that the new time is wrong
		g.until("disputed", func() bool { return g.status().Clock.Disputed })
		time.Sleep(70 * time.Second)
		if c := g.status().Clock; !c.Disputed || !c.Trusted || !g.near(c.Time) {
			t.Errorf("after a minute: %+v; want the old time, which passengers confirm", c)
		}
		g.passes()
		vouch(0)
		g.right()
	})
	g.step("a year back, by hand", func(t *testing.T) {
		g.story.tell("hand", "sets the guest's clock a year back")
		g.ask("Time", time.Now().AddDate(-1, 0, 0), new(struct{}))
		g.stepped()
		time.Sleep(65 * time.Second)
		g.stepped()
		g.passes()
		vouch(0)
		g.right()
		g.isSpent(code, certificate)
	})
	g.step("the journal is whole", func(t *testing.T) {
		kinds := map[journal.Kind]int{}
		for i, r := range g.journal() {
			kinds[r.Kind]++
			if r.Seq != uint64(i+1) {
				t.Fatalf("record %d has the number %d", i+1, r.Seq)
			}
		}
		if kinds[journal.Pruned] > 0 || kinds[journal.ClockStepped] < 4 || kinds[journal.ClockDisputed] == 0 {
			t.Errorf("the journal has %v; want each jump, a dispute, and nothing pruned", kinds)
		}
	})
}

// A time server on the guest's own loopback lies to Debian's own time daemon, and the
// gate is railgated's own unit, which may not ask the kernel.
func TestClockIsLiedTo(t *testing.T) {
	longWait(t)
	g := newSystem(t, demanding, withTimesyncd)
	serve := func(ahead time.Duration) {
		g.story.tell("hand", "has the time server say %v ahead", ahead)
		g.ask("Serve", time.Now().Add(ahead), new(struct{}))
	}
	var code, certificate string
	g.step("boot in 2099", func(t *testing.T) {
		g.ask("Time", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), new(struct{}))
		g.until("closed for its clock", func() bool {
			r := g.attempt("railgate", "status", "--json")
			return strings.Contains(r.Output, control.ClockNotSynchronised)
		})
		g.story.tell("hand", "timedatectl set-ntp false")
		g.run("/bin/sh", "-c", "timedatectl set-ntp false")
		if r := g.attempt("/bin/systemctl", "is-active", "systemd-timesyncd"); r.End == "exit status 0" {
			t.Fatalf("the time daemon is %s; want it off", r.Output)
		}
		remedy := g.doctor(t, control.ClockNotSynchronised)
		serve(0)
		g.paste(t, remedy)
		g.right()
		g.cured(t, control.ClockNotSynchronised)
		code, certificate = g.passes()
	})
	g.step("+8 h for a minute", func(t *testing.T) {
		began := time.Now()
		serve(8 * time.Hour)
		g.stepped()
		g.passes()
		time.Sleep(time.Until(began.Add(40 * time.Second)))
		serve(0)
		g.right()
		g.isSpent(code, certificate)
	})
	g.step("+8 h from now on", func(t *testing.T) {
		serve(8 * time.Hour)
		g.stepped()
		g.passes()
		time.Sleep(70 * time.Second)
		if c := g.status().Clock; !c.Disputed || !g.near(c.Time) {
			t.Errorf("after a minute: %+v; want the old time, which passengers confirm", c)
		}
		g.passes()
		serve(0)
		g.right()
		g.isSpent(code, certificate)
	})
}

// withTimesyncd gives a system Debian's time daemon, whose server is the guest itself.
func withTimesyncd(t testing.TB, s *setup) {
	t.Helper()
	s.words = append(s.words, "systemd.wants=systemd-timesyncd.service")
	for _, unit := range []string{"dbus.socket", "dbus.service"} { // by which timedatectl asks
		delete(s.plain, "overlay/etc/systemd/system/"+unit)
	}
	own := t.TempDir()
	for name, text := range map[string]string{
		"etc/systemd/timesyncd.conf":        "[Time]\nNTP=127.0.0.1\nPollIntervalMinSec=16\nPollIntervalMaxSec=16\nConnectionRetrySec=1\n",
		"usr/lib/sysusers.d/hil-times.conf": "u systemd-timesync - \"time\"\n",
	} {
		path := filepath.Join(own, filepath.Base(name))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.plain["overlay/"+name] = path
	}
}

// near tells whether a time is ours, as far as a slow machine can tell.
func (g *gate) near(at time.Time) bool { return time.Since(at).Abs() < 30*time.Second }

// right waits until the gate goes by the right time and nothing is wrong with it.
func (g *gate) right() {
	g.t.Helper()
	var s control.Status
	g.until("right, and healthy", func() bool {
		s = g.status()
		return s.Health == control.Healthy && s.Clock.Trusted && !s.Clock.Stepped && g.near(s.Clock.Time)
	})
	if s.Clock.Proven.After(time.Now()) {
		g.t.Errorf("%v is proven, and has not come", s.Clock.Proven)
	}
}

// stepped waits until the gate has seen the jump, and wants it to go by the old time.
func (g *gate) stepped() {
	g.t.Helper()
	var s control.Status
	g.until("clock_stepped", func() bool { s = g.status(); return s.Clock.Stepped })
	if !s.Clock.Trusted || !g.near(s.Clock.Time) || s.Clock.Proven.After(time.Now()) || g.near(s.Clock.Wall) {
		g.t.Errorf("stepped: %+v; want the old time, and nothing proven that has not come", s.Clock)
	}
	if s.Health != control.Degraded || !strings.Contains(fmt.Sprint(s.Problems), "clock_") {
		g.t.Errorf("stepped: %s, %v; want degraded, and why", s.Health, s.Problems)
	}
}

// passes is somebody who shows a fresh code, and walks through.
func (g *gate) passes() (code, certificate string) {
	g.t.Helper()
	code, certificate, _ = g.opens()
	g.set(passagePin, true)
	time.Sleep(quiet)
	g.set(passagePin, false)
	g.until("closed again", func() bool { return g.status().Mode == "closed" })
	return code, certificate
}
