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
