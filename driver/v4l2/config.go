//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"fmt"
	"time"
)

// Config says which camera to open and how. Only Device must be set.
type Config struct {
	Device string // the node, or better a link to it in /dev/v4l/by-id

	// Width and Height are in pixels, and exact: a camera that has not that size is refused, with
	// the sizes it has. Both 0 leave the size as it is.
	Width, Height int

	// FPS is in frames a second; 0: 30. A camera that cannot is taken as it can: Info has the rate
	// it settled on.
	FPS int

	Formats []Format // in order of preference; none: GREY, NV12, YUYV, MJPG
	Buffers int      // how many the driver fills in turn; 0: 4

	// Exposure is how long light is gathered for a frame, to 100 µs; 0: the camera's automatic, if
	// it has one. Short ones read moving phones; 5 ms is a start.
	Exposure time.Duration

	// Focus is in the device's units, often from far to near; nil: the camera's automatic, if it
	// has one.
	Focus *int
}

// Info is what a camera is, and what it has been brought to.
type Info struct {
	Device            string // as Config has it
	Driver, Card, Bus string
	Format            Format
	Width, Height     int     // pixels
	Stride            int     // bytes from line to line in the driver's memory; 0 for MJPG
	FPS               float64 // frames a second; 0: the device does not say
	Buffers           int

	// Notes are what was asked for and not got, though the camera works without: for the log.
	Notes []string
}

// check fills in what is left out.
func (cfg *Config) check() error {
	if cfg.Width < 0 || cfg.Height < 0 || cfg.Width > maxSide || cfg.Height > maxSide || (cfg.Width == 0) != (cfg.Height == 0) {
		return fmt.Errorf("size %dx%d (want both from 1 to %d, or none)", cfg.Width, cfg.Height, maxSide)
	}
	if cfg.FPS < 0 || cfg.FPS > 1000 {
		return fmt.Errorf("%d frames a second (want 0 to 1000)", cfg.FPS)
	}
	if cfg.FPS == 0 {
		cfg.FPS = 30
	}
	if cfg.Buffers == 0 {
		cfg.Buffers = 4
	}
	if cfg.Buffers < 2 || cfg.Buffers > 32 {
		return fmt.Errorf("%d buffers (want 2 to 32)", cfg.Buffers)
	}
	if len(cfg.Formats) == 0 {
		cfg.Formats = preferred()
	}
	return nil
}
