package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// goroutines are all of the wired gate's that run code of ours, by the name that the log gives them, with the loop
// that is on their stacks. TestPanicInEachGoroutine holds the list against the daemon's own.
var goroutines = []struct{ name, loop string }{
	{"main", "main.(*gate).wait("},
	{"lane", "main.(*runner).Run("},
	{"ready", "main.(*gate).sayReady("},
	{"store", "store.(*Store).Run("},
	{"clock", "clock.(*Clock).Run("},
	{"keyset", "keyring.(*Ring).Run("},
	{"revocations", "main.(*revocations).Run("},
	{"panel", "panel.(*Panel).Run("},
	{"control", "main.(*server).Run("},
	{"scanner front", "scanner.(*Serial).Run("},
	{"scanner above", "scanner.(*Camera).Run("},
	{"turnstile", "turnstile.(*Controller).Run("},
	{"passage input", "turnstile.(*gpioInput).watch("},
	{"emergency input", "turnstile.(*gpioInput).watch("},
	{"http", "main.web.Run("},
	{"watchdog", "main.(*watchdog).Run("},
}

// faultPath is the file that names the goroutine to panic.
const faultPath = "/run/fault"

// held is a gate with everything that a gate can have, whose relay stays active for a minute: nothing but a
// release ends it in the test's time, however slow the machine.
var held = strings.NewReplacer(`pulse = "300ms"`, `pulse = "hold"`, `open_for = "10s"`, `open_for = "60s"`, "[turnstile]", `[[scanner]]
name = "above"
driver = "camera"
frames = "/tmp/frames"
fps = 4.0
[turnstile]`, "[clock]", `[http]
listen = "127.0.0.1:8080"
[clock]`).Replace(wired)

// launchAs starts a build of railgated as systemd would, with a watchdog, and waits until it is in service.
func (g *gate) launchAs(program string) {
	g.t.Helper()
	g.launchProgram(Command{Args: []string{program}, Env: []string{"RAILGATED_FAULT=" + faultPath, "WATCHDOG_USEC=3000000"}})
	g.serving()
	g.until("its serial scanner is ready", func() bool { return strings.Contains(g.said(), "scanner is ready") })
}

// A real panic in each goroutine, on its own stack, in the middle of its loop, while the relay is active. Nothing
// runs outputs-safe here, and this board's pins keep their levels: what releases the relay is the dying process.
func TestPanicInEachGoroutine(t *testing.T) {
	g := newGate(t, held, func(s *setup) {
		s.files["bin/railgated-faults"] = filepath.Join(folder(t), "bin/railgated-faults")
		s.memory = 384 // two railgated, in memory
	})
	g.write("/tmp/frames/none", "", 0o644)
	g.launchAs("/bin/railgated")
	g.signal(unix.SIGQUIT)
	g.ended()
	g.holdAgainst(g.said())
	for _, r := range goroutines {
		g.step(r.name, func(t *testing.T) { g.panics(t, r.name, r.loop) })
	}
	g.step("a request", g.livesOn)
}

// holdAgainst compares the list of goroutines with a dump of the daemon's.
func (g *gate) holdAgainst(dump string) {
	g.t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for _, r := range goroutines {
		want[r.loop]++
	}
	for _, block := range strings.Split(dump, "\n\n") {
		guarded := strings.Contains(block, ".(*gate).spawn.func") || strings.Contains(block, ".(*Controller).start.func") || strings.Contains(block, "\nmain.main(")
		if !strings.HasPrefix(block, "goroutine ") || !guarded {
			continue
		}
		loop := block
		for l := range want {
			if strings.Contains(block, l) {
				loop = l
			}
		}
		got[loop]++
	}
	if !maps.Equal(got, want) {
		g.t.Errorf("the daemon's goroutines, by their loops: %v; want %v\n%s", got, want, dump)
	}
}

// panics has a goroutine panic in an opening: the relay is released, and the log says by whose panic and where.
func (g *gate) panics(t *testing.T, name, loop string) {
	g.write(faultPath, "", 0o644)
	g.launchAs("/bin/railgated-faults")
	up := g.open()
	g.story.tell("hand", "asks for a panic in %s", name)
	g.write(faultPath, name, 0o644)
	if name == "main" {
		g.signal(unix.SIGUSR1) // it turns when a signal comes
	}
	r := g.ended()
	g.until("the relay is released", func() bool { return len(g.since(up.at, relayPin)) > 0 })
	c := g.since(up.at, relayPin)
	after := c[0].at.Sub(g.panicked(r.Output, name))
	t.Logf("active for %v; released %v after the panic", c[0].at.Sub(up.at).Round(time.Millisecond), after.Round(time.Millisecond))
	if len(c) != 1 || c[0].high || after > time.Second || g.level(t, relayPin) {
		t.Errorf("the relay %v after the panic: %v; want it released within a second, for good", after, c)
	}
	_, stack, _ := strings.Cut(r.Output, "[running]:")
	if r.End != "exit status 2" || !strings.Contains(stack, loop) || !strings.Contains(r.Output, " goroutine="+quoted(name)+" panic=") {
		t.Errorf("%s; want exit status 2, a word about %q, and %s on its stack:\n%s", r.End, name, loop, r.Output)
	}
}

// panicked is when the panic was that a log tells of.
func (g *gate) panicked(log, name string) time.Time {
	g.t.Helper()
	_, stamp, _ := strings.Cut(log, "panic: fault in "+name+" at ")
	var nanos int64
	if _, err := fmt.Sscan(stamp, &nanos); err != nil {
		g.t.Fatalf("the log has no panic in %s:\n%s", name, log)
	}
	return time.Unix(0, nanos).Add(-g.story.ahead)
}

// quoted is a value as slog writes it.
func quoted(s string) string {
	if strings.Contains(s, " ") {
		return `"` + s + `"`
	}
	return s
}

// livesOn has a request of railgate status panic: the caller has no answer, and nothing else has changed.
func (g *gate) livesOn(t *testing.T) {
	g.write(faultPath, "", 0o644)
	g.launchAs("/bin/railgated-faults")
	up := g.open()
	g.write(faultPath, "request", 0o644)
	if r := g.attempt("/bin/railgate", "status"); r.End == "exit status 0" {
		t.Errorf("a request that panicked was answered: %s", r.Output)
	}
	g.write(faultPath, "", 0o644)
	if mode := g.status().Mode; mode != "granted" {
		t.Errorf("the lane is %s; want granted, as before", mode)
	}
	if log := g.said(); !strings.Contains(log, "fault in request") || !strings.Contains(log, "main.(*server).serve.faultyHandler") {
		t.Errorf("the log has no panic with its stack:\n%s", log)
	}
	if c := g.since(up.at, relayPin); len(c) > 0 {
		t.Errorf("the relay: %v; want it as it was", c)
	}
	g.signal(unix.SIGTERM)
	g.ended()
}

// systemFault is where the unit may read.
const systemFault = "/run/railgate/fault"

// panicsUnderSystemd is a real panic of the lane in the middle of a pulse: the process releases the relay before it
// dies, the journal has the stack, and systemd restarts the gate. The unit is as delivered; its program is, for one
// start, the other build.
func (g *gate) panicsUnderSystemd(t *testing.T) {
	g.run("/bin/systemctl", "set-environment", "RAILGATED_FAULT="+systemFault)
	g.run("/bin/mount", "--bind", "/usr/bin/railgated-faults", "/usr/bin/railgated")
	g.run("/bin/systemctl", "restart", "railgated")
	g.run("/bin/umount", "--lazy", "/usr/bin/railgated")
	g.inService()
	pid := g.mainPID()
	up := g.open()
	g.write(systemFault, "lane", 0o644)
	g.until("its end", func() bool { return g.dead(pid) })
	g.write(systemFault, "", 0o644)
	g.until("the relay is released", func() bool { return len(g.since(up.at, relayPin)) > 0 })
	c := g.since(up.at, relayPin)
	g.inService()
	log := g.run("/bin/journalctl", "-b", "--no-pager", "-o", "cat", "-u", "railgated")
	after := c[0].at.Sub(g.panicked(log, "lane"))
	t.Logf("active for %v; released %v after the panic", c[0].at.Sub(up.at).Round(time.Millisecond), after.Round(time.Millisecond))
	if len(c) != 1 || c[0].high || after < -quiet || after > g.second() { // two clocks are compared
		t.Errorf("the relay %v after the panic: %v; want it released within a second", after, c)
	}
	if !strings.Contains(log, "goroutine=lane panic=") || !strings.Contains(log, "main.(*runner).Run(") {
		t.Errorf("the journal does not say whose panic it was, and where:\n%s", log)
	}
}

// What panics on demand is in the build for these tests, and not in the one for devices.
func TestShippedProgramHasNoFaults(t *testing.T) {
	for name, want := range map[string]bool{"railgated": false, "railgated-faults": true} {
		program, err := os.ReadFile(filepath.Join(folder(t), "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"RAILGATED_FAULT", "fault in %s at %d", "main.fault"} {
			if got := bytes.Contains(program, []byte(word)); got != want {
				t.Errorf("%s has %q: %v; want %v", name, word, got, want)
			}
		}
	}
}
