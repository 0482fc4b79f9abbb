//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Next waits for the newest frame, calls fn with it, and returns what fn returns. The picture is
// fn's until it returns; then its memory is the driver's again, or the next frame's.
//
// If ctx ends first, Next returns its error, and if the camera is closed, os.ErrClosed. After any
// other error that is not fn's, such as ErrUnplugged and ErrStalled, close the camera.
func (c *Camera) Next(ctx context.Context, fn func(*image.Gray, Meta) error) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	defer context.AfterFunc(ctx, c.interrupt)()
	held, err := c.await(ctx)
	if err != nil && err == ctx.Err() {
		return err
	}
	if err != nil {
		return c.wrap(err)
	}
	return c.show(held, fn)
}

// show lets fn see the frame in shown, gives back its buffer if it is still held (not -1), and
// begins to count again. The buffer goes back even if fn panics.
func (c *Camera) show(held int, fn func(*image.Gray, Meta) error) (err error) {
	meta := c.meta
	c.meta = Meta{}
	c.unwatched = c.queued
	defer func() {
		c.left = c.node.k.now()
		c.shown = image.Gray{} // nothing is left for a caller that kept it
		if held < 0 {
			return
		}
		if gerr := c.giveBack(held); gerr != nil {
			err = errors.Join(err, c.wrap(gerr))
		}
	}()
	return fn(&c.shown, meta)
}

// await brings the newest frame into shown, and returns the index of its buffer, or -1 if that has
// been given back.
func (c *Camera) await(ctx context.Context) (held int, err error) {
	deadline := c.node.k.now() + c.patience
	var events int16
	before := cmp.Or(c.left, c.node.k.now())
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return -1, err
		}
		if c.isClosed() {
			return -1, os.ErrClosed
		}
		now := c.node.k.now()
		held, ok, err := c.look(first, now-before > late+c.interval(1))
		before = now
		if ok || err != nil {
			return held, err
		}
		if events&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
			return -1, fmt.Errorf("%w: poll answers %#x", ErrUnplugged, events)
		}
		if events, err = c.wait(deadline); err != nil {
			return -1, err
		}
	}
}

// late is how far apart two calls of look may be, beside a frame's time. After more than that the age
// of a frame without a time stamp is unknown: the process may have been stopped.
const late = time.Second

// look brings the newest frame that waits into shown, if there is one. At the first look the driver
// may have been out of buffers for a while: then what it has is from before, and is dropped. So is
// a frame without a time stamp if look is late.
func (c *Camera) look(first, late bool) (held int, ok bool, err error) {
	i, got, err := c.drain()
	if err != nil || i < 0 {
		return -1, false, err
	}
	if first && got >= c.unwatched || late && !c.stamped {
		c.meta.Passed++
		return -1, false, c.giveBack(i)
	}
	held, ok, err = c.unpack(i)
	if ok {
		c.patience = max(patience, c.interval(4))
	}
	return held, ok, err
}

// interval returns the time of n frames; 0 if it is not known.
func (c *Camera) interval(n int) time.Duration {
	if c.pic.fps <= 0 {
		return 0
	}
	return time.Duration(float64(n) / c.pic.fps * float64(time.Second))
}

// wait waits for a frame, an interrupt or the deadline.
func (c *Camera) wait(deadline time.Duration) (events int16, err error) {
	k := c.node.k
	left := deadline - k.now()
	if left <= 0 {
		return 0, c.stalled()
	}
	if events, err = k.poll(c.node.fd, c.wake, left); err != nil {
		return 0, fmt.Errorf("waiting for a frame: %w", broken(err))
	}
	if events == 0 {
		k.reset(c.wake)
	}
	return events, nil
}

func (c *Camera) stalled() error {
	err := fmt.Errorf("%w: not one in %v", ErrStalled, c.patience)
	if c.meta.Damaged > 0 {
		return fmt.Errorf("%w; %d damaged, the last because it %w", err, c.meta.Damaged, c.why)
	}
	return err
}

// drain takes all frames that wait, gives back all but the newest, and returns the newest's index,
// -1 if there is none, and how many there were.
func (c *Camera) drain() (newest, got int, err error) {
	newest = -1
	for range 2 * len(c.bufs) { // enough; a driver that answers nonsense is not asked without end
		i, err := c.dequeue()
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return -1, got, err
		}
		got++
		if i < 0 {
			continue
		}
		if newest >= 0 {
			c.meta.Passed++
			if err := c.giveBack(newest); err != nil {
				return -1, got, err
			}
		}
		newest = i
		c.stamp()
	}
	return newest, got, nil
}

// stamp notes what the driver says of the frame it gave last.
func (c *Camera) stamp() {
	b := &c.in
	c.used, c.meta.Sequence, c.meta.Age = int(b.bytesUsed), b.sequence, 0
	if c.stamped = b.flags&bufClockMask == bufClockMonoton; c.stamped {
		c.meta.Age = max(c.node.k.now()-time.Duration(b.time.Nano()), 0)
	}
}

// dequeue takes one buffer, into in, and returns its index: -1 if it was damaged and has been given
// back. EAGAIN says that none waits.
func (c *Camera) dequeue() (int, error) {
	b := &c.in
	*b = buffer{typ: typeCapture, memory: memoryMMap}
	if err := do(c.node, vidDequeue, b); errors.Is(err, unix.EAGAIN) {
		return -1, err
	} else if err != nil {
		return -1, fmt.Errorf("taking a frame: %w", broken(err))
	}
	if b.index >= uint32(len(c.bufs)) || !c.bufs[b.index].queued {
		c.damage(fmt.Errorf("came in buffer %d, which the driver had not", b.index))
		return -1, nil
	}
	i := int(b.index)
	c.bufs[i].queued = false
	c.queued--
	switch size := len(c.bufs[i].mem); {
	case b.flags&bufError != 0:
		c.damage(errors.New("has the driver's error mark"))
	case int64(b.bytesUsed) < int64(c.pic.need) || int64(b.bytesUsed) > int64(size):
		c.damage(fmt.Errorf("has %d bytes (want %d to %d)", b.bytesUsed, c.pic.need, size))
	default:
		return i, nil
	}
	return -1, c.giveBack(i)
}

// damage counts a frame that cannot be used, and why.
func (c *Camera) damage(why error) {
	c.meta.Damaged++
	c.why = why
}

// giveBack queues buffer i: from here on it is the driver's, and not to be looked at.
func (c *Camera) giveBack(i int) error {
	c.out = buffer{index: uint32(i), typ: typeCapture, memory: memoryMMap}
	if err := do(c.node, vidQueue, &c.out); err != nil {
		return fmt.Errorf("giving back buffer %d: %w", i, broken(err))
	}
	c.bufs[i].queued = true
	c.queued++
	return nil
}

// unpack brings the frame in buffer i into shown. ok is false if it was damaged.
// The buffer has been given back if held is -1.
func (c *Camera) unpack(i int) (held int, ok bool, err error) {
	p, mem := &c.pic, c.bufs[i].mem
	switch p.format {
	case YUYV:
		unpackYUYV(&c.luma, mem[:p.need], p.stride)
		c.shown = c.luma
	case MJPG:
		c.shown, ok = c.decode(mem)
		return -1, ok, c.giveBack(i)
	default: // GREY, NV12: in place
		c.shown = image.Gray{Pix: mem[:p.need], Stride: p.stride, Rect: image.Rect(0, 0, p.width, p.height)}
		return i, true, nil
	}
	return -1, true, c.giveBack(i)
}

// jpegSlack is how many pixels a JPEG may be larger than the camera said: some encoders round up
// to whole MCUs, 1088 lines for 1080.
const jpegSlack = 15

// decode returns the luma of the JPEG in mem.
func (c *Camera) decode(mem []byte) (image.Gray, bool) {
	img, err := c.jpeg.Decode(mem[:c.used])
	if err != nil {
		c.damage(fmt.Errorf("does not decode: %w", err))
		return image.Gray{}, false
	}
	if img.Rect.Dx() < c.pic.width || img.Rect.Dy() < c.pic.height {
		c.damage(fmt.Errorf("is %dx%d, and the camera said %dx%d", img.Rect.Dx(), img.Rect.Dy(), c.pic.width, c.pic.height))
		return image.Gray{}, false
	}
	shown := *img
	shown.Rect = image.Rect(0, 0, c.pic.width, c.pic.height)
	return shown, true
}
