//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"runtime"
	"testing"
	"time"
)

// The pictures of these tests are 20 by 12.
const testW, testH = 20, 12

// shade is the pixel at x, y of test frame n.
func shade(n, x, y int) byte { return byte(n*50 + 3*x + 7*y) }

// payload is test frame n in a format, with lines of stride bytes; what is not brightness is 1.
func payload(f Format, n, stride int) []byte {
	step := 1
	if f == YUYV {
		step = 2
	}
	if f == MJPG {
		return jpegPayload(n)
	}
	lines := testH
	if f == NV12 {
		lines += testH / 2
	}
	b := bytes.Repeat([]byte{1}, lines*stride)
	for y := range testH {
		for x := range testW {
			b[y*stride+x*step] = shade(n, x, y)
		}
	}
	return b
}

func jpegPayload(n int) []byte {
	img := image.NewGray(image.Rect(0, 0, testW, testH))
	for i := range img.Pix {
		img.Pix[i] = shade(n, 0, 0)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// which returns the number of the test frame that img is.
func which(t *testing.T, f Format, img *image.Gray) int {
	t.Helper()
	if img.Rect != image.Rect(0, 0, testW, testH) {
		t.Fatalf("picture is %v", img.Rect)
	}
	n := int(img.Pix[0]+1) / 50
	for y := range testH {
		for x := range testW {
			want := shade(n, x, y)
			if f == MJPG {
				want = shade(n, 0, 0)
			}
			if d := int(img.GrayAt(x, y).Y) - int(want); d < -1 || d > 1 || d != 0 && f != MJPG {
				t.Fatalf("%v frame %d: pixel %d,%d is %d, want %d", f, n, x, y, img.GrayAt(x, y).Y, want)
			}
		}
	}
	return n
}

// opened returns an open camera of one format.
func opened(t *testing.T, f Format, fc *fakeCamera) (*fakeKernel, *Camera) {
	t.Helper()
	k := newFakeKernel(t)
	fc.offers = []fakeOffer{{f, testW, testH, 0}}
	if f == MJPG {
		fc.bufferSize = 4000
	}
	c, err := open(k, Config{Device: k.plug("video0", fc), Width: testW, Height: testH})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return k, c
}

// next returns the number and Meta of the next frame.
func next(t *testing.T, c *Camera) (n int, meta Meta) {
	t.Helper()
	err := c.Next(context.Background(), func(img *image.Gray, m Meta) error {
		n, meta = which(t, c.Info().Format, img), m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, meta
}

func TestEveryFormatGivesTheBrightness(t *testing.T) {
	for _, tt := range []struct {
		format Format
		stride int
		zero   bool // from the driver's memory, without a copy
	}{
		{GREY, testW, true},
		{GREY, 64, true},
		{NV12, testW, true},
		{NV12, 32, true},
		{YUYV, 2 * testW, false},
		{YUYV, 100, false},
		{MJPG, 0, false},
	} {
		t.Run(tt.format.String(), func(t *testing.T) {
			fc := &fakeCamera{stride: tt.stride}
			k, c := opened(t, tt.format, fc)
			for n := range 9 {
				k.happen(fc, frame(payload(tt.format, n%5, tt.stride)))
				err := c.Next(t.Context(), func(img *image.Gray, _ Meta) error {
					if got := which(t, tt.format, img); got != n%5 {
						t.Errorf("frame %d, want %d", got, n%5)
					}
					in, want := within(img, fc), 4
					if tt.zero {
						want = 3
					}
					if in != tt.zero || len(fc.queued) != want {
						t.Errorf("in the driver's memory: %v, buffers queued: %d; want %v, %d", in, len(fc.queued), tt.zero, want)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if len(fc.queued) != 4 {
					t.Fatalf("%d buffers queued after frame %d, want 4", len(fc.queued), n)
				}
			}
		})
	}
}

// within says whether img lies in a buffer of the driver's.
func within(img *image.Gray, fc *fakeCamera) bool {
	for _, b := range fc.bufs {
		if &img.Pix[0] == &b[0] {
			return true
		}
	}
	return false
}

func TestOnlyTheNewestFrameIsHandedOut(t *testing.T) {
	fc := &fakeCamera{}
	k, c := opened(t, GREY, fc)
	k.happen(fc, frame(payload(GREY, 0, testW)), later(time.Second), frame(payload(GREY, 1, testW)), later(time.Second), frame(payload(GREY, 2, testW)), later(30*time.Millisecond))
	n, meta := next(t, c)
	if want := (Meta{Sequence: 2, Age: 30 * time.Millisecond, Passed: 2}); n != 2 || meta != want {
		t.Errorf("frame %d with %+v, want 2 with %+v", n, meta, want)
	}
	fc.script = []event{frame(payload(GREY, 3, testW))}
	if n, meta := next(t, c); n != 3 || meta != (Meta{Sequence: 3}) {
		t.Errorf("frame %d with %+v, want 3 with nothing passed", n, meta)
	}
}

// If the driver ran out of buffers while the caller was busy, the newest frame it has may be of any
// age.
func TestFramesFromBeforeTheDriverRanOutAreDropped(t *testing.T) {
	for _, f := range []Format{GREY, YUYV} {
		fc := &fakeCamera{stride: 40}
		k, c := opened(t, f, fc)
		old := frame(payload(f, 1, 40))
		k.happen(fc, frame(payload(f, 0, 40)))
		err := c.Next(t.Context(), func(*image.Gray, Meta) error {
			k.happen(fc, old, old, old, old, old, old)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		fc.script = []event{frame(payload(f, 2, 40)), frame(payload(f, 3, 40))}
		if n, meta := next(t, c); n != 2 || meta.Passed < 3 {
			t.Errorf("%v: frame %d with %+v, want 2, the first that is fresh", f, n, meta)
		}
		if n, _ := next(t, c); n != 3 {
			t.Errorf("%v: frame %d, want 3", f, n)
		}
	}
}

func TestFramesFromBeforeTheFirstNextAreDropped(t *testing.T) {
	fc := &fakeCamera{}
	k, c := opened(t, GREY, fc)
	old := frame(payload(GREY, 1, testW))
	k.happen(fc, old, old, old, old, old)
	fc.script = []event{frame(payload(GREY, 2, testW))}
	if n, _ := next(t, c); n != 2 {
		t.Errorf("frame %d, want 2", n)
	}
}

// A process that was stopped, while it waited or while it was busy, finds frames from before. Those
// without a time stamp are dropped.
func TestFramesFromWhileTheProcessWasStoppedAreDropped(t *testing.T) {
	silent := func(n int) event {
		return marked(payload(GREY, n, testW), func(b *buffer) { b.flags &^= bufClockMask })
	}
	for _, waiting := range []bool{true, false} {
		fc := &fakeCamera{}
		k, c := opened(t, GREY, fc)
		fc.script = []event{silent(0)}
		next(t, c)
		old := func(k *fakeKernel, c *fakeCamera) { silent(1)(k, c); later(1500*time.Millisecond)(k, c) }
		if fc.script = []event{silent(2)}; waiting {
			fc.script = []event{old, silent(2)}
		} else {
			k.happen(fc, old)
		}
		if n, meta := next(t, c); n != 2 || meta.Passed != 1 {
			t.Errorf("waiting %v: frame %d with %+v, want 2, the first that is fresh", waiting, n, meta)
		}
		fc.script = []event{func(k *fakeKernel, c *fakeCamera) { silent(3)(k, c); later(900*time.Millisecond)(k, c) }}
		if n, _ := next(t, c); n != 3 {
			t.Errorf("waiting %v: frame %d, want 3", waiting, n)
		}
		fc.script = []event{func(k *fakeKernel, c *fakeCamera) { frame(payload(GREY, 1, testW))(k, c); later(3*time.Second)(k, c) }}
		if n, meta := next(t, c); n != 1 || meta.Age != 3*time.Second {
			t.Errorf("waiting %v: frame %d with %+v, want 1, which says that it is 3 s old", waiting, n, meta)
		}
	}
}

// Encoders that round up to whole MCUs say so in the header.
func TestJPEGRoundedUpIsCropped(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 32, 16))
	for i := range img.Pix {
		img.Pix[i] = shade(2, 0, 0)
	}
	var b bytes.Buffer
	jpeg.Encode(&b, img, nil)
	fc := &fakeCamera{script: []event{frame(b.Bytes())}}
	_, c := opened(t, MJPG, fc)
	if n, _ := next(t, c); n != 2 {
		t.Errorf("frame %d, want 2", n)
	}
}

func TestStalledCamera(t *testing.T) {
	fc := &fakeCamera{}
	k, c := opened(t, GREY, fc)
	before := k.now()
	err := c.Next(t.Context(), nil)
	if !errors.Is(err, ErrStalled) || k.now()-before != firstPatience {
		t.Errorf("before the first frame: %v after %v, want ErrStalled after %v", err, k.now()-before, firstPatience)
	}
	k.happen(fc, frame(payload(GREY, 1, testW)))
	next(t, c)
	before = k.now()
	if err = c.Next(t.Context(), nil); !errors.Is(err, ErrStalled) || k.now()-before != patience {
		t.Errorf("%v after %v, want ErrStalled after %v", err, k.now()-before, patience)
	}
	if want := `camera "` + c.Info().Device + `": delivers no frames: not one in 2s`; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestContextEndsNext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fc := &fakeCamera{blocks: true, script: []event{func(*fakeKernel, *fakeCamera) { cancel() }}}
	k, c := opened(t, GREY, fc)
	if err := c.Next(ctx, nil); err != context.Canceled {
		t.Errorf("Next = %v, want context.Canceled", err)
	}
	if err := c.Next(ctx, nil); err != context.Canceled {
		t.Errorf("Next again = %v, want context.Canceled", err)
	}
	k.happen(fc, frame(payload(GREY, 1, testW)))
	if n, _ := next(t, c); n != 1 {
		t.Errorf("with a new context: frame %d, want 1", n)
	}
}

func TestCloseEndsNext(t *testing.T) {
	closed := make(chan error)
	var c *Camera
	fc := &fakeCamera{blocks: true, script: []event{func(*fakeKernel, *fakeCamera) { go func() { closed <- c.Close() }() }}}
	_, c = opened(t, YUYV, fc)
	if err := c.Next(t.Context(), nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next = %v, want os.ErrClosed", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if got, want := fc.order(), "stop unmap close"; got != want {
		t.Errorf("Close did %q, want %q", got, want)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if err := c.Next(t.Context(), nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next after Close = %v, want os.ErrClosed", err)
	}
	if err := c.Set(Gain, 1); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Set after Close = %v, want os.ErrClosed", err)
	}
}

// A buffer is not taken from under fn.
func TestCloseWaitsForFn(t *testing.T) {
	fc := &fakeCamera{script: []event{frame(payload(GREY, 1, testW))}}
	_, c := opened(t, GREY, fc)
	closed := make(chan error, 1)
	err := c.Next(t.Context(), func(img *image.Gray, _ Meta) error {
		go func() { closed <- c.Close() }()
		for !c.isClosed() {
			runtime.Gosched() // until Close has begun
		}
		if which(t, GREY, img) != 1 {
			t.Error("the picture changed")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestNextReturnsWhatFnReturns(t *testing.T) {
	fc := &fakeCamera{script: []event{frame(payload(GREY, 1, testW))}}
	_, c := opened(t, GREY, fc)
	want := errors.New("no code")
	if err := c.Next(t.Context(), func(*image.Gray, Meta) error { return want }); err != want {
		t.Errorf("Next = %v, want %v itself", err, want)
	}
}

func TestAPanicInFnKeepsNoBuffer(t *testing.T) {
	fc := &fakeCamera{script: []event{frame(payload(GREY, 1, testW)), frame(payload(GREY, 2, testW))}}
	_, c := opened(t, GREY, fc)
	func() {
		defer func() { recover() }()
		c.Next(t.Context(), func(*image.Gray, Meta) error { panic("bad picture") })
	}()
	if n, _ := next(t, c); n != 2 || len(fc.queued) != 4 {
		t.Errorf("frame %d, %d buffers queued; want 2, 4", n, len(fc.queued))
	}
}

func TestAPictureKeptIsEmpty(t *testing.T) {
	fc := &fakeCamera{script: []event{frame(payload(GREY, 1, testW))}}
	_, c := opened(t, GREY, fc)
	var kept *image.Gray
	if err := c.Next(t.Context(), func(img *image.Gray, _ Meta) error { kept = img; return nil }); err != nil {
		t.Fatal(err)
	}
	if kept.Pix != nil || kept.GrayAt(0, 0) != (color.Gray{}) {
		t.Error("the picture outlived its buffer")
	}
}

func TestNextAllocatesLittle(t *testing.T) {
	fc := &fakeCamera{stride: 40}
	k, c := opened(t, YUYV, fc)
	e := frame(payload(YUYV, 1, 40))
	if n := testing.AllocsPerRun(50, func() {
		k.happen(fc, e)
		if err := c.Next(context.Background(), func(*image.Gray, Meta) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}); n > 12 { // the context's and the fake's, all small; none of a frame's size
		t.Errorf("%v allocations a frame", n)
	}
}
