package scanner

import (
	"context"
	"image"
	"log/slog"
	"time"

	"railgate/driver/v4l2"
)

// video is a real camera.
type video struct {
	*v4l2.Camera
	log       *slog.Logger
	described bool // in the log
}

func openVideo(cfg *CameraConfig, log *slog.Logger) (frames, error) {
	c, err := v4l2.Open(v4l2.Config{
		Device: cfg.Device, Width: cfg.Width, Height: cfg.Height, FPS: int(cfg.FPS), Exposure: cfg.Exposure, Focus: cfg.Focus,
	})
	if err != nil {
		return nil, err
	}
	return &video{Camera: c, log: log}, nil
}

// next shows the newest frame. The picture is the camera's memory: it is looked at
// while see runs, and no longer.
func (v *video) next(ctx context.Context, see func(*image.Gray, time.Time)) error {
	return v.Next(ctx, func(img *image.Gray, meta v4l2.Meta) error {
		v.describe()
		see(img, time.Now().Add(-meta.Age))
		return nil
	})
}

// describe logs what the camera is, at its first frame: one that never gives any is opened
// again and again.
func (v *video) describe() {
	if v.described {
		return
	}
	v.described = true
	info := v.Info()
	v.log.Info("camera", "card", info.Card, "driver", info.Driver, "format", info.Format, "width", info.Width, "height", info.Height, "fps", info.FPS)
	for _, note := range info.Notes {
		v.log.Warn("camera", "note", note)
	}
}

func (v *video) close() error { return v.Close() }
