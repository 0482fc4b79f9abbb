package jpegluma

import (
	"bytes"
	"slices"
)

// overrun is how many zero bytes stand behind the coded ones, so that a block may be decoded
// without asking at each bit whether there is another: 64 codes with values of 31 bits at most are
// 248 bytes, and a refill reads 8.
const overrun = 264

// A bitReader reads one restart interval: the coded bytes between two markers, with the stuffed
// zeros taken out (F.1.2.3), as bits from the most significant down.
type bitReader struct {
	buf []byte // the interval and overrun zeros; reused
	end int    // where the interval ends in buf
	pos int    // the next byte that is not in acc
	acc uint64 // the next n bits, from the top; below them what follows, or zeros
	n   uint
}

// load makes r read the interval that data begins with, and returns the offset of the marker, or
// len(data), that ends it.
func (r *bitReader) load(data []byte) int {
	buf, pos := slices.Grow(r.buf[:0], len(data)+overrun), 0
	for {
		i := bytes.IndexByte(data[pos:], 0xff)
		if i < 0 || pos+i+1 == len(data) {
			buf = append(buf, data[pos:]...)
			pos = len(data)
			break
		}
		if data[pos+i+1] != 0 {
			buf = append(buf, data[pos:pos+i]...)
			pos += i
			break
		}
		buf = append(buf, data[pos:pos+i+1]...)
		pos += i + 2
	}
	r.end = len(buf)
	buf = buf[:r.end+overrun]
	clear(buf[r.end:])
	*r = bitReader{buf: buf, end: r.end}
	return pos
}

// overran says whether more bits were taken than the interval has.
func (r *bitReader) overran() bool { return r.pos*8-int(r.n) > r.end*8 }
