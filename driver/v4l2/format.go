package v4l2

import "strings"

// A Format is a pixel format: four letters, the first in the lowest byte ("Image Formats").
type Format uint32

// The formats that pictures can be made of.
const (
	GREY Format = 'G' | 'R'<<8 | 'E'<<16 | 'Y'<<24 // brightness
	NV12 Format = 'N' | 'V'<<8 | '1'<<16 | '2'<<24 // a plane of brightness, then one of colour
	YUYV Format = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24 // brightness in every other byte
	MJPG Format = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24 // a JPEG a frame
)

// preferred are the formats in order of what they cost: nothing, a copy, a decoder.
func preferred() []Format { return []Format{GREY, NV12, YUYV, MJPG} }

func (f Format) String() string {
	b := [4]byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24 & 0x7f)}
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return strings.TrimRight(string(b[:]), " ")
}

// lineBytes returns how many bytes of a line are the picture's; 0 if f has no lines.
func (f Format) lineBytes(width int) int {
	switch f {
	case GREY, NV12:
		return width
	case YUYV:
		return 2 * ((width + 1) &^ 1)
	}
	return 0
}
