package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// A disk is one whose cache is lost when the power is: what the guest wrote and did not flush is kept by chance,
// sector by sector, in no order. QEMU reaches it by the NBD protocol (doc/proto.md of NetworkBlockDevice/nbd).
type disk struct {
	t      testing.TB
	listen net.Listener

	mu      sync.Mutex // guards the fields below
	durable []byte
	now     []byte // as the guest reads it
	dirty   map[int64]bool
	flushes int
	left    int           // requests that change something until the power goes; 0: it stays
	gone    chan struct{} // closed when it goes; from then on nothing is answered
}

const sector = 512

// newDisk serves an image on a socket.
func newDisk(t testing.TB, image []byte, socket string) *disk {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{t: t, listen: l, durable: image, now: bytes.Clone(image), dirty: map[int64]bool{}, gone: make(chan struct{})}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
	return d
}

// goIn has the power go in the middle of a request: the nth from now on that writes or flushes. It returns a channel that is
// closed then.
func (d *disk) goIn(n int) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
	return d.gone
}

// stay takes goIn back, and tells whether that was in time.
func (d *disk) stay() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = 0
	select {
	case <-d.gone:
		return false
	default:
		return true
	}
}

// goes tells whether the power goes in this request. The caller holds mu.
func (d *disk) goes() bool {
	if d.left == 0 {
		return false
	}
	if d.left--; d.left == 0 {
		close(d.gone)
		return true
	}
	return false
}

// cut is what a power cut does. It returns how many sectors were on their way, and how many of those are lost.
func (d *disk) cut(random *rand.Rand) (dirty, lost int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dirty = len(d.dirty)
	for at := range d.dirty {
		if random.IntN(2) == 0 {
			copy(d.durable[at:at+sector], d.now[at:])
		} else {
			lost++
		}
	}
	d.now, d.dirty = bytes.Clone(d.durable), map[int64]bool{}
	d.left, d.gone = 0, make(chan struct{})
	return dirty, lost
}

const (
	nbdHello     = 0x4e42444d41474943
	nbdOption    = 0x49484156454f5054
	nbdAnswer    = 0x3e889045565a9
	nbdRequest   = 0x25609513
	nbdReply     = 0x67446698
	nbdGo        = 7
	nbdAbort     = 2
	nbdAck       = 1
	nbdInfo      = 3
	nbdUnknown   = 1<<31 + 1
	nbdCanFlush  = 1 + 4 + 8 // has flags, flush, FUA
	nbdRead      = 0
	nbdWrite     = 1
	nbdHangUp    = 2
	nbdFlush     = 3
	nbdForceUnit = 1
	nbdInvalid   = 22
)

func put(w io.Writer, values ...any) error {
	var b []byte
	for _, v := range values {
		var err error
		if b, err = binary.Append(b, binary.BigEndian, v); err != nil {
			return err
		}
	}
	_, err := w.Write(b)
	return err
}

func (d *disk) serve(c net.Conn) {
	defer c.Close()
	if err := d.greet(c); err != nil {
		return // QEMU was killed
	}
	for d.request(c) == nil {
	}
}

// greet is the handshake: every option but "go" is unknown.
func (d *disk) greet(c net.Conn) error {
	if err := put(c, uint64(nbdHello), uint64(nbdOption), uint16(3)); err != nil {
		return err
	}
	var flags uint32
	if err := binary.Read(c, binary.BigEndian, &flags); err != nil {
		return err
	}
	for {
		var o struct {
			Magic          uint64
			Option, Length uint32
		}
		if err := binary.Read(c, binary.BigEndian, &o); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, c, int64(o.Length)); err != nil {
			return err
		}
		switch o.Option {
		case nbdGo:
			err := put(c, uint64(nbdAnswer), o.Option, uint32(nbdInfo), uint32(12), uint16(0), uint64(len(d.durable)), uint16(nbdCanFlush))
			return errors.Join(err, put(c, uint64(nbdAnswer), o.Option, uint32(nbdAck), uint32(0)))
		case nbdAbort:
			return io.EOF
		}
		if err := put(c, uint64(nbdAnswer), o.Option, uint32(nbdUnknown), uint32(0)); err != nil {
			return err
		}
	}
}

// request does one.
func (d *disk) request(c net.Conn) error {
	var r struct {
		Magic       uint32
		Flags, Kind uint16
		Handle      uint64
		Offset      uint64
		Length      uint32
	}
	if err := binary.Read(c, binary.BigEndian, &r); err != nil {
		return err
	}
	size := uint64(len(d.now))
	if r.Magic != nbdRequest || r.Kind == nbdHangUp || r.Kind != nbdFlush && (r.Offset > size || uint64(r.Length) > size-r.Offset) {
		return fmt.Errorf("request %+v", r)
	}
	var data []byte
	if r.Kind == nbdWrite {
		data = make([]byte, r.Length)
		if _, err := io.ReadFull(c, data); err != nil {
			return err
		}
	}
	failed := uint32(0)
	d.mu.Lock()
	goes := r.Kind != nbdRead && d.goes()
	switch r.Kind {
	case nbdRead:
		data = bytes.Clone(d.now[r.Offset:][:r.Length])
	case nbdWrite:
		copy(d.now[r.Offset:], data)
		d.mark(int64(r.Offset), int64(r.Length), r.Flags&nbdForceUnit != 0)
		data = nil
	case nbdFlush:
		if !goes {
			d.flush()
		}
	default:
		failed = nbdInvalid
	}
	d.mu.Unlock()
	if goes {
		_, err := io.Copy(io.Discard, c) // until QEMU is killed
		return errors.Join(err, io.EOF)
	}
	return put(c, uint32(nbdReply), failed, r.Handle, data)
}

// mark notes what was written, or makes it durable at once. The caller holds mu.
func (d *disk) mark(from, length int64, durable bool) {
	for at := from &^ (sector - 1); at < from+length; at += sector {
		if durable {
			copy(d.durable[at:at+sector], d.now[at:])
			delete(d.dirty, at)
		} else {
			d.dirty[at] = true
		}
	}
}

// flush makes everything durable. The caller holds mu.
func (d *disk) flush() {
	d.flushes++
	for at := range d.dirty {
		copy(d.durable[at:at+sector], d.now[at:])
	}
	clear(d.dirty)
}
