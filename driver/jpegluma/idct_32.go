//go:build arm || 386 || mips || mipsle

package jpegluma

// words are 64 coefficients, or values half-way to samples: that of line v and column u is 8v+u.
type words [64]int32

// add puts coefficient v at a place, 8v+u, where there was none.
func (w *words) add(place uint32, v int32) { w[place&63] = v }

const (
	colRound = 1 << (colShift - 1)
	rowRound = 128<<rowShift + 1<<(rowShift-1) // 128: the level shift, A.3.1
)

// half is how many columns have coefficients.
func half(left bool) int {
	if left {
		return 4
	}
	return 8
}

// columns4 does columns8 for a block whose lines 4 to 7 are zero.
func (t *words) columns4(b *words, left bool) {
	for c := range half(left) {
		x0, x1, x2, x3 := b[c]*one+colRound, b[8+c], b[16+c], b[24+c]
		e, o := x0+k2*x2, k1*x1+k3*x3
		t[c], t[56+c] = (e+o)>>colShift, (e-o)>>colShift
		e, o = x0+k6*x2, k3*x1-k7*x3
		t[8+c], t[48+c] = (e+o)>>colShift, (e-o)>>colShift
		e, o = x0-k6*x2, k5*x1-k1*x3
		t[16+c], t[40+c] = (e+o)>>colShift, (e-o)>>colShift
		e, o = x0-k2*x2, k7*x1-k5*x3
		t[24+c], t[32+c] = (e+o)>>colShift, (e-o)>>colShift
	}
}

// columns8 puts into t the transformed columns of b, or the left four of them.
func (t *words) columns8(b *words, left bool) {
	for c := range half(left) {
		x0, x4 := b[c]*one+colRound, b[32+c]*one
		x1, x2, x3, x5, x6, x7 := b[8+c], b[16+c], b[24+c], b[40+c], b[48+c], b[56+c]
		p, q := k2*x2+k6*x6, k6*x2-k2*x6
		e, o := x0+x4+p, k1*x1+k3*x3+k5*x5+k7*x7
		t[c], t[56+c] = (e+o)>>colShift, (e-o)>>colShift
		e, o = x0-x4+q, k3*x1-k7*x3-k1*x5-k5*x7
		t[8+c], t[48+c] = (e+o)>>colShift, (e-o)>>colShift
		e, o = x0-x4-q, k5*x1-k1*x3+k7*x5+k3*x7
		t[16+c], t[40+c] = (e+o)>>colShift, (e-o)>>colShift
		e, o = x0+x4-p, k7*x1-k5*x3+k3*x5-k1*x7
		t[24+c], t[32+c] = (e+o)>>colShift, (e-o)>>colShift
	}
}

// lines4 puts into b the transformed lines of t, of which columns 4 to 7 are zero.
func (b *words) lines4(t *words) {
	for i := 0; i < 64; i += 8 {
		x, y := (*[8]int32)(t[i:]), (*[8]int32)(b[i:])
		x0, x1, x2, x3 := x[0]*one+rowRound, x[1], x[2], x[3]
		e, o := x0+k2*x2, k1*x1+k3*x3
		y[0], y[7] = e+o, e-o
		e, o = x0+k6*x2, k3*x1-k7*x3
		y[1], y[6] = e+o, e-o
		e, o = x0-k6*x2, k5*x1-k1*x3
		y[2], y[5] = e+o, e-o
		e, o = x0-k2*x2, k7*x1-k5*x3
		y[3], y[4] = e+o, e-o
	}
}

// lines8 puts into b the transformed lines of t.
func (b *words) lines8(t *words) {
	for i := 0; i < 64; i += 8 {
		x, y := (*[8]int32)(t[i:]), (*[8]int32)(b[i:])
		x0, x4 := x[0]*one+rowRound, x[4]*one
		x1, x2, x3, x5, x6, x7 := x[1], x[2], x[3], x[5], x[6], x[7]
		p, q := k2*x2+k6*x6, k6*x2-k2*x6
		e, o := x0+x4+p, k1*x1+k3*x3+k5*x5+k7*x7
		y[0], y[7] = e+o, e-o
		e, o = x0-x4+q, k3*x1-k7*x3-k1*x5-k5*x7
		y[1], y[6] = e+o, e-o
		e, o = x0-x4-q, k5*x1-k1*x3+k7*x5+k3*x7
		y[2], y[5] = e+o, e-o
		e, o = x0+x4-p, k7*x1-k5*x3+k3*x5-k1*x7
		y[3], y[4] = e+o, e-o
	}
}

// store scales the lines down to samples and writes them.
func (b *words) store(dst []byte, stride int) {
	for i := range 8 {
		to := dst[i*stride:][:8]
		for j, v := range b[8*i : 8*i+8] {
			if v >>= rowShift; uint32(v) > 255 {
				v = min(max(v, 0), 255)
			}
			to[j] = byte(v)
		}
	}
}
