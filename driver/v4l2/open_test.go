//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// webcam is what a camera on USB 2 offers.
func webcam() *fakeCamera {
	return &fakeCamera{card: "HD Webcam", offers: []fakeOffer{
		{YUYV, 640, 480, 30}, {YUYV, 1280, 720, 10},
		{MJPG, 640, 480, 30}, {MJPG, 1280, 720, 30},
		{'H' | '2'<<8 | '6'<<16 | '4'<<24, 1920, 1080, 30},
	}}
}

func TestOpenChoosesFormatSizeAndRate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    Config
		format Format
		w, h   int
		fps    float64
		note   string
	}{
		{"the cheapest to read", Config{Width: 640, Height: 480}, YUYV, 640, 480, 30, ""},
		{"as asked", Config{Width: 640, Height: 480, Formats: []Format{MJPG, YUYV}}, MJPG, 640, 480, 30, ""},
		{"the one that is fast enough", Config{Width: 1280, Height: 720, FPS: 30}, MJPG, 1280, 720, 30, ""},
		{"the cheapest, if slow is enough", Config{Width: 1280, Height: 720, FPS: 10}, YUYV, 1280, 720, 10, ""},
		{"the fastest, if none is enough", Config{Width: 1280, Height: 720, FPS: 60}, MJPG, 1280, 720, 30, "60 frames a second were asked for, the camera makes 30"},
		{"slowed down", Config{Width: 640, Height: 480, FPS: 15}, YUYV, 640, 480, 15, ""},
		{"30 a second, if nothing is said", Config{Width: 1280, Height: 720}, MJPG, 1280, 720, 30, ""},
		{"as it is", Config{}, YUYV, 640, 480, 30, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newFakeKernel(t)
			tt.cfg.Device = k.plug("video0", webcam())
			c, err := open(k, tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			i := c.Info()
			if i.Format != tt.format || i.Width != tt.w || i.Height != tt.h || i.FPS != tt.fps || strings.Join(i.Notes, "; ") != tt.note {
				t.Errorf("%+v, want %v %dx%d at %v, note %q", i, tt.format, tt.w, tt.h, tt.fps, tt.note)
			}
			if i.Card != "HD Webcam" || i.Driver != "fake" || i.Bus != "usb-1" || i.Buffers != 4 {
				t.Errorf("%+v", i)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	fails := func(req uintptr, err error) *fakeCamera {
		c := webcam()
		c.fail = map[uintptr]error{req: err}
		return c
	}
	with := func(edit func(*fakeCamera)) *fakeCamera {
		c := webcam()
		edit(c)
		return c
	}
	answers := func(edit func(*pixFormat)) *fakeCamera { return with(func(c *fakeCamera) { c.answer = edit }) }
	caps := func(caps uint32) *fakeCamera { return with(func(c *fakeCamera) { c.caps = caps }) }
	vga := Config{Width: 640, Height: 480}
	for _, tt := range []struct {
		name   string
		camera *fakeCamera
		cfg    Config
		want   string // after camera "…": ; … stands for anything
	}{
		{"not there", nil, vga, `unplugged: no such file or directory; plugged in: …/video9 ("Other")`},
		{"a file", fails(vidQueryCap, unix.ENOTTY), vga, `is not a video device (VIDIOC_QUERYCAP: inappropriate ioctl for device); plugged in: …`},
		{"unplugged just now", fails(vidQueryCap, unix.ENODEV), vga, `unplugged: no such device; plugged in: …`},
		{"an output", caps(capOutput | capStreaming), vga, `"HD Webcam" (fake) is not a camera but a video output; plugged in: …`},
		{"metadata", caps(capMetaCapture | capStreaming), vga, `"HD Webcam" (fake) is not a camera but a camera's metadata: take the other node of the same camera; …`},
		{"a codec", caps(capM2M | capStreaming), vga, `"HD Webcam" (fake) is not a camera but a codec; …`},
		{"a radio, say", caps(capStreaming), vga, `"HD Webcam" (fake) is not a camera but something else (capabilities 0x04000000); …`},
		{"multi-planar", caps(capCaptureMPlane | capStreaming), vga, `"HD Webcam" (fake) is a multi-planar device, which railgate does not read; …`},
		{"read only", caps(capCapture), vga, `"HD Webcam" (fake) has no streaming, which railgate needs; …`},
		{"size", webcam(), Config{Width: 800, Height: 600}, `"HD Webcam" (fake) has no 800x600 as GREY or NV12 or YUYV or MJPG; it offers YUYV 640x480 at 30, 1280x720 at 10; MJPG 640x480 at 30, 1280x720 at 30; not read by railgate: H264`},
		{"format", webcam(), Config{Width: 640, Height: 480, Formats: []Format{GREY}}, `"HD Webcam" (fake) has no 640x480 as GREY; it offers YUYV …`},
		{"answers another size", answers(func(p *pixFormat) { p.width = 320 }), vga, `"HD Webcam" (fake) has no 640x480 as …`},
		{"answers another format", answers(func(p *pixFormat) { p.pixelFormat = 1 }), vga, `"HD Webcam" (fake) has no 640x480 as …`},
		{"refuses every format", fails(vidSetFormat, unix.EINVAL), vga, `"HD Webcam" (fake) has no 640x480 as …`},
		{"answers lines too short", answers(func(p *pixFormat) { p.bytesPerLine = 1279 }), vga, `the driver answers YUYV 640x480 with lines of 1279 bytes`},
		{"answers lines too long", answers(func(p *pixFormat) { p.bytesPerLine = 1 << 31 }), vga, `the driver answers YUYV 640x480 with lines of 2147483648 bytes`},
		{"answers no size", answers(func(p *pixFormat) { p.height = 0 }), vga, `the driver answers YUYV 640x0 …`},
		{"answers a vast size", answers(func(p *pixFormat) { p.width = 1 << 31 }), vga, `the driver answers YUYV 2147483648x480 …`},
		{"offers nothing", with(func(c *fakeCamera) { c.fail = map[uintptr]error{vidEnumFormats: unix.EINVAL} }), vga, `"HD Webcam" (fake) has no 640x480 as GREY or NV12 or YUYV or MJPG; it offers nothing`},
		{"busy at the format", fails(vidSetFormat, unix.EBUSY), vga, `in use by another program`},
		{"busy at the buffers", fails(vidRequestBuffers, unix.EBUSY), vga, `in use by another program`},
		{"busy at the start", fails(vidStreamOn, unix.EBUSY), vga, `in use by another program`},
		{"no room on the bus", fails(vidStreamOn, unix.ENOSPC), vga, `the USB bus has no room …`},
		{"start breaks", fails(vidStreamOn, unix.EIO), vga, `starting: unplugged: input/output error`},
		{"format breaks", fails(vidSetFormat, unix.EIO), vga, `setting YUYV 640x480: unplugged: input/output error`},
		{"no format to keep", fails(vidGetFormat, unix.EINVAL), Config{}, `"HD Webcam" (fake) has no size of its own (VIDIOC_G_FMT: invalid argument); it offers YUYV 640x480 at 30, …`},
		{"rate breaks", fails(vidSetParm, unix.EIO), vga, `setting 30 frames a second: unplugged: input/output error`},
		{"no buffers", fails(vidRequestBuffers, unix.ENOMEM), vga, `asking for 4 buffers: cannot allocate memory`},
		{"one buffer", with(func(c *fakeCamera) { c.give = 1 }), vga, `asked for 4 buffers the driver gives 1`},
		{"buffer not told", fails(vidQueryBuffer, unix.EINVAL), vga, `asking for buffer 0: invalid argument`},
		{"buffers a byte short", with(func(c *fakeCamera) { c.bufferSize = 640*480*2 - 1 }), vga, `buffer 0 has 614399 bytes, and 614400 are needed`},
		{"buffers not taken", fails(vidQueue, unix.EINVAL), vga, `giving back buffer 0: invalid argument`},
		{"no device named", webcam(), Config{Device: "-"}, `unplugged: …`},
		{"width alone", webcam(), Config{Width: 640}, `size 640x0 (want both from 1 to 16384, or none)`},
		{"negative size", webcam(), Config{Width: -1, Height: -1}, `size -1x-1 (want …`},
		{"negative rate", webcam(), Config{FPS: -1}, `-1 frames a second (want 0 to 1000)`},
		{"one buffer asked for", webcam(), Config{Buffers: 1}, `1 buffers (want 2 to 32)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newFakeKernel(t)
			k.directory("video9")
			other := webcam()
			other.card = "Other"
			k.plug("video9", other)
			if tt.cfg.Device == "" {
				tt.cfg.Device = k.dir + "/video0"
				if tt.camera != nil {
					k.plug("video0", tt.camera)
				}
			}
			c, err := open(k, tt.cfg)
			if err == nil {
				c.Close()
				t.Fatal("Open succeeded")
			}
			got := strings.ReplaceAll(strings.TrimPrefix(err.Error(), `camera "`+tt.cfg.Device+`": `), k.dir, "…")
			if head, tail, cut := strings.Cut(tt.want, "…"); got != tt.want && !(cut && strings.HasPrefix(got, head) && strings.HasSuffix(got, tail)) {
				t.Errorf("error\n\t%s\nwant\n\t%s", got, tt.want)
			}
		})
	}
}

func TestOpenErrorsCanBeToldApart(t *testing.T) {
	k := newFakeKernel(t)
	path := k.plug("video0", webcam())
	for _, tt := range []struct{ errno, want error }{
		{unix.ENOENT, ErrUnplugged}, {unix.ENOENT, fs.ErrNotExist}, {unix.ENODEV, ErrUnplugged}, {unix.ENXIO, ErrUnplugged},
		{unix.EACCES, fs.ErrPermission}, {unix.EPERM, fs.ErrPermission}, {unix.EBUSY, errInUse}, {unix.EMFILE, unix.EMFILE},
	} {
		k.openErr[path] = tt.errno
		if _, err := open(k, Config{Device: path}); !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want it to be %v", tt.errno, err, tt.want)
		}
	}
}

func TestMapFails(t *testing.T) {
	k := newFakeKernel(t)
	c := webcam()
	path := k.plug("video0", c)
	if _, err := open(mapless{k}, Config{Device: path}); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%v, want EAGAIN", err)
	}
	if got, want := c.order(), "close"; got != want {
		t.Errorf("did %q, want %q", got, want)
	}
}

type mapless struct{ *fakeKernel }

func (mapless) mmap(int, int64, int) ([]byte, error) { return nil, unix.EAGAIN }

func TestADriverMayGiveOtherNumbersOfBuffers(t *testing.T) {
	k := newFakeKernel(t)
	fc := webcam()
	fc.give = 7
	c, err := open(k, Config{Device: k.plug("video0", fc)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Info().Buffers != 7 || len(fc.queued) != 7 {
		t.Errorf("%d buffers, %d queued; want 7", c.Info().Buffers, len(fc.queued))
	}
}

func TestARateThatIsRefusedStaysAsItIs(t *testing.T) {
	k := newFakeKernel(t)
	fc := webcam()
	fc.fail = map[uintptr]error{vidSetParm: unix.EINVAL}
	c, err := open(k, Config{Device: k.plug("video0", fc), Width: 640, Height: 480, FPS: 60})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if i := c.Info(); i.FPS != 30 || len(i.Notes) != 1 {
		t.Errorf("%+v, want 30 frames a second and a note", i)
	}
}

func TestPatienceFollowsTheRate(t *testing.T) {
	c := Camera{pic: picture{fps: 0.5}}
	if got := c.interval(4); got != 8*time.Second {
		t.Errorf("four frames at one in 2 s: %v, want 8s", got)
	}
}
