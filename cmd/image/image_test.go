package main

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/configs"
)

const repository = "../.."

// newBuild is a build of a board that has made nothing yet.
func newBuild(t *testing.T, name string) *build {
	t.Helper()
	b := &build{configs: repository + "/configs/image", boards: repository + "/configs/boards", out: t.TempDir(), version: "1.2", epoch: time.Unix(1_700_000_000, 0)}
	var err error
	if b.board, err = boardNamed(name); err != nil {
		t.Fatal(err)
	}
	return b
}

func eachBoard(t *testing.T, f func(t *testing.T, b *build)) {
	for _, known := range boards {
		t.Run(known.name, func(t *testing.T) { f(t, newBuild(t, known.name)) })
	}
}

func TestBoardThatIsNone(t *testing.T) {
	_, err := boardNamed("toaster")
	if err == nil || !strings.Contains(err.Error(), "raspberry-pi, raspberry-pi-tryboot, pc, virt") {
		t.Errorf("boardNamed = %v; want the boards that there are", err)
	}
}

// Partitions touch, none overlaps, each begins at a mebibyte, and the two tables have room.
func TestLayout(t *testing.T) {
	eachBoard(t, func(t *testing.T, b *build) {
		parts, size := b.layout()
		at := int64(mib)
		seen := map[string]bool{}
		for _, p := range parts {
			if p.start != at || p.start%mib != 0 || p.size <= 0 {
				t.Errorf("%s is at %d, with %d bytes; want it at %d", p.label, p.start, p.size, at)
			}
			if seen[p.id] || seen[p.label] {
				t.Errorf("%s %s is there twice", p.label, p.id)
			}
			seen[p.id], seen[p.label] = true, true
			at = p.start + p.size
		}
		if size != at+mib {
			t.Errorf("the disk has %d bytes; want %d", size, at+mib)
		}
		if last := parts[len(parts)-1]; last.label != "railgate-data" {
			t.Errorf("the last partition is %s; want the one that grows", last.label)
		}
	})
}

// What the files of configs/image call a partition is one of the disk's.
func TestFilesNamePartitions(t *testing.T) {
	eachBoard(t, func(t *testing.T, b *build) {
		parts, _ := b.layout()
		found := 0
		for _, name := range []string{"root/etc/rauc/system.conf", "bundle-hook", filepath.Join(b.name, "boot", b.slotFile)} {
			text := readText(t, filepath.Join(b.configs, name))
			for _, m := range regexp.MustCompile(`(?:PARTLABEL=|by-partlabel/)([A-Za-z$_@-]+)`).FindAllStringSubmatch(text, -1) {
				label := strings.NewReplacer("@slot@", "b", "$other_", "b").Replace(m[1])
				found++
				known := false
				for _, p := range parts {
					known = known || p.label == label
				}
				if !known {
					t.Errorf("%s names a partition %q", name, label)
				}
			}
		}
		if found < 6 {
			t.Errorf("%d names of partitions were found; want those of system.conf, the hook and the kernel's command line", found)
		}
	})
}

// readMBR reads the table of the first sector.
func readMBR(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := make([]byte, 64)
	if _, err := f.ReadAt(table, 446); err != nil {
		t.Fatal(err)
	}
	return string(table)
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The partition that grows is the one that the initramfs mounts, and the one whose type systemd-repart looks for.
func TestDataPartition(t *testing.T) {
	b := newBuild(t, "virt")
	parts, _ := b.layout()
	repart := readText(t, b.configs+"/root/usr/lib/repart.d/railgate-data.conf")
	if !strings.Contains(strings.ToUpper(repart), "TYPE="+ourData) {
		t.Errorf("repart.d has another type than %s:\n%s", ourData, repart)
	}
	for _, p := range parts {
		if (p.kind == ourData) != (p.label == "railgate-data") {
			t.Errorf("%s has type %s", p.label, p.kind)
		}
	}
	script := readText(t, b.configs+"/initramfs/init")
	for _, label := range []string{"railgate-data", "RAILGATE"} {
		if !strings.Contains(script, "$(partition "+label+" ") {
			t.Errorf("the initramfs does not look for %s", label)
		}
	}
}

// The boot script and Linux read the environment that the image has: its size, its checksum, its names.
func TestUbootEnvironment(t *testing.T) {
	env := ubootEnv("BOOT_ORDER=A B", "BOOT_A_LEFT=3")
	if len(env) != ubootEnvBytes || binary.LittleEndian.Uint32(env) != crc32.ChecksumIEEE(env[4:]) {
		t.Error("the checksum does not match")
	}
	if want := []byte("BOOT_ORDER=A B\x00BOOT_A_LEFT=3\x00\x00"); !bytes.HasPrefix(env[4:], want) {
		t.Errorf("the environment is %q; want %q", env[4:40], want)
	}
	for _, name := range []string{"boot.cmd", "virt/root/etc/fw_env.config", "raspberry-pi/root/etc/fw_env.config"} {
		if text := readText(t, repository+"/configs/image/"+name); !strings.Contains(text, "uboot.env") || !strings.Contains(text, "0x4000") {
			t.Errorf("%s does not read uboot.env with 0x4000 bytes", name)
		}
	}
}

// U-Boot's own environment on a Raspberry Pi starts the script at once, and the script keeps it so: a line that it lost would be
// one by which the next start waits for a keyboard, or does nothing.
func TestTheScriptKeepsWhatStartsIt(t *testing.T) {
	b := newBuild(t, "raspberry-pi")
	if err := b.uboot(); err != nil {
		t.Skipf("%v: apt install u-boot-tools", err)
	}
	script := readText(t, b.path("boot.cmd"))
	kept := regexp.MustCompile(`(?m)^setenv kept "(.*)"$`).FindStringSubmatch(script)
	if kept == nil || !strings.Contains(script, "env export -c -s 0x4000 ${at} ${kept} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT") {
		t.Fatalf("the script keeps nothing:\n%s", script)
	}
	for _, name := range []string{"bootdelay", "bootcmd", "stdin", "stdout", "stderr"} {
		if !slices.Contains(strings.Fields(kept[1]), name) || !strings.Contains(script, "setenv "+name+" ") {
			t.Errorf("%s is not set again, or not kept", name)
		}
	}
	if !strings.Contains(script, "setenv bootcmd '"+bootcmd+"'\n") {
		t.Errorf("bootcmd is another than in uboot.env:\n%s", script)
	}
	if last := script[strings.LastIndex(strings.TrimSpace(script), "\n")+1:]; strings.TrimSpace(last) != "reset" {
		t.Errorf("a script that cannot start a slot ends with %q; want a reset", last)
	}
}

func TestGrubEnvironment(t *testing.T) {
	env := string(grubEnv("ORDER=A B", "A_OK=1"))
	if len(env) != 1024 || !strings.HasPrefix(env, "# GRUB Environment Block\nORDER=A B\nA_OK=1\n#") {
		t.Errorf("the environment has %d bytes: %.80q", len(env), env)
	}
}

// Each board's system.conf is whole, and has the bootloader that SPEC and driver/slots speak with.
func TestSystemConf(t *testing.T) {
	want := map[string]string{"raspberry-pi": "\nbootloader=uboot\n", "raspberry-pi-tryboot": "\nbootloader=custom\n", "pc": "\nbootloader=grub\n", "virt": "\nbootloader=uboot\n"}
	eachBoard(t, func(t *testing.T, b *build) {
		to := t.TempDir()
		if err := b.copyTree(filepath.Join(b.configs, "root"), to); err != nil {
			t.Fatal(err)
		}
		conf := readText(t, filepath.Join(to, "etc/rauc/system.conf"))
		if strings.Contains(conf, "@") || !strings.Contains(conf, want[b.name]) || !strings.Contains(conf, "\ncompatible=railgate-"+b.name+"\n") {
			t.Errorf("system.conf:\n%s", conf)
		}
		if !strings.Contains(b.manifest(), "\ncompatible=railgate-"+b.name+"\n") {
			t.Errorf("the bundle is for another machine:\n%s", b.manifest())
		}
	})
}

// A gate as it is delivered waits to be provisioned, and its devices are wired as docs/installation.md says.
func TestDeliveredConfiguration(t *testing.T) {
	eachBoard(t, func(t *testing.T, b *build) {
		c, err := configs.Load(filepath.Join(b.configs, b.folders()[0], "root/etc/railgate/railgated.toml"))
		if err != nil {
			t.Fatal(err)
		}
		if !c.Provision.Waiting || c.Keys != "" || len(c.Scanners) != 1 || c.Turnstile.Open == "" || c.HTTP.Listen == "" {
			t.Errorf("it waits: %v; keys %q; %d scanners; open %q; screen %q", c.Provision.Waiting, c.Keys, len(c.Scanners), c.Turnstile.Open, c.HTTP.Listen)
		}
	})
}

// Each board's lists are there, and name what the rest relies on.
func TestPackages(t *testing.T) {
	eachBoard(t, func(t *testing.T, b *build) {
		names, err := b.packages()
		if err != nil {
			t.Fatal(err)
		}
		all := " " + strings.Join(names, " ") + " "
		for _, want := range []string{"rauc", "systemd-timesyncd", "busybox", "dosfstools"} {
			if !strings.Contains(all, " "+want+" ") {
				t.Errorf("%s is missing in%s", want, all)
			}
		}
		if strings.Contains(all, " chromium ") != b.kiosk {
			t.Errorf("chromium: kiosk is %v, and the packages are%s", b.kiosk, all)
		}
	})
}

// RAUC takes certificates for code or mail, and this one is in force on a gate whose clock has stopped.
func TestDevelopmentKey(t *testing.T) {
	dir := t.TempDir()
	if err := developmentKey(dir+"/key.pem", dir+"/cert.pem"); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(readText(t, dir+"/cert.pem")))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if cert.NotBefore.Year() > 2020 || cert.NotAfter.Year() < 2040 || len(cert.ExtKeyUsage) == 0 {
		t.Errorf("the certificate is in force from %v to %v, for %v", cert.NotBefore, cert.NotAfter, cert.ExtKeyUsage)
	}
	if info, err := os.Stat(dir + "/key.pem"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v; want it readable for its owner alone", info, err)
	}
}

// An MBR beside GPT has the first three partitions by their numbers, and the entry that protects GPT.
func TestHybridMBR(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	protective := []byte{0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}
	if _, err := f.WriteAt(append(make([]byte, 446), append(protective, make([]byte, 50)...)...), 0); err != nil {
		t.Fatal(err)
	}
	b := newBuild(t, "raspberry-pi")
	parts, _ := b.layout()
	if err := alsoInMBR(f, parts[:3]); err != nil {
		t.Fatal(err)
	}
	table := make([]byte, 64)
	if _, err := f.ReadAt(table, 446); err != nil {
		t.Fatal(err)
	}
	for i, p := range parts[:3] {
		entry := table[16*i:]
		if entry[4] != 0x0c || int64(binary.LittleEndian.Uint32(entry[8:]))*sector != p.start || int64(binary.LittleEndian.Uint32(entry[12:]))*sector != p.size {
			t.Errorf("entry %d is %x; want %s", i+1, entry[:16], p.label)
		}
	}
	if !bytes.Equal(table[48:], protective) {
		t.Errorf("entry 4 is %x; want the one that protects GPT", table[48:])
	}
}

// On a larger card, systemd-repart makes railgate-data larger, and nothing else; an MBR beside GPT stays.
func TestDataGrows(t *testing.T) {
	for _, tool := range []string{"sfdisk", "mke2fs", "systemd-repart"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v: apt install fdisk e2fsprogs systemd", err)
		}
	}
	eachBoard(t, func(t *testing.T, b *build) {
		for _, name := range []string{"first.vfat", "boot-a.vfat", "boot-b.vfat", "root.squashfs"} {
			if err := write(b.path(name), []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.makeDisk(); err != nil {
			t.Fatal(err)
		}
		before := partsOf(t, b.imageFile())
		mbr := readMBR(t, b.imageFile())
		if err := os.Truncate(b.imageFile(), 8*gib); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("systemd-repart", "--dry-run=no", "--definitions="+b.configs+"/root/usr/lib/repart.d", b.imageFile()).CombinedOutput(); err != nil {
			t.Fatalf("systemd-repart: %v\n%s", err, out)
		}
		for label, p := range partsOf(t, b.imageFile()) {
			was := before[label]
			if label == "railgate-data" {
				if p.start != was.start || p.start+p.size < 8*gib-2*mib {
					t.Errorf("%s was %+v and is %+v; want it to the end of 8 GB", label, was, p)
				}
			} else if p != was {
				t.Errorf("%s was %+v and is %+v", label, was, p)
			}
		}
		if after := readMBR(t, b.imageFile()); b.hybrid && after != mbr {
			t.Errorf("the MBR was %x and is %x", mbr, after)
		}
	})
}

// The kept part is made again when a list changes.
func TestFingerprint(t *testing.T) {
	if fingerprint("a", "b") == fingerprint("a", "c") || fingerprint("a", "b") == fingerprint("ab") {
		t.Error("two lists have one fingerprint")
	}
}
