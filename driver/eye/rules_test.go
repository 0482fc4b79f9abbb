package eye

import (
	"image"
	"image/draw"
	"math"
	"strings"
	"testing"
)

const rulesText = "RG1:EVERY RULE OF THE EYE HAS A TEST THAT FAILS WITHOUT IT/0123456789"

// warped is img with each pixel taken from where from says.
func warped(img *image.Gray, from func(x, y float64) (float64, float64)) *image.Gray {
	p, out := planeOf(img), image.NewGray(img.Rect)
	for i := range out.Pix {
		x, y := from(float64(i%p.w)+0.5, float64(i/p.w)+0.5)
		out.Pix[i] = uint8(p.at(x, y) / grayScale)
	}
	return out
}

// The alignment pattern lies where there is none of this code: the grid is tried as it was.
func TestReadsWithAFalseAlignmentPattern(t *testing.T) {
	const scale = 6
	img := clean(t, rulesText, scale)
	code := wantText(t, "whole", img, rulesText)
	middleAt := (4+17+4*code.Version-7)*scale + scale/2
	fake := image.NewGray(image.Rect(0, 0, 5*scale, 5*scale))
	for i := range fake.Pix {
		d := max(i%(5*scale)/scale-2, 2-i%(5*scale)/scale, i/(5*scale)/scale-2, 2-i/(5*scale)/scale)
		fake.Pix[i] = 20
		if d == 1 {
			fake.Pix[i] = 240
		}
	}
	torn := image.Rect(middleAt-3*scale, middleAt-3*scale, middleAt+3*scale, middleAt+3*scale)
	draw.Draw(img, torn, image.NewUniform(img.At(0, 0)), image.Point{}, draw.Src)
	draw.Draw(img, fake.Rect.Add(image.Pt(middleAt-scale, middleAt-scale)), fake, image.Point{}, draw.Src)
	wantText(t, "torn", img, rulesText)
}

func TestReadsABentSheet(t *testing.T) {
	text := strings.Repeat(rulesText, 7)
	img := clean(t, text, 4)
	side := float64(img.Rect.Dx())
	wantText(t, "bent", warped(img, func(x, y float64) (float64, float64) {
		return x, y + 6*math.Sin(math.Pi*x/side) // a module and a half at the middle
	}), text)
}

func TestReadsAPhoneAtTheLens(t *testing.T) {
	for _, scale := range []int{20, 58} {
		wantText(t, "close", clean(t, "RG1:NEAR", scale), "RG1:NEAR")
	}
}

func TestBetweenFindersOfACodeItIsBusy(t *testing.T) {
	const scale = 4
	code := clean(t, rulesText, scale)
	last := code.Rect.Dx() - (4+7)*scale
	icons := image.NewGray(code.Rect)
	draw.Draw(icons, icons.Rect, image.NewUniform(code.At(0, 0)), image.Point{}, draw.Src)
	for _, x := range []int{4 * scale, last} {
		finder := image.Rect(x, 4*scale, x+7*scale, 11*scale)
		draw.Draw(icons, finder, code, finder.Min, draw.Src)
	}
	for img, want := range map[*image.Gray]bool{code: true, icons: false} {
		l := newLevel(img)
		middleAt := 7.5 * scale
		for _, x := range []float64{middleAt, float64(last) + 3.5*scale} {
			l.finders = append(l.finders, finder{x: x, y: middleAt, mx: scale, my: scale, rows: 3})
		}
		l.thresholds(0)
		if got := l.busy(0, 1); got != want {
			t.Errorf("busy %v; want %v", got, want)
		}
	}
}
