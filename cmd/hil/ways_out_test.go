package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// long is a gate whose pulse is long enough to be met in its middle.
var long = strings.Replace(wired, `pulse = "300ms"`, `pulse = "5s"`, 1)

// releasedIn waits for the relay to be released and holds it against a limit from an instant.
func (g *gate) releasedIn(from time.Time, limit time.Duration) {
	g.t.Helper()
	g.until("the relay is released", func() bool { return len(g.since(from, relayPin)) > 0 })
	c := g.since(from, relayPin)[0]
	g.t.Logf("released after %v", c.at.Sub(from).Round(time.Millisecond))
	if c.high || c.at.Sub(from) > limit || g.level(g.t, relayPin) {
		g.t.Errorf("the relay after %v: %+v, pin %v; want it released within %v", c.at.Sub(from), c, g.level(g.t, relayPin), limit)
	}
}

func TestAskedToStopReleasesTheRelay(t *testing.T) {
	g := newGate(t, long)
	g.start()
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT} {
		g.open()
		asked := time.Now()
		g.signal(s)
		g.releasedIn(asked, time.Second)
		if r := g.ended(); r.End != "exit status 0" {
			t.Errorf("after %v: %s; want exit status 0", s, r.End)
		}
		g.start()
	}
}

// What runs no code of the daemon's any more leaves the pin as it is: this controller keeps its level, like
// a Raspberry Pi's. outputs-safe releases it, which systemd runs; and so does the next start.
func TestKilledDaemonsRelayIsReleased(t *testing.T) {
	g := newGate(t, long)
	for _, s := range []unix.Signal{unix.SIGKILL} { // at SIGABRT the daemon releases it itself
		g.start()
		g.open()
		g.signal(s)
		g.ended()
		died := time.Now()
		time.Sleep(quiet)
		if !g.level(t, relayPin) {
			t.Fatalf("%v: the pin fell by itself: this board does not show the danger", s)
		}
		g.run("/bin/railgate", "outputs-safe")
		g.releasedIn(died, patience)
	}
	g.start()
	g.open()
	g.signal(unix.SIGKILL)
	g.ended()
	again := time.Now()
	g.launch()
	g.releasedIn(again, patience)
	g.serving()
	time.Sleep(quiet)
	if c := g.since(again, relayPin); len(c) != 1 {
		t.Errorf("the relay after a new start: %v; want it released, and nothing else", c)
	}
}

// A gate that refuses to start for its scanner's sake has yet made its relay inactive.
func TestRefusedStartReleasesTheRelay(t *testing.T) {
	g := newGate(t, long)
	g.start()
	g.open()
	g.signal(unix.SIGKILL)
	g.ended()
	g.unplug()
	g.until("the scanner is gone", func() bool { return !g.exists(scannerPort) })
	g.write(configPath, long+"# another, that has not worked yet", 0o644)
	again := time.Now()
	g.launch()
	if r := g.ended(); r.End != "exit status 2" || !strings.Contains(r.Output, scannerPort) {
		t.Errorf("without a scanner: %s\n%s; want exit status 2, and %s", r.End, r.Output, scannerPort)
	}
	if c := g.since(again, relayPin); len(c) != 1 || c[0].high || g.level(t, relayPin) {
		t.Errorf("the relay: %v; want it released", c)
	}
}

func TestEmergencyReleasesTheRelay(t *testing.T) {
	g := newGate(t, long)
	g.start()
	g.open()
	pulled := time.Now()
	g.set(emergencyPin, false) // the loop is cut
	g.releasedIn(pulled, time.Second)
	g.until("the emergency is shown", func() bool { return g.status().Mode == "emergency" })
	quietFrom := time.Now()
	code, _ := g.code()
	g.scan(code)
	time.Sleep(2 * quiet)
	if c := g.since(quietFrom, relayPin); len(c) > 0 {
		t.Errorf("a code in an emergency moves the relay: %v", c)
	}
	g.set(emergencyPin, true)
	g.until("the emergency is over", func() bool { return g.status().Mode == "closed" })
	time.Sleep(quiet)
	if c := g.since(quietFrom, relayPin); len(c) > 0 {
		t.Errorf("the end of the emergency moves the relay: %v", c)
	}
	g.open()
}

func TestBrokenFireLoopAtStartIsAnEmergency(t *testing.T) {
	g := newGate(t, wired)
	g.set(emergencyPin, false)
	g.launch()
	g.until("the emergency is shown", func() bool { return g.status().Mode == "emergency" })
	from := time.Now()
	code, _ := g.code()
	g.scan(code)
	time.Sleep(2 * quiet)
	if c := g.since(from, relayPin); len(c) > 0 {
		t.Errorf("a code moves the relay: %v", c)
	}
}

// A pulse keeps its length, whatever else happens: codes and the sensor, all at once. An emulated machine that its host
// does not run is late: of a dozen pulses a quarter may be, and the best of three dozens counts.
func TestPulseNeverOutlastsItsLength(t *testing.T) {
	g := newGate(t, wired)
	g.start()
	var widths []time.Duration
	for range 3 {
		widths = g.dozen(t)
		if widths[8] <= pulse+50*time.Millisecond && widths[11] <= pulse+time.Second {
			return
		}
	}
	t.Errorf("pulses took %v; want %v, and at most 50 ms more", widths, pulse)
}

// dozen has twelve people pass, each behind the other, and returns how long the relay was active for each, in order of
// length.
func (g *gate) dozen(t *testing.T) (widths []time.Duration) {
	t.Helper()
	from := time.Now()
	const people = 12
	for n := range people {
		code, _ := g.code()
		g.scan(code)
		g.until("a pulse begins", func() bool { return len(g.since(from, relayPin)) >= 2*n+1 })
		g.walks(time.Duration(20*(n+1)) * time.Millisecond)
	}
	g.until("every pulse", func() bool { return len(g.since(from, relayPin)) >= 2*people })
	c := g.since(from, relayPin)
	for i := 0; i < len(c); i += 2 {
		if len(c) != 2*people || !c[i].high || c[i+1].high {
			t.Fatalf("the relay: %v; want %d pulses", c, people)
		}
		widths = append(widths, c[i+1].at.Sub(c[i].at))
	}
	slices.Sort(widths)
	t.Logf("%d pulses of %v: %v in the middle, %v the longest", people, pulse, widths[people/2], widths[people-1])
	return widths
}
