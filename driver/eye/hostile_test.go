package eye

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// room is how far from the picture fixed point goes, in pixels. What is farther comes out
// differently on amd64 and on arm.
const room = 1 << 23

// hostile is a homography of any kind: mild ones, wild ones, such as lie on the horizon, and such
// as are not numbers.
func hostile(r *rand.Rand, dim int) (t homography) {
	wild := math.Pow(10, 6*r.Float64()-3)
	number := func() float64 {
		switch r.IntN(200) {
		case 0:
			return math.Inf(1 - 2*r.IntN(2))
		case 1:
			return math.NaN()
		}
		return wild * r.NormFloat64()
	}
	lean := 3 / float64(dim)
	return homography{
		number(), number(), 100 * number(), number(), number(), 100 * number(),
		lean * r.NormFloat64(), lean * r.NormFloat64(),
	}
}

func TestWhatHoldsStaysInFixedPoint(t *testing.T) {
	r, held := rand.New(rand.NewPCG(3, 4)), 0
	for range 50_000 {
		dim := 17 + 4*(1+r.IntN(40))
		h := hostile(r, dim)
		if !h.holds(dim) {
			continue
		}
		held++
		u, v := r.Float64()*float64(dim), r.Float64()*float64(dim)
		if w := h.g*u + h.h*v + 1; !(w > 0.2) {
			t.Fatalf("%+v holds for %d modules; w is %v at (%v, %v)", h, dim, w, u, v)
		}
		p := patternAt(nil, &h, u, v)
		for _, d := range [...][2]float64{{0, 0}, {5, 5}, {-5, 5}, {5, -5}, {-5, -5}} {
			if x, y := p.at(d[0], d[1]); !(math.Abs(x) < room && math.Abs(y) < room) {
				t.Fatalf("%+v holds for %d modules; (%v, %v) and %v modules farther is (%v, %v)", h, dim, u, v, d, x, y)
			}
		}
	}
	if held < 500 {
		t.Errorf("%d hold of 50000", held)
	}
}

func TestHowFarAHomographyGoes(t *testing.T) {
	const dim = 41
	for _, tt := range []struct {
		name string
		t    homography
		want bool
	}{
		{"seen from the front", homography{a: 3, c: 10, e: 3, f: 10}, true},
		{"turned over", homography{b: 3, c: 10, d: 3, f: 10}, true},
		{"tilted to a quarter", homography{a: 3, c: 10, e: 3, f: 10, g: -0.74 / dim}, true},
		{"tilted beyond a quarter", homography{a: 3, c: 10, e: 3, f: 10, g: -0.76 / dim}, false},
		{"tilted fourfold", homography{a: 3, c: 10, e: 3, f: 10, h: 2.9 / dim}, true},
		{"tilted beyond fourfold", homography{a: 3, c: 10, e: 3, f: 10, h: 3.1 / dim}, false},
		{"on the horizon", homography{a: 3, c: 10, e: 3, f: 10, h: -1. / dim}, false},
		{"behind the lens", homography{a: 3, c: 10, e: 3, f: 10, g: -2. / dim}, false},
		{"partly out of the picture", homography{a: 3, c: -60, e: 3, f: -60}, true},
		{"far away", homography{a: 3, c: farthest, e: 3}, false},
		{"infinite", homography{a: math.Inf(1), e: 3}, false},
		{"no number", homography{a: 3, e: 3, g: math.NaN()}, false},
	} {
		if got := tt.t.holds(dim); got != tt.want {
			t.Errorf("%s: holds %v; want %v", tt.name, got, tt.want)
		}
	}
}

// Stages are given grids that hold, and none of these stops them.
func TestNoGridStopsAStage(t *testing.T) {
	r, reader, tried := rand.New(rand.NewPCG(5, 6)), newTestReader(), 0
	for i := range 1500 {
		l := newLevel(randomGray(uint64(i%7), minSide+r.IntN(60), minSide+r.IntN(60)))
		dim := 17 + 4*(1+r.IntN(40))
		g := grid{dim: dim, t: hostile(r, dim), timing: 1}
		for range 3 {
			l.finders = append(l.finders, finder{
				x: r.Float64() * float64(l.w), y: r.Float64() * float64(l.h), mx: 5 * r.Float64(), my: 5 * r.Float64(), rows: 2,
			})
		}
		c := corner{at: 0, right: 1, below: 2}
		for _, g := range reader.makeGrids(l, c) {
			if !g.t.holds(g.dim) {
				t.Fatalf("a grid that does not hold: %+v", g)
			}
		}
		if !g.t.holds(dim) {
			continue
		}
		tried++
		reader.left = frameBudget
		if reader.tryGrid(l, g, c) {
			t.Errorf("read %q in noise", reader.code.Text)
		}
		g.fitTo(reader.pins)
		if !g.t.holds(dim) {
			t.Fatalf("fitted to a grid that does not hold: %+v", g)
		}
	}
	if tried < 50 {
		t.Errorf("%d of 1500 tried", tried)
	}
}

func TestNowhereIsLight(t *testing.T) {
	l := newLevel(clean(t, "RG1:NOWHERE", 2))
	nan, inf := math.NaN(), math.Inf(1)
	for _, p := range [...]Point{{nan, 5}, {5, nan}, {inf, 5}, {5, -inf}, {-0.1, 5}, {5, 1e300}, {float64(l.w), 5}} {
		if l.brightness(p.X, p.Y) <= 0 {
			t.Errorf("at %v it is dark", p)
		}
	}
}

// A module is levelled by what is brighter and what is darker around it, which are told apart by
// the mean around each: they may be as bright as each other, and no number would come out.
func TestEveryModuleIsLevelledToANumber(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var m modules
	m.size(29)
	for range 3000 {
		var plateaus [5]int32
		for k := range plateaus {
			plateaus[k] = int32(r.IntN(4))
		}
		for i := range m.gray {
			m.gray[i] = plateaus[i%m.dim/6] + int32(r.IntN(40)/39)
		}
		m.level(r.IntN(2) == 0)
		for i, s := range m.soft {
			if !(s >= -2 && s <= 2) {
				t.Fatalf("module %d of %d a side is %v", i, m.dim, s)
			}
		}
	}
}

// A row of two million pixels has runs as long as the way to what lies outside of it.
func TestPicturesTooSmallAndTooLarge(t *testing.T) {
	wide := image.NewGray(image.Rect(0, 0, 2_000_000, minSide))
	runs := []int{1_000_000, 1_700_000, 1_800_000} // where the colour changes
	for i := range wide.Pix {
		wide.Pix[i] = 230
		for n, x := range runs {
			if i%wide.Stride >= x && n%2 == 0 {
				wide.Pix[i] = 20
			} else if i%wide.Stride >= x {
				wide.Pix[i] = 230
			}
		}
	}
	for _, img := range []*image.Gray{
		wide, image.NewGray(image.Rect(0, 0, maxSide+1, minSide)), image.NewGray(image.Rect(0, 0, minSide, maxSide+1)),
		image.NewGray(image.Rect(0, 0, minSide-1, 100)), image.NewGray(image.Rect(0, 0, 100, minSide-1)),
		image.NewGray(image.Rectangle{}), {},
	} {
		r := NewReader()
		r.Read(clean(t, "RG1:BEFORE", 3))
		if text, ok := r.Read(img); ok || r.Spent() != 0 || !r.sawNothing() {
			t.Errorf("%v: read %q, spent %d", img.Rect, text, r.Spent())
		}
	}
	for _, size := range []image.Point{{minSide, minSide}, {minSide, maxSide}, {maxSide, minSide}} {
		r := NewReader()
		if r.Read(image.NewGray(image.Rectangle{Max: size})); r.Spent() == 0 {
			t.Errorf("%v is not looked at", size)
		}
	}
}

// Pictures of every width around words and blocks, whole and as a part of a larger one, give
// the same answer.
func TestEveryWidthAndPartOfAPicture(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	code := clean(t, "RG1:W", 2) // 58 pixels a side
	side := code.Rect.Dx()
	for w := side; w < side+66; w++ {
		h := side + r.IntN(9)
		big := randomGray(uint64(w), w+13, h+7)
		part := big.SubImage(image.Rect(5, 3, 5+w, 3+h)).(*image.Gray)
		for y := range h {
			for x := range w {
				g := uint8(240)
				if x < side && y < side {
					g = code.GrayAt(x, y).Y
				}
				part.SetGray(5+w-1-x, 3+y, color.Gray{Y: g})
			}
		}
		whole := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			copy(whole.Pix[y*w:][:w], part.Pix[y*part.Stride:])
		}
		a, b := wantText(t, "the part", part, "RG1:W"), wantText(t, "the whole", whole, "RG1:W")
		if a != b || !a.Mirrored {
			t.Errorf("%d x %d: the part reads %+v, the whole %+v", w, h, a, b)
		}
	}
	for w := minSide; w < 2*minSide; w++ {
		for h := minSide; h < 2*minSide; h += 5 {
			NewReader().Read(randomGray(uint64(w), w, h))
			NewReader().Read(finderWall(w, h, 1))
		}
	}
}
