package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
)

// An ipc is a gate on an industrial PC: the kernel's driver of the CP2112, with a program in the place of the
// adapter that it speaks to.
type ipc struct {
	*gate
	bits    map[string]byte // of the lines, by purpose
	plugged int             // how often the adapter was
}

// newAdapterGate is a gate with the industrial PC's configuration, and no machine yet.
func newAdapterGate(t *testing.T) *ipc {
	t.Helper()
	const path = "../../configs/boards/industrial-pc/railgated.toml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := configs.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &ipc{bits: map[string]byte{}}
	for purpose, line := range boardLines(c) {
		n, err := strconv.Atoi(strings.TrimPrefix(line, "cp2112_gpio:"))
		if err != nil {
			t.Fatal(err)
		}
		p.bits[purpose] = 1 << n
	}
	p.gate = &gate{config: string(text)}
	return p
}

func newIPC(t *testing.T) *ipc {
	t.Helper()
	p := newAdapterGate(t)
	p.gate = newGate(t, withoutNetwork(p.config), func(s *setup) {
		s.modules = append(s.modules, "uhid", "hid_cp2112")
		// A signal that meets a program in uhid makes an input/output error of its request, which no adapter does; and
		// Go's runtime sends its threads signals. The kernel hands what it does not know to /init's environment.
		s.words = append(s.words, "GODEBUG=asyncpreemptoff=1")
	})
	p.inputs("emergency") // the loop is closed
	p.plugAdapter()
	return p
}

// withoutNetwork is a board's configuration where there is no udev to name the scanner, no network for the
// screen or the time.
func withoutNetwork(text string) string {
	before, _, _ := strings.Cut(text, "[http]")
	return strings.Replace(before, "/dev/railgate/scanner", scannerPort, 1) + "[clock]\nrequire_sync = false\n"
}

const adapterName = "adapter" // as the agent knows it

func (p *ipc) plugAdapter() {
	p.t.Helper()
	var pid int
	p.ask("Start", Command{Name: adapterName, Args: []string{"/init", "adapter"}}, &pid)
	p.plugged++ // the kernel numbers them
	p.until("the adapter is there", func() bool { return strings.Contains(p.read("/sys/kernel/debug/gpio"), ", cp2112_gpio,") })
}

// unplugAdapter pulls its cable.
func (p *ipc) unplugAdapter() {
	p.t.Helper()
	p.ask("Kill", Signal{Name: adapterName, Number: int(unix.SIGKILL)}, new(struct{}))
	device := fmt.Sprintf("/sys/bus/hid/devices/0003:10C4:EA90.%04X", p.plugged)
	p.until("the adapter is gone", func() bool { return !p.exists(device) })
}

// inputs puts these inputs high, and the others low.
func (p *ipc) inputs(high ...string) {
	p.t.Helper()
	var levels byte
	for _, purpose := range high {
		levels |= p.bits[purpose]
	}
	p.write(adapterInputs, fmt.Sprintf("%02x", levels), 0o644)
}

// levels are a line's, each that the adapter's pin had in turn: "-" while it is an input.
func (p *ipc) levels(purpose string) (all string) {
	p.t.Helper()
	var r Result
	p.ask("Look", adapterName, &r)
	for line := range strings.Lines(r.Output) {
		var outputs, levels byte
		if _, err := fmt.Sscanf(line, "out %x levels %x", &outputs, &levels); err != nil {
			p.t.Fatalf("the adapter says %q: %v", line, err)
		}
		now := "-"
		switch bit := p.bits[purpose]; {
		case levels&bit != 0:
			now = "1"
		case outputs&bit != 0:
			now = "0"
		}
		if !strings.HasSuffix(all, now) {
			all += now
		}
	}
	return all
}

// An industrial PC's configuration, by the kernel's own driver: its lines are found, the relay moves for a code
// and for nothing else, the inputs are seen without the driver's interrupts, and the adapter may be
// pulled out. A killed daemon's relay stays as it is: outputs-safe releases it.
func TestIndustrialPC(t *testing.T) {
	p := newIPC(t)
	if r := p.attempt("/bin/railgated", "--check"); r.End != "exit status 0" {
		t.Fatalf("%s\n%s", r.End, r.Output)
	}
	p.start()
	// The driver makes a pin an output before it sets its level: in between it has the adapter's.
	first := p.levels("open")
	t.Logf("the relay's pin from the adapter's power-on to a gate in service: %s", first)
	if first != "-10" && first != "-0" {
		t.Errorf("the relay's pin was %s; want an input, then low", first)
	}
	p.opens(first)
	if got := p.read("/proc/interrupts"); strings.Contains(got, "cp2112") {
		t.Errorf("the adapter is asked for interrupts:\n%s", got)
	}
	p.until("a passage", func() bool { // the driver looks every now and then
		p.inputs("emergency", "passage")
		time.Sleep(100 * time.Millisecond)
		p.inputs("emergency")
		time.Sleep(100 * time.Millisecond)
		return strings.Contains(p.said(), "msg=passage")
	})
	p.cableIsPulled()
	p.killedKeepsItsLevel()
	p.loopIsCut()
}

// opens has a fresh code move the relay's pin: up, and down again.
func (p *ipc) opens(before string) {
	p.t.Helper()
	code, _ := p.code()
	p.scan(code)
	p.until("a pulse", func() bool { return p.levels("open") == before+"10" })
}

// cableIsPulled: without its lines railgated ends, and systemd starts it until they are back.
func (p *ipc) cableIsPulled() {
	p.t.Helper()
	p.unplugAdapter()
	if r := p.ended(); r.End != "exit status 1" || !strings.Contains(r.Output, "no such device") {
		p.t.Errorf("without the adapter: %s; want exit status 1, and why", r.End)
	}
	p.plugAdapter()
	p.start()
	p.opens(p.levels("open"))
	p.signal(unix.SIGTERM)
	p.ended()
}

func (p *ipc) killedKeepsItsLevel() {
	p.t.Helper()
	p.write(configPath, strings.Replace(p.config, `"300ms"`, `"5s"`, 1), 0o644)
	p.start()
	before := p.levels("open")
	code, _ := p.code()
	p.scan(code)
	p.until("the relay is active", func() bool { return p.levels("open") == before+"1" })
	p.signal(unix.SIGKILL)
	p.ended()
	time.Sleep(quiet)
	if got := p.levels("open"); got != before+"1" {
		p.t.Errorf("the relay's pin after SIGKILL: %s; want its level kept, as the configuration's comment has it", got)
	}
	p.run("/bin/railgate", "outputs-safe")
	p.until("the relay's pin is low after outputs-safe", func() bool { return p.levels("open") == before+"10" })
}

func (p *ipc) loopIsCut() {
	p.t.Helper()
	p.start()
	before := p.levels("open")
	code, _ := p.code()
	p.scan(code)
	p.until("the relay is active", func() bool { return p.levels("open") == before+"1" })
	p.inputs()
	p.until("the emergency is shown", func() bool { return p.status().Mode == "emergency" })
	p.until("the relay's pin is low in an emergency", func() bool { return p.levels("open") == before+"10" })
}

// An image's gate whose adapter is not plugged in: it shows its keys, names the chip, and has its lines when the adapter comes, as often
// as it is pulled and plugged in. It never opens.
func TestIndustrialPCWithoutItsAdapter(t *testing.T) {
	p := newAdapterGate(t)
	config := strings.NewReplacer("\nkeys ", "\n# keys ", "\nstation ", "\n# station ", "\ngate ", "\n# gate ").Replace(withoutNetwork(p.config)) + "[provision]\nwait = true\n"
	p.gate = newGate(t, config, func(s *setup) {
		s.modules = append(s.modules, "uhid", "hid_cp2112")
		s.words = append(s.words, "GODEBUG=asyncpreemptoff=1")
	})
	p.inputs("emergency")
	pid := p.launch()
	says := func(causes ...string) {
		t.Helper()
		var got []string
		p.until(fmt.Sprintf("a gate that says %v", causes), func() bool {
			r := p.attempt("railgate", "status", "--json")
			var s control.Status
			if json.Unmarshal([]byte(r.Output), &s) != nil || s.Provision == nil || s.Provision.Identity == "" || s.PID != pid {
				return false
			}
			got = nil
			for _, c := range s.Causes {
				got = append(got, c.Cause)
			}
			return slices.Equal(got, causes)
		})
	}
	says(control.GPIOChipMissing, control.NotProvisioned, control.PanelDown)
	for range 2 {
		p.plugAdapter()
		says(control.NotProvisioned)
		p.unplugAdapter()
		says(control.GPIOChipMissing, control.NotProvisioned, control.PanelDown)
	}
	p.plugAdapter()
	says(control.NotProvisioned)
	if levels := p.levels("open"); levels != "-0" && levels != "-10" { // as in TestIndustrialPC
		t.Errorf("the relay's pin since it was plugged in: %s; want an input, then low", levels)
	}
	p.signal(unix.SIGTERM)
	if r := p.ended(); r.End != "exit status 0" {
		t.Errorf("%s; want exit status 0", r.End)
	}
}
