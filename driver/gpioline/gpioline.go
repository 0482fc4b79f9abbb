// Package gpioline finds GPIO lines by name, and drives them, on the kernel's character device.
//
// Lines are periph's gpio.PinIO to whoever uses them. They are found and requested here, by the second version of the kernel's
// GPIO ABI, because periph's gpioioctl driver (v3.8.5)
//
//   - makes an output low before it sets its level, which energises a relay that is active low;
//   - has no debouncing and no active-low lines, and drops the times of edges;
//   - turns an output into an input when it is read;
//   - hides the kernel's error number, so that a busy line cannot be told from a missing one, and
//     once refused never asks again;
//   - waits for no time at all when told to wait without limit;
//   - looks for chips once in a process: one that is plugged in later is never found.
//
// The whole of periph.io/x/host is not used: on a Raspberry Pi it would replace the kernel's lines by
// memory-mapped registers, which need root, tell the kernel nothing, and outlive the process.
package gpioline

import (
	"errors"
	"fmt"
	"slices"
)

// scan reads the machine's chips, those that may be opened. Its error is why the last of the others may not, where that is all of them.
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
func Find(spec string) (*Line, error) { return findOn(linux{}, spec) }

func findOn(k kernel, spec string) (*Line, error) {
	chips, err := scan(k)
	if len(chips) == 0 {
		why := "there is none"
		if err != nil {
			why = err.Error()
		}
		return nil, fmt.Errorf("GPIO line %q: this machine has no GPIO chip (/dev/gpiochip*), or it may not be opened: add the user to the group gpio: %s: %w", spec, why, ErrNoChip)
	}
	l, err := find(chips, spec)
	if err == nil {
		l.kernel = k
	}
	return l, err
}

// Await is a line that need not be there yet. Each In or Out looks for it, as [Find] does, until it is found.
func Await(spec string) *Line { return &Line{awaited: spec, kernel: linux{}} }

// find looks for a line that was not found yet. The caller holds mu.
func (l *Line) find() error {
	if l.awaited == "" {
		return nil
	}
	found, err := findOn(l.kernel, l.awaited)
	if err != nil {
		return err
	}
	l.Chip, l.Offset, l.Given, l.path, l.where, l.awaited = found.Chip, found.Offset, found.Given, found.path, found.where, ""
	return nil
}
