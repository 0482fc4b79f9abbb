package gpioline

import (
	"bytes"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A kernel is the system calls that drive lines. Tests put their own in its place.
type kernel interface {
	open(path string) (fd int, err error)
	close(fd int)
	ioctl(fd int, req uintptr, arg unsafe.Pointer) error
	chips() []string    // the chips' device nodes
	now() time.Duration // CLOCK_MONOTONIC, by which edges are stamped
}

// linux is the real one.
type linux struct{}

func (linux) open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// close of a chip cannot fail in a way that matters: nothing is buffered.
func (linux) close(fd int) { unix.Close(fd) }

func (linux) ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(arg))
		if errno == 0 {
			return nil
		}
		if errno != unix.EINTR {
			return errno
		}
	}
}

func (linux) chips() []string {
	paths, _ := filepath.Glob("/dev/gpiochip*") // the pattern is good
	slices.Sort(paths)
	return paths
}

func (linux) now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("gpioline: internal error: no CLOCK_MONOTONIC: " + err.Error())
	}
	return time.Duration(t.Nano())
}

// do makes one ioctl. Its error is the bare errno: the caller knows what it meant.
func do[T any](k kernel, fd int, req uintptr, arg *T) error {
	return k.ioctl(fd, req, unsafe.Pointer(arg))
}

// text is a field of the kernel's up to its first zero byte.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(bytes.ToValidUTF8(b, []byte("?")))
}
