package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// uboot is Debian's U-Boot for QEMU's board (u-boot-qemu).
const uboot = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"

// imageFile is the file that make image BOARD=virt made. Without it there is nothing to test.
func imageFile(t testing.TB) string {
	t.Helper()
	path := os.Getenv("RAILGATE_IMAGE")
	if path == "" {
		t.Skip("RAILGATE_IMAGE names no image: make image-test makes one")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A gate whose configuration a technician has put there, as the store and everything else of its own on the data partition.
func dataFolder(t testing.TB, g *gate) string {
	t.Helper()
	dir := watchersFolder(t, "bin/hil")
	writeFile(t, filepath.Join(dir, "etc/upper/railgate/railgated.toml"), g.config, 0o644)
	writeFile(t, filepath.Join(dir, "etc/upper/railgate/keys.json"), g.keys, 0o644)
	for name, text := range g.given {
		writeFile(t, filepath.Join(dir, "etc/upper/railgate", name), text, 0o644)
	}
	return dir
}

// watchersFolder is the data of a gate that nobody has touched, but for the agent, by which the test looks; its program lies
// there too, for the slots are what was delivered.
func watchersFolder(t testing.TB, program string) string {
	t.Helper()
	dir, etc := t.TempDir(), "etc/upper"
	writeFile(t, filepath.Join(dir, etc, "systemd/system/hil.service"), strings.Replace(agentUnit, "/usr/bin/hil", "/data/hil", 1), 0o644)
	wants := filepath.Join(dir, etc, "systemd/system/sysinit.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../hil.service", filepath.Join(wants, "hil.service")); err != nil {
		t.Fatal(err)
	}
	agent, err := os.ReadFile(filepath.Join(folder(t), program))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "hil"), string(agent), 0o755)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// A diskPart is a partition as sfdisk --json tells of it, in sectors.
type diskPart struct {
	Name        string
	Start, Size int64
}

func partitions(t testing.TB, disk string) map[string]diskPart {
	t.Helper()
	out, err := exec.Command("/sbin/sfdisk", "--json", disk).Output()
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Table struct{ Partitions []diskPart } `json:"partitiontable"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		t.Fatal(err)
	}
	parts := map[string]diskPart{}
	for _, p := range told.Table.Partitions {
		parts[p.Name] = p
	}
	return parts
}

const diskBytes = 3 << 30 // of the card onto which the image was written

// newCard is a card with the image on it, and what a technician gave the gate.
func (g *gate) newCard(t testing.TB) string {
	t.Helper()
	disk := g.path("card.img")
	if out, err := exec.Command("cp", "--sparse=always", imageFile(t), disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data := partitions(t, disk)["railgate-data"]
	if data.Size == 0 {
		t.Fatal("the image has no partition railgate-data")
	}
	if err := os.Truncate(disk, diskBytes); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-d", dataFolder(t, g), "-L", "railgate-data",
		"-E", fmt.Sprintf("offset=%d", data.Start*512), disk, fmt.Sprintf("%dk", data.Size/2)).CombinedOutput()
	if err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	return disk
}

// newImageGate is QEMU's board with U-Boot, and the card in it. Nothing but what is on the card is booted.
func newImageGate(t testing.TB, config string, change ...func(*gate)) *gate {
	t.Helper()
	imageFile(t)
	folder(t)
	g := &gate{config: config, machine: emptyMachine(t)}
	g.makeKeys(t)
	for _, f := range change {
		f(g)
	}
	g.card = g.newCard(t)
	g.turnOn()
	t.Cleanup(g.tellSystem)
	return g
}

// turnOn starts the machine from its card.
func (g *gate) turnOn() {
	g.t.Helper()
	args := append([]string{"-device", "qemu-xhci"}, g.usbScanner()...)
	args = append(args,
		"-nodefaults", "-display", "none", "-S", "-bios", uboot, "-dtb", filepath.Join(folder(g.t), "gate.dtb"),
		"-accel", "tcg,thread=multi", "-machine", "virt,acpi=off", "-cpu", "cortex-a53", "-smp", "1", "-m", "1024", "-serial", "stdio",
		"-qtest", "unix:"+g.path("pins")+",server=on,wait=off", "-qtest-log", "none",
		"-qmp", "unix:"+g.path("monitor")+",server=on,wait=off",
		"-drive", "if=none,id=card,format=raw,file="+g.card, "-device", "virtio-blk-pci,drive=card",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=agent,server=on,wait=off,path="+g.path("agent"),
		"-device", "virtserialport,chardev=agent,name="+portName,
		"-device", "i6300esb", "-action", "watchdog=reset")
	if g.networked {
		net := "user,id=net"
		if g.sshPort != "" {
			net += ",hostfwd=tcp:127.0.0.1:" + g.sshPort + "-:22"
		}
		args = append(args, "-netdev", net, "-device", "virtio-net-pci,netdev=net,id=cable,romfile=")
	}
	if g.stick != "" {
		args = append(args, "-drive", "if=none,id=stick,format=raw,readonly=on,file="+g.stick, "-device", "virtio-blk-pci,drive=stick")
	}
	g.machine.start(args...)
	g.connect()
	g.plug()
}

// From the power switch to a passage, by the disk that a gate is delivered with.
func TestImagePassage(t *testing.T) {
	g := newImageGate(t, wired)
	g.inService()
	t.Logf("ready %s s after the kernel's start", g.readyAfter())
	var code, certificate string
	g.step("a passage", func(t *testing.T) {
		shown := time.Now()
		code, certificate, _ = g.opens()
		g.pulsed(shown)
		g.walksOnSystem()
		g.isSpent(code, certificate)
	})
	g.step("what runs, and what does not", func(t *testing.T) { g.isDelivered(t) })
}

// isDelivered compares the running system with what docs/installation.md says of images.
func (g *gate) isDelivered(t *testing.T) {
	for _, tt := range []struct{ name, command, want string }{
		{"the root is read-only", "findmnt -no FSTYPE,OPTIONS / | tr -s ' ' | cut -c1-11", "squashfs ro"},
		{"the slot", "rauc status --output-format=shell | sed -n 's/^RAUC_SYSTEM_BOOTED_BOOTNAME=//p'", "'A'"},
		{"ssh", "systemctl is-enabled ssh; systemctl is-active ssh; ls /etc/ssh | grep -c host_ || true", "disabled\ninactive\n0"},
		{"no login that a keyboard reaches", "systemctl is-active getty@tty1; systemctl is-enabled getty@tty1 autovt@tty2", "inactive\nmasked\nmasked"},
		{"the watchdog", "cat /sys/class/watchdog/watchdog0/state; systemctl show -P RuntimeWatchdogUSec", "active\n10s"},
		{"nothing failed", "systemctl --failed --no-legend --plain", ""},
		{"an identity of its own", "wc -c </etc/machine-id; mountpoint -q /etc && echo kept", "33\nkept"},
		{"the store is on the disk itself", "for dir in railgate railgate-mark; do findmnt -no FSTYPE /var/lib/$dir; done", "ext4\next4"},
		{"the time daemon", "systemctl is-active systemd-timesyncd", "active"},
		{"what a laptop reads", "ls /boot/railgate/provision", "README.txt"},
		{"a clock", "test -e /dev/rtc0 && echo clock", "clock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.TrimSpace(g.attempt("sh", "-c", tt.command).Output); got != tt.want {
				t.Errorf("%s:\n%s\nwant:\n%s", tt.command, got, tt.want)
			}
		})
	}
	var bytes int64
	if _, err := fmt.Sscan(g.run("findmnt", "-bno", "SIZE", "/data"), &bytes); err != nil {
		t.Fatal(err)
	}
	data := partitions(t, g.card)["railgate-data"]
	if room := diskBytes - data.Start*512; bytes < room*9/10 {
		t.Errorf("/data has %d MB; the card has room for %d", bytes>>20, room>>20)
	}
}
