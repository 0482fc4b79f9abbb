package scanner

import (
	"context"
	"image"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"railgate/driver"
	"railgate/driver/eye"
	"railgate/driver/v4l2"
)

// CameraConfig is a scanner that looks at pictures.
type CameraConfig struct {
	Name     string
	Device   string // a V4L2 device or, better, a link to one by id
	Width    int    // of its frames, in pixels
	Height   int
	Exposure time.Duration // how long light is gathered for a frame; 0: as the camera likes
	Focus    *int          // in the camera's units; nil: as the camera likes
	K1       float64       // how much the lens bends, as eye.Reader has it; 0: not known
	Frames   string        // in place of a device: a folder of pictures
	FPS      float64       // frames a second

	// Prefix is that of the texts that are worth a reading; empty: all are. Others hide none of
	// these; they are counted, and delivered for a few seconds.
	Prefix string
}

// What a camera may be asked for.
const (
	MinWidth    = 160 // pixels
	MinHeight   = 120
	MaxSide     = 8192
	MinFPS      = 0.1
	MaxFPS      = 240.0
	MaxK1       = eye.MaxK1
	MinExposure = v4l2.ExposureUnit
	MaxExposure = time.Second
)

// A Camera is a scanner that looks at pictures.
type Camera struct {
	driver.Monitor
	cfg  CameraConfig
	log  *slog.Logger
	open func() (frames, error)

	// owned by Run
	watch   *eye.Watch
	hits    int // frames in a row with a reading
	foreign foreign
}

var _ driver.Scanner = (*Camera)(nil)

// frames are what a camera sees, newest first and once.
type frames interface {
	// next waits for a frame and shows it to see. A frame without a picture
	// (nothing to look at) is shown as nil.
	next(ctx context.Context, see func(img *image.Gray, at time.Time)) error
	close() error
}

// NewCamera prepares a camera; Run opens it.
func NewCamera(cfg CameraConfig, log *slog.Logger) *Camera {
	c := &Camera{cfg: cfg, log: log.With("scanner", cfg.Name), foreign: foreign{codes: map[string]*sighting{}}}
	c.watch = c.newWatch()
	c.open = func() (frames, error) {
		if cfg.Device != "" {
			return openVideo(&cfg, c.log)
		}
		return openFolder(cfg.Frames, cfg.FPS, c.log)
	}
	return c
}

func (c *Camera) String() string { return c.cfg.Name }

// Run looks at frames, and opens the camera again for as long as it is unplugged.
func (c *Camera) Run(ctx context.Context, deliver func(driver.Reading)) error {
	return keepTrying(ctx, &c.Monitor, c.log, "camera", func() error { return c.session(ctx, deliver) })
}

func (c *Camera) session(ctx context.Context, deliver func(driver.Reading)) error {
	seen, err := c.open()
	if err != nil {
		return err
	}
	defer seen.close()
	for ctx.Err() == nil {
		c.Beat()
		err := seen.next(ctx, func(img *image.Gray, at time.Time) {
			// Not before its first frame: a camera that hangs can be opened again and again.
			if c.Up() {
				c.log.Info("camera is ready")
			}
			c.look(img, func(text string) {
				deliver(driver.Reading{Scanner: c.cfg.Name, Text: text, At: at})
			})
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (c *Camera) newWatch() *eye.Watch {
	w := eye.NewWatch()
	w.Reader.K1 = c.cfg.K1
	if c.cfg.Prefix != "" {
		w.Reader.Worth = func(text string) bool { return strings.HasPrefix(text, c.cfg.Prefix) }
	}
	return w
}

// look reads the codes in a frame. A frame is not worth a gate: if the eye fails at one, that is
// logged, and the next is looked at with a new eye.
func (c *Camera) look(img *image.Gray, emit func(string)) {
	if img == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("the eye failed at a frame", "panic", p, "stack", string(debug.Stack()))
			c.watch = c.newWatch()
		}
	}()
	code, ok, searched := c.watch.Look(img)
	if ok {
		emit(code.Text)
		c.lookAgain(code.Text, emit)
	} else {
		c.hits = 0
	}
	if others := c.watch.Reader.Others(); searched {
		now := time.Now()
		for _, text := range c.foreign.see(others, ok, now) {
			emit(text)
		}
		c.sayForeign(len(others), now)
	}
}

// againEvery is how often a frame with a code is searched for others: the second of those in a
// row, so that the first is let through before, and then one in four.
const againEvery = 4

// lookAgain reads what other codes there are in a frame beside first.
func (c *Camera) lookAgain(first string, emit func(string)) {
	if c.hits++; c.hits%againEvery != 2 {
		return
	}
	for code, ok := c.watch.Reader.LookAgain(); ok; code, ok = c.watch.Reader.LookAgain() {
		if code.Text != first {
			emit(code.Text)
		}
	}
}
