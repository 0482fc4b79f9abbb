// Package evdev reads keyboards that belong to one program alone: barcode scanners that type. Their keys
// reach no console, no login prompt and no screen while they are grabbed.
//
// The words are those of the kernel's Documentation/input (event-codes.rst) and linux/input.h.
package evdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Event is one change that a device reports.
type Event struct {
	Type  uint16
	Code  uint16
	Value int32
}

// The types of events, and what of them matters here.
const (
	evSyn = 0
	evKey = 1

	synDropped = 3 // of EV_SYN: events were lost; what is up to the next SYN_REPORT belongs to nothing
	synReport  = 0

	released = 0 // an EV_KEY's values
	pressed  = 1 // 2: repeated
)

// eventSize is that of struct input_event: a time that depends on the architecture, a type, a code, a value.
const eventSize = int(unsafe.Sizeof(unix.Timeval{})) + 8

// A file is what a device node can do. Tests put a pipe in its place.
type file interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

// A Keyboard is an open keyboard that nobody else hears. Its methods may not be called concurrently.
type Keyboard struct {
	file file
	held func() (keys []byte, err error) // which keys are down, by code, a bit each

	buf   []byte
	ahead []byte // of buf: events that were read and not looked at

	shift   [2]bool // left, right
	other   [6]bool // ctrl, alt and meta, left and right
	skip    bool    // up to the next SYN_REPORT: events were lost
	strange Strange
}

// Strange counts what the map has no character for, since the keyboard was opened.
type Strange struct {
	Lost   int    // times that the kernel lost events
	Keys   int    // keys without a character
	Code   uint16 // the last of them
	Chords int    // keys with Ctrl, Alt or Meta
}

var (
	// ErrTaken is a keyboard that another program has for itself.
	ErrTaken = errors.New("another program reads it already")
	// ErrNotKeyboard is a device without letters, digits and Enter.
	ErrNotKeyboard = errors.New("it is not a keyboard")
)

// Open opens a keyboard's event device and grabs it: from then on no console and no other program
// hears its keys, until it is closed.
func Open(path string) (*Keyboard, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err == nil {
		err2 := raw.Control(func(fd uintptr) { err = grab(fd) })
		err = errors.Join(err, err2)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	k := newKeyboard(f)
	k.held = func() (keys []byte, err error) {
		keys = make([]byte, maxKey/8+1)
		err2 := raw.Control(func(fd uintptr) { err = ioctl(fd, eviocgkey, unsafe.Pointer(&keys[0])) })
		return keys, errors.Join(err, err2)
	}
	return k, nil
}

func newKeyboard(f file) *Keyboard {
	return &Keyboard{file: f, buf: make([]byte, 64*eventSize), held: func() ([]byte, error) { return make([]byte, maxKey/8+1), nil }}
}

// maxKey is the last key's code (KEY_MAX).
const maxKey = 0x2ff

// The requests of linux/input.h, as every architecture but MIPS, PowerPC and SPARC has them; those for bits are for
// maxKey/8+1 bytes.
const (
	eviocgkey  = 0x8060_4518
	eviocgbit1 = 0x8060_4521 // which keys there are
	eviocgrab  = 0x4004_4590
)

func grab(fd uintptr) error {
	var keys [maxKey/8 + 1]byte
	if err := ioctl(fd, eviocgbit1, unsafe.Pointer(&keys[0])); err != nil {
		return fmt.Errorf("it is not an input device: %w", err)
	}
	if !isKeyboard(keys[:]) {
		return ErrNotKeyboard
	}
	err := ioctlValue(fd, eviocgrab, 1)
	if errors.Is(err, unix.EBUSY) {
		return ErrTaken
	}
	return err
}

// isKeyboard tells whether a device can type a code.
func isKeyboard(keys []byte) bool {
	for _, code := range []uint16{keyA, key1, keyEnter, keyLeftShift} {
		if !has(keys, code) {
			return false
		}
	}
	return true
}

func has(keys []byte, code uint16) bool { return keys[code/8]>>(code%8)&1 == 1 }

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

// ioctlValue is for a request whose argument is a number, not where one is.
func ioctlValue(fd, request, value uintptr) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, value)
		if errno == 0 {
			return nil
		}
		if errno != unix.EINTR {
			return errno
		}
	}
}

// Close gives the keyboard back.
func (k *Keyboard) Close() error { return k.file.Close() }

// Strange is what was typed and is no character.
func (k *Keyboard) Strange() Strange { return k.strange }

// Type waits for characters until the deadline, and puts them into text. None came in time: n is 0.
// Text must have room for one character ([Unknown]) at least.
func (k *Keyboard) Type(text []byte, deadline time.Time) (n int, err error) {
	if err := k.file.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	for {
		for len(k.ahead) >= eventSize {
			if len(text)-n < len(Unknown) {
				return n, nil
			}
			e := decode(k.ahead)
			k.ahead = k.ahead[eventSize:]
			n += copy(text[n:], k.take(e))
		}
		if n > 0 {
			return n, nil
		}
		m, err := k.file.Read(k.buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, nil
		case err != nil:
			return 0, err
		}
		k.ahead = k.buf[:m]
	}
}

// decode reads an event as the kernel lays it out.
func decode(b []byte) Event {
	b = b[eventSize-8:]
	return Event{
		Type:  binary.NativeEndian.Uint16(b),
		Code:  binary.NativeEndian.Uint16(b[2:]),
		Value: int32(binary.NativeEndian.Uint32(b[4:])),
	}
}
