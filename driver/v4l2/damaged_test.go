//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"time"
)

func TestDamagedBuffersAreGivenBackUnread(t *testing.T) {
	good := payload(GREY, 1, testW)
	for _, tt := range []struct {
		name string
		edit func(*buffer)
		back int // buffers with the driver at the end
	}{
		{"error mark", func(b *buffer) { b.flags |= bufError }, 4},
		{"empty", func(b *buffer) { b.bytesUsed = 0 }, 4},
		{"one byte short", func(b *buffer) { b.bytesUsed-- }, 4},
		{"longer than the buffer", func(b *buffer) { b.bytesUsed++ }, 4},
		{"length beyond 2 GB", func(b *buffer) { b.bytesUsed = 1<<32 - 1 }, 4},
		{"index past the last", func(b *buffer) { b.index = 4 }, 3},
		{"index far past the last", func(b *buffer) { b.index = 1<<32 - 1 }, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fc := &fakeCamera{}
			k, c := opened(t, GREY, fc)
			k.happen(fc, marked(good, tt.edit))
			fc.script = []event{frame(payload(GREY, 2, testW))}
			if n, meta := next(t, c); n != 2 || meta.Damaged != 1 {
				t.Errorf("frame %d with %+v, want 2 with one damaged", n, meta)
			}
			if len(fc.queued) != tt.back {
				t.Errorf("%d buffers queued, want %d", len(fc.queued), tt.back)
			}
		})
	}
}

func TestABufferGivenTwiceIsNotRead(t *testing.T) {
	fc := &fakeCamera{}
	k, c := opened(t, GREY, fc)
	k.happen(fc, frame(payload(GREY, 1, testW)), func(_ *fakeKernel, c *fakeCamera) { c.done = append(c.done, c.done[0]) })
	if n, meta := next(t, c); n != 1 || meta.Damaged != 1 {
		t.Errorf("frame %d with %+v, want 1 with one damaged", n, meta)
	}
}

func TestADamagedFrameAfterAGoodOneDoesNotHideIt(t *testing.T) {
	fc := &fakeCamera{}
	k, c := opened(t, GREY, fc)
	k.happen(fc, frame(payload(GREY, 1, testW)), marked(payload(GREY, 2, testW), func(b *buffer) { b.flags |= bufError }))
	if n, meta := next(t, c); n != 1 || meta != (Meta{Sequence: 0, Damaged: 1}) {
		t.Errorf("frame %d with %+v, want 1", n, meta)
	}
}

func TestDamagedJPEGsAreNotShown(t *testing.T) {
	good := payload(MJPG, 3, 0)
	var large, small bytes.Buffer
	jpeg.Encode(&large, image.NewGray(image.Rect(0, 0, testW+16, testH)), nil)
	jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, testW, testH-1)), nil)
	for name, tt := range map[string]struct {
		bad []byte
		why string
	}{
		"cut":          {good[:len(good)-20], "does not decode: damaged JPEG: "},
		"empty":        {nil, "has 0 bytes (want 1 to 4000)"},
		"zeros":        {make([]byte, 2000), "does not decode: damaged JPEG: "},
		"no JPEG":      {[]byte("no JPEG"), "does not decode: damaged JPEG: "},
		"another size": {large.Bytes(), "does not decode: unsupported JPEG: "},
		"too small":    {small.Bytes(), "is 20x11, and the camera said 20x12"},
	} {
		fc := &fakeCamera{script: []event{frame(tt.bad), frame(good), frame(tt.bad)}}
		_, c := opened(t, MJPG, fc)
		if n, meta := next(t, c); n != 3 || meta.Damaged != 1 {
			t.Errorf("%s: frame %d with %+v, want 3 with one damaged", name, n, meta)
		}
		err := c.Next(t.Context(), nil)
		if want := "not one in 2s; 1 damaged, the last because it " + tt.why; !errors.Is(err, ErrStalled) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// A camera that sends nothing but damaged frames does not keep Next without end.
func TestOnlyDamagedFramesIsStalled(t *testing.T) {
	bad := marked(payload(GREY, 1, testW), func(b *buffer) { b.flags |= bufError })
	fc := &fakeCamera{}
	for range 200 {
		fc.script = append(fc.script, later(33*time.Millisecond), bad)
	}
	_, c := opened(t, GREY, fc)
	err := c.Next(t.Context(), nil)
	if !errors.Is(err, ErrStalled) || !strings.Contains(err.Error(), "the last because it has the driver's error mark") {
		t.Errorf("%v, want ErrStalled and why", err)
	}
	if len(fc.script) == 0 {
		t.Error("went on to the end")
	}
}
