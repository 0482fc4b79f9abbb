package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A pcGate is an industrial PC with an image's disk in it: QEMU's, with UEFI, Secure Boot, and a disk on SATA. Its lines are a CP2112's.
type pcGate struct {
	*ipc
	variables string // UEFI's own memory
	display   bool   // one is connected
}

const pcDiskBytes = 5 << 30

// pcImage is the file that make image BOARD=pc made. Without it there is nothing to test.
func pcImage(t *testing.T) string {
	t.Helper()
	image := os.Getenv("RAILGATE_PC_IMAGE")
	if image == "" {
		t.Skip("RAILGATE_PC_IMAGE names no image: make image BOARD=pc makes one")
	}
	return image
}

// newPCGate writes the image, and turns the machine on. The gate is as it is delivered, but for the agent on its
// data, that it tells the serial port what it starts, and that these units are not started.
func newPCGate(t *testing.T, masked ...string) *pcGate {
	t.Helper()
	p := newPCDisk(t, nil, masked...)
	p.turnOn()
	return p
}

// newPCDisk is newPCGate with these files below /etc, and the machine off.
func newPCDisk(t *testing.T, files map[string]string, masked ...string) *pcGate {
	t.Helper()
	image := pcImage(t)
	folder(t)
	p := &pcGate{ipc: newAdapterGate(t)}
	p.machine = emptyMachine(t)
	p.program = "qemu-system-x86_64"
	p.makeKeys(t)
	p.card, p.variables = p.path("card.img"), p.path("variables.fd")
	for from, to := range map[string]string{image: p.card, "/usr/share/OVMF/OVMF_VARS_4M.ms.fd": p.variables} {
		if out, err := exec.Command("cp", "--sparse=always", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := os.Truncate(p.card, pcDiskBytes); err != nil {
		t.Fatal(err)
	}
	parts := partitions(t, p.card)
	for _, slot := range []string{"a", "b"} {
		disk := fatDisk{t, p.card, parts}
		text := disk.read("railgate-boot-"+slot, "slot.cfg")
		disk.write("railgate-boot-"+slot, "slot.cfg", strings.NewReplacer("quiet ", "systemd.show_status=1 ", "console=tty0", "console=ttyS0").Replace(text))
	}
	kept := watchersFolder(t, "here/hil")
	for _, unit := range masked {
		if err := os.Symlink(os.DevNull, filepath.Join(kept, "etc/upper/systemd/system", unit)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		writeFile(t, filepath.Join(kept, "etc/upper", name), text, 0o644)
	}
	data := parts["railgate-data"]
	if out, err := exec.Command("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O", "^metadata_csum", "-d", kept, "-L", "railgate-data",
		"-E", fmt.Sprintf("offset=%d", data.Start*512), p.card, fmt.Sprintf("%dk", data.Size/2)).CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	t.Cleanup(p.tellSystem)
	return p
}

func (p *pcGate) turnOn() {
	p.t.Helper()
	args := append([]string{"-device", "qemu-xhci"}, p.usbScanner()...)
	if p.stick != "" {
		args = append(args, "-drive", "if=none,id=stick,format=raw,readonly=on,file="+p.stick, "-device", "usb-storage,drive=stick")
	}
	memory := "1024"
	if p.display { // and there is room for the browser
		args, memory = append(args, "-device", "virtio-vga"), "2048"
	}
	p.machine.start(append(args,
		"-nodefaults", "-display", "none", "-S", "-accel", "tcg,thread=multi", "-machine", "q35,smm=on", "-smp", "1", "-m", memory, "-serial", "stdio",
		"-global", "driver=cfi.pflash01,property=secure,value=on",
		"-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "-drive", "if=pflash,unit=1,format=raw,file="+p.variables,
		"-drive", "if=none,id=card,format=raw,file="+p.card, "-device", "ide-hd,drive=card",
		"-qmp", "unix:"+p.path("monitor")+",server=on,wait=off",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=agent,server=on,wait=off,path="+p.path("agent"),
		"-device", "virtserialport,chardev=agent,name="+portName,
		// systemd reads its units again for longer than its watchdog waits, where others load this machine: it is fed, and does nothing.
		"-device", "i6300esb", "-action", "watchdog=none")...)
	p.monitor.open(p.t, p.dial("monitor"), p.event)
	agent := p.dial("agent")
	p.story.tell("hand", "switches the machine on")
	p.monitor.do(p.t, "cont", nil)
	p.meet(agent)
	p.plug()
}

// connectAdapter has the adapter's program run, with the fire loop closed, as a plugged adapter is there from the start.
func (p *pcGate) connectAdapter() {
	p.t.Helper()
	p.inputs("emergency")
	p.run("modprobe", "uhid")
	p.until("/dev/uhid", func() bool { return p.exists("/dev/uhid") })
	p.ask("Start", Command{Name: adapterName, Args: []string{"/data/hil", "adapter"}, Env: []string{"GODEBUG=asyncpreemptoff=1"}}, new(int))
	p.within(bootPatience, "the adapter is there", func() bool { return strings.Contains(p.attempt("gpiodetect").Output, "cp2112_gpio") })
}

// opensPC shows codes until the adapter's relay has had a pulse.
func (p *pcGate) opensPC() (code, certificate string) {
	p.t.Helper()
	before := p.levels("open")
	var shown time.Time
	p.within(bootPatience, "a pulse", func() bool {
		if time.Since(shown) > 20*time.Second {
			code, certificate = p.code()
			p.scan(code)
			shown = time.Now()
		}
		return strings.HasPrefix(p.levels("open"), before+"1")
	})
	p.until("the pulse's end", func() bool { return p.levels("open") == before+"10" })
	return code, certificate
}

// walksPC is somebody who walks through. The kernel asks the adapter for its inputs every now and then.
func (p *pcGate) walksPC() {
	p.t.Helper()
	passages := func() int {
		return strings.Count(p.run("journalctl", "-b", "--no-pager", "-u", "railgated"), "msg=passage")
	}
	before := passages()
	p.inputs("emergency", "passage")
	p.within(bootPatience, "a passage", func() bool { return passages() > before })
	p.inputs("emergency")
}

// isSpentPC shows a code that has opened: it is denied for that, and the relay stays.
func (p *pcGate) isSpentPC(code, certificate string) {
	p.t.Helper()
	before := p.levels("open")
	var granted int
	var denials []string
	p.holds(code, "its denial in the journal", func() bool {
		granted, denials = p.decided(certificate)
		return len(denials) > 0
	})
	if after := p.levels("open"); granted != 1 || denials[0] != "already_used" || after != before {
		p.t.Errorf("the code that opened before has %d grants in the journal, and was denied now: %v; the relay %s → %s", granted, denials, before, after)
	}
}

// choice is what GRUB's environment says of the slots.
func (p *pcGate) choice() string {
	p.t.Helper()
	return strings.Join(strings.Fields(p.run("grub-editenv", "/boot/railgate/grubenv", "list")), " ")
}

// isReset pulls the machine's reset line, and waits for its agent.
func (p *pcGate) isReset() {
	p.t.Helper()
	p.story.tell("hand", "presses reset")
	resets := p.happened("RESET")
	p.monitor.do(p.t, "system_reset", nil)
	p.until("a reset", func() bool { return p.happened("RESET") > resets })
	p.again()
}

// UEFI starts the shim and GRUB of an industrial PC's disk, with Secure Boot; the gate makes its keys, waits to be set up, and lets somebody pass.
func TestImageOfAPC(t *testing.T) {
	p := newPCGate(t)
	p.connectAdapter()
	p.step("as it is delivered", func(t *testing.T) {
		p.within(bootPatience, "its keys", func() bool { return identityCode.MatchString(p.attempt("railgate", "identity").Output) })
		p.within(bootPatience, "a lane that waits", func() bool { return strings.Contains(p.screen(), "not_provisioned") })
		t.Logf("ready %s s after the kernel's start", p.readyAfter())
		p.isDeliveredPC(t)
	})
	p.step("a passage", func(t *testing.T) {
		p.isSetUp()
		if got := p.read("/proc/interrupts"); strings.Contains(got, "cp2112") {
			t.Errorf("the adapter is asked for interrupts, whose end crashes this kernel:\n%s", got)
		}
		code, certificate := p.opensPC()
		p.walksPC()
		p.isSpentPC(code, certificate)
	})
	p.step("railgated lets its lines go, again and again", func(t *testing.T) {
		for range 10 {
			p.run("systemctl", "restart", "railgated")
		}
		p.inService()
		if got := p.attempt("sh", "-c", "dmesg | grep -A20 'BUG: ' | head -40").Output; got != "" {
			t.Errorf("the kernel says:\n%s", got)
		}
	})
}

// isSetUp gives the gate its configuration and keys, and waits until it is in service.
func (p *pcGate) isSetUp() {
	p.t.Helper()
	p.write(configPath, p.config+"\n[clock]\nrequire_sync = false\n", 0o644)
	p.write(keysPath, p.keys, 0o644)
	p.run("systemctl", "restart", "railgated")
	p.inService()
}

// pcBundlePatience is for the PC's bundle, which has a screen's programs in it.
const pcBundlePatience = 3 * bundlePatience

// railgate update on a PC's image: the bundle is taken from a stick, written to slot B, and started; it is kept once somebody has passed, and a
// code that opened before opens no more. railgated lets its lines go on the way, with Debian's driver of the adapter.
func TestImageOfAPCUpdates(t *testing.T) {
	image := pcImage(t)
	p := newPCDisk(t, nil)
	sum := p.stickBeside(t, image)
	began := time.Now()
	lap := func(what string) { t.Logf("%6.1f s  %s", time.Since(began).Seconds(), what) }
	p.turnOn()
	p.connectAdapter()
	p.isSetUp()
	lap("in service, in slot A")
	code, certificate := p.opensPC()
	p.walksPC()
	p.within(bootPatience, "the start recorded", func() bool { return p.updateState().Slot == "A" })
	p.step("a release is written, and started", func(t *testing.T) {
		p.run("sh", "-c", "mkdir -p /run/stick && mount -o ro,noload /dev/sdb /run/stick")
		p.tellJournal()
		resets := p.happened("RESET")
		p.began("update", "railgate", "update", "/run/stick/good.raucb", "--sha256", sum, "--yes", "--json")
		p.within(pcBundlePatience, "a restart", func() bool {
			var r Result
			time.Sleep(time.Second)
			if p.happened("RESET") == resets && p.tryFor(10*time.Second, "Look", "update", &r) == nil && strings.HasPrefix(r.End, "exit status") && r.End != "exit status 0" {
				t.Fatalf("railgate update: %s\n%s", r.End, r.Output)
			}
			return p.happened("RESET") > resets
		})
		lap("the restart")
		p.again()
		if got := p.slot(); got != "B" {
			t.Fatalf("slot %s runs; want B: %s\n%s", got, p.choice(), p.recorded())
		}
		p.connectAdapter()
		p.inService()
		lap("in service, in slot B")
	})
	p.step("it is kept once somebody has passed", func(t *testing.T) {
		if got := p.updateState(); got.Trial == nil {
			t.Errorf("nobody has passed yet, and nothing is on trial: %+v", got)
		}
		p.isSpentPC(code, certificate)
		p.opensPC()
		p.walksPC()
		p.within(bootPatience, "it is kept", func() bool { return strings.Contains(p.recorded(), "proved good and is kept") })
		lap("kept")
		p.within(bootPatience, "GRUB's choice", func() bool { return p.choice() == "ORDER=B A A_OK=1 A_TRY=0 B_OK=1 B_TRY=0" })
	})
}

// GRUB starts the slot that RAUC tells it to, counts its tries, and gives it up for the other one where nobody marks it good.
func TestImageOfAPCFallsBack(t *testing.T) {
	p := newPCGate(t, "railgated.service", "railgate-kiosk.service", "railgate-trial.service") // the last one would mark it
	is := func(slot, choice string) {
		p.t.Helper()
		if got := p.slot(); got != slot {
			p.t.Fatalf("slot %s runs; want %s: %s", got, slot, p.choice())
		}
		if got := p.choice(); got != choice {
			p.t.Fatalf("GRUB has %s; want %s", got, choice)
		}
	}
	p.step("slot A is marked good, and B is to be tried", func(t *testing.T) {
		is("A", "ORDER=A B A_OK=1 A_TRY=1 B_OK=1 B_TRY=0")
		p.within(bootPatience, "RAUC", func() bool { return p.attempt("rauc", "status", "mark-good").End == "exit status 0" })
		p.run("rauc", "status", "mark-active", "other")
		is("A", "ORDER=B A A_OK=1 A_TRY=0 B_OK=1 B_TRY=0")
	})
	p.step("slot B is tried", func(t *testing.T) {
		p.run("grub-editenv", "/boot/railgate/grubenv", "set", "B_TRY=2") // as after two starts
		p.isReset()
		is("B", "ORDER=B A A_OK=1 A_TRY=0 B_OK=1 B_TRY=3")
	})
	p.step("nobody marked it good", func(t *testing.T) {
		p.isReset()
		is("A", "ORDER=B A A_OK=1 A_TRY=1 B_OK=1 B_TRY=3")
	})
}

// isDeliveredPC compares the running system with what docs/installation.md says of images.
func (p *pcGate) isDeliveredPC(t *testing.T) {
	for _, tt := range []struct{ name, command, want string }{
		{"the root is read-only", "findmnt -no FSTYPE,OPTIONS / | tr -s ' ' | cut -c1-11", "squashfs ro"},
		{"the slot", "rauc status --output-format=shell | sed -n 's/^RAUC_SYSTEM_BOOTED_BOOTNAME=//p'", "'A'"},
		{"Secure Boot", "od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "1"},
		{"what is kept", "for dir in /etc /var /var/lib/railgate /boot/railgate; do findmnt -no FSTYPE $dir; done", "overlay\noverlay\next4\nvfat"},
		{"the data fill the disk", fmt.Sprintf("[ $(findmnt -bno SIZE /data) -gt %d ] && echo grown", int64(1)<<30), "grown"},
		{"ssh", "systemctl is-enabled ssh; systemctl is-active ssh; ls /etc/ssh | grep -c host_ || true", "disabled\ninactive\n0"},
		{"the watchdog", "cat /sys/class/watchdog/watchdog0/state", "active"},
		{"the screen waits for a display", "systemctl is-enabled railgate-kiosk; systemctl get-default", "enabled\nrailgate.target"},
		{"nothing failed", "systemctl --failed --no-legend --plain", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.TrimSpace(p.attempt("sh", "-c", tt.command).Output); got != tt.want {
				t.Errorf("%s:\n%s\nwant:\n%s", tt.command, got, tt.want)
			}
		})
	}
}
