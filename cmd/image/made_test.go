package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"railgate/driver/slots"
)

// A disk is an image that was made, seen from outside.
type disk struct {
	path  string
	parts map[string]part
}

// openDisk finds the board's image in the folder that RAILGATE_IMAGES names: make image makes it.
func openDisk(t *testing.T, board string) *disk {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.Getenv("RAILGATE_IMAGES"), "railgate-*-"+board+".img"))
	if err != nil || os.Getenv("RAILGATE_IMAGES") == "" || len(found) == 0 {
		t.Skipf("RAILGATE_IMAGES names no folder with an image of %s: make image BOARD=%s makes one", board, board)
	}
	path := found[len(found)-1]
	return &disk{path, partsOf(t, path)}
}

// partsOf reads a disk's table.
func partsOf(t *testing.T, path string) map[string]part {
	t.Helper()
	out, err := exec.Command("sfdisk", "--json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Table struct {
			Label      string
			Partitions []struct {
				Name, Type  string
				Start, Size int64
			}
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal(out, &told); err != nil || told.Table.Label != "gpt" {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
	parts := map[string]part{}
	for _, p := range told.Table.Partitions {
		parts[p.Name] = part{label: p.Name, kind: p.Type, start: p.Start * sector, size: p.Size * sector}
	}
	return parts
}

// file is one of a FAT partition.
func (d *disk) file(t *testing.T, label, name string) string {
	t.Helper()
	out, err := exec.Command("mtype", "-i", fmt.Sprintf("%s@@%d", d.path, d.parts[label].start), "::"+name).Output()
	if err != nil {
		t.Errorf("%s on %s: %v", name, label, err)
	}
	return string(out)
}

// system is a file of slot A's system; "" for none.
func (d *disk) system(name string) string {
	out, err := exec.Command("unsquashfs", "-o", fmt.Sprint(d.parts["railgate-a"].start), "-cat", d.path, name).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// names are the paths in slot A's system.
func (d *disk) names(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("unsquashfs", "-o", fmt.Sprint(d.parts["railgate-a"].start), "-lls", "-d", "", d.path).Output()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 5 {
			names[strings.TrimPrefix(fields[5], "/")] = strings.Join(fields[6:], " ")
		}
	}
	return names
}

// The images that are there have what docs/installation.md says.
func TestImages(t *testing.T) {
	for _, b := range boards {
		t.Run(b.name, func(t *testing.T) {
			d := openDisk(t, b.name)
			parts, size := b.layout()
			if info, err := os.Stat(d.path); err != nil || info.Size() != size {
				t.Errorf("the image: %v, %v; want %d bytes", info, err, size)
			}
			for _, p := range parts {
				if got := d.parts[p.label]; got.start != p.start || got.size != p.size || got.kind != p.kind {
					t.Errorf("%s is %+v; want %+v", p.label, got, p)
				}
			}
			if !d.sameBytes(t, "railgate-a", "railgate-b") {
				t.Error("the slots differ")
			}
			for _, slot := range []string{"a", "b"} {
				want := []string{"root=PARTLABEL=railgate-" + slot + " ", "rauc.slot=" + strings.ToUpper(slot) + " "}
				for _, w := range want {
					if text := d.file(t, "railgate-boot-"+slot, b.slotFile); !strings.Contains(text, w) {
						t.Errorf("slot %s is started with %q; want %q", slot, text, w)
					}
				}
				for _, name := range []string{"vmlinuz", "initrd.img"} {
					if len(d.file(t, "railgate-boot-"+slot, name)) < 5*mib {
						t.Errorf("%s of slot %s is too short to be one", name, slot)
					}
				}
			}
			d.hasSystem(t, &b)
		})
	}
}

func (d *disk) sameBytes(t *testing.T, a, b string) bool {
	t.Helper()
	f, err := os.Open(d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one, two := make([]byte, mib), make([]byte, mib)
	some := false
	for at := int64(0); at < d.parts[a].size; at += mib {
		_, err1 := f.ReadAt(one, d.parts[a].start+at)
		_, err2 := f.ReadAt(two, d.parts[b].start+at)
		if err1 != nil && err1 != io.EOF || err2 != nil && err2 != io.EOF {
			t.Fatal(err1, err2)
		}
		some = some || one[0] != 0
		if !bytes.Equal(one, two) {
			return false
		}
	}
	return some
}

// hasSystem looks into the system.
func (d *disk) hasSystem(t *testing.T, b *board) {
	names := d.names(t)
	const units = "etc/systemd/system/"
	for _, name := range []string{
		"usr/bin/railgated", "usr/bin/railgate", "usr/bin/rauc", "etc/rauc/keyring.pem", "etc/railgate/railgated.toml",
		units + "multi-user.target.wants/railgated.service", units + "multi-user.target.wants/railgate-ssh.service",
		units + "sysinit.target.wants/railgate-grow.service", units + "sysinit.target.wants/systemd-timesyncd.service",
		"usr/lib/systemd/system.conf.d/railgate.conf", "usr/share/doc/railgate/technician.md",
	} {
		if _, ok := names[name]; !ok {
			t.Errorf("the system has no %s", name)
		}
	}
	for name := range names {
		for _, never := range []string{"etc/ssh/ssh_host_", units + "multi-user.target.wants/ssh.", units + "sockets.target.wants/ssh.", "var/lib/apt/lists/deb"} {
			if strings.HasPrefix(name, never) {
				t.Errorf("the system has %s", name)
			}
		}
	}
	target := names[units+"default.target"]
	if b.kiosk != strings.HasSuffix(target, "railgate.target") {
		t.Errorf("it starts into %q; it has a screen: %v", target, b.kiosk)
	}
	if _, ok := names[units+"railgate.target.wants/railgate-kiosk.service"]; ok != b.kiosk {
		t.Errorf("the screen is started: %v; want %v", ok, b.kiosk)
	}
	if conf := d.system("etc/rauc/system.conf"); !strings.Contains(conf, "compatible=railgate-"+b.name+"\n") {
		t.Errorf("system.conf:\n%s", conf)
	}
	if id := d.system("etc/machine-id"); id != "" {
		t.Errorf("each gate would have the identity %q", id)
	}
	for line := range strings.Lines(d.system("etc/shadow")) {
		if user, hash, _ := strings.Cut(line, ":"); !strings.HasPrefix(hash, "*") && !strings.HasPrefix(hash, "!") {
			t.Errorf("user %s can log in with a password", user)
		}
	}
}

// A Raspberry Pi's firmware finds what it looks for, by the names by which it looks.
func TestRaspberryPiImage(t *testing.T) {
	t.Run("U-Boot", func(t *testing.T) {
		d := openDisk(t, "raspberry-pi")
		piFirmware(t, d, "RAILGATE")
		if len(d.file(t, "RAILGATE", "u-boot.bin")) < 100_000 || !strings.Contains(d.file(t, "RAILGATE", "config.txt"), "\nkernel=u-boot.bin\n") {
			t.Error("the firmware does not start U-Boot")
		}
		env := d.file(t, "RAILGATE", "uboot.env")
		for _, want := range []string{"\x00bootcmd=" + bootcmd + "\x00", "\x00BOOT_ORDER=A B\x00", "bootdelay=-2\x00"} {
			if !strings.Contains(env, want) {
				t.Errorf("uboot.env has no %q", want)
			}
		}
		if d.file(t, "RAILGATE", "boot.scr") == "" {
			t.Error("there is no boot.scr")
		}
	})
	t.Run("tryboot", func(t *testing.T) {
		d := openDisk(t, "raspberry-pi-tryboot")
		text := d.file(t, "RAILGATE", "autoboot.txt")
		auto, err := slots.ParseAutoboot([]byte(text))
		if err != nil || auto.Usual != "A" || auto.Partitions["A"] != 2 || auto.Partitions["B"] != 3 || len(text) != 512 {
			t.Errorf("autoboot.txt has %d bytes, is %+v, %v; want 512, which is all that the firmware reads, and one sector", len(text), auto, err)
		}
		mbr := d.mbr(t)
		for slot, number := range auto.Partitions { // by which the firmware of older boards counts
			start := int64(binary.LittleEndian.Uint32(mbr[446+16*(number-1)+8:])) * sector
			if p := d.parts["railgate-boot-"+strings.ToLower(slot)]; p.start != start || start == 0 {
				t.Errorf("slot %s is at byte %d; the MBR's partition %d, of autoboot.txt, at %d", slot, p.start, number, start)
			}
		}
		if len(d.file(t, "RAILGATE", "bootcode.bin")) < 10_000 {
			t.Error("RAILGATE has no bootcode.bin")
		}
		for _, name := range []string{"start.elf", "start4.elf", "config.txt"} { // or it were a partition that is started
			if out, err := exec.Command("mtype", "-i", fmt.Sprintf("%s@@%d", d.path, d.parts["RAILGATE"].start), "::"+name).Output(); err == nil {
				t.Errorf("RAILGATE has %s, of %d bytes", name, len(out))
			}
		}
		for _, slot := range []string{"a", "b"} {
			config := d.file(t, "railgate-boot-"+slot, "config.txt")
			for _, line := range []string{"arm_64bit=1", "kernel=vmlinuz", "initramfs initrd.img followkernel", "upstream_kernel=1"} {
				if !strings.Contains(config, "\n"+line+"\n") {
					t.Errorf("config.txt of slot %s lacks %s", slot, line)
				}
			}
		}
		piFirmware(t, d, "railgate-boot-a")
		piFirmware(t, d, "railgate-boot-b")
	})
}

// piFirmware wants what the firmware of each Raspberry Pi looks for on a partition.
func piFirmware(t *testing.T, d *disk, label string) {
	t.Helper()
	for _, name := range []string{"start.elf", "fixup.dat", "start4.elf", "fixup4.dat", "bcm2711-rpi-4-b.dtb", "bcm2711-rpi-cm4-io.dtb", "bcm2837-rpi-zero-2-w.dtb", "overlays/i2c-rtc.dtbo", "user.txt"} {
		if d.file(t, label, name) == "" {
			t.Errorf("%s has no %s", label, name)
		}
	}
	config := d.file(t, label, "config.txt")
	for _, name := range piBoards {
		if lines := readText(t, filepath.Join(repository, "configs/boards", name, "config.txt")); !strings.Contains(config, lines) {
			t.Errorf("config.txt lacks the lines of %s", name)
		}
	}
	if !strings.HasSuffix(config, "[all]\ninclude user.txt\n") {
		t.Errorf("config.txt does not end with what is this gate's alone:\n%s", config)
	}
	if mbr := d.mbr(t); mbr[450] != 0x0c || mbr[498] != 0xee {
		t.Errorf("the MBR's types are %x … %x; want FAT32 first, and GPT's last", mbr[450], mbr[498])
	}
}

// mbr is the disk's first sector.
func (d *disk) mbr(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open(d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, sector)
	if _, err := f.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}

// UEFI starts the shim that Microsoft signed, that one the GRUB that Debian signed, which reads our choice of a slot.
func TestPCImage(t *testing.T) {
	d := openDisk(t, "pc")
	for _, name := range []string{"EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi"} {
		if !strings.HasPrefix(d.file(t, "RAILGATE", name), "MZ") {
			t.Errorf("%s is no program of UEFI's", name)
		}
	}
	if !strings.Contains(d.file(t, "RAILGATE", "EFI/debian/grub.cfg"), "slot.cfg") || len(d.file(t, "RAILGATE", "grubenv")) != 1024 {
		t.Error("GRUB has no choice of a slot")
	}
}
