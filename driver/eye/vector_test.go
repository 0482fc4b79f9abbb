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
