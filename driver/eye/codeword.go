package eye

import (
	"encoding/binary"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"
)

// A divider tells whether words are a codeword of a Reed-Solomon code, which is where its
// generator divides them without a remainder. Most blocks of most frames have no error, and are told
// so fifty times faster than by the decoder, which looks for errors first.
//
// The remainder is kept as in a shift register of up to 32 bytes; each word that comes in moves it
// by one and adds a multiple of the generator, from a table.
type divider struct{ multiples [256]remainder }

// A remainder is up to 32 bytes, the first in the highest byte of the first word.
type remainder [4]uint64

// newDivider makes the divider for check words of which there are so many, 1 to 30. The
// generator's roots are the first powers of 2 (ISO/IEC 18004, annex A).
func newDivider(check int) *divider {
	field := reedsolomon.GenericGF_QR_CODE_FIELD_256
	g := make([]int, check+1) // from the highest power, which has 1
	g[0] = 1
	root := 1
	for n := 1; n <= check; n++ {
		for i := n; i > 0; i-- {
			g[i] ^= field.Multiply(g[i-1], root)
		}
		root = field.Multiply(root, 2)
	}
	d := new(divider)
	for by := range d.multiples {
		var bytes [32]byte
		for i, c := range g[1:] {
			bytes[i] = byte(field.Multiply(c, by))
		}
		for i := range d.multiples[by] {
			d.multiples[by][i] = binary.BigEndian.Uint64(bytes[8*i:])
		}
	}
	return d
}

// divides says whether words are a codeword.
func (d *divider) divides(words []byte) bool {
	var r remainder
	for _, w := range words {
		m := &d.multiples[byte(r[0]>>56)^w]
		r[0] = (r[0]<<8 | r[1]>>56) ^ m[0]
		r[1] = (r[1]<<8 | r[2]>>56) ^ m[1]
		r[2] = (r[2]<<8 | r[3]>>56) ^ m[2]
		r[3] = r[3]<<8 ^ m[3]
	}
	return r == remainder{}
}

// divider returns the divider for so many check words, which it makes once.
func (r *Reader) divider(check int) *divider {
	if r.dividers[check] == nil {
		r.dividers[check] = newDivider(check)
	}
	return r.dividers[check]
}
