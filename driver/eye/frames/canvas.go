package frames

import "math"

// A canvas is linear light, one float a pixel.
type canvas struct {
	w, h int
	p    []float32
}

func newCanvas(w, h int, light float32) *canvas {
	c := &canvas{w, h, make([]float32, w*h)}
	for i := range c.p {
		c.p[i] = light
	}
	return c
}

// blend covers part of a pixel, 0 to 1, with light.
func (c *canvas) blend(x, y int, light, part float32) {
	p := &c.p[y*c.w+x]
	*p += part * (light - *p)
}

// rect fills from (x0, y0) up to but without (x1, y1).
func (c *canvas) rect(x0, y0, x1, y1 float64, light float32) {
	for y := max(0, int(y0)); y < min(c.h, int(y1)); y++ {
		for x := max(0, int(x0)); x < min(c.w, int(x1)); x++ {
			c.p[y*c.w+x] = light
		}
	}
}

// ellipse fills one that stands upright; its edge is soft over a pixel.
func (c *canvas) ellipse(cx, cy, rx, ry float64, light float32) {
	soft := math.Min(rx, ry)
	for y := max(0, int(cy-ry-1)); y < min(c.h, int(cy+ry+2)); y++ {
		for x := max(0, int(cx-rx-1)); x < min(c.w, int(cx+rx+2)); x++ {
			d := math.Hypot((float64(x)-cx)/rx, (float64(y)-cy)/ry)
			if part := (1-d)*soft + 0.5; part > 0 {
				c.blend(x, y, light, float32(math.Min(1, part)))
			}
		}
	}
}

// line draws one of a width in pixels that may be less than 1.
func (c *canvas) line(x0, y0, x1, y1, width float64, light float32) {
	length := math.Hypot(x1-x0, y1-y0)
	if length == 0 {
		return
	}
	dx, dy := (x1-x0)/length, (y1-y0)/length
	reach := width/2 + 1
	for y := max(0, int(math.Min(y0, y1)-reach)); y < min(c.h, int(math.Max(y0, y1)+reach)+1); y++ {
		for x := max(0, int(math.Min(x0, x1)-reach)); x < min(c.w, int(math.Max(x0, x1)+reach)+1); x++ {
			px, py := float64(x)+0.5-x0, float64(y)+0.5-y0
			along := math.Min(math.Max(px*dx+py*dy, 0), length)
			off := math.Hypot(px-along*dx, py-along*dy)
			part := math.Min(math.Min(width, 1), width/2+0.5-off)
			if part > 0 {
				c.blend(x, y, light, float32(part))
			}
		}
	}
}

// shade multiplies the light by smooth chance of so many pixels a swing, e.g. 0.1 for
// a tenth up or down.
func (c *canvas) shade(r random, cell int, swing float32) {
	across := c.w/cell + 2
	knots := make([]float32, across*(c.h/cell+2))
	for i := range knots {
		knots[i] = 1 + swing*(2*r.Float32()-1)
	}
	ease := make([]float32, cell)
	for i := range ease {
		t := float32(i) / float32(cell)
		ease[i] = t * t * (3 - 2*t)
	}
	row := make([]float32, across)
	for y := range c.h {
		a, b, t := knots[y/cell*across:], knots[(y/cell+1)*across:], ease[y%cell]
		for i := range row {
			row[i] = a[i] + t*(b[i]-a[i])
		}
		line := c.p[y*c.w:][:c.w]
		for x := range line {
			i := x / cell
			line[x] *= row[i] + ease[x-i*cell]*(row[i+1]-row[i])
		}
	}
}

// hash is chance by place: the same for the same numbers.
func hash(a, b, c int) uint32 {
	x := uint32(a)*0x9e3779b1 ^ uint32(b)*0x85ebca6b ^ uint32(c)*0xc2b2ae35
	x ^= x >> 15
	x *= 0x2c1b3c6d
	x ^= x >> 12
	x *= 0x297a2d39
	return x ^ x>>15
}

// glyph says whether ink is at a point of a page of text whose letters are one unit
// wide and lines two units high.
func glyph(page int, u, v float64) bool {
	column, row := int(math.Floor(u)), int(math.Floor(v/2))
	if math.Mod(math.Abs(v), 2) > 1.3 || hash(page, row, column)%7 == 0 {
		return false // between lines, between words
	}
	x, y := int((u-math.Floor(u))*4), int((v/2-math.Floor(v/2))*6)
	return x < 3 && hash(page^x<<4^y<<8, row, column)&1 == 0
}

// page writes text into a rectangle, size pixels a letter.
func (c *canvas) page(r random, x0, y0, x1, y1, size float64, ink float32) {
	number := r.IntN(1 << 20)
	for y := max(0, int(y0)); y < min(c.h, int(y1)); y++ {
		for x := max(0, int(x0)); x < min(c.w, int(x1)); x++ {
			if glyph(number, (float64(x)-x0)/size, (float64(y)-y0)/size) {
				c.p[y*c.w+x] = ink
			}
		}
	}
}
