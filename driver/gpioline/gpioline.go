// Package gpioline finds GPIO lines by name, and drives them, on the kernel's character device.
//
// Lines are found by periph's gpioioctl driver, and are periph's gpio.PinIO to whoever uses them. They
// are requested here, by the second version of the kernel's GPIO ABI, because gpioioctl (v3.8.5)
//
//   - makes an output low before it sets its level, which energises a relay that is active low;
//   - has no debouncing and no active-low lines, and drops the times of edges;
//   - turns an output into an input when it is read;
//   - hides the kernel's error number, so that a busy line cannot be told from a missing one, and
//     once refused never asks again;
//   - waits for no time at all when told to wait without limit;
//   - looks for chips once in a process: what is plugged in later is looked for here ([Await]).
//
// The whole of periph.io/x/host is not used: on a Raspberry Pi it would replace the kernel's lines by
// memory-mapped registers, which need root, tell the kernel nothing, and outlive the process.
package gpioline

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/host/v3/gpioioctl"
)

// atStart are the machine's chips, read once: periph keeps them for the process.
var atStart = sync.OnceValues(func() ([]chip, error) {
	state, err := driverreg.Init()
	if err != nil {
		return nil, err
	}
	// Where two names lead to one chip (gpiochip4 on a Raspberry Pi), gpioioctl closes file 0.
	// Put something harmless there.
	keepFileZero()
	for _, failed := range state.Failed {
		return nil, failed.Err
	}
	var chips []chip
	for _, c := range gpioioctl.Chips {
		chips = append(chips, newChip(c))
	}
	markShared(chips)
	return chips, nil
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

// scan reads the machine's chips as they are now, those that may be opened. Its error is why the last of the others may not, where that is all of them.
func scan(k kernel) (chips []chip, err error) {
	for _, path := range k.chips() {
		c, failed := readChip(k, path)
		switch {
		case failed != nil:
			err = fmt.Errorf("%s: %w", path, failed)
		case !slices.ContainsFunc(chips, func(other chip) bool { return other.name == c.name }): // two nodes may lead to one chip (gpiochip4 on a Raspberry Pi)
			chips = append(chips, c)
		}
	}
	markShared(chips)
	if len(chips) > 0 {
		return chips, nil
	}
	return nil, err
}

func readChip(k kernel, path string) (c chip, err error) {
	fd, err := k.open(path)
	if err != nil {
		return c, err
	}
	defer k.close(fd)
	var told chipInfo
	if err := do(k, fd, getChipInfo, &told); err != nil {
		return c, err
	}
	c = chip{name: text(told.name[:]), label: labelOf(&told), path: path}
	for offset := range told.lines {
		line := lineInfo{offset: offset}
		if err := do(k, fd, getLineInfo, &line); err != nil {
			return c, err
		}
		c.lines = append(c.lines, text(line.name[:]))
	}
	return c, nil
}

// A chip is what is known of one without touching it.
type chip struct {
	name   string // gpiochip0: the number may change from boot to boot
	label  string
	shared bool // another chip has the same label
	path   string
	lines  []string // the lines' names, by offset
}

func newChip(c *gpioioctl.GPIOChip) chip {
	found := chip{name: c.Name(), label: c.Label(), path: c.Path()}
	for _, line := range c.Lines() {
		// gpioioctl puts the chip's name before a name that an earlier line has.
		found.lines = append(found.lines, strings.TrimPrefix(line.Name(), c.Name()+"-"))
	}
	return found
}

func markShared(chips []chip) {
	count := map[string]int{}
	for _, c := range chips {
		count[c.label]++
	}
	for i := range chips {
		chips[i].shared = count[chips[i].label] > 1
	}
}

// ErrNotFound is a line or a chip that the machine does not have; ErrNoChip, which is one
// too, a chip.
var (
	ErrNotFound = errors.New("no such GPIO line")
	ErrNoChip   = fmt.Errorf("no such GPIO chip: %w", ErrNotFound)
)

// Find finds a line by its name ("GPIO17"), by chip and offset ("pinctrl-bcm2711:17") or by chip and
// name ("pinctrl-bcm2711:GPIO17"). A chip is named by its label or, where two have one label, as
// "gpiochip0". What names two lines is refused.
func Find(spec string) (*Line, error) {
	chips, err := atStart()
	return findAmong(chips, err, spec)
}

// findAmong finds a line among chips, or among those that could be read, with the error of the others.
func findAmong(chips []chip, err error, spec string) (*Line, error) {
	if len(chips) > 0 {
		return find(chips, spec)
	}
	why := "there is none"
	if err != nil {
		why = err.Error()
	}
	return nil, fmt.Errorf("GPIO line %q: this machine has no GPIO chip (/dev/gpiochip*), or it may not be opened: add the user to the group gpio: %s: %w", spec, why, ErrNoChip)
}

// Await is a line that need not be there yet. Each In or Out looks for it among the chips of that moment, until it is found. [Find] knows
// those that were there when the process first looked.
func Await(spec string) *Line { return &Line{awaited: spec, kernel: linux{}} }

// find looks for a line that was not found yet. The caller holds mu.
func (l *Line) find() error {
	if l.awaited == "" {
		return nil
	}
	chips, err := scan(l.kernel)
	found, err := findAmong(chips, err, l.awaited)
	if err != nil {
		return err
	}
	l.Chip, l.Offset, l.Given, l.path, l.where, l.awaited = found.Chip, found.Offset, found.Given, found.path, found.where, ""
	return nil
}
