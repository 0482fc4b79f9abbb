package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// needless is what Debian's systemd would also start, and no gate misses: an empty file in its place masks it. An
// emulated processor takes a third of a second for each.
const needless = `
system-generators/systemd-bless-boot-generator system-generators/systemd-cryptsetup-generator
system-generators/systemd-fstab-generator system-generators/systemd-getty-generator
system-generators/systemd-gpt-auto-generator system-generators/systemd-hibernate-resume-generator
system-generators/systemd-integritysetup-generator system-generators/systemd-rc-local-generator
system-generators/systemd-run-generator system-generators/systemd-system-update-generator
system-generators/systemd-sysv-generator system-generators/systemd-veritysetup-generator
system/modprobe@.service system/dev-hugepages.mount system/dev-mqueue.mount
system/sys-kernel-debug.mount system/sys-kernel-tracing.mount system/sys-kernel-config.mount
system/sys-fs-fuse-connections.mount system/kmod-static-nodes.service system/systemd-random-seed.service
system/systemd-sysctl.service system/systemd-user-sessions.service system/systemd-update-utmp.service
system/systemd-update-utmp-runlevel.service system/getty.target system/systemd-binfmt.service
system/proc-sys-fs-binfmt_misc.automount system/systemd-journal-flush.service
system/dbus.socket system/dbus.service system/systemd-logind.service
`

// shipped are the files of the folder systemd, by where they go.
var shipped = map[string]string{
	"usr/lib/systemd/system/railgated.service": "railgated.service",
	"usr/lib/sysusers.d/railgate.conf":         "sysusers.d/railgate.conf",
	"usr/lib/tmpfiles.d/railgate.conf":         "tmpfiles.d/railgate.conf",
	"usr/lib/udev/rules.d/99-railgate.rules":   "udev/99-railgate.rules",
	"etc/systemd/system.conf.d/railgate.conf":  "system.conf.d/railgate.conf",
}

// lapUnit starts a program in railgated's own sandbox, and is done when it has ended.
func lapUnit(t testing.TB) string {
	t.Helper()
	unit, err := os.ReadFile("../../systemd/railgated.service")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("Type=notify", "Type=oneshot", "railgated --config /etc/railgate/railgated.toml", "railgate --version",
		"\nExecStopPost=", "\n#", "\nRestart=", "\n#", "\nWatchdogSec=", "\n#").Replace(string(unit))
}

// newSystem boots a gate as it is delivered: Debian's systemd and udev, and the files of the folder systemd.
func newSystem(t testing.TB, config string, change ...func(testing.TB, *setup)) *gate {
	t.Helper()
	home := folder(t)
	g := &gate{config: config}
	g.makeKeys(t)
	own := t.TempDir()
	s := setup{files: map[string]string{}, plain: map[string]string{}, memory: 512}
	for name, text := range map[string]string{
		"etc/railgate/railgated.toml":    config,
		"etc/railgate/keys.json":         g.keys,
		"etc/systemd/system/hil.service": agentUnit,
		"etc/systemd/system/lap.service": lapUnit(t),
	} {
		path := filepath.Join(own, filepath.Base(name))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.plain["overlay/"+name] = path
	}
	for name, from := range shipped {
		s.plain["overlay/"+name] = filepath.Join("../../systemd", from)
	}
	for _, name := range strings.Fields(needless) {
		s.plain["overlay/etc/systemd/"+name] = os.DevNull
	}
	for _, name := range []string{"railgated", "railgated-faults", "railgate", "hil"} {
		s.files["overlay/usr/bin/"+name] = filepath.Join(home, "bin", name)
	}
	s.modules = []string{"virtio_blk", "crc32c_generic", "ext4", "i6300esb"}
	s.disk = "snapshot=on,file=" + filepath.Join(home, "root.ext4")
	s.words = []string{"root=/dev/vda", "systemd.wants=hil.service", "systemd.wants=railgated.service", "systemd.show_status=0", "rw"}
	s.flags = []string{"-device", "i6300esb", "-action", "watchdog=reset"}
	for _, f := range change {
		f(t, &s)
	}
	g.machine = newMachine(t, s)
	g.plug()
	t.Cleanup(g.tellSystem)
	return g
}

// tellSystem adds to the story, and shows what a failed test leaves.
func (g *gate) tellSystem() {
	g.tellJournal()
	if !g.t.Failed() {
		return
	}
	for _, args := range [][]string{
		{"/bin/systemctl", "--no-pager", "status", "-l", "railgated"}, {"/bin/journalctl", "-b", "--no-pager", "-n", "80"}, {"/bin/ls", "-lR", "/dev/serial", "/dev/railgate"},
	} {
		var r Result
		err := g.try("Run", Command{Args: args}, &r)
		g.t.Logf("%v: %v %s\n%s", args, err, r.End, r.Output)
	}
}

// tellJournal adds what railgated wrote since the boot to the story.
func (g *gate) tellJournal() {
	var r Result
	if g.try("Run", Command{Args: []string{"/bin/journalctl", "-b", "--no-pager", "-o", "short-iso-precise", "-u", "railgated"}}, &r) == nil {
		g.story.log(r.Output, journalTime)
	}
}

// step is a part of a test, and the end of it if it fails: what comes after would only wait in vain.
func (g *gate) step(name string, part func(t *testing.T)) {
	whole := g.t.(*testing.T)
	defer func() { g.t = whole }()
	if !whole.Run(name, func(t *testing.T) { g.t = t; part(t) }) {
		whole.FailNow()
	}
}

// bootPatience is for a system's boot on an emulated processor, of which a machine that others load runs a tenth.
const bootPatience = 15 * time.Minute

// inService waits until railgated, under systemd, is healthy: its lane works, its scanner listens.
func (g *gate) inService() {
	g.t.Helper()
	g.within(bootPatience, "in service", func() bool {
		return isInService(g.attempt("railgate", "status", "--json"))
	})
}

// isInService tells by what railgate status --json says.
func isInService(r Result) bool {
	return r.End == "exit status 0" && strings.Contains(strings.ReplaceAll(r.Output, " ", ""), `"mode":"closed"`)
}

// property is one of railgated.service's.
func (g *gate) property(name string) string {
	g.t.Helper()
	return strings.TrimSpace(g.run("/bin/systemctl", "show", "--timestamp=us+utc", "-P", name, "railgated"))
}

func (g *gate) mainPID() (pid int) {
	g.t.Helper()
	if _, err := fmt.Sscan(g.property("MainPID"), &pid); err != nil || pid == 0 {
		g.t.Fatalf("railgated's number: %d, %v", pid, err)
	}
	return pid
}

// startedAt is when systemd started railgated, by this machine's clock.
func (g *gate) startedAt() time.Time {
	g.t.Helper()
	at, err := time.Parse("Mon 2006-01-02 15:04:05.999999 MST", g.property("ExecMainStartTimestamp"))
	if err != nil {
		g.t.Fatal(err)
	}
	return at.Add(-g.story.ahead)
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

// second is what a second of a board's is here, where a processor is emulated by a machine that has other work: twice
// what systemd now needs to start a small program in railgated's sandbox and to hear of its end, and no less than one.
func (g *gate) second() time.Duration {
	g.t.Helper()
	from := time.Now()
	g.run("/bin/systemctl", "start", "lap")
	return max(time.Second, 2*time.Since(from))
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
