package eye

import "slices"

// A pure picture is one of nothing but a code: upright, sharp, as it was drawn, with a margin or
// without. A screenshot or a file is one, a camera's picture never. Its finders touch all sides of
// what is in it, so nothing needs to be searched for, however small or large its modules are, and
// it is read whole or not at all.

const (
	pureContrast = 100     // between its two colours, in brightness
	pureStride   = 4       // pixels between looks along a side: a finder is seven and more
	pureLooks    = 1 << 18 // at one margin
	across       = 24      // pixels along a side that tell of its colours
	mostBetween  = 16      // one in so many of them may be neither
	leastColour  = 24      // one in so many of them is of each
)

// pure reads the level's picture if it is a pure one.
func (r *Reader) pure(l *level) bool {
	defer r.leave(r.enter(stagePure))
	least, most := l.extent()
	if int(most)-int(least) < pureContrast || !l.twoColours(least, most) {
		return false
	}
	limit := uint8((int(least) + int(most) + 1) / 2)
	for _, inverted := range [...]bool{false, true} {
		c := canvas{l, limit, inverted}
		if r.pureOn(c) {
			return true
		}
	}
	return false
}

// extent are the darkest and the brightest of a few pixels all over the level.
func (l *level) extent() (least, most uint8) {
	least = 255
	for j := range across {
		row := l.row((2*j + 1) * l.h / (2 * across))
		for i := range across {
			g := row[(2*i+1)*l.w/(2*across)]
			least, most = min(least, g), max(most, g)
		}
	}
	l.spend(2 * across * across)
	return least, most
}

// twoColours says whether the pixels that extent looks at are of two colours, some of each and few between:
// in a camera's picture of a hall they are not.
func (l *level) twoColours(least, most uint8) bool {
	third := (most - least) / 3
	dark, bright := 0, 0
	for j := range across {
		row := l.row((2*j + 1) * l.h / (2 * across))
		for i := range across {
			switch g := row[(2*i+1)*l.w/(2*across)]; {
			case g <= least+third:
				dark++
			case g >= most-third:
				bright++
			}
		}
	}
	l.spend(2 * across * across)
	const all = across * across
	return dark+bright >= all-all/mostBetween && min(dark, bright) >= all/leastColour
}

// A canvas tells a pure picture's ink from its ground.
type canvas struct {
	*level
	limit    uint8
	inverted bool
}

func (c *canvas) ink(x, y int) bool { return (c.pix[y*c.stride+x] < c.limit) != c.inverted }

// margin counts the lines without ink on one side: columns, or rows, from the first or the last.
func (c *canvas) margin(columns, last bool) (n int, ok bool) {
	lines, length := c.h, c.w
	if columns {
		lines, length = c.w, c.h
	}
	looks := 0
	defer func() { c.spend(2 * looks) }()
	for n := range lines {
		at := n
		if last {
			at = lines - 1 - n
		}
		for k := 0; k < length; k += pureStride {
			x, y := k, at
			if columns {
				x, y = at, k
			}
			if looks++; c.ink(x, y) {
				return n, true
			}
		}
		if looks > pureLooks {
			break
		}
	}
	return 0, false
}

// run is how far ink goes along a row, from its side.
func (c *canvas) run(x, y, dx, most int) (n int) {
	for n < most && c.ink(x+n*dx, y) {
		n++
	}
	c.spend(n)
	return n
}

// pureOn reads a pure picture of one polarity.
func (r *Reader) pureOn(c canvas) bool {
	var margins [4]int // left, above, to the right and below
	for i, side := range [...]struct{ columns, last bool }{{true, false}, {false, false}, {true, true}, {false, true}} {
		n, ok := c.margin(side.columns, side.last)
		if !ok {
			return false
		}
		margins[i] = n
	}
	x0, y0, x1, y1 := margins[0], margins[1], c.w-margins[2], c.h-margins[3]
	w, h := x1-x0, y1-y0
	if w < minDim || h < minDim || max(w, h)-min(w, h) > w/minDim || c.isKnown(float64(x0+x1)/2, float64(y0+y1)/2) {
		return false
	}
	// Seven modules are a finder's side, at three of the four ends of the first and the last row.
	most := w/3 + 1
	runs := [4]int{c.run(x0, y0, 1, most), c.run(x1-1, y0, -1, most), c.run(x0, y1-1, 1, most), c.run(x1-1, y1-1, -1, most)}
	slices.Sort(runs[:])
	if runs[1] < 7 {
		return false
	}
	c.level.inverted = c.inverted
	for _, dim := range pureDims(w, runs[1]) {
		if dim != 0 && r.pureGrid(c, dim, x0, y0, w, h) {
			return true
		}
	}
	return false
}

// pureDims are the dimensions that a code of w pixels whose finders are run pixels may have,
// likeliest first; others are 0. A pixel's doubt about the run is dim/run modules' about the code.
func pureDims(w, run int) (dims [3]int) {
	est := (7*w + run/2) / run
	first := (est-17+2)/4*4 + 17
	for i, dim := range [...]int{first, first + 4, first - 4} {
		if dim >= minDim && dim <= maxDim && max(dim-est, est-dim) <= 2+dim/run {
			dims[i] = dim
		}
	}
	return dims
}

// pureGrid reads a pure code of dim modules a side, turned by any of four right angles.
func (r *Reader) pureGrid(c canvas, dim, x0, y0, w, h int) bool {
	lay, n := r.layout(dim), float64(dim)
	x, y, mx, my := float64(x0), float64(y0), float64(w)/n, float64(h)/n
	cost := 4 * dim * dim
	for _, t := range [...]homography{
		{a: mx, c: x, e: my, f: y},
		{b: -mx, c: x + float64(w), d: my, f: y},
		{a: -mx, c: x + float64(w), e: -my, f: y + float64(h)},
		{b: mx, c: x, d: -my, f: y + float64(h)},
	} {
		if !r.allows(cost + decodeCost(lay)) {
			return false
		}
		r.spend(cost)
		m := &r.modules
		m.size(dim)
		for i := range m.soft {
			px, py := t.at(float64(i%dim)+0.5, float64(i/dim)+0.5)
			m.soft[i] = -1
			if c.ink(min(int(px), c.w-1), min(int(py), c.h-1)) {
				m.soft[i] = 1
			}
		}
		copy(m.eq, m.soft)
		if m.knownOff(lay) > 0 {
			continue
		}
		g := grid{dim: dim, t: t, timing: 1}
		ok := r.decode(lay, m.soft)
		r.pins = r.pins[:0]
		r.sketchGrid(c.level, &g, nil, ok)
		if ok {
			r.place(c.level, &g, nil)
			if r.worth(c.level) {
				r.remember()
				return true
			}
		}
		return false
	}
	return false
}
