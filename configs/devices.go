package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"railgate/driver/gpioline"
	"railgate/driver/scanner"
)

// CheckDevices says what the configuration asks for and the machine does not have, but for
// the keyset ([Config.CheckKeyset]). Its error joins a [Problem] for each thing.
func (c *Config) CheckDevices() error {
	var problems []error
	wrong := func(key, format string, args ...any) { problems = append(problems, c.Problem(key, format, args...)) }
	if err := checkFolder(c.Data); err != nil {
		wrong("data", "%v; make it, or give it to railgated's user", err)
	}
	ports := map[string]string{}
	for i := range c.Scanners {
		c.checkScannerDevice(i, ports, wrong)
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

// CheckOpens says why no code could ever open the gate: it has no keyset, and nothing
// from which one will come.
func (c *Config) CheckOpens() error {
	if c.Keys != "" || c.Sync.Nation != "" || c.Provision.Waiting {
		return nil
	}
	return c.Problem("keys", "is empty and there is no station, so no code can ever open; put the issuer's keys.json on this machine and name it: keys = %q", keysPath.example)
}

// checkFolder tells whether a folder is there, or can be made, and be written to.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return checkParent(dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", quote(dir))
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%s cannot be written: %w", quote(dir), err)
	}
	return nil
}

// checkParent tells whether a folder that is not there can be made. Only trying tells: not
// every file system lets even root make one.
func checkParent(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s is a link to nothing", quote(dir))
	}
	if len(filepath.Base(dir)) > unix.NAME_MAX {
		return fmt.Errorf("%s: %w", quote(dir), unix.ENAMETOOLONG)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if _, err := os.Stat(parent); errors.Is(err, os.ErrNotExist) && parent != dir {
		return checkParent(parent)
	}
	if err := checkFolder(parent); err != nil {
		return err
	}
	trial, err := os.MkdirTemp(parent, ".railgate-check-")
	if err != nil {
		return fmt.Errorf("%s cannot be made: %w", quote(dir), err)
	}
	return os.Remove(trial)
}

// checkScannerDevice looks for a scanner's device; ports has the scanner of each device that
// was found, for two names may lead to one.
func (c *Config) checkScannerDevice(i int, ports map[string]string, wrong func(key, format string, args ...any)) {
	s := &c.Scanners[i]
	key, path, fix := "device", s.Device, "is the camera plugged in? ls -l /dev/v4l/by-id shows those that are"
	switch {
	case s.Driver == "serial":
		key, path, fix = "port", s.Port, "is the scanner plugged in? ls -l /dev/serial/by-id shows those that are"
	case s.Frames != "":
		key, path, fix = "frames", s.Frames, "make the folder, or name another"
	}
	key = scannerName(i) + "." + key
	if s.Driver == "hid" || s.Driver == "keyboard" {
		fix = "is the scanner plugged in? " + seeUSB[s.Driver]
		if found, err := scanner.FindUSB(s.Driver, path); err != nil {
			wrong(key, "%v; %s", err, fix)
			return
		} else {
			path = found
		}
	}
	device, err := filepath.EvalSymlinks(path)
	switch other, taken := ports[device]; {
	case err != nil:
		wrong(key, "%v; %s", err, fix)
	case taken:
		wrong(key, "%s is the device of scanner %s already; each scanner has its own", quote(path), quote(other))
	case s.Frames == "":
		ports[device] = s.Name
	}
}

// seeUSB are the commands that show a driver's devices.
var seeUSB = map[string]string{
	"hid":      "ls -l /dev/railgate /dev/hidraw* shows those that are, and lsusb their VENDOR:PRODUCT",
	"keyboard": "ls -l /dev/railgate /dev/input/by-id shows those that are, and lsusb their VENDOR:PRODUCT",
}

// A namedLine is a GPIO line that the configuration names.
type namedLine struct{ key, spec string }

func (c *Config) namedLines() (lines []namedLine) {
	add := func(key, spec string) {
		if spec != "" {
			lines = append(lines, namedLine{key, spec})
		}
	}
	if t := &c.Turnstile; t.Driver == "gpio" {
		add("turnstile.open", t.Open)
		add("turnstile.passage", t.Passage)
		add("turnstile.emergency", t.Emergency)
	}
	if p := &c.Panel; p.Driver == "gpio" {
		add("panel.green", p.Green)
		add("panel.red", p.Red)
		add("panel.buzzer", p.Buzzer)
		add("panel.service", p.Service)
	}
	return lines
}

// LineNames are the lines that the configuration names, by key ("turnstile.open").
func (c *Config) LineNames() map[string]string {
	names := map[string]string{}
	for _, l := range c.namedLines() {
		names[l.key] = l.spec
	}
	return names
}

// GPIOLines finds every line that the configuration names, by its key
// ("turnstile.open"). Where its error is not nil, those that it found are there all the same.
func (c *Config) GPIOLines() (map[string]*gpioline.Line, error) {
	found, seen := map[string]*gpioline.Line{}, map[string]string{}
	var problems []error
	for _, l := range c.namedLines() {
		line, err := gpioline.Find(l.spec)
		if err != nil {
			problems = append(problems, c.Problem(l.key, "%w; gpioinfo lists the lines there are", err))
			continue
		}
		if other, taken := seen[line.Spec()]; taken {
			problems = append(problems, c.Problem(l.key, "%s is the line of %s already; each has its own", quote(l.spec), other))
			continue
		}
		seen[line.Spec()] = l.key
		found[l.key] = line
	}
	return found, errors.Join(problems...)
}
