//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"testing"
	"unsafe"
)

// What the C compilers for amd64, arm64 and armhf make of linux/videodev2.h (Linux 6.1). Where the
// two differ: 64 bits, 32 bits.
func TestLayoutIsTheKernels(t *testing.T) {
	var (
		fmtd formatDesc
		f    format
		p    streamParm
		b    buffer
		size frameSize
		ival frameInterval
		q    queryControl
		m    queryMenu
	)
	for _, tt := range []struct {
		name     string
		got      uintptr
		b64, b32 uintptr
	}{
		{"v4l2_capability", unsafe.Sizeof(capability{}), 104, 104},
		{"v4l2_capability.device_caps", unsafe.Offsetof(capability{}.deviceCaps), 88, 88},
		{"v4l2_fmtdesc", unsafe.Sizeof(fmtd), 64, 64},
		{"v4l2_fmtdesc.pixelformat", unsafe.Offsetof(fmtd.pixelFormat), 44, 44},
		{"v4l2_pix_format", unsafe.Sizeof(f.fmt.pix), 48, 48},
		{"v4l2_format", unsafe.Sizeof(f), 208, 204},
		{"v4l2_format.fmt", unsafe.Offsetof(f.fmt), 8, 4},
		{"v4l2_streamparm", unsafe.Sizeof(p), 204, 204},
		{"v4l2_streamparm.parm.capture.timeperframe", unsafe.Offsetof(p.perFrame), 12, 12},
		{"v4l2_requestbuffers", unsafe.Sizeof(requestBuffers{}), 20, 20},
		{"v4l2_buffer", unsafe.Sizeof(b), 88, 68},
		{"v4l2_buffer.flags", unsafe.Offsetof(b.flags), 12, 12},
		{"v4l2_buffer.timestamp", unsafe.Offsetof(b.time), 24, 20},
		{"v4l2_buffer.sequence", unsafe.Offsetof(b.sequence), 56, 44},
		{"v4l2_buffer.memory", unsafe.Offsetof(b.memory), 60, 48},
		{"v4l2_buffer.m", unsafe.Offsetof(b.m), 64, 52},
		{"v4l2_buffer.length", unsafe.Offsetof(b.length), 72, 56},
		{"v4l2_frmsizeenum", unsafe.Sizeof(size), 44, 44},
		{"v4l2_frmsizeenum.discrete", unsafe.Offsetof(size.v), 12, 12},
		{"v4l2_frmivalenum", unsafe.Sizeof(ival), 52, 52},
		{"v4l2_frmivalenum.discrete", unsafe.Offsetof(ival.v), 20, 20},
		{"v4l2_queryctrl", unsafe.Sizeof(q), 68, 68},
		{"v4l2_queryctrl.minimum", unsafe.Offsetof(q.min), 40, 40},
		{"v4l2_queryctrl.flags", unsafe.Offsetof(q.flags), 56, 56},
		{"v4l2_querymenu", unsafe.Sizeof(m), 44, 44},
		{"v4l2_querymenu.name", unsafe.Offsetof(m.name), 8, 8},
		{"v4l2_control", unsafe.Sizeof(control{}), 8, 8},

		{"VIDIOC_QUERYCAP", vidQueryCap, 0x80685600, 0x80685600},
		{"VIDIOC_ENUM_FMT", vidEnumFormats, 0xc0405602, 0xc0405602},
		{"VIDIOC_G_FMT", vidGetFormat, 0xc0d05604, 0xc0cc5604},
		{"VIDIOC_S_FMT", vidSetFormat, 0xc0d05605, 0xc0cc5605},
		{"VIDIOC_REQBUFS", vidRequestBuffers, 0xc0145608, 0xc0145608},
		{"VIDIOC_QUERYBUF", vidQueryBuffer, 0xc0585609, 0xc0445609},
		{"VIDIOC_QBUF", vidQueue, 0xc058560f, 0xc044560f},
		{"VIDIOC_DQBUF", vidDequeue, 0xc0585611, 0xc0445611},
		{"VIDIOC_STREAMON", vidStreamOn, 0x40045612, 0x40045612},
		{"VIDIOC_STREAMOFF", vidStreamOff, 0x40045613, 0x40045613},
		{"VIDIOC_G_PARM", vidGetParm, 0xc0cc5615, 0xc0cc5615},
		{"VIDIOC_S_PARM", vidSetParm, 0xc0cc5616, 0xc0cc5616},
		{"VIDIOC_G_CTRL", vidGetControl, 0xc008561b, 0xc008561b},
		{"VIDIOC_S_CTRL", vidSetControl, 0xc008561c, 0xc008561c},
		{"VIDIOC_QUERYCTRL", vidQueryControl, 0xc0445624, 0xc0445624},
		{"VIDIOC_QUERYMENU", vidQueryMenu, 0xc02c5625, 0xc02c5625},
		{"VIDIOC_ENUM_FRAMESIZES", vidEnumFrameSizes, 0xc02c564a, 0xc02c564a},
		{"VIDIOC_ENUM_FRAMEINTERVALS", vidEnumFrameIntervals, 0xc034564b, 0xc034564b},
	} {
		want := tt.b64
		if unsafe.Sizeof(uintptr(0)) == 4 {
			want = tt.b32
		}
		if tt.got != want {
			t.Errorf("%s is %#x, want %#x", tt.name, tt.got, want)
		}
	}
}
