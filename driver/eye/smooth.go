package eye

import (
	"encoding/binary"
	"image"
	"math"
	"slices"
)

// A code of dots has gaps where it should be dark, and a picture taken in little light has grains:
// both are finer than a module, and gone in a picture that is smoothed by a pixel.

// smooth fills dst with src, a part of which is smoothed by 1 4 6 4 1 along both sides (a standard deviation of a
// pixel), in memory that dst has or gets; line is for a row.
// Two pixels at the rim are as they were, and so is a part of less than 16 pixels across.
func smooth(dst, src *plane, part image.Rectangle, line []byte) {
	dst.size(src.w, src.h)
	part = part.Intersect(image.Rect(0, 2, src.w, src.h-2))
	from, to := part.Min.X, part.Max.X
	for y := range src.h {
		if part.Dx() < 16 || y < part.Min.Y || y >= part.Max.Y {
			copy(dst.row(y), src.row(y))
			continue
		}
		copy(dst.row(y)[:from], src.row(y))
		copy(dst.row(y)[to:], src.row(y)[to:])
		smoothRow(dst, src, y, from, to, line)
	}
}

// smoothRow smooths the pixels of row y from from to to, 16 and more, but for the rim's.
func smoothRow(dst, src *plane, y, from, to int, line []byte) {
	line = line[:to-from]
	mixRows(line, src.row(y - 2)[from:], src.row(y - 1)[from:], src.row(y)[from:], src.row(y + 1)[from:], src.row(y + 2)[from:])
	mixColumns(dst.row(y)[from:to], line)
}

// A veil is what a level is smoothed from, where not all of it is: a glance looks at few rows, and around what these
// cross. What is not smoothed is as it was.
type veil struct {
	of     plane  // without pixels if there is none
	rows   []bool // that are smoothed
	blocks []bool // the same
	line   []byte
}

// cover makes the level's plane one like src that is smoothed where it is looked at.
func (l *level) cover(src *plane) {
	l.size(src.w, src.h)
	for y := range src.h {
		copy(l.row(y), src.row(y))
	}
	v := &l.veil
	v.of = *src
	v.rows, v.blocks = grown(v.rows, src.h), grown(v.blocks, (src.w/block+1)*(src.h/block+1))
	clear(v.rows)
	clear(v.blocks)
	v.line = grown(v.line, src.w)
}

// seen is row y, smoothed if it is to be.
func (l *level) seen(y int) []byte {
	if l.veil.of.pix != nil {
		l.unveilRow(y)
	}
	return l.row(y)
}

func (l *level) unveilRow(y int) {
	v := &l.veil
	if v.rows[y] || y < 2 || y >= l.h-2 || l.w < 16 {
		return
	}
	v.rows[y] = true
	l.spend(l.w / softPixels)
	smoothRow(&l.plane, &v.of, y, 0, l.w, v.line)
}

// unveil smooths a block of pixels.
func (l *level) unveil(bx, by int) {
	v := &l.veil
	done := &v.blocks[by*(l.w/block+1)+bx]
	if *done {
		return
	}
	*done = true
	x, y := bx*block, by*block
	if x < 2 || y < 2 || x+block+2 > l.w || y+block+2 > l.h {
		for ; y < min((by+1)*block, l.h); y++ {
			l.unveilRow(y)
		}
		return
	}
	l.spend(blockCost)
	var line [16]byte
	for ; y < (by+1)*block; y++ {
		if v.rows[y] {
			continue
		}
		at := (y-2)*v.of.stride + x - 2
		p, n := v.of.pix, v.of.stride
		for k := 0; k <= 4; k += 4 { // twelve pixels, by words that overlap
			i := at + k
			binary.LittleEndian.PutUint64(line[k:], binomial(load(p[i:]), load(p[i+n:]), load(p[i+2*n:]), load(p[i+3*n:]), load(p[i+4*n:])))
		}
		binary.LittleEndian.PutUint64(l.row(y)[x:], binomial(load(line[:]), load(line[1:]), load(line[2:]), load(line[3:]), load(line[4:])))
	}
}

// meanDown is the mean of each byte of two words, and meanUp is that rounded up.
func meanDown(a, b uint64) uint64 { return a&b + (a^b)>>1&0x7f7f7f7f7f7f7f7f }
func meanUp(a, b uint64) uint64   { return (a | b) - (a^b)>>1&0x7f7f7f7f7f7f7f7f }

// binomial is a/16 + b/4 + c*3/8 + d/4 + e/16 of five words' bytes, by means of two.
func binomial(a, b, c, d, e uint64) uint64 {
	ends, sides := meanDown(a, e), meanUp(b, d)
	return meanUp(meanDown(meanUp(ends, c), c), sides)
}

// mixColumns smooths a row along itself, but for two pixels at its ends.
func mixColumns(out, in []byte) {
	n := len(in)
	copy(out[:2], in)
	copy(out[n-2:], in[n-2:])
	mixRows(out[2:n-2], in, in[1:], in[2:], in[3:], in[4:])
}

// mixRows mixes five rows into one; they may be longer.
func mixRows(out, a, b, c, d, e []byte) {
	n := mixVectors(out, a, b, c, d, e)
	mixWords(out[n:], a[n:], b[n:], c[n:], d[n:], e[n:])
}

// mixWords is mixRows in Go.
func mixWords(out, a, b, c, d, e []byte) {
	n, x := len(out), 0
	a, b, c, d, e = a[:n], b[:n], c[:n], d[:n], e[:n] // so the compiler knows that all are as long
	for ; x < n-7; x += 8 {
		binary.LittleEndian.PutUint64(out[x:x+8], binomial(load(a[x:x+8]), load(b[x:x+8]), load(c[x:x+8]), load(d[x:x+8]), load(e[x:x+8])))
	}
	for ; x < n; x++ {
		out[x] = mix(a[x], b[x], c[x], d[x], e[x])
	}
}

func mix(a, b, c, d, e byte) byte {
	return byte(binomial(uint64(a), uint64(b), uint64(c), uint64(d), uint64(e)))
}

// leastFine are as many stretches of rows with something fine in them as a small code of dots has,
// and fineMargin is how far a code may go beyond them, in rows.
const (
	leastFine  = 40
	fineMargin = 32
)

// A code has edges all over, along both sides: four patches that meet have as many edges together,
// and each of them has some. A tiled floor and a hall's lamps have so many in few places.
// softPixels are smoothed for one unit, in a row; blockCost is what it costs to smooth a block by itself.
const (
	softPixels = 5
	blockCost  = 200
)

const (
	patch       = 48  // rows
	leastEdges  = 400 // that one row in three crosses in four patches
	leastOfEach = 80  // of them, in each of the four
	bandSides   = 4   // times wider than high
	reach       = 64  // pixels that a code may go beyond them, and twice that where its dots are large
	coarse      = 144 // densest edges below which the half is fine enough for what may be a code
	fine        = 352 // and from which on it is too coarse
	glanceShare = 1   // units a pixel of the frame: when so many are spent, no other part is looked at
	glanceRows  = 4   // rows between two that are looked at
)

// textured are the parts of the level that have the texture of a code. A band that is far wider than
// high has not: it is a floor that runs off, or a row of lamps. Those come first that are highest and widest.
func (l *level) textured() []image.Rectangle {
	n, least := len(l.bits), uint16(leastEdges*3/l.rowsApart(l.radius))
	parts := l.parts[:0]
	for y := range l.h / patch {
		for x := range n - 1 {
			a, b := l.edges[y*n+x:][:2], l.edges[(y+1)*n+x:][:2]
			if a[0]+a[1]+b[0]+b[1] < least || min(a[0], a[1], b[0], b[1]) < leastOfEach {
				continue
			}
			four := image.Rect(64*x, patch*y, 64*x+128, patch*y+2*patch)
			parts = slices.DeleteFunc(parts, func(p image.Rectangle) bool {
				if p.Overlaps(four) {
					four = four.Union(p)
					return true
				}
				return false
			})
			parts = append(parts, four)
		}
	}
	l.spend(n * l.h / patch)
	l.parts = slices.DeleteFunc(parts, func(p image.Rectangle) bool { return p.Dx() > bandSides*p.Dy() })
	slices.SortStableFunc(l.parts, func(a, b image.Rectangle) int {
		return min(b.Dx(), b.Dy()) - min(a.Dx(), a.Dy())
	})
	return l.parts
}

// glance says whether two finders that are alike, or at least one that two rows crossed, show where the level has the
// texture of a code, if that part is smoothed, or made half as large and smoothed: else a second look at the frame is not worth
// what it costs. Few rows are looked at.
func (r *Reader) glance(full *level, least int) bool {
	defer r.leave(r.enter(stageSmoothing))
	enough := r.left - full.w*full.h*glanceShare
	for _, at := range full.textured() {
		densest := full.densest(at)
		at = at.Inset(-reach).Intersect(image.Rect(0, 0, full.w, full.h))
		if min(at.Dx(), at.Dy()) < leastSide || at.Dx()*at.Dy() > r.left {
			continue
		}
		part := plane{full.pix[at.Min.Y*full.stride+at.Min.X:], full.stride, at.Dx(), at.Dy()}
		if r.left <= enough {
			return false
		}
		if densest >= coarse && r.glanceAt(&part, glanceRows, least) {
			return true
		}
		if densest >= fine {
			continue
		}
		r.spend(part.w * part.h / 4)
		halve(&r.small, &part)
		if r.glanceAt(&r.small, glanceRows/2, least) {
			return true
		}
	}
	return false
}

// densest is how many edges rows cross in that patch of a part where they cross most.
func (l *level) densest(part image.Rectangle) (most int) {
	n := len(l.bits)
	for y := part.Min.Y / patch; y < part.Max.Y/patch; y++ {
		most = max(most, int(slices.Max(l.edges[y*n:][part.Min.X/64:part.Max.X/64])))
	}
	return most * l.rowsApart(l.radius) / 3
}

func (r *Reader) glanceAt(p *plane, every, least int) bool {
	l := &r.glimpse
	r.spend(p.w * p.h / 16)
	l.cover(p)
	l.shrink = 1
	l.reset()
	l.begin(closeRadius)
	l.scanRows(2%every, l.h, every)
	if least == 1 && l.evidence() > 0 {
		return true
	}
	for i := range l.finders {
		for j := range i {
			f, g := &l.finders[i], &l.finders[j]
			d, m := math.Sqrt(l.distance2(i, j)), max(f.module(), g.module())
			if f.inverted == g.inverted && alike(f.mx, g.mx, 1) && alike(f.my, g.my, 1) && d > 13*m && d < 180*m {
				return true
			}
		}
	}
	return false
}

// softLevel is a level smoothed where the full size has the texture of a code; nil if it has it nowhere, or
// if the budget has no room for it and a pass over it.
func (r *Reader) softLevel(i int) *level {
	defer r.leave(r.enter(stageSmoothing))
	full, of, l := &r.levels[0], &r.levels[i], &r.soft[i]
	if full.fine < leastFine {
		return nil
	}
	var part image.Rectangle
	for _, at := range full.textured() {
		part = part.Union(at)
	}
	if part.Empty() {
		return nil
	}
	part = part.Inset(-2 * reach)
	part.Min.Y, part.Max.Y = max(part.Min.Y, full.fineFrom-fineMargin), min(part.Max.Y, full.fineTo+fineMargin)
	part = image.Rect(part.Min.X>>i, part.Min.Y>>i, part.Max.X>>i, part.Max.Y>>i).Intersect(image.Rect(0, 0, of.w, of.h))
	cost := part.Dx() * part.Dy() / softPixels
	if cost > r.left {
		return nil
	}
	r.spend(cost + of.w*of.h/16)
	r.line = grown(r.line, of.w)
	smooth(&l.plane, &of.plane, part, r.line)
	l.shrink = of.shrink
	l.reset()
	l.setLens(r.K1)
	l.from, l.to = part.Min.Y, part.Max.Y
	return l
}
