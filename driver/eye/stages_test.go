package eye

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"railgate/driver/eye/frames"
)

// newLevel is a level of img with a budget of its own.
func newLevel(img *image.Gray) *level {
	l := &level{plane: planeOf(img), budget: &budget{left: 1 << 30}, shrink: 1}
	l.reset()
	l.begin(wideRadius)
	return l
}

func randomGray(seed uint64, w, h int) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(r.Uint32())
	}
	return img
}

func TestSmallerPlanesAreMeans(t *testing.T) {
	for _, size := range [][2]int{{64, 48}, {61, 47}, {37, 30}} {
		src := planeOf(randomGray(7, size[0], size[1]))
		var half, fourth plane
		halve(&half, &src)
		quarter(&fourth, &src)
		for y := range half.h {
			for x := range half.w {
				want := (int(src.row(2 * y)[2*x]) + int(src.row(2 * y)[2*x+1]) + int(src.row(2*y + 1)[2*x]) + int(src.row(2*y + 1)[2*x+1]) + 2) / 4
				if got := int(half.row(y)[x]); got != want {
					t.Fatalf("%v halved: %d at (%d, %d); want %d", size, got, x, y, want)
				}
			}
		}
		for y := range fourth.h {
			for x := range fourth.w {
				sum := 0
				for i := range 4 {
					sum += int(src.row(4*y + 1)[4*x+i]) + int(src.row(4*y + 3)[4*x+i])
				}
				if got := int(fourth.row(y)[x]); got != sum/8 {
					t.Fatalf("%v quartered: %d at (%d, %d); want %d", size, got, x, y, sum/8)
				}
			}
		}
	}
}

func TestBrightnessBetweenPixels(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(img.Pix, []byte{0, 100, 200, 40, 140, 240})
	p := planeOf(img)
	for _, tt := range []struct{ x, y, want float64 }{
		{0.5, 0.5, 0}, {1.5, 0.5, 100}, {1, 0.5, 50}, {1.5, 1, 120}, {1, 1, 70},
		{-5, 0.5, 0}, {9, 9, 240}, // beyond the border it is the border's
	} {
		if got := float64(p.at(tt.x, tt.y)) / grayScale; math.Abs(got-tt.want) > 1 {
			t.Errorf("at(%v, %v) = %v; want %v", tt.x, tt.y, got, tt.want)
		}
	}
}

func TestDarkBitsAreThePixelsUpToTheThreshold(t *testing.T) {
	for _, w := range []int{64, 128, 61, 77, 200} {
		l := newLevel(randomGray(uint64(w), w, 50))
		for y := range l.h {
			bits, thr := l.darkBits(y), l.thresholds(y>>3)
			for x := range l.w {
				limit := thr[x>>3]
				want := limit > 0 && l.row(y)[x] <= limit
				if got := bits[x/64]>>(x%64)&1 == 1; got != want {
					t.Fatalf("width %d: pixel (%d, %d) of %d is dark: %v; the threshold is %d", w, x, y, l.row(y)[x], got, limit)
				}
			}
			if w%64 != 0 && bits[w/64]>>(w%64) != 0 {
				t.Fatalf("width %d: bits beyond the border", w)
			}
		}
	}
}

func TestThresholdsDoNotDependOnTheOrderOfRows(t *testing.T) {
	img := randomGray(3, 160, 120)
	for i := range img.Pix {
		if i%160/40%2 == 0 {
			img.Pix[i] = 200 // flat
		}
	}
	down, jumps := newLevel(img), newLevel(img)
	for by := range down.bh {
		down.thresholds(by)
	}
	for _, by := range rand.New(rand.NewPCG(1, 2)).Perm(jumps.bh) {
		jumps.thresholds(by)
	}
	for i := range down.thr {
		if down.thr[i] != jumps.thr[i] {
			t.Fatalf("block %d: %d by rows, %d in another order", i, down.thr[i], jumps.thr[i])
		}
	}
}

func TestFlatIsNotDark(t *testing.T) {
	for _, g := range []uint8{0, 30, 128, 255} {
		img := image.NewGray(image.Rect(0, 0, 80, 60))
		for i := range img.Pix {
			img.Pix[i] = g
		}
		l := newLevel(img)
		for y := range l.h {
			for _, word := range l.darkBits(y) {
				if word != 0 {
					t.Fatalf("a flat picture of %d has something dark", g)
				}
			}
		}
	}
}

// finderAt draws a finder of m pixels a module, turned by degrees, about (x, y).
func finderAt(img *image.Gray, x, y, m, degrees float64, inverted bool) {
	s, c := math.Sincos(degrees * math.Pi / 180)
	w := img.Rect.Dx()
	for i := range img.Pix {
		var sum float64
		for k := range 9 { // nine places a pixel
			px, py := float64(i%w)+float64(k%3*2+1)/6-x, float64(i/w)+float64(k/3*2+1)/6-y
			d := max(math.Abs(c*px+s*py), math.Abs(-s*px+c*py)) / m
			if in := d < 1.5 || d > 2.5 && d < 3.5; in != inverted {
				sum += 30
			} else {
				sum += 220
			}
		}
		if px, py := float64(i%w)-x, float64(i/w)-y; math.Hypot(px, py) < 6*m {
			img.Pix[i] = uint8(sum / 9)
		}
	}
}

func TestFindersAreFoundAtAnySizeAndAngle(t *testing.T) {
	for _, m := range []float64{2.2, 3, 4, 9} {
		for degrees := 0.0; degrees < 90; degrees += 15 {
			for _, inverted := range []bool{false, true} {
				side := int(16*m) + 40
				img := image.NewGray(image.Rect(0, 0, side, side))
				for i := range img.Pix {
					img.Pix[i] = 220
					if inverted {
						img.Pix[i] = 30
					}
				}
				x, y := float64(side)/2+0.3, float64(side)/2-0.4
				finderAt(img, x, y, m, degrees, inverted)
				l := newLevel(img)
				l.scanRows(0, l.h, 1)
				if len(l.finders) != 1 || l.finders[0].inverted != inverted {
					t.Errorf("m %v, %v degrees, inverted %v: found %v", m, degrees, inverted, l.finders)
					continue
				}
				f := l.finders[0]
				if math.Hypot(f.x-x, f.y-y) > 0.4+0.12*m || f.module() < 0.9*m || f.module() > 1.55*m {
					t.Errorf("m %v, %v degrees: at (%.2f, %.2f), modules of %.2f; want (%.2f, %.2f)", m, degrees, f.x, f.y, f.module(), x, y)
				}
			}
		}
	}
}

func TestFitFindsTheHomography(t *testing.T) {
	want := homography{3, 0.4, 100, -0.3, 2.8, 60, 0.002, -0.001}
	var pins []pin
	for _, uv := range [][2]float64{{3, 3}, {40, 3}, {3, 40}, {38, 38}, {20, 20}, {6, 30}, {31, 9}} {
		x, y := want.at(uv[0], uv[1])
		pins = append(pins, pin{uv[0], uv[1], x, y, 1})
	}
	for _, n := range []int{4, len(pins)} {
		got, ok := fit(pins[:n], 3)
		if !ok {
			t.Fatalf("%d pins: no fit", n)
		}
		for u := 0.0; u <= 45; u += 9 {
			gx, gy := got.at(u, 45-u)
			wx, wy := want.at(u, 45-u)
			if math.Hypot(gx-wx, gy-wy) > 1e-6 {
				t.Errorf("%d pins: (%v, %v) goes to (%v, %v); want (%v, %v)", n, u, 45-u, gx, gy, wx, wy)
			}
		}
	}
	same := pin{1, 1, 5, 5, 1}
	if _, ok := fit([]pin{same, same, same, same}, 3); ok {
		t.Error("a fit to one place four times")
	}
	rx, ry, bx, by := want.steps(10, 20)
	x, y := want.at(10, 20)
	const d = 1e-6
	xr, yr := want.at(10+d, 20)
	xb, yb := want.at(10, 20+d)
	for i, e := range [...]float64{rx - (xr-x)/d, ry - (yr-y)/d, bx - (xb-x)/d, by - (yb-y)/d} {
		if math.Abs(e) > 1e-4 {
			t.Errorf("step %d is off by %v", i, e)
		}
	}
}

func TestCornersAreArranged(t *testing.T) {
	places := [3]Point{{100, 100}, {180, 110}, {90, 180}} // at, right, below
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		l := newLevel(image.NewGray(image.Rect(0, 0, 300, 300)))
		for _, i := range order {
			l.finders = append(l.finders, finder{x: places[i].X, y: places[i].Y, mx: 2, my: 2, rows: 3})
		}
		corners := l.makeCorners()
		if len(corners) != 1 {
			t.Fatalf("%v: %d corners; want 1", order, len(corners))
		}
		if c := corners[0]; order[c.at] != 0 || order[c.right] != 1 || order[c.below] != 2 {
			t.Errorf("%v: %+v", order, c)
		}
	}
}

func TestVacanciesHoldTheThird(t *testing.T) {
	// A code whose finders are at (200, 200), to the right of it and below, and turned.
	s, c := math.Sincos(0.3)
	at := func(u, v float64) Point { return Point{200 + c*u - s*v, 200 + s*u + c*v} }
	code := [3]Point{at(0, 0), at(100, 0), at(0, 100)}
	for missing := range 3 {
		l := newLevel(image.NewGray(image.Rect(0, 0, 400, 400)))
		var known []int
		for i, p := range code {
			if i != missing {
				known = append(known, i)
				l.finders = append(l.finders, finder{x: p.X, y: p.Y, mx: 3, my: 3, rows: 3})
			}
		}
		found := false
		for _, v := range l.vacanciesOf(0, 1) {
			if math.Hypot(v.x-code[missing].X, v.y-code[missing].Y) > 1e-6 {
				continue
			}
			k := v.fill(2)
			is := append(known, missing)
			found = is[k.at] == 0 && is[k.right] == 1 && is[k.below] == 2
		}
		if !found {
			t.Errorf("finder %d is in none of the vacancies, or not in its role", missing)
		}
	}
}

func TestRecoversACoveredFinder(t *testing.T) {
	img := clean(t, "RG1:A FINDER IS HALF COVERED BY A FINGER", 4)
	size := img.Rect.Dx()
	for corner, cover := range []image.Rectangle{
		image.Rect(0, 0, 22, size/3), image.Rect(size-22, 0, size, size/3), image.Rect(0, size-size/3, 22, size),
	} {
		part := image.NewGray(img.Rect)
		copy(part.Pix, img.Pix)
		for y := cover.Min.Y; y < cover.Max.Y; y++ {
			for x := cover.Min.X; x < cover.Max.X; x++ {
				part.Pix[part.PixOffset(x, y)] = 110
			}
		}
		l := newLevel(part)
		l.scanRows(0, l.h, 1)
		if len(l.finders) > 2 {
			t.Fatalf("finder %d is found though it is covered", corner)
		}
		wantText(t, "covered", part, "RG1:A FINDER IS HALF COVERED BY A FINGER")
	}
}

func TestBendIsTheLeftOverAtPins(t *testing.T) {
	flat := homography{a: 3, e: 3, c: 10, f: 10}
	var pins []pin
	for v := 6.5; v < 60; v += 16 {
		for u := 6.5; u < 60; u += 16 {
			x, y := flat.at(u, v)
			pins = append(pins, pin{u, v, x + 2*math.Sin(u/20), y + 0.05*v, 1})
		}
	}
	var b bend
	if !b.measure(pins, &flat, leastBend) {
		t.Fatal("a bend of half a module is not worth heeding")
	}
	b.tie(64, &flat, &lens{})
	for _, p := range pins {
		x, y := flat.at(p.u, p.v)
		dx, dy := b.at(p.u, p.v)
		if math.Hypot(x+dx-p.x, y+dy-p.y) > 0.6 {
			t.Errorf("at (%v, %v) the bend is (%.2f, %.2f); want (%.2f, %.2f)", p.u, p.v, dx, dy, p.x-x, p.y-y)
		}
	}
	for _, p := range pins {
		p.x, p.y = flat.at(p.u, p.v)
		pins[0] = p
	}
	if b.measure(pins[:1], &flat, leastBend) {
		t.Error("a flat code is bent")
	}
}

func TestTheEqualiserUndoesBlurToOneSide(t *testing.T) {
	code, err := frames.NewCode(5, 7, frames.RG1)
	if err != nil {
		t.Fatal(err)
	}
	dim, lay := code.Size, newLayout(code.Size)
	var m modules
	m.size(dim)
	truth := func(u, v int) float32 {
		if code.Black(u, v) {
			return 1
		}
		return -1
	}
	for i := range m.soft {
		u, v := i%dim, i/dim
		m.soft[i] = 0.52*truth(u, v) + 0.48*truth(u-1, v) // a hand that moves
	}
	wrong := func(of []float32) (n int) {
		for i, s := range of {
			if (s > 0) != (truth(i%dim, i/dim) > 0) {
				n++
			}
		}
		return n
	}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range m.soft {
		m.soft[i] += float32(0.12 * r.NormFloat64())
	}
	before := wrong(m.soft)
	if !m.train(lay, ridge) {
		t.Fatal("not trained")
	}
	if after := wrong(m.eq); after*2 > before {
		t.Errorf("%d modules are wrong before, %d after", before, after)
	}
}

// What decides of eight pixels at once decides as one pixel after another would.
func TestBlocksAreAsTheirPixels(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	l := newLevel(randomGray(1, 64, 64))
	flat := 0
	for range 200_000 {
		l.contrast = minContrast + r.Uint32N(maxContrast-minContrast+1)
		spread := 1 + r.IntN(80)
		base := r.IntN(257 - spread)
		var pix [16]byte
		for i := range pix {
			pix[i] = byte(base + r.IntN(spread))
		}
		a, b := load(pix[:]), load(pix[8:])
		uneven := statOf(pairs(a), pairs(b), l.contrast) != 0
		if marked := unevenBlocks(pix[:8], pix[8:], uint64(l.contrast)) != 0; uneven && !marked {
			t.Fatalf("%v, contrast %d: told to be flat", pix, l.contrast)
		} else if !marked {
			flat++
		}
		limit := byte(r.IntN(256))
		dark := darkOf8(a, limit)
		for i, g := range pix[:8] {
			if dark>>i&1 != 0 != (g <= limit) {
				t.Fatalf("%v, threshold %d: %08b", pix[:8], limit, dark)
			}
		}
	}
	if flat < 20_000 || flat > 180_000 {
		t.Errorf("%d of 200000 are flat", flat)
	}
}

// A row of blocks is measured whole, however many there are: each has what its own pixels say.
func TestEveryBlockOfARowIsMeasured(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, w := range []int{21, 64, 511, 512, 513, 520, 1027, 1280, 1500} {
		img := randomGray(uint64(w), w, 24)
		for y := range 24 {
			for x := range w { // every other block or so is flat
				if x/block*7%5 < 3 {
					img.Pix[y*img.Stride+x] = uint8(100 + r.IntN(4))
				}
			}
		}
		l := newLevel(img)
		flat := 0
		for by := range l.bh {
			a, b := l.measured(by)
			for bx, got := range l.statistics(by) {
				x := min(bx*block, w-block)
				if want := statOf(pairs(load(a[x:])), pairs(load(b[x:])), l.contrast); got != want {
					t.Fatalf("%d pixels wide: block %d, %d is %#x; want %#x", w, bx, by, got, want)
				}
				if got == 0 {
					flat++
				}
			}
		}
		if blocks := l.bw * l.bh; flat == 0 || flat == blocks {
			t.Errorf("%d pixels wide: %d blocks of %d are flat", w, flat, blocks)
		}
	}
}

// A walk by blocks sees each pixel's own threshold, and light beyond the border.
func TestAWalkSeesEachPixel(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	l := newLevel(randomGray(5, 75, 61))
	l.setRadius(wideRadius)
	isLight := func(x, y int) bool {
		return x < 0 || y < 0 || x >= l.w || y >= l.h || l.row(y)[x] > l.thresholds(y / block)[x/block]
	}
	ended := 0
	for range 20_000 {
		x, y, reach := r.IntN(l.w), r.IntN(l.h), 1+r.IntN(60)
		dx, dy := r.IntN(3)-1, r.IntN(3)-1
		if dx == 0 && dy == 0 {
			continue
		}
		inverted := isLight(x, y)
		var want, got edges
		n, limit := 0, reach*3/5
		for step := 1; step <= limit && n < len(want); step++ {
			if isLight(x+step*dx, y+step*dy) != isLight(x+(step-1)*dx, y+(step-1)*dy) {
				want[n] = float64(step)
				n++
				limit = reach * (3 + n) / 5
			}
		}
		if n == 2 {
			want[2] = endless
		}
		if ok := l.walk(x, y, dx, dy, reach, inverted, &got); ok != (n >= 2) {
			t.Fatalf("from (%d, %d) by (%d, %d): %v after %d edges", x, y, dx, dy, ok, n)
		}
		for i := range n {
			if got[i] > want[i] || got[i] < want[i]-1 {
				t.Fatalf("from (%d, %d) by (%d, %d): edges at %v; want %v", x, y, dx, dy, got, want)
			}
		}
		if n == len(want) {
			ended++
		}
	}
	if ended < 1000 {
		t.Errorf("%d walks saw three edges", ended)
	}
}
