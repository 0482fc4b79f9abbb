package main

import (
	"log/slog"
	"slices"

	"periph.io/x/conn/v3/gpio"

	"railgate/configs"
	"railgate/driver"
	"railgate/driver/gpioline"
	"railgate/driver/panel"
	"railgate/driver/scanner"
	"railgate/driver/turnstile"
	"railgate/verify"
	"railgate/verify/lane"
)

// devices are what a configuration asks for.
type devices struct {
	scanners  []driver.Scanner
	turnstile driver.Turnstile // nil: the lane opens nothing
	sim       *turnstile.Sim   // nil: it is not simulated
	panel     driver.Panel
	outputs   turnstile.Outputs
	lines     []*gpioline.Line // the outputs', where they are GPIO's
}

// newDevices prepares the devices; their Run opens them.
func newDevices(c *configs.Config, log *slog.Logger) (*devices, error) {
	lines, err := c.GPIOLines()
	patient := c.Provision.Wait
	if err != nil {
		if patient = patient || worked(c); !patient {
			return nil, err
		}
		awaitLines(c, lines)
	}
	d := &devices{}
	for i := range c.Scanners {
		d.scanners = append(d.scanners, newScanner(&c.Scanners[i], prefixOf(c), log))
	}
	d.addTurnstile(c, lines, patient, log)
	d.addPanel(c, lines, log)
	d.release(log)
	return d, nil
}

// prefixOf is that of the codes that the gate wants to read.
func prefixOf(c *configs.Config) string {
	if c.Provision.Waiting {
		return verify.ProvisionPrefix
	}
	return verify.Prefix
}

func newScanner(s *configs.Scanner, prefix string, log *slog.Logger) driver.Scanner {
	usb := scanner.USBConfig{Name: s.Name, Device: s.Device, Suffix: s.Suffix, Prefix: prefix}
	switch s.Driver {
	case "hid":
		return scanner.NewHID(usb, log)
	case "keyboard":
		return scanner.NewKeyboard(usb, log)
	case "serial":
		return scanner.NewSerial(scanner.SerialConfig{Name: s.Name, Port: s.Port, Baud: s.Baud, Suffix: s.Suffix}, log)
	}
	return scanner.NewCamera(scanner.CameraConfig{
		Name: s.Name, Device: s.Device, Width: s.Width, Height: s.Height, Exposure: s.Exposure, Focus: s.Focus, K1: s.K1, Frames: s.Frames, FPS: s.FPS,
		Prefix: prefix,
	}, log)
}

func (d *devices) addTurnstile(c *configs.Config, lines map[string]*gpioline.Line, patient bool, log *slog.Logger) {
	t := &c.Turnstile
	name := c.Gate
	if name == "" {
		name = "turnstile"
	}
	cfg := turnstile.Config{Name: name, Pulse: t.Pulse, Hold: t.Pulse == 0, Interlock: t.Interlock}
	switch t.Driver {
	case "sim":
		d.sim = turnstile.NewSim(turnstile.SimConfig{Config: cfg, Trace: t.Trace, PassageAfter: t.PassageAfter}, log)
		d.turnstile = d.sim
		d.outputs.Trace = t.Trace
	case "gpio":
		for _, name := range t.ActiveLow {
			if line := lines["turnstile."+name]; line != nil {
				line.ActiveLow = true
			}
		}
		g := turnstile.GPIOConfig{Config: cfg, Open: lines["turnstile.open"], Passage: faultyPin(lines["turnstile.passage"], "passage input")}
		lines["turnstile.passage"].Debounce = turnstile.Debounce
		if line := lines["turnstile.emergency"]; line != nil {
			line.Debounce = turnstile.Debounce
			g.Emergency = faultyPin(line, "emergency input")
		}
		controller := turnstile.NewGPIO(g, log)
		d.turnstile = controller
		if patient {
			d.turnstile = &patientTurnstile{Controller: controller, waits: c.Provision.Waiting, log: log}
		}
		d.addOutput(lines["turnstile.open"])
	}
}

func (d *devices) addPanel(c *configs.Config, lines map[string]*gpioline.Line, log *slog.Logger) {
	cfg := panel.Config{Name: "panel"}
	for name, out := range map[string]*panel.Output{"green": &cfg.Green, "red": &cfg.Red, "buzzer": &cfg.Buzzer, "service": &cfg.Service} {
		if line := lines["panel."+name]; line != nil {
			line.ActiveLow = slices.Contains(c.Panel.ActiveLow, name)
			*out = panel.GPIO(line)
			d.addOutput(line)
		}
	}
	d.panel = panel.New(cfg, log)
}

func (d *devices) addOutput(line *gpioline.Line) {
	d.lines = append(d.lines, line)
	d.outputs.Lines = append(d.outputs.Lines, turnstile.OutputLine{Line: line.Spec(), Inactive: line.ActiveLow})
}

// release makes every output inactive before anything else is done: a daemon that was killed may have
// left its relay active. One that fails is tried again by its device, which says so in its health.
func (d *devices) release(log *slog.Logger) {
	for _, line := range d.lines {
		if err := line.Out(gpio.Low); err != nil {
			log.Warn("an output cannot be made inactive yet", "err", err)
		}
	}
}

// lightOf is the panel's light for the law's.
func lightOf(l lane.Light) driver.Light {
	switch l {
	case lane.Green:
		return driver.Green
	case lane.Red:
		return driver.Red
	}
	return driver.Dark
}

// soundOf is the panel's sound for the law's.
func soundOf(s lane.Sound) driver.Sound {
	switch s {
	case lane.SoundPass:
		return driver.Pass
	case lane.Again:
		return driver.Again
	case lane.Staff:
		return driver.Staff
	case lane.Alarm:
		return driver.Alarm
	}
	return driver.Silent
}
