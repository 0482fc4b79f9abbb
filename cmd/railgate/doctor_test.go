package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/driver/clock"
)

// A ward is a site on a machine of its own: its users, its units, and a shell in which
// systemctl and the like change that machine and no other.
type ward struct {
	*site
	host    *host
	systemd string // what systemctl show prints; "": there is no systemd
	journal string // what journalctl prints
	sample  clock.Sample
}

func newWard(t *testing.T) *ward {
	t.Helper()
	w := &ward{site: newSite(t), sample: clock.Sample{Synced: true, Wall: time.Now()}}
	w.systemd = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\n"
	w.host = newHost(t, map[string]string{
		"/etc/passwd": "root:x:0:0::/:/bin/sh\ndaemon:x:1:1::/:/bin/sh\n",
		"/etc/group":  "root:x:0:\ndaemon:x:1:\ndialout:x:20:\n",
		"/etc/shadow": "daemon:*::::::\n", "/etc/gshadow": "",
		"/etc/systemd/system/railgated.service": "[Service]\nUser=daemon\n",
		"/dev/rtc0":                             "",
		"/state":                                w.systemd,
	})
	w.host.clock = func() clock.Sample { return w.sample }
	w.host.run = func(_ context.Context, name string, _ ...string) (string, error) {
		text, err := os.ReadFile(w.host.path("/state"))
		if name == "journalctl" {
			return w.journal, err
		}
		if len(text) == 0 {
			return "", errors.New("System has not been booted with systemd as init system")
		}
		return string(text), err
	}
	if err := os.Symlink("/proc", w.host.path("/proc")); err != nil {
		t.Fatal(err)
	}
	return w
}

// state sets what systemctl says.
func (w *ward) state(lines string) {
	w.t.Helper()
	if err := os.WriteFile(w.host.path("/state"), []byte(lines), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) examine() []finding {
	p := &patient{gate: &gate{config: w.path("gate.toml")}, host: w.host}
	return p.examine(w.t.Context())
}

// find is the finding of a cause.
func find(findings []finding, cause string) (f finding, ok bool) {
	i := slices.IndexFunc(findings, func(f finding) bool { return f.Cause == cause })
	if i < 0 {
		return finding{}, false
	}
	return findings[i], true
}

// paste runs a remedy as a technician would, in the ward.
func (w *ward) paste(command string) error {
	w.t.Helper()
	bin, err := programs()
	if err != nil {
		w.t.Fatal(err)
	}
	tools := w.path("tools")
	for name, script := range map[string]string{
		"systemctl":        "printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nMainPID=1\\n' > " + w.host.path("/state"),
		"udevadm":          "grep -q '^SUBSYSTEM.*1a2c.*0e24' " + w.host.path("/etc/udev/rules.d/98-scanner.rules") + " && chmod 666 " + w.path("event3"),
		"systemd-sysusers": "echo ghost:x:4711:1::/:/bin/false >> " + w.host.path("/etc/passwd"),
		"usermod":          "exec /usr/sbin/usermod -P " + w.host.root + ` "$@"`,
		"editor":           "cp " + w.path("good.toml") + " " + w.path("gate.toml"),
	} {
		w.write("tools/"+name, "#!/bin/sh\n"+script+"\n")
		if err := os.Chmod(filepath.Join(tools, name), 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	c := exec.Command("sh", "-c", command)
	c.Env = append(os.Environ(), "PATH="+tools+":"+bin+":"+os.Getenv("PATH"))
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Each cause is found, and is gone once its command was pasted.
func TestRemedies(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a remedy is root's")
	}
	for _, tt := range []struct {
		cause  string
		damage func(t *testing.T, w *ward)
		why    string // a part of what is said
		remedy string // a part of the command
	}{
		{control.ConfigInvalid, func(t *testing.T, w *ward) { w.write("gate.toml", w.read("gate.toml")+"nonsense = 1\n") }, "nonsense", "editor +12 "},
		{control.ConfigInvalid, func(t *testing.T, w *ward) { w.remove("gate.toml") }, "no such file", "railgate config > "},
		{control.ConfigUnreadable, func(t *testing.T, w *ward) { w.chmod("gate.toml", 0o600) }, "user daemon may not read", "chgrp daemon "},
		{control.UserMissing, func(t *testing.T, w *ward) {
			w.hostFile("/etc/systemd/system/railgated.service", "[Service]\nUser=ghost\n")
		}, `user "ghost"`, "systemd-sysusers"},
		{control.UserNotInGroup, func(t *testing.T, w *ward) { w.serial(0o660, 20) }, "the group dialout's", "usermod -a -G dialout daemon"},
		{control.DeviceForbidden, func(t *testing.T, w *ward) { w.serial(0o600, 0) }, "root:root, mode 0600", "chgrp daemon "},
		{control.DeviceForbidden, func(t *testing.T, w *ward) { w.keyboard() }, "scanner front", `ATTRS{idVendor}=="1a2c", ATTRS{idProduct}=="0e24"`},
		{control.ScannerBusy, func(t *testing.T, w *ward) { w.serial(0o666, 0); another(t, w.path("scanner")) }, "is held by railgate", "kill "},
		{control.DaemonStopped, func(t *testing.T, w *ward) {}, "inactive", "systemctl enable --now railgated"},
		{control.DaemonStopped, func(t *testing.T, w *ward) {
			w.state("LoadState=masked\nActiveState=inactive\nSubState=dead\nMainPID=0\n")
		}, "masked", "systemctl unmask railgated && systemctl enable --now railgated"},
		{control.DaemonFailed, func(t *testing.T, w *ward) {
			w.state("LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=2\n")
			w.journal = "gate.toml:3: lane.direction: up\n"
		}, "exit-code, exit status 2; its last words: gate.toml:3: lane.direction: up", "systemctl restart railgated"},
		{control.KeysetNotConfigured, func(t *testing.T, w *ward) {
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), "keys = ", "keys = \"\" #", 1))
		}, "keys is empty", "sed -i "},
		{control.KeysetNotConfigured, func(t *testing.T, w *ward) {
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), "keys = ", "#", 1))
		}, "keys is empty", "sed -i "},
		{control.KeysetMissing, func(t *testing.T, w *ward) { w.remove("keys.json") }, "no such file", "keys install KEYS.JSON"},
		{control.KeysetMissing, func(t *testing.T, w *ward) { w.write("keys.json.old", w.read("keys.json")); w.remove("keys.json") }, "the keyset from before is good", "keys.json.old"},
		{control.KeysetInvalid, func(t *testing.T, w *ward) { w.write("keys.json", "garbage") }, "invalid character", "keys install"},
		{control.KeysetInvalid, func(t *testing.T, w *ward) { w.write("keys.json", "{}") }, "names no", "keys install"},
		{control.KeysetUnreadable, func(t *testing.T, w *ward) { w.chmod("keys.json", 0o600) }, "root:root, mode 0600", "chgrp daemon "},
		{control.KeysetUnreadable, func(t *testing.T, w *ward) {
			w.mkdir("closed", 0o700)
			w.write("closed/keys.json", w.read("keys.json"))
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), w.path("keys.json"), w.path("closed/keys.json"), 1))
		}, "the folder", "chmod g+x "},
		{control.KeysetHidden, func(t *testing.T, w *ward) {
			w.hostFile("/etc/systemd/system/railgated.service", "[Service]\nUser=daemon\nPrivateTmp=yes\n")
		}, "hidden from railgated.service", "install -D "},
		{control.DataReadOnly, func(t *testing.T, w *ward) {
			w.hostFile("/etc/systemd/system/railgated.service", "[Service]\nUser=daemon\nProtectSystem=strict\nStateDirectory=railgate\n")
		}, "(/var/lib/railgate)", "ReadWritePaths="},
		{control.KeysetExpired, func(t *testing.T, w *ward) { w.write("keys.json", w.keyset(1, -time.Hour, w.signers[0])) }, "the last key ended", "keys install"},
		{control.DataMissing, func(t *testing.T, w *ward) { w.remove("data") }, "is not there", "install -d "},
		{control.DataUnwritable, func(t *testing.T, w *ward) { w.chown("data", 0) }, "user daemon may not write to", "chown -R daemon:daemon "},
		{control.StoreBusy, func(t *testing.T, w *ward) { w.makeStore(); another(t, w.path("data/gate.db")) }, "is held by railgate", "kill "},
		{control.StoreSetAside, func(t *testing.T, w *ward) {
			w.makeStore()
			if err := os.Rename(w.path("data/gate.db"), w.path("data/gate.db.damaged-20261123T040000.000Z")); err != nil {
				t.Fatal(err)
			}
		}, "damaged-2026", "journal export --json --file"},
		{control.DataUnwritable, func(t *testing.T, w *ward) {
			if out, err := exec.Command("chattr", "+i", w.path("data")).CombinedOutput(); err != nil {
				t.Skipf("a folder cannot be made immutable here: %s", out)
			}
			t.Cleanup(func() { exec.Command("chattr", "-i", w.path("data")).Run() })
		}, "immutable", "chattr -R -i -a "},
		{control.DiskReadOnly, func(t *testing.T, w *ward) { w.mount("ro") }, "mounted read-only", "mount -o remount,rw "},
		{control.HTTPPortTaken, func(t *testing.T, w *ward) {
			w.configure("[http]", `listen = "127.0.0.1:`+freePort(t)+`"`)
			another(t, strings.Split(w.read("gate.toml"), `listen = "`)[1][:len("127.0.0.1:00000")])
		}, "is held by railgate", "kill "},
	} {
		t.Run(tt.cause, func(t *testing.T) {
			w := newWard(t)
			w.chown("data", 1)
			w.mkdir("tools", 0o755)
			w.write("good.toml", w.read("gate.toml"))
			w.write("good.json", w.read("keys.json"))
			tt.damage(t, w)
			f, ok := find(w.examine(), tt.cause)
			if !ok || !strings.Contains(f.Text, tt.why) || !strings.Contains(f.Fix, tt.remedy) || f.What == "" || f.Matters == "" {
				t.Fatalf("%+v, among %+v; want %q, %q", f, w.examine(), tt.why, tt.remedy)
			}
			if err := w.paste(strings.Replace(f.Fix, "KEYS.JSON", w.path("good.json"), 1)); err != nil {
				t.Fatalf("%s: %v", f.Fix, err)
			}
			w.until(tt.cause+" is gone", func() bool { _, there := find(w.examine(), tt.cause); return !there })
		})
	}
}

// Causes that no command of ours mends, or none that a test may run.
func TestCausesWithoutACommandForATest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cause  string
		damage func(w *ward)
		why    string
	}{
		{control.ScannerMissing, func(w *ward) { w.serial(0o666, 0); w.remove("scanner") }, "scanner front: "},
		{control.GPIOChipMissing, func(w *ward) {
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), `driver = "sim"`, "driver = \"gpio\"\nopen = \"nochip:1\"\npassage = \"nochip:2\"", 1))
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), "trace = ", "#", 1))
		}, "nochip"},
		{control.DaemonSilent, func(w *ward) { w.state("LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=17\n") }, "process 17 runs"},
		{control.DaemonStarts, func(w *ward) { w.state("LoadState=loaded\nActiveState=activating\nSubState=start\n") }, "start"},
		{control.ClockNotSynchronised, func(w *ward) {
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), "require_sync = false", "require_sync = true", 1))
			w.sample.Synced = false
		}, "nothing keeps its clock right"},
		{control.ClockBelowFloor, func(w *ward) { w.sample.Wall = time.Unix(-1, 0) }, "1969-12-31"},
		{control.NoBatteryClock, func(w *ward) {
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), "require_sync = false", "require_sync = true", 1))
			os.Remove(w.host.path("/dev/rtc0"))
		}, "/dev/rtc0"},
		{control.RelayKept, func(w *ward) {
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), `driver = "sim"`, "driver = \"gpio\"\nopen = \"a:1\"\npassage = \"a:2\"", 1))
			w.write("gate.toml", strings.Replace(w.read("gate.toml"), "trace = ", "#", 1))
			w.hostFile("/sys/module/pinctrl_rp1/parameters/persist_gpio_outputs", "Y\n")
		}, "pinctrl_rp1"},
		{control.BootloaderOld, func(w *ward) {
			w.hostFile("/etc/rauc/system.conf", "[system]\n")
			w.hostFile("/boot/railgate/autoboot.txt", "[all]\n")
			w.hostFile("/sys/firmware/devicetree/base/chosen/bootloader/build-timestamp", "\x61\x00\x00\x00")
			w.hostFile("/sys/firmware/devicetree/base/chosen/bootloader/capabilities", "\x00\x00\x00\x03")
		}, "2021-07-27"},
		{control.KernelNoTryboot, func(w *ward) {
			w.hostFile("/etc/rauc/system.conf", "[system]\n")
			w.hostFile("/boot/railgate/autoboot.txt", "[all]\n")
			w.hostFile("/sys/firmware/devicetree/base/chosen/bootloader/capabilities", "\x00\x00\x00\x7f")
		}, "/dev/vcio"},
		{control.DiskFull, func(w *ward) { w.mount("size=512k") }, "are free"},
		{control.DiskFull, func(w *ward) { w.mount("size=900m,nr_inodes=4") }, "more files"},
		{control.DiskLow, func(w *ward) { w.mount("size=64m") }, "are free"},
	} {
		t.Run(tt.cause, func(t *testing.T) {
			w := newWard(t)
			if f, there := find(w.examine(), tt.cause); there {
				t.Fatalf("found where all is well: %+v", f)
			}
			tt.damage(w)
			if f, ok := find(w.examine(), tt.cause); !ok || !strings.Contains(f.Text, tt.why) || f.Fix == "" {
				t.Errorf("%+v; want it found, %q", w.examine(), tt.why)
			}
		})
	}
}

// A board whose slot U-Boot chooses needs nothing of its own bootloader, nor of the kernel.
func TestDoctorOfARaspberryPiWithUBoot(t *testing.T) {
	w := newWard(t)
	w.hostFile("/etc/rauc/system.conf", "[system]\n")
	w.hostFile("/sys/firmware/devicetree/base/chosen/bootloader/capabilities", "\x00\x00\x00\x03")
	for _, cause := range []string{control.BootloaderOld, control.KernelNoTryboot} {
		if f, there := find(w.examine(), cause); there {
			t.Errorf("%+v", f)
		}
	}
}

// A unit that systemd cannot read is not started by the usual command.
func TestDoctorOfAUnitThatCannotBeRead(t *testing.T) {
	w := newWard(t)
	w.state("LoadState=bad-setting\nActiveState=inactive\nSubState=dead\nMainPID=0\n")
	if f, _ := find(w.examine(), control.DaemonStopped); f.Fix != "systemd-analyze verify railgated.service" || !strings.Contains(f.Hands, "Correct the line") {
		t.Errorf("%+v; want the command that names the line, and what to do with it", f)
	}
}

// A railgated that systemd runs, and that does not answer, has the store: it is restarted, not ended.
func TestTheStoreOfASilentDaemonIsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.makeStore()
	pid := another(t, w.path("data/gate.db"))
	w.state(fmt.Sprintf("LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=%d\n", pid))
	findings := w.examine()
	if f, there := find(findings, control.StoreBusy); there {
		t.Errorf("%+v; want the store to be railgated's own", f)
	}
	if f, _ := find(findings, control.DaemonSilent); f.Fix != "systemctl restart railgated" {
		t.Errorf("%+v; want daemon_silent", findings)
	}
}

// All that is wrong is said at once.
func TestDoctorSaysEveryCause(t *testing.T) {
	w := newWard(t)
	w.serial(0o660, 20)
	w.remove("keys.json")
	w.remove("data")
	var got []string
	for _, f := range w.examine() {
		if f.Cause != "" {
			got = append(got, f.Cause)
		}
	}
	want := []string{control.DaemonStopped, control.KeysetMissing, control.DataMissing}
	if os.Geteuid() == 0 {
		want = append(want, control.UserNotInGroup)
	}
	for _, c := range want {
		if !slices.Contains(got, c) {
			t.Errorf("causes %v; want %s among them", got, c)
		}
	}
	if w.write("gate.toml", "nonsense = 1\npassage = 2\n"); len(w.examine()) < 3 {
		t.Errorf("%+v; want each error of the configuration", w.examine())
	}
}

// Beside a daemon that answers, the doctor exits as status does: what it finds on its own
// does not close a lane that works.
func TestDoctorExitsAsStatus(t *testing.T) {
	t.Parallel()
	causes := []control.Cause{control.NewCause("unknown_key", "nobody gets in: 12 of the last decisions were unknown_key")}
	for health, want := range map[control.Health]int{control.Healthy: 0, control.Degraded: 1, control.OutOfService: 2} {
		s := newSite(t)
		st := control.Status{Health: health, PID: os.Getpid(), Config: s.path("gate.toml"), Clock: control.Clock{Trusted: true, Time: time.Now()}}
		if health != control.Healthy {
			st.Causes = slices.Clone(causes)
			st.Causes[0].Severity = health
		}
		serveStatus(t, s.path("data"), st)
		status, out, errOut := s.tool("doctor", "--json")
		var got struct {
			Health control.Health
			Causes []control.Cause
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || status != want || got.Health != health {
			t.Errorf("%s: status %d, %s, %v, %q; want %d", health, status, out, err, errOut, want)
		}
		if health != control.Healthy && (len(got.Causes) != 1 || got.Causes[0].Cause != "unknown_key" || got.Causes[0].Remedy != "railgate keys install KEYS.JSON") {
			t.Errorf("%s: %s; want the daemon's cause with its remedy", health, out)
		}
	}
	s := newSite(t)
	serveStatus(t, s.path("data"), control.Status{Health: control.Healthy, PID: os.Getpid(), Clock: control.Clock{Trusted: true, Time: time.Now()}})
	s.remove("keys.json")
	status, out, _ := s.tool("doctor")
	if status != exitDegraded || !strings.Contains(out, "! keyset_missing: ") || !strings.Contains(out, "→ railgate --config") {
		t.Errorf("status %d, %q; want degraded: the lane works by the keyset that it has", status, out)
	}
}

// What the daemon says in general is said once, with what the doctor found behind it.
func TestDoctorFindsTheCauseBehindTheDaemons(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.serial(0o666, 0)
	pid := another(t, w.path("scanner"))
	down := control.NewCause(control.ScannerDown, "scanner: front: another program reads it already")
	down.Since, down.Unsure = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), true
	serveStatus(t, w.path("data"), control.Status{
		Health: control.OutOfService, PID: os.Getpid(), Problems: []string{down.Why, "something of an older daemon"}, Causes: []control.Cause{down},
	})
	findings := w.examine()
	f, ok := find(findings, control.ScannerBusy)
	if !f.Since.Equal(down.Since) || !f.Unsure {
		t.Errorf("%+v; want it since %v, as the daemon says", f, down.Since)
	}
	if _, general := find(findings, control.ScannerDown); !ok || general || f.Level != control.OutOfService || f.Fix != fmt.Sprint("kill ", pid) {
		t.Errorf("%+v; want scanner_busy in place of scanner_down, out of service", findings)
	}
	if !slices.ContainsFunc(findings, func(f finding) bool {
		return f.Text == "something of an older daemon" && f.Level == control.OutOfService
	}) {
		t.Errorf("%+v; want the problem that has no cause", findings)
	}
}

// Beside a daemon that is stopped, systemd knows since when.
func TestDoctorSaysSinceWhenTheDaemonIsStopped(t *testing.T) {
	w := newWard(t)
	if f, _ := find(w.examine(), control.DaemonStopped); !f.Since.IsZero() {
		t.Errorf("%+v; want no time, for it has never run", f)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	ago := min(time.Minute, time.Duration(now.Nano())/2)
	w.state(w.systemd + fmt.Sprintf("ActiveExitTimestampMonotonic=%d\n", (time.Duration(now.Nano())-ago)/time.Microsecond))
	f, _ := find(w.examine(), control.DaemonStopped)
	if want := w.sample.Wall.Add(-ago); f.Since.Sub(want).Abs() > 30*time.Second || f.Unsure {
		t.Errorf("%+v; want since %v", f, want)
	}
}

// A scanner's finding has nothing to do with what the daemon says of another.
func TestDoctorKeepsScannersApart(t *testing.T) {
	w := newWard(t)
	w.serial(0o666, 0)
	w.remove("scanner")
	back := control.NewCause(control.ScannerDown, "scanner back: no frames")
	back.About, back.Since = "back", time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	serveStatus(t, w.path("data"), control.Status{Health: control.Degraded, PID: os.Getpid(), Problems: []string{back.Why}, Causes: []control.Cause{back}})
	findings := w.examine()
	f, missing := find(findings, control.ScannerMissing)
	if _, down := find(findings, control.ScannerDown); !missing || !down || f.About != "front" || !f.Since.IsZero() {
		t.Errorf("%+v; want scanner_missing of front, and scanner_down of back", findings)
	}
}

func (w *ward) serial(mode os.FileMode, group int) {
	w.t.Helper()
	w.configure("[[scanner]]", `name = "front"`, `driver = "serial"`, fmt.Sprintf("port = %q", w.path("scanner")))
	w.write("scanner", "")
	if err := os.Chown(w.path("scanner"), -1, group); err != nil && os.Geteuid() == 0 {
		w.t.Fatal(err)
	}
	w.chmod("scanner", mode)
}

// keyboard is a scanner that types, of a maker whom the udev rules do not know.
func (w *ward) keyboard() {
	w.t.Helper()
	w.configure("[[scanner]]", `name = "front"`, `driver = "keyboard"`, fmt.Sprintf("device = %q", w.path("event3")))
	w.write("event3", "")
	w.chmod("event3", 0o600)
	w.hostFile("/sys/class/input/event3/device/id/vendor", "1a2c\n")
	w.hostFile("/sys/class/input/event3/device/id/product", "0e24\n")
	w.hostFile("/etc/udev/rules.d/README", "")
}

func (w *ward) chmod(name string, mode os.FileMode) {
	w.t.Helper()
	if err := os.Chmod(w.path(name), mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) chown(name string, id int) {
	w.t.Helper()
	if err := os.Chown(w.path(name), id, id); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) mkdir(name string, mode os.FileMode) {
	w.t.Helper()
	if err := os.Mkdir(w.path(name), mode); err != nil {
		w.t.Fatal(err)
	}
}

func (s *site) remove(name string) {
	s.t.Helper()
	if err := os.RemoveAll(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

func (w *ward) hostFile(name, text string) {
	w.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(w.host.path(name)), 0o755), os.WriteFile(w.host.path(name), []byte(text), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) makeStore() {
	w.t.Helper()
	s, err := openStore(w.path("data"))
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// mount mounts a file system in memory at the data folder.
func (w *ward) mount(options string) {
	w.t.Helper()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", w.path("data")).CombinedOutput(); err != nil {
		w.t.Skipf("a file system cannot be mounted here: %s", out)
	}
	w.t.Cleanup(func() { exec.Command("umount", w.path("data")).Run() })
	os.Chown(w.path("data"), 1, 1)
}
