//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"errors"
	"fmt"
	"image"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"railgate/driver/jpegluma"
)

// Meta goes with a frame.
type Meta struct {
	Sequence uint32        // the driver's count; a gap is frames that it lost
	Age      time.Duration // since the driver had the frame; 0: it does not say
	Passed   int           // older frames given back unread since the one before
	Damaged  int           // frames given back because they were damaged, since the one before
}

// How long a camera may take over a frame, and over the first one: some warm up for seconds.
const (
	patience      = 2 * time.Second
	firstPatience = 5 * time.Second
)

// A Camera is an open camera that streams. Next may be called by one goroutine at a time; a second
// waits for its turn. Everything else may be called at any time from anywhere, but Close not from
// Next's function, which it would wait for.
type Camera struct {
	node *node
	info Info // set once
	pic  picture
	wake int

	// turn is held by Next, and at the end by Close. It guards what follows.
	turn      sync.Mutex
	bufs      []mapped
	queued    int           // of bufs
	unwatched int           // were queued while nobody looked: from one Next to the next
	in, out   buffer        // of the last call to take and to give back
	used      int           // bytes of the newest frame
	stamped   bool          // it has the time at which the driver had it
	left      time.Duration // when the last Next returned; 0: there was none
	patience  time.Duration
	meta      Meta  // of the frame to come
	why       error // the last damage
	jpeg      *jpegluma.Decoder
	luma      image.Gray // unpacked
	shown     image.Gray // handed out

	// mu guards closed, and wake and the node's descriptor against Close by those without turn.
	mu     sync.Mutex
	closed bool
}

// mapped is a buffer in the driver's memory.
type mapped struct {
	mem    []byte
	queued bool // the driver's to write
}

// Open opens a camera and starts it. An error says what the device offers, if it does not offer
// what cfg asks for, and which cameras there are, if it is none; ErrUnplugged, if it is not there.
func Open(cfg Config) (*Camera, error) { return open(linux{}, cfg) }

func open(k kernel, cfg Config) (*Camera, error) {
	c, err := start(k, cfg)
	if err != nil {
		return nil, fmt.Errorf("camera %q: %w", cfg.Device, err)
	}
	return c, nil
}

func start(k kernel, cfg Config) (*Camera, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	n, err := openNode(k, cfg.Device)
	var no *notCameraError
	if errors.As(err, &no) || errors.Is(err, ErrUnplugged) {
		return nil, elsewhere(k, err)
	} else if err != nil {
		return nil, err
	}
	c := &Camera{node: n, wake: -1, patience: firstPatience}
	if err := c.start(&cfg); err != nil {
		return nil, errors.Join(err, c.release())
	}
	return c, nil
}

// start brings the opened device to stream.
func (c *Camera) start(cfg *Config) (err error) {
	if c.pic, err = c.node.negotiate(cfg); err != nil {
		return err
	}
	c.describe(cfg)
	if err := c.node.applyControls(cfg, &c.info); err != nil {
		return err
	}
	if c.wake, err = c.node.k.newWaker(); err != nil {
		c.wake = -1
		return fmt.Errorf("making a waker: %w", err)
	}
	c.prepare()
	if err := c.mapBuffers(cfg.Buffers); err != nil {
		return err
	}
	return c.stream()
}

// describe fills info.
func (c *Camera) describe(cfg *Config) {
	caps := &c.node.caps
	c.info = Info{
		Device: cfg.Device, Driver: cString(caps.driver[:]), Card: cString(caps.card[:]), Bus: cString(caps.bus[:]),
		Format: c.pic.format, Width: c.pic.width, Height: c.pic.height, Stride: c.pic.stride, FPS: c.pic.fps,
	}
	if fps := c.pic.fps; fps > 0 && fps < 0.9*float64(cfg.FPS) {
		c.info.Notes = append(c.info.Notes, fmt.Sprintf("%d frames a second were asked for, the camera makes %.3g", cfg.FPS, fps))
	}
}

// prepare makes what frames are unpacked into.
func (c *Camera) prepare() {
	switch w, h := c.pic.width, c.pic.height; c.pic.format {
	case YUYV:
		c.luma = *image.NewGray(image.Rect(0, 0, w, h))
	case MJPG:
		c.jpeg = jpegluma.New(w+jpegSlack, h+jpegSlack)
	}
}

// mapBuffers asks for n buffers, maps them and gives them to the driver ("Streaming I/O (Memory
// Mapping)"). The driver may make it more or fewer.
func (c *Camera) mapBuffers(n int) error {
	req := requestBuffers{count: uint32(n), typ: typeCapture, memory: memoryMMap}
	if err := do(c.node, vidRequestBuffers, &req); errors.Is(err, unix.EBUSY) {
		return errInUse
	} else if err != nil {
		return fmt.Errorf("asking for %d buffers: %w", n, err)
	}
	if req.count < 2 || req.count > 256 {
		return fmt.Errorf("asked for %d buffers the driver gives %d", n, req.count)
	}
	for i := range req.count {
		b := buffer{index: i, typ: typeCapture, memory: memoryMMap}
		if err := do(c.node, vidQueryBuffer, &b); err != nil {
			return fmt.Errorf("asking for buffer %d: %w", i, err)
		}
		if int64(b.length) < int64(c.pic.need) || b.length > 1<<30 {
			return fmt.Errorf("buffer %d has %d bytes, and %d are needed", i, b.length, c.pic.need)
		}
		mem, err := c.node.k.mmap(c.node.fd, int64(uint32(b.m)), int(b.length))
		if err != nil {
			return fmt.Errorf("mapping buffer %d: %w", i, err)
		}
		c.bufs = append(c.bufs, mapped{mem: mem})
	}
	c.info.Buffers = len(c.bufs)
	return nil
}

// stream gives the driver all buffers, and starts it.
func (c *Camera) stream() error {
	for i := range c.bufs {
		if err := c.giveBack(i); err != nil {
			return err
		}
	}
	c.unwatched = c.queued
	typ := int32(typeCapture)
	if err := do(c.node, vidStreamOn, &typ); errors.Is(err, unix.EBUSY) {
		return errInUse
	} else if errors.Is(err, unix.ENOSPC) {
		return errors.New("the USB bus has no room for this size and rate beside the other cameras: lower one, or use another port")
	} else if err != nil {
		return fmt.Errorf("starting: %w", broken(err))
	}
	return nil
}

// Info returns what the camera is and does.
func (c *Camera) Info() Info { return c.info }

// Close stops the camera and releases it. It ends a Next that waits, and waits for a Next whose
// function runs. Twice is safe.
func (c *Camera) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.node.k.signal(c.wake)
	c.mu.Unlock()

	c.turn.Lock()
	defer c.turn.Unlock()
	return c.wrap(c.release())
}

// release gives back everything, in the order that lets no buffer be written after it is unmapped.
func (c *Camera) release() error {
	var errs []error
	k, typ := c.node.k, int32(typeCapture)
	if len(c.bufs) > 0 {
		if err := do(c.node, vidStreamOff, &typ); err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("stopping: %w", err))
		}
	}
	for _, b := range c.bufs {
		if err := k.munmap(b.mem); err != nil {
			errs = append(errs, fmt.Errorf("unmapping: %w", err))
		}
	}
	c.bufs = nil
	if c.wake >= 0 {
		k.close(c.wake)
	}
	if err := k.close(c.node.fd); err != nil {
		errs = append(errs, fmt.Errorf("closing: %w", err))
	}
	return errors.Join(errs...)
}

// interrupt makes a Next that waits look around.
func (c *Camera) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.node.k.signal(c.wake)
	}
}

// isClosed says whether Close was called.
func (c *Camera) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// wrap says which camera err is about.
func (c *Camera) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("camera %q: %w", c.info.Device, err)
}

// broken tells the errors of a camera that is gone from others. EIO is what some drivers say first,
// and after it only closing and opening helps anyway ("ioctl VIDIOC_QBUF, VIDIOC_DQBUF").
func broken(err error) error {
	for _, gone := range []error{unix.ENODEV, unix.ENXIO, unix.EIO, unix.ESHUTDOWN} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w: %w", ErrUnplugged, err)
		}
	}
	return err
}
