package eye

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"railgate/driver/eye/frames"
)

// Rule: what is finer than a module is smoothed away, in a second look.
func TestReadsDotsAndGrain(t *testing.T) {
	wantRead(t, "dots", 0.9, 6, 6)
	wantRead(t, "dots", 0.8, 6, 6)
	wantRead(t, "dot-print", 2.5, 6, 8)
	wantRead(t, "dot-print", 6, 6, 6)
	wantRead(t, "low-light", 1.8, 6, 6)
}

// Rule: an empty hall gets no second look: where nothing has the texture of a code, and where nothing like a
// finder shows in that, no frame is smoothed whole.
func TestEmptyHallsGetNoSecondLook(t *testing.T) {
	set, r := frames.Sets()[7], NewReader()
	var units []int
	for i := range 24 {
		if i%4 > 1 {
			continue // no hall
		}
		r.Forget()
		r.Read(set.Frame(i).Image)
		units = append(units, r.Spent())
	}
	slices.Sort(units)
	if most := units[len(units)/2]; most > 200_000 {
		t.Errorf("the median of %s is %d units; want 200000 at most", set.Name, most)
	}
}

// A glance smooths the rows that it looks at, and blocks around what these cross. It finds what is found where all is
// smoothed, pixel for pixel, at less than what that costs.
func TestAGlanceSeesWhatIsSmoothed(t *testing.T) {
	f := condition(t, "dot-print").Frame(5, 4, 0).Image
	for _, size := range []image.Point{{1280, 720}, {900, 701}, {333, 250}, {90, 61}} {
		p := planeOf(f.SubImage(image.Rect(640-size.X/2, 260-size.Y/4, 640+size.X/2, 260-size.Y/4+size.Y)).(*image.Gray))
		var all plane
		smooth(&all, &p, image.Rect(0, 0, p.w, p.h), make([]byte, p.w))
		var found [2][]finder
		var spent [2]int
		for i := range found {
			r := NewReader()
			r.left = 1 << 30
			l := &r.glimpse
			l.cover(&p)
			if i == 1 {
				for y := range p.h {
					l.unveilRow(y)
				}
			}
			l.reset()
			l.begin(closeRadius)
			l.scanRows(2, l.h, glanceRows)
			found[i], spent[i] = l.finders, 1<<30-r.left
			for y := range p.h {
				for x, g := range l.row(y) {
					if smoothed := l.veil.rows[y] || l.veil.blocks[y/block*(l.w/block+1)+x/block]; smoothed && g != all.row(y)[x] || !smoothed && g != p.row(y)[x] {
						t.Fatalf("%v: pixel (%d, %d) is %d; it was %d, and smoothed it is %d", size, x, y, g, p.row(y)[x], all.row(y)[x])
					}
				}
			}
		}
		if !slices.Equal(found[0], found[1]) {
			t.Errorf("%v: %d finders at a glance, %d of a picture that is smoothed", size, len(found[0]), len(found[1]))
		}
		if size.X > 800 && (len(found[0]) < 2 || spent[0] > spent[1]*3/4) {
			t.Errorf("%v: %d finders for %d units; for %d if all is smoothed", size, len(found[0]), spent[0], spent[1])
		}
	}
}

// Where edges are far apart the half is looked at only, and the whole where they are so close that the half has not them all.
func TestAGlanceIsAtTheSizeThatShowsIt(t *testing.T) {
	for _, tt := range []struct {
		pitch       int
		whole, half bool
	}{{2, true, false}, {4, true, true}, {9, false, true}} {
		img := image.NewGray(image.Rect(0, 0, 640, 480))
		random := rand.New(rand.NewPCG(1, 2))
		for y := range 480 {
			for x := range 640 {
				img.Pix[y*640+x] = 200
				if x/tt.pitch%2 == 0 && x > 100 && x < 400 && y > 100 && y < 400 {
					img.Pix[y*640+x] = uint8(40 + random.IntN(9))
				}
			}
		}
		r := NewReader()
		r.left, r.whole = frameBudget, frameBudget
		full := r.level(0, planeOf(img))
		full.begin(wideRadius)
		full.scanRows(1, full.h, 3)
		parts := slices.Clone(full.textured())
		if len(parts) == 0 {
			t.Fatalf("%d pixels: nothing has a texture", tt.pitch)
		}
		densest := full.densest(parts[0])
		if whole, half := densest >= coarse, densest < fine; whole != tt.whole || half != tt.half {
			t.Errorf("%d pixels: %d edges, looked at whole is %v, at the half is %v; want %v, %v", tt.pitch, densest, whole, half, tt.whole, tt.half)
		}
	}
}

// Rule: where all but the modules' middles is a picture, their middles are read.
func TestReadsPictureCodes(t *testing.T) {
	wantRead(t, "picture", 0.6, 4, 4)
	wantRead(t, "picture", 0.67, 4, 4)
}

func TestSmoothIsTheBinomialMean(t *testing.T) {
	for _, size := range []image.Point{{16, 5}, {64, 30}, {75, 41}, {17, 9}} {
		src := planeOf(randomGray(uint64(size.X), size.X, size.Y))
		var dst plane
		smooth(&dst, &src, image.Rect(0, 0, src.w, src.h), make([]byte, src.w))
		weights := [5]float64{1. / 16, 4. / 16, 6. / 16, 4. / 16, 1. / 16}
		sum, most := 0.0, 0.0
		for y := range src.h {
			for x := range src.w {
				want := float64(src.row(y)[x])
				if x >= 2 && y >= 2 && x < src.w-2 && y < src.h-2 {
					want = 0
					for j, wy := range weights {
						for i, wx := range weights {
							want += wx * wy * float64(src.row(y + j - 2)[x+i-2])
						}
					}
				} else if y >= 2 && y < src.h-2 {
					continue // smoothed along y only
				}
				d := float64(dst.row(y)[x]) - want
				sum, most = sum+d, max(most, math.Abs(d))
			}
		}
		if mean := sum / float64(src.w*src.h); most > 2.5 || math.Abs(mean) > 0.5 {
			t.Errorf("%v: off by %.2f at most, %.2f in the mean", size, most, mean)
		}
	}
}

func TestSmoothLeavesWhatIsOutsideOfAPart(t *testing.T) {
	src := planeOf(randomGray(3, 60, 30))
	var dst plane
	smooth(&dst, &src, image.Rect(8, 10, 40, 20), make([]byte, src.w))
	for y := range src.h {
		same := func(from, to int) bool { return string(dst.row(y)[from:to]) == string(src.row(y)[from:to]) }
		if inside := y >= 10 && y < 20; same(8, 40) == inside || !same(0, 8) || !same(40, src.w) {
			t.Errorf("row %d: as it was is %v before the part, %v in it, %v after it", y, same(0, 8), same(8, 40), same(40, src.w))
		}
	}
}
