package eye

import (
	"image"
	"math"
	"testing"

	"railgate/driver/eye/frames"
)

// Rule: between its patterns crumpled paper lies as its own edges say, and a sheet around a column beyond its finders.
func TestFollowsCrumpledAndCurvedPaper(t *testing.T) {
	wantRead(t, "crumpled", 0.8, 7, 8)
	wantRead(t, "curved", 60, 6, 8)
	wantRead(t, "curved", 75, 5, 8) // 3 when a net was laid once only, and kept no time
}

// Rule: only a code that is not read otherwise is followed, and few in a frame.
func TestFollowsOnlyWhatIsNotRead(t *testing.T) {
	r := NewReader()
	if _, ok := r.Read(phone720()); !ok || r.follows > 0 {
		t.Errorf("a phone: read %v, followed %d times", ok, r.follows)
	}
	for i := range 4 {
		r.Forget()
		if r.Read(frames.Sets()[6].Frame(i).Image); r.follows > 0 {
			t.Errorf("an empty hall, frame %d: followed %d times", i, r.follows)
		}
	}
	r.Forget()
	f := condition(t, "crumpled").Frame(2, 1, 0) // its grid is nearly right again and again, and is not read
	if _, ok := r.Read(f.Image); ok || r.follows != maxFollows || r.Spent() > frameBudget+overrun {
		t.Errorf("read %v, followed %d times, %d units; want not, %d times", ok, r.follows, r.Spent(), maxFollows)
	}
}

// wave is a clean code whose modules have moved by up to so many, and a level of it with all that following takes.
func wave(t *testing.T, modules float64) (r *Reader, l *level, flat homography, dim int, pins []pin, moved func(u, v float64) (x, y float64)) {
	t.Helper()
	const version, scale = 8, 5
	code, err := frames.NewCode(3, version, frames.RG1)
	if err != nil {
		t.Fatal(err)
	}
	dim = code.Size
	flat = homography{a: scale, c: 40, e: scale, f: 40}
	// Nothing moves at the finders' middles.
	turn := 2 * math.Pi / float64(dim-7)
	off := func(u, v float64) (du, dv float64) {
		return modules * math.Sin((u-middle)*turn) * math.Sin((v-middle)*turn), modules * math.Sin((u-middle)*turn/2) * math.Sin((v-middle)*turn)
	}
	moved = func(u, v float64) (x, y float64) {
		du, dv := off(u, v)
		return flat.at(u+du, v+dv)
	}
	img := image.NewGray(image.Rect(0, 0, 80+scale*dim, 80+scale*dim))
	for i := range img.Pix {
		x, y := float64(i%img.Stride)+0.5, float64(i/img.Stride)+0.5
		u0, v0 := (x-40)/scale, (y-40)/scale
		u, v := u0, v0
		for range 20 {
			du, dv := off(u, v)
			u, v = u0-du, v0-dv
		}
		img.Pix[i] = 220
		if code.Black(int(math.Floor(u)), int(math.Floor(v))) {
			img.Pix[i] = 30
		}
	}
	r = NewReader()
	r.left = frameBudget
	l = r.level(0, planeOf(img))
	l.begin(wideRadius)
	n := float64(dim) - middle
	for _, uv := range [][2]float64{{middle, middle}, {n, middle}, {middle, n}} {
		x, y := moved(uv[0], uv[1])
		pins = append(pins, pin{uv[0], uv[1], x, y, 1})
	}
	return r, l, flat, dim, pins, moved
}

// Of what has moved by up to three quarters of a module each module is found within a fifth of one, from the finders alone.
func TestANetLiesAsTheModulesDo(t *testing.T) {
	r, l, flat, dim, pins, moved := wave(t, 0.6)
	b := r.follow(l, &flat, dim, pins, false)
	if b == nil {
		t.Fatal("the net went astray")
	}
	worst, far := 0.0, 0.0
	for v := 0.5; v < float64(dim); v++ {
		for u := 0.5; u < float64(dim); u++ {
			x, y := flat.at(u, v)
			dx, dy := b.at(u, v)
			mx, my := moved(u, v)
			worst, far = max(worst, math.Hypot(x+dx-mx, y+dy-my)/5), max(far, math.Hypot(x-mx, y-my)/5)
		}
	}
	if worst > 0.2 || far < 0.7 {
		t.Errorf("off by %.2f modules at most, %.2f without the net", worst, far)
	}
}

// Where a net has slipped by a module, the alignment patterns bring it back.
func TestANetThatHasSlippedIsLaidAgain(t *testing.T) {
	r, l, flat, dim, pins, moved := wave(t, 0.3)
	if r.follow(l, &flat, dim, pins, false) == nil {
		t.Fatal("the net went astray")
	}
	n := &r.net
	for i := range n.knots {
		if k := &n.knots[i]; k.round > 1 && i%n.n > 2 {
			k.x, k.y = k.x+k.rx, k.y+k.ry
		}
	}
	b := r.followAgain(l, &flat, r.layout(dim))
	if b == nil || len(n.starts) < 9 {
		t.Fatalf("laid again %v, from %d starts; want 3 finders and 6 alignment patterns", b != nil, len(n.starts))
	}
	for v := 0.5; v < float64(dim); v++ {
		for u := 0.5; u < float64(dim); u++ {
			x, y := flat.at(u, v)
			dx, dy := b.at(u, v)
			if mx, my := moved(u, v); math.Hypot(x+dx-mx, y+dy-my) > 5*0.35 {
				t.Fatalf("off by %.2f modules at (%v, %v)", math.Hypot(x+dx-mx, y+dy-my)/5, u, v)
			}
		}
	}
	r.follows = maxFollows
	if r.followAgain(l, &flat, r.layout(dim)) != nil {
		t.Error("followed once more than is allowed")
	}
}

// A knot that is half a module off, where its edges do not tell to which side, is put right by the timing pattern beside it.
func TestAKnotKeepsTime(t *testing.T) {
	r, l, flat, dim, pins, moved := wave(t, 0.3)
	if r.follow(l, &flat, dim, pins, false) == nil {
		t.Fatal("the net went astray")
	}
	n := &r.net
	for _, at := range [][2]int{{5, 1}, {6, 2}, {1, 6}, {2, 7}} {
		for _, off := range []float64{-0.5, 0.5, 0.75} {
			i, j := at[0], at[1]
			k := n.knots[j*n.n+i]
			if j < 3 {
				k.x, k.y = k.x+off*k.rx, k.y+off*k.ry
			} else {
				k.x, k.y = k.x+off*k.bx, k.y+off*k.by
			}
			if !n.lay(l, i, j, k, 1) {
				t.Fatal("astray")
			}
			k = n.knots[j*n.n+i]
			x, y := moved(float64(i*netEvery), float64(j*netEvery))
			if far := math.Hypot(k.x-x, k.y-y) / 5; far > 0.25 {
				t.Errorf("knot (%d, %d), put %v modules off: lies %.2f off", i, j, off, far)
			}
		}
	}
}

// A finder that was not seen is no place to begin.
func TestANetDoesNotBeginWhereNothingWasSeen(t *testing.T) {
	r, l, flat, dim, pins, _ := wave(t, 0)
	pins[1].x, pins[1].weight = pins[1].x+40, 0.1
	b := r.follow(l, &flat, dim, pins, true)
	if b == nil {
		t.Fatal("the net went astray")
	}
	if dx, dy := b.at(pins[1].u, pins[1].v); math.Hypot(dx, dy) > 1 {
		t.Errorf("off by (%.1f, %.1f) pixels at what was not seen", dx, dy)
	}
}

// Whatever is beneath a net, it ends near the level or is given up, and costs what was said.
func TestANetThatGoesAstrayIsGivenUp(t *testing.T) {
	_, _, flat, dim, pins, _ := wave(t, 0)
	for seed := range uint64(30) {
		r := NewReader()
		r.left = frameBudget
		l := r.level(0, planeOf(randomGray(seed, 320, 240)))
		l.begin(wideRadius)
		for _, creased := range []bool{false, true} {
			left := r.left
			b := r.follow(l, &flat, dim, pins, creased)
			r.follows = 0
			if spent := left - r.left; spent > mostFollow+overrun/4 {
				t.Errorf("noise %d: %d units", seed, spent)
			}
			for i := 0; b != nil && i < len(b.knots); i++ {
				x, y := flat.at(float64(i%b.n*netEvery), float64(i/b.n*netEvery))
				if x, y = x+b.knots[i][0], y+b.knots[i][1]; !(math.Abs(x) <= 2*320 && math.Abs(y) <= 2*240) {
					t.Fatalf("noise %d: a knot at (%v, %v)", seed, x, y)
				}
			}
		}
	}
	for _, k := range []knot{{x: math.NaN()}, {x: 5000}, {y: -5000}, {rx: 200}, {by: math.Inf(1)}} {
		if k.holds(&level{plane: plane{w: 320, h: 240}}) {
			t.Errorf("%+v holds", k)
		}
	}
	// The budget has no room for it, or it has been done often enough.
	r, l, flat, dim, pins, _ := wave(t, 0)
	r.left = 1000
	if r.follow(l, &flat, dim, pins, true) != nil || r.left != 1000 {
		t.Error("followed with nothing left")
	}
	r.left, r.follows = frameBudget, maxFollows
	if r.follow(l, &flat, dim, pins, true) != nil {
		t.Error("followed once more")
	}
	r.follows = 0
	if r.follow(l, &homography{a: 5, c: 40, e: 5, f: 40}, maxDim, pins, true) != nil {
		t.Error("followed the largest code, which costs more than is allowed")
	}
}
