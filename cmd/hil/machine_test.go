package main

import (
	"cmp"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"railgate/driver/drivertest"

	"golang.org/x/sys/unix"
)

// folder is what prepare.sh filled, and the programs for arm64. Without it there is nothing to test.
func folder(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RAILGATE_HIL")
	if dir == "" {
		t.Skip("RAILGATE_HIL names no folder with a kernel: make hil makes one")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// patience is for everything that a loaded machine may do slowly. What is promised within a time is
// measured by the pins' stamps, and held against that.
const patience = 5 * time.Minute

// longWait is for a test whose machine waits minutes, for a time daemon or for a trial to end: others run beside it, and -short leaves it out.
func longWait(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("its machine waits for minutes")
	}
	t.Parallel()
}

// setup is a machine to be built.
type setup struct {
	modules []string          // kernel modules, "name parameters"
	files   map[string]string // programs in the initramfs, by their path, from here
	plain   map[string]string // and files that are none
	disk    string            // an ext4 image, with QEMU's options for it; "" for none
	flags   []string          // of QEMU
	words   []string          // of the kernel's command line
	edits   [][]string        // of the device tree, by fdtput
	memory  int               // MB
}

// A machine is QEMU's virt board with a Debian kernel, emulated (never KVM), and all its wires.
type machine struct {
	t       testing.TB
	dir     string // of the sockets: their paths must be short
	program string // QEMU; "": qemu-system-aarch64
	qemu    *exec.Cmd
	exited  chan struct{}
	log     *drivertest.Log // the console
	monitor
	pins
	guest *rpc.Client
	story story
	wrote string // what railgated wrote since it was started, as it was last asked for

	scanner net.Conn // nil: unplugged
	cleaned bool
}

// standard is what every machine has besides: the agent's port and a USB port.
var standard = []string{"virtio_pci", "virtio_console", "xhci_pci", "ftdi_sio"}

// newMachine builds a machine, and turns it on once every wire is in our hands.
func newMachine(t testing.TB, s setup) *machine {
	t.Helper()
	home := folder(t)
	m := emptyMachine(t)
	m.makeInitramfs(home, s)
	words := append([]string{"console=ttyAMA0", "loglevel=4", "panic=-1", "mitigations=off"}, s.words...)
	if s.memory == 0 {
		s.memory = 256
	}
	args := append(m.wires(home),
		"-accel", "tcg,thread=multi", "-machine", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", fmt.Sprint(s.memory),
		"-dtb", m.tree(filepath.Join(home, "gate.dtb"), s.edits), "-serial", "stdio",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=agent,server=on,wait=off,path="+m.path("agent"),
		"-device", "virtserialport,chardev=agent,name="+portName,
		"-device", "qemu-xhci")
	if s.disk != "" {
		args = append(args, "-device", "virtio-blk-pci,drive=disk", "-drive", "if=none,id=disk,format=raw,"+s.disk)
	}
	m.start(append(append(append(args, m.usbScanner()...), s.flags...), "-append", strings.Join(words, " "))...)
	m.connect()
	return m
}

// emptyMachine has a folder, which goes when the test ends.
func emptyMachine(t testing.TB) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "hil")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: dir, log: new(drivertest.Log)}
	m.story.names = map[int]string{}
	t.Cleanup(m.clean)
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

// start starts QEMU, which waits before the first instruction.
func (m *machine) start(args ...string) {
	m.t.Helper()
	m.qemu = exec.Command(cmp.Or(m.program, "qemu-system-aarch64"), args...)
	m.qemu.Stdout, m.qemu.Stderr = m.log, m.log
	m.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := m.qemu.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.exited = make(chan struct{})
	go func() { m.qemu.Wait(); close(m.exited) }()
}

// connect takes every wire, turns the power on, and waits for the agent.
func (m *machine) connect() {
	m.t.Helper()
	m.monitor.open(m.t, m.dial("monitor"), m.event)
	controller := m.monitor.controller(m.t)
	m.pins.open(m.t, m.dial("pins"), controller)
	m.set(emergencyPin, true) // the fire loop is closed
	agent := m.dial("agent")
	m.story.tell("hand", "switches the machine on")
	m.monitor.do(m.t, "cont", nil)
	m.meet(agent)
}

func (m *machine) dial(name string) net.Conn {
	m.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", m.path(name))
		if err == nil {
			return c
		}
		select {
		case <-m.exited:
			m.t.Fatalf("QEMU ended at once: %s", m.log)
		default:
		}
		if time.Now().After(end) {
			m.t.Fatal(err)
		}
	}
}

// until waits for something.
func (m *machine) until(what string, ok func() bool) {
	m.t.Helper()
	m.within(patience, what, ok)
}

func (m *machine) within(limit time.Duration, what string, ok func() bool) {
	m.t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("%s: not in %v\npins:\n%s\nconsole:\n%s", what, limit, &m.pins, m.log)
		}
	}
}

// event is what QEMU tells by itself.
func (m *machine) event(name string) { m.story.tell("machine", "%s", name) }

// plug plugs the scanner in.
func (m *machine) plug() {
	m.story.tell("hand", "plugs the scanner in")
	m.scanner = m.dial("scanner")
}

// unplug pulls the scanner out.
func (m *machine) unplug() {
	if m.scanner != nil {
		m.story.tell("hand", "pulls the scanner out")
		m.scanner.Close()
		m.scanner = nil
	}
}

// scan is a code held to the scanner.
func (m *machine) scan(text string) {
	m.t.Helper()
	m.story.tell("hand", "shows a code, …%s", text[max(0, len(text)-12):])
	if _, err := m.scanner.Write([]byte(text + "\r")); err != nil {
		m.t.Fatal(err)
	}
}

// set drives an input's pin.
func (m *machine) set(pin int, high bool) {
	m.t.Helper()
	level := map[bool]string{true: "HIGH", false: "low"}[high]
	m.story.tell("hand", "sets %s %s", m.story.pinName(pin), level)
	if err := m.pins.set(pin, high); err != nil {
		m.t.Fatal(err)
	}
}

// kill cuts the power.
func (m *machine) kill() {
	select {
	case <-m.exited:
		return
	default:
	}
	m.story.tell("hand", "cuts the power")
	m.qemu.Process.Kill()
	<-m.exited
}

func (m *machine) clean() {
	if m.cleaned {
		return
	}
	m.cleaned = true
	if m.qemu != nil && m.qemu.Process != nil {
		m.kill()
	}
	m.unplug()
	if m.guest != nil {
		m.guest.Close()
	}
	m.monitor.close()
	m.pins.close()
	m.story.log(m.wrote, slogTime)
	m.pins.mu.Lock()
	m.story.pins(m.changes)
	m.pins.mu.Unlock()
	m.story.keep(m.t)
	if m.t.Failed() {
		m.t.Logf("console:\n%s\nrailgated:\n%s", m.log, m.wrote)
	}
	if err := os.RemoveAll(m.dir); err != nil {
		m.t.Error(err)
	}
}
