//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"fmt"
	"slices"
	"strings"
)

// An Offer is a format that a camera can send.
type Offer struct {
	Format Format
	Sizes  []Size // none, if railgate does not read the format
}

// A Size is a picture size that a camera offers, or the range that it scales within.
type Size struct {
	Width, Height       int // pixels; the largest, if it is a range
	MinWidth, MinHeight int // the smallest; equal to Width and Height, if it is not

	// FPS is the highest rate at Width and Height, in frames a second; 0 if the device does not say.
	FPS float64
}

func (s Size) String() string {
	t := fmt.Sprintf("%dx%d", s.Width, s.Height)
	if s.MinWidth != s.Width || s.MinHeight != s.Height {
		t = fmt.Sprintf("%dx%d to %s", s.MinWidth, s.MinHeight, t)
	}
	if s.FPS > 0 {
		t += fmt.Sprintf(" at %.3g", s.FPS)
	}
	return t
}

func (o Offer) String() string {
	return strings.TrimSpace(o.Format.String() + " " + o.sizes())
}

func (o Offer) sizes() string {
	sizes := make([]string, len(o.Sizes))
	for i, s := range o.Sizes {
		sizes[i] = s.String()
	}
	return strings.Join(sizes, ", ")
}

// describe puts offers in one line: first those that railgate reads, with their sizes, then a few
// names of the others.
func describe(offers []Offer) string {
	var parts, others []string
	names := map[string][]string{} // of formats, by their sizes
	for _, o := range offers {
		if !slices.Contains(preferred(), o.Format) {
			others = append(others, o.Format.String())
			continue
		}
		sizes := o.sizes()
		if names[sizes] == nil {
			parts = append(parts, sizes)
		}
		names[sizes] = append(names[sizes], o.Format.String())
	}
	for i, sizes := range parts {
		parts[i] = strings.TrimSpace(strings.Join(names[sizes], ", ") + " " + sizes)
	}
	if more := len(others) - 8; more > 0 {
		others = append(others[:8], fmt.Sprintf("%d more", more))
	}
	if len(others) > 0 {
		parts = append(parts, "not read by railgate: "+strings.Join(others, ", "))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

// maxEntries bounds every enumeration, against a driver that never says that was all.
const maxEntries = 256

// formats lists what the camera can send, in its order ("ioctl VIDIOC_ENUM_FMT").
func (n *node) formats() []Format {
	var fs []Format
	for i := range uint32(maxEntries) {
		d := formatDesc{index: i, typ: typeCapture}
		if do(n, vidEnumFormats, &d) != nil {
			break
		}
		fs = append(fs, Format(d.pixelFormat))
	}
	return fs
}

// offers lists formats with sizes and rates.
func (n *node) offers() []Offer {
	var os []Offer
	for _, f := range n.formats() {
		o := Offer{Format: f}
		if slices.Contains(preferred(), f) {
			o.Sizes = n.sizes(f)
		}
		os = append(os, o)
	}
	return os
}

// sizes lists the sizes of one format ("ioctl VIDIOC_ENUM_FRAMESIZES").
func (n *node) sizes(f Format) []Size {
	var ss []Size
	for i := range uint32(maxEntries) {
		e := frameSize{index: i, pixelFormat: uint32(f)}
		if do(n, vidEnumFrameSizes, &e) != nil {
			break
		}
		s := Size{Width: int(e.v[0]), Height: int(e.v[1])}
		s.MinWidth, s.MinHeight = s.Width, s.Height
		if e.typ != enumDiscrete {
			s.Width, s.Height, s.MinHeight = int(e.v[1]), int(e.v[4]), int(e.v[3])
		}
		s.FPS = n.fastest(f, s.Width, s.Height)
		ss = append(ss, s)
	}
	return ss
}

// fastest returns the highest rate of a format and size, in frames a second; 0 if the device does
// not say ("ioctl VIDIOC_ENUM_FRAMEINTERVALS").
func (n *node) fastest(f Format, width, height int) float64 {
	most := 0.0
	for i := range uint32(maxEntries) {
		e := frameInterval{index: i, pixelFormat: uint32(f), width: uint32(width), height: uint32(height)}
		if do(n, vidEnumFrameIntervals, &e) != nil {
			break
		}
		most = max(most, e.v[0].rate()) // the one, or the shortest
		if e.typ != enumDiscrete {
			break
		}
	}
	return most
}

// rate is how often an interval of f seconds goes into one; 0 if f is not an interval.
func (f fract) rate() float64 {
	if f.num == 0 {
		return 0
	}
	return float64(f.den) / float64(f.num)
}
