package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"railgate/driver/gpioline"
	"railgate/verify"
)

// CheckDevices says what the configuration asks for and the machine does not have.
// Its error joins a [Problem] for each thing.
func (c *Config) CheckDevices() error {
	var problems []error
	wrong := func(key, format string, args ...any) { problems = append(problems, c.Problem(key, format, args...)) }
	if err := checkFolder(c.Data); err != nil {
		wrong("data", "%v; make it, or give it to railgated's user", err)
	}
	if c.Keys != "" {
		if data, err := os.ReadFile(c.Keys); err != nil {
			wrong("keys", "%v; put the issuer's keys.json there", err)
		} else if _, err := verify.ParseKeyset(data); err != nil {
			wrong("keys", "%s: %v; get a good keys.json from the issuer", c.Keys, err)
		}
	}
	for i := range c.Scanners {
		c.checkScannerDevice(i, wrong)
	}
	inFolder := func(key, path string) {
		if _, err := os.Stat(filepath.Dir(path)); path != "" && err != nil {
			wrong(key, "%v; make the folder, or name another", err)
		}
	}
	inFolder("turnstile.trace", c.Turnstile.Trace)
	inFolder("turnstile.interlock", c.Turnstile.Interlock)
	_, err := c.GPIOLines()
	return errors.Join(append(problems, err)...)
}

// checkFolder tells whether a folder is there, or can be made, and be written to.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		parent := filepath.Dir(filepath.Clean(dir))
		if parent == filepath.Clean(dir) {
			return err
		}
		return checkFolder(parent)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%s cannot be written: %w", dir, err)
	}
	return nil
}

func (c *Config) checkScannerDevice(i int, wrong func(key, format string, args ...any)) {
	s := &c.Scanners[i]
	missing := func(key, path, fix string) {
		if _, err := os.Stat(path); err != nil {
			wrong(fmt.Sprintf("scanner[%d].%s", i, key), "%v; %s", err, fix)
		}
	}
	switch {
	case s.Driver == "serial":
		missing("port", s.Port, "is the scanner plugged in? ls -l /dev/serial/by-id shows those that are")
	case s.Frames != "":
		missing("frames", s.Frames, "make the folder, or name another")
	default:
		missing("device", s.Device, "is the camera plugged in? ls -l /dev/v4l/by-id shows those that are")
	}
}

// GPIOLines finds every line that the configuration names, by its key
// ("turnstile.open").
func (c *Config) GPIOLines() (map[string]*gpioline.Line, error) {
	found := map[string]*gpioline.Line{}
	var problems []error
	find := func(key, spec string) {
		if spec == "" {
			return
		}
		line, err := gpioline.Find(spec)
		if err != nil {
			problems = append(problems, c.Problem(key, "%v; gpioinfo lists the lines there are", err))
			return
		}
		found[key] = line
	}
	if c.Turnstile.Driver == "gpio" {
		find("turnstile.open", c.Turnstile.Open)
		find("turnstile.passage", c.Turnstile.Passage)
		find("turnstile.emergency", c.Turnstile.Emergency)
	}
	if c.Panel.Driver == "gpio" {
		find("panel.green", c.Panel.Green)
		find("panel.red", c.Panel.Red)
		find("panel.buzzer", c.Panel.Buzzer)
	}
	return found, errors.Join(problems...)
}
