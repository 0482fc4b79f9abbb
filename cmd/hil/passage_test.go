package main

import (
	"testing"
	"time"
)

// From power-on to a passage: a code by the USB scanner, the relay's pin, somebody who crosses.
func TestPassage(t *testing.T) {
	g := newGate(t, wired)
	g.start()
	shown := time.Now()
	code, certificate, _ := g.opens()
	up, down := g.pulsed(shown)
	if g.level(t, relayPin) {
		t.Error("the relay's pin is high after its pulse")
	}
	if width := down.at.Sub(up.at); width > pulse+time.Second || width < pulse/2 {
		t.Errorf("the pulse took %v; want %v (how exactly, TestPulseNeverOutlastsItsLength tells)", width, pulse)
	}
	g.walks(100 * time.Millisecond)
	time.Sleep(3500 * time.Millisecond) // past what is one code held to the glass
	g.isSpent(code, certificate)
	t.Logf("shown → relay %v, pulse %v, certificate %s\n%s", up.at.Sub(shown), down.at.Sub(up.at), certificate, &g.pins)
}
