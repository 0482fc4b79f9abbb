package hid

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Device is an open HID-POS scanner. Its methods may not be called concurrently, but Close may.
type Device struct {
	file   file
	layout *Layout
	buf    []byte
}

// A file is what a device node can do. Tests put a pipe in its place.
type file interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

// ErrTaken is a device that another program reads.
var ErrTaken = errors.New("another program reads it already")

// Open opens a hidraw device and reads its report descriptor. Others are kept away by a lock
// (flock) as with serial ports: each reader of a hidraw device would get every code.
func Open(path string) (*Device, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	descriptor, err := prepare(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	layout, err := Parse(descriptor)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return newDevice(f, layout), nil
}

func newDevice(f file, l *Layout) *Device {
	return &Device{file: f, layout: l, buf: make([]byte, 16384)}
}

// prepare locks an open device, and asks for its descriptor.
func prepare(f *os.File) (descriptor []byte, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	err2 := raw.Control(func(fd uintptr) {
		if err = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrTaken
		}
		if err == nil {
			descriptor, err = readDescriptor(fd)
		}
	})
	return descriptor, errors.Join(err, err2)
}

// The requests of linux/hidraw.h, as every architecture but MIPS, PowerPC and SPARC has them.
const (
	hidiocgrdescsize = 0x8004_4801
	hidiocgrdesc     = 0x9004_4802
)

func readDescriptor(fd uintptr) ([]byte, error) {
	var size int32
	if err := ioctl(fd, hidiocgrdescsize, unsafe.Pointer(&size)); err != nil {
		return nil, fmt.Errorf("it is not a hidraw device: %w", err)
	}
	var d struct {
		size  uint32
		value [maxDescriptor]byte
	}
	if size < 0 || size > maxDescriptor {
		return nil, fmt.Errorf("a report descriptor of %d bytes", size)
	}
	d.size = uint32(size)
	if err := ioctl(fd, hidiocgrdesc, unsafe.Pointer(&d)); err != nil {
		return nil, err
	}
	return d.value[:size], nil
}

func ioctl(fd, request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg))
		if errno == 0 {
			return nil
		}
		if errno != unix.EINTR {
			return errno
		}
	}
}

// ErrReport is a report that the scanner's own descriptor does not allow.
var ErrReport = errors.New("the scanner does not keep to its own descriptor")

// Next waits for a part of a text until the deadline. ok is false if none came. After an error that
// is [ErrReport] the device goes on; any other is its end.
func (d *Device) Next(deadline time.Time) (part Part, ok bool, err error) {
	if err := d.file.SetReadDeadline(deadline); err != nil {
		return Part{}, false, err
	}
	for {
		n, err := d.file.Read(d.buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return Part{}, false, nil
		case err != nil:
			return Part{}, false, err
		}
		part, ok, err := d.layout.Decode(d.buf[:n])
		if err != nil {
			return Part{}, false, fmt.Errorf("%w: %w", ErrReport, err)
		}
		if ok {
			return part, true, nil
		}
	}
}

// Close closes the device.
func (d *Device) Close() error { return d.file.Close() }

// Find is the device node of the HID-POS scanner with a USB vendor and product, such as 0x0c2e and 0x0b61.
// sys and dev are /sys and /dev.
func Find(sys, dev string, vendor, product uint16) (string, error) {
	nodes, _ := filepath.Glob(filepath.Join(sys, "class/hidraw/hidraw*")) // the pattern is good
	var found []string
	for _, node := range nodes {
		if v, p, ok := IDs(sys, filepath.Base(node)); !ok || v != vendor || p != product {
			continue
		}
		descriptor, err := os.ReadFile(filepath.Join(node, "device/report_descriptor"))
		if err != nil {
			continue // it was unplugged meanwhile
		}
		if _, err := Parse(descriptor); err == nil {
			found = append(found, filepath.Join(dev, filepath.Base(node)))
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no HID-POS scanner %04x:%04x: %w", vendor, product, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d HID-POS scanners are %04x:%04x (%s); name one by its path", len(found), vendor, product, strings.Join(found, ", "))
}

// IDs are the USB vendor and product of a hidraw device ("hidraw0"). sys is /sys.
func IDs(sys, name string) (vendor, product uint16, ok bool) {
	data, err := os.ReadFile(filepath.Join(sys, "class/hidraw", name, "device/uevent"))
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(data)) { // HID_ID=0003:00000C2E:00000B61
		id, _ := strings.CutPrefix(strings.TrimSpace(line), "HID_ID=")
		if f := strings.Split(id, ":"); len(f) == 3 {
			v, err1 := strconv.ParseUint(f[1], 16, 16)
			p, err2 := strconv.ParseUint(f[2], 16, 16)
			return uint16(v), uint16(p), err1 == nil && err2 == nil
		}
	}
	return 0, 0, false
}
