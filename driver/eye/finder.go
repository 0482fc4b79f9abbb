package eye

import "math"

// A finder is one of the three squares at a code's corners: along any line through its
// middle dark, light, dark, light and dark are as 1:1:3:1:1 (ISO/IEC 18004, 6.3.3). Of an
// inverted code it is light where it should be dark.
type finder struct {
	x, y     float64 // its middle
	mx, my   float64 // a module's size along x and y, in pixels
	rows     int     // that crossed it so
	off      float64 // by how much its edges are not where they should be, along both axes, in modules
	id       uint16  // its number on the level
	next     int16   // in its cell, or -1
	inverted bool
	known    bool // it is of a code that was read
	guessed  bool // nothing of it is seen: it must be there
	crowd    bool // it has others like it nearer than a code's are
}

func (f *finder) module() float64 { return (f.mx + f.my) / 2 }

const (
	// maxFinders bounds what one search may find. A page of text has more that looks like finders
	// than the table holds; the weakest make room.
	maxFinders = 384
	cell       = 64 // pixels a side, in which finders are looked up together

	walkCost = 30 // of a walk from a finder's middle to its edges
	stepCost = 4  // of it, a pixel
)

// weakness is how little speaks for a finder, from 0 to 63: a single row, and edges that are off.
func (f *finder) weakness() int {
	w := min(int(8*f.off), 31)
	if f.rows < 2 {
		w += 32
	}
	return w
}

// add puts a finder into the table. If that is full the weaker half of it is dropped first.
func (l *level) add(f finder) {
	if len(l.finders) == maxFinders {
		l.dropWeak()
	}
	f.id = l.nextID
	l.nextID++
	l.finders = append(l.finders, f)
	l.link(len(l.finders) - 1)
}

// link puts finder i at the head of its cell.
func (l *level) link(i int) {
	f := &l.finders[i]
	head := &l.cells[l.cellRow(f.y)*l.cellsWide+l.cellColumn(f.x)]
	f.next, *head = *head, int16(i)
}

// cellColumn and cellRow are where the cell of a place is; what is beyond the border is in the next one within.
func (l *level) cellColumn(x float64) int { return min(max(int(x)/cell, 0), l.cellsWide-1) }
func (l *level) cellRow(y float64) int    { return min(max(int(y)/cell, 0), len(l.cells)/l.cellsWide-1) }

// dropWeak drops finders until half of the table is free: those of a crowd, then the weakest, and of those that are as
// weak the ones that were found first.
func (l *level) dropWeak() {
	l.dropCrowds()
	if len(l.finders) <= maxFinders/2 {
		return
	}
	var count [64]int
	for i := range l.finders {
		count[l.finders[i].weakness()]++
	}
	excess, cut := len(l.finders)-maxFinders/2, 63
	for ; count[cut] < excess; cut-- {
		excess -= count[cut]
	}
	kept := l.finders[:0]
	for _, f := range l.finders {
		w := f.weakness()
		if w == cut && excess > 0 {
			excess--
			continue
		}
		if w <= cut {
			kept = append(kept, f)
		}
	}
	l.finders = kept
	l.relink()
	l.spend(20 * maxFinders)
}

func (l *level) relink() {
	for c := range l.cells {
		l.cells[c] = -1
	}
	for i := range l.finders {
		l.link(i)
	}
}

// hit looks closer at runs in row y that end at end.
func (l *level) hit(r runs, end, y int, inverted bool) {
	if l.swing(r, y, inverted) < int(l.contrast)*5/4 {
		return
	}
	l.look(float64(r.e1+r.e2+r.e3+r.e4)/4, float64(y)+0.5, float64(r.e4+end-r.e0-r.e1)/span, inverted)
}

// swing is the brightness between the middle of the runs in row y and what is on both sides of it.
func (l *level) swing(r runs, y int, inverted bool) int {
	row := l.row(y)
	swing := (int(row[(r.e1+r.e2)/2])+int(row[(r.e3+r.e4)/2]))/2 - int(row[(r.e2+r.e3)/2])
	if inverted {
		return -swing
	}
	return swing
}

// look looks closer at what may be a finder around (x, y) of modules of m pixels.
func (l *level) look(x, y, m float64, inverted bool) {
	if l.isWall(x, y) {
		l.spend(10)
		return
	}
	l.spend(70)
	if l.isKnown(x, y) {
		return
	}
	if f := l.near(x, y, 1.5*m+1, 3*m+1, inverted); f != nil && alike(f.mx, m, 1) {
		f.rows++
		return
	}
	if l.spent() {
		return
	}
	l.endless = false
	f, ok := l.examine(x, y, m, inverted)
	if !ok {
		if l.endless {
			l.keep(place{x, y, m, inverted})
		}
		return
	}
	if g := l.near(f.x, f.y, f.module()+1, f.module()+1, inverted); g != nil {
		g.rows++
		return
	}
	l.add(f)
}

// near returns a known finder around (x, y).
func (l *level) near(x, y, dx, dy float64, inverted bool) *finder {
	top, bottom := l.cellRow(y-dy), l.cellRow(y+dy)
	left, right := l.cellColumn(x-dx), l.cellColumn(x+dx)
	for cy := top; cy <= bottom; cy++ {
		for _, i := range l.cells[cy*l.cellsWide:][left : right+1] {
			for i >= 0 {
				f := &l.finders[i]
				if math.Abs(f.y-y) < dy && math.Abs(f.x-x) < dx && f.inverted == inverted {
					return f
				}
				i = f.next
				l.spend(3)
			}
		}
	}
	return nil
}

// alike says whether two sizes in pixels, measured to about slack pixels, may be one.
func alike(a, b, slack float64) bool { return a < 1.8*b+slack && b < 1.8*a+slack }

// examine looks at a finder along the column, the row and the diagonals, and finds its
// middle. Both axes must look right, and one of the diagonals.
func (l *level) examine(x, y, m float64, inverted bool) (f finder, ok bool) {
	// How high a module is is not known yet: of a code that is seen aslant, as much as tall times
	// what it is wide.
	high := tall * m
	if l.merging {
		high = m
	}
	c, ok := l.crossGrid(x, y, 0, 1, high, 0.75, inverted)
	if !ok {
		return f, false
	}
	y += c.shift
	row, ok := l.crossGrid(x, y, 1, 0, m, 0.75, inverted)
	if !ok {
		return f, false
	}
	x += row.shift
	column, ok := l.crossGrid(x, y, 0, 1, c.module, 0.75, inverted)
	if !ok {
		return f, false
	}
	y += column.shift
	mx, my := row.module, column.module
	m = (mx + my) / 2
	if _, ok = l.crossGrid(x, y, 1, 1, m, 1.1, inverted); !ok {
		if _, ok = l.crossGrid(x, y, 1, -1, m, 1.1, inverted); !ok {
			return f, false
		}
	}
	off := row.off + column.off
	return finder{x: x, y: y, mx: mx, my: my, off: off, rows: 1, inverted: inverted}, !l.merging || off < mergedOff
}

// tall is by how much farther a column is followed than a row: at a slant of 67 degrees a module is
// 2.6 times as high as it is wide, and one of the rows that cross a finder is near to its middle.
const tall = 1.45

// A crossing is a finder along one line: the way from where it was looked for to its middle, a
// module's size, both in steps, and by how many modules its edges are off in all.
type crossing struct{ shift, module, off float64 }

// edges are the distances, in steps, from the middle of a finder to its edges on one side.
type edges [3]float64

// crossGrid looks for a finder's 1:1:3:1:1 along a row, a column or a diagonal through the
// pixel of (x, y), in steps of (dx, dy). A module is of about m steps. Each distance may be off by
// loose modules and a bit.
func (l *level) crossGrid(x, y float64, dx, dy int, m, loose float64, inverted bool) (c crossing, ok bool) {
	xi, yi, reach := int(x), int(y), int(7.7*m+2)
	var back, ahead edges
	if !l.walk(xi, yi, -dx, -dy, reach, inverted, &back) || !l.walk(xi, yi, dx, dy, reach, inverted, &ahead) {
		return c, false
	}
	if c.module, c.off, ok = l.fits(&back, &ahead, loose); !ok {
		if !l.merging {
			_, _, l.endless = mergedProportions(&back, &ahead, loose)
		}
		return c, false
	}
	if !l.hasSwing(float64(xi)+0.5, float64(yi)+0.5, float64(dx), float64(dy), &back, &ahead, inverted) {
		return c, false
	}
	c.shift = l.shiftOf(&back, &ahead)
	if dx != 0 {
		c.shift += float64(xi) + 0.5 - x
	} else {
		c.shift += float64(yi) + 0.5 - y
	}
	return c, true
}

// cross does what crossGrid does along any line; the longer of dx and dy is 1 or -1.
func (l *level) cross(x, y, dx, dy, m, loose float64, inverted bool) (module float64, ok bool) {
	reach := int(7.7*m + 2)
	var back, ahead edges
	if !l.stroll(x, y, -dx, -dy, reach, inverted, &back) || !l.stroll(x, y, dx, dy, reach, inverted, &ahead) {
		return 0, false
	}
	module, _, ok = l.fits(&back, &ahead, loose)
	return module, ok
}

// proportions says whether edges are a finder's, how large a module is, and by how many modules
// the edges are off in all.
func proportions(back, ahead *edges, loose float64) (module, off float64, ok bool) {
	d02, d13 := back[2]-back[0], back[1]+ahead[0]
	d24, d35 := back[0]+ahead[1], ahead[2]-ahead[0]
	module = (d02 + d13 + d24 + d35) / span
	most := module*loose + 0.6
	c := back[0] + ahead[0]
	o02, o35, o13, o24 := math.Abs(d02-2*module), math.Abs(d35-2*module), math.Abs(d13-4*module), math.Abs(d24-4*module)
	return module, (o02 + o35 + o13 + o24) / module, o02 <= most && o35 <= most &&
		o13 <= 1.4*most && o24 <= 1.4*most && c >= 1.8*module && c <= 4.6*module
}

// shift is the way to the middle.
func shift(back, ahead *edges) float64 {
	return (ahead[0] - back[0] + ahead[1] - back[1] + ahead[2] - back[2]) / 6
}

// hasSwing says whether a finder's middle and the ring around it differ by more than noise.
func (l *level) hasSwing(x, y, dx, dy float64, back, ahead *edges, inverted bool) bool {
	mid, before, after := (ahead[0]-back[0])/2, -(back[0]+back[1])/2, (ahead[0]+ahead[1])/2
	swing := (l.at(x+before*dx, y+before*dy)+l.at(x+after*dx, y+after*dy))/2 - l.at(x+mid*dx, y+mid*dy)
	if inverted {
		swing = -swing
	}
	return swing >= int32(l.contrast)*grayScale*5/4
}

// walk goes from pixel (x, y), which is dark, by steps of (dx, dy), and finds the first three
// edges, to a fraction of a step, within three, four and five fifths of reach: they are at most so
// many modules away; the third may be endless. What is beyond the border is light, as paper is.
func (l *level) walk(x, y, dx, dy, reach int, inverted bool, at *edges) bool {
	i, way := y*l.stride+x, dy*l.stride+dx
	t := l.thresholdAt(x, y)
	last := over(l.pix[i], t)
	if (last > 0) != inverted {
		return false
	}
	inside := min(stepsInside(x, dx, l.w), stepsInside(y, dy, l.h))
	next := min(stepsToBlock(x, dx), stepsToBlock(y, dy)) // the step into another block
	n, light, limit := 0, inverted, reach*3/5
	for step := 1; step <= limit; step++ {
		i += way
		now := 60
		if step <= inside {
			if step == next {
				bx, by := x+step*dx, y+step*dy
				t = l.thresholdAt(bx, by)
				next += min(stepsToBlock(bx, dx), stepsToBlock(by, dy))
			}
			now = over(l.pix[i], t)
			// Most steps stay in a block and in a colour.
			for same := min(next, inside+1, limit+1) - 1; step < same && (now > 0) == light; step++ {
				i += way
				last, now = now, over(l.pix[i], t)
			}
		}
		if (now > 0) != light {
			at[n] = float64(step-1) + float64(last)/float64(last-now)
			if n++; n == len(at) {
				l.spend(walkCost + stepCost*step)
				return true
			}
			light, limit = !light, reach*(3+n)/5
		}
		last = now
	}
	l.spend(walkCost + stepCost*limit)
	at[2] = endless
	return n == 2
}

// thresholdAt is the threshold of the block of pixel (x, y), for a look at its pixels; -1 if all is light there.
func (l *level) thresholdAt(x, y int) int {
	bx, by := x>>3, y>>3
	if !l.ready[by] || l.veil.of.pix != nil {
		l.prepare(bx, by)
	}
	if t := l.thr[by*l.bw+bx]; t != 0 {
		return int(t)
	}
	return -1
}

// prepare makes a block's threshold, and under a veil its pixels.
func (l *level) prepare(bx, by int) {
	if l.veil.of.pix != nil {
		l.unveil(bx, by)
	}
	l.thresholds(by)
}

// over is how much brighter than the threshold a pixel is, times two; never 0.
func over(pixel uint8, threshold int) int { return 2*(int(pixel)-threshold) - 1 }

// stepsInside is how many steps of d, which is 1, 0 or -1, go from x and stay from 0 to below w.
func stepsInside(x, d, w int) int {
	switch {
	case d > 0:
		return w - 1 - x
	case d < 0:
		return x
	}
	return endless
}

// stepsToBlock is how many of them go to another block of pixels.
func stepsToBlock(x, d int) int { return stepsInside(x%block, d, block) + 1 }

// stroll does what walk does along any line.
func (l *level) stroll(x, y, dx, dy float64, reach int, inverted bool, at *edges) bool {
	last := l.brightness(x, y)
	if (last > 0) != inverted {
		return false
	}
	n, light, limit := 0, inverted, reach*3/5
	for step := 1; step <= limit; step++ {
		x, y = x+dx, y+dy
		now := l.brightness(x, y)
		if (now > 0) != light {
			at[n] = float64(step-1) + float64(last)/float64(last-now)
			if n++; n == len(at) {
				l.spend(30 + 14*step)
				return true
			}
			light, limit = !light, reach*(3+n)/5
		}
		last = now
	}
	l.spend(30 + 14*limit)
	if l.merging && n == 2 {
		at[2] = endless
		return true
	}
	return false
}

// brightness is how much brighter than the threshold the level is at (x, y), in 1/grayScale
// of a step of brightness; never 0.
func (l *level) brightness(x, y float64) int32 {
	if !(x >= 0 && y >= 0 && x < float64(l.w) && y < float64(l.h)) { // nor if one is not a number
		return 60 * grayScale
	}
	xi, yi := int(x), int(y)
	t := int32(l.thresholds(yi >> 3)[xi>>3])
	if t == 0 {
		t = -1
	}
	return l.at(x, y) - t*grayScale - grayScale/2 | 1
}
