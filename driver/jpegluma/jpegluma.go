// Package jpegluma decodes the luma plane of the JPEG frames that cameras send, and nothing else.
//
// A code is read from brightness alone. Of a camera's frame (4:2:2 or 4:2:0 as a rule) the colour
// need not be transformed, upsampled or stored: its Huffman codes are stepped over to find the next
// luma block, and that is all that is done with them.
//
// What is read, with the sections of ITU-T T.81 (ISO/IEC 10918-1) that say how:
//
//  1. Sequential Huffman frames of 8 bits, baseline (SOF0) and extended (SOF1), one component (grey)
//     or three with the first, luma, sampled at least as finely as the others. B.2.2, F.2.
//  2. One interleaved scan, or scans by component; decoding ends with the scan that has luma, and
//     what follows is not looked at: an EOI is not missed. B.2.3, A.2.
//  3. Restart intervals. F.2.1.3.1.
//  4. Frames without Huffman tables, as webcams send them: the tables of K.3.3 are meant (the AVI
//     and USB video habit).
//
// Progressive, lossless, hierarchical, arithmetic-coded, 12-bit and RGB frames are ErrUnsupported.
package jpegluma

import (
	"errors"
	"fmt"
	"image"
)

var (
	// ErrUnsupported is a JPEG of a kind, or larger than, this package was asked to read. The
	// camera's next frame will be no better.
	ErrUnsupported = errors.New("unsupported JPEG")

	// ErrDamaged is a frame that is cut short or breaks the rules of T.81. The next may be whole.
	ErrDamaged = errors.New("damaged JPEG")
)

// A Decoder decodes frame after frame into one buffer. Decode may not be called concurrently.
type Decoder struct {
	maxWidth, maxHeight int // set once, pixels

	quant [4]quantTable
	dc    [4]huffTable
	ac    [4]huffTable
	frame frame
	scan  scan

	bits    bitReader // over bytes; both kept to be reused
	block   block
	columns words // half-way through the inverse transform
	pix     []byte
	img     image.Gray
}

// New returns a decoder for frames of at most maxWidth by maxHeight pixels. The largest buffer it
// will ever hold is that, rounded up to whole MCUs (32 pixels), and one frame's coded bytes.
func New(maxWidth, maxHeight int) *Decoder {
	d := &Decoder{maxWidth: maxWidth, maxHeight: maxHeight}
	for i := range d.ac {
		d.ac[i].ac = true
	}
	return d
}

// Decode returns the luma of the JPEG that data begins with. The image is valid until the next
// Decode, which writes over it; what follows the picture in data is ignored.
//
// If the frame is damaged after its header, Decode returns both an error and the image: blocks
// before the damage are the camera's, those after it are mid-grey (128), never an older frame's.
// Every error is ErrUnsupported or ErrDamaged, and with all others the image is nil.
func (d *Decoder) Decode(data []byte) (*image.Gray, error) {
	d.reset()
	if len(data) < 2 || data[0] != 0xff || data[1] != markSOI {
		return nil, damaged("does not begin with SOI")
	}
	for pos := 2; ; {
		mark, seg, next, err := nextSegment(data, pos)
		if err != nil {
			return nil, err
		}
		if mark == markSOS {
			if err := d.parseSOS(seg); err != nil {
				return nil, err
			}
			if d.scan.hasLuma {
				return d.decodeScan(data[next:])
			}
		} else if err := d.parse(mark, seg); err != nil {
			return nil, err
		}
		pos = next
	}
}

// reset forgets the frame before: each stands alone, and only built tables are kept, to be reused
// if the same ones come again.
func (d *Decoder) reset() {
	d.frame, d.scan = frame{}, scan{}
	for i := range d.quant {
		d.quant[i].defined = false
		d.dc[i].defined = false
		d.ac[i].defined = false
	}
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}
