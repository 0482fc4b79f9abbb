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
