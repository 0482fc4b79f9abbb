package journal

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// edgeOf is the edge of n leaves, of which one is another; -1: none is.
func edgeOf(n, other int64) (e Edge) {
	for i := range n {
		leaf := tlog.RecordHash([]byte{byte(i), byte(i >> 8)})
		if i == other {
			leaf[0]++
		}
		e.Append(leaf)
	}
	return e
}

// The subtree that is named holds the leaf that is another, in a tree of as many leaves and
// in each that begins with its complete subtrees.
func TestEdgesDiffer(t *testing.T) {
	const n = 0b1011010
	whole := edgeOf(n, -1)
	if from, to, ok := whole.Differ(whole); !ok || from != to {
		t.Errorf("Differ of itself = %d, %d, %v", from, to, ok)
	}
	for other := range int64(n) {
		from, to, ok := edgeOf(n, other).Differ(whole)
		if !ok || from > other || to <= other || to-from > 64 {
			t.Errorf("leaf %d is another: Differ = %d, %d, %v", other, from, to, ok)
		}
	}
	begins := map[int64]bool{0: true, 0b1000000: true, 0b1010000: true, 0b1011000: true, n: true}
	for size := range int64(n + 5) {
		from, to, ok := edgeOf(size, -1).Differ(whole)
		if ok != begins[size] || ok && from != to {
			t.Errorf("%d leaves of %d: Differ = %d, %d, %v; want %v", size, n, from, to, ok, begins[size])
		}
		if size == 0b1010000 {
			if from, to, ok := edgeOf(size, 70).Differ(whole); !ok || from != 64 || to != 80 {
				t.Errorf("leaf 70 of %d is another: Differ = %d, %d, %v; want 64, 80", size, from, to, ok)
			}
		}
	}
}
