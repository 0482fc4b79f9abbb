package eye

import (
	"math/bits"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// A format is a code's error correction level and mask (ISO/IEC 18004, 7.9).
type format struct {
	level    decoder.ErrorCorrectionLevel
	mask     int
	mirrored bool
	score    float32 // how well the modules agree
	off      int     // bits that are not as they should be
}

// formatMask is applied to the format, so that its modules are never all light; some encoders omit it.
const formatMask = 0x5412

// readFormat finds the format that agrees best with the modules, by how sure they are, in
// the code as it is and mirrored: with both copies of the format together, or where one is
// covered with the other; and if that is none, as forgetful encoders write it.
func readFormat(soft []float32, dim int) (f format, ok bool) {
	var seen, turned [30]float32
	for i, m := range formatModules(dim) {
		seen[i], turned[i] = soft[m[1]*dim+m[0]], soft[m[0]*dim+m[1]]
	}
	for _, mask := range [...]int{formatMask, 0} {
		for _, part := range [...]struct{ from, to, off int }{{0, 30, 6}, {0, 15, 3}, {15, 30, 3}} {
			f = bestFormat(seen[part.from:part.to], mask)
			if t := bestFormat(turned[part.from:part.to], mask); t.score > f.score {
				f = t
				f.mirrored = true
			}
			if f.off <= part.off {
				return f, true
			}
		}
	}
	return f, false
}

func bestFormat(seen []float32, mask int) (f format) {
	f.score = -1e9
	for data := range 32 {
		word := formatWord(data) ^ mask
		if score := agreement(seen, word); score > f.score {
			f.score, f.mask, f.off = score, data&7, differing(seen, word)
			f.level, _ = decoder.ErrorCorrectionLevel_ForBits(uint(data >> 3))
		}
	}
	return f
}

// formatWord is the 15 bits for five bits of data: a BCH code by the polynomial 0x537
// (ISO/IEC 18004, annex C).
func formatWord(data int) int {
	rest := data << 10
	for bits.Len(uint(rest)) > 10 {
		rest ^= 0x537 << (bits.Len(uint(rest)) - 11)
	}
	return data<<10 | rest
}

func agreement(seen []float32, word int) (score float32) {
	for i, s := range seen {
		if word>>(14-i%15)&1 == 0 {
			s = -s
		}
		score += min(max(s, -1), 1)
	}
	return score
}

func differing(seen []float32, word int) (n int) {
	for i, s := range seen {
		if (s > 0) != (word>>(14-i%15)&1 == 1) {
			n++
		}
	}
	return n
}

// masked says whether the mask turns module (u, v) over (ISO/IEC 18004, 7.8.2).
func masked(mask, u, v int) bool {
	switch mask {
	case 0:
		return (u+v)%2 == 0
	case 1:
		return v%2 == 0
	case 2:
		return u%3 == 0
	case 3:
		return (u+v)%3 == 0
	case 4:
		return (v/2+u/3)%2 == 0
	case 5:
		return u*v%2+u*v%3 == 0
	case 6:
		return (u*v%2+u*v%3)%2 == 0
	default:
		return ((u+v)%2+u*v%3)%2 == 0
	}
}

// readCodewords takes the codewords off the modules.
func readCodewords(soft []float32, lay *layout, f format, words []byte) []byte {
	words = words[:0]
	var w byte
	for n, i := range lay.data[:len(lay.data)&^7] {
		u, v := int(i)%lay.dim, int(i)/lay.dim
		at := int(i)
		if f.mirrored {
			at = u*lay.dim + v
		}
		w <<= 1
		if (soft[at] > 0) != masked(f.mask, u, v) {
			w |= 1
		}
		if n%8 == 7 {
			words = append(words, w)
		}
	}
	return words
}

// decodeCost is what decode spends: most of it is the format's 32 and error correction, where there
// is something to correct.
func decodeCost(lay *layout) int { return 10000 + 25*len(lay.data) }

// decode reads the code's text from its modules.
func (r *Reader) decode(lay *layout, soft []float32) (ok bool) {
	defer r.leave(r.enter(stageDecoding))
	r.spend(decodeCost(lay))
	f, ok := readFormat(soft, lay.dim)
	if !ok {
		return false
	}
	r.words = readCodewords(soft, lay, f, r.words)
	data, ok := r.correct(lay, f)
	if !ok {
		return false
	}
	r.code.Mirrored = f.mirrored
	r.code.Text, ok = textOf(data, lay.version)
	return ok
}

// correct returns the data codewords, corrected.
func (r *Reader) correct(lay *layout, f format) ([]byte, bool) {
	blocks, err := decoder.DataBlock_GetDataBlocks(r.words, lay.version, f.level)
	if err != nil {
		return nil, false
	}
	r.data = r.data[:0]
	for _, b := range blocks {
		words, n := b.GetCodewords(), b.GetNumDataCodewords()
		if r.divider(len(words) - n).divides(words) {
			r.data = append(r.data, words[:n]...)
			continue
		}
		r.ints = r.ints[:0]
		for _, w := range words {
			r.ints = append(r.ints, int(w))
		}
		if r.solomon.Decode(r.ints, len(words)-n) != nil {
			return nil, false
		}
		for _, w := range r.ints[:n] {
			r.data = append(r.data, byte(w))
		}
	}
	return r.data, true
}

func newSolomon() *reedsolomon.ReedSolomonDecoder {
	return reedsolomon.NewReedSolomonDecoder(reedsolomon.GenericGF_QR_CODE_FIELD_256)
}
