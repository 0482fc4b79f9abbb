package eye

import "math"

// A wall of finders, or a sheet of icons, stands so close that it cannot be codes': the finders of one are 14 modules
// apart and more. Of many finders those that have others like them nearer than that are left out, and
// where they were it is not looked again, for there may be thousands of them.

const (
	crowdLeast = 24  // finders among which such are told
	crowdReach = 9.5 // modules within which a code's finder has no other like it: a turned one seems larger than it is
	crowdMates = 2   // that a finder has which is left out
	crowdAlike = 1.3 // times larger
	wallCell   = 8   // pixels a side, of what is noted as a wall
)

// leaveCrowds says of each finder whether it is one of a crowd.
func (l *level) leaveCrowds() {
	for i := range l.finders {
		l.finders[i].crowd = l.mates(i) >= crowdMates
	}
	l.spend(20 * len(l.finders))
}

// mates counts the finders that are like finder i, and nearer than a code's may be; no more than are needed.
func (l *level) mates(i int) (n int) {
	f, last, looks := &l.finders[i], len(l.bands)-1, 0
	high := crowdReach * f.my
	for b := min(max(int(f.y-high)/band, 0), last); b <= min(max(int(f.y+high)/band, 0), last) && n < crowdMates; b++ {
		for j := int(l.bands[b]); j >= 0 && n < crowdMates; j = int(l.finders[j].next) {
			g := &l.finders[j]
			looks++
			dx, dy := math.Abs(g.x-f.x), math.Abs(g.y-f.y)
			if j == i || dx > crowdReach*f.mx || dy > high || g.inverted != f.inverted {
				continue
			}
			u, v, m, k := dx/f.mx, dy/f.my, f.module(), g.module()
			if u*u+v*v < crowdReach*crowdReach && m < crowdAlike*k && k < crowdAlike*m {
				n++
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
