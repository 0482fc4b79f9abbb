package gpioline

import "unsafe"

// The structures of linux/gpio.h, second version of its ABI (Linux 5.10 and newer), as far as they
// are used here. They are the same on 32 and on 64 bits; the machines are little-endian. Their sizes
// are part of the ioctl numbers: abi_test.go has both, as the C compiler sees them.

type chipInfo struct {
	name  [32]byte
	label [32]byte
	lines uint32
}

// lineAttribute's value is a union: flags and output values of 64 bits, or a debounce period of 32.
type lineAttribute struct {
	id    uint32
	_     uint32
	value uint64
}

type configAttribute struct {
	lineAttribute
	mask uint64 // of the lines that have it: bit i is the i-th of the request
}

type lineConfig struct {
	flags      uint64
	count      uint32 // of the attributes
	_          [5]uint32
	attributes [10]configAttribute
}

type lineRequest struct {
	offsets     [64]uint32
	consumer    [32]byte
	config      lineConfig
	count       uint32 // of the lines
	eventBuffer uint32 // 0: sixteen events a line
	_           [5]uint32
	fd          int32 // the answer
}

type lineInfo struct {
	name       [32]byte
	consumer   [32]byte
	offset     uint32
	count      uint32 // of the attributes
	flags      uint64
	attributes [10]lineAttribute
	_          [4]uint32
}

type lineValues struct{ bits, mask uint64 }

type lineEvent struct {
	Nanoseconds uint64 // CLOCK_MONOTONIC
	ID          uint32
	_           [9]uint32 // offset, sequence numbers, and room
}

// ioctl numbers: asm-generic/ioctl.h. The direction's bits are those of arm and x86.
const (
	dirRead = 2 << 30
	dirBoth = 3 << 30
	group   = 0xb4 << 8

	getChipInfo = dirRead | unsafe.Sizeof(chipInfo{})<<16 | group | 1
	getLineInfo = dirBoth | unsafe.Sizeof(lineInfo{})<<16 | group | 5
	getLine     = dirBoth | unsafe.Sizeof(lineRequest{})<<16 | group | 7
	getValues   = dirBoth | unsafe.Sizeof(lineValues{})<<16 | group | 14
	setValues   = dirBoth | unsafe.Sizeof(lineValues{})<<16 | group | 15
)

// Values, as linux/gpio.h has them.
const (
	flagUsed         = 1 << 0
	flagActiveLow    = 1 << 1
	flagInput        = 1 << 2
	flagOutput       = 1 << 3
	flagRising       = 1 << 4
	flagFalling      = 1 << 5
	flagPullUp       = 1 << 8
	flagPullDown     = 1 << 9
	flagBiasDisabled = 1 << 10

	attributeOutputs  = 2
	attributeDebounce = 3

	eventRising  = 1
	eventFalling = 2

	eventSize = int(unsafe.Sizeof(lineEvent{}))
)
