package eye

import (
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"slices"
	"strings"
	"testing"

	"railgate/driver/eye/frames"
)

func isOurs(text string) bool { return strings.HasPrefix(text, "RG1:") }

// choosy is a reader that looks for codes of ours.
func choosy() *Reader {
	r := NewReader()
	r.Worth = isOurs
	return r
}

// wall is a light wall with codes on it, side by side, row by row.
func wall(t testing.TB, w, h int, codes ...*image.Gray) *image.Gray {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	x, y, bottom := 10, 10, 0
	for _, c := range codes {
		if x+c.Rect.Dx() > w {
			x, y = 10, bottom
		}
		at := image.Rect(x, y, x+c.Rect.Dx(), y+c.Rect.Dy())
		if !at.In(img.Rect) {
			t.Fatal("the wall is too small")
		}
		draw.Draw(img, at, c, image.Point{}, draw.Src)
		x, bottom = at.Max.X+10, max(bottom, at.Max.Y+10)
	}
	return img
}

func photograph(t *testing.T, path string) *image.Gray {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := jpeg.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img.(*image.Gray)
}

// A sticker that is there all day does not hide a passenger's code.
func TestAForeignCodeHidesNone(t *testing.T) {
	sticker, both := photograph(t, "testdata/two-codes/1-sticker.jpg"), photograph(t, "testdata/two-codes/2-both.jpg")
	r := choosy()
	for range 50 {
		if code, ok := r.Look(sticker); ok || !slices.Equal(r.Others(), []string{"HTTPS://EXAMPLE.COM/RATE-US"}) {
			t.Fatalf("the sticker alone reads %q, %v, others %q; want it among the others", code.Text, ok, r.Others())
		}
	}
	if r.last.bottom > r.last.top {
		t.Errorf("the next search begins at rows %v, where the sticker is", r.last)
	}
	for range 50 {
		if code, ok := r.Look(both); !ok || !isOurs(code.Text) {
			t.Fatalf("sticker and code read %q, %v; want the code", code.Text, ok)
		}
	}
}

// So it is wherever the stickers are, and if there are many of them.
func TestManyForeignCodesHideNone(t *testing.T) {
	ours := clean(t, "RG1:"+strings.Repeat("0123456789ABCDEF", 10), 3)
	for n := range 7 {
		for at := range n + 1 {
			var codes []*image.Gray
			var foreign []string
			for i := range n {
				foreign = append(foreign, fmt.Sprintf("HTTPS://EXAMPLE.COM/%d", i))
				codes = append(codes, clean(t, foreign[i], 4))
			}
			img := wall(t, 1280, 720, slices.Insert(codes, at, ours)...)
			r := choosy()
			if code, ok := r.Look(img); !ok || !isOurs(code.Text) {
				t.Errorf("%d foreign codes, ours in place %d: read %q, %v, others %q", n, at, code.Text, ok, r.Others())
			}
			for _, text := range r.Others() {
				if !slices.Contains(foreign, text) {
					t.Errorf("%q among the others; want of %q", text, foreign)
				}
			}
		}
	}
}

// A phone that reflects, tilts and moves, beside a sticker.
func TestAPhoneBesideAForeignCode(t *testing.T) {
	sticker := clean(t, "HTTPS://EXAMPLE.COM", 3)
	read, alone := 0, 0
	set := frames.Sets()[0]
	for i := 0; i < set.Len; i += 4 {
		f := set.Frame(i)
		if _, ok := NewReader().Look(f.Image); !ok {
			continue
		}
		alone++
		draw.Draw(f.Image, sticker.Rect.Add(image.Pt(1100, 500)), sticker, image.Point{}, draw.Src)
		r := choosy()
		r.Worth = func(text string) bool { return text == f.Text }
		if code, ok := r.Look(f.Image); ok && code.Text == f.Text {
			read++
		}
	}
	if alone < set.Len/8 || read < alone*95/100 {
		t.Errorf("%d of %d are read beside a sticker, of those read alone; want nearly all", read, alone)
	}
}

func TestTwoCodesOfOursAreBothRead(t *testing.T) {
	texts := []string{"RG1:FIRST", "RG1:SECOND, AND LONGER THAN THE FIRST", "RG1:THIRD"}
	img := wall(t, 1280, 720, clean(t, texts[0], 4), clean(t, "HTTPS://EXAMPLE.COM", 4), clean(t, texts[1], 5), clean(t, texts[2], 3))
	r := choosy()
	for range 3 {
		var got []string
		code, ok := r.Look(img)
		for ; ok; code, ok = r.LookAgain() {
			got = append(got, code.Text)
		}
		slices.Sort(got)
		if !slices.Equal(got, texts) {
			t.Errorf("read %q; want %q", got, texts)
		}
		if _, ok := r.LookAgain(); ok {
			t.Error("a picture in which there is nothing more is read again")
		}
	}
	if _, ok := NewReader().LookAgain(); ok {
		t.Error("a code without a picture")
	}
}

// Where only a sticker is to be seen a watch looks at every few frames, as before an empty wall.
func TestWatchIsIdleBeforeAForeignCode(t *testing.T) {
	w := NewWatch()
	w.Reader.Worth = isOurs
	img := wall(t, 640, 480, clean(t, "HTTPS://EXAMPLE.COM", 4))
	searched := 0
	for range 8 * watchEvery {
		if _, ok, yes := w.Look(img); ok {
			t.Fatal("read a code of ours")
		} else if yes {
			searched++
		}
		if w.Reader.have[1] {
			t.Fatal("it looks closer, though all that was seen is known")
		}
	}
	if searched != 8 {
		t.Errorf("searched %d frames of %d; want one of %d", searched, 8*watchEvery, watchEvery)
	}
}

// What is not worth it costs no more than the budget, and neither does looking again.
func TestForeignCodesAreWithinTheBudget(t *testing.T) {
	r := NewReader()
	for _, set := range frames.Sets() {
		for i := 0; i < set.Len; i += max(1, set.Len/4) {
			img := set.Frame(i).Image
			most := budgetFor(img.Rect.Dx()*img.Rect.Dy()) + overrun
			r.Worth = func(string) bool { return false }
			r.Look(img)
			if r.Spent() > most {
				t.Errorf("%s %d: spent %d", set.Name, i, r.Spent())
			}
			r.Worth = nil
			for _, ok := r.Look(img); ok; _, ok = r.LookAgain() {
			}
			if r.Spent() > most {
				t.Errorf("%s %d, looked at again: spent %d", set.Name, i, r.Spent())
			}
		}
	}
}

func TestContains(t *testing.T) {
	q := [4]Point{{0, 0}, {10, 1}, {11, 12}, {-1, 9}}
	turned := [4]Point{q[0], q[3], q[2], q[1]}
	for _, tt := range []struct {
		x, y float64
		want bool
	}{{5, 5, true}, {0.5, 0.5, true}, {5, -1, false}, {-2, 5, false}, {12, 5, false}, {5, 13, false}} {
		if contains(&q, tt.x, tt.y) != tt.want || contains(&turned, tt.x, tt.y) != tt.want {
			t.Errorf("(%v, %v) is in it: want %v", tt.x, tt.y, tt.want)
		}
	}
}
