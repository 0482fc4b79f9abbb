package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// boots turns a Raspberry Pi 3 on with the card in it, waits until systemd starts railgated, and turns it off. The firmware, which QEMU does
// not have, would start U-Boot as config.txt says.
func (c *piCard) boots() (console string) {
	c.t.Helper()
	program := filepath.Join(c.t.TempDir(), "u-boot.bin")
	writeFile(c.t, program, c.read("RAILGATE", "u-boot.bin"), 0o644)
	m := emptyMachine(c.t)
	m.start("-accel", "tcg,thread=multi", "-machine", "raspi3b", "-dtb", c.tree, "-kernel", program, "-display", "none",
		"-drive", "if=sd,format=raw,file="+c.path, "-serial", "null", "-serial", "stdio")
	for end := time.Now().Add(2 * bootPatience); !gateStarts.MatchString(m.log.String()); time.Sleep(100 * time.Millisecond) {
		select {
		case <-m.exited:
			c.t.Fatalf("QEMU ended:\n%s", m.log)
		default:
		}
		if time.Now().After(end) {
			c.t.Fatalf("railgated is not started:\n%s", m.log)
		}
	}
	console = m.log.String()
	m.clean()
	return console
}

// Debian's U-Boot starts the image of a Raspberry Pi, and gives a slot up that does not start, for the other.
func TestImageOfARaspberryPi(t *testing.T) {
	c := newPiCard(t)
	first := c.boots()
	if !strings.Contains(first, "railgate: slot A, tries left: A 2, B 3") {
		t.Errorf("slot A was not started:\n%s", first)
	}
	if strings.Contains(first, "Hit any key") {
		t.Error("U-Boot waits for a key: a scanner may be a keyboard")
	}
	env := c.read("RAILGATE", "uboot.env")
	if !strings.Contains(env, "bootdelay=-2\x00") || !strings.Contains(env, "bootcmd=for d in") {
		t.Errorf("U-Boot's environment has lost what starts the script:\n%q", env[:400])
	}

	c.write("railgate-boot-a", "vmlinuz", "this is no kernel\n")
	second := c.boots()
	if tries := strings.Count(second, "railgate: slot A"); tries == 0 || tries > 3 {
		t.Errorf("the slot that does not start was started %d times; want 3 at most", tries)
	}
	if !strings.Contains(second, "railgate: slot B, tries left: A 0") {
		t.Errorf("slot B was not started:\n%s", second)
	}
}
