package eye

import "math"

// modules are a code's modules as they are seen, by rows.
type modules struct {
	dim  int
	taps int       // places that a module was looked at in
	off  float64   // the share that is not as it is in every code, of those that are alike in all
	gray []int32   // brightness, times grayScale
	soft []float32 // how dark: about 1 for dark, -1 for light, after levelling
	eq   []float32 // soft, after an equaliser

	sum, brightSum, brightN []int32 // running sums, with a row and a column of zeros
}

func (m *modules) size(dim int) {
	n, s := dim*dim, (dim+1)*(dim+1)
	if cap(m.gray) < n {
		n, s = maxDim*maxDim, (maxDim+1)*(maxDim+1)
		m.gray, m.soft, m.eq = make([]int32, n), make([]float32, n), make([]float32, n)
		m.sum, m.brightSum, m.brightN = make([]int32, s), make([]int32, s), make([]int32, s)
		n, s = dim*dim, (dim+1)*(dim+1)
	}
	if m.dim != dim { // the sums' first row and column are zeros
		clear(m.sum[:cap(m.sum)])
		clear(m.brightSum[:cap(m.sum)])
		clear(m.brightN[:cap(m.sum)])
	}
	m.dim = dim
	m.gray, m.soft, m.eq = m.gray[:n], m.soft[:n], m.eq[:n]
	m.sum, m.brightSum, m.brightN = m.sum[:s], m.brightSum[:s], m.brightN[:s]
}

// fiveTaps is the least pixels to a module at which a module is looked at in five places.
const fiveTaps = 2.6

// fiveFit says whether five places fit into a module.
func fiveFit(t *homography, dim int) bool {
	rx, ry, bx, by := t.steps(float64(dim)/2, float64(dim)/2)
	return math.Hypot(rx, ry)+math.Hypot(bx, by) > 2*fiveTaps
}

// sample looks at each module of a code that lies as t says, bent as b says, in up to so many
// places: 5, or 1 in its middle.
func (m *modules) sample(p *plane, t *homography, b *bend, dim, most int) {
	m.size(dim)
	five := most == 5 && fiveFit(t, dim)
	m.taps = 1
	if five {
		m.taps = 5
	}
	for v := range dim {
		for u := range dim {
			cu, cv := float64(u)+0.5, float64(v)+0.5
			x, y, rx, ry, bx, by := t.around(cu, cv)
			if b != nil {
				dx, dy := b.at(cu, cv)
				x, y = x+dx, y+dy
			}
			fx, fy := fixed(x), fixed(y)
			g := p.atFixed(fx, fy)
			if five {
				const o = 0.22
				px, py, qx, qy := fixed(o*(rx+bx)), fixed(o*(ry+by)), fixed(o*(rx-bx)), fixed(o*(ry-by))
				g = (g + p.atFixed(fx+px, fy+py) + p.atFixed(fx-px, fy-py) + p.atFixed(fx+qx, fy+qy) + p.atFixed(fx-qx, fy-qy)) / 5
			}
			m.gray[v*dim+u] = g
		}
	}
}

// window is how many modules around a module tell what is dark there.
const window = 5

// level fills soft: around each module it takes the mean, and the means of what is brighter
// and of what is darker than that; between these two a module is from -1 to 1.
func (m *modules) level(inverted bool) {
	d := m.dim
	integrate(m.sum, m.gray, d)
	m.splitBright()
	sign := float32(1)
	if inverted {
		sign = -1
	}
	for v := range d {
		v0, v1 := max(v-window, 0)*(d+1), min(v+window+1, d)*(d+1)
		for u := range d {
			u0, u1 := max(u-window, 0), min(u+window+1, d)
			n := int32((u1 - u0) * (v1 - v0) / (d + 1))
			all := m.sum[v1+u1] - m.sum[v0+u1] - m.sum[v1+u0] + m.sum[v0+u0]
			bright := m.brightSum[v1+u1] - m.brightSum[v0+u1] - m.brightSum[v1+u0] + m.brightSum[v0+u0]
			k := m.brightN[v1+u1] - m.brightN[v0+u1] - m.brightN[v1+u0] + m.brightN[v0+u0]
			i := v*d + u
			if k == 0 || k == n {
				m.soft[i] = 0
				continue
			}
			hi, lo := bright*(n-k), (all-bright)*k // the means, times k*(n-k): below 2^26
			if hi <= lo {                          // each was split by the mean around itself
				m.soft[i] = 0
				continue
			}
			s := sign * float32(hi+lo-2*m.gray[i]*k*(n-k)) / float32(hi-lo)
			m.soft[i] = min(max(s, -2), 2)
		}
	}
}

// splitBright sums up what is brighter than the mean around it.
func (m *modules) splitBright() {
	d := m.dim
	for v := range d {
		v0, v1 := max(v-window, 0)*(d+1), min(v+window+1, d)*(d+1)
		var rowSum, rowN int32
		for u := range d {
			u0, u1 := max(u-window, 0), min(u+window+1, d)
			n := int32((u1 - u0) * (v1 - v0) / (d + 1))
			g := m.gray[v*d+u]
			if all := m.sum[v1+u1] - m.sum[v0+u1] - m.sum[v1+u0] + m.sum[v0+u0]; g*n > all {
				rowSum, rowN = rowSum+g, rowN+1
			}
			i := (v+1)*(d+1) + u + 1
			m.brightSum[i] = m.brightSum[i-d-1] + rowSum
			m.brightN[i] = m.brightN[i-d-1] + rowN
		}
	}
}

// integrate fills sum with the sums of all that is above and to the left, for rows of d.
// Its first row and column stay zero.
func integrate(sum, of []int32, d int) {
	for v := range d {
		var row int32
		for u := range d {
			row += of[v*d+u]
			i := (v+1)*(d+1) + u + 1
			sum[i] = sum[i-d-1] + row
		}
	}
}

// sharpen fills eq with soft after a fixed equaliser: blur gives a module a share of its
// four neighbours, and this takes it away.
func (m *modules) sharpen(share float32) {
	d := m.dim
	for v := range d {
		for u := range d {
			i := v*d + u
			c := m.soft[i]
			around := m.soft[v*d+max(u-1, 0)] + m.soft[v*d+min(u+1, d-1)] +
				m.soft[max(v-1, 0)*d+u] + m.soft[min(v+1, d-1)*d+u]
			m.eq[i] = c + share*(4*c-around)
		}
	}
}

// knownOff is the share of the modules that are alike in every code and are not so here.
func (m *modules) knownOff(lay *layout) float64 {
	off := 0
	for _, i := range lay.known {
		if (m.soft[i] > 0) != (lay.fixed[i] == dark) {
			off++
		}
	}
	return float64(off) / float64(len(lay.known))
}
