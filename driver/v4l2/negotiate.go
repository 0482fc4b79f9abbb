//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A picture is what the camera has been brought to send.
type picture struct {
	format        Format
	width, height int
	stride        int     // bytes from line to line; 0: there are no lines
	need          int     // bytes a whole frame has, at least
	fps           float64 // 0: the device does not say
}

// maxSide bounds what a driver may answer: 16384 lines of 32768 bytes fit in a 32-bit int.
const maxSide = 16384

// negotiate sets format, size and rate. The first format asked for that has exactly the size wins,
// unless it is too slow for the rate and another is not: over USB 2, YUYV is often given at a third
// of the rate of MJPG.
func (n *node) negotiate(cfg *Config) (picture, error) {
	width, height := cfg.Width, cfg.Height
	if width == 0 && height == 0 {
		f := format{typ: typeCapture}
		if err := do(n, vidGetFormat, &f); err != nil {
			return picture{}, fmt.Errorf("%s has no size of its own (VIDIOC_G_FMT: %w); it offers %s", n.name(), broken(err), describe(n.offers()))
		}
		width, height = int(f.fmt.pix.width), int(f.fmt.pix.height)
	}
	for _, f := range n.candidates(cfg, width, height) {
		p, err := n.setFormat(f, width, height)
		if errors.Is(err, unix.EBUSY) {
			return picture{}, errInUse
		}
		if err != nil {
			return picture{}, err
		}
		if p.format == f && p.width == width && p.height == height {
			p.fps, err = n.setRate(cfg.FPS)
			return p, err
		}
	}
	return picture{}, n.refusal(cfg, width, height)
}

// candidates returns the formats asked for that the camera has: those fast enough first, then the
// others by speed. A rate that the device does not say is taken to be enough.
func (n *node) candidates(cfg *Config, width, height int) []Format {
	has := n.formats()
	fs := slices.DeleteFunc(slices.Clone(cfg.Formats), func(f Format) bool { return !slices.Contains(has, f) })
	rates := map[Format]float64{}
	for _, f := range fs {
		r := n.fastest(f, width, height)
		if r == 0 {
			r = float64(cfg.FPS)
		}
		rates[f] = min(r, float64(cfg.FPS))
	}
	slices.SortStableFunc(fs, func(a, b Format) int { return cmp.Compare(rates[b], rates[a]) })
	return fs
}

// setFormat asks for a format and size, and returns what the driver makes of it, which may be
// something else ("ioctl VIDIOC_S_FMT"). A format that it refuses is returned as no picture.
func (n *node) setFormat(want Format, width, height int) (picture, error) {
	f := format{typ: typeCapture}
	pix := &f.fmt.pix
	pix.width, pix.height, pix.pixelFormat, pix.field = uint32(width), uint32(height), uint32(want), fieldNone
	if err := do(n, vidSetFormat, &f); errors.Is(err, unix.EINVAL) {
		return picture{}, nil
	} else if err != nil {
		return picture{}, fmt.Errorf("setting %v %dx%d: %w", want, width, height, broken(err))
	}
	if pix.width == 0 || pix.width > maxSide || pix.height == 0 || pix.height > maxSide || pix.bytesPerLine > 2*maxSide {
		return picture{}, fmt.Errorf("the driver answers %v %dx%d with lines of %d bytes", want, pix.width, pix.height, pix.bytesPerLine)
	}
	p := picture{format: Format(pix.pixelFormat), width: int(pix.width), height: int(pix.height), need: 1}
	if line := p.format.lineBytes(p.width); line > 0 {
		if p.stride = int(pix.bytesPerLine); p.stride == 0 {
			p.stride = line
		}
		if p.stride < line {
			return picture{}, fmt.Errorf("the driver answers %v %dx%d with lines of %d bytes", p.format, p.width, p.height, p.stride)
		}
		p.need = p.stride*(p.height-1) + line
	}
	return p, nil
}

// setRate asks for fps frames a second, if the device can be asked, and returns the rate that it
// will keep, 0 if it does not say ("ioctl VIDIOC_G_PARM, VIDIOC_S_PARM").
func (n *node) setRate(fps int) (float64, error) {
	p := streamParm{typ: typeCapture}
	if do(n, vidGetParm, &p) != nil || p.capability&parmTimePerFrame == 0 {
		return 0, nil
	}
	asked := p
	asked.perFrame = fract{1, uint32(fps)}
	if err := broken(do(n, vidSetParm, &asked)); errors.Is(err, ErrUnplugged) {
		return 0, fmt.Errorf("setting %d frames a second: %w", fps, err)
	} else if err != nil {
		return p.perFrame.rate(), nil // it stays as it is
	}
	return asked.perFrame.rate(), nil
}

// refusal says what was asked for and what there is.
func (n *node) refusal(cfg *Config, width, height int) error {
	names := make([]string, len(cfg.Formats))
	for i, f := range cfg.Formats {
		names[i] = f.String()
	}
	return fmt.Errorf("%s has no %dx%d as %s; it offers %s",
		n.name(), width, height, strings.Join(names, " or "), describe(n.offers()))
}
