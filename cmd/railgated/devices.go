package main

import (
	"fmt"
	"log/slog"
	"slices"

	"railgate/configs"
	"railgate/driver"
	"railgate/driver/gpioline"
	"railgate/driver/panel"
	"railgate/driver/scanner"
	"railgate/driver/turnstile"
)

// devices are what a configuration asks for.
type devices struct {
	scanners  []driver.Scanner
	turnstile driver.Turnstile // nil: the lane opens nothing
	sim       *turnstile.Sim   // nil: it is not simulated
	panel     driver.Panel
	outputs   turnstile.Outputs
}

// newDevices prepares the devices; their Run opens them.
func newDevices(c *configs.Config, log *slog.Logger) (*devices, error) {
	lines, err := c.GPIOLines()
	if err != nil {
		return nil, err
	}
	d := &devices{}
	for i := range c.Scanners {
		d.scanners = append(d.scanners, newScanner(&c.Scanners[i], log))
	}
	d.addTurnstile(c, lines, log)
	d.addPanel(c, lines, log)
	return d, nil
}

func newScanner(s *configs.Scanner, log *slog.Logger) driver.Scanner {
	if s.Driver == "serial" {
		return scanner.NewSerial(scanner.SerialConfig{Name: s.Name, Port: s.Port, Baud: s.Baud, Suffix: s.Suffix}, log)
	}
	return scanner.NewCamera(scanner.CameraConfig{
		Name: s.Name, Device: s.Device, Width: s.Width, Height: s.Height, Exposure: s.Exposure, Focus: s.Focus, Frames: s.Frames, FPS: s.FPS,
	}, log)
}

func (d *devices) addTurnstile(c *configs.Config, lines map[string]*gpioline.Line, log *slog.Logger) {
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
		g := turnstile.GPIOConfig{Config: cfg, Open: lines["turnstile.open"], Passage: lines["turnstile.passage"], ActiveLow: t.ActiveLow}
		if line := lines["turnstile.emergency"]; line != nil {
			g.Emergency = line
		}
		d.turnstile = turnstile.NewGPIO(g, log)
		d.addOutput(lines["turnstile.open"], slices.Contains(t.ActiveLow, "open"))
	}
}

func (d *devices) addPanel(c *configs.Config, lines map[string]*gpioline.Line, log *slog.Logger) {
	cfg := panel.Config{Name: "panel"}
	for name, out := range map[string]*panel.Output{"green": &cfg.Green, "red": &cfg.Red, "buzzer": &cfg.Buzzer} {
		if line := lines["panel."+name]; line != nil {
			low := slices.Contains(c.Panel.ActiveLow, name)
			*out = panel.GPIO(line, low)
			d.addOutput(line, low)
		}
	}
	d.panel = panel.New(cfg, log)
}

func (d *devices) addOutput(line *gpioline.Line, activeLow bool) {
	d.outputs.Lines = append(d.outputs.Lines, turnstile.OutputLine{Line: fmt.Sprintf("%s:%d", line.Chip, line.Offset), Inactive: activeLow})
}
