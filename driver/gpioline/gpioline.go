// Package gpioline finds GPIO lines by name on the kernel's character device.
//
// It uses periph's gpioioctl driver alone: the whole of periph.io/x/host would
// replace the kernel's lines on a Raspberry Pi by memory-mapped registers, which
// need root, tell the kernel nothing, and outlive the process.
package gpioline

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

// scan reads the machine's chips, once: periph keeps them for the process.
var scan = sync.OnceValue(func() error {
	state, err := driverreg.Init()
	if err != nil {
		return err
	}
	// Where two names lead to one chip (gpiochip4 on a Raspberry Pi), gpioioctl
	// closes file 0, and would then take a line that it is given as file 0 for
	// one that it never asked for. Put something harmless there.
	keepFileZero()
	for _, failed := range state.Failed {
		return failed.Err
	}
	return nil
})

func keepFileZero() {
	var st unix.Stat_t
	if unix.Fstat(0, &st) == nil {
		return
	}
	if f, err := os.Open(os.DevNull); err == nil && f.Fd() != 0 {
		f.Close()
	}
}

// Line is one line with what the kernel says about it.
type Line struct {
	gpio.PinIO
	Chip   string // the chip's label
	Offset int    // on that chip
	Given  string // the kernel's name for it; often empty
}

func (l *Line) String() string {
	if l.Given != "" {
		return fmt.Sprintf("%s (%s:%d)", l.Given, l.Chip, l.Offset)
	}
	return fmt.Sprintf("%s:%d", l.Chip, l.Offset)
}

// ErrNotFound is a line or a chip that the machine does not have.
var ErrNotFound = errors.New("no such GPIO line")

// Find finds a line by its name ("GPIO17") or by chip and offset
// ("pinctrl-bcm2711:17", "gpiochip0:17"; the label is better: the kernel numbers
// chips as it likes). A name that two chips give to different lines is refused.
func Find(spec string) (*Line, error) {
	if err := scan(); err != nil {
		return nil, fmt.Errorf("GPIO line %q: %w", spec, err)
	}
	if len(gpioioctl.Chips) == 0 {
		return nil, fmt.Errorf("GPIO line %q: this machine has no GPIO chip (/dev/gpiochip*), or it may not be opened", spec)
	}
	if chip, offset, ok := strings.Cut(spec, ":"); ok {
		return byOffset(spec, chip, offset)
	}
	return byName(spec)
}

func byOffset(spec, chipName, offset string) (*Line, error) {
	n, err := strconv.Atoi(offset)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("GPIO line %q: %q is no offset; want chip:offset", spec, offset)
	}
	for _, chip := range gpioioctl.Chips {
		if chip.Name() != chipName && chip.Label() != chipName {
			continue
		}
		if n >= chip.LineCount() {
			return nil, fmt.Errorf("GPIO line %q: %s has lines 0 to %d: %w", spec, chip.Label(), chip.LineCount()-1, ErrNotFound)
		}
		return newLine(chip, chip.ByNumber(n)), nil
	}
	return nil, fmt.Errorf("GPIO line %q: chip %q is not there (there are %s): %w", spec, chipName, chips(), ErrNotFound)
}

func byName(name string) (*Line, error) {
	var found *Line
	for _, chip := range gpioioctl.Chips {
		for _, line := range chip.Lines() {
			// gpioioctl puts the chip's name before a name that an earlier line has.
			if line.Name() != name && line.Name() != chip.Name()+"-"+name {
				continue
			}
			if found != nil {
				return nil, fmt.Errorf("GPIO line %q: both %s:%d and %s:%d have that name; say which as chip:offset",
					name, found.Chip, found.Offset, chip.Label(), line.Number())
			}
			found = newLine(chip, line)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("GPIO line %q: no chip has a line of that name (there are %s): %w", name, chips(), ErrNotFound)
	}
	return found, nil
}

func newLine(chip *gpioioctl.GPIOChip, line *gpioioctl.GPIOLine) *Line {
	return &Line{PinIO: line, Chip: chip.Label(), Offset: line.Number(), Given: line.Name()}
}

func chips() string {
	var labels []string
	for _, chip := range gpioioctl.Chips {
		labels = append(labels, fmt.Sprintf("%s (%s, %d lines)", chip.Label(), chip.Name(), chip.LineCount()))
	}
	return strings.Join(labels, ", ")
}
