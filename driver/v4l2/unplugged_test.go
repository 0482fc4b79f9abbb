//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"errors"
	"image"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUnplugged(t *testing.T) {
	good := frame(payload(GREY, 1, testW))
	fails := func(req uintptr, err error) event {
		return func(_ *fakeKernel, c *fakeCamera) { c.fail = map[uintptr]error{req: err} }
	}
	for _, tt := range []struct {
		name   string
		events []event
	}{
		{"while waiting", []event{unplug}},
		{"with a frame waiting", []event{good, unplug}},
		{"EIO on taking", []event{fails(vidDequeue, unix.EIO), good}},
		{"ENODEV on taking", []event{fails(vidDequeue, unix.ENODEV), good}},
		{"ENODEV on giving back", []event{fails(vidQueue, unix.ENODEV), good}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fc := &fakeCamera{script: tt.events}
			_, c := opened(t, GREY, fc)
			var err error
			for range 5 {
				if err = c.Next(t.Context(), func(*image.Gray, Meta) error { return nil }); err != nil {
					break
				}
			}
			if !errors.Is(err, ErrUnplugged) {
				t.Errorf("%v, want ErrUnplugged", err)
			}
			fc.fail = nil
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// brokenPoll answers for a device that complains without saying what.
type brokenPoll struct {
	*fakeKernel
	events int16
	err    error
}

func (k brokenPoll) poll(int, int, time.Duration) (int16, error) { return k.events, k.err }

func TestPollComplains(t *testing.T) {
	for _, tt := range []struct {
		events int16
		err    error
	}{{unix.POLLERR, nil}, {unix.POLLHUP, nil}, {unix.POLLNVAL, nil}, {0, unix.ENODEV}} {
		fk := newFakeKernel(t)
		fc := &fakeCamera{offers: []fakeOffer{{GREY, testW, testH, 0}}}
		c, err := open(brokenPoll{fk, tt.events, tt.err}, Config{Device: fk.plug("video0", fc)})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Next(t.Context(), nil); !errors.Is(err, ErrUnplugged) {
			t.Errorf("%+v: %v, want ErrUnplugged", tt, err)
		}
		c.Close()
	}
}

func TestReplug(t *testing.T) {
	fc := &fakeCamera{script: []event{unplug}}
	k, c := opened(t, GREY, fc)
	if err := c.Next(t.Context(), nil); !errors.Is(err, ErrUnplugged) {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Device: c.Info().Device, Width: testW, Height: testH}
	if _, err := open(k, cfg); !errors.Is(err, ErrUnplugged) {
		t.Fatalf("Open while it is unplugged: %v, want ErrUnplugged", err)
	}
	k.plug("video0", &fakeCamera{offers: fc.offers, script: []event{frame(payload(GREY, 2, testW))}})
	c, err := open(k, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, _ := next(t, c); n != 2 {
		t.Errorf("frame %d, want 2", n)
	}
}
