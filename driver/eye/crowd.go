package eye

import "math"

// A wall of finders, or a sheet of icons, stands so close that it cannot be codes': the finders of one are 14 modules
// apart and more. Of many finders those that have others like them nearer than that are left out, and
// where they were it is not looked again, for there may be thousands of them.

const (
	crowdLeast = 24  // finders among which such are told
	crowdReach = 9.5 // modules within which a code's finder has no other like it: one that is turned by 45 degrees seems larger than it is
	crowdAlong = 10  // the same along the picture's rows and columns, where a code's side only lies if it is not turned
	crowdShare = 4   // a crowd is one part of so many of all finders at least: among fewer icons a code's may have two like it by chance
	crowdMates = 2   // that a finder has which is left out
	crowdAlike = 1.3 // times larger
	wallCell   = 8   // pixels a side, of what is noted as a wall
)

// leaveCrowds says of each finder whether it is one of a crowd, and whether those are many.
func (l *level) leaveCrowds() (many bool) {
	n := 0
	for i := range l.finders {
		f := &l.finders[i]
		if f.crowd = l.mates(i) >= crowdMates; f.crowd {
			n++
		}
	}
	l.spend(20 * len(l.finders))
	return n*crowdShare >= len(l.finders)
}

// mates counts the finders that are like finder i, and nearer than a code's may be; no more than are needed.
func (l *level) mates(i int) (n int) {
	f, looks := &l.finders[i], 0
	wide, high := crowdAlong*f.mx, crowdAlong*f.my
	top, bottom := l.cellRow(f.y-high), l.cellRow(f.y+high)
	left, right := l.cellColumn(f.x-wide), l.cellColumn(f.x+wide)
	for cy := top; cy <= bottom; cy++ {
		for _, j := range l.cells[cy*l.cellsWide:][left : right+1] {
			for looks++; j >= 0; j = l.finders[j].next {
				g := &l.finders[j]
				looks++
				dx, dy := math.Abs(g.x-f.x), math.Abs(g.y-f.y)
				if int(j) == i || dx > wide || dy > high || g.inverted != f.inverted {
					continue
				}
				u, v, m, k := dx/f.mx, dy/f.my, f.module(), g.module()
				if d := u*u + v*v; (d < crowdReach*crowdReach || d < crowdAlong*max(u, v)) && m < crowdAlike*k && k < crowdAlike*m {
					if n++; n == crowdMates {
						l.spend(3 * looks)
						return n
					}
				}
			}
		}
	}
	l.spend(3 * looks)
	return n
}

// dropCrowds drops the finders that are of a crowd, and notes where they were.
func (l *level) dropCrowds() {
	l.leaveCrowds()
	kept := l.finders[:0]
	for _, f := range l.finders {
		if !f.crowd {
			kept = append(kept, f)
			continue
		}
		for y := f.y - 1.5*f.my; y < f.y+1.5*f.my+wallCell; y += wallCell {
			for x := f.x - 1.5*f.mx; x < f.x+1.5*f.mx+wallCell; x += wallCell {
				if i := l.wallAt(min(x, f.x+1.5*f.mx), min(y, f.y+1.5*f.my)); i >= 0 {
					l.wall[i/64] |= 1 << (i % 64)
				}
			}
		}
	}
	l.finders = kept
	l.relink()
}

// wallAt is the number of the cell of (x, y), or -1.
func (l *level) wallAt(x, y float64) int {
	if !(x >= 0 && y >= 0 && x < float64(l.w) && y < float64(l.h)) {
		return -1
	}
	return int(y)/wallCell*((l.w+wallCell-1)/wallCell) + int(x)/wallCell
}

// isWall says whether a finder that was one of a crowd was at (x, y).
func (l *level) isWall(x, y float64) bool {
	i := l.wallAt(x, y)
	return i >= 0 && l.wall[i/64]>>(i%64)&1 != 0
}
