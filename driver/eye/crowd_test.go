package eye

import (
	"image"
	"math"
	"testing"
)

// Rule: a code before a wall of finders is read.
func TestReadsCodesBeforeAWallOfFinders(t *testing.T) {
	wantRead(t, "finder-wall", 3, 4, 4)
	wantRead(t, "finder-wall", 5, 3, 4)
}

// The finders of the smallest code are no crowd, however it is turned; those of a wall are.
func TestACodesFindersAreNoCrowd(t *testing.T) {
	const m = 4
	l := newLevel(image.NewGray(image.Rect(0, 0, 640, 480)))
	place := func(u, v, turn float64) {
		sin, cos := math.Sincos(turn)
		seen := m / max(math.Abs(sin), math.Abs(cos))
		f := finder{x: 320 + m*(u*cos-v*sin), y: 240 + m*(u*sin+v*cos), mx: seen, my: seen, rows: 2}
		l.finders = append(l.finders, f)
	}
	for degrees := 0.0; degrees < 90; degrees += 5 {
		l.finders = l.finders[:0]
		for _, at := range [...][2]float64{{0, 0}, {14, 0}, {0, 14}} {
			place(at[0], at[1], degrees*math.Pi/180)
		}
		l.relink()
		for i := range l.finders {
			if n := l.mates(i); n > 0 {
				t.Errorf("turned by %v degrees: finder %d of a code has %d too near", degrees, i, n)
			}
		}
	}
	l.finders = l.finders[:0]
	for k := range 30 {
		place(float64(k%6)*8.5, float64(k/6)*8.5, 0)
	}
	place(-20, -20, 0)
	l.relink()
	order := l.bestSeen()
	if len(order) != 1 || order[0] != 30 {
		t.Errorf("of 30 in a wall and one that is alone, these are left: %v", order)
	}
}

// What was dropped as a wall's is not looked at again.
func TestAWallIsLookedAtOnce(t *testing.T) {
	l := newLevel(finderWall(1280, 720, 2))
	l.left = 1 << 30
	l.begin(wideRadius)
	l.scanRows(1, l.h, 6)
	before := l.left
	l.scanRows(4, l.h, 6)
	first := 1<<30 - before
	if second := before - l.left; second > first/2 {
		t.Errorf("the rows between cost %d, the first ones %d", second, first)
	}
}

// Rule: a wall whose finders stand 9.5 modules apart is one, and costs less than half a frame's budget.
func TestAWideWallIsACrowd(t *testing.T) {
	f := condition(t, "finder-wall").Frame(3, 2, 0)
	r := NewReader()
	if text, ok := r.Read(f.Image); text != f.Text {
		t.Errorf("before a wall of 9.5 modules: read %q, %v; want %q", text, ok, f.Text)
	}
	if r.Spent() > frameBudget/2 {
		t.Errorf("spent %d of %d", r.Spent(), frameBudget)
	}
}

// A code's finder beside two icons that are like it by chance is not left out.
func TestFewThatStandCloseAreNoCrowd(t *testing.T) {
	l := newLevel(image.NewGray(image.Rect(0, 0, 1280, 720)))
	for k := range 30 {
		l.finders = append(l.finders, finder{x: 40 + float64(k%10)*120, y: 40 + float64(k/10)*120, mx: 4, my: 4, rows: 2})
	}
	for k := range 3 {
		l.finders = append(l.finders, finder{x: 600 + 30*float64(k), y: 600, mx: 4, my: 4, rows: 2})
	}
	l.relink()
	if order := l.bestSeen(); len(order) != len(l.finders) {
		t.Errorf("of %d finders, three of which stand close, %d are left", len(l.finders), len(order))
	}
}

// What a look-up costs is what is around the place, not all that is in the rows of it.
func TestFindersAreLookedUpWhereTheyAre(t *testing.T) {
	l := newLevel(image.NewGray(image.Rect(0, 0, 4000, 720)))
	for k := range 300 {
		l.finders = append(l.finders, finder{x: 40 + 13*float64(k), y: 100, mx: 2, my: 2, rows: 2})
	}
	l.relink()
	before := l.left
	for x := 0.0; x < 4000; x += 40 {
		l.near(x, 100, 0.1, 0.1, false)
	}
	if cost := (before - l.left) / 100; cost > 40 { // those of two cells at most
		t.Errorf("a look-up among 300 finders costs %d", cost)
	}
	f := l.near(4038-13*12, 100, 14, 14, false) // over the border of a cell
	if f == nil {
		t.Error("a finder beside the border of a cell is not found")
	}
}

// Rule: a code that is turned by half a right angle on a page of text of twelve megapixels is read: its finders are
// crossed by the rows between.
func TestRowsBetweenInTallPictures(t *testing.T) {
	for _, seed := range []uint64{24, 17} {
		f := condition(t, "text").Frame(seed, 12, 0)
		if text, ok := NewReader().Read(f.Image); text != f.Text {
			t.Errorf("scene %d: read %q, %v; want %q", seed, text, ok, f.Text)
		}
	}
}
