package eye

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"math"
	"strings"
	"testing"

	"rsc.io/qr"
	"rsc.io/qr/coding"

	"railgate/driver/eye/frames"
)

// clean draws text as a code of modules of scale pixels, with a quiet zone.
func clean(t testing.TB, text string, scale int) *image.Gray {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	return drawCode(code.Size, code.Black, scale)
}

// drawCode draws a code of size modules a side, scale pixels each, with a quiet zone, and a speck in
// a corner of the picture, without which it would be a pure one (pure.go) and go by no other stage.
func drawCode(size int, black func(x, y int) bool, scale int) *image.Gray {
	const quiet = 4
	side := (size + 2*quiet) * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = 240
		if black(i%side/scale-quiet, i/side/scale-quiet) {
			img.Pix[i] = 20
		}
	}
	img.Pix[0] = 20
	return img
}

func show(version int, change func(*frames.Showing)) frames.Frame {
	s := frames.Showing{Width: 640, Height: 480, Version: version, Pitch: min(5, 300/float64(25+4*version))}
	if change != nil {
		change(&s)
	}
	return frames.Show(uint64(1000+version), s)
}

func wantText(t *testing.T, name string, img *image.Gray, want string) Code {
	t.Helper()
	code, ok := NewReader().Look(img)
	if !ok || code.Text != want {
		t.Errorf("%s: read %q, %v; want %q", name, code.Text, ok, want)
	}
	return code
}

func TestReadsEveryVersion(t *testing.T) {
	for version := 1; version <= 40; version++ {
		plan, err := coding.NewPlan(coding.Version(version), coding.L, coding.Mask(version%8))
		if err != nil {
			t.Fatal(err)
		}
		text := "RG1:" + strings.Repeat("A7$", plan.DataBytes/3)
		drawn, err := plan.Encode(coding.Alpha(text))
		if err != nil {
			t.Fatal(err)
		}
		img := drawCode(drawn.Size, drawn.Black, 3)
		code := wantText(t, fmt.Sprint("version ", version), img, text)
		if code.Version != version || math.Abs(code.Module-3) > 0.1 {
			t.Errorf("version %d, modules of %.2f pixels; want %d, 3", code.Version, code.Module, version)
		}
	}
}

func TestReadsPhonesAndPaperOfVersions1To20(t *testing.T) {
	for version := 1; version <= 20; version++ {
		f := show(version, nil)
		code := wantText(t, fmt.Sprint("phone, version ", version), f.Image, f.Text)
		if code.Inverted || code.Mirrored || code.Version != version {
			t.Errorf("version %d: %+v", version, code)
		}
		if version%5 == 0 {
			f = show(version, func(s *frames.Showing) { s.Paper = true })
			wantText(t, fmt.Sprint("paper, version ", version), f.Image, f.Text)
		}
	}
}

func TestReadsEitherPolarityMirroredDimmedAndCracked(t *testing.T) {
	for name, tt := range map[string]struct {
		least  int // of the five frames
		change func(*frames.Showing)
	}{
		"inverted":              {5, func(s *frames.Showing) { s.Inverted = true }},
		"mirrored":              {5, func(s *frames.Showing) { s.Mirrored = true }},
		"inverted and mirrored": {5, func(s *frames.Showing) { s.Inverted, s.Mirrored = true, true }},
		"dimmed":                {3, func(s *frames.Showing) { s.Dimmed = true }},
		"cracked":               {3, func(s *frames.Showing) { s.Cracked = true }},
	} {
		read := 0
		for version := 3; version <= 15; version += 3 {
			f := show(version, tt.change)
			code, ok := NewReader().Look(f.Image)
			switch {
			case ok && code.Text != f.Text:
				t.Errorf("%s, version %d: misread %q; want %q", name, version, code.Text, f.Text)
			case ok:
				read++
				if code.Inverted != strings.Contains(name, "inverted") || code.Mirrored != strings.Contains(name, "mirrored") {
					t.Errorf("%s, version %d: inverted %v, mirrored %v", name, version, code.Inverted, code.Mirrored)
				}
			}
		}
		if read < tt.least {
			t.Errorf("%s: read %d of 5; want %d", name, read, tt.least)
		}
	}
}

func TestReadsTurnedByAnyAngle(t *testing.T) {
	const text = "RG1:ANY ANGLE/0123456789"
	straight := clean(t, text, 5)
	for angle := 0; angle < 360; angle += 20 {
		img := turned(straight, float64(angle))
		code := wantText(t, fmt.Sprintf("turned by %d degrees", angle), img, text)
		c := code.Corners
		got := math.Atan2(c[1].Y-c[0].Y, c[1].X-c[0].X) * 180 / math.Pi
		if d := math.Mod(got-float64(angle)+720+180, 360) - 180; math.Abs(d) > 2 {
			t.Errorf("turned by %d degrees: the corners say %.0f", angle, got)
		}
	}
}

// turned is img turned clockwise by degrees about its middle, on light ground.
func turned(img *image.Gray, degrees float64) *image.Gray {
	p := planeOf(img)
	side := p.w * 3 / 2
	out := image.NewGray(image.Rect(0, 0, side, side))
	s, c := math.Sincos(degrees * math.Pi / 180)
	for i := range out.Pix {
		x, y := float64(i%side-side/2), float64(i/side-side/2)
		u, v := c*x+s*y+float64(p.w)/2, -s*x+c*y+float64(p.h)/2
		out.Pix[i] = uint8(p.at(u+0.5, v+0.5) / grayScale)
	}
	return out
}

func TestSeededPhones(t *testing.T) {
	n, read := 0, 0
	r := NewReader()
	for _, set := range frames.Sets() {
		if set.Kind != frames.Codes {
			continue
		}
		for i := 0; i < set.Len; i += 25 {
			f := set.Frame(i)
			n++
			text, ok := r.Read(f.Image)
			if ok && text != f.Text {
				t.Errorf("%s/%s: misread %q; want %q", set.Name, f.Name, text, f.Text)
			}
			if ok {
				read++
			} else if f.Pitch > 3 {
				t.Errorf("%s/%s: not read, at %.1f pixels a module", set.Name, f.Name, f.Pitch)
			}
		}
	}
	if n == 0 || read*100 < n*90 {
		t.Errorf("read %d of %d; want nine of ten and more", read, n)
	}
}

func TestNothingWhereThereIsNothing(t *testing.T) {
	r := NewReader()
	for _, set := range frames.Sets() {
		if set.Kind != frames.Empty {
			continue
		}
		for i := 0; i < set.Len; i += 16 {
			f := set.Frame(i)
			if text, ok := r.Read(f.Image); ok {
				t.Errorf("%s/%s: read %q", set.Name, f.Name, text)
			}
		}
	}
}

// Stock gozxing looked for minutes at some of these.
func TestWorkIsBoundedWhateverTheFrameShows(t *testing.T) {
	r := NewReader()
	look := func(name string, img *image.Gray) {
		t.Helper()
		if text, ok := r.Read(img); ok {
			t.Errorf("%s: read %q", name, text)
		}
		if most := budgetFor(img.Rect.Dx() * img.Rect.Dy()); r.Spent() > most+overrun {
			t.Errorf("%s: spent %d of %d", name, r.Spent(), most)
		}
	}
	for _, set := range frames.Sets() {
		if set.Kind != frames.Hostile {
			continue
		}
		for i := 0; i < set.Len; i += 2 {
			f := set.Frame(i)
			look(set.Name+"/"+f.Name, f.Image)
		}
	}
	look("an 8-pixel wall of finders", finderWall(1280, 720, 1))
	look("a wall of finders of 12 megapixels", finderWall(4000, 3000, 2))
	look("12 megapixels of white", image.NewGray(image.Rect(0, 0, 4000, 3000)))
}

// finderWall is finder patterns of m pixels a module, one beside the other.
func finderWall(w, h, m int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		u, v := i%w/m%8, i/w/m%8
		img.Pix[i] = 230
		if d := max(u-3, 3-u, v-3, 3-v); d == 0 || d == 1 || d == 3 {
			img.Pix[i] = 20
		}
	}
	return img
}

func TestAllocations(t *testing.T) {
	for _, tt := range []struct {
		name string
		img  *image.Gray
		most float64
	}{
		{"an empty frame", frames.Sets()[6].Frame(0).Image, 0},
		{"noise", frames.Sets()[len(frames.Sets())-1].Frame(3).Image, 0},
		{"a code", show(8, nil).Image, 50},
	} {
		r := NewReader()
		r.Read(tt.img)
		if got := testing.AllocsPerRun(5, func() { r.Read(tt.img) }); got > tt.most {
			t.Errorf("%s: %v allocations once warm; want at most %v", tt.name, got, tt.most)
		}
	}
}

func TestPartOfAPictureIsReadAsACopyOfIt(t *testing.T) {
	f := show(7, nil)
	big := image.NewGray(image.Rect(-10, -20, 700, 520))
	draw.Draw(big, f.Image.Rect, f.Image, image.Point{}, draw.Src)
	part := big.SubImage(f.Image.Rect).(*image.Gray)
	a, _ := NewReader().Look(f.Image)
	b, _ := NewReader().Look(part)
	if a != b || a.Text != f.Text {
		t.Errorf("the picture reads %+v, the part %+v", a, b)
	}
}

func TestTheLastPlaceOnlyOrdersTheSearch(t *testing.T) {
	r := NewReader()
	high, low := clean(t, "RG1:HIGH", 3), clean(t, "RG1:LOW", 3)
	a, b := image.NewGray(image.Rect(0, 0, 640, 480)), image.NewGray(image.Rect(0, 0, 640, 480))
	draw.Draw(a, high.Rect.Add(image.Pt(30, 10)), high, image.Point{}, draw.Src)
	draw.Draw(b, low.Rect.Add(image.Pt(400, 350)), low, image.Point{}, draw.Src)
	for range 3 {
		for img, want := range map[*image.Gray]string{a: "RG1:HIGH", b: "RG1:LOW"} {
			if text, ok := r.Read(img); !ok || text != want {
				t.Errorf("read %q, %v; want %q", text, ok, want)
			}
		}
	}
	r.Forget()
	if r.last != (rows{}) {
		t.Error("Forget left something")
	}
}

func TestCornersLieWhereTheCodeIs(t *testing.T) {
	img := clean(t, "RG1:CORNERS", 4)
	code, ok := NewReader().Look(img)
	if !ok {
		t.Fatal("not read")
	}
	side := float64(img.Rect.Dx() - 16)
	for i, want := range [4]Point{{16, 16}, {side, 16}, {side, side}, {16, side}} {
		if c := code.Corners[i]; math.Hypot(c.X-want.X, c.Y-want.Y) > 1 {
			t.Errorf("corner %d at %v; want %v", i, c, want)
		}
	}
}

func TestBytesComeOutAsTheyAre(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, text := range []string{
		string(all), "乘车二维码", "caf\xe9", "0123456789", "RG1:A B$", "http://例え.jp/?a=%20", "\xff\xfe\x00",
	} {
		wantText(t, fmt.Sprintf("%.20q", text), clean(t, text, 3), text)
	}
}

func TestSketchesShowEachStage(t *testing.T) {
	var names []string
	r := NewReader()
	r.Sketch = func(name string, img image.Image) {
		if img.Bounds().Empty() {
			t.Errorf("%s is empty", name)
		}
		names = append(names, name)
	}
	f := show(3, nil)
	if text, ok := r.Read(f.Image); !ok || text != f.Text {
		t.Fatalf("read %q, %v", text, ok)
	}
	got := strings.Join(names, " ")
	for _, stage := range []string{"dark", "finders", "grid", "modules", "read"} {
		if !strings.Contains(got, stage) {
			t.Errorf("no sketch of %s in %s", stage, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	add := func(img *image.Gray) {
		f.Add(uint16(img.Rect.Dx()), uint16(img.Rect.Dy()), img.Pix)
	}
	add(clean(f, "RG1:SEED", 1))
	add(clean(f, "RG1:ANOTHER SEED OF TWO AND TWENTY", 2))
	add(finderWall(64, 40, 1))
	add(image.NewGray(image.Rect(0, 0, 21, 21)))
	f.Add(uint16(23), uint16(300), []byte{0, 255, 0})
	r := NewReader()
	f.Fuzz(func(t *testing.T, w, h uint16, pix []byte) {
		w, h = w%1024, h%1024
		img := image.NewGray(image.Rect(0, 0, int(w), int(h)))
		if len(pix) > 0 {
			for i := range img.Pix {
				img.Pix[i] = pix[i%len(pix)]
			}
		}
		before := bytes.Clone(img.Pix)
		if text, ok := r.Read(img); ok == (text == "") {
			t.Errorf("read %q, %v", text, ok)
		}
		if r.Spent() > budgetFor(len(img.Pix))+overrun {
			t.Errorf("spent %d", r.Spent())
		}
		if !bytes.Equal(before, img.Pix) {
			t.Error("the picture was changed")
		}
	})
}

// One light module around a code is enough, on a page that is dark.
func TestAThinQuietZoneOnADarkPage(t *testing.T) {
	const text = "RG1:QUIET ZONE OF ONE MODULE"
	for _, scale := range []int{2, 3, 4, 6, 9} {
		code := clean(t, text, scale) // it has four
		in := code.Rect.Inset(3 * scale)
		img := image.NewGray(image.Rect(0, 0, 640, 480))
		for i := range img.Pix {
			img.Pix[i] = 25
		}
		draw.Draw(img, image.Rectangle{Max: in.Size()}.Add(image.Pt(60, 40)), code, in.Min, draw.Src)
		wantText(t, fmt.Sprint(scale), img, text)
	}
}
