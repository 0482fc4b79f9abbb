package logsink

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sigevent as timer_create(2) has it (sigevent(7)), in the 64 bytes that the kernel reads.
type sigevent struct {
	value  uintptr
	signal int32
	notify int32 // 0: SIGEV_SIGNAL
	_      [64 - unsafe.Sizeof(uintptr(0)) - 8]byte
}

// killAfter has the kernel kill this process after d. A process that panics no longer
// runs its goroutines, so nothing in it can bound its death.
func killAfter(d time.Duration) error {
	event := sigevent{signal: int32(unix.SIGKILL)}
	var id int32
	if _, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id))); errno != 0 {
		return errno
	}
	end := [2]unix.Timespec{1: unix.NsecToTimespec(d.Nanoseconds())} // once, and then
	_, _, errno := unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&end)), 0, 0, 0)
	runtime.KeepAlive(&end)
	if errno != 0 {
		return errno
	}
	return nil
}
