package eye

import (
	"image"
	"math/rand/v2"
	"testing"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// Whatever is left of the budget when a smaller level is asked for, it is there whole or not
// at all: an eighth and a sixteenth are made of a quarter, which costs more than they do.
func TestLevelsForWhichTheBudgetHasNoRoom(t *testing.T) {
	p := planeOf(image.NewGray(image.Rect(0, 0, 1280, 960)))
	for i := 1; i < maxLevels; i++ {
		made := false
		for left := 1 << 20; left > 0; left = left * 3 / 4 {
			r := NewReader()
			r.left = left
			l := r.level(i, p)
			if l != nil && (l.w != p.w>>i || l.h != p.h>>i || r.left < -overrun) {
				t.Errorf("level %d with %d left: %d x %d pixels, %d left then", i, left, l.w, l.h, r.left)
			}
			made = made || l != nil
		}
		if !made {
			t.Errorf("level %d is never made", i)
		}
	}
}

// The largest code costs half a budget, and is not begun where that is not left.
func TestLargestCodeDoesNotOverdoTheBudget(t *testing.T) {
	soft, dim := encode(t, "RG1:LARGEST", 40, 1, decoder.ErrorCorrectionLevel_L)
	img := drawCode(dim, func(u, v int) bool {
		in := u >= 0 && v >= 0 && u < dim && v < dim
		return in && (soft[v*dim+u] > 0) != (u > 60 && u < 110 && v > 60 && v < 110) // too much is wrong
	}, 3)
	for left := frameBudget; left > 0; left -= frameBudget / 16 {
		r := NewReader()
		r.left = left
		l := r.level(0, planeOf(img))
		g := grid{dim: dim, t: homography{a: 3, c: 12, e: 3, f: 12}}
		r.readGrid(l, &g, r.layout(dim), nil)
		if r.left < -overrun {
			t.Errorf("with %d left: overdone by %d", left, -r.left)
		}
	}
}

// What a wall of finders makes costs the budget as much as it does, however many there are.
func TestManyFindersAreNotForNothing(t *testing.T) {
	l := newLevel(image.NewGray(image.Rect(0, 0, 1280, 720)))
	random := rand.New(rand.NewPCG(1, 1))
	for range maxFinders {
		l.finders = append(l.finders, finder{x: 1280 * random.Float64(), y: 720 * random.Float64(), mx: 3, my: 3, rows: 3})
	}
	before := l.left
	l.makeCorners()
	if triples, spent := maxSorted*maxNear*(maxNear-1)/2, before-l.left; spent < tripleCost*triples {
		t.Errorf("up to %d triples cost %d", triples, spent)
	}
	before = l.left
	l.likeliestPairs()
	if pairs, spent := maxSorted*(maxSorted-1)/2, before-l.left; spent < 15*pairs {
		t.Errorf("%d pairs cost %d", pairs, spent)
	}
}

// A frame that begins small may spend its budget before it is looked at in full: what was
// found in full in the frame before is no longer there.
func TestNothingIsLeftOfTheFrameBefore(t *testing.T) {
	r := NewReader()
	r.Read(clean(t, "RG1:BEFORE", 4))
	r.left, r.have = 1, [maxLevels]bool{}
	if l := r.level(0, planeOf(image.NewGray(image.Rect(0, 0, 320, 240)))); len(l.finders) > 0 || !r.sawNothing() {
		t.Errorf("%d finders in a frame that was not looked at", len(l.finders))
	}
}

// What the stages spent is what the picture cost, and nothing is counted as another's.
func TestStagesSpendWhatIsSpent(t *testing.T) {
	r := NewReader()
	for _, img := range []*image.Gray{clean(t, "RG1:STAGES", 4), show(8, nil).Image, finderWall(320, 240, 2), image.NewGray(image.Rect(0, 0, 5, 5))} {
		r.Look(img)
		sum := 0
		for _, c := range r.Costs() {
			sum += c.Units
		}
		if sum != r.Spent() {
			t.Errorf("%v: the stages spent %d, the picture cost %d: %v", img.Rect, sum, r.Spent(), r.Costs())
		}
	}
	r.Look(show(8, nil).Image)
	for s, units := range map[stage]bool{stageFinders: true, stageCorners: true, stageGrids: true, stageAlignment: true, stageModules: true, stageDecoding: true, stageSmoothing: false} {
		if (r.by[s] > 0) != units {
			t.Errorf("%v spent %d on a phone", s, r.by[s])
		}
	}
}
