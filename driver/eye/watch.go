package eye

import (
	"image"
)

// A Watch reads frame after frame from a camera that does not move, and skips those that
// show nothing new: when a frame had nothing like a finder in it, the next ones are not
// searched for as long as they look the same, but every few of them all the same. It must not
// be used concurrently.
type Watch struct {
	Reader *Reader

	means  []uint8 // of the frame that was searched last, by blocks
	w, h   int     // its size
	empty  bool    // it had nothing like a finder
	passed int     // frames since, that looked the same

	before image.Gray // the frame that was searched last and not read, if it has pixels
	fused  image.Gray
}

const (
	watchBlock = 16 // pixels a side
	watchDiff  = 5  // brightness by which a block's mean may differ and look the same
	watchEvery = 4  // frames of which one is searched, however they look
	pulseDiff  = 25 // brightness by which a block's mean changes where a band of a pulsing screen comes or goes
	pulseLeast = 4  // blocks in which one goes, and in which one comes
)

// NewWatch makes a watch.
func NewWatch() *Watch { return &Watch{Reader: NewReader()} }

// Look looks for a code in img. It reports searched false, and no code, for a frame that it
// skipped.
func (w *Watch) Look(img *image.Gray) (code Code, ok, searched bool) {
	p := planeOf(img)
	same := w.compare(&p)
	if same && w.empty && w.passed < watchEvery-1 {
		w.passed++
		return Code{}, false, false
	}
	pulses := w.pulses(&p)
	w.passed = 0
	w.keep(&p)
	code, ok = w.Reader.Look(img)
	w.empty = !ok && w.Reader.sawNothing()
	if !ok && pulses && w.fuse(img) {
		w.empty = false
		code, ok = w.Reader.Look(&w.fused)
	}
	if w.before.Pix = w.before.Pix[:0]; !ok && !(same && w.empty) {
		copyGray(&w.before, img)
	}
	return code, ok, true
}

// pulses says whether something grew much brighter since the frame that was searched last, and
// something else much darker: as a screen does whose backlight is switched on and off while the
// camera's rows are read one after another. In each frame a part of it is black.
func (w *Watch) pulses(p *plane) bool {
	if p.w != w.w || p.h != w.h || len(w.before.Pix) == 0 {
		return false
	}
	brighter, darker, i := 0, 0, 0
	for y := 0; y+watchBlock <= p.h; y += watchBlock {
		for x := 0; x+watchBlock <= p.w; x += watchBlock {
			switch d := int(meanAt(p, x, y)) - int(w.means[i]); {
			case d > pulseDiff:
				brighter++
			case d < -pulseDiff:
				darker++
			}
			i++
		}
	}
	return brighter >= pulseLeast && darker >= pulseLeast
}

// fuse makes fused of the brighter pixels of img and the frame before, if that is of its size: what
// is black in one of them need not be in the other. A hand that holds still moves less than a module
// from one to the next.
func (w *Watch) fuse(img *image.Gray) bool {
	if w.before.Rect.Size() != img.Rect.Size() || len(w.before.Pix) == 0 {
		return false
	}
	copyGray(&w.fused, img)
	for i, g := range w.before.Pix {
		w.fused.Pix[i] = max(w.fused.Pix[i], g)
	}
	return true
}

// copyGray copies a picture into memory that dst has or gets.
func copyGray(dst, img *image.Gray) {
	size := img.Rect.Size()
	dst.Rect, dst.Stride = image.Rectangle{Max: size}, size.X
	dst.Pix = grown(dst.Pix, size.X*size.Y)
	for y := range size.Y {
		at := img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+y)
		copy(dst.Pix[y*size.X:], img.Pix[at:at+size.X])
	}
}

// sawNothing says whether the last picture had nothing like a finder in it: a single row may
// cross anything.
func (r *Reader) sawNothing() bool {
	for i := range r.levels {
		if l := &r.levels[i]; r.have[i] && (l.evidence() > 0 || l.unknown() > 2) {
			return false
		}
	}
	return true
}

// unknown counts the finders that are not a known code's.
func (l *level) unknown() (n int) {
	for i := range l.finders {
		if !l.finders[i].known {
			n++
		}
	}
	return n
}

// compare says whether all of p's blocks are as bright as those that are kept.
func (w *Watch) compare(p *plane) bool {
	if p.w != w.w || p.h != w.h {
		return false
	}
	i := 0
	for y := 0; y+watchBlock <= p.h; y += watchBlock {
		for x := 0; x+watchBlock <= p.w; x += watchBlock {
			if d := int(meanAt(p, x, y)) - int(w.means[i]); d > watchDiff || d < -watchDiff {
				return false
			}
			i++
		}
	}
	return true
}

func (w *Watch) keep(p *plane) {
	w.w, w.h = p.w, p.h
	w.means = w.means[:0]
	for y := 0; y+watchBlock <= p.h; y += watchBlock {
		for x := 0; x+watchBlock <= p.w; x += watchBlock {
			w.means = append(w.means, meanAt(p, x, y))
		}
	}
}

// meanAt is the mean of the block at (x, y), of two of its rows.
func meanAt(p *plane, x, y int) uint8 {
	a, b := p.row(y + 4)[x:][:watchBlock], p.row(y + 11)[x:][:watchBlock]
	sum := pairs(load(a)) + pairs(load(a[8:])) +
		pairs(load(b)) + pairs(load(b[8:]))
	return uint8(sum * 0x0001000100010001 >> 48 / (2 * watchBlock))
}
