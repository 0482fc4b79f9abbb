package gpioline

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// request asks the kernel for the line, in place of what was asked for before.
func (l *Line) request(flags uint64, attributes ...lineAttribute) error {
	l.release()
	if err := l.find(); err != nil {
		return err
	}
	chip, err := l.openChip()
	if err != nil {
		return l.wrong(err)
	}
	defer l.kernel.close(chip)
	if l.ActiveLow {
		flags |= flagActiveLow
	}
	r := lineRequest{count: 1}
	r.offsets[0] = uint32(l.Offset)
	copy(r.consumer[:len(r.consumer)-1], consumer)
	r.config.flags, r.config.count = flags, uint32(len(attributes))
	for i, a := range attributes {
		r.config.attributes[i] = configAttribute{a, 1}
	}
	if err := do(l.kernel, chip, getLine, &r); err != nil {
		return l.wrong(l.explain(chip, err))
	}
	// Only a descriptor that does not block has deadlines.
	if err := unix.SetNonblock(int(r.fd), true); err != nil {
		return errors.Join(l.wrong(err), unix.Close(int(r.fd)))
	}
	l.file = os.NewFile(uintptr(r.fd), l.String())
	return nil
}

// requestInput asks for as much as the chip has. One whose interrupts are handled in a thread, as at USB and
// at I2C, is not debounced by the kernel (EINVAL); one without interrupts, as a Super-IO, has no edges (ENXIO). One that
// must not be asked for interrupts is not.
func (l *Line) requestInput(flags uint64, edges gpio.Edge, attributes []lineAttribute) error {
	if err := l.find(); err != nil {
		return err
	}
	l.bounces, l.polled, l.every = false, false, l.settling()
	err := error(unix.ENXIO)
	if l.Chip == cp2112 {
		l.every = cp2112Every
	} else {
		err = l.request(flags|edgeFlags(edges), attributes...)
		l.bounces = errors.Is(err, unix.EINVAL) && len(attributes) > 0
		if l.bounces {
			err = l.request(flags | edgeFlags(gpio.BothEdges))
		}
	}
	l.polled = errors.Is(err, unix.ENXIO)
	if l.polled {
		err = l.request(flags)
	}
	if err == nil && (l.bounces || l.polled) {
		l.edges = edges
		l.stable, err = l.level()
	}
	return err
}

// cp2112 is the label that the kernel's hid-cp2112 gives its chips. That driver makes interrupts of looks of its own at the adapter, ten jiffies
// apart (40 ms in Debian), and lets go of a line in atomic context by a call that sleeps (cp2112_gpio_irq_shutdown, Linux 6.1): a line
// that is let go while the driver looks crashes the kernel, and stops the looks at all others. Debouncing by the kernel is made of interrupts too.
const cp2112 = "cp2112_gpio"

// cp2112Every is how often an input of a CP2112 is looked at. Each look is a transfer on USB of a millisecond or two, for each input.
const cp2112Every = 20 * time.Millisecond

// openChip opens the line's chip, which may have come back under another number.
func (l *Line) openChip() (fd int, err error) {
	for _, path := range append([]string{l.path}, l.kernel.chips()...) {
		fd, openErr := l.kernel.open(path)
		if openErr != nil {
			err = openErr
			continue
		}
		if l.isOn(fd) {
			l.path = path
			return fd, nil
		}
		l.kernel.close(fd)
	}
	if err == nil || errors.Is(err, unix.ENOENT) {
		return -1, fmt.Errorf("chip %s is gone: %w", l.Chip, unix.ENODEV)
	}
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return -1, fmt.Errorf("%w: add the user to the group gpio", err)
	}
	return -1, err
}

// isOn tells whether a chip is the one that the line was found on.
func (l *Line) isOn(fd int) bool {
	var chip chipInfo
	if do(l.kernel, fd, getChipInfo, &chip) != nil || labelOf(&chip) != l.Chip {
		return false
	}
	info := lineInfo{offset: uint32(l.Offset)}
	return do(l.kernel, fd, getLineInfo, &info) == nil && text(info.name[:]) == l.Given
}

func labelOf(chip *chipInfo) string {
	if label := text(chip.label[:]); label != "" {
		return label
	}
	return text(chip.name[:])
}

// explain says who has a line that is busy.
func (l *Line) explain(chip int, err error) error {
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	if who := l.holder(chip); who != "" {
		return fmt.Errorf("held by %q: %w", who, err)
	}
	return err
}

// holder is under which name a line of an open chip is held; "" where it is free.
func (l *Line) holder(chip int) string {
	info := lineInfo{offset: uint32(l.Offset)}
	if do(l.kernel, chip, getLineInfo, &info) != nil || info.flags&flagUsed == 0 {
		return ""
	}
	if who := strings.TrimSpace(text(info.consumer[:])); who != "" {
		return who
	}
	return "the kernel"
}

// Holder tells under which name the line is held, by whatever process; "" where it is free.
// It does not request the line.
func (l *Line) Holder() (string, error) {
	chip, err := l.openChip()
	if err != nil {
		return "", l.wrong(err)
	}
	defer l.kernel.close(chip)
	return l.holder(chip), nil
}
