package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/update"
)

// newStationImage is an image's gate that a real station has enrolled, in service.
func newStationImage(t testing.TB, before func(*gate, *station)) (*gate, *station) {
	t.Helper()
	imageFile(t)
	s := newStation(t)
	g := newImageGate(t, s.config()+"[update]\nrate = 1000000\n", func(g *gate) {
		s.publish(g.keys)
		root, err := os.ReadFile(s.root())
		if err != nil {
			t.Fatal(err)
		}
		g.given = map[string]string{"roots/nation.root.json": string(root)}
		g.networked = true
		before(g, s)
	})
	g.within(bootPatience, "its keys", func() bool { return g.attempt("railgate", "identity", "--json").End == "exit status 0" })
	s.enroll(g)
	g.inService()
	g.within(bootPatience, "the start recorded", func() bool { return g.updateState().Slot == "A" })
	return g, s
}

// release has the nation sign a bundle as a release.
func (s *station) release(version, bundle string) {
	s.t.Helper()
	s.do("", "publish", "release", version, "arm64", bundle)
}

// assign has the station give its gates a release.
func (s *station) assign(version string) {
	s.t.Helper()
	s.do("", "publish", "assign", s.write("assign.json", fmt.Sprintf(`{"default": %q}`, version)))
}

// bundled makes a bundle of the image's own system under another version, which change may make another system.
func bundled(t testing.TB, version string, change func(parts string)) (bundle string) {
	t.Helper()
	dir := t.TempDir()
	parts := filepath.Join(dir, "parts")
	if out, err := exec.Command("cp", "-r", made(t, "virt/bundle"), parts).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	manifest := filepath.Join(parts, "manifest.raucm")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, manifest, regexp.MustCompile(`(?m)^version=.*$`).ReplaceAllString(string(text), "version="+version), 0o644)
	if change != nil {
		change(parts)
	}
	bundle = filepath.Join(dir, version+".raucb")
	out, err := exec.Command("rauc", "bundle", "--cert="+made(t, "development.cert.pem"), "--key="+made(t, "development.key.pem"), "--mksquashfs-args=-comp lz4", parts, bundle).CombinedOutput()
	if err != nil {
		t.Fatalf("rauc bundle: %v\n%s", err, out)
	}
	return bundle
}

// updateState is what is recorded of updates; nothing yet is its zero value.
func (g *gate) updateState() (s update.State) {
	g.t.Helper()
	text := g.recorded()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return update.State{}
	}
	return s
}

// slotSum is what a slot holds, read from the card itself.
func (g *gate) slotSum(bootname string) string {
	g.t.Helper()
	f, err := os.Open(g.card)
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	parts := partitions(g.t, g.card)
	for _, label := range []string{"railgate-boot-", "railgate-"} {
		p := parts[label+strings.ToLower(bootname)]
		if _, err := io.Copy(h, io.NewSectionReader(f, p.Start*512, p.Size*512)); err != nil || p.Size == 0 {
			g.t.Fatalf("slot %s: %d sectors, %v", bootname, p.Size, err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// endOf waits for the end of a program that was begun, for as long as a bundle takes.
func (g *gate) endOf(name string) (r Result) {
	g.t.Helper()
	g.within(bundlePatience, name+"'s end", func() bool {
		g.ask("Look", name, &r)
		time.Sleep(time.Second) // each question costs the emulated processor some of its time
		return r.End != ""
	})
	return r
}

// resets waits until a program that was begun has the gate start again; before: how often it had.
func (g *gate) resets(name string, before int) {
	g.t.Helper()
	g.within(bundlePatience, "a restart", func() bool {
		var r Result
		time.Sleep(time.Second)
		if g.happened("RESET") == before && g.tryFor(10*time.Second, "Look", name, &r) == nil && strings.HasPrefix(r.End, "exit status") && r.End != "exit status 0" {
			g.t.Fatalf("%s: %s\n%s", name, r.End, r.Output)
		}
		return g.happened("RESET") > before
	})
}

// restarted is resets, and waits for the gate's agent then.
func (g *gate) restarted(name string, before int) {
	g.t.Helper()
	g.resets(name, before)
	g.set(emergencyPin, true) // the controller has forgotten what its inputs are wired to
	g.again()
}

// fromStation installs what the station gives, which restarts the gate.
func (g *gate) fromStation() {
	g.t.Helper()
	g.tellJournal()
	resets := g.happened("RESET")
	g.began("update", "railgate", "update", "--from-station", "--yes", "--json")
	g.restarted("update", resets)
}

// refuses asks for what the station gives, and wants to hear why not. No slot is written to, and none is started.
func (g *gate) refuses(t *testing.T, why string) {
	t.Helper()
	other := map[string]string{"A": "B", "B": "A"}[g.slot()]
	was := g.slotSum(other)
	resets := g.happened("RESET")
	g.began("update", "railgate", "update", "--from-station", "--yes", "--json")
	r := g.endOf("update")
	if r.End != "exit status 1" || !strings.Contains(r.Output, why) {
		t.Errorf("%s; want a refusal that says %q:\n%s", r.End, why, r.Output)
	}
	if s := g.updateState(); s.Trial != nil {
		t.Errorf("a release is on its way: %+v", s.Trial)
	}
	if g.slotSum(other) != was || g.happened("RESET") != resets {
		t.Errorf("slot %s was written to, or the gate was started again", other)
	}
}

// A station's release, from the nation's signature to a gate that keeps it: railgated fetches it, railgate update --from-station
// installs it, and a passage proves it. What is replayed, older or damaged is refused before a slot is touched. Whatever happens,
// the code that opened before opens no more.
func TestImageUpdateFromItsStation(t *testing.T) {
	replayed := filepath.Join(t.TempDir(), "public")
	g, s := newStationImage(t, func(_ *gate, s *station) {
		s.release("1.0.0", bundled(t, "1.0.0", nil))
		s.release("2.0.0", strings.TrimSuffix(imageFile(t), ".img")+".raucb")
		s.assign("1.0.0")
		if err := os.CopyFS(replayed, os.DirFS(filepath.Join(s.dir, "station/public"))); err != nil {
			t.Fatal(err)
		}
		s.assign("2.0.0")
	})
	code, certificate, _ := g.opens()
	g.walksOnSystem()

	g.step("the station's release is tried, and kept", func(t *testing.T) {
		g.fromStation()
		g.works()
		if got := g.slot(); got != "B" {
			t.Fatalf("slot %s runs; want B:\n%s", got, g.recorded())
		}
		g.within(bootPatience, "2.0.0 on trial", func() bool { // five minutes prove it, too, where this machine is slow
			u := g.updateState()
			return u.Trial != nil && u.Trial.Release == "2.0.0" && u.Trial.Phase == update.Running || u.Floor == "2.0.0"
		})
		g.isSpent(code, certificate)
		g.opens()
		g.walksOnSystem()
		g.within(bootPatience, "it is kept", func() bool { u := g.updateState(); return u.Trial == nil && u.Floor == "2.0.0" && u.Running == "2.0.0" })
	})
	g.step("the station's list of before", func(t *testing.T) {
		g.within(bootPatience, "the newest list", func() bool { u := g.status().Update; return u != nil && u.Assigned == "2.0.0" })
		public := filepath.Join(s.dir, "station/public")
		newest := public + ".newest"
		if err := errors.Join(os.Rename(public, newest), os.CopyFS(public, os.DirFS(replayed))); err != nil {
			t.Fatal(err)
		}
		r := g.attempt("railgate", "sync")
		if r.End != "exit status 1" || !strings.Contains(r.Output, "the station's repository cannot be used") {
			t.Errorf("%s; want a station's repository that is refused:\n%s", r.End, r.Output)
		}
		u := g.status()
		if u.Update == nil || u.Update.Assigned != "2.0.0" || !slices.ContainsFunc(u.Causes, func(c control.Cause) bool { return c.Cause == control.RepositoryRefused }) {
			t.Errorf("it takes %+v, for %v; want 2.0.0 as before, and %s", u.Update, u.Causes, control.RepositoryRefused)
		}
		if err := errors.Join(os.RemoveAll(public), os.Rename(newest, public)); err != nil {
			t.Fatal(err)
		}
		g.isSpent(code, certificate)
	})
	g.step("an older release", func(t *testing.T) {
		s.assign("1.0.0")
		g.refuses(t, "it is older than 2.0.0, which this gate has had")
		g.isSpent(code, certificate)
	})
	g.step("a bundle of which a byte was changed", func(t *testing.T) {
		s.release("3.0.0", bundled(t, "3.0.0", nil))
		found, err := filepath.Glob(filepath.Join(s.dir, "nation/public/targets/release/3.0.0/*arm64.raucb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("the bundle's file: %v, %v", found, err)
		}
		data, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(found[0], data, 0o644); err != nil {
			t.Fatal(err)
		}
		s.assign("3.0.0")
		g.refuses(t, "it is not the file that was signed")
		s.assign("2.0.0")
		g.run("railgate", "sync") // it need not fetch that again and again
		g.isSpent(code, certificate)
	})
	if got := g.slot(); got != "B" {
		t.Errorf("slot %s runs; want B", got)
	}
}
