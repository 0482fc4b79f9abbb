package main

import (
	"image"
	"image/color"
	"regexp"
	"strconv"
	"testing"

	"railgate/driver/eye"
	"railgate/store/identity"
)

// rasterize paints the modules of a code that was drawn as SVG, a few pixels each.
func rasterize(t *testing.T, svg []byte) *image.Gray {
	t.Helper()
	const scale = 4
	size, err := strconv.Atoi(string(regexp.MustCompile(`viewBox="0 0 (\d+)`).FindSubmatch(svg)[1]))
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`).FindAllSubmatch(svg, -1) {
		x, _ := strconv.Atoi(string(m[1]))
		y, _ := strconv.Atoi(string(m[2]))
		for dy := range scale {
			for dx := range scale {
				img.SetGray(x*scale+dx, y*scale+dy, color.Gray{})
			}
		}
	}
	return img
}

// What the screen shows in diagnosis is what a station takes.
func TestTheScreensCodeEnrollsTheGate(t *testing.T) {
	want := identity.FromSeed([32]byte{9}).Public("GZQ", "A07")
	text, err := want.Text()
	if err != nil {
		t.Fatal(err)
	}
	svg, err := drawCode(text)
	if err != nil {
		t.Fatal(err)
	}
	read, ok := eye.NewReader().Read(rasterize(t, svg))
	if !ok {
		t.Fatal("the code is not read")
	}
	p, err := identity.ParsePublic([]byte(read))
	if err != nil || p.Gate != "A07" || p.Bus != want.Bus {
		t.Errorf("read as %+v, %v; want the gate's keys", p, err)
	}
}
