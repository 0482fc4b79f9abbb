package main

import (
	"strings"
	"testing"
	"time"
)

// The scanner is pulled out in the middle of a code, and plugged in again: the half opens nothing, the gate
// says that it is closed and why, and works again by itself.
func TestScannerIsUnpluggedAndPlugged(t *testing.T) {
	g := newGate(t, wired)
	g.start()
	for range 2 {
		code, _ := g.code()
		from := time.Now()
		if _, err := g.scanner.Write([]byte(code[:40])); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		g.unplug()
		g.until("out of service", func() bool { return g.status().Mode == "out_of_service" })
		if p := strings.Join(g.status().Problems, "; "); !strings.Contains(p, "scanner") || !strings.Contains(p, "front") {
			t.Errorf("problems: %s; want the scanner's", p)
		}
		g.plug()
		g.until("in service", func() bool { return g.status().Mode == "closed" })
		g.scan(code[40:])
		time.Sleep(quiet)
		if c := g.since(from, relayPin); len(c) > 0 {
			t.Fatalf("half a code moves the relay: %v", c)
		}
		up := g.open()
		g.walks(0)
		g.until("the pulse's end", func() bool { return len(g.since(up.at, relayPin)) > 0 })
		g.until("closed", func() bool { return g.status().Mode == "closed" })
	}
}

// A gate that starts without its scanner, which worked once, waits for it.
func TestGateStartsWithoutItsScanner(t *testing.T) {
	g := newGate(t, wired)
	g.start()
	g.until("noted", func() bool { return g.attempt("/bin/railgate", "status").End == "exit status 0" })
	g.signal(15)
	g.ended()
	g.unplug()
	g.until("the scanner is gone", func() bool { return !g.exists(scannerPort) })
	g.launch()
	g.until("up, and out of service", func() bool { return strings.Contains(g.said(), "mode=out_of_service") })
	g.plug()
	g.until("in service", func() bool { return g.status().Mode == "closed" })
	g.open()
}
