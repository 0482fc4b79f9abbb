//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A kernel is the system calls that drive a camera. Tests put their own in its place.
type kernel interface {
	open(path string) (fd int, err error)
	close(fd int) error
	ioctl(fd int, req uintptr, arg unsafe.Pointer) error
	mmap(fd int, offset int64, length int) ([]byte, error)
	munmap(mem []byte) error

	// poll waits until camera has something to dequeue or to complain of, or wake was signalled,
	// or timeout has passed, and returns camera's poll(2) events.
	poll(camera, wake int, timeout time.Duration) (events int16, err error)

	// A waker is a descriptor that is readable from signal to reset.
	newWaker() (fd int, err error)
	signal(fd int)
	reset(fd int)

	// dev is where device nodes are listed.
	dev() string

	// now is CLOCK_MONOTONIC, by which most drivers stamp their buffers.
	now() time.Duration
}

// linux is the real one.
type linux struct{}

// open does not go through os.OpenFile, nor may the descriptor become an *os.File: the runtime
// would add it to epoll, and that first poll starts the read() emulator of the kernel's videobuf2,
// after which S_FMT and REQBUFS answer EBUSY.
func (linux) open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (linux) close(fd int) error { return unix.Close(fd) }

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

// mmap asks for writing too, as the V4L2 specification advises: drivers need support no other mode.
func (linux) mmap(fd int, offset int64, length int) ([]byte, error) {
	return unix.Mmap(fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (linux) munmap(mem []byte) error { return unix.Munmap(mem) }

func (linux) poll(camera, wake int, timeout time.Duration) (int16, error) {
	fds := [2]unix.PollFd{
		{Fd: int32(camera), Events: unix.POLLIN},
		{Fd: int32(wake), Events: unix.POLLIN},
	}
	ms := int((max(timeout, 0) + time.Millisecond - 1) / time.Millisecond)
	_, err := unix.Poll(fds[:], ms)
	if err == unix.EINTR {
		return 0, nil // the caller looks at the time, and comes again
	}
	return fds[0].Revents, err
}

func (linux) newWaker() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) }

// signal cannot fail in a way that matters: the counter of an eventfd is full, then, and readable.
func (linux) signal(fd int) { unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (linux) reset(fd int) {
	var count [8]byte
	unix.Read(fd, count[:]) // EAGAIN: it was not signalled
}

func (linux) dev() string { return "/dev" }

func (linux) now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("v4l2: internal error: no CLOCK_MONOTONIC: " + err.Error())
	}
	return time.Duration(t.Nano())
}
