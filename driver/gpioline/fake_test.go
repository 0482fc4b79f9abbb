package gpioline

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A fakeKernel stands in for the kernel. A line's handle is the reading end of a real pipe, so that
// waiting for edges is as it is.
type fakeKernel struct {
	t     *testing.T
	nodes map[string]*fakeChip // by path
	clock time.Duration

	mu      sync.Mutex
	fds     map[int]*fakeChip // open chips
	handles map[int]*fakeLine
	lastFD  int

	onRead func() // after an edge was read; nil: nothing
}

type fakeChip struct {
	label     string
	lines     []*fakeLine
	forbidden bool // it may not be opened
}

// A fakeLine's level is electrical. The trace has what happened to the pin.
type fakeLine struct {
	name    string
	holder  string // another program
	fail    map[uintptr]error
	bounces bool // the kernel cannot debounce it
	mute    bool // its chip has no interrupts
	fragile bool // it has, and whoever asks for them crashes the kernel
	looks   int  // at its level

	request lineRequest
	level   bool
	trace   []string
	events  *os.File // the pipe's writing end
}

const fakePath = "/dev/gpiochip0"

// newFake is a kernel with one chip of one line, and that line found.
func newFake(t *testing.T) (*fakeKernel, *fakeLine, *Line) {
	pin := &fakeLine{name: "RELAY", fail: map[uintptr]error{}}
	k := &fakeKernel{
		t: t, nodes: map[string]*fakeChip{fakePath: {label: "pl061", lines: []*fakeLine{{name: "OTHER"}, pin}}}, clock: time.Hour,
		fds: map[int]*fakeChip{}, handles: map[int]*fakeLine{}, lastFD: 1 << 20,
	}
	l, err := find([]chip{{name: "gpiochip0", label: "pl061", path: fakePath, lines: []string{"OTHER", "RELAY"}}}, "RELAY")
	if err != nil {
		t.Fatal(err)
	}
	l.kernel = k
	t.Cleanup(func() {
		l.Close()
		if len(k.fds) != 0 {
			t.Errorf("%d chips were left open", len(k.fds))
		}
	})
	return k, pin, l
}

func (k *fakeKernel) open(path string) (int, error) {
	c := k.nodes[path]
	if c == nil {
		return -1, unix.ENOENT
	}
	if c.forbidden {
		return -1, unix.EACCES
	}
	k.lastFD++
	k.fds[k.lastFD] = c
	return k.lastFD, nil
}

func (k *fakeKernel) close(fd int) { delete(k.fds, fd) }

func (k *fakeKernel) chips() (paths []string) {
	for path := range k.nodes {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

func (k *fakeKernel) now() time.Duration {
	if k.onRead != nil {
		k.onRead()
	}
	return k.clock
}

func (k *fakeKernel) ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.handles[fd]; l != nil {
		return l.values(req, (*lineValues)(arg))
	}
	c := k.fds[fd]
	if c == nil {
		k.t.Errorf("ioctl %#x on descriptor %d, which is not open", req, fd)
		return unix.EBADF
	}
	switch req {
	case getChipInfo:
		info := (*chipInfo)(arg)
		copy(info.name[:], k.name(c))
		copy(info.label[:], c.label)
		info.lines = uint32(len(c.lines))
	case getLineInfo:
		return c.info((*lineInfo)(arg))
	case getLine:
		return k.request(c, (*lineRequest)(arg))
	default:
		k.t.Errorf("unknown ioctl %#x", req)
		return unix.ENOTTY
	}
	return nil
}

// name is a chip's, by the first node that leads to it.
func (k *fakeKernel) name(c *fakeChip) string {
	for _, path := range k.chips() {
		if k.nodes[path] == c {
			return strings.TrimPrefix(path, "/dev/")
		}
	}
	return ""
}

func (c *fakeChip) info(info *lineInfo) error {
	if int(info.offset) >= len(c.lines) {
		return unix.EINVAL
	}
	l := c.lines[info.offset]
	copy(info.name[:], l.name)
	copy(info.consumer[:], l.holder)
	if l.holder != "" {
		info.flags = flagUsed
	}
	return nil
}

// request does what the kernel does with one line: the level comes with the direction.
func (k *fakeKernel) request(c *fakeChip, r *lineRequest) error {
	l := c.lines[r.offsets[0]]
	if l.holder != "" {
		return unix.EBUSY
	}
	if err := l.fail[getLine]; err != nil {
		return err
	}
	l.request = *r
	if l.fragile && (r.config.flags&(flagRising|flagFalling) != 0 || r.config.count > 0) {
		k.t.Errorf("asked for interrupts: flags %#x, %d attributes", r.config.flags, r.config.count)
	}
	if l.mute && (r.config.flags&(flagRising|flagFalling) != 0 || r.config.count > 0) {
		return unix.ENXIO
	}
	for _, a := range r.config.attributes[:r.config.count] {
		if a.id == attributeDebounce && l.bounces {
			return unix.EINVAL
		}
		if a.id == attributeOutputs {
			l.drive("request", a.value&1 == 1)
		}
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return err
	}
	fd, err := unix.Dup(int(reading.Fd()))
	if err != nil {
		return err
	}
	reading.Close()
	l.events = writing
	k.t.Cleanup(func() { writing.Close() })
	k.handles[fd] = l
	r.fd = int32(fd)
	return nil
}

// drive sets the pin to a logical level.
func (l *fakeLine) drive(how string, active bool) {
	l.level = active != (l.request.config.flags&flagActiveLow != 0)
	word := " low"
	if l.level {
		word = " high"
	}
	l.trace = append(l.trace, how+word)
}

// put sets an input's level.
func (k *fakeKernel) put(l *fakeLine, high bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l.level = high
}

func (l *fakeLine) values(req uintptr, v *lineValues) error {
	if err := l.fail[req]; err != nil {
		return err
	}
	if req == getValues {
		l.looks++
	}
	if req == setValues {
		l.drive("set", v.bits&v.mask&1 == 1)
	} else if l.level != (l.request.config.flags&flagActiveLow != 0) {
		v.bits = 1
	}
	return nil
}

// edge is an event from the kernel.
func (l *fakeLine) edge(id uint32, at time.Duration) {
	l.events.Write(eventBytes(id, at))
}

func eventBytes(id uint32, at time.Duration) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(at))
	return append(binary.NativeEndian.AppendUint32(b, id), make([]byte, eventSize-12)...)
}
