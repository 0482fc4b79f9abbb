package eye

import "math"

// Taps of the trained equaliser: a module's nine, and a constant.
const taps = 10

// train fills eq with soft after an equaliser that the code itself teaches: the least squares
// solution, over all modules that every code of this version has alike, for the weights of a
// module's 3 x 3 neighbours that bring it to what it should be (dark 1, light -1). It undoes
// blur of any direction, and a grid that lies a little off. To be held near to no equaliser
// by ridge modules' worth keeps it from being taught noise.
func (m *modules) train(lay *layout, ridge float64) bool {
	var a [taps][taps + 1]float64
	var x [taps]float64
	for _, i := range lay.known {
		m.neighbours(int(i), &x)
		want := -1.0
		if lay.fixed[i] == dark {
			want = 1
		}
		for r := range taps {
			for c := r; c < taps; c++ {
				a[r][c] += x[r] * x[c]
			}
			a[r][taps] += x[r] * want
		}
	}
	for r := range taps {
		a[r][r] += ridge
	}
	a[4][taps] += ridge
	w, ok := solveSymmetric(&a)
	if !ok {
		return false
	}
	for i := range m.eq {
		m.neighbours(i, &x)
		sum := 0.0
		for k := range taps {
			sum += w[k] * x[k]
		}
		m.eq[i] = float32(sum)
	}
	return true
}

// neighbours are the soft values of module i's 3 x 3, by rows, and 1. Beyond the border all is
// light: the quiet zone.
func (m *modules) neighbours(i int, x *[taps]float64) {
	d := m.dim
	u, v := i%d, i/d
	k := 0
	for dv := -1; dv <= 1; dv++ {
		for du := -1; du <= 1; du++ {
			x[k] = -1
			if u+du >= 0 && u+du < d && v+dv >= 0 && v+dv < d {
				x[k] = float64(m.soft[i+dv*d+du])
			}
			k++
		}
	}
	x[taps-1] = 1
}

// solveSymmetric solves positive definite equations, of which the upper half is given, by
// Cholesky's decomposition.
func solveSymmetric(a *[taps][taps + 1]float64) (x [taps]float64, ok bool) {
	for r := range taps {
		for k := range r {
			f := a[k][r] / a[k][k]
			for c := r; c <= taps; c++ {
				a[r][c] -= f * a[k][c]
			}
		}
		if a[r][r] < 1e-9 || math.IsNaN(a[r][r]) {
			return x, false
		}
	}
	for r := taps - 1; r >= 0; r-- {
		sum := a[r][taps]
		for c := r + 1; c < taps; c++ {
			sum -= a[r][c] * x[c]
		}
		x[r] = sum / a[r][r]
	}
	return x, true
}
