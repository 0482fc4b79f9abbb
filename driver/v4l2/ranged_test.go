//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ranged is a device of one stepwise size and one continuous rate.
type ranged struct{ *fakeKernel }

func (ranged) ioctl(_ int, req uintptr, arg unsafe.Pointer) error {
	switch req {
	case vidEnumFrameSizes:
		e := (*frameSize)(arg)
		if e.index > 0 {
			return unix.EINVAL
		}
		e.typ, e.v = 3, [6]uint32{32, 1920, 2, 16, 1080, 2}
	case vidEnumFrameIntervals:
		e := (*frameInterval)(arg)
		if e.index > 0 || e.width != 1920 || e.height != 1080 {
			return unix.EINVAL
		}
		e.typ, e.v = 2, [3]fract{{1, 60}, {1, 1}, {1, 1}}
	}
	return nil
}
