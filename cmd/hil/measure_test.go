package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What docs/performance.md says of the emulated gate. Nothing is asserted: an emulated processor's times are no
// board's.
func TestMeasure(t *testing.T) {
	on := time.Now()
	g := newGate(t, strings.Replace(wired, `pulse = "300ms"`, `pulse = "50ms"`, 1))
	booted := time.Now()
	pid := g.launch()
	g.serving()
	t.Logf("agent after %v, ready %v after its start", booted.Sub(on).Round(10*time.Millisecond), time.Since(booted).Round(10*time.Millisecond))
	var latencies []time.Duration
	for range 40 {
		shown := time.Now()
		latencies = append(latencies, g.open().at.Sub(shown))
		g.until("the pulse's end", func() bool { return len(g.since(shown, relayPin)) >= 2 })
		g.walks(30 * time.Millisecond)
		time.Sleep(60 * time.Millisecond)
	}
	first := latencies[0]
	slices.Sort(latencies)
	n := len(latencies)
	t.Logf("code written to the USB adapter → pin: first %v, median %v, 9 of 10 under %v, longest %v", first, latencies[n/2], latencies[n*9/10], latencies[n-1])
	for line := range strings.Lines(g.read(fmt.Sprintf("/proc/%d/status", pid))) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
