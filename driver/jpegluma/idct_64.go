//go:build !(arm || 386 || mips || mipsle)

package jpegluma

import "encoding/binary"

// words are 64 coefficients, or values half-way to samples, two to a word: x + y<<32. As the
// transform is made of additions and of multiplications by constants, each done on the word is done
// on both. The lower 32 bits of the word are x as it is; the upper are y, less 1 if x is negative:
// at the scales used here that is nothing. It works as long as each value keeps to 32 bits, for
// which maxSum stands.
//
// The coefficient of line v and column u is in word 4v+u/2, as y if u is odd.
type words [32]int64

// add puts coefficient v at a place, 8v+u, where there was none.
func (w *words) add(place uint32, v int32) { w[place>>1&31] += int64(v) << (place & 1 * 32) }

const (
	pair = 1<<32 + 1 // times a value: that value in both halves
	low  = 1<<32 - 1

	colRound = 1 << (colShift - 1) * pair
	rowRound = (128<<rowShift + 1<<(rowShift-1)) * pair // 128: the level shift, A.3.1
	beyond   = (1<<32 - 1<<(rowShift+8)) * pair         // bits that a sample from 0 to 255 has not
)

// half is how many words of a line have coefficients.
func half(left bool) int {
	if left {
		return 2
	}
	return 4
}

// columns4 does columns8 for a block whose lines 4 to 7 are zero.
func (t *words) columns4(b *words, left bool) {
	for c := range half(left) {
		x0, x1, x2, x3 := b[c]*one+colRound, b[4+c], b[8+c], b[12+c]
		e0, e1, e2, e3 := x0+k2*x2, x0+k6*x2, x0-k6*x2, x0-k2*x2
		o0, o1, o2, o3 := k1*x1+k3*x3, k3*x1-k7*x3, k5*x1-k1*x3, k7*x1-k5*x3
		t[c], t[4+c], t[8+c], t[12+c] = e0+o0, e1+o1, e2+o2, e3+o3
		t[16+c], t[20+c], t[24+c], t[28+c] = e0-o0, e1-o1, e2-o2, e3-o3
	}
}

// columns8 puts into t the transformed columns of b, or the left four of them: lines 0 to 3 in words
// 0 to 15, lines 7 to 4 in words 16 to 31.
func (t *words) columns8(b *words, left bool) {
	for c := range half(left) {
		x0, x4 := b[c]*one+colRound, b[16+c]*one
		x1, x2, x3, x5, x6, x7 := b[4+c], b[8+c], b[12+c], b[20+c], b[24+c], b[28+c]
		p, q := k2*x2+k6*x6, k6*x2-k2*x6
		e0, e1, e2, e3 := x0+x4+p, x0-x4+q, x0-x4-q, x0+x4-p
		o0, o1 := k1*x1+k3*x3+k5*x5+k7*x7, k3*x1-k7*x3-k1*x5-k5*x7
		o2, o3 := k5*x1-k1*x3+k7*x5+k3*x7, k7*x1-k5*x3+k3*x5-k1*x7
		t[c], t[4+c], t[8+c], t[12+c] = e0+o0, e1+o1, e2+o2, e3+o3
		t[16+c], t[20+c], t[24+c], t[28+c] = e0-o0, e1-o1, e2-o2, e3-o3
	}
}

// exchange scales two words of the columns down, and exchanges their halves: from columns u and u+1
// of a line, and of its counterpart below, to both lines of u and both of u+1.
func exchange(up, down int64) (even, odd int64) {
	even = int64(int32(up))>>colShift + int64(int32(down))>>colShift<<32
	odd = up>>(32+colShift) + down>>(32+colShift)<<32
	return even, odd
}

// lines4 puts into b the transformed lines of t, of which columns 4 to 7 are zero.
func (b *words) lines4(t *words) {
	for i := 0; i < 16; i += 4 {
		x0, x1 := exchange(t[i], t[16+i])
		x2, x3 := exchange(t[i+1], t[17+i])
		x0 = x0*one + rowRound
		e0, e1, e2, e3 := x0+k2*x2, x0+k6*x2, x0-k6*x2, x0-k2*x2
		o0, o1, o2, o3 := k1*x1+k3*x3, k3*x1-k7*x3, k5*x1-k1*x3, k7*x1-k5*x3
		y := (*[8]int64)(b[2*i:])
		y[0], y[1], y[2], y[3] = e0+o0, e1+o1, e2+o2, e3+o3
		y[7], y[6], y[5], y[4] = e0-o0, e1-o1, e2-o2, e3-o3
	}
}

// lines8 puts into b the transformed lines of t: words 8i to 8i+7 are line i, and line 7-i in the
// upper halves.
func (b *words) lines8(t *words) {
	for i := 0; i < 16; i += 4 {
		x0, x1 := exchange(t[i], t[16+i])
		x2, x3 := exchange(t[i+1], t[17+i])
		x4, x5 := exchange(t[i+2], t[18+i])
		x6, x7 := exchange(t[i+3], t[19+i])
		x0, x4 = x0*one+rowRound, x4*one
		p, q := k2*x2+k6*x6, k6*x2-k2*x6
		e0, e1, e2, e3 := x0+x4+p, x0-x4+q, x0-x4-q, x0+x4-p
		o0, o1 := k1*x1+k3*x3+k5*x5+k7*x7, k3*x1-k7*x3-k1*x5-k5*x7
		o2, o3 := k5*x1-k1*x3+k7*x5+k3*x7, k7*x1-k5*x3+k3*x5-k1*x7
		y := (*[8]int64)(b[2*i:])
		y[0], y[1], y[2], y[3] = e0+o0, e1+o1, e2+o2, e3+o3
		y[7], y[6], y[5], y[4] = e0-o0, e1-o1, e2-o2, e3-o3
	}
}

// store scales the lines down to samples and writes them.
func (b *words) store(dst []byte, stride int) {
	for i := range 4 {
		y := (*[8]int64)(b[8*i:])
		if uint64(y[0]|y[1]|y[2]|y[3]|y[4]|y[5]|y[6]|y[7])&beyond != 0 {
			clamp(y)
		}
		l, r := pack(y[0], y[1], y[2], y[3]), pack(y[4], y[5], y[6], y[7])
		binary.LittleEndian.PutUint64(dst[i*stride:], l&low|r<<32)
		binary.LittleEndian.PutUint64(dst[(7-i)*stride:], l>>32|r&^low)
	}
}

// pack scales four words down and puts their samples in order, a byte each.
func pack(y0, y1, y2, y3 int64) uint64 {
	const last = 255 * pair
	return uint64(y0)>>rowShift&last | uint64(y1)>>(rowShift-8)&(last<<8) |
		uint64(y2)>>(rowShift-16)&(last<<16) | uint64(y3)<<(24-rowShift)&(last<<24)
}

// clamp brings samples into range.
func clamp(y *[8]int64) {
	const most = 1<<(rowShift+8) - 1
	for i, v := range y {
		l, h := min(max(int64(int32(v)), 0), most), min(max(v>>32, 0), most)
		y[i] = l | h<<32
	}
}
