package eye

import (
	"image"
	"math"
	"testing"
)

func TestWhatALensBendsIsStraightenedAgain(t *testing.T) {
	for _, k1 := range []float64{0, 0.1, 0.5, MaxK1} {
		n := lensOf(k1, 1280, 720)
		for y := -40.0; y <= 760; y += 80 {
			for x := -40.0; x <= 1320; x += 80 {
				bx, by := n.bent(x, y)
				sx, sy := n.straight(bx, by)
				if math.Hypot(sx-x, sy-y) > 0.01 {
					t.Fatalf("k1 %v: (%v, %v) is shown at (%.3f, %.3f), which is straight at (%.3f, %.3f)", k1, x, y, bx, by, sx, sy)
				}
			}
		}
		if x, y := n.straight(0, 0); math.Abs(x+640*k1) > 1e-9 || math.Abs(y+360*k1) > 1e-9 {
			t.Errorf("k1 %v: the corner is straight at (%v, %v)", k1, x, y)
		}
		for _, back := range []bool{false, true} {
			dx, dy := n.straightWay(200, 100, 3, 1)
			if back {
				x, y := n.straight(200, 100)
				if dx, dy = n.bentWay(x, y, dx, dy); math.Hypot(dx-3, dy-1) > 0.01 {
					t.Errorf("k1 %v: a step of (3, 1) comes back as (%v, %v)", k1, dx, dy)
				}
			} else if k1 > 0 && math.Hypot(dx, dy) <= math.Hypot(3, 1) {
				t.Errorf("k1 %v: a step does not grow towards the rim", k1)
			}
		}
	}
}

// A code that fills a wide lens's picture is so bent that its timing patterns leave their lines.
func TestReadsThroughWideLenses(t *testing.T) {
	wantRead(t, "lens", 0.4, 4, 4)
	wantRead(t, "lens", 0.6, 8, 8)
}

// Three icons at a code's corners and a straight line of changes between them are not enough: both
// timing patterns must show through one lens.
func TestNoLensMakesACodeOfIcons(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range img.Pix {
		img.Pix[i] = 230
	}
	for _, at := range []image.Point{{100, 60}, {380, 60}, {100, 340}} {
		finderAt(img, float64(at.X), float64(at.Y), 5, 0, false)
	}
	for x := 150; x < 330; x++ {
		for y := 40; y < 80; y++ {
			if x/5%2 == 0 {
				img.Pix[y*640+x] = 30
			}
		}
	}
	r := NewReader()
	r.left = frameBudget
	l := r.level(0, planeOf(img))
	l.begin(wideRadius)
	l.scanRows(0, l.h, 1)
	l.makeCorners()
	before := r.left
	if r.throughLenses(l) {
		t.Fatalf("read %q", r.code.Text)
	}
	if len(l.finders) != 3 || r.by[stageGrids] == 0 || r.by[stageModules] > 0 || before-r.left > 300_000 {
		t.Errorf("%d finders, %d units of grids, %d of modules, %d in all; want 3, some, none, few", len(l.finders), r.by[stageGrids], r.by[stageModules], before-r.left)
	}
}

// With its number known, a lens is looked through from the start: a frame costs what one through a
// true lens does. The number is measured by the code itself, known or not.
func TestALensIsMeasuredAndThenKnown(t *testing.T) {
	c := condition(t, "lens")
	for seed := range uint64(3) {
		f := c.Frame(seed, 0.6, 0)
		r := NewReader()
		if text, ok := r.Read(f.Image); !ok || text != f.Text {
			t.Fatalf("seed %d: read %q, %v", seed, text, ok)
		}
		unknown := r.Spent()
		k1, ok := r.MeasureLens()
		if !ok || math.Abs(k1-0.6) > 0.05 {
			t.Errorf("seed %d: measured %.3f, %v; want 0.6", seed, k1, ok)
		}
		r.K1 = 0.58
		if text, ok := r.Read(f.Image); !ok || text != f.Text || r.Spent() > 1_100_000 || r.Spent() >= unknown {
			t.Errorf("seed %d: read %q, %v for %d units with the lens known, %d without", seed, text, ok, r.Spent(), unknown)
		}
		if k1, ok = r.MeasureLens(); !ok || math.Abs(k1-0.6) > 0.05 {
			t.Errorf("seed %d: measured %.3f, %v through the lens; want 0.6", seed, k1, ok)
		}
	}
	f := show(3, nil)
	r := NewReader()
	if _, ok := r.Read(f.Image); !ok {
		t.Fatal("not read")
	}
	if k1, ok := r.MeasureLens(); ok {
		t.Errorf("measured %v by a small code of one alignment pattern", k1)
	}
}
