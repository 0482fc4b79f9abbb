package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
)

// runHere runs one of this machine's programs, as a technician does with a laptop.
func (g *gate) runHere(t testing.TB, program string, args ...string) string {
	t.Helper()
	g.story.tell("hand", "%s %s", filepath.Base(program), strings.Join(args, " "))
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// flashed is a new card, written by railgate flash, with files in its folder provision: the station's signer, and the technician's key.
// Nothing on it says which gate it is. The agent, which only looks, is put beside.
func (g *gate) flashed(t testing.TB, files map[string]string) string {
	t.Helper()
	card := g.path("card.img")
	if err := os.WriteFile(card, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(card, diskBytes); err != nil {
		t.Fatal(err)
	}
	from := time.Now()
	g.runHere(t, filepath.Join(folder(t), "here/railgate"), "flash", imageFile(t), card, "--yes", "--json")
	t.Logf("written and read back in %v", time.Since(from).Round(100*time.Millisecond))
	parts := partitions(t, card)
	for name, text := range files {
		from := g.path(name)
		writeFile(t, from, text, 0o644)
		g.runHere(t, "mcopy", "-o", "-i", fmt.Sprintf("%s@@%d", card, parts["RAILGATE"].Start*512), from, "::provision/"+name)
	}
	data := parts["railgate-data"]
	g.runHere(t, "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O", "^metadata_csum", "-d", watchersFolder(t, "bin/hil"), "-L", "railgate-data",
		"-E", fmt.Sprintf("offset=%d", data.Start*512), card, fmt.Sprintf("%dk", data.Size/2))
	return card
}

// laptop makes the technician's key, and returns its public half.
func (g *gate) laptop(t testing.TB) (public string) {
	t.Helper()
	g.runHere(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", g.path("laptop"))
	data, err := os.ReadFile(g.path("laptop.pub"))
	if err != nil {
		t.Fatal(err)
	}
	g.sshPort = freePort(t)
	return string(data)
}

// ssh runs a command on the gate, from the technician's laptop.
func (g *gate) ssh(args ...string) (out string, err error) {
	g.t.Helper()
	g.story.tell("hand", "ssh root@gate %s", strings.Join(args, " "))
	data, err := exec.Command("ssh", append([]string{"-i", g.path("laptop"), "-p", g.sshPort, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "ConnectTimeout=60", "-o", "LogLevel=ERROR", "root@127.0.0.1"}, args...)...).CombinedOutput()
	return string(data), err
}

// holds is somebody who holds a long code to the scanner until it is taken: one that comes in pieces, for the machine was kept from
// running between them, is dropped.
func (g *gate) holds(code, what string, taken func() bool) {
	g.t.Helper()
	var shown time.Time
	g.within(bootPatience, what, func() bool {
		if time.Since(shown) > 15*time.Second {
			g.scan(code)
			shown = time.Now()
		}
		return taken()
	})
}

// screen is what the gate's screen shows: the page's data.
func (g *gate) screen() string {
	g.t.Helper()
	return g.attempt("railgate", "status").Output
}

// identityCode is the text of the code by which a station learns a gate's keys.
var identityCode = regexp.MustCompile(`RGID1:\S+`)

// docs/technician.md, “From the sealed box to the first passage”, with nothing but its steps: an empty card, a gate that
// makes its own keys, a station that reads them from its screen, a set-up code at the gate's own scanner, keys and time
// from the station, and a passenger.
func TestImageFromAnEmptyCard(t *testing.T) {
	imageFile(t)
	station := newStation(t)
	g := &gate{machine: emptyMachine(t)}
	g.makeKeys(t)
	station.publish(g.keys)
	begun := time.Now()
	lap := func(what string) { t.Logf("%6.1f s  %s", time.Since(begun).Seconds(), what) }

	signer := station.do("", "enroll", "--signer")
	g.card = g.flashed(t, map[string]string{"provision.keys": signer, "authorized_keys": g.laptop(t)})
	lap("1. the card is written")
	g.networked = true
	g.turnOn()
	t.Cleanup(g.tellSystem)
	lap("2. the board is on")

	var keys string
	g.step("it waits to be set up, and opens nothing", func(t *testing.T) {
		g.within(bootPatience, "its keys", func() bool {
			keys = identityCode.FindString(g.attempt("railgate", "identity").Output)
			return keys != ""
		})
		g.within(bootPatience, "a lane that waits", func() bool { return strings.Contains(g.screen(), "not_provisioned") })
		lap("   it shows its keys")
		g.within(bootPatience, "a scanner that listens", func() bool {
			return slices.ContainsFunc(g.status().Devices, func(d control.Device) bool { return d.Kind == "scanner" && d.Up })
		})
		lap("   its scanner listens")
		code, _ := g.code()
		shown := time.Now()
		g.scan(code)
		time.Sleep(quiet)
		if opened := g.since(shown, relayPin); len(opened) > 0 {
			t.Errorf("a gate that is not set up moved its relay: %v", opened)
		}
	})
	setUp := func(name, keys string) string {
		return strings.TrimSpace(station.do("", "enroll", "--gate", name, "--direction", "entry", "--nation", station.files()+"/nation", "--repository", station.files()+"/station",
			"--network", "dhcp", "--text", keys))
	}
	g.step("its own scanner", func(t *testing.T) {
		code := setUp("A07", keys)
		lap("3. the station has made its code")
		g.holds(code, "its name", func() bool { return strings.Contains(g.attempt("railgate", "status", "--json").Output, `"A07"`) })
		lap("4. it knows who it is")
	})
	g.step("keys and time come from the station", func(t *testing.T) { g.inService(); lap("5. it has keys, and its lane works") })
	g.step("a passenger", func(t *testing.T) {
		code, certificate, _ := g.opens()
		lap("8. “Please pass”")
		g.walksOnSystem()
		g.isSpent(code, certificate)
		var last string
		g.within(bootPatience, "a login by ssh", func() (ok bool) {
			out, err := g.ssh("railgate", "journal", "-n", "4")
			last = out
			return err == nil
		})
		lap("   its journal, by ssh")
		for _, want := range []string{"granted", "passage"} {
			if !strings.Contains(last, want) {
				t.Errorf("the journal has no %q:\n%s", want, last)
			}
		}
	})
	g.step("the set-up code once more", func(t *testing.T) {
		shown := time.Now()
		g.holds(setUp("A07", keys), "the red light", func() bool {
			return slices.ContainsFunc(g.since(shown, redPin), func(c change) bool { return c.high })
		})
		if opened := g.since(shown, relayPin); len(opened) > 0 {
			t.Errorf("a set-up code moved the relay: %v", opened)
		}
		if !strings.Contains(g.attempt("railgate", "status", "--json").Output, `"A07"`) {
			t.Error("a gate in service is no longer A07")
		}
	})
}
