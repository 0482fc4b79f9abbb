package jpegluma

import "encoding/binary"

// A block holds 64 dequantised coefficients.
type block struct {
	words  words
	k      uint   // the next coefficient, in zigzag order; from toEnd on: there was an EOB
	places uint32 // the union (bitwise or) of the places, 8v+u, that are not 0; higher bits: anything
	sum    uint32 // of the coefficients without their signs
}

// zigzag is the place, 8v+u, of each coefficient in the order of the stream. T.81 figure A.6.
const zigzag = "\x00\x01\x08\x10\x09\x02\x03\x0a\x11\x18\x20\x19\x12\x0b\x04\x05" +
	"\x0c\x13\x1a\x21\x28\x30\x29\x22\x1b\x14\x0d\x06\x07\x0e\x15\x1c" +
	"\x23\x2a\x31\x38\x39\x32\x2b\x24\x1d\x16\x0f\x17\x1e\x25\x2c\x33" +
	"\x3a\x3b\x34\x2d\x26\x1f\x27\x2e\x35\x3c\x3d\x36\x2f\x37\x3e\x3f"

// maxSum bounds the sum of a block's coefficients, without their signs: 64 samples of 8 bits give at
// most 8192 (Parseval and Cauchy-Schwarz), and a coefficient is at most doubled by rounding it to
// its step. More is damage, and would not fit in the 32 bits of the inverse transform.
const maxSum = 1 << 14

// readLuma decodes one block into b, which must be zero. pred is the DC before it, and after it its
// own. It returns false if the block breaks the code. F.2.2.
func (r *bitReader) readLuma(b *block, dc, ac *huffTable, q *quantTable, pred *int32) bool {
	diff, ok := r.readDC(dc)
	if !ok {
		return false
	}
	*pred += diff
	v := *pred * int32(q.coef[0]>>6)
	b.words.add(0, v)
	b.k, b.places, b.sum = 1, 0, uint32(max(v, -v))
	if b.sum > maxSum {
		return false
	}
	for s := step(0); b.k < 64; {
		r.run(b, ac, q, s)
		if b.k < 64 {
			if s = ac.long(uint32(r.acc >> 32)); s == 0 {
				return false
			}
		}
	}
	return (b.k == 64 || b.k >= toEnd) && b.sum <= maxSum
}

// run does s, if it is not 0, and decodes coefficients up to the block's end, or to a code of more
// than lookBits. It calls nothing, so that all it works with stays in registers.
func (r *bitReader) run(b *block, ac *huffTable, q *quantTable, s step) {
	buf, pos, acc, n := r.buf, r.pos, r.acc, r.n
	k, places, sum := b.k, b.places, b.sum
	for k < 64 {
		if s == 0 {
			if n < 32 {
				acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
				pos += int(63-n) >> 3
				n |= 56
			}
			s = ac.steps[acc>>(64-lookBits)]
			if s&stepPartial != 0 {
				s = s.complete(uint32(acc >> 32))
			}
			if s == 0 {
				break
			}
		}
		acc <<= s & stepBits
		n -= uint(s & stepBits)
		k += uint(s >> stepAdvance & advanceMask)
		if v := int32(s) >> stepValue; v != 0 {
			c := q.coef[(k-1)&127]
			v *= int32(c >> 6)
			b.words.add(c, v)
			places |= c
			sum += uint32(v ^ v>>31) // for v < 0 one less than -v: near enough
		}
		s = 0
	}
	r.pos, r.acc, r.n = pos, acc, n
	b.k, b.places, b.sum = k, places, sum
}

// skip steps over one block.
func (r *bitReader) skip(dc, ac *huffTable) bool {
	if _, ok := r.readDC(dc); !ok {
		return false
	}
	k := uint(1)
	for s := step(0); k < 64; {
		k = r.hop(ac, k, s)
		if k < 64 {
			if s = ac.long(uint32(r.acc >> 32)); s == 0 {
				return false
			}
		}
	}
	return k == 64 || k >= toEnd
}

// hop does for skip what run does for readLuma, from coefficient k on.
func (r *bitReader) hop(ac *huffTable, k uint, s step) uint {
	buf, pos, acc, n := r.buf, r.pos, r.acc, r.n
	for k < 64 {
		if s == 0 {
			if n < 32 {
				acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
				pos += int(63-n) >> 3
				n |= 56
			}
			h := ac.hops[acc>>(64-lookBits)]
			if on := k + uint(h&^hopEOB>>hopAdvance); h != 0 && (on < 64 || on == 64 && h&hopEOB == 0) {
				acc <<= h & hopBits
				n -= uint(h & hopBits)
				k = on
				if h&hopEOB != 0 {
					k = toEnd
				}
				continue
			}
			s = ac.steps[acc>>(64-lookBits)]
			if s&stepPartial != 0 {
				s = s.complete(uint32(acc >> 32))
			}
			if s == 0 {
				break
			}
		}
		acc <<= s & stepBits
		n -= uint(s & stepBits)
		k += uint(s >> stepAdvance & advanceMask)
		s = 0
	}
	r.pos, r.acc, r.n = pos, acc, n
	return k
}

// readDC decodes a DC difference. F.2.2.1.
func (r *bitReader) readDC(t *huffTable) (diff int32, ok bool) {
	if r.n < 32 {
		r.acc |= binary.BigEndian.Uint64(r.buf[r.pos:]) >> (r.n & 63)
		r.pos += int(63-r.n) >> 3
		r.n |= 56
	}
	s := t.steps[r.acc>>(64-lookBits)]
	if s&stepPartial != 0 {
		s = s.complete(uint32(r.acc >> 32))
	} else if s == 0 {
		s = t.long(uint32(r.acc >> 32))
	}
	r.acc <<= s & stepBits
	r.n -= uint(s & stepBits)
	return int32(s) >> stepValue, s != 0
}
