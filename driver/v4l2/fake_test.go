//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poison fills a buffer as long as it is the driver's.
const poison = 0xdb

// A fakeKernel stands in for the kernel: cameras by path, and a clock that only poll moves.
type fakeKernel struct {
	t   *testing.T
	dir string

	mu      sync.Mutex
	changed *sync.Cond // a waker
	cameras map[string]*fakeCamera
	openErr map[string]error
	fds     map[int]any // *fakeCamera or *fakeWaker
	lastFD  int
	clock   time.Duration
}

type fakeWaker struct{ set bool }

// A fakeCamera is one camera. The fields down to the blank line are set by the test.
type fakeCamera struct {
	card       string
	caps       uint32
	offers     []fakeOffer
	stride     int // bytes to a line; 0: as many as it takes
	bufferSize int // 0: as many as it takes
	give       int // buffers, whatever is asked for; 0: as asked
	answer     func(*pixFormat)
	fail       map[uintptr]error // by ioctl
	controls   []fakeControl
	script     []event // what happens while poll waits, one at a time; at the end: nothing more
	blocks     bool    // at the script's end poll waits for the waker only
	lies       bool    // what it says of buffers need not be so

	pix     pixFormat
	fps     int
	bufs    [][]byte
	queued  []int // in order
	done    []buffer
	on      bool
	gone    bool
	seq     uint32
	entered []string // calls that matter in their order
}

type fakeOffer struct {
	format Format
	w, h   int
	fps    int // 0: not said
}

type fakeControl struct {
	queryControl
	menu  []uint32 // the items there are
	value int32
}

// An event is something that happens to a camera. It is called with the kernel's mu held.
type event func(k *fakeKernel, c *fakeCamera)

func newFakeKernel(t *testing.T) *fakeKernel {
	k := &fakeKernel{t: t, dir: "/no such directory", cameras: map[string]*fakeCamera{}, openErr: map[string]error{}, fds: map[int]any{}, lastFD: 2, clock: time.Hour}
	k.changed = sync.NewCond(&k.mu)
	t.Cleanup(func() {
		if len(k.fds) != 0 {
			t.Errorf("%d descriptors were left open", len(k.fds))
		}
	})
	return k
}

// directory gives k a directory of device nodes, and makes names appear in it.
func (k *fakeKernel) directory(names ...string) {
	k.t.Helper()
	k.dir = k.t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(k.dir, name), nil, 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
}

// plug makes c the camera at name, such as video0, and returns its path.
func (k *fakeKernel) plug(name string, c *fakeCamera) string {
	path := filepath.Join(k.dir, name)
	if c.caps == 0 {
		c.caps = capCapture | capStreaming
	}
	if len(c.offers) > 0 {
		c.pix = pixFormat{width: uint32(c.offers[0].w), height: uint32(c.offers[0].h)}
	}
	k.cameras[path] = c
	return path
}

func (k *fakeKernel) open(path string) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.openErr[path]; err != nil {
		return -1, err
	}
	c := k.cameras[path]
	if c == nil || c.gone {
		return -1, unix.ENOENT
	}
	return k.newFD(c), nil
}

func (k *fakeKernel) newFD(what any) int {
	k.lastFD++
	k.fds[k.lastFD] = what
	return k.lastFD
}

func (k *fakeKernel) close(fd int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch c := k.fds[fd].(type) {
	case nil:
		k.t.Errorf("close of descriptor %d, which is not open", fd)
		return unix.EBADF
	case *fakeCamera:
		c.entered = append(c.entered, "close")
	}
	delete(k.fds, fd)
	return nil
}

func (k *fakeKernel) camera(fd int) *fakeCamera {
	c, ok := k.fds[fd].(*fakeCamera)
	if !ok {
		k.t.Errorf("descriptor %d is not an open camera", fd)
		return &fakeCamera{gone: true}
	}
	return c
}

func (k *fakeKernel) ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.camera(fd)
	if err := c.fail[req]; err != nil {
		return err
	}
	if c.gone {
		return unix.ENODEV
	}
	switch req {
	case vidQueryCap:
		return c.queryCap((*capability)(arg))
	case vidEnumFormats:
		return c.enumFormat((*formatDesc)(arg))
	case vidEnumFrameSizes:
		return c.enumSize((*frameSize)(arg))
	case vidEnumFrameIntervals:
		return c.enumInterval((*frameInterval)(arg))
	case vidGetFormat:
		(*format)(arg).fmt.pix = c.pix
	case vidSetFormat:
		return c.setFormat(&(*format)(arg).fmt.pix)
	case vidGetParm, vidSetParm:
		return c.parm((*streamParm)(arg), req == vidSetParm)
	case vidRequestBuffers:
		return c.requestBuffers((*requestBuffers)(arg))
	case vidQueryBuffer:
		return c.queryBuffer((*buffer)(arg))
	case vidQueue:
		return c.queue(k.t, (*buffer)(arg))
	case vidDequeue:
		return c.dequeue((*buffer)(arg))
	case vidStreamOn, vidStreamOff:
		c.stream(req == vidStreamOn)
	case vidQueryControl, vidQueryMenu, vidGetControl, vidSetControl:
		return c.control(req, arg)
	default:
		k.t.Errorf("unknown ioctl %#x", req)
		return unix.ENOTTY
	}
	return nil
}

func (c *fakeCamera) queryCap(a *capability) error {
	copy(a.driver[:], "fake")
	copy(a.card[:], c.card)
	copy(a.bus[:], "usb-1")
	a.caps, a.deviceCaps = ^uint32(0), c.caps
	return nil
}

func (c *fakeCamera) enumFormat(d *formatDesc) error {
	var fs []Format
	for _, o := range c.offers {
		if !slices.Contains(fs, o.format) {
			fs = append(fs, o.format)
		}
	}
	if int(d.index) >= len(fs) {
		return unix.EINVAL
	}
	d.pixelFormat = uint32(fs[d.index])
	return nil
}

func (c *fakeCamera) enumSize(e *frameSize) error {
	i := int(e.index)
	for _, o := range c.offers {
		if uint32(o.format) != e.pixelFormat {
			continue
		}
		if i == 0 {
			e.typ, e.v[0], e.v[1] = enumDiscrete, uint32(o.w), uint32(o.h)
			return nil
		}
		i--
	}
	return unix.EINVAL
}

func (c *fakeCamera) enumInterval(e *frameInterval) error {
	for _, o := range c.offers {
		if uint32(o.format) == e.pixelFormat && uint32(o.w) == e.width && uint32(o.h) == e.height && e.index == 0 && o.fps > 0 {
			e.typ, e.v[0] = enumDiscrete, fract{1, uint32(o.fps)}
			return nil
		}
	}
	return unix.EINVAL
}

// setFormat answers with the first offer of the format, as drivers do if they have not the size.
func (c *fakeCamera) setFormat(p *pixFormat) error {
	best := c.offers[0]
	for _, o := range slices.Backward(c.offers) {
		if uint32(o.format) == p.pixelFormat {
			best = o
		}
	}
	for _, o := range c.offers {
		if uint32(o.format) == p.pixelFormat && uint32(o.w) == p.width && uint32(o.h) == p.height {
			best = o
		}
	}
	p.pixelFormat, p.width, p.height = uint32(best.format), uint32(best.w), uint32(best.h)
	p.bytesPerLine = uint32(max(c.stride, best.format.lineBytes(best.w)))
	p.sizeImage = p.height * max(p.bytesPerLine, p.width)
	if best.format == NV12 {
		p.sizeImage += p.sizeImage / 2
	}
	c.fps = best.fps
	if c.answer != nil {
		c.answer(p)
	}
	c.pix = *p
	return nil
}

func (c *fakeCamera) parm(p *streamParm, set bool) error {
	if c.fps == 0 {
		return nil // no parmTimePerFrame
	}
	if set && p.perFrame.num == 1 {
		c.fps = min(c.fps, int(p.perFrame.den))
	}
	p.capability, p.perFrame = parmTimePerFrame, fract{1, uint32(c.fps)}
	return nil
}

func (c *fakeCamera) requestBuffers(r *requestBuffers) error {
	if c.give > 0 {
		r.count = uint32(c.give)
	}
	size := int(c.pix.sizeImage)
	if c.bufferSize > 0 {
		size = c.bufferSize
	}
	for range r.count {
		c.bufs = append(c.bufs, make([]byte, size))
	}
	return nil
}

func (c *fakeCamera) queryBuffer(b *buffer) error {
	if int(b.index) >= len(c.bufs) {
		return unix.EINVAL
	}
	b.m, b.length = uintptr(b.index)*0x1000, uint32(len(c.bufs[b.index]))
	return nil
}

func (c *fakeCamera) queue(t *testing.T, b *buffer) error {
	i := int(b.index)
	if c.lies && i < len(c.bufs) {
		c.queued = append(c.queued, i)
		return nil
	}
	if i >= len(c.bufs) || slices.Contains(c.queued, i) || slices.ContainsFunc(c.done, func(d buffer) bool { return d.index == b.index }) {
		t.Errorf("buffer %d was given back while the driver had it", i)
		return unix.EINVAL
	}
	for j := range c.bufs[i] {
		c.bufs[i][j] = poison
	}
	c.queued = append(c.queued, i)
	return nil
}

func (c *fakeCamera) dequeue(b *buffer) error {
	if len(c.done) == 0 {
		return unix.EAGAIN
	}
	*b, c.done = c.done[0], c.done[1:]
	return nil
}

func (c *fakeCamera) stream(on bool) {
	c.on = on
	if !on {
		c.queued, c.done = nil, nil
		c.entered = append(c.entered, "stop")
	}
}

func (c *fakeCamera) control(req uintptr, arg unsafe.Pointer) error {
	id := *(*uint32)(arg) // first in each
	next := id&ctrlNext != 0
	for i := range c.controls {
		f := &c.controls[i]
		if next && f.id <= id&^ctrlNext || !next && f.id != id {
			continue
		}
		switch req {
		case vidQueryControl:
			*(*queryControl)(arg) = f.queryControl
		case vidQueryMenu:
			if !slices.Contains(f.menu, (*queryMenu)(arg).index) {
				return unix.EINVAL
			}
		case vidGetControl:
			(*control)(arg).value = f.value
		case vidSetControl:
			v := (*control)(arg).value
			if f.typ == ctrlMenu && !slices.Contains(f.menu, uint32(v)) {
				return unix.EINVAL
			}
			f.value = v
		}
		return nil
	}
	return unix.EINVAL
}

func (k *fakeKernel) mmap(fd int, offset int64, length int) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.camera(fd)
	if i := int(offset / 0x1000); i < len(c.bufs) && length == len(c.bufs[i]) {
		return c.bufs[i], nil
	}
	return nil, unix.EINVAL
}

func (k *fakeKernel) munmap(mem []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.cameras {
		for i, b := range c.bufs {
			if len(b) > 0 && &b[0] == &mem[0] {
				if c.on && !c.gone {
					k.t.Error("unmapped while the driver streams")
				}
				c.bufs[i] = nil
				c.entered = append(c.entered, "unmap")
				return nil
			}
		}
	}
	k.t.Error("unmapped what was not mapped")
	return unix.EINVAL
}

func (k *fakeKernel) poll(camera, wake int, timeout time.Duration) (int16, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		c := k.camera(camera)
		switch {
		case len(c.done) > 0:
			return unix.POLLIN, nil
		case c.gone:
			return unix.POLLERR | unix.POLLHUP, nil
		case k.fds[wake].(*fakeWaker).set:
			return 0, nil
		case len(c.script) > 0:
			e := c.script[0]
			c.script = c.script[1:]
			e(k, c)
		case c.blocks:
			k.changed.Wait()
		default:
			k.clock += timeout
			return 0, nil
		}
	}
}

func (k *fakeKernel) newWaker() (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.newFD(&fakeWaker{}), nil
}

func (k *fakeKernel) signal(fd int) { k.wake(fd, true) }
func (k *fakeKernel) reset(fd int)  { k.wake(fd, false) }

func (k *fakeKernel) wake(fd int, set bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w, ok := k.fds[fd].(*fakeWaker); ok {
		w.set = set
	} else {
		k.t.Errorf("descriptor %d is not a waker", fd)
	}
	k.changed.Broadcast()
}

func (k *fakeKernel) dev() string { return k.dir }

func (k *fakeKernel) now() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.clock
}

// happen makes events happen at once, not in poll.
func (k *fakeKernel) happen(c *fakeCamera, events ...event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		e(k, c)
	}
}

// frame is a frame of payload; it is lost, as in life, if the driver has no buffer.
func frame(payload []byte) event { return marked(payload, func(*buffer) {}) }

// marked is a frame whose buffer edit has the last word on.
func marked(payload []byte, edit func(*buffer)) event {
	return func(k *fakeKernel, c *fakeCamera) {
		c.seq++
		if len(c.queued) == 0 {
			return
		}
		b := buffer{index: uint32(c.queued[0]), bytesUsed: uint32(len(payload)), flags: bufClockMonoton, sequence: c.seq - 1}
		b.time = unix.NsecToTimeval(int64(k.clock))
		copy(c.bufs[c.queued[0]], payload)
		c.queued = c.queued[1:]
		edit(&b)
		c.done = append(c.done, b)
	}
}

// unplug takes the camera away.
func unplug(_ *fakeKernel, c *fakeCamera) { c.gone = true }

// later lets d pass.
func later(d time.Duration) event {
	return func(k *fakeKernel, _ *fakeCamera) { k.clock += d }
}

// order returns the calls that matter, repeated ones once.
func (c *fakeCamera) order() string { return strings.Join(slices.Compact(c.entered), " ") }

func (c *fakeCamera) String() string {
	return fmt.Sprintf("%d queued, %d done", len(c.queued), len(c.done))
}
