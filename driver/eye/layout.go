package eye

import "github.com/makiuchi-d/gozxing/qrcode/decoder"

// A layout says what the modules of one version are for (ISO/IEC 18004, 6.3 and 7.7.3).
// Modules are counted by rows: (u, v) is v*dim+u.
type layout struct {
	version *decoder.Version
	dim     int
	align   []int    // rows and columns of alignment patterns' middles
	fixed   []int8   // dark or light if the module is the same in every code, else free or taken
	known   []uint16 // modules that are the same in every code
	data    []uint16 // modules of the codewords' bits, in their order
}

// What a module is in every code of the version.
const (
	free  int8 = iota // a codeword's
	taken             // the format's or the version's
	dark
	light
)

const (
	minDim = 21
	maxDim = 177
)

// newLayout makes the layout of codes with dim modules a side, which must be 17 + 4 times
// a version.
func newLayout(dim int) *layout {
	version, err := decoder.Version_GetProvisionalVersionForDimension(dim)
	if err != nil {
		return nil
	}
	l := &layout{version: version, dim: dim, align: version.GetAlignmentPatternCenters(), fixed: make([]int8, dim*dim)}
	l.drawFinders()
	l.drawTiming()
	l.drawAlignment()
	l.drawInformation()
	for i, f := range l.fixed {
		if f == dark || f == light {
			l.known = append(l.known, uint16(i))
		}
	}
	l.orderData()
	return l
}

func (l *layout) set(u, v int, what int8) {
	if u >= 0 && v >= 0 && u < l.dim && v < l.dim {
		l.fixed[v*l.dim+u] = what
	}
}

// ring sets the square ring at r modules around (u, v).
func (l *layout) ring(u, v, r int, what int8) {
	for i := -r; i <= r; i++ {
		l.set(u+i, v-r, what)
		l.set(u+i, v+r, what)
		l.set(u-r, v+i, what)
		l.set(u+r, v+i, what)
	}
}

func (l *layout) drawFinders() {
	for _, m := range [][2]int{{3, 3}, {l.dim - 4, 3}, {3, l.dim - 4}} {
		for r, what := range [...]int8{dark, dark, light, dark, light} {
			l.ring(m[0], m[1], r, what)
		}
	}
}

func (l *layout) drawTiming() {
	for i := 8; i < l.dim-8; i++ {
		what := dark
		if i%2 == 1 {
			what = light
		}
		l.set(i, 6, what)
		l.set(6, i, what)
	}
}

func (l *layout) drawAlignment() {
	for _, v := range l.align {
		for _, u := range l.align {
			if l.hasAlignment(u, v) {
				l.ring(u, v, 0, dark)
				l.ring(u, v, 1, light)
				l.ring(u, v, 2, dark)
			}
		}
	}
}

// hasAlignment says whether there is a pattern at (u, v), both of which are in align:
// there is none where finders are.
func (l *layout) hasAlignment(u, v int) bool {
	last := l.dim - 7
	return !(u == 6 && v == 6 || u == last && v == 6 || u == 6 && v == last)
}

func (l *layout) drawInformation() {
	for _, m := range formatModules(l.dim) {
		l.set(m[0], m[1], taken)
	}
	l.set(8, l.dim-8, taken) // always dark, but elsewhere if the code is mirrored
	if l.dim < 45 {
		return
	}
	for i := range 18 {
		l.set(l.dim-11+i%3, i/3, taken)
		l.set(i/3, l.dim-11+i%3, taken)
	}
}

// orderData walks the columns in pairs, from the right, up and down in turn, skipping
// the timing pattern's column.
func (l *layout) orderData() {
	up := true
	for right := l.dim - 1; right > 0; right -= 2 {
		if right == 6 {
			right--
		}
		for i := range l.dim {
			v := i
			if up {
				v = l.dim - 1 - i
			}
			for u := right; u > right-2; u-- {
				if l.fixed[v*l.dim+u] == free {
					l.data = append(l.data, uint16(v*l.dim+u))
				}
			}
		}
		up = !up
	}
}

// formatModules are the places (u, v) of the format's 15 bits, most significant first: of
// the copy around the upper left finder, then of the one that is split between the others.
func formatModules(dim int) [30][2]int {
	var out [30][2]int
	for i := range 15 {
		switch {
		case i < 6:
			out[i] = [2]int{i, 8}
		case i < 8:
			out[i] = [2]int{i + 1, 8}
		case i == 8:
			out[i] = [2]int{8, 7}
		default:
			out[i] = [2]int{8, 14 - i}
		}
		if i < 7 {
			out[15+i] = [2]int{8, dim - 1 - i}
		} else {
			out[15+i] = [2]int{dim - 15 + i, 8}
		}
	}
	return out
}
