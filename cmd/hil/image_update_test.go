package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// made is a file that make image made beside the image.
func made(t testing.TB, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{filepath.Dir(imageFile(t))}, name...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// bundles are what the updates of this test are: the image's own bundle, one of which a byte was changed, and one that
// is signed well, whose system does not start.
func bundles(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	good, err := os.ReadFile(strings.TrimSuffix(imageFile(t), ".img") + ".raucb")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "good.raucb"), string(good), 0o644)
	good[len(good)/2] ^= 1
	writeFile(t, filepath.Join(dir, "changed.raucb"), string(good), 0o644)
	parts := t.TempDir()
	writeFile(t, filepath.Join(parts, "root.squashfs"), strings.Repeat("this is no system\n", 100_000), 0o644)
	for name, mode := range map[string]os.FileMode{"manifest.raucm": 0o644, "hook": 0o755, "boot.vfat": 0o644} {
		data, err := os.ReadFile(made(t, "virt/bundle", name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(parts, name), string(data), mode)
	}
	out, err := exec.Command("rauc", "bundle", "--cert="+made(t, "development.cert.pem"), "--key="+made(t, "development.key.pem"), parts, filepath.Join(dir, "broken.raucb")).CombinedOutput()
	if err != nil {
		t.Fatalf("rauc bundle: %v\n%s", err, out)
	}
	return dir
}

// stick makes a disk of a folder, from which the gate takes its updates.
func (g *gate) makeStick(t testing.TB, folder string) {
	t.Helper()
	g.stick = g.path("stick.img")
	out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", folder, g.stick, "1G").CombinedOutput()
	if err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
}

// install has RAUC install one of the stick's, which takes as long as the machine is loaded, and returns how that ended.
func (g *gate) install(bundle string) (r Result) {
	g.t.Helper()
	g.began("install", "rauc", "install", g.bundle(bundle))
	g.within(bootPatience, "the installation's end", func() bool { g.ask("Look", "install", &r); return r.End != "" })
	g.story.tell("hand", "installs %s: %s", bundle, r.End)
	return r
}

// began starts a program beside the agent.
func (g *gate) began(name string, args ...string) {
	g.t.Helper()
	g.ask("Start", Command{Name: name, Args: args}, new(int))
}

// slot is the bootname of the one that runs.
func (g *gate) slot() string {
	g.t.Helper()
	for word := range strings.FieldsSeq(g.read("/proc/cmdline")) {
		if name, ok := strings.CutPrefix(word, "rauc.slot="); ok {
			return name
		}
	}
	return ""
}

// bundle is where the gate has one of the stick.
func (g *gate) bundle(name string) string {
	g.t.Helper()
	g.run("sh", "-c", "mkdir -p /run/stick && { mountpoint -q /run/stick || mount -o ro,noload /dev/vdb /run/stick; }")
	return "/run/stick/" + name + ".raucb"
}

// reboot restarts the gate in good order, and waits until its lane is in service again, in whichever slot, after so many
// starts.
func (g *gate) reboot(starts int) {
	g.t.Helper()
	g.tellJournal()
	g.story.tell("hand", "systemctl reboot")
	resets := g.happened("RESET")
	g.attempt("systemctl", "--no-block", "reboot")
	for n := 1; n <= starts; n++ {
		g.within(bootPatience, fmt.Sprintf("start %d", n), func() bool { return g.happened("RESET") >= resets+n })
		g.set(emergencyPin, true) // a reset lets go of it
	}
	g.again()
	g.inService()
}

// cutPower cuts the power, switches the gate on again, and waits until it is in service.
func (g *gate) cutPower() {
	g.t.Helper()
	g.offAndOn()
	g.inService()
}

// offAndOn cuts the power, and switches the gate on again.
func (g *gate) offAndOn() {
	g.t.Helper()
	g.kill()
	g.unplug()
	g.guest.Close()
	g.monitor.close()
	g.pins.close()
	g.turnOn()
}

// works waits until the lane works: inService, but for what the gate has to tell of an update.
func (g *gate) works() {
	g.t.Helper()
	g.within(bootPatience, "a lane that works", func() bool {
		return strings.Contains(strings.ReplaceAll(g.attempt("railgate", "status", "--json").Output, " ", ""), `"mode":"closed"`)
	})
}

// An update is installed and starts; one that was changed is refused; one that does not start is given up for the system
// before. With the power cut at random instants of an update the gate always starts. Whatever happens, a
// code that opened opens no more.
func TestImageUpdate(t *testing.T) {
	g := newImageGate(t, wired, func(g *gate) { g.makeStick(t, bundles(t)) })
	g.inService()
	code, certificate, _ := g.opens()
	g.walksOnSystem()
	g.run("rauc", "status", "mark-good")

	g.step("a bundle of which a byte was changed", func(t *testing.T) {
		if r := g.install("changed"); r.End == "exit status 0" {
			t.Errorf("it was installed:\n%s", r.Output)
		}
	})
	g.step("a good one", func(t *testing.T) {
		if r := g.install("good"); r.End != "exit status 0" {
			t.Fatalf("it was not installed: %s\n%s", r.End, r.Output)
		}
		g.reboot(1)
		if got := g.slot(); got != "B" {
			t.Fatalf("slot %s runs; want B\n%s", got, g.run("rauc", "status"))
		}
		g.run("rauc", "status", "mark-good")
		g.isSpent(code, certificate)
	})
	g.step("one that does not start", func(t *testing.T) {
		if r := g.install("broken"); r.End != "exit status 0" {
			t.Fatalf("it was not installed: %s\n%s", r.End, r.Output)
		}
		g.reboot(1 + 3)
		if got := g.slot(); got != "B" {
			t.Fatalf("slot %s runs; want B again\n%s", got, g.log)
		}
		if n := strings.Count(g.log.String(), "railgate: slot A, tries left"); n != 1+3 {
			t.Errorf("slot A was started %d times; want once at first, and three times the broken one", n)
		}
		g.isSpent(code, certificate)
	})
	rounds := 3
	if _, err := fmt.Sscan(os.Getenv("RAILGATE_CUTS"), &rounds); err == nil {
		t.Logf("%d cuts", rounds)
	}
	for round := range rounds {
		g.step(fmt.Sprintf("the power is cut, %d", round+1), func(t *testing.T) {
			was := g.slot()
			g.began("install", "rauc", "install", g.bundle("good"))
			after := time.Duration(rand.Int64N(int64(installs)))
			time.Sleep(after)
			var r Result
			g.ask("Look", "install", &r)
			g.cutPower()
			t.Logf("cut %v after the update's beginning (it had ended: %q), slot %s → %s", after.Round(time.Millisecond), r.End, was, g.slot())
			g.isSpent(code, certificate)
			g.run("rauc", "status", "mark-good")
		})
	}
}

// installs is about how long an update takes here.
const installs = 60 * time.Second

// walksOnSystem is somebody who walks through at once, where systemd runs railgated. The journal is read after it, for that may take as long as
// the lane is open; what it has of the second before was another one's, who was past long ago.
func (g *gate) walksOnSystem() {
	g.t.Helper()
	since := fmt.Sprintf("--since=@%d", time.Now().Add(g.story.ahead).Unix()-1)
	g.set(passagePin, true)
	g.until("a passage", func() bool {
		return strings.Contains(g.run("journalctl", "-b", "--no-pager", since, "-u", "railgated"), "msg=passage")
	})
	g.set(passagePin, false)
	time.Sleep(3500 * time.Millisecond) // past what is one code held to the glass
}
