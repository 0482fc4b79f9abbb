package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/store/update"
)

// updateCuts is how often the power is cut within railgate update: RAILGATE_CUTS, or once.
func updateCuts() int {
	if n, err := strconv.Atoi(os.Getenv("RAILGATE_CUTS")); err == nil {
		return n
	}
	return 1
}

// goodStick is a stick with the image's own bundle, and the bundle's hash.
func (g *gate) goodStick(t testing.TB) (sum string) {
	t.Helper()
	return g.stickBeside(t, imageFile(t))
}

// stickBeside is a stick with the bundle that was made beside an image, and the bundle's hash.
func (g *gate) stickBeside(t testing.TB, image string) (sum string) {
	t.Helper()
	good, err := os.ReadFile(strings.TrimSuffix(image, ".img") + ".raucb")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "good.raucb"), string(good), 0o644)
	g.makeStick(t, dir)
	digest := sha256.Sum256(good)
	return hex.EncodeToString(digest[:])
}

// The power is cut at random instants of railgate update once it has begun to write a slot, which may be after the gate was restarted. After
// each cut the gate starts and works by itself, runs a slot that was written whole, says in its status and its journal what became of the
// update, and opens for no code that opened before.
func TestImageUpdateCut(t *testing.T) {
	sum := ""
	g := newImageGate(t, wired, func(g *gate) { sum = g.goodStick(t) })
	g.inService()
	g.within(bootPatience, "the start recorded", func() bool { return g.updateState().Slot == "A" })
	version := g.updateState().Running

	var crossed []passenger
	crosses := func() { crossed = append(crossed, g.crosses()) }
	crosses()
	for round := range updateCuts() {
		g.step(fmt.Sprintf("the power is cut, %d", round+1), func(t *testing.T) {
			was, events := g.slot(), g.updateState().Seq
			g.tellJournal()
			g.began("update", "railgate", "update", g.bundle("good"), "--sha256", sum, "--yes", "--json")
			g.within(bundlePatience, "a slot that is written to", func() bool { time.Sleep(time.Second); return g.updateState().Seq > events })
			after := time.Duration(rand.Int64N(int64(installs)))
			time.Sleep(after)
			g.offAndOn()
			g.works()
			t.Logf("cut %v after it was begun to be written; slot %s → %s", after.Round(time.Millisecond), was, g.slot())
			for _, p := range []passenger{crossed[0], crossed[len(crossed)-1]} {
				g.isSpent(p.code, p.certificate)
			}
			g.tellsOfUpdate(t, version, was, events)
			crosses()
			g.within(bootPatience, "the end of the trial", func() bool { return g.updateState().Trial == nil })
			t.Logf("%s", strings.Join(g.told(events), "; "))
		})
	}
}

// A passenger is a code with which somebody has passed.
type passenger struct{ code, certificate string }

// crosses is somebody who passes.
func (g *gate) crosses() passenger {
	g.t.Helper()
	code, certificate, _ := g.opens()
	g.walksOnSystem()
	return passenger{code, certificate}
}

// maxTries is how often U-Boot starts a slot that nobody marks good.
const maxTries = 3

// The power is cut at a random instant of the first start into a release, before it is marked good, and of those that follow it where there are
// to be more cuts. The gate starts and works by itself: in the release, which is still on trial and is kept then, or, where its tries are
// used up, in the slot from before. It opens for no code that opened before.
func TestImageTrialCut(t *testing.T) {
	sum, cuts := "", updateCuts()
	var on time.Time
	g := newImageGate(t, wired, func(g *gate) { sum, on = g.goodStick(t), time.Now() })
	g.inService()
	starts := time.Since(on) // as long as a start takes here
	g.within(bootPatience, "the start recorded", func() bool { return g.updateState().Slot == "A" })
	version, events := g.updateState().Running, g.updateState().Seq
	before := g.crosses()

	resets := g.happened("RESET")
	g.step("it restarts into the release, and its power is cut", func(t *testing.T) {
		g.tellJournal()
		g.began("update", "railgate", "update", g.bundle("good"), "--sha256", sum, "--yes", "--json")
		g.resets("update", resets)
		for range cuts {
			after := time.Duration(rand.Int64N(int64(starts)))
			time.Sleep(after)
			t.Logf("cut %v after the start's beginning, of %v", after.Round(time.Millisecond), starts.Round(time.Second))
			g.offAndOn()
		}
		g.works()
	})
	g.step("it runs, and says what became of the release", func(t *testing.T) {
		t.Logf("slot %s runs", g.slot())
		if got := g.slot(); got != "B" && cuts < maxTries { // a cut before U-Boot has counted costs no try
			t.Errorf("slot %s runs after %d cuts; want B\n%s", got, cuts, g.recorded())
		}
		g.isSpent(before.code, before.certificate)
		g.tellsOfUpdate(t, version, "A", events)
	})
	g.step("somebody passes, and the trial ends", func(t *testing.T) {
		slot, passed := g.slot(), g.crosses()
		g.within(bootPatience, "the end of the trial", func() bool { return g.updateState().Trial == nil })
		t.Logf("%s", strings.Join(g.told(events), "; "))
		if told := g.told(events); slot == "B" && told[len(told)-1] != version+" proved good and is kept" {
			t.Errorf("the release was not kept: %v", told)
		}
		for _, p := range []passenger{before, passed} {
			g.isSpent(p.code, p.certificate)
		}
	})
}

// told are the events of updates since one of them.
func (g *gate) told(since uint64) (what []string) {
	g.t.Helper()
	for _, e := range g.updateState().Events {
		if e.Seq > since {
			what = append(what, e.What)
		}
	}
	return what
}

// tellsOfUpdate wants a gate that says what became of an update of which the power was cut: a slot that runs as is recorded, and words
// for people.
func (g *gate) tellsOfUpdate(t *testing.T, version, was string, events uint64) {
	t.Helper()
	g.within(bootPatience, "the start recorded", func() bool {
		s := g.updateState()
		return s.Slot == g.slot() && (s.Trial == nil || s.Trial.Phase == update.Running)
	})
	s, told := g.updateState(), g.told(events)
	if len(told) == 0 {
		t.Fatalf("slot %s runs, and nothing is recorded of the update:\n%s", g.slot(), g.recorded())
	}
	last := told[len(told)-1]
	switch {
	case g.slot() == was && last != version+" was not written whole: the power was cut" && !strings.HasPrefix(last, version+" failed: "):
		t.Errorf("slot %s runs as before, and the last event is %q", was, last)
	case g.slot() != was && (s.Trial == nil || s.Trial.Slot != g.slot()) && last != version+" proved good and is kept":
		t.Errorf("slot %s runs, and is not on trial:\n%s", g.slot(), g.recorded())
	}
	g.within(bootPatience, "its status says so", func() bool {
		said := g.attempt("railgate", "status").Output
		return strings.Contains(said, version+" is on trial") || g.updateState().Trial == nil && strings.Contains(said, "last: "+version)
	})
	g.within(bootPatience, "its journal says so", func() bool {
		return slices.ContainsFunc(g.journal(), func(r journal.Record) bool { return r.Kind == journal.Synced && r.Detail == "release "+last })
	})
}
