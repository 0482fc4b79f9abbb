package eye

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// What stages saw, for whoever maintains them: Reader.Sketch gets each picture with a name that
// sorts in the order of the work.

func (r *Reader) show(name string, img image.Image) {
	r.sketches++
	r.Sketch(fmt.Sprintf("%02d-%s", r.sketches, name), img)
}

var (
	colourFinder   = color.RGBA{0x00, 0xc8, 0x50, 0xff}
	colourInverted = color.RGBA{0x28, 0x8c, 0xff, 0xff}
	colourModule   = color.RGBA{0xff, 0x30, 0x30, 0xff}
	colourPin      = color.RGBA{0xff, 0xc0, 0x00, 0xff}
)

// sketchFinders shows what is dark on the level, and the finders: the more rows crossed one,
// the thicker.
func (r *Reader) sketchFinders(l *level) {
	if r.Sketch == nil {
		return
	}
	name := fmt.Sprintf("1of%d-radius%d", l.shrink, l.radius)
	dark := image.NewGray(image.Rect(0, 0, l.w, l.h))
	for y := range l.h {
		for x, bits := 0, l.darkBits(y); x < l.w; x++ {
			if bits[x/64]>>(x%64)&1 == 0 {
				dark.Pix[y*dark.Stride+x] = 0xff
			}
		}
	}
	r.show("dark-"+name, dark)
	img := l.picture()
	for i := range l.finders {
		f := &l.finders[i]
		c := colourFinder
		if f.inverted {
			c = colourInverted
		}
		for t := range min(f.rows, 4) {
			box(img, f.x, f.y, 3.5*f.mx+float64(t), 3.5*f.my+float64(t), c)
		}
	}
	r.show("finders-"+name, img)
}

// sketchGrid shows where modules were looked at, and what was seen: each module's brightness,
// levelled, and what was made of it.
func (r *Reader) sketchGrid(l *level, g *grid, b *bend, read bool) {
	if r.Sketch == nil {
		return
	}
	name := fmt.Sprintf("1of%d-dim%d", l.shrink, g.dim)
	if read {
		name += "-read"
	}
	img := l.picture()
	for v := range g.dim {
		for u := range g.dim {
			cu, cv := float64(u)+0.5, float64(v)+0.5
			x, y := g.t.at(cu, cv)
			if b != nil {
				dx, dy := b.at(cu, cv)
				x, y = x+dx, y+dy
			}
			img.SetRGBA(int(x), int(y), colourModule)
		}
	}
	for i := range r.pins {
		box(img, r.pins[i].x, r.pins[i].y, 3, 3, colourPin)
	}
	r.show("grid-"+name, img)
	r.show("modules-"+name, r.modules.picture())
}

// picture is the level in colour, to be drawn on.
func (l *level) picture() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, l.w, l.h))
	for y := range l.h {
		for x, g := range l.row(y) {
			img.SetRGBA(x, y, color.RGBA{g, g, g, 0xff})
		}
	}
	return img
}

// picture is the modules as they were seen, and beside them what was made of them.
func (m *modules) picture() image.Image {
	const size = 6 // pixels a module
	img := image.NewGray(image.Rect(0, 0, (2*m.dim+3)*size, (m.dim+2)*size))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	fill := func(u, v int, g uint8) {
		for y := range size {
			for x := range size {
				img.Pix[((v+1)*size+y)*img.Stride+(u+1)*size+x] = g
			}
		}
	}
	for i := range m.soft {
		u, v := i%m.dim, i/m.dim
		fill(u, v, uint8(min(max(128-100*m.soft[i], 0), 255)))
		if m.eq[i] > 0 {
			fill(u+m.dim+1, v, 0)
		}
	}
	return img
}

// box draws a rectangle's rim around (x, y).
func box(img *image.RGBA, x, y, rx, ry float64, c color.RGBA) {
	x0, x1, y0, y1 := int(math.Round(x-rx)), int(math.Round(x+rx)), int(math.Round(y-ry)), int(math.Round(y+ry))
	for x := x0; x <= x1; x++ {
		img.SetRGBA(x, y0, c)
		img.SetRGBA(x, y1, c)
	}
	for y := y0; y <= y1; y++ {
		img.SetRGBA(x0, y, c)
		img.SetRGBA(x1, y, c)
	}
}
