package eye

import (
	"slices"
	"testing"
)

// The beat of the timing patterns lets a code's corner through, turned, aslant and blurred, and few of those
// that letters, icons and pieces of posters make.
func TestTheBeatTellsACodesCornerFromACrowd(t *testing.T) {
	passed, all := 0, 0
	for _, tt := range []struct {
		condition string
		strength  float64
	}{{"icons", 60}, {"icons", 100}, {"torn", 2}, {"torn", 3}, {"text", 2}} {
		for seed := range uint64(2) {
			f := condition(t, tt.condition).Frame(seed, tt.strength, 0)
			r, read := NewReader(), false
			r.left = 1 << 30
			l := r.level(0, planeOf(f.Image))
			allFinders(l)
			corners := slices.Clone(l.makeCorners())
			for _, c := range corners {
				l.inverted = l.finders[c.at].inverted
				all++
				if !l.keepsTime(c) {
					continue
				}
				passed++
				read = read || r.tryGrids(l, c)
			}
			if !read || r.code.Text != f.Text {
				t.Errorf("%v, scene %d: the code's corner is turned down", tt, seed)
			}
		}
	}
	if all < 1000 || 20*passed > all {
		t.Errorf("%d of %d corners pass; want one in twenty", passed, all)
	}
}

// The beat is there however many modules a code has and however it is turned, and not where a
// side has none.
func TestTheBeatOfOneSide(t *testing.T) {
	l := newLevel(clean(t, "RG1:BEAT", 4))
	l.begin(wideRadius)
	l.scanRows(0, l.h, 1)
	c := l.makeCorners()[0]
	if !l.keepsTime(c) {
		t.Fatal("a clean code has no beat")
	}
	// The other timing pattern covered: one side alone is not enough.
	at, below := l.finders[c.at], l.finders[c.below]
	for y := int(at.y + 4*at.my); y < int(below.y-4*at.my); y++ {
		for x := int(at.x); x < int(at.x+5*at.mx); x++ {
			l.pix[y*l.stride+x] = uint8(y / int(4*at.my) % 2 * 255)
		}
	}
	if l.keepsTime(c) {
		t.Error("a corner passes with a timing pattern of four times the modules")
	}
}
