package jpegluma

import "encoding/binary"

// The inverse transform of T.81 A.3.3, columns first and then lines, in fixed point of 32 bits.
// With input x0..x7, c(k) = cos(kπ/16) and output y0..y7, in units of √8, one of them is
//
//	y(i), y(7-i) = e(i) ± o(i),  i = 0..3
//	e0, e3 = x0+x4 ± √2(c(2)x2 + c(6)x6)
//	e1, e2 = x0-x4 ± √2(c(6)x2 - c(2)x6)
//	o0 = √2(c(1)x1 + c(3)x3 + c(5)x5 + c(7)x7)
//	o1 = √2(c(3)x1 - c(7)x3 - c(1)x5 - c(5)x7)
//	o2 = √2(c(5)x1 - c(1)x3 + c(7)x5 + c(3)x7)
//	o3 = √2(c(7)x1 - c(5)x3 + c(3)x5 - c(1)x7)
//
// It is written twice: idct_64.go does two columns or lines at once in words of 64 bits, idct_32.go
// one, for machines that make such words of two.
const (
	one = 1 << 13 // the constants' unit
	k1  = 11363   // √2 c(1)
	k2  = 10703
	k3  = 9633
	k5  = 6436
	k6  = 4433
	k7  = 2260

	colShift = 13 - 2     // columns leave 2 bits below the point for the lines
	rowShift = 13 + 2 + 3 // those, and 8 for √8 twice
)

// idct writes the block's 8 by 8 samples to dst, whose lines are stride apart. t is for it to work
// in. The coefficients are zero again afterwards.
func (b *block) idct(t *words, dst []byte, stride int) {
	if b.places&63 == 0 {
		flat(dst, stride, int32(b.words[0]))
		b.words[0] = 0
		return
	}
	left, upper := b.places&4 == 0, b.places&(4<<3) == 0 // columns, lines 4 to 7 are zero
	if upper {
		t.columns4(&b.words, left)
	} else {
		t.columns8(&b.words, left)
	}
	if left {
		b.words.lines4(t)
	} else {
		b.words.lines8(t)
	}
	b.words.store(dst, stride)
	clear(b.words[:])
}

// flat is the transform of a block that has only dc.
func flat(dst []byte, stride int, dc int32) {
	v := uint64(min(max((dc+4)>>3+128, 0), 255)) * 0x0101010101010101
	for i := range 8 {
		binary.LittleEndian.PutUint64(dst[i*stride:], v)
	}
}
