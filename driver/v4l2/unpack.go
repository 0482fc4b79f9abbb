package v4l2

import (
	"encoding/binary"
	"image"
)

// unpackYUYV puts into dst the brightness of a YUYV frame whose lines are stride bytes apart:
// every other byte, from the first. src must reach to the last line's end.
func unpackYUYV(dst *image.Gray, src []byte, stride int) {
	w := dst.Rect.Dx()
	for y := range dst.Rect.Dy() {
		unpackLine(dst.Pix[y*dst.Stride:][:w], src[y*stride:][:2*w])
	}
}

// unpackLine takes eight samples at a time: the even bytes of two words are pushed together.
func unpackLine(dst, src []byte) {
	for len(dst) >= 8 && len(src) >= 16 {
		lo, hi := evens(binary.LittleEndian.Uint64(src)), evens(binary.LittleEndian.Uint64(src[8:]))
		binary.LittleEndian.PutUint64(dst, lo|hi<<32)
		dst, src = dst[8:], src[16:]
	}
	for i := range dst {
		dst[i] = src[2*i]
	}
}

func evens(v uint64) uint64 {
	v &= 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return (v | v>>16) & 0xffffffff
}
