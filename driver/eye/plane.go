package eye

import (
	"encoding/binary"
	"image"
)

// A plane is a picture's brightness, a byte a pixel. Positions in it are in pixels, with
// pixel (0,0) reaching from 0 to 1: its middle is at 0.5.
type plane struct {
	pix    []byte
	stride int // bytes from row to row
	w, h   int
}

// planeOf is a picture's plane, without a copy.
func planeOf(img *image.Gray) plane {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w <= 0 || h <= 0 {
		return plane{}
	}
	at := img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y)
	return plane{pix: img.Pix[at : at+(h-1)*img.Stride+w], stride: img.Stride, w: w, h: h}
}

func (p *plane) row(y int) []byte { return p.pix[y*p.stride:][:p.w] }

// grayScale is what a pixel's brightness is multiplied by in what at returns.
const grayScale = 16

// at is the brightness at (x, y), interpolated between the four nearest pixels, times
// grayScale. Beyond the border it is the border's.
func (p *plane) at(x, y float64) int32 { return p.atFixed(fixed(x), fixed(y)) }

// fixedOne is a pixel in fixed point: walks over many places go by integers.
const fixedOne = 1 << 8

// fixed is x in fixed point. How it goes with an x of 2^23 and more is not the same on every
// machine: see homography.holds.
func fixed(x float64) int32 { return int32(x * fixedOne) }

func (p *plane) atFixed(fx, fy int32) int32 {
	const half = fixedOne / 2
	fx, fy = min(max(fx-half, 0), int32(p.w-1)*fixedOne-1), min(max(fy-half, 0), int32(p.h-1)*fixedOne-1)
	i := int(fy>>8)*p.stride + int(fx>>8)
	fx, fy = fx&(fixedOne-1), fy&(fixedOne-1)
	q := p.pix[i : i+p.stride+2]
	a, b := int32(q[0]), int32(q[1])
	c, d := int32(q[p.stride]), int32(q[p.stride+1])
	a = a<<8 + fx*(b-a)
	c = c<<8 + fx*(d-c)
	return (a<<4 + fy*((c-a)>>4)) >> 8
}

// The least and the greatest width and height of a picture that is looked at, in pixels: a code
// of version 1 has 21 modules; and positions in fixed point, and what lies outside of a row
// (see scanRow), have room for so much.
const (
	minSide = 21
	maxSide = 1 << 16
)

// lanes are the even bytes of a word, each with room above it for sums of up to 256.
const lanes = 0x00ff00ff00ff00ff

func load(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// pairs adds neighbouring bytes of v: byte 0 to byte 1, and so on, into lanes of 16 bits.
func pairs(v uint64) uint64 { return v&lanes + v>>8&lanes }

// halve fills dst with the means of src's squares of 2 x 2 pixels, in memory that dst has
// or gets.
func halve(dst, src *plane) {
	dst.size(src.w/2, src.h/2)
	for y := range dst.h {
		a, b, out := src.row(2*y), src.row(2*y+1), dst.row(y)
		n := halveVectors(out, a, b)
		halveWords(out[n:], a[2*n:], b[2*n:])
	}
}

// halveWords is halve for one row.
func halveWords(out, a, b []byte) {
	x := 0
	for ; x+4 <= len(out) && 2*x+8 <= len(a) && 2*x+8 <= len(b); x += 4 { // said so that the compiler sees it, too
		s := (pairs(load(a[2*x:2*x+8])) + pairs(load(b[2*x:2*x+8])) + 0x0002000200020002) >> 2 & lanes
		s |= s >> 8
		binary.LittleEndian.PutUint32(out[x:x+4], uint32(s&0xffff|s>>16&0xffff0000))
	}
	for ; x < len(out); x++ {
		out[x] = byte((int(a[2*x]) + int(a[2*x+1]) + int(b[2*x]) + int(b[2*x+1]) + 2) / 4)
	}
}

// quarter fills dst with the means of src's squares of 4 x 4 pixels, of which the second
// and the fourth row are looked at: half the work, and little more noise.
func quarter(dst, src *plane) {
	dst.size(src.w/4, src.h/4)
	for y := range dst.h {
		a, b, out := src.row(4*y+1), src.row(4*y+3), dst.row(y)
		n := quarterVectors(out, a, b)
		quarterWords(out[n:], a[4*n:], b[4*n:])
	}
}

// quarterWords is quarter for one row.
func quarterWords(out, a, b []byte) {
	x := 0
	for ; x+4 <= len(out) && 4*x+16 <= len(a) && 4*x+16 <= len(b); x += 4 {
		p, q := a[4*x:4*x+16], b[4*x:4*x+16]
		s, t := pairs(load(p))+pairs(load(q)), pairs(load(p[8:]))+pairs(load(q[8:]))
		s, t = (s+s>>16)>>3, (t+t>>16)>>3
		binary.LittleEndian.PutUint32(out[x:x+4], uint32(s&0xff|s>>24&0xff00|t&0xff<<16|t>>8&0xff000000))
	}
	for ; x < len(out); x++ {
		sum := 0
		for i := range 4 {
			sum += int(a[4*x+i]) + int(b[4*x+i])
		}
		out[x] = byte(sum / 8)
	}
}

// size makes p a plane of w x h pixels, of the memory that it has if that is enough.
func (p *plane) size(w, h int) {
	if cap(p.pix) < w*h {
		p.pix = make([]byte, w*h)
	}
	*p = plane{pix: p.pix[:w*h], stride: w, w: w, h: h}
}
