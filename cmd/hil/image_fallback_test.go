package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/store/update"
)

// withProgram makes a bundle of the image's own system under another version, in which a program of ours is another.
func withProgram(t testing.TB, version, program, text string) (bundle string) {
	t.Helper()
	return bundled(t, version, func(parts string) {
		root, packed := filepath.Join(t.TempDir(), "root"), filepath.Join(parts, "root.squashfs")
		if out, err := exec.Command("unsquashfs", "-no-progress", "-d", root, packed).CombinedOutput(); err != nil {
			t.Fatalf("unsquashfs: %v\n%s", err, out)
		}
		name := filepath.Join(root, program)
		if _, err := os.Stat(name); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, text, 0o755)
		out, err := exec.Command("mksquashfs", root, packed, "-noappend", "-no-progress", "-no-exports", "-comp", "zstd", "-Xcompression-level", "1", "-b", "256K").CombinedOutput()
		if err != nil {
			t.Fatalf("mksquashfs: %v\n%s", err, out)
		}
	})
}

// withArguments makes a bundle of the image's own system under another version, whose kernel is given more arguments.
func withArguments(t testing.TB, version, arguments string) (bundle string) {
	t.Helper()
	return bundled(t, version, func(parts string) {
		fat, env := filepath.Join(parts, "boot.vfat"), filepath.Join(parts, "boot.env") // which is not in the manifest
		defer os.Remove(env)
		if out, err := exec.Command("mcopy", "-i", fat, "::boot.env", env).CombinedOutput(); err != nil {
			t.Fatalf("mcopy: %v\n%s", err, out)
		}
		text, err := os.ReadFile(env)
		if err != nil || !strings.Contains(string(text), " quiet ") {
			t.Fatalf("boot.env: %q, %v", text, err)
		}
		writeFile(t, env, strings.Replace(string(text), " quiet ", " quiet "+arguments+" ", 1), 0o644)
		if out, err := exec.Command("mcopy", "-o", "-i", fat, env, "::boot.env").CombinedOutput(); err != nil {
			t.Fatalf("mcopy: %v\n%s", err, out)
		}
	})
}

// A release is written well and starts, and its own tool does not run, so that nothing can judge it.
func TestImageFallsBackWithoutItsTool(t *testing.T) {
	g, code, certificate := fallsBack(t, "it was not seen to run: the old release was started", 0, func(t testing.TB, version string) string {
		return withProgram(t, version, "usr/bin/railgate", "#!/bin/sh\nexit 1\n")
	})
	g.step("the power is cut then", func(t *testing.T) {
		g.offAndOn()
		g.works()
		if got := g.slot(); got != "A" {
			t.Errorf("slot %s runs; want A\n%s", got, g.recorded())
		}
		g.isSpent(code, certificate)
	})
}

// A release is written well and starts, and its railgated never gets ready: it has its quarter of an hour.
func TestImageFallsBackWithoutRailgated(t *testing.T) {
	fallsBack(t, "railgated does not answer", update.ProofEnds, func(t testing.TB, version string) string {
		return withArguments(t, version, "systemd.mask=railgated.service")
	})
}

// A release is written well and starts, and its railgated hangs at its start, deaf to SIGTERM: systemd ends it again and again. The trial's quarter
// of an hour begins when it has ended it once.
func TestImageFallsBackWhenRailgatedHangs(t *testing.T) {
	fallsBack(t, "railgated does not answer", startEnds+update.ProofEnds, func(t testing.TB, version string) string {
		return withProgram(t, version, "usr/bin/railgated", "#!/bin/sh\ntrap '' TERM\nexec sleep infinity\n")
	})
}

// startEnds is TimeoutStartSec of railgated.service.
const startEnds = 3 * time.Minute

// fallsBack has a gate install a bad release. The gate starts it once, has it for so long at least, starts once more by itself, and is back in
// the slot from before, where its status and its journal say why, and no code opens that opened before.
func fallsBack(t *testing.T, why string, least time.Duration, bundle func(t testing.TB, version string) string) (g *gate, code, certificate string) {
	const bad = "9.0.0"
	sum := ""
	g = newImageGate(t, wired, func(g *gate) {
		data, err := os.ReadFile(bundle(t, bad))
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(data)
		sum = hex.EncodeToString(digest[:])
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "bad.raucb"), string(data), 0o644)
		g.makeStick(t, dir)
	})
	g.inService()
	g.within(bootPatience, "the start recorded", func() bool { return g.updateState().Slot == "A" })
	version, events := g.updateState().Running, g.updateState().Seq
	code, certificate, _ = g.opens()
	g.walksOnSystem()

	want := bad + " failed: " + why
	resets := g.happened("RESET")
	g.step("it is started once, and left", func(t *testing.T) {
		g.tellJournal()
		g.began("update", "railgate", "update", g.bundle("bad"), "--sha256", sum, "--yes", "--json")
		g.resets("update", resets)
		g.set(emergencyPin, true) // the controller has forgotten what its inputs are wired to
		tried := time.Now()
		g.within(bootPatience+update.ProofEnds, "the gate's own restart", func() bool { return g.happened("RESET") > resets+1 })
		left := time.Since(tried)
		t.Logf("it was left %v after the restart into it", left.Round(time.Second))
		if left < least {
			t.Errorf("it was left after %v; want it to have %v", left, least)
		}
		if opened := g.since(tried, relayPin); slices.ContainsFunc(opened, func(c change) bool { return c.high }) {
			t.Errorf("nobody showed a code, and the relay moved: %v", opened)
		}
		g.set(emergencyPin, true)
		g.again()
		g.works()
		if got := g.slot(); got != "A" {
			t.Fatalf("slot %s runs; want A again\n%s", got, g.recorded())
		}
		g.within(bootPatience, "the end of the trial", func() bool { return slices.Contains(g.told(events), want) && g.updateState().Trial == nil })
		if s := g.updateState(); s.Running != version || s.Bad != "B" {
			t.Errorf("%s is recorded to run, and slot %q to be bad; want %s, and B", s.Running, s.Bad, version)
		}
	})
	g.step("it says why", func(t *testing.T) {
		g.within(bootPatience, "its status says so", func() bool { return strings.Contains(g.screen(), "last: "+want) })
		g.within(bootPatience, "its journal says so", func() bool {
			return slices.ContainsFunc(g.journal(), func(r journal.Record) bool { return r.Kind == journal.Synced && r.Detail == "release "+want })
		})
	})
	g.step("the passengers", func(t *testing.T) {
		g.isSpent(code, certificate)
		g.opens()
		g.walksOnSystem()
		g.restartedOnce(t, resets)
	})
	return g, code, certificate
}

// restartedOnce wants a gate that was started twice since there were so many resets: into B, and back into A.
func (g *gate) restartedOnce(t *testing.T, resets int) {
	t.Helper()
	var started []string
	for line := range strings.Lines(g.log.String()) {
		if _, slot, ok := strings.Cut(line, "railgate: slot "); ok {
			started = append(started, slot[:1])
		}
	}
	if n := g.happened("RESET") - resets; n != 2 || !slices.Equal(started, []string{"A", "B", "A"}) {
		t.Errorf("%d restarts; U-Boot started %v; want two, and A, B, A", n, started)
	}
}
