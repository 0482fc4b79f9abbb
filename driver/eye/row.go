package eye

import "math/bits"

// What is measured are the distances between like edges, from dark to dark and from light
// to light: blur and a threshold that is off move both edges of such a pair the same way,
// and so leave it as long as it is. Of a finder they are 2, 4, 4 and 2 modules, together
// span.
const span = 12

// fineEdges are as many among 64 pixels of a row that what is there is fine: modules, dots,
// writing, grain.
const fineEdges = 10

const (
	outside = -1 << 20 // where runs begin that are not in a row
	runsIn  = 5        // one of five ends at an edge
	spare   = 16       // cuts beyond those of a row: room for the steps that fill and look at them
)

// scanRow looks for finders in row y. A run of one colour ends at each of its edges; most of them with the four before
// cannot be a finder's, and are left out many at a time.
func (l *level) scanRow(y int) {
	row := l.darkBits(y)
	n := l.cutRow(row, y)
	cuts := l.cuts[:n+runsIn]
	for i, word := range l.endsIn(n) {
		for ; word != 0; word &= word - 1 {
			k := i*64 + bits.TrailingZeros64(word)
			e := cuts[k : k+runsIn+1]
			r, x := runs{int(e[0]), int(e[1]), int(e[2]), int(e[3]), int(e[4])}, int(e[5])
			if r.looksRight(x) {
				l.hit(r, x, y, k%2 == 0)
			} else if r.looksMerged(x) {
				l.note(r, x, y, k%2 == 0)
			}
		}
	}
	if n%2 == 1 { // the last run is dark, and goes to the border
		e := cuts[n:]
		if r := (runs{int(e[0]), int(e[1]), int(e[2]), int(e[3]), int(e[4])}); r.looksRight(l.w) {
			l.hit(r, l.w, y, false)
		}
	}
	l.spend(l.w/16 + 4*n)
}

// cutRow puts into cuts where a row's runs begin, after five that are outside, counts the edges of each part of it, and
// returns how many there are. Before the first edge it is light.
func (l *level) cutRow(row []uint64, y int) int {
	crossed := l.edges[y/patch*len(row):][:len(row)]
	cuts, n := l.cuts, runsIn
	var before uint64 // the colour before the word, in bit 0
	for wi, word := range row {
		edges := word ^ (word<<1 | before)
		if edges == 0 {
			continue
		}
		before = word >> 63
		count := bits.OnesCount64(edges)
		crossed[wi] += uint16(count)
		if count >= fineEdges {
			l.fine, l.fineFrom, l.fineTo = l.fine+1, min(l.fineFrom, y), max(l.fineTo, y)
		}
		// Four at a time, for how many there are cannot be foretold; what is too many is written over by the next.
		for at, x := n, wi*64; edges != 0; at += 4 {
			c := (*[4]int32)(cuts[at:])
			c[0] = int32(x + bits.TrailingZeros64(edges))
			edges &= edges - 1
			c[1] = int32(x + bits.TrailingZeros64(edges))
			edges &= edges - 1
			c[2] = int32(x + bits.TrailingZeros64(edges))
			edges &= edges - 1
			c[3] = int32(x + bits.TrailingZeros64(edges))
			edges &= edges - 1
		}
		n += count
	}
	return n - runsIn
}

// endsIn says of each of n edges in cuts whether a finder, whole or run into its ground, may end there: bit i%64 of
// word i/64 is of the i-th. What it leaves out is none; what it does not must be looked at.
func (l *level) endsIn(n int) []uint64 {
	ends := l.ends[:(n+63)/64]
	clear(ends)
	endWords(ends, l.cuts[:n+runsIn], endVectors(ends, l.cuts, n))
	return ends
}

// endWords says it of the edges from the i-th on. Where vectors say it runs of more than 4000 pixels may all be a finder's.
func endWords(ends []uint64, cuts []int32, i int) {
	for ; i+runsIn < len(cuts); i++ {
		e := cuts[i : i+runsIn+1]
		if a, c, b := e[2]-e[1], e[3]-e[2], e[4]-e[3]; c > a && c > b && mayCross(e[1]-e[0]+a, e[5]-e[4]+b, a, b, c) {
			ends[i/64] |= 1 << (i % 64)
		}
	}
}

// mayCross says whether a finder's middle may be c pixels wide, with a and b pixels beside it, and the outer distances
// between like edges before and after. Both looksRight and looksMerged ask for more.
func mayCross(before, after, a, b, c int32) bool {
	inner, outer := a+b+2*c, min(before, after) // eight modules, and two
	return inner <= 8*outer+8 && 5*outer <= 2*inner+5 && 7*max(a-b, b-a) <= 2*inner+9
}

// runs are where the last five runs of one colour in a row began, oldest first.
type runs struct{ e0, e1, e2, e3, e4 int }

// looksRight says whether the runs, the last of which ends at x, may cross a finder. Each
// distance between like edges may be off by half a module and half a pixel.
func (r runs) looksRight(x int) bool {
	d02, d13, d24, d35, c := r.e2-r.e0, r.e3-r.e1, r.e4-r.e2, x-r.e3, r.e3-r.e2
	sum := d02 + d13 + d24 + d35
	if sum < 12 || 6*c < sum || 2*c > sum {
		return false
	}
	off := sum/2 + 6
	return within(span*d02-2*sum, off) && within(span*d35-2*sum, off) &&
		within(span*d13-4*sum, off+sum/3) && within(span*d24-4*sum, off+sum/3)
}

func within(d, off int) bool { return d <= off && d >= -off }
