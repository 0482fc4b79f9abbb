package scanner

import (
	"context"
	"image"
	"log/slog"
	"runtime/debug"
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
	Frames   string        // in place of a device: a folder of pictures
	FPS      float64       // frames a second
}

// What a camera may be asked for.
const (
	MinWidth    = 160 // pixels
	MinHeight   = 120
	MaxSide     = 8192
	MinFPS      = 0.1
	MaxFPS      = 240.0
	MinExposure = v4l2.ExposureUnit
	MaxExposure = time.Second
)

// A Camera is a scanner that looks at pictures.
type Camera struct {
	driver.Monitor
	cfg   CameraConfig
	log   *slog.Logger
	watch *eye.Watch // owned by Run
	open  func() (frames, error)
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
	c := &Camera{cfg: cfg, log: log.With("scanner", cfg.Name), watch: eye.NewWatch()}
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
			// Not before: one that hangs can be opened, and opened again, for ever.
			if c.Up() {
				c.log.Info("camera is ready")
			}
			if text := c.look(img); text != "" {
				deliver(driver.Reading{Scanner: c.cfg.Name, Text: text, At: at})
			}
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// look returns the text of the code in a frame, "" if there is none. A frame is not worth a
// gate: if the eye fails at one, that is logged, and the next is looked at with a new eye.
func (c *Camera) look(img *image.Gray) (text string) {
	if img == nil {
		return ""
	}
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("the eye failed at a frame", "panic", p, "stack", string(debug.Stack()))
			c.watch, text = eye.NewWatch(), ""
		}
	}()
	code, _, _ := c.watch.Look(img)
	return code.Text
}
