//go:build (amd64 || arm64) && !purego

package eye

// Where most pixels are looked at, the work is done on 16 bytes at a time, by what every processor of these kinds has. Each
// of these functions does as much of a row as it can so, says how much that is, and leaves the rest to the same in Go, by
// words of eight bytes: that is all there is on other machines, and both come to the same.

// darkVectors does what darkWords does.
func darkVectors(out []uint64, row []byte, thr []uint8) int {
	n := min(len(out), len(row)/64, len(thr)/8)
	if n > 0 {
		darkVector(&out[0], &row[0], &thr[0], n)
	}
	return n
}

// statVectors does what statWords does.
func statVectors(out []uint32, a, b []byte, contrast uint32) int {
	n := min(len(out), len(a)/block, len(b)/block) &^ 7
	if n > 0 {
		statVector(&out[0], &a[0], &b[0], n, 2*contrast)
	}
	return n
}

// halveVectors does what halveWords does.
func halveVectors(out, a, b []byte) int {
	n := min(len(out), len(a)/2, len(b)/2) &^ 15
	if n > 0 {
		halveVector(&out[0], &a[0], &b[0], n)
	}
	return n
}

// quarterVectors does what quarterWords does.
func quarterVectors(out, a, b []byte) int {
	n := min(len(out), len(a)/4, len(b)/4) &^ 15
	if n > 0 {
		quarterVector(&out[0], &a[0], &b[0], n)
	}
	return n
}

// mixVectors does what mixWords does.
func mixVectors(out, a, b, c, d, e []byte) int {
	n := min(len(out), len(a), len(b), len(c), len(d), len(e)) &^ 15
	if n > 0 {
		mixVector(&out[0], &a[0], &b[0], &c[0], &d[0], &e[0], n)
	}
	return n
}

// endVectors does what endWords does. There are spare cuts beyond those of n edges.
func endVectors(ends []uint64, cuts []int32, n int) int {
	groups := (n + 7) / 8
	if groups == 0 || len(cuts) < 8*groups+runsIn || len(ends) < (groups+7)/8 {
		return 0
	}
	endVector(&ends[0], &cuts[0], groups)
	if n%64 != 0 {
		ends[n/64] &= 1<<(n%64) - 1
	}
	return n
}

//go:noescape
func darkVector(out *uint64, row, thr *byte, n int)

//go:noescape
func statVector(out *uint32, a, b *byte, n int, limit uint32)

//go:noescape
func halveVector(out, a, b *byte, n int)

//go:noescape
func quarterVector(out, a, b *byte, n int)

//go:noescape
func mixVector(out, a, b, c, d, e *byte, n int)

//go:noescape
func endVector(ends *uint64, cuts *int32, groups int)
