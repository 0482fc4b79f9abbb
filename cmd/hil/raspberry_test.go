package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/configs"
)

// A piBoard is a Raspberry Pi that QEMU has, with one of the kernel's device trees for it.
type piBoard struct {
	config  string // the folder in configs/boards
	label   string // what the kernel calls its GPIO controller
	machine string
	tree    string
	edits   [][]string // of the tree, by fdtput
	gpio    uint64     // where its controller is
}

// noBluetooth leaves the first serial port to the agent.
var noBluetooth = []string{"-r", "TREE", "/soc/serial@7e201000/bluetooth"}

// zero2W has the chip of QEMU's Raspberry Pi 3.
func zero2W() piBoard {
	return piBoard{config: "raspberry-pi-zero-2-w", label: "pinctrl-bcm2835", machine: "raspi3b", tree: "bcm2837-rpi-zero-2-w", edits: [][]string{noBluetooth}, gpio: 0x3f20_0000}
}

// four is a Raspberry Pi 4 where QEMU has one (from 9.0 on). Where it has none, it is the other one's
// controller, called the Pi 4's in its tree: the kernel runs the Pi 4's driver, and the registers of
// directions and levels are the same.
func four(t *testing.T) piBoard {
	b := zero2W()
	b.config, b.label = "raspberry-pi-4", "pinctrl-bcm2711"
	machines, err := exec.Command("qemu-system-aarch64", "-machine", "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(machines), "raspi4b") {
		t.Log("this QEMU has no raspi4b: the Pi 4's driver runs on a Pi 3's controller")
		b.edits = append(b.edits, []string{"-t", "s", "TREE", "/soc/gpio@7e200000", "compatible", "brcm,bcm2711-gpio"})
		return b
	}
	b.machine, b.tree, b.gpio = "raspi4b", "bcm2711-rpi-4-b", 0xfe20_0000
	for _, node := range []string{"interrupt-controller@7ef00100", "clock@7ef00000", "i2c@7ef04500", "i2c@7ef09500", "hdmi@7ef00700", "hdmi@7ef05700"} {
		b.edits = append(b.edits, []string{"-t", "s", "TREE", "/soc/" + node, "status", "disabled"}) // QEMU has no HDMI there
	}
	return b
}

// A pi is a gate on a Raspberry Pi. It has no virtio: the agent is at the end of the first serial port, the
// console at that of the second.
type pi struct {
	*gate
	board piBoard
	lines map[string]int // by purpose
}

func newPi(t *testing.T, b piBoard) *pi {
	t.Helper()
	home := folder(t)
	m := emptyMachine(t)
	m.makeInitramfs(home, setup{
		modules: []string{"dwc2", "phy_generic", "bcm2835_wdt"},
		files:   map[string]string{"bin/railgated": filepath.Join(home, "bin/railgated"), "bin/railgate": filepath.Join(home, "bin/railgate")},
	})
	args := append(m.wires(home), "-accel", "tcg,thread=multi", "-machine", b.machine, "-dtb", m.tree(treeFile(t, home, b.tree), b.edits),
		"-serial", "unix:"+m.path("agent")+",server=on,wait=off", "-serial", "stdio")
	m.start(append(append(args, m.usbScanner()...), "-append", "console=ttyS1 loglevel=4 panic=-1 mitigations=off agent=/dev/ttyAMA0")...)
	m.monitor.open(t, m.dial("monitor"), m.event)
	m.pins.open(t, m.dial("pins"), "/machine/soc/peripherals/gpio")
	agent := m.dial("agent")
	m.monitor.do(t, "cont", nil)
	m.hear(agent, greeting)
	m.meet(agent)
	p := &pi{gate: &gate{machine: m}, board: b}
	p.configure()
	p.makeKeys(t)
	p.plug()
	p.until("the scanner is there", func() bool { return p.exists(scannerPort) })
	t.Cleanup(p.tell)
	p.write(configPath, p.config, 0o644)
	p.write(keysPath, p.keys, 0o644)
	return p
}

// configure takes the board's configuration.
func (p *pi) configure() {
	p.t.Helper()
	path := filepath.Join("../../configs/boards", p.board.config, "railgated.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := configs.Load(path)
	if err != nil {
		p.t.Fatal(err)
	}
	p.lines = map[string]int{}
	for purpose, line := range boardLines(c) {
		_, number, _ := strings.Cut(line, ":")
		if p.lines[purpose], err = strconv.Atoi(number); err != nil {
			p.t.Fatal(err)
		}
	}
	for purpose, n := range p.lines {
		p.story.names[n] = purpose
	}
	p.config = withoutNetwork(string(text))
}

// boardLines are the lines of a configuration, by purpose.
func boardLines(c *configs.Config) map[string]string {
	return map[string]string{
		"open": c.Turnstile.Open, "passage": c.Turnstile.Passage, "emergency": c.Turnstile.Emergency,
		"green": c.Panel.Green, "red": c.Panel.Red, "buzzer": c.Panel.Buzzer,
	}
}

// treeFile finds a device tree of the kernel's package.
func treeFile(t testing.TB, home, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(home, "kernel/usr/lib/linux-image-*/broadcom", name+".dtb"))
	if err != nil || len(found) > 1 {
		t.Fatalf("device trees %s: %v, %v", name, found, err)
	}
	if len(found) == 0 {
		t.Skipf("this kernel has no device tree %s", name)
	}
	return found[0]
}

// hear waits for the words with which the agent begins.
func (m *machine) hear(agent net.Conn, words string) {
	m.t.Helper()
	agent.SetReadDeadline(time.Now().Add(patience)) // a socket has deadlines
	defer agent.SetReadDeadline(time.Time{})
	said := make([]byte, len(words))
	if _, err := io.ReadFull(agent, said); err != nil || string(said) != words {
		m.t.Fatalf("the agent says %q, %v; want %q\nconsole:\n%s", said, err, words, m.log)
	}
}

// The controller's registers (BCM2835 ARM Peripherals, chapter 6).
const (
	piFunction = 0x00 // GPFSEL0: three bits a pin, ten pins a register
	piSet      = 0x1c // GPSET0: a bit a pin
	piLevel    = 0x34 // GPLEV0
)

func (p *pi) register(offset uint64) (value uint64) {
	p.t.Helper()
	if _, err := fmt.Sscanf(p.must(p.t, fmt.Sprintf("readl %#x", p.board.gpio+offset)), "0x%x", &value); err != nil {
		p.t.Fatal(err)
	}
	return value
}

// pin is what the controller makes of a line: "input", "output 0", "output 1", or another function's number.
func (p *pi) pin(purpose string) string {
	p.t.Helper()
	n := p.lines[purpose]
	switch function := p.register(piFunction+uint64(n/10*4)) >> (n % 10 * 3) & 7; function {
	case 0:
		return "input"
	case 1:
		return fmt.Sprintf("output %d", p.register(piLevel)>>n&1)
	default:
		return fmt.Sprintf("function %d", function)
	}
}

// raise puts a pin that is an input high. This controller's inputs are not modelled further: no edge comes.
func (p *pi) raise(purpose string) {
	p.t.Helper()
	p.must(p.t, fmt.Sprintf("writel %#x %#x", p.board.gpio+piSet, 1<<p.lines[purpose]))
}

func (p *pi) relay(from time.Time) []change { return p.since(from, p.lines["open"]) }

// stop asks railgated to stop.
func (p *pi) stop() {
	p.t.Helper()
	p.signal(unix.SIGTERM)
	p.ended()
}
