package eye

import (
	"image"
	"math/bits"
)

// A level is the frame at one scale, with what is dark in it.
//
// Dark is what is not above a threshold, and the threshold is local: of the blocks of 8 x 8
// pixels around, the mean of their middles between bright and dark. Flat blocks have no say in
// it, for they tell of one colour only; where all around is flat, nothing is dark.
// Statistics and thresholds are made by rows of blocks, when a row of pixels in them is first
// looked at.
type level struct {
	plane
	*budget
	smoothed bool
	veil     veil
	shrink   int // pixels of the frame to one of the level, along a side

	bw, bh   int      // the level in blocks; the last ones may overlap those before
	contrast uint32   // up to which a block is flat
	whole    uint8    // the threshold where all around is flat; 0: nothing is dark there
	stat     []uint32 // of a block: 0 if it is flat, else 1<<16 | the middle of its brightness
	made     []bool   // rows of blocks that have stat
	column   []uint32 // sums of stat around the row of blocks summed
	summed   int
	thr      []uint8  // of a block; 0: nothing in it is dark
	ready    []bool   // rows of blocks that have thr
	radius   int      // blocks around a block that its threshold is made of
	bits     []uint64 // the row that is looked at: bit x%64 of word x/64 is set if pixel x is dark
	cuts     []int32  // where its runs begin: see cutRow
	ends     []uint64 // at which of them a finder may end

	from, to  int // rows that may be looked at
	fine      int // stretches of rows that showed something fine
	fineFrom  int // the first row of them
	fineTo    int // the last
	parts     []image.Rectangle
	edges     []uint16    // that rows crossed, of patches of 64 pixels by patch rows
	scanned   []bool      // rows
	known     *[][4]Point // the reader's
	finders   []finder
	cells     []int16 // the last finder that was found in each cell of pixels, row by row, or -1
	cellsWide int
	nextID    uint16      // of a finder
	wall      []uint64    // cells of pixels that a crowd of finders is in
	order     []int       // of finders
	marks     []mark      // of finders
	around    []neighbour // of a finder
	corners   []corner
	tried     []uint64 // corners, by key
	likely    []likely
	tries     int  // corners of which a grid was tried
	inverted  bool // the code that is looked at
	merged    []place
	merging   bool // finders are looked for that have run into their ground
	endless   bool // what was looked at last may be a finder that has run into its ground
	lens      lens
}

const block = 8

// A block is flat if its brightest and its darkest pair of pixels differ by no more than the
// frame's noise lets them; in brightness, and within these.
const (
	minContrast = 18
	maxContrast = 36
)

// reset makes the level ready for the picture in its plane, and forgets what was found in the
// one before. But for the noise, nothing is computed yet.
func (l *level) reset() {
	l.forget()
	l.from, l.to = 0, l.h
	bw, bh := (l.w+block-1)/block, (l.h+block-1)/block
	if bw != l.bw || bh != l.bh {
		l.bw, l.bh = bw, bh
		l.stat, l.thr = grown(l.stat, bw*bh), grown(l.thr, bw*bh)
		l.made, l.ready = grown(l.made, bh), grown(l.ready, bh)
		l.column, l.bits = grown(l.column, bw), grown(l.bits, (bw+7)/8)
		l.cuts, l.ends = grown(l.cuts, runsIn+bw*block+spare), grown(l.ends, bw/8+1)
		for i := range runsIn {
			l.cuts[i] = outside
		}
	}
	clear(l.made)
	clear(l.ready)
	l.contrast = l.noise()
	l.whole = l.wholly()
}

// noise is the contrast of which a block may be flat, from that of some blocks of all over
// the level: a quarter of any picture is flat.
func (l *level) noise() uint32 {
	var count [maxContrast + 1]int
	n := 0
	for by := 1; by < l.bh; by += 4 {
		a, b := l.measured(by)
		for bx := by / 4 % 8; bx < l.bw; bx += 8 {
			x := min(bx*block, l.w-block)
			most, least := extremes(pairs(load(a[x:])), pairs(load(b[x:])))
			count[min(int(most-least)/2, maxContrast)]++
			n++
		}
	}
	l.spend(20 * n)
	n = n/4 + 1
	for c := range count {
		if n -= count[c]; n <= 0 {
			return uint32(min(max(c*2, minContrast), maxContrast))
		}
	}
	return maxContrast
}

// wholly is the middle between bright and dark of a picture whose blocks are flat, one and all,
// and yet are of two colours: a clean picture whose modules are a block large, or several, and begin
// where blocks do. It is 0 of any other.
func (l *level) wholly() uint8 {
	least, most := uint32(0xffff), uint32(0)
	n := 0
	defer func() { l.spend(20 * n) }()
	for by := 1; by < l.bh; by += 4 {
		a, b := l.measured(by)
		for bx := by / 4 % 8; bx < l.bw; bx += 8 {
			x := min(bx*block, l.w-block)
			high, low := extremes(pairs(load(a[x:])), pairs(load(b[x:])))
			n++
			if high-low > 2*minContrast {
				return 0
			}
			least, most = min(least, low), max(most, high)
		}
	}
	if most < least+4*maxContrast {
		return 0
	}
	return uint8((least + most) / 4)
}

// grown returns a slice of n in s's memory if that is enough.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// setRadius makes new thresholds, of r blocks around.
func (l *level) setRadius(r int) {
	l.radius, l.summed = r, -2
	clear(l.ready)
}

// measure fills stat for a row of blocks, from two of its rows of pixels.
func (l *level) measure(by int) {
	l.made[by] = true
	l.spend(2 * l.bw)
	a, b := l.measured(by)
	out := l.stat[by*l.bw:][:l.bw]
	if l.w%block != 0 {
		x := l.w - block
		out[l.bw-1] = statOf(pairs(load(a[x:])), pairs(load(b[x:])), l.contrast)
	}
	out = out[:l.w/block]
	n := statVectors(out, a, b, l.contrast)
	statWords(out[n:], a[n*block:], b[n*block:], l.contrast)
}

// statWords puts into out what stat has of blocks, by two of their rows of pixels. Most blocks are flat: the others are
// told from them by words first.
func statWords(out []uint32, a, b []byte, contrast uint32) {
	clear(out)
	for from := 0; from < len(out); from += 64 {
		part := min(64, len(out)-from) * block
		uneven := unevenBlocks(a[from*block:][:part], b[from*block:][:part], uint64(contrast))
		for ; uneven != 0; uneven &= uneven - 1 {
			i := from + bits.TrailingZeros64(uneven)
			out[i] = statOf(pairs(load(a[i*block:])), pairs(load(b[i*block:])), contrast)
		}
	}
}

// unevenBlocks tells of up to 64 blocks, by two of their rows of pixels, which may not be flat: bit i is of the
// i-th. Of all sums of pairs of pixels in a block that is not marked each is near to the first one.
func unevenBlocks(a, b []byte, contrast uint64) (uneven uint64) {
	const ones, top = 0x0001000100010001, 0x8000800080008000
	around := (2*contrast + 1) * ones
	for x := 0; x+block <= len(a) && x+block <= len(b); x += block {
		p, q := pairs(load(a[x:x+block])), pairs(load(b[x:x+block]))
		least := (contrast + 1<<15 - p&0xffff) * ones // plus a lane, its top bit is set if that is not too dark
		most := least - around                        // the same, if it is too bright
		if (p+least)&(q+least)&^((p+most)|(q+most))&top != top {
			uneven |= 1 << (x / block % 64)
		}
	}
	return uneven
}

// measured are the two rows of pixels by which a row of blocks is measured: under a veil those that are looked at.
func (l *level) measured(by int) (a, b []byte) {
	y := min(by*block, l.h-block)
	if l.veil.of.pix != nil {
		return l.seen(y + 2), l.seen(y + 6)
	}
	return l.row(y + 2), l.row(y + 5)
}

// statOf is what stat has of a block.
func statOf(a, b uint64, contrast uint32) uint32 {
	most, least := extremes(a, b)
	if most-least <= 2*contrast {
		return 0
	}
	return 1<<16 | (most+least)>>2
}

// extremes are the greatest and the least lane of two words.
func extremes(a, b uint64) (most, least uint32) {
	hi, lo := sortLanes(a, b)
	hi, _ = sortLanes(hi, hi>>32)
	_, lo = sortLanes(lo, lo>>32)
	return max(uint32(hi)&0xffff, uint32(hi)>>16), min(uint32(lo)&0xffff, uint32(lo)>>16)
}

// sortLanes puts the greater of each two lanes, which are less than 2^15, into hi.
func sortLanes(a, b uint64) (hi, lo uint64) {
	const top = 0x8000800080008000
	d := (a ^ b) & ((a | top - b) & top >> 15 * 0xffff)
	return b ^ d, a ^ d
}

// thresholds returns the thresholds of a row of blocks.
func (l *level) thresholds(by int) []uint8 {
	out := l.thr[by*l.bw:][:l.bw]
	if l.ready[by] {
		return out
	}
	l.ready[by] = true
	l.spend(l.bw)
	l.sumColumns(by)
	l.meanOf(l.column[:l.bw], out)
	return out
}

// sumColumns brings column to the sums of the rows of blocks around by: from those around the
// one before, if they are there.
func (l *level) sumColumns(by int) {
	col := l.column[:l.bw]
	from, to := max(by-l.radius, 0), min(by+l.radius, l.bh-1)
	gone := by - l.radius - 1
	switch {
	case l.summed != by-1 || by == 0:
		clear(col)
		for y := from; y <= to; y++ {
			addTo(col, l.statistics(y))
		}
	case gone >= 0 && to == by+l.radius:
		come, gone := l.statistics(to)[:len(col)], l.statistics(gone)[:len(col)]
		for x, s := range come {
			col[x] += s - gone[x]
		}
	case gone >= 0:
		for x, s := range l.statistics(gone)[:len(col)] {
			col[x] -= s
		}
	case to == by+l.radius:
		addTo(col, l.statistics(to))
	}
	l.summed = by
}

func addTo(col, row []uint32) {
	for x, s := range row[:len(col)] {
		col[x] += s
	}
}

// statistics returns a row of blocks' stat.
func (l *level) statistics(by int) []uint32 {
	if !l.made[by] {
		l.measure(by)
	}
	return l.stat[by*l.bw:][:l.bw]
}

// meanOf slides over the columns' sums, and puts into out the means within radius.
func (l *level) meanOf(col []uint32, out []uint8) {
	n, r := len(col), min(l.radius, len(col))
	var sum uint32
	for _, s := range col[:r] {
		sum += s
	}
	x := 0
	for ; x <= r && x < n; x++ {
		if x+r < n {
			sum += col[x+r]
		}
		out[x] = mean(sum)
	}
	if x+r < n {
		come := col[x+r:]
		gone, middle := col[:len(come)], out[x:][:len(come)]
		for i, s := range come {
			sum += s - gone[i]
			middle[i] = mean(sum)
		}
		x += len(come)
	}
	for ; x < n; x++ {
		sum -= col[x-r-1]
		out[x] = mean(sum)
	}
	if l.whole == 0 {
		return
	}
	for x, t := range out { // no mean is 0 but of no block: a block that is not flat is not black
		if t == 0 {
			out[x] = l.whole
		}
	}
}

// mean is that of a sum of stat: 0 of none.
func mean(sum uint32) uint8 {
	return uint8(sum & 0xffff * reciprocal[sum>>16%uint32(len(reciprocal))] >> 16)
}

// maxRadius is the largest radius.
const maxRadius = 3

// reciprocal of n, times 2^16, rounded up: n blocks' sum times it is their mean.
var reciprocal = func() (r [64]uint32) {
	for n := 1; n <= (2*maxRadius+1)*(2*maxRadius+1); n++ {
		r[n] = uint32((1<<16 + n - 1) / n)
	}
	return r
}()

// darkBits fills bits with row y.
func (l *level) darkBits(y int) []uint64 {
	row, thr := l.seen(y), l.thresholds(y>>3)
	whole := l.w / 64
	n := darkVectors(l.bits[:whole], row, thr)
	darkWords(l.bits[n:whole], row[64*n:], thr[8*n:])
	if l.w%64 != 0 {
		l.bits[whole] = l.lastDark(row, thr, whole)
	}
	return l.bits
}

// darkWords puts into out which pixels of a row are at most their block's threshold, where that is not 0.
func darkWords(out []uint64, row []byte, thr []uint8) {
	for i := range out {
		t := (*[8]uint8)(thr[8*i:])
		var word uint64
		if load(t[:]) != 0 {
			pix := (*[64]byte)(row[64*i:])
			for k := range 8 {
				if t[k] != 0 {
					word |= darkOf8(load(pix[8*k:]), t[k]) << (8 * k)
				}
			}
		}
		out[i] = word
	}
}

// lastDark is the word at the end of a row, which has room for more.
func (l *level) lastDark(row []byte, thr []uint8, wi int) (word uint64) {
	full := l.w / block
	for bx := 8 * wi; bx < full; bx++ {
		if t := thr[bx]; t != 0 {
			word |= darkOf8(load(row[bx*block:]), t) << (8 * (bx % 8))
		}
	}
	if rest := l.w % block; rest != 0 && thr[full] != 0 {
		word |= darkOf8(load(row[l.w-block:]), thr[full]) >> (block - rest) << (8 * (full % 8))
	}
	return word
}

// darkOf8 sets bit i if byte i of v is at most t.
func darkOf8(v uint64, t uint8) uint64 {
	const ones, top = 0x0101010101010101, 0x8080808080808080
	all := uint64(t) * ones
	low := all | top - v&^top // its top bits say that but for the bytes' own top bits
	le := all&^v | low&(all|^v)
	return le & top >> 7 * 0x0102040810204080 >> 56
}
