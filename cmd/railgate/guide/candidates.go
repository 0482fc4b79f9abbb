package guide

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"railgate/driver"
	"railgate/driver/gpioline"
	"railgate/driver/scanner"
	"railgate/driver/v4l2"
)

// A Candidate is a device that may be the gate's scanner.
type Candidate struct {
	Driver string // as in the configuration
	Device string // the name that lasts longest
	What   string // what it calls itself; "": nothing
	Baud   int    // of a serial one
}

func (c Candidate) String() string {
	if c.What != "" {
		return c.What + " (" + c.Driver + ", " + c.Device + ")"
	}
	return c.Device + " (" + c.Driver + ")"
}

// patterns are where devices are, the names that last longest first. A keyboard is one of a known maker of scanners,
// which udev's rules name so: the technician's own is left alone.
var patterns = []struct{ driver, pattern string }{
	{"serial", "railgate/scanner"},
	{"serial", "railgate/scanner-*"},
	{"serial", "serial/by-id/*"},
	{"serial", "ttyACM*"},
	{"serial", "ttyUSB*"},
	{"hid", "railgate/hid"},
	{"hid", "railgate/hid-*"},
	{"keyboard", "railgate/keyboard"},
	{"keyboard", "railgate/keyboard-*"},
}

// bauds are those that scanners come with, the one that a gate wants first.
var bauds = []int{115200, 9600, 57600, 38400, 19200}

// FindCandidates lists the devices below a folder, such as /dev, each once.
func FindCandidates(dev string) (all []Candidate) {
	var seen []string
	for _, p := range patterns {
		paths, _ := filepath.Glob(filepath.Join(dev, p.pattern)) // the patterns are good
		for _, path := range paths {
			real, err := filepath.EvalSymlinks(path)
			if err != nil || slices.Contains(seen, real) {
				continue
			}
			seen = append(seen, real)
			c := Candidate{Driver: p.driver, Device: path, What: nameOf(dev, real)}
			if c.Driver == "serial" {
				c.Baud = bauds[0]
			}
			all = append(all, c)
		}
	}
	if dev == "/dev" {
		all = append(all, cameras()...)
	}
	return all
}

// nameOf is what a serial device calls itself, by its link; "": nothing.
func nameOf(dev, real string) string {
	links, _ := filepath.Glob(filepath.Join(dev, "serial/by-id/*")) // the pattern is good
	for _, link := range links {
		if to, err := filepath.EvalSymlinks(link); err == nil && to == real {
			name := strings.TrimPrefix(filepath.Base(link), "usb-")
			if i := strings.LastIndex(name, "-if"); i > 0 {
				name = name[:i]
			}
			return strings.ReplaceAll(name, "_", " ")
		}
	}
	return ""
}

func cameras() (all []Candidate) {
	devices, _ := v4l2.List() // without a list there is no camera
	for _, d := range devices {
		c := Candidate{Driver: "camera", Device: d.Path, What: d.Card}
		if len(d.ByID) > 0 {
			c.Device = d.ByID[0]
		}
		if d.Err == nil {
			all = append(all, c)
		}
	}
	return all
}

// open prepares the candidate's driver, as railgated does.
func (c Candidate) open() driver.Scanner {
	log := slog.New(slog.DiscardHandler)
	switch c.Driver {
	case "hid":
		return scanner.NewHID(scanner.USBConfig{Name: c.Device, Device: c.Device}, log)
	case "keyboard":
		return scanner.NewKeyboard(scanner.USBConfig{Name: c.Device, Device: c.Device, Suffix: "\r"}, log)
	case "camera":
		return scanner.NewCamera(scanner.CameraConfig{Name: c.Device, Device: c.Device, Width: 1280, Height: 720, FPS: 30}, log)
	}
	return scanner.NewSerial(scanner.SerialConfig{Name: c.Device, Port: c.Device, Baud: c.Baud, Suffix: "\r"}, log)
}

// FindLines names the free lines that are like one of the machine's, by the names that the configuration takes: none, where there is no such line.
func FindLines(spec string) (names []string) {
	lines, _ := gpioline.Alike(spec) // without a list the person types a name
	for _, l := range lines {
		name := l.Given
		if _, err := gpioline.Find(name); err != nil { // it has none, or another has it too
			name = l.Spec()
		}
		names = append(names, name)
	}
	return names
}
