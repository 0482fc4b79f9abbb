package v4l2

import "errors"

var (
	// ErrUnplugged is a camera that is not there, or not any more. Close it, wait, and Open again.
	ErrUnplugged = errors.New("unplugged")

	// ErrStalled is a camera that has stopped delivering frames. Close it, wait, and Open again.
	ErrStalled = errors.New("delivers no frames")

	errInUse = errors.New("in use by another program")
)
