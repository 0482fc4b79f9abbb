package frames

import (
	"fmt"
	"image"
	"math"
)

// A trap is a picture that someone may hold to the glass to stop a gate.
type trap struct {
	name string
	w, h int
	draw func(r random, c *canvas)
}

func traps() []trap {
	return []trap{
		{"wall-8", 1280, 720, wall(1, 8)},
		{"wall-10", 1280, 720, wall(1, 10)},
		{"wall-16", 1280, 720, wall(2, 16)},
		{"wall-18", 1280, 720, wall(2, 18)},
		{"wall-24", 1280, 720, wall(3, 24)},
		{"wall-40", 1280, 720, wall(5, 40)},
		{"wall-mixed", 1280, 720, mixedWall},
		{"wall-tilted", 1280, 720, tiltedWall},
		{"board-1", 1280, 720, boards(1)},
		{"board-3", 1280, 720, boards(3)},
		{"board-8", 1280, 720, boards(8)},
		{"squares", 1280, 720, squares},
		{"rings", 1280, 720, rings},
		{"mosaic", 1280, 720, mosaic(3)},
		{"mosaic-fine", 1280, 720, mosaic(2)},
		{"grain", 1280, 720, grain(3)},
		{"wall-24-12mp", 4000, 3000, wall(3, 24)},
		{"mosaic-12mp", 4000, 3000, mosaic(3)},
		{"grain-12mp", 4000, 3000, grain(3)},
		{"board-12mp", 4000, 3000, boards(3)},
		{"page-12mp", 4000, 3000, writing(9)},
		{"plate-12mp", 4000, 3000, plate(0.9)},
		{"icons-12mp", 4000, 3000, scattered(900)},
		{"torn-12mp", 4000, 3000, mosaic(9)},
	}
}

func hostileSet() Set {
	all := traps()
	return Set{"hostile720", Hostile, len(all), func(i int) Frame {
		r := newRandom(70, uint64(i))
		c := newCanvas(all[i].w, all[i].h, 0.7)
		all[i].draw(r, c)
		c.blur(0.4)
		return Frame{Name: fmt.Sprintf("%02d-%s", i, all[i].name), Image: c.expose(r, sensor{0.001, 0.005, 0, 0})}
	}}
}

// wall is finder patterns of one size, side by side.
func wall(module, pitch float64) func(random, *canvas) {
	return func(_ random, c *canvas) {
		for y := pitch; y+pitch < float64(c.h); y += pitch {
			for x := pitch; x+pitch < float64(c.w); x += pitch {
				finder(c, x, y, module, 0)
			}
		}
	}
}

// mixedWall is finder patterns of every size, over one another.
func mixedWall(r random, c *canvas) {
	for range 1500 {
		finder(c, r.in(0, float64(c.w)), r.in(0, float64(c.h)), r.in(1, 6), r.in(0, 0.3))
	}
}

// A pattern is a sheet without end.
type pattern func(u, v float64) float32

func (p pattern) bounds() (u0, v0, u1, v1 float64)            { return -400, -400, 400, 400 }
func (p pattern) light(u, v float64) (light float32, in bool) { return p(u, v), true }

// tiltedWall is a wall of finder patterns seen from the side.
func tiltedWall(_ random, c *canvas) {
	at := newPose(c.w, c.h, float64(c.w), float64(c.w)/2, float64(c.h)/2, 3, 30, 15, 20)
	c.paint(&at, pattern(func(u, v float64) float32 {
		x, y := math.Mod(u+4000, 9)-4.5, math.Mod(v+4000, 9)-4.5
		d := math.Max(math.Abs(x), math.Abs(y))
		if d < 1.5 || d > 2.5 && d < 3.5 {
			return 0.02
		}
		return 0.7
	}), nil)
}

func boards(pitch float64) func(random, *canvas) {
	return func(_ random, c *canvas) { board(c, 0, 0, pitch, int(float64(c.w)/pitch)+1, 0.02, 0.7) }
}

// squares are squares within squares, each a finder's middle to the next.
func squares(r random, c *canvas) {
	for x := 0.; x < float64(c.w); x += 120 {
		for y := 0.; y < float64(c.h); y += 120 {
			for d, dark := 0., true; d < 58; d, dark = d+r.in(2, 7), !dark {
				light := float32(0.7)
				if dark {
					light = 0.02
				}
				c.rect(x+d, y+d, x+118-d, y+118-d, light)
			}
		}
	}
}

// rings are circles about one centre, whose rows show every ratio there is.
func rings(_ random, c *canvas) {
	for i := range c.p {
		d := math.Hypot(float64(i%c.w-c.w/2), float64(i/c.w-c.h/2))
		if math.Mod(d, 7+d/40) < 3.5+d/80 {
			c.p[i] = 0.02
		}
	}
}

// mosaic is pieces cut from codes, finder patterns for the most part: everything that a
// code has but the code.
func mosaic(scale int) func(random, *canvas) {
	return func(r random, c *canvas) {
		var codes []*image.Gray
		for version := range 8 {
			code := mustCode(r.Uint64(), Showing{Version: 2 + 2*version})
			codes = append(codes, code.Draw(scale, 1))
		}
		const side = 11 // modules of a piece
		cell := side * scale
		for y := 0; y < c.h; y += cell {
			for x := 0; x < c.w; x += cell {
				piece(r, c, x, y, cell, pick(r, codes...))
			}
		}
	}
}

// piece copies a square of a code to (x, y).
func piece(r random, c *canvas, x, y, cell int, code *image.Gray) {
	free := code.Rect.Dx() - cell
	sx, sy := pick(r, 0, 0, free, r.IntN(free)), pick(r, 0, 0, free, r.IntN(free))
	for dy := range min(cell, c.h-y) {
		for dx := range min(cell, c.w-x) {
			light := float32(0.7)
			if code.Pix[(sy+dy)*code.Stride+sx+dx] == 0 {
				light = 0.02
			}
			c.p[(y+dy)*c.w+x+dx] = light
		}
	}
}

// writing is a page of text, letters of so many pixels.
func writing(size float64) func(random, *canvas) {
	return func(r random, c *canvas) { c.page(r, 0, 0, float64(c.w), float64(c.h), size, 0.03) }
}

// plate is rings that are the finer the farther out they are: from the middle of the picture to its nearer side
// they come to a share of what pixels tell apart, in waves of light.
func plate(share float64) func(random, *canvas) {
	return func(_ random, c *canvas) {
		k := math.Pi * share / float64(min(c.w, c.h))
		for i := range c.p {
			x, y := float64(i%c.w-c.w/2), float64(i/c.w-c.h/2)
			c.p[i] = float32(0.35 + 0.33*math.Cos(k*(x*x+y*y)))
		}
	}
}

// scattered is n icons of squares within squares.
func scattered(n int) func(random, *canvas) {
	return func(r random, c *canvas) {
		for range n {
			finder(c, r.in(0, float64(c.w)), r.in(0, float64(c.h)), r.in(2, 10), 0)
		}
	}
}

// pages are pages of text that fill the picture, of letters of 4 to 16 pixels.
func pages(name string, w, h int) Set {
	return Set{name, Empty, 8, func(i int) Frame {
		r := newRandom(72, uint64(i))
		c, size := newCanvas(w, h, float32(r.in(0.5, 0.8))), 4*math.Pow(4, float64(i)/7)
		c.page(r, 0, 0, float64(w), float64(h), size, 0.03)
		c.blur(r.in(0.4, 0.9))
		return Frame{Name: fmt.Sprintf("%d-letters-%.1f", i, size), Image: c.expose(r, sensor{0.002, r.in(0.008, 0.02), r.in(0, 0.2), 0})}
	}}
}

// plates are zone plates, mild to wild.
func plates(name string, w, h int) Set {
	return Set{name, Empty, 6, func(i int) Frame {
		r, share := newRandom(73, uint64(i)), 0.25+0.15*float64(i)
		c := newCanvas(w, h, 0)
		plate(share)(r, c)
		return Frame{Name: fmt.Sprintf("%d-%.2f", i, share), Image: c.expose(r, sensor{0.001, 0.005, 0, 0})}
	}}
}

// grain is black and white squares by chance.
func grain(side int) func(random, *canvas) {
	return func(r random, c *canvas) {
		seed := r.IntN(1 << 20)
		for i := range c.p {
			if hash(seed, i%c.w/side, i/c.w/side)&1 == 0 {
				c.p[i] = 0.02
			}
		}
	}
}

// noiseSet is pure noise about two levels, faint to wild.
func noiseSet() Set {
	strengths := []float64{4, 6, 8, 10, 14, 20, 30, 50, 90}
	return Set{"noise720", Hostile, 2 * len(strengths), func(i int) Frame {
		r := newRandom(71, uint64(i))
		mean, strength := [2]float64{40, 110}[i%2], strengths[i/2]
		img := image.NewGray(image.Rect(0, 0, 1280, 720))
		for k := range img.Pix {
			img.Pix[k] = uint8(math.Min(255, math.Max(0, mean+strength*r.NormFloat64())))
		}
		return Frame{Name: fmt.Sprintf("%02d-mean%.0f-sd%.0f", i, mean, strength), Image: img}
	}}
}
