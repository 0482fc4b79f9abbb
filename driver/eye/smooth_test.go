package eye

import (
	"image"
	"math"
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
	if most := units[len(units)/2]; most > 300_000 {
		t.Errorf("the median of %s is %d units; want 300000 at most", set.Name, most)
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
