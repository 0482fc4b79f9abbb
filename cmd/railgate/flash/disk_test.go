package flash

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A machine is a tree of files like /sys, /proc and /dev.
type machine struct {
	t    *testing.T
	dir  string
	host Host
}

func newMachine(t *testing.T, mounts, swaps string) *machine {
	dir := t.TempDir()
	m := &machine{t: t, dir: dir, host: Host{Sys: dir + "/sys", Proc: dir + "/proc", Dev: dir + "/dev"}}
	m.file("proc/self/mountinfo", strings.ReplaceAll(mounts, "DEV", m.host.Dev))
	m.file("proc/swaps", "Filename Type Size Used Priority\n"+strings.ReplaceAll(swaps, "DEV", m.host.Dev))
	m.folder("sys/block")
	return m
}

func (m *machine) folder(name string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Join(m.dir, name), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) file(name, text string) {
	m.t.Helper()
	m.folder(filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) link(name, to string) {
	m.t.Helper()
	m.folder(filepath.Dir(name))
	if err := os.Symlink(to, filepath.Join(m.dir, name)); err != nil {
		m.t.Fatal(err)
	}
}

// block adds a block device under a device's folder, with files of it.
func (m *machine) block(at, name, dev string, files map[string]string) {
	m.t.Helper()
	m.file("sys/devices/"+at+"/"+name+"/dev", dev)
	for f, text := range files {
		m.file("sys/devices/"+at+"/"+name+"/"+f, text)
	}
	m.link("sys/block/"+name, "../devices/"+at+"/"+name)
}

const gib = "2097152" // in sectors

// Each disk says what it is, what is on it, and why it is not written.
func TestDisks(t *testing.T) {
	m := newMachine(t, `22 1 253:0 / / rw - ext4 /dev/mapper/root rw
23 1 8:33 / /media/usb\040stick rw shared:1 - vfat DEV/sdc1 rw
24 1 0:40 / /home rw - btrfs DEV/nvme1n1p1 rw
`, "DEV/sdd2 partition 1 0 -2\n")
	m.block("pci/ata1", "sda", "8:0", map[string]string{"size": gib, "device/model": "Built in  \n", "sda1/partition": "1", "sda1/dev": "8:1", "sda1/size": "2048"})
	m.link("sys/devices/pci/ata1/sda/sda1/holders/dm-0", "../../../../virtual/dm-0")
	m.block("virtual", "dm-0", "253:0", map[string]string{"size": gib})
	m.block("pci/usb1/1-1", "sdb", "8:16", map[string]string{"size": gib, "device/vendor": "Kingston", "device/model": "DT", "removable": "1", "sdb1/partition": "1", "sdb1/dev": "8:17", "sdb1/size": "2048"})
	m.file("dev/sdb1", "")
	m.link("dev/disk/by-label/MY\\x20FILES", "../../sdb1")
	m.block("pci/usb1/1-2", "sdc", "8:32", map[string]string{"size": gib, "sdc1/partition": "1", "sdc1/dev": "8:33"})
	m.block("pci/ata2", "sdd", "8:48", map[string]string{"size": gib, "sdd2/partition": "2", "sdd2/dev": "8:50"})
	m.block("pci/nvme", "nvme1n1", "259:0", map[string]string{"size": gib, "nvme1n1p1/partition": "1", "nvme1n1p1/dev": "259:1"})
	m.block("pci/ata3", "sde", "8:64", map[string]string{"size": gib})
	m.block("platform/mmc", "mmcblk0", "179:0", map[string]string{"size": gib, "ro": "1", "device/type": "SD", "device/name": "SC16G"})
	m.block("pci/usb1/1-3", "sdf", "8:80", map[string]string{"size": "0"}) // a reader without a card
	m.block("virtual", "loop0", "7:0", map[string]string{"size": gib})

	disks, err := m.host.Disks()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Disk)
	for _, d := range disks {
		got[filepath.Base(d.Path)] = d
	}
	for name, want := range map[string]struct {
		why       string
		removable bool
	}{
		"sda":     {"the system's: mounted at /", false},
		"sdb":     {"", true},
		"sdc":     {"mounted at /media/usb stick; unmount it first", true},
		"sdd":     {"the system's: it swaps there", false},
		"nvme1n1": {"the system's: mounted at /home", false},
		"sde":     {"", false},
		"mmcblk0": {"", true},
	} {
		d, ok := got[name]
		if !ok || d.Why != want.why || d.Removable != want.removable || d.Size != 1<<30 {
			t.Errorf("%s: %+v; want %+v", name, d, want)
		}
	}
	if len(disks) != 7 || !disks[0].Removable || disks[0].Why != "" {
		t.Errorf("%d disks, the first %+v", len(disks), disks[0])
	}
	b := got["sdb"]
	if b.Model != "Kingston DT" || b.Transport != "usb" || len(b.Partitions) != 1 || b.Partitions[0].Label != "MY FILES" || b.Partitions[0].Size != 1<<20 {
		t.Errorf("%+v", b)
	}
	if c := got["mmcblk0"]; !c.ReadOnly || c.Model != "SC16G" || c.Transport != "mmc" {
		t.Errorf("%+v", c)
	}
}

// A disk is found by its link in /dev/disk/by-id, too.
func TestFind(t *testing.T) {
	m := newMachine(t, "", "")
	m.file("dev/sdb", "")
	m.link("dev/disk/by-id/usb-Kingston", "../../sdb")
	dev, err := filepath.EvalSymlinks(m.host.Dev)
	if err != nil {
		t.Fatal(err)
	}
	disks := []Disk{{Path: dev + "/sda"}, {Path: dev + "/sdb"}}
	if d, ok := Find(disks, m.host.Dev+"/disk/by-id/usb-Kingston"); !ok || d.Path != dev+"/sdb" {
		t.Errorf("%+v, %v", d, ok)
	}
	if d, ok := Find(disks, m.host.Dev+"/sdz"); ok {
		t.Errorf("%+v", d)
	}
}

func FuzzUnescape(f *testing.F) {
	f.Add(`\040`)
	f.Add(`a\x20b\`)
	f.Fuzz(func(t *testing.T, s string) {
		if out := unescape(s); len(out) > len(s) || !strings.Contains(s, `\`) && out != s {
			t.Errorf("%q becomes %q", s, out)
		}
	})
}
