package eye

import "math"

// A homography takes a code's modules to the level's pixels: (u, v) to
// ((a u + b v + c)/w, (d u + e v + f)/w) with w = g u + h v + 1. Module (0, 0) is the
// upper left one and reaches from 0 to 1.
type homography struct{ a, b, c, d, e, f, g, h float64 }

func (t *homography) at(u, v float64) (x, y float64) {
	k := 1 / (t.g*u + t.h*v + 1)
	return (t.a*u + t.b*v + t.c) * k, (t.d*u + t.e*v + t.f) * k
}

// around are the place of (u, v), and the ways, in pixels, to the next module to the right
// and below there.
func (t *homography) around(u, v float64) (x, y, rx, ry, bx, by float64) {
	k := 1 / (t.g*u + t.h*v + 1)
	x, y = (t.a*u+t.b*v+t.c)*k, (t.d*u+t.e*v+t.f)*k
	return x, y, (t.a - t.g*x) * k, (t.d - t.g*y) * k, (t.b - t.h*x) * k, (t.e - t.h*y) * k
}

// How far a code's homography may go. Modules' sizes go with the square of w, and those of a
// code's finders differ by less than sizeRatio; so with w from a quarter to four it is none. With
// both, what is looked at up to five modules from a place within the code is less than 2^23
// pixels away, which fixed has room for.
const (
	leastW   = 0.25 // within the code; it is 1 at module (0, 0)
	mostW    = 4
	farthest = 2 * maxSide // from the picture's upper left corner, in pixels, along x and y
)

// holds says whether a homography may be that of a code of dim modules a side: nothing of it lies
// on the horizon or behind it, or farther off than fixed point goes. Where its four corners hold,
// all between them does. An infinite one, or one that is not a number, does not.
func (t *homography) holds(dim int) bool {
	n := float64(dim)
	for _, uv := range [...][2]float64{{0, 0}, {n, 0}, {n, n}, {0, n}} {
		w := t.g*uv[0] + t.h*uv[1] + 1
		if !(w >= leastW && w <= mostW) {
			return false
		}
		if x, y := t.at(uv[0], uv[1]); !(math.Abs(x) <= farthest && math.Abs(y) <= farthest) {
			return false
		}
	}
	return true
}

// steps are the ways of around.
func (t *homography) steps(u, v float64) (rx, ry, bx, by float64) {
	_, _, rx, ry, bx, by = t.around(u, v)
	return rx, ry, bx, by
}

// A pin fixes a place of the code to a place of the level.
type pin struct {
	u, v   float64 // modules
	x, y   float64 // pixels
	weight float64
}

// fit is the homography that goes through pins, or if there are more than four, near to
// them: least squares of what is off in pixels. It is linear in the unknowns but for the
// division by w, so each round takes w from the one before.
func fit(pins []pin, rounds int) (t homography, ok bool) {
	for range rounds {
		var m [8][9]float64
		for i := range pins {
			p := &pins[i]
			w := t.g*p.u + t.h*p.v + 1
			if math.Abs(w) < 1e-3 {
				return t, false
			}
			addEquation(&m, [9]float64{p.u, p.v, 1, 0, 0, 0, -p.u * p.x, -p.v * p.x, p.x}, p.weight/(w*w))
			addEquation(&m, [9]float64{0, 0, 0, p.u, p.v, 1, -p.u * p.y, -p.v * p.y, p.y}, p.weight/(w*w))
		}
		var s [8]float64
		if s, ok = solve8(&m); !ok {
			return t, false
		}
		t = homography{s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]}
	}
	return t, true
}

// addEquation adds one weighted equation, its right side last, to normal equations.
func addEquation(m *[8][9]float64, eq [9]float64, weight float64) {
	for i := range 8 {
		if eq[i] == 0 {
			continue
		}
		k := weight * eq[i]
		for j := range 9 {
			m[i][j] += k * eq[j]
		}
	}
}

// solve8 solves eight equations by Gauss's elimination with pivots.
func solve8(m *[8][9]float64) (s [8]float64, ok bool) {
	for c := range 8 {
		p := c
		for r := c + 1; r < 8; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[p][c]) {
				p = r
			}
		}
		m[c], m[p] = m[p], m[c]
		if math.Abs(m[c][c]) < 1e-12 {
			return s, false
		}
		for r := c + 1; r < 8; r++ {
			k := m[r][c] / m[c][c]
			for j := c; j < 9; j++ {
				m[r][j] -= k * m[c][j]
			}
		}
	}
	for c := 7; c >= 0; c-- {
		sum := m[c][8]
		for j := c + 1; j < 8; j++ {
			sum -= m[c][j] * s[j]
		}
		s[c] = sum / m[c][c]
	}
	return s, true
}
