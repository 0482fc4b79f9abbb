package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// agentUnit starts the agent in a system that has systemd.
const agentUnit = `[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/hil agent
Restart=always
OOMScoreAdjust=-1000
[Install]
WantedBy=sysinit.target
`

// delivered is where the scanner is by its serial number.
var delivered = strings.Replace(long, "/dev/ttyUSB0", "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_RG0001-if00-port0", 1)

// newSystem boots a gate as it is delivered: Debian's systemd, udev, and every file of the folder systemd.
func newSystem(t testing.TB, config string) *gate {
	t.Helper()
	home := folder(t)
	g := &gate{config: config}
	g.makeKeys(t)
	own := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(own, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	texts := map[string]string{
		"etc/railgate/railgated.toml":              put("railgated.toml", config),
		"etc/railgate/keys.json":                   put("keys.json", g.keys),
		"etc/systemd/system/hil.service":           put("hil.service", agentUnit),
		"usr/lib/systemd/system/railgated.service": "../../systemd/railgated.service",
		"usr/lib/sysusers.d/railgate.conf":         "../../systemd/sysusers.d/railgate.conf",
		"usr/lib/tmpfiles.d/railgate.conf":         "../../systemd/tmpfiles.d/railgate.conf",
		"usr/lib/udev/rules.d/99-railgate.rules":   "../../systemd/udev/99-railgate.rules",
		"etc/systemd/system.conf.d/railgate.conf":  "../../systemd/system.conf.d/railgate.conf",
	}
	s := setup{files: map[string]string{}, plain: map[string]string{}, memory: 512}
	for name, from := range texts {
		s.plain["overlay/"+name] = from
	}
	for _, name := range []string{"railgated", "railgate", "hil"} {
		s.files["overlay/usr/bin/"+name] = filepath.Join(home, "bin", name)
	}
	s.modules = []string{"virtio_blk", "crc32c_generic", "ext4", "i6300esb"}
	s.disk = "snapshot=on,file=" + filepath.Join(home, "root.ext4")
	s.words = []string{"root=/dev/vda", "systemd.wants=hil.service", "systemd.wants=railgated.service", "systemd.show_status=0", "systemd.mask=getty.target", "systemd.mask=systemd-update-utmp.service", "rw"}
	s.flags = []string{"-device", "i6300esb", "-action", "watchdog=reset"}
	g.machine = newMachine(t, s)
	g.plug()
	t.Cleanup(func() {
		g.tellJournal()
		if !t.Failed() {
			return
		}
		for _, args := range [][]string{
			{"/bin/systemctl", "--no-pager", "status", "-l", "railgated"}, {"/bin/journalctl", "-b", "--no-pager", "-n", "40"}, {"/bin/ls", "-lR", "/dev/serial", "/dev/railgate"},
		} {
			var r Result
			err := g.try("Run", Command{Args: args}, &r)
			t.Logf("%v: %v %s\n%s", args, err, r.End, r.Output)
		}
	})
	return g
}

// inService waits until railgated, under systemd, says that its lane works.
func (g *gate) inService() {
	g.t.Helper()
	g.until("in service", func() bool {
		r := g.attempt("/usr/bin/railgate", "status", "--json")
		return strings.Contains(r.Output, `"mode": "closed"`) || strings.Contains(r.Output, `"mode":"closed"`)
	})
}

// tellJournal adds what railgated wrote since the boot to the story.
func (g *gate) tellJournal() {
	var r Result
	if g.try("Run", Command{Args: []string{"/bin/journalctl", "-b", "--no-pager", "-o", "short-iso-precise", "-u", "railgated"}}, &r) == nil {
		g.story.log(r.Output, journalTime)
	}
}

// property is one of railgated.service's.
func (g *gate) property(name string) string {
	g.t.Helper()
	return strings.TrimSpace(g.run("/bin/systemctl", "show", "-P", name, "railgated"))
}

func (g *gate) mainPID() (pid int) {
	g.t.Helper()
	if _, err := fmt.Sscan(g.property("MainPID"), &pid); err != nil || pid == 0 {
		g.t.Fatalf("railgated's number: %d, %v", pid, err)
	}
	return pid
}

// asked is what systemd needs after it was told to do something, on an emulated processor, until it does.
const asked = 5 * time.Second

// Every way out that systemd has a part in, in one machine, each in the middle of a pulse of five seconds.
func TestSystemd(t *testing.T) {
	g := newSystem(t, delivered)
	g.inService()
	t.Logf("ready %s s after power-on", g.readyAfter())
	for link, want := range map[string]string{"/dev/gpiochip0": "root:gpio 660", "/dev/ttyUSB0": "root:dialout 660"} {
		if got := strings.TrimSpace(g.run("/usr/bin/stat", "-c", "%U:%G %a", link)); got != want {
			t.Errorf("%s is %s; want %s", link, got, want)
		}
	}
	if links := g.run("/bin/ls", "/dev/railgate"); !strings.Contains(links, "scanner-") {
		t.Errorf("/dev/railgate has %s; want the scanner, by its socket", links)
	}

	t.Run("killed", func(t *testing.T) { g.dies(t, "SIGKILL") })
	t.Run("a panic, or any other end by itself", func(t *testing.T) { g.dies(t, "SIGABRT") })
	t.Run("no more memory", func(t *testing.T) {
		g.open()
		from := time.Now()
		g.story.tell("hand", "leaves railgated 2 MB of memory")
		g.run("/bin/systemctl", "set-property", "--runtime", "railgated", "MemoryMax=2M")
		g.releasedIn(from, asked+time.Second)
		g.run("/bin/systemctl", "set-property", "--runtime", "railgated", "MemoryMax=192M")
		g.inService()
	})
	t.Run("hung, and found by systemd", func(t *testing.T) {
		g.open()
		from := time.Now()
		g.story.tell("hand", "stops railgated (SIGSTOP)")
		g.ask("Kill", Signal{PID: g.mainPID(), Number: 19}, new(struct{}))
		g.releasedIn(from, 10*time.Second+asked) // WatchdogSec, counted from the last sign of life
		g.inService()
		if log := g.run("/bin/journalctl", "-b", "--no-pager", "-u", "railgated"); !strings.Contains(log, "Watchdog timeout") {
			t.Errorf("the journal has no watchdog's word:\n%s", log)
		}
	})
	t.Run("restarted", func(t *testing.T) {
		g.open()
		from := time.Now()
		g.story.tell("hand", "systemctl restart railgated")
		g.run("/bin/systemctl", "restart", "railgated")
		g.releasedIn(from, asked)
		g.inService()
	})
	t.Run("rebooted", func(t *testing.T) {
		code, _ := g.code()
		shown := time.Now()
		g.scan(code)
		g.raised(shown)
		g.tellJournal()
		from := time.Now()
		g.story.tell("hand", "systemctl reboot")
		g.attempt("/bin/systemctl", "--no-block", "reboot")
		g.releasedIn(from, asked)
		g.comesBackClosed(t, from, code)
	})
	t.Run("the whole machine hung, and reset by its watchdog", func(t *testing.T) {
		code, _ := g.code()
		shown := time.Now()
		g.scan(code)
		g.raised(shown)
		g.run("/bin/sync") // what a reset may lose is TestPowerCut's
		g.tellJournal()
		from := time.Now()
		g.story.tell("hand", "echo c > /proc/sysrq-trigger")
		g.write("/proc/sys/kernel/panic", "0", 0o644)
		g.write("/proc/sys/kernel/sysrq", "1", 0o644)
		g.guest.Go("Guest.Write", File{"/proc/sysrq-trigger", []byte("c"), 0o200}, new(struct{}), nil)
		g.until("the watchdog", func() bool { return g.happened("WATCHDOG") > 0 })
		g.comesBackClosed(t, from, code)
	})
}

// dies kills railgated in the middle of a pulse: ExecStopPost releases the relay within a second of the death.
// On a machine that others load an emulated second is a long one: the best of three tries counts, and where only
// to start a program takes a third of a second or more, the limit is three times that.
func (g *gate) dies(t *testing.T, signal string) {
	t.Helper()
	best, limit := patience, time.Second
	for range 3 {
		g.open()
		pid := g.mainPID()
		from := time.Now()
		g.story.tell("hand", "sends railgated %s", signal)
		g.ask("Kill", Signal{PID: pid, Number: int(unix.SignalNum(signal))}, new(struct{}))
		g.until("its end", func() bool { return g.dead(pid) })
		died := time.Now()
		g.until("the relay is released", func() bool { return len(g.since(from, relayPin)) > 0 })
		c := g.since(from, relayPin)[0]
		if c.high || g.level(t, relayPin) {
			t.Fatalf("the relay: %+v; want it released", c)
		}
		t.Logf("%s: dead after %v, released %v later", signal, died.Sub(from).Round(time.Millisecond), c.at.Sub(died).Round(time.Millisecond))
		best = min(best, c.at.Sub(died))
		g.inService()
		asked := time.Now()
		g.run("/usr/bin/railgate", "--version")
		if limit = max(limit, 3*time.Since(asked)); best < limit {
			return
		}
	}
	t.Errorf("released %v after the death at best; want %v at most", best, limit)
}

// dead tells whether a process has ended, be it not yet buried.
func (g *gate) dead(pid int) bool {
	g.t.Helper()
	var data []byte
	if g.try("Read", fmt.Sprintf("/proc/%d/stat", pid), &data) != nil {
		return true
	}
	_, state, _ := strings.Cut(string(data), ") ")
	return strings.HasPrefix(state, "Z")
}

// comesBackClosed waits for a machine that boots anew: its relay is inactive, stays so, and the code that
// opened before opens no more.
func (g *gate) comesBackClosed(t *testing.T, from time.Time, code string) {
	t.Helper()
	g.until("the reset", func() bool { return g.happened("RESET") > 0 })
	g.set(emergencyPin, true) // the controller has forgotten what its inputs are wired to
	g.again()
	g.inService()
	if g.level(t, relayPin) {
		t.Error("the relay is active after the boot")
	}
	up := 0
	for _, c := range g.since(from, relayPin) {
		if c.high {
			up++
		}
	}
	if up > 0 {
		t.Errorf("the relay was active %d times on the way", up)
	}
	shown := time.Now()
	g.scan(code)
	g.until("the red light", func() bool { return len(g.since(shown, redPin)) > 0 })
	time.Sleep(quiet)
	if c := g.since(shown, relayPin); len(c) > 0 {
		t.Errorf("the code of before opens again: %v", c)
	}
	opened := g.open()
	g.until("the pulse's end", func() bool { return len(g.since(opened.at, relayPin)) > 0 })
	g.forget()
}

// readyAfter is when systemd heard that railgated is ready, in seconds of the guest's clock since power-on.
func (g *gate) readyAfter() string {
	g.t.Helper()
	var micros int64
	if _, err := fmt.Sscan(g.property("ActiveEnterTimestampMonotonic"), &micros); err != nil {
		g.t.Fatal(err)
	}
	return fmt.Sprintf("%.1f", float64(micros)/1e6)
}
