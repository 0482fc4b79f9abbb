package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"
)

// bundlePatience is for a bundle that is copied, hashed and written by an emulated processor.
const bundlePatience = 15 * time.Minute

// recorded is what root has recorded of updates.
func (g *gate) recorded() string {
	g.t.Helper()
	return g.attempt("cat", "/var/lib/railgate-update/state.json").Output
}

// updates has railgate install a bundle, and waits for the gate to restart by itself.
func (g *gate) updates(name, sum string) {
	g.t.Helper()
	g.tellJournal()
	resets := g.happened("RESET")
	var pid int
	g.ask("Start", Command{Name: "update", Args: []string{"railgate", "update", g.bundle(name), "--sha256", sum, "--yes", "--json"}}, &pid)
	g.within(bundlePatience, "a reset", func() bool { return g.happened("RESET") > resets })
	g.set(emergencyPin, true) // the controller has forgotten what its inputs are wired to
	g.again()
	g.inService()
}

// railgate's own update: what is not the bundle that was meant touches no slot; the good one is written, started, and kept
// once somebody has crossed, by railgate-trial.service and nobody else.
func TestImageTrial(t *testing.T) {
	folder := ""
	g := newImageGate(t, wired, func(g *gate) { folder = bundles(t); g.makeStick(t, folder) })
	good, err := os.ReadFile(folder + "/good.raucb")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(good)
	sum := hex.EncodeToString(digest[:])
	g.inService()
	code, certificate, _ := g.opens()
	g.walksOnSystem()
	g.within(bootPatience, "the start recorded", func() bool { return strings.Contains(g.recorded(), `"slot": "A"`) })
	g.step("a bundle of which a byte was changed", func(t *testing.T) {
		r := g.attempt("railgate", "update", g.bundle("changed"), "--sha256", sum, "--yes")
		if r.End == "exit status 0" || !strings.Contains(r.Output, "not the bundle that was meant") || strings.Contains(g.recorded(), "writing") {
			t.Errorf("%s: %s\n%s", r.End, r.Output, g.recorded())
		}
	})
	g.step("a good one is tried, and kept", func(t *testing.T) {
		g.updates("good", sum)
		if got := g.slot(); got != "B" {
			t.Fatalf("slot %s runs; want B\n%s\n%s", got, g.recorded(), g.run("rauc", "status"))
		}
		g.within(bootPatience, "the trial recorded, for nobody has crossed yet", func() bool { return strings.Contains(g.recorded(), `"phase": "running"`) })
		g.isSpent(code, certificate)
		g.opens()
		g.walksOnSystem()
		g.within(bootPatience, "it is kept", func() bool { return strings.Contains(g.recorded(), "proved good and is kept") })
	})
	g.step("it is started from now on", func(t *testing.T) {
		g.cutPower()
		if got := g.slot(); got != "B" {
			t.Errorf("slot %s runs; want B\n%s", got, g.recorded())
		}
		g.isSpent(code, certificate)
	})
}
