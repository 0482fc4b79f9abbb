package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"rsc.io/qr"

	"railgate/driver/eye"
	"railgate/driver/v4l2"
)

// The kernel's test camera, vivid, is one capture node (an HDMI grabber) and one output node; what is sent to
// the output is seen by the camera, if both have the same timings, format and size.
const (
	cameraPath  = "/dev/video0"
	showPath    = "/dev/video1"
	frameWidth  = 640
	frameHeight = 480
)

// Structures of linux/videodev2.h for 64 bits (the guest's), as far as an output needs them.
type (
	vidFormat struct {
		kind, _                                          uint32
		width, height, fourcc, field, _, size, colour, _ uint32
		_                                                [200 - 32]byte
	}
	vidRequest struct{ count, kind, memory, _, _ uint32 }
	vidBuffer  struct {
		index, kind, used, _, field, _ uint32
		_                              [2]int64 // time
		_                              [16]byte // time code
		_, memory                      uint32
		offset                         uint64
		length, _, _, _                uint32
	}
	vidTimings [132]byte // packed
	vidControl struct{ id, value uint32 }
)

const (
	vidSetFormat   = 0xc0d05605
	vidRequestBufs = 0xc0145608
	vidQueryBuf    = 0xc0585609
	vidQueue       = 0xc058560f
	vidDequeue     = 0xc0585611
	vidStreamOn    = 0x40045612
	vidSetControl  = 0xc008561c
	vidSetTimings  = 0xc0845657

	kindOutput = 2
	memoryMMap = 1
	fieldNone  = 1

	loopVideo = 0x00f0f025 // vivid's control
	osdText   = 0x00f0f001 // likewise: 2 is none
)

func ioctl[T any](fd int, req uintptr, arg *T) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(unsafe.Pointer(arg))); errno != 0 {
		return fmt.Errorf("ioctl %#x: %w", req, errno)
	}
	return nil
}

// vga are the timings of 640x480 at 60 frames a second (VESA DMT).
func vga() (t vidTimings) {
	for i, v := range []uint32{0, frameWidth, frameHeight, 0, 0, 25_175_000, 0, 16, 96, 48, 10, 2, 33, 0, 0, 0, 3} {
		*(*uint32)(unsafe.Pointer(&t[4*i])) = v
	}
	return t
}

// loop connects the output to the camera.
func loop() error {
	fd, err := unix.Open(cameraPath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	timings := vga()
	return errors.Join(ioctl(fd, vidSetTimings, &timings), ioctl(fd, vidSetControl, &vidControl{loopVideo, 1}), ioctl(fd, vidSetControl, &vidControl{osdText, 2}))
}

// show sends a code's picture to the camera, for as long as it runs.
func show(format, text string) error {
	if kind, ok := strings.CutPrefix(format, "MJPG"); ok {
		return showJPEG(strings.TrimSpace(kind), text)
	}
	frame, err := picture(format, text)
	if err != nil {
		return err
	}
	if err := loop(); err != nil {
		return fmt.Errorf("%s: %w", cameraPath, err)
	}
	fd, err := unix.Open(showPath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	timings := vga()
	f := vidFormat{kind: kindOutput, width: frameWidth, height: frameHeight, fourcc: fourcc(format), field: fieldNone, colour: 8}
	if err := errors.Join(ioctl(fd, vidSetTimings, &timings), ioctl(fd, vidSetFormat, &f)); err != nil {
		return err
	}
	if f.fourcc != fourcc(format) || int(f.size) != len(frame) {
		return fmt.Errorf("the output takes %d bytes of format %#x; want %d of %s", f.size, f.fourcc, len(frame), format)
	}
	return stream(fd, frame)
}

// stream sends one frame again and again.
func stream(fd int, frame []byte) error {
	r := vidRequest{count: 3, kind: kindOutput, memory: memoryMMap}
	if err := ioctl(fd, vidRequestBufs, &r); err != nil {
		return err
	}
	for i := range r.count {
		b := vidBuffer{index: i, kind: kindOutput, memory: memoryMMap}
		if err := ioctl(fd, vidQueryBuf, &b); err != nil {
			return err
		}
		mem, err := unix.Mmap(fd, int64(b.offset), int(b.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		copy(mem, frame)
		b.used, b.field = uint32(len(frame)), fieldNone
		if err := ioctl(fd, vidQueue, &b); err != nil {
			return err
		}
	}
	on := uint32(kindOutput)
	if err := ioctl(fd, vidStreamOn, &on); err != nil {
		return err
	}
	fmt.Println("showing")
	for {
		b := vidBuffer{kind: kindOutput, memory: memoryMMap}
		if err := ioctl(fd, vidDequeue, &b); err != nil {
			return err
		}
		b.used, b.field = uint32(len(frame)), fieldNone
		if err := ioctl(fd, vidQueue, &b); err != nil {
			return err
		}
	}
}

func fourcc(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// drawn is the brightness of a frame with a code in its middle.
func drawn(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	scale := frameHeight / (code.Size + 8)
	luma := make([]byte, frameWidth*frameHeight)
	left, top := (frameWidth-scale*code.Size)/2, (frameHeight-scale*code.Size)/2
	for i := range luma {
		luma[i] = 220
		if x, y := i%frameWidth-left, i/frameWidth-top; x >= 0 && y >= 0 && code.Black(x/scale, y/scale) {
			luma[i] = 30
		}
	}
	return luma, nil
}

// picture is a frame with a code in its middle.
func picture(format, text string) ([]byte, error) {
	luma, err := drawn(text)
	if err != nil {
		return nil, err
	}
	switch format {
	case "GREY":
		return luma, nil
	case "NV12":
		colour := make([]byte, len(luma)/2)
		for i := range colour {
			colour[i] = 128
		}
		return append(luma, colour...), nil
	case "YUYV":
		frame := make([]byte, 2*len(luma))
		for i, y := range luma {
			frame[2*i], frame[2*i+1] = y, 128
		}
		return frame, nil
	}
	return nil, fmt.Errorf("format %q is not made here", format)
}

// look reads what the camera sees, in one format, by railgated's own driver.
func look(format string) error {
	camera, err := v4l2.Open(v4l2.Config{Device: cameraPath, Width: frameWidth, Height: frameHeight, FPS: 30, Formats: []v4l2.Format{v4l2.Format(fourcc(format))}})
	if err != nil {
		return err
	}
	defer camera.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reader, text, frames := eye.NewReader(), "", 0
	for text == "" {
		err := camera.Next(ctx, func(img *image.Gray, _ v4l2.Meta) error {
			frames++
			if code, ok := reader.Look(img); ok {
				text = code.Text
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("after %d frames: %w", frames, err)
		}
	}
	fmt.Println(camera.Info().Format, text)
	return nil
}
