package eye

import (
	"image"
	"testing"
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
			if l != nil && (l.w != p.w>>i || l.h != p.h>>i || r.left < 0) {
				t.Errorf("level %d with %d left: %d x %d pixels, %d left then", i, left, l.w, l.h, r.left)
			}
			made = made || l != nil
		}
		if !made {
			t.Errorf("level %d is never made", i)
		}
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
