package main

import (
	"strings"
	"testing"
	"time"
)

// From power-on to a passage: a code by the USB scanner, the relay's pin, somebody who crosses.
func TestPassage(t *testing.T) {
	g := newGate(t, wired)
	g.start()
	code, certificate := g.code()
	shown := time.Now()
	g.scan(code)
	up, down := g.pulsed(shown)
	if g.level(t, relayPin) {
		t.Error("the relay's pin is high after its pulse")
	}
	if width := down.at.Sub(up.at); width > pulse+time.Second || width < pulse-50*time.Millisecond {
		t.Errorf("the pulse took %v; want %v (how exactly, TestPulseNeverOutlastsItsLength tells)", width, pulse)
	}
	g.set(passagePin, true)
	time.Sleep(100 * time.Millisecond)
	g.set(passagePin, false)
	g.until("a passage", func() bool { return strings.Contains(g.said(), "msg=passage") })

	again := time.Now()
	time.Sleep(3500 * time.Millisecond) // past what is one code held to the glass
	g.scan(code)
	g.until("the red light", func() bool { return len(g.since(again, redPin)) > 0 })
	time.Sleep(quiet)
	if c := g.since(again, relayPin); len(c) > 0 {
		t.Errorf("the same code again moves the relay: %v", c)
	}
	for _, r := range g.journal() {
		if r.Decision == "granted" && r.Time.After(up.at.Add(time.Second)) {
			t.Errorf("granted at %v, long after the relay moved", r.Time)
		}
	}
	t.Logf("shown → relay %v, pulse %v, certificate %s\n%s", up.at.Sub(shown), down.at.Sub(up.at), certificate, &g.pins)
}
