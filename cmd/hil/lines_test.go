package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const tracing = "/sys/kernel/tracing/"

// relayTrace is what the kernel saw of the relay's line, an access a word: "out" and "in" are directions
// ("out" once its level is set), "1" and "0" levels that were set.
func (g *gate) relayTrace() (words []string) {
	g.t.Helper()
	for line := range strings.Lines(g.read(tracing + "trace")) {
		var number, level int
		_, rest, ok := strings.Cut(line, "gpio_value: ")
		if ok {
			var how string
			if _, err := fmt.Sscanf(rest, "%d %s %d", &number, &how, &level); err == nil && number%8 == relayPin && how == "set" {
				words = append(words, fmt.Sprint(level))
			}
		}
		if _, rest, ok = strings.Cut(line, "gpio_direction: "); ok {
			var way string
			if _, err := fmt.Sscanf(rest, "%d %s", &number, &way); err == nil && number%8 == relayPin {
				words = append(words, way)
			}
		}
	}
	return words
}

// The relay's first activation has no glitch: seen at the pin, and in the kernel's own trace of every
// access to the line. Both kinds of relay, found inactive as the board left them.
func TestFirstActivationHasNoGlitch(t *testing.T) {
	for _, tt := range []struct {
		name     string
		low      bool
		inactive string
	}{{"active high", false, "0"}, {"active low", true, "1"}} {
		t.Run(tt.name, func(t *testing.T) {
			config := wired
			if tt.low {
				config = strings.Replace(wired, `active_low = ["emergency"]`, `active_low = ["emergency", "open"]`, 1)
			}
			g := newGate(t, config)
			if tt.low { // what the board's pull-up does: railgated's own command is the only one here
				g.write("/run/railgate/outputs.json", `{"lines":[{"line":"9030000.pl061:0","inactive":true}]}`, 0o644)
				g.run("/bin/railgate", "--data", "/run/railgate", "outputs-safe")
				g.until("the pin is high", func() bool { return g.level(t, relayPin) })
			}
			g.write(tracing+"events/gpio/enable", "1", 0o644)
			began := time.Now()
			g.start()
			time.Sleep(quiet)
			if c := g.since(began, relayPin); len(c) > 0 {
				t.Errorf("the pin moved as railgated started: %v", c)
			}
			trace := g.relayTrace()
			t.Logf("the kernel's trace: %v", trace)
			if len(trace) == 0 || trace[0] != "out" && trace[0] != tt.inactive {
				t.Errorf("the kernel's trace begins with %v; want the line an output at %s", trace, tt.inactive)
			}
			for _, word := range trace {
				if word != "out" && word != tt.inactive {
					t.Errorf("the kernel's trace %v; want nothing but %s and a direction", trace, tt.inactive)
					break
				}
			}
			g.oneOpening(began, tt.low)
		})
	}
}

// oneOpening opens once: the pin goes to the active level and back, and the kernel holds the line for us.
func (g *gate) oneOpening(from time.Time, low bool) {
	g.t.Helper()
	code, _ := g.code()
	g.scan(code)
	g.until("a pulse", func() bool { return len(g.since(from, relayPin)) == 2 })
	c := g.since(from, relayPin)
	if c[0].high == low || c[1].high != low {
		g.t.Errorf("the pin: %v; want it active, then inactive", c)
	}
	if lines := g.read("/sys/kernel/debug/gpio"); !strings.Contains(lines, "railgated") {
		g.t.Errorf("the kernel's list of lines has no railgated:\n%s", lines)
	}
}

// Each is one clear error, from railgated --check or in its health.
func TestLinesThatCannotBeHad(t *testing.T) {
	g := newGate(t, wired)
	for _, tt := range []struct{ name, line, words string }{
		{"missing", `open = "GPIO17"`, `turnstile.open: GPIO line "GPIO17": no line has that name (there are 9030000.pl061 (gpiochip0, 8 lines))`},
		{"named twice", `open = "BUZZER"`, `both 9030000.pl061:3 and 9030000.pl061:7 have that name; say which as chip:offset`},
		{"no such chip", `open = "pinctrl-bcm2711:17"`, `chip "pinctrl-bcm2711" is not there`},
		{"no such offset", `open = "9030000.pl061:8"`, `9030000.pl061 has lines 0 to 7`},
	} {
		g.write("/etc/railgate/wrong.toml", strings.Replace(wired, `open = "RELAY"`, tt.line, 1), 0o644)
		r := g.attempt("/bin/railgated", "--check", "--config", "/etc/railgate/wrong.toml")
		if r.End != "exit status 2" || !strings.Contains(r.Output, tt.words) || strings.Count(r.Output, "\n") != 1 {
			t.Errorf("%s: %s\n%s; want one line with %q", tt.name, r.End, r.Output, tt.words)
		}
	}
	if r := g.attempt("/bin/railgated", "--check"); r.End != "exit status 0" {
		t.Errorf("the good configuration: %s\n%s", r.End, r.Output)
	}
	g.write("/sys/class/gpio/export", g.number(relayPin), 0o644)
	g.launch()
	const busy = `GPIO line RELAY (9030000.pl061:0): held by \"sysfs\": device or resource busy`
	g.until("a word about who has the line", func() bool { return strings.Contains(g.said(), busy) })
	g.until("out of service", func() bool { return g.status().Mode == "out_of_service" })
	g.write("/sys/class/gpio/unexport", g.number(relayPin), 0o644)
	g.until("in service once the line is free", func() bool { return g.status().Mode == "closed" })
	g.open()
}

// number is a pin's in the kernel's old numbering.
func (g *gate) number(pin int) string {
	g.t.Helper()
	var base int
	for line := range strings.Lines(g.read("/sys/kernel/debug/gpio")) {
		if _, err := fmt.Sscanf(line, "gpiochip0: GPIOs %d-", &base); err == nil {
			return fmt.Sprint(base + pin)
		}
	}
	g.t.Fatal("the kernel does not list gpiochip0")
	return ""
}

// withoutInterrupts calls the board's controller one that has its data and its directions in registers, and no
// interrupts: the same pins, by the kernel's driver for such chips (gpio-mmio).
var withoutInterrupts = [][]string{
	{"-t", "s", "TREE", "/pl061@9030000", "compatible", "wd,mbl-gpio"},
	{"-t", "x", "TREE", "/pl061@9030000", "reg", "0", "90303fc", "0", "1", "0", "9030400", "0", "1"},
	{"-t", "s", "TREE", "/pl061@9030000", "reg-names", "dat", "dirout"},
	{"-d", "TREE", "/pl061@9030000", "interrupts"},
}

// Where the kernel has no edges to tell of, as at a Super-IO, the inputs are seen all the same.
func TestChipWithoutInterrupts(t *testing.T) {
	config := strings.ReplaceAll(long, "9030000.pl061", "90303fc.pl061")
	g := newGate(t, config, func(s *setup) { s.edits = withoutInterrupts })
	g.start()
	g.open()
	pulled := time.Now()
	g.set(emergencyPin, false)
	g.releasedIn(pulled, time.Second)
	g.until("the emergency is shown", func() bool { return g.status().Mode == "emergency" })
	g.set(emergencyPin, true)
	g.until("the emergency is over", func() bool { return g.status().Mode == "closed" })
	g.open()
	g.walks(0)
}
