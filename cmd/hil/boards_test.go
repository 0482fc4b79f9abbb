package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"railgate/configs"
)

// onBoard is where a board has what its files in configs/boards use, in the kernel's own device tree.
type onBoard struct {
	config, tree, model string
	driver              string         // what its GPIO controller is compatible with
	clock               []int          // the pins of the battery clock's bus
	busy                map[int]string // pins that the tree gives away, and who has them: the reader sees them
}

// The Pi 5's controller has groups of pins with names of their own (i2c4_2): which pins these are only its
// driver knows. Its tree is in newer kernels; Linux 7.2's was tried by hand.
var onBoards = []onBoard{
	{"raspberry-pi-4", "bcm2711-rpi-4-b", "Raspberry Pi 4 Model B", "brcm,bcm2711-gpio", []int{2, 3}, map[int]string{3: "i2c@7e804000", 14: "serial@7e215040", 38: "mmc@7e300000"}},
	{"raspberry-pi-cm4", "bcm2711-rpi-cm4-io", "Raspberry Pi Compute Module 4 IO Board", "brcm,bcm2711-gpio", []int{44, 45}, map[int]string{14: "serial@7e215040", 38: "mmc@7e300000"}},
	{"raspberry-pi-zero-2-w", "bcm2837-rpi-zero-2-w", "Raspberry Pi Zero 2 W", "brcm,bcm2835-gpio", []int{2, 3}, map[int]string{2: "i2c@7e804000", 15: "serial@7e215040", 41: "wifi-pwrseq"}},
	{"raspberry-pi-5", "bcm2712-rpi-5-b", "Raspberry Pi 5", "raspberrypi,rp1-gpio", nil, map[int]string{32: "mdio"}},
}

// labels are the names that the kernel's drivers give their chips. TestRaspberryPi sees the first two.
var labels = map[string]string{"brcm,bcm2835-gpio": "pinctrl-bcm2835", "brcm,bcm2711-gpio": "pinctrl-bcm2711", "raspberrypi,rp1-gpio": "pinctrl-rp1"}

// The kernel's device trees have the lines of configs/boards, by number and by name, and give them to nobody
// else; the watchdog and the clock's bus are there.
func TestDeviceTreesFitTheConfigurations(t *testing.T) {
	home := folder(t)
	for _, b := range onBoards {
		t.Run(b.config, func(t *testing.T) {
			data, err := os.ReadFile(treeFile(t, home, b.tree))
			if err != nil {
				t.Fatal(err)
			}
			tree, err := parseTree(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(tree.properties["model"]); got != b.model {
				t.Errorf("the tree is a %q's; want %q", got, b.model)
			}
			controller := tree.find(b.driver)
			if controller == nil {
				t.Skipf("this kernel's tree of the board has no %s: its header is not described", b.driver)
			}
			b.hasLines(t, tree, controller)
			if dog := tree.find("brcm,bcm2835-pm-wdt"); dog == nil || !dog.on() {
				t.Error("no watchdog (brcm,bcm2835-pm-wdt)")
			}
		})
	}
}

func (b onBoard) hasLines(t *testing.T, tree, controller *node) {
	t.Helper()
	c, err := configs.Load(filepath.Join("../../configs/boards", b.config, "railgated.toml"))
	if err != nil {
		t.Fatal(err)
	}
	names, claims := controller.texts("gpio-line-names"), tree.claims(controller)
	if names == nil {
		t.Log("the tree names no lines")
	}
	for pin, who := range b.busy {
		if !strings.Contains(strings.Join(claims[pin], " "), who) {
			t.Errorf("GPIO%d is %v's; want %s: the tree is not read as it is", pin, claims[pin], who)
		}
	}
	for purpose, line := range boardLines(c) {
		chip, offset, _ := strings.Cut(line, ":")
		n, err := strconv.Atoi(offset)
		if err != nil || chip != labels[b.driver] {
			t.Errorf("%s = %q; want a line of %s", purpose, line, labels[b.driver])
			continue
		}
		if want := fmt.Sprintf("GPIO%d", n); names != nil && (n >= len(names) || names[n] != want) {
			t.Errorf("%s = %q is not called %s in the tree (%q)", purpose, line, want, names)
		}
		if len(claims[n]) > 0 {
			t.Errorf("%s = %q is %v's too", purpose, line, claims[n])
		}
		if slices.Contains(b.clock, n) {
			t.Errorf("%s = %q is the battery clock's bus", purpose, line)
		}
	}
	b.hasClock(t, names, claims)
}

// hasClock looks for the bus at the clock's pins: by its claim, or by its pins' names where the tree leaves it
// to an overlay.
func (b onBoard) hasClock(t *testing.T, names []string, claims map[int][]string) {
	t.Helper()
	for i, pin := range b.clock {
		role := []string{"SDA", "SCL"}[i]
		if pin >= len(names) || !strings.HasPrefix(names[pin], role) {
			t.Errorf("GPIO%d is not called %s, the battery clock's, in the tree (%q)", pin, role, names)
		}
		for _, who := range claims[pin] {
			if !strings.HasPrefix(path.Base(who), "i2c") {
				t.Errorf("GPIO%d, the battery clock's %s, is %s's; want an I2C bus", pin, role, who)
			}
		}
	}
}
