package scanner

import (
	"context"
	"image"
	"log/slog"
	"time"

	"railgate/driver/v4l2"
)

// video is a real camera.
type video struct{ *v4l2.Camera }

func openVideo(cfg *CameraConfig, log *slog.Logger) (frames, error) {
	c, err := v4l2.Open(v4l2.Config{
		Device: cfg.Device, Width: cfg.Width, Height: cfg.Height, FPS: int(cfg.FPS), Exposure: cfg.Exposure, Focus: cfg.Focus,
	})
	if err != nil {
		return nil, err
	}
	info := c.Info()
	log.Info("camera", "card", info.Card, "driver", info.Driver, "format", info.Format, "width", info.Width, "height", info.Height, "fps", info.FPS)
	for _, note := range info.Notes {
		log.Warn("camera", "note", note)
	}
	return video{c}, nil
}

// next shows the newest frame. The picture is the camera's memory: it is looked at
// while see runs, and no longer.
func (v video) next(ctx context.Context, see func(*image.Gray, time.Time)) error {
	return v.Next(ctx, func(img *image.Gray, meta v4l2.Meta) error {
		see(img, time.Now().Add(-meta.Age))
		return nil
	})
}

func (v video) close() error { return v.Close() }
