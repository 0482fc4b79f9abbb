package scanner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"railgate/driver"
	"railgate/driver/evdev"
	"railgate/driver/hid"
)

// USBConfig is a scanner on USB that is no serial port: a HID-POS device, or a keyboard.
type USBConfig struct {
	Name   string
	Device string // a device or, better, a link to one that stays; or USB's VENDOR:PRODUCT
	Suffix string // of a keyboard: what ends a code; empty: silence does

	// Prefix begins the texts that are codes: by it a keyboard tells that it types by another
	// layout. Empty: it cannot tell.
	Prefix string
}

// ParseUSB reads USB's name of a kind of device, "0c2e:0b61": vendor and product, four hexadecimal digits
// each.
func ParseUSB(device string) (vendor, product uint16, ok bool) {
	v, p, found := strings.Cut(device, ":")
	a, err1 := strconv.ParseUint(v, 16, 16)
	b, err2 := strconv.ParseUint(p, 16, 16)
	return uint16(a), uint16(b), found && err1 == nil && err2 == nil && len(v) == 4 && len(p) == 4
}

// FindUSB is the device node that a configuration means: the one that it names, or the only one of a
// vendor and product that is of a driver's kind, "hid" or "keyboard".
func FindUSB(kind, device string) (string, error) { return findUSB("/sys", "/dev", kind, device) }

func findUSB(sys, dev, kind, device string) (string, error) {
	vendor, product, ok := ParseUSB(device)
	if !ok {
		return device, nil
	}
	find, other, words := hid.Find, evdev.Find, `as a keyboard: set it to HID-POS, or use driver = "keyboard"`
	if kind == "keyboard" {
		find, other, words = other, find, `as a HID-POS scanner: use driver = "hid", or set it to type as a keyboard`
	}
	path, err := find(sys, dev, vendor, product)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err2 := other(sys, dev, vendor, product); err2 == nil {
			return "", fmt.Errorf("%w; it is there %s", err, words)
		}
	}
	return path, err
}

// run reads a source that was just opened.
func (t *typist) run(ctx context.Context, src source, path string, deliver func(driver.Reading)) error {
	if err := t.flush(ctx, src); err != nil {
		return unplugged(err)
	}
	if t.Up() {
		t.log.Info("scanner is ready", "device", path)
	}
	return unplugged(t.read(ctx, src, deliver))
}

// unplugged puts into words what a device says that is no longer there.
func unplugged(err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EIO) {
		return errUnplugged
	}
	return err
}
