package eye

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// row is a row of n pixels, of any brightness, of two neighbouring ones, or of both ends.
func row(r *rand.Rand, n int) []byte {
	out, kind, base := make([]byte, n), r.IntN(3), r.IntN(255)
	for i := range out {
		switch kind {
		case 0:
			out[i] = byte(r.IntN(256))
		case 1:
			out[i] = byte(base + r.IntN(2))
		case 2:
			out[i] = byte(255 * r.IntN(2))
		}
	}
	return out
}

// What vectors do of a row, and words of the rest of it, is what words alone do of all of it, of rows of any length.
func TestVectorsDoWhatWordsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 1))
	for range 2000 {
		n := r.IntN(300)
		a, b, c, d, e := row(r, 4*n), row(r, 4*n), row(r, 4*n), row(r, 4*n), row(r, 4*n)

		got, want := row(r, n), make([]byte, n)
		halveWords(want, a[:2*n], b[:2*n])
		k := halveVectors(got, a[:2*n], b[:2*n])
		if halveWords(got[k:], a[2*k:2*n], b[2*k:2*n]); !slices.Equal(got, want) {
			t.Fatalf("a row of %d halved: %d; want %d", n, got, want)
		}

		quarterWords(want, a, b)
		k = quarterVectors(got, a, b)
		if quarterWords(got[k:], a[4*k:], b[4*k:]); !slices.Equal(got, want) {
			t.Fatalf("a row of %d quartered: %d; want %d", n, got, want)
		}

		mixWords(want, a, b, c, d, e)
		if mixRows(got, a, b, c, d, e); !slices.Equal(got, want) {
			t.Fatalf("rows of %d mixed: %d; want %d", n, got, want)
		}

		contrast := uint32(minContrast + r.IntN(maxContrast-minContrast+1))
		blocks := 4 * n / block
		stats, stat := make([]uint32, blocks), make([]uint32, blocks)
		statWords(stat, a, b, contrast)
		k = statVectors(stats, a, b, contrast)
		if statWords(stats[k:], a[k*block:], b[k*block:], contrast); !slices.Equal(stats, stat) {
			t.Fatalf("%d blocks of contrast %d: %x; want %x", blocks, contrast, stats, stat)
		}

		thr := row(r, blocks)
		for i := range thr {
			if r.IntN(4) == 0 {
				thr[i] = 0
			}
		}
		dark, bits := make([]uint64, blocks/8), make([]uint64, blocks/8)
		darkWords(bits, a, thr)
		k = darkVectors(dark, a, thr)
		if darkWords(dark[k:], a[64*k:], thr[8*k:]); !slices.Equal(dark, bits) {
			t.Fatalf("%d words: %x are dark; want %x", len(bits), dark, bits)
		}
	}
}

// What is left out of a row's edges crosses no finder, whole or run into its ground: neither by vectors nor by words, which
// agree where runs are no longer than pictures of today's cameras are wide.
func TestNoEndOfAFinderIsLeftOut(t *testing.T) {
	r := rand.New(rand.NewPCG(29, 1))
	var edges, right, merged, marked int
	for range 20000 {
		n, scale, vary := r.IntN(100), 1+r.IntN(40), 2+r.IntN(20)
		if r.IntN(20) == 0 {
			scale *= 200
		}
		cuts, x := make([]int32, runsIn, n+runsIn+spare), 0
		for i := range cuts {
			cuts[i] = outside
		}
		for i := range n { // runs of a finder again and again, each off by a share of a module
			x += max(1, [...]int{1, 1, 3, 1, 1, 1 + r.IntN(9)}[i%6]*scale+r.IntN(2*scale*vary/20+3)-scale*vary/20-1)
			cuts = append(cuts, int32(x))
		}
		vectors, words := make([]uint64, (n+63)/64), make([]uint64, (n+63)/64)
		endWords(words, cuts, 0)
		endWords(vectors, cuts, endVectors(vectors, cuts[:cap(cuts)], n))
		for i := range n {
			e := cuts[i:]
			r, end := runs{int(e[0]), int(e[1]), int(e[2]), int(e[3]), int(e[4])}, int(e[5])
			isRight, isMerged := r.looksRight(end), r.looksMerged(end)
			longest := r.e3-r.e2 > r.e2-r.e1 && r.e3-r.e2 > r.e4-r.e3
			byVector, byWord := vectors[i/64]>>(i%64)&1 != 0, words[i/64]>>(i%64)&1 != 0
			if longest && (isRight || isMerged) && !(byVector && byWord) || byWord && !byVector || byVector && !byWord && scale < 100 {
				t.Fatalf("%d: right %v, merged %v, by vectors %v, by words %v", e[:6], isRight, isMerged, byVector, byWord)
			}
			edges++
			right += has(isRight && longest)
			merged += has(isMerged && longest)
			marked += has(byWord)
		}
	}
	if right < edges/100 || merged < edges/100 || marked > edges/2 {
		t.Errorf("of %d edges %d look right, %d merged, and %d are marked", edges, right, merged, marked)
	}
}

func has(b bool) int {
	if b {
		return 1
	}
	return 0
}
