//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A node is an open device node that is known to be a camera.
type node struct {
	k    kernel
	fd   int
	caps capability
}

// do makes one ioctl. Its error is the bare errno: the caller knows what it meant.
func do[T any](n *node, req uintptr, arg *T) error {
	return n.k.ioctl(n.fd, req, unsafe.Pointer(arg))
}

// openNode opens path and makes sure that it captures video in a way that Camera knows.
func openNode(k kernel, path string) (*node, error) {
	fd, err := k.open(path)
	if err != nil {
		return nil, openError(err)
	}
	n := &node{k: k, fd: fd}
	if err := n.identify(); err != nil {
		k.close(fd)
		return nil, err
	}
	return n, nil
}

func openError(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%w: %w", ErrUnplugged, err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: add the user to the group video", err)
	case errors.Is(err, unix.EBUSY):
		return errInUse
	}
	return err
}

// identify asks the node what it is ("ioctl VIDIOC_QUERYCAP").
func (n *node) identify() error {
	if err := do(n, vidQueryCap, &n.caps); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("%w: %w", ErrUnplugged, err)
		}
		return &notCameraError{fmt.Sprintf("is not a video device (VIDIOC_QUERYCAP: %v)", err)}
	}
	caps := n.caps.caps
	if caps&capDeviceCaps != 0 {
		caps = n.caps.deviceCaps // this node's; caps are those of all the device's nodes
	}
	switch {
	case caps&capCapture == 0 && caps&capCaptureMPlane != 0:
		return n.not("is a multi-planar device, which railgate does not read")
	case caps&capCapture == 0:
		return n.not("is not a camera but " + kindOf(caps))
	case caps&capStreaming == 0:
		return n.not("has no streaming, which railgate needs")
	}
	return nil
}

// A notCameraError is a node that frames cannot be had from, ever.
type notCameraError struct{ text string }

func (e *notCameraError) Error() string { return e.text }

// not says what is wrong with the device.
func (n *node) not(text string) error {
	return &notCameraError{fmt.Sprintf("%s %s", n.name(), text)}
}

// kindOf says what a node is that does not capture video.
func kindOf(caps uint32) string {
	switch {
	case caps&(capM2M|capM2MMPlane) != 0:
		return "a codec"
	case caps&capOutput != 0:
		return "a video output"
	case caps&capMetaCapture != 0:
		return "a camera's metadata: take the other node of the same camera"
	}
	return fmt.Sprintf("something else (capabilities %#08x)", caps)
}

// name is what the device calls itself.
func (n *node) name() string {
	return fmt.Sprintf("%q (%s)", cString(n.caps.card[:]), cString(n.caps.driver[:]))
}

// cString returns b up to its first zero byte.
func cString(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.ToValidUTF8(string(b), "?")
}
