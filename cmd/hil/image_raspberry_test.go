package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A piCard is a card with the image of a Raspberry Pi.
type piCard struct {
	fatDisk
	tree string
}

// A fatDisk is an image's disk, of which files on FAT partitions are read and written.
type fatDisk struct {
	t     *testing.T
	path  string
	parts map[string]diskPart
}

// newPiCard writes the image that make image BOARD=raspberry-pi made. Linux's console is the serial port here, and it tells
// what it starts. QEMU's watchdog resets the board at once when it is started, so it is left alone.
func newPiCard(t *testing.T) *piCard {
	t.Helper()
	image := os.Getenv("RAILGATE_PI_IMAGE")
	if image == "" {
		t.Skip("RAILGATE_PI_IMAGE names no image: make image BOARD=raspberry-pi makes one")
	}
	home := folder(t)
	m := emptyMachine(t)
	c := &piCard{fatDisk: fatDisk{t: t, path: filepath.Join(t.TempDir(), "card.img")}, tree: m.tree(treeFile(t, home, "bcm2837-rpi-3-b"), nil)}
	if out, err := exec.Command("cp", "--sparse=always", image, c.path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Truncate(c.path, 4<<30); err != nil { // QEMU's cards are powers of two
		t.Fatal(err)
	}
	c.parts = partitions(t, c.path)
	for _, slot := range []string{"a", "b"} {
		env := strings.NewReplacer("console=tty1", "console=ttyS1", "quiet", "systemd.show_status=1 module_blacklist=bcm2835_wdt").Replace(c.read("railgate-boot-"+slot, "boot.env"))
		c.write("railgate-boot-"+slot, "boot.env", env)
	}
	return c
}

func (c *fatDisk) at(label string) string {
	return fmt.Sprintf("%s@@%d", c.path, c.parts[label].Start*512)
}

func (c *fatDisk) read(label, name string) string {
	c.t.Helper()
	out, err := exec.Command("mtype", "-i", c.at(label), "::"+name).Output()
	if err != nil {
		c.t.Fatalf("%s on %s: %v", name, label, err)
	}
	return string(out)
}

func (c *fatDisk) write(label, name, text string) {
	c.t.Helper()
	from := filepath.Join(c.t.TempDir(), "file")
	writeFile(c.t, from, text, 0o644)
	if out, err := exec.Command("mcopy", "-o", "-i", c.at(label), from, "::"+name).CombinedOutput(); err != nil {
		c.t.Fatalf("%s on %s: %v\n%s", name, label, err, out)
	}
}

// gateStarts is in systemd's own words, with or without colours.
var gateStarts = regexp.MustCompile(`Start\S+ \S*railgated\.service`)

// boots turns a Raspberry Pi 3 on with the card in it, waits until systemd starts railgated, and turns it off.
func (c *piCard) boots() (console string) {
	c.t.Helper()
	return c.on("railgated is started", gateStarts)
}

// on turns a Raspberry Pi 3 on with the card in it, until its console says something. The firmware, which QEMU does not have, would start U-Boot
// as config.txt says.
func (c *piCard) on(what string, says *regexp.Regexp) (console string) {
	c.t.Helper()
	program := filepath.Join(c.t.TempDir(), "u-boot.bin")
	writeFile(c.t, program, c.read("RAILGATE", "u-boot.bin"), 0o644)
	m := emptyMachine(c.t)
	m.start("-accel", "tcg,thread=multi", "-machine", "raspi3b", "-dtb", c.tree, "-kernel", program, "-display", "none",
		"-drive", "if=sd,format=raw,file="+c.path, "-serial", "null", "-serial", "stdio")
	for end := time.Now().Add(2 * bootPatience); !says.MatchString(m.log.String()); time.Sleep(100 * time.Millisecond) {
		select {
		case <-m.exited:
			c.t.Fatalf("QEMU ended:\n%s", m.log)
		default:
		}
		if time.Now().After(end) {
			c.t.Fatalf("%s: not in %v:\n%s", what, 2*bootPatience, m.log)
		}
	}
	console = m.log.String()
	m.clean()
	return console
}

// environment is what uboot.env holds, whose checksum must be right.
func (c *piCard) environment() map[string]string {
	c.t.Helper()
	data := []byte(c.read("RAILGATE", "uboot.env"))
	if len(data) != 0x4000 || binary.LittleEndian.Uint32(data) != crc32.ChecksumIEEE(data[4:]) {
		c.t.Fatalf("uboot.env has %d bytes, or another checksum", len(data))
	}
	entries := map[string]string{}
	for entry := range strings.SplitSeq(string(data[4:]), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		entries[name] = value
	}
	return entries
}

// wantEnvironment wants the tries that are left, and all that starts the script and lets no keyboard in.
func (c *piCard) wantEnvironment(t *testing.T, left map[string]string) {
	t.Helper()
	env := c.environment()
	want := map[string]string{"BOOT_ORDER": "A B", "bootdelay": "-2", "stdin": "serial", "stdout": "serial", "stderr": "serial"}
	maps.Copy(want, left)
	for name, value := range want {
		if env[name] != value {
			t.Errorf("uboot.env has %s=%q; want %q", name, env[name], value)
		}
	}
	if !strings.HasPrefix(env["bootcmd"], "for d in 0 1 2; do if load mmc ") || !strings.HasSuffix(env["bootcmd"], "done; reset") {
		t.Errorf("uboot.env has bootcmd=%q", env["bootcmd"])
	}
}

// Debian's U-Boot starts the image of a Raspberry Pi, gives a slot up that does not start, for the other, and counts in its environment. Where that was
// cut while it was written, both slots have their tries again, and it is whole after the start.
func TestImageOfARaspberryPi(t *testing.T) {
	c := newPiCard(t)
	c.wantEnvironment(t, map[string]string{"BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"})
	first := c.boots()
	if !strings.Contains(first, "railgate: slot A, tries left: A 2, B 3") {
		t.Errorf("slot A was not started:\n%s", first)
	}
	if strings.Contains(first, "Hit any key") {
		t.Error("U-Boot waits for a key: a scanner may be a keyboard")
	}
	c.wantEnvironment(t, map[string]string{"BOOT_A_LEFT": "2", "BOOT_B_LEFT": "3"})

	c.write("railgate-boot-a", "vmlinuz", "this is no kernel\n")
	second := c.boots()
	if tries := strings.Count(second, "railgate: slot A"); tries != 2 {
		t.Errorf("the slot that does not start was started %d times; want the two that were left", tries)
	}
	if !strings.Contains(second, "railgate: slot B, tries left: A 0, B 2") {
		t.Errorf("slot B was not started:\n%s", second)
	}
	c.wantEnvironment(t, map[string]string{"BOOT_A_LEFT": "0", "BOOT_B_LEFT": "2"})

	whole := c.read("RAILGATE", "uboot.env")
	c.write("RAILGATE", "uboot.env", whole[:100]+strings.Repeat("\xff", len(whole)-100)) // a part was written, and no more
	third := c.on("slot B", regexp.MustCompile(`railgate: slot B, tries left: A 0, B 2`))
	if got := regexp.MustCompile(`railgate: slot ., tries left: A \d`).FindAllString(third, 3); !slices.Equal(got, []string{
		"railgate: slot A, tries left: A 2", "railgate: slot A, tries left: A 1", "railgate: slot A, tries left: A 0"}) {
		t.Errorf("without an environment: %q; want slot A three times", got)
	}
	c.wantEnvironment(t, map[string]string{"BOOT_A_LEFT": "0", "BOOT_B_LEFT": "2"})

	c.write("railgate-boot-b", "vmlinuz", "this is no kernel\n")
	fourth := c.on("both again", regexp.MustCompile(`(?s)no slot has a try left.*railgate: slot A, tries left: A 2, B 3`))
	if n := strings.Count(fourth, "railgate: slot B"); n != 2 {
		t.Errorf("slot B was started %d times; want the two that were left", n)
	}
}
