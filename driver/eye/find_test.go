package eye

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strings"
	"testing"

	"railgate/driver/eye/frames"
)

// condition is a condition of frames by its name.
func condition(t testing.TB, name string) frames.Condition {
	t.Helper()
	all := frames.Conditions()
	i := slices.IndexFunc(all, func(c frames.Condition) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no condition %q", name)
	}
	return all[i]
}

// wantRead reads n frames of a condition, and wants at least so many read and none misread.
func wantRead(t *testing.T, name string, strength float64, least, n int) {
	t.Helper()
	c, read := condition(t, name), 0
	r := NewReader()
	for i := range n {
		f := c.Frame(uint64(i), strength, 0)
		r.Forget()
		text, ok := r.Read(f.Image)
		switch {
		case ok && text != f.Text:
			t.Errorf("%s %v, frame %d: misread %q; want %q", name, strength, i, text, f.Text)
		case ok:
			read++
		}
		if most := budgetFor(f.Image.Rect.Dx()*f.Image.Rect.Dy()) + overrun; r.Spent() > most {
			t.Errorf("%s %v, frame %d: spent %d of %d", name, strength, i, r.Spent(), most)
		}
	}
	if read < least {
		t.Errorf("%s %v: read %d of %d; want %d", name, strength, read, n, least)
	}
}

// A code before a hundred square icons is found among them, as is one before a wall of torn codes:
// corners are taken of each finder's nearest, and weighed before a grid is tried.
func TestCornersOfACrowdAreWeighed(t *testing.T) {
	wantRead(t, "icons", 100, 3, 3)
	wantRead(t, "torn", 3, 3, 3)
}

// What looks like finders in a page of text does not fill the table, nor spend the budget.
func TestWeakOnesMakeRoom(t *testing.T) {
	wantRead(t, "text", 5, 1, 1)
	l := newLevel(image.NewGray(image.Rect(0, 0, 640, 480)))
	for i := range maxFinders {
		l.add(finder{x: float64(i), y: float64(i), rows: 1, off: 2})
	}
	strong := finder{x: 600, y: 20, rows: 5, off: 0.2}
	l.finders[7].rows, l.finders[7].off = strong.rows, strong.off
	l.add(strong)
	if len(l.finders) != maxFinders/2+1 || l.near(7, 7, 1, 1, false) == nil || l.near(600, 20, 1, 1, false) == nil {
		t.Errorf("%d finders left; want half of %d, the strong ones among them", len(l.finders), maxFinders)
	}
}

// Seen aslant, a code's diagonal is not the longest side of its finders' triangle, its finders are
// higher than they are wide, and its corner is not right.
func TestReadsCodesSeenAslant(t *testing.T) {
	wantRead(t, "tilt", 67, 4, 4)
	s, c := math.Sincos(math.Pi / 4)
	const flat = 0.42 // the cosine of 65 degrees
	at := func(u, v float64) Point { return Point{300 + flat*(c*u-s*v), 300 + s*u + c*v} }
	l := newLevel(image.NewGray(image.Rect(0, 0, 600, 600)))
	for _, p := range []Point{at(0, 0), at(150, 0), at(0, 150)} {
		l.finders = append(l.finders, finder{x: p.X, y: p.Y, mx: 2, my: 4, rows: 3})
	}
	if corners := l.makeCorners(); len(corners) == 0 || corners[0].at != 0 {
		t.Errorf("corners %+v; want the first at 0", corners)
	}
}

// What a frame may cost grows with its area, to a bound.
func TestTheBudgetGrowsWithTheFrame(t *testing.T) {
	for _, tt := range []struct{ pixels, want int }{
		{1280 * 720, frameBudget}, {1920 * 1080, frameBudget},
		{2<<20 + 1000, frameBudget + 1000*pixelBudget}, {12_000_000, mostBudget}, {64_000_000, mostBudget},
	} {
		if got := budgetFor(tt.pixels); got != tt.want {
			t.Errorf("%d pixels: %d; want %d", tt.pixels, got, tt.want)
		}
	}
}

// A code without a quiet zone on ground as dark as itself: two sides of each finder have no end.
func TestReadsCodesThatHaveRunIntoTheirGround(t *testing.T) {
	wantRead(t, "no-quiet-dark", 4, 8, 9)
	wantRead(t, "no-quiet-turned", 20, 5, 6) // a row through a finder looks right, and the column has no end
	wantRead(t, "no-quiet-light", 4, 2, 2)
}

// What looks like a finder that has run into its ground is no evidence of a code: a hall that shows
// such things all day is as empty as any.
func TestMergedFindersAreForgotten(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 320, 240))
	for i := range img.Pix {
		img.Pix[i] = 25
	}
	for _, at := range []image.Point{{40, 40}, {200, 40}, {40, 160}} { // as finders without an end to the left and above
		for i := range 49 * 16 {
			x, y := i%28, i/28
			d := max(x/4-3, 3-x/4, y/4-3, 3-y/4)
			img.SetGray(at.X+x, at.Y+y, color.Gray{Y: 25})
			if d == 2 {
				img.SetGray(at.X+x, at.Y+y, color.Gray{Y: 230})
			}
		}
		for i := range 4 * 40 {
			img.SetGray(at.X+28+i%4, at.Y+i/4, color.Gray{Y: 230})
			img.SetGray(at.X+i/4, at.Y+28+i%4, color.Gray{Y: 230})
		}
	}
	r := NewReader()
	if text, ok := r.Read(img); ok {
		t.Fatalf("read %q", text)
	}
	if l := &r.levels[0]; len(l.merged) < leastMerged || len(l.finders) > 0 || !r.sawNothing() {
		t.Errorf("%d places noted, finders %v; want some, and no finders", len(l.merged), l.finders)
	}
}

// Nothing is seen of a finder: the timing patterns tell where it is, and the alignment patterns the rest.
func TestReadsCodesWithAFinderCovered(t *testing.T) {
	wantRead(t, "covered", 1, 4, 6)
	for missing := range 3 {
		const text, scale = "RG1:A HAND LIES ON A WHOLE FINDER AND A LITTLE MORE", 4
		img := clean(t, text, scale)
		last := img.Rect.Dx() - 12*scale
		at := [3]image.Point{{4 * scale, 4 * scale}, {last, 4 * scale}, {4 * scale, last}}[missing]
		for i := range 64 * scale * scale {
			img.SetGray(at.X+i%(8*scale), at.Y+i/(8*scale), color.Gray{Y: 110})
		}
		wantText(t, "covered", img, text)
	}
}

// A finder in the shadow has so little contrast that it is flat to whom the rest is bright: it is told by
// how like a finder it is in its own light.
func TestReadsCodesWithAFinderInTheShadow(t *testing.T) {
	c := condition(t, "shadow")
	for _, tt := range []struct {
		seed  uint64
		times float64
	}{{28, 32}, {0, 32}, {1, 16}} {
		f := c.Frame(tt.seed, tt.times, 0)
		wantText(t, fmt.Sprint(tt), f.Image, f.Text)
	}
}

// Icons on a wall make corners as good as a code's. Nothing is between them, so no grid is tried.
func TestNoGridIsTriedBetweenIcons(t *testing.T) {
	noise := randomGray(11, 1280, 720)
	icon := finderWall(7*3, 7*3, 3)
	img := image.NewGray(noise.Rect)
	for i, g := range noise.Pix {
		img.Pix[i] = 200 + g/32 // less than what is told from flat
		x, y := i%1280%90, i/1280%90
		if x < 21 && y < 21 {
			img.Pix[i] = icon.Pix[y*icon.Stride+x]
		}
	}
	r := NewReader()
	r.left = frameBudget
	l := r.level(0, planeOf(img))
	if r.pass(l, wideRadius) {
		t.Fatalf("read %q", r.code.Text)
	}
	if len(l.finders) < 50 || len(l.corners) < 50 || l.tries > 0 {
		t.Errorf("%d finders, %d corners, grids of %d tried; want many, many, none", len(l.finders), len(l.corners), l.tries)
	}
}

// A finder that is alone, as a square sign on a wall, is not worth another look at the whole frame, and nor is
// a crowd of icons. Two with something between are, and all looks if that may be a timing pattern.
func TestWhatMayHoldNoCodeGetsNoSecondLook(t *testing.T) {
	icon := finderWall(7*4, 7*4, 4)
	for _, tt := range []struct {
		name       string
		at         []image.Point
		again, all bool
	}{
		{"one finder", []image.Point{{300, 200}}, false, false},
		{"two, with nothing between", []image.Point{{100, 200}, {260, 200}}, false, false},
		{"two, with a code's stripes between", []image.Point{{100, 200}, {260, 200}}, true, true},
		{"two, with wide stripes between", []image.Point{{100, 200}, {260, 200}}, true, false},
		{"a crowd with stripes between", []image.Point{{20, 20}, {180, 20}, {20, 120}, {180, 120}, {20, 220}, {180, 220}, {340, 20}, {500, 20}, {340, 120}, {500, 120}, {340, 220}, {500, 220}}, false, false},
	} {
		img := image.NewGray(image.Rect(0, 0, 640, 480))
		for i := range img.Pix {
			img.Pix[i] = 230
		}
		for _, at := range tt.at {
			draw.Draw(img, icon.Rect.Add(at), icon, image.Point{}, draw.Src)
		}
		for k := 0; strings.Contains(tt.name, "stripes") && k+1 < len(tt.at); k += 2 {
			wide := 4
			if strings.Contains(tt.name, "wide") {
				wide = 12
			}
			for x := tt.at[k].X + 36; x+wide < tt.at[k+1].X-8; x += 2 * wide {
				draw.Draw(img, image.Rect(x, tt.at[k].Y, x+wide, tt.at[k].Y+28), image.NewUniform(color.Gray{Y: 20}), image.Point{}, draw.Src)
			}
		}
		r := NewReader()
		if text, ok := r.Read(img); ok {
			t.Errorf("%s: read %q", tt.name, text)
		}
		if r.levels[0].evidence() == 0 && !tt.again {
			t.Errorf("%s: no finder was seen", tt.name)
		}
		if again := r.levels[0].radius == closeRadius; again != tt.again || r.have[3] != tt.all {
			t.Errorf("%s: looked at again %v, in all ways %v; want %v, %v", tt.name, again, r.have[3], tt.again, tt.all)
		}
	}
}

// Grids that letters make are seen to be none by few of their modules: not all are looked at. A code's own is not
// taken for one of these, nor one that lies a little beside it.
func TestFewModulesTellThatAGridIsNone(t *testing.T) {
	r := NewReader()
	r.Read(frameOf("page720", 4))
	if grids, modules := r.by[stageGrids], r.by[stageModules]; grids == 0 || modules > 20_000 {
		t.Errorf("a page of text: %d units of grids, %d of modules; want some, few", grids, modules)
	}
	const pitch, quiet = 4.0, 4 // as clean draws it
	r.left = frameBudget
	l := newLevel(clean(t, "RG1:FAR-OFF", pitch))
	dim := l.w/pitch - 2*quiet
	for _, tt := range []struct {
		x, y, pitch float64 // of the grid
		far         bool
	}{{0, 0, pitch, false}, {1, -1, pitch, false}, {0, 0, 1.01 * pitch, false}, {pitch, 0, pitch, true}, {0, 0, 1.2 * pitch, true}} {
		g := grid{dim: dim, t: homography{a: tt.pitch, c: quiet*pitch + tt.x, e: tt.pitch, f: quiet*pitch + tt.y}}
		if far := l.offAtAGlance(&g, r.layout(dim), nil) > farOff; far != tt.far {
			t.Errorf("a grid of %v pixels a module, (%v, %v) beside the code's: far off %v; want %v", tt.pitch, tt.x, tt.y, far, tt.far)
		}
	}
}

// Where nearly everything looks like a finder at a glance, as in a zone plate, a smoothed or smaller look finds no code.
func TestAZonePlateGetsNoSecondLook(t *testing.T) {
	for _, i := range []int{1, 3, 5} {
		r := NewReader()
		if text, ok := r.Read(frameOf("plate720", i)); ok {
			t.Errorf("plate %d: read %q", i, text)
		}
		if r.have[1] || r.by[stageSmoothing] > 0 || r.Spent() > frameBudget*2/3 {
			t.Errorf("plate %d: looked at a half %v, smoothing %d units, %d in all", i, r.have[1], r.by[stageSmoothing], r.Spent())
		}
	}
}

// Frames that a cheaper search has missed: a corner that is doubtful and alone, for its timing pattern's beat was asked for; large dots, for
// not all of the code was smoothed.
func TestReadsWhatCheaperSearchesMissed(t *testing.T) {
	for _, tt := range []struct {
		condition string
		strength  float64
		seed      uint64
	}{{"tilt", 67, 14}, {"dot-print", 6, 12}, {"dot-print", 6, 16}} {
		f := condition(t, tt.condition).Frame(tt.seed, tt.strength, 0)
		wantText(t, fmt.Sprint(tt), f.Image, f.Text)
	}
}

// Where many finders are, two of them tell nothing of a third.
func TestNoThirdFinderIsLookedForInACrowd(t *testing.T) {
	icon := finderWall(7*4, 7*4, 4)
	for n := fewPairs - 1; n <= fewPairs+1; n++ {
		img := image.NewGray(image.Rect(0, 0, 640, 480))
		for i := range img.Pix {
			img.Pix[i] = 230
		}
		for k := range n {
			draw.Draw(img, icon.Rect.Add(image.Pt(20+k%5*120, 20+k/5*120)), icon, image.Point{}, draw.Src)
		}
		r := NewReader()
		r.left = frameBudget
		l := r.level(0, planeOf(img))
		if r.firstLook(l); l.evidence() != n {
			t.Errorf("%d of %d finders were seen", l.evidence(), n)
		}
		if looked := r.by[stageThird] > 0; looked != (n <= fewPairs) {
			t.Errorf("among %d finders: looked for a third %v", n, looked)
		}
	}
}

// A code of version 40 is read wherever the one before it was: the rows where that was are looked at first, and no
// denser than others, or what looks like finders among its modules comes between its own.
func TestReadsLargeCodesOneAfterAnother(t *testing.T) {
	all := frames.Sets()
	set := all[slices.IndexFunc(all, func(s frames.Set) bool { return s.Name == "large1080-v40" })]
	r := NewReader()
	for _, i := range []int{0, 2} {
		f := set.Frame(i)
		if text, ok := r.Read(f.Image); !ok || text != f.Text {
			t.Errorf("frame %d: read %v, %d units", i, ok, r.Spent())
		}
	}
}

// A clear code is read by its modules' middles, and by five places of each where the middles are no good.
func TestClearCodesAreReadByTheirMiddles(t *testing.T) {
	const scale, quiet = 5, 4
	for _, text := range []string{"RG1:MIDDLES", strings.Repeat(rulesText, 28)} {
		img := clean(t, text, scale)
		read := func() *Reader {
			r := NewReader()
			if got, ok := r.Read(img); !ok || got != text {
				t.Errorf("read %v", ok)
			}
			return r
		}
		r := read()
		dim, least := r.modules.dim, r.by[stageModules]
		if r.modules.taps != 1 || least > 35*dim*dim {
			t.Errorf("a clean code of %d modules a side was looked at in %d places of a module for %d units; want one", dim, r.modules.taps, least)
		}
		for i, fixed := range r.layout(dim).fixed {
			if x, y := i%dim, i/dim; fixed != dark && fixed != light && i%3 == 0 { // a module with a speck in its middle
				p := &img.Pix[((y+quiet)*scale+scale/2)*img.Stride+(x+quiet)*scale+scale/2]
				*p = 255 - *p
			}
		}
		if r = read(); r.modules.taps != 5 || r.by[stageModules] <= least {
			t.Errorf("one of %d modules a side with specks was looked at in %d places of a module; want five, after its middles", dim, r.modules.taps)
		}
	}
}
