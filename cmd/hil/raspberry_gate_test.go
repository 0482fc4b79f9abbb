package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Raspberry Pi's own GPIO controller, watchdog and USB, by the kernel's own drivers, with the board's
// configuration: its lines are found, the relay moves for a code and for nothing else, and a daemon that is
// killed leaves its pin an input, as the board's pull-down wants it.
func TestRaspberryPi(t *testing.T) {
	folder(t) // without it there may be no QEMU to ask for its boards
	for _, b := range []piBoard{zero2W(), four(t)} {
		t.Run(b.config, func(t *testing.T) {
			began := time.Now()
			p := newPi(t, b)
			t.Logf("%s with %s: the agent and the scanner after %v", b.machine, b.tree, time.Since(began).Round(time.Millisecond))
			p.findsItsDevices()
			p.startsInEmergency()
			p.opensForACode()
			p.killedLetsGo()
		})
	}
}

func (p *pi) findsItsDevices() {
	p.t.Helper()
	p.everyPin("before railgated", "input", "input")
	if lines := p.read("/sys/kernel/debug/gpio"); !strings.Contains(lines, ", "+p.board.label+":") {
		p.t.Errorf("no GPIO chip %s:\n%s", p.board.label, lines)
	}
	if dog := p.read("/sys/class/watchdog/watchdog0/identity"); dog != "Broadcom BCM2835 Watchdog timer\n" {
		p.t.Errorf("watchdog0 is %q; want the chip's own", dog)
	}
	for _, config := range []string{p.config, p.byName()} {
		p.write(configPath, config, 0o644)
		if r := p.attempt("/bin/railgated", "--check"); r.End != "exit status 0" {
			p.t.Errorf("%s: %s\n%s", config, r.End, r.Output)
		}
	}
	p.write(configPath, p.config, 0o644)
}

// byName is the configuration with the kernel's names for its lines.
func (p *pi) byName() string {
	config := p.config
	for _, n := range p.lines {
		config = strings.Replace(config, fmt.Sprintf(`"%s:%d"`, p.board.label, n), fmt.Sprintf(`"GPIO%d"`, n), 1)
	}
	return config
}

// everyPin holds the lines against what they must be.
func (p *pi) everyPin(when, outputs, inputs string) {
	p.t.Helper()
	for purpose := range p.lines {
		want := outputs
		if purpose == "passage" || purpose == "emergency" {
			want = inputs
		}
		if got := p.pin(purpose); got != want {
			p.t.Errorf("%s: %s (GPIO%d) is %s; want %s", when, purpose, p.lines[purpose], got, want)
		}
	}
}

// startsInEmergency: a fire loop that is cut when railgated starts.
func (p *pi) startsInEmergency() {
	p.t.Helper()
	from := time.Now()
	p.launch()
	p.until("the emergency is shown", func() bool { return p.status().Mode == "emergency" })
	code, _ := p.code()
	p.scan(code)
	time.Sleep(2 * quiet)
	if c := p.relay(from); len(c) > 0 || p.pin("open") != "output 0" {
		p.t.Errorf("the relay in an emergency: %v, %s; want output 0", c, p.pin("open"))
	}
	p.stop()
	p.everyPin("after SIGTERM", "input", "input")
	p.raise("emergency") // the loop is closed
}

func (p *pi) opensForACode() {
	p.t.Helper()
	from := time.Now()
	p.start()
	if c := p.relay(from); len(c) > 0 || p.pin("open") != "output 0" {
		p.t.Errorf("the relay after the start: %v, %s; want output 0", c, p.pin("open"))
	}
	code, _ := p.code()
	p.scan(code)
	p.until("a pulse", func() bool { return len(p.relay(from)) >= 2 })
	c := p.relay(from)
	if width := c[1].at.Sub(c[0].at); !c[0].high || c[1].high || width < pulse/2 || width > pulse+time.Second {
		p.t.Errorf("the relay: %v; want one pulse of %v", c, pulse)
	}
	p.until("the green light", func() bool { return len(p.since(from, p.lines["green"])) > 0 })
	p.stop()
	p.everyPin("after SIGTERM", "input", "input")
}

func (p *pi) killedLetsGo() {
	p.t.Helper()
	p.write(configPath, strings.Replace(p.config, `"300ms"`, `"5s"`, 1), 0o644)
	p.start()
	from := time.Now()
	code, _ := p.code()
	p.scan(code)
	p.until("the relay is active", func() bool { return p.pin("open") == "output 1" })
	p.signal(unix.SIGKILL)
	p.ended()
	if c := p.relay(from); len(c) != 1 || !c[0].high {
		p.t.Errorf("the relay: %v; want it raised, and not lowered by a dead daemon", c)
	}
	p.everyPin("after SIGKILL", "input", "input")
	again := time.Now()
	p.run("/bin/railgate", "outputs-safe")
	p.start()
	time.Sleep(quiet)
	for _, c := range p.relay(again) {
		if c.high {
			p.t.Errorf("the relay after outputs-safe and a new start: %v; want it never raised", p.relay(again))
		}
	}
	if got := p.pin("open"); got != "output 0" {
		p.t.Errorf("the relay after a new start is %s; want output 0", got)
	}
}
