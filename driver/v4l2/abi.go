//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures of linux/videodev2.h that are used here, for little-endian machines of 64 and 32
// bits. Their sizes are part of the ioctl numbers: abi_test.go has both, as the C compiler sees
// them.
//
// On 32-bit arm v4l2_buffer has two forms. This is the older, with a time of 2 x 32 bits: it is
// what unix.Timeval is there, kernels of any age know it, and those built without it
// (COMPAT_32BIT_TIME=n) do not run Go's own runtime either, which asks for the time in that form.

type capability struct {
	driver     [16]byte
	card       [32]byte
	bus        [32]byte
	version    uint32
	caps       uint32
	deviceCaps uint32
	_          [3]uint32
}

type formatDesc struct {
	index       uint32
	typ         uint32
	flags       uint32
	description [32]byte
	pixelFormat uint32
	mbusCode    uint32
	_           [3]uint32
}

type pixFormat struct {
	width        uint32
	height       uint32
	pixelFormat  uint32
	field        uint32
	bytesPerLine uint32
	sizeImage    uint32
	_            [6]uint32 // colour space and its kin
}

// format has its union aligned as a pointer is: it could hold one.
type format struct {
	typ uint32
	fmt struct {
		_   [0]uintptr
		pix pixFormat
		_   [200 - unsafe.Sizeof(pixFormat{})]byte
	}
}

type fract struct{ num, den uint32 }

type streamParm struct {
	typ        uint32
	capability uint32
	mode       uint32
	perFrame   fract
	_          [200 - 16]byte
}

type requestBuffers struct {
	count  uint32
	typ    uint32
	memory uint32
	caps   uint32
	flags  uint32
}

// buffer's m is the union of offset (32 bits), userptr and fd: on a little-endian machine the
// offset is its lower half.
type buffer struct {
	index     uint32
	typ       uint32
	bytesUsed uint32
	flags     uint32
	field     uint32
	time      unix.Timeval
	_         [16]byte // time code
	sequence  uint32
	memory    uint32
	m         uintptr
	length    uint32
	_         uint32
	_         uint32
}

type frameSize struct {
	index       uint32
	pixelFormat uint32
	typ         uint32
	// discrete: width, height; else least, most and step of the width, then of the height.
	v [6]uint32
	_ [2]uint32
}

type frameInterval struct {
	index         uint32
	pixelFormat   uint32
	width, height uint32
	typ           uint32
	v             [3]fract // discrete: the first; else least, most, step
	_             [2]uint32
}

type queryControl struct {
	id      uint32
	typ     uint32
	name    [32]byte
	min     int32
	max     int32
	step    int32
	initial int32
	flags   uint32
	_       [2]uint32
}

type queryMenu struct {
	id    uint32
	index uint32
	name  [32]byte
	_     uint32
}

type control struct {
	id    uint32
	value int32
}

// ioctl numbers: asm-generic/ioctl.h. The direction's bits are those of arm and x86.
const (
	dirWrite = 1 << 30
	dirRead  = 2 << 30
	dirBoth  = dirWrite | dirRead
	group    = 'V' << 8

	vidQueryCap           = dirRead | unsafe.Sizeof(capability{})<<16 | group // nr 0
	vidEnumFormats        = dirBoth | unsafe.Sizeof(formatDesc{})<<16 | group | 2
	vidGetFormat          = dirBoth | unsafe.Sizeof(format{})<<16 | group | 4
	vidSetFormat          = dirBoth | unsafe.Sizeof(format{})<<16 | group | 5
	vidRequestBuffers     = dirBoth | unsafe.Sizeof(requestBuffers{})<<16 | group | 8
	vidQueryBuffer        = dirBoth | unsafe.Sizeof(buffer{})<<16 | group | 9
	vidQueue              = dirBoth | unsafe.Sizeof(buffer{})<<16 | group | 15
	vidDequeue            = dirBoth | unsafe.Sizeof(buffer{})<<16 | group | 17
	vidStreamOn           = dirWrite | unsafe.Sizeof(int32(0))<<16 | group | 18
	vidStreamOff          = dirWrite | unsafe.Sizeof(int32(0))<<16 | group | 19
	vidGetParm            = dirBoth | unsafe.Sizeof(streamParm{})<<16 | group | 21
	vidSetParm            = dirBoth | unsafe.Sizeof(streamParm{})<<16 | group | 22
	vidGetControl         = dirBoth | unsafe.Sizeof(control{})<<16 | group | 27
	vidSetControl         = dirBoth | unsafe.Sizeof(control{})<<16 | group | 28
	vidQueryControl       = dirBoth | unsafe.Sizeof(queryControl{})<<16 | group | 36
	vidQueryMenu          = dirBoth | unsafe.Sizeof(queryMenu{})<<16 | group | 37
	vidEnumFrameSizes     = dirBoth | unsafe.Sizeof(frameSize{})<<16 | group | 74
	vidEnumFrameIntervals = dirBoth | unsafe.Sizeof(frameInterval{})<<16 | group | 75
)

// Values, as linux/videodev2.h and linux/v4l2-controls.h have them.
const (
	capCapture       = 0x00000001
	capOutput        = 0x00000002
	capCaptureMPlane = 0x00001000
	capM2M           = 0x00008000
	capM2MMPlane     = 0x00004000
	capMetaCapture   = 0x00800000
	capStreaming     = 0x04000000
	capDeviceCaps    = 0x80000000

	typeCapture = 1 // V4L2_BUF_TYPE_VIDEO_CAPTURE
	memoryMMap  = 1
	fieldNone   = 1

	parmTimePerFrame = 0x1000

	bufError        = 0x00000040
	bufClockMask    = 0x0000e000
	bufClockMonoton = 0x00002000

	enumDiscrete = 1

	ctrlNext     = 0x80000000
	ctrlDisabled = 0x0001
	ctrlReadOnly = 0x0004
	ctrlInactive = 0x0010
	ctrlWrite    = 0x0040 // write-only

	ctrlInteger     = 1
	ctrlBoolean     = 2
	ctrlMenu        = 3
	ctrlIntegerMenu = 9
)
