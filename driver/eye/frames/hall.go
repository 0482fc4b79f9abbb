package frames

import (
	"fmt"
	"math"
)

// hall is the station behind the passengers: a wall, a tiled floor that runs off, lamps,
// pillars, doors and people.
func hall(r random, w, h int) *canvas {
	wall := r.in(0.05, 0.4)
	c := newCanvas(w, h, float32(wall))
	horizon := float64(h) * r.in(0.4, 0.75)
	floor(r, c, horizon, wall)
	lamps(r, c, horizon)
	for range 2 + r.IntN(6) {
		furniture(r, c, horizon)
	}
	for range r.IntN(4) {
		person(r, c)
	}
	c.shade(r, max(1, h/4), 0.3)
	c.shade(r, max(1, h/18), 0.12)
	c.shade(r, 6, float32(r.in(0.02, 0.1)))
	return c
}

// floor lays tiles in perspective below the horizon.
func floor(r random, c *canvas, horizon, wall float64) {
	light, dark := float32(wall*r.in(0.8, 1.6)), float32(wall*r.in(0.3, 0.9))
	tile, shift := r.in(0.3, 1.2), r.Float64()
	for y := int(horizon) + 1; y < c.h; y++ {
		far := float64(c.h) / (float64(y) - horizon + 3)
		row := int(math.Floor(far / tile))
		for x := range c.w {
			side := (float64(x)/float64(c.w) - 0.5) * far * 3
			c.p[y*c.w+x] = light
			if (row+int(math.Floor(side/tile+shift)))&1 == 0 {
				c.p[y*c.w+x] = dark
			}
		}
	}
}

// lamps hang in a row that runs to the horizon.
func lamps(r random, c *canvas, horizon float64) {
	x, side := float64(c.w)*r.in(0.1, 0.9), r.in(-0.4, 0.4)*float64(c.w)
	for k := 1.0; k < 6; k++ {
		size := float64(c.h) * 0.05 / k
		y := horizon - horizon*0.9/k
		c.ellipse(x+side*(1-1/k), y, size*r.in(1, 3), size, float32(r.in(0.8, 2)))
	}
}

// furniture is a pillar, a door or a notice.
func furniture(r random, c *canvas, horizon float64) {
	u := float64(c.h) / 720
	x, light := r.in(0, float64(c.w)), float32(r.in(0.01, 0.7))
	switch r.IntN(3) {
	case 0:
		c.rect(x, 0, x+u*r.in(20, 110), horizon+u*r.in(0, 150), light)
	case 1:
		wide, foot := u*r.in(60, 200), horizon+u*r.in(0, 60)
		c.rect(x, foot-2.2*wide, x+wide, foot, light)
		c.rect(x+wide*0.08, foot-2.1*wide, x+wide*0.92, foot, float32(r.in(0.01, 0.6)))
	case 2:
		y, wide, high := r.in(0, horizon), u*r.in(60, 260), u*r.in(40, 200)
		c.rect(x, y, x+wide, y+high, float32(r.in(0.3, 0.8)))
		c.page(r, x+wide*0.1, y+high*0.1, x+wide*0.9, y+high*0.9, u*r.in(4, 16), float32(r.in(0.01, 0.1)))
	}
}

// person is a head over shoulders.
func person(r random, c *canvas) {
	s := float64(c.h) * r.in(0.06, 0.25)
	x, y := r.in(0, float64(c.w)), float64(c.h)*r.in(0.25, 0.7)
	c.ellipse(x, y+2.3*s, 1.3*s, 1.9*s, float32(r.in(0.01, 0.35)))
	c.ellipse(x, y, 0.42*s, 0.55*s, float32(r.in(0.08, 0.4)))
}

// clutter is what looks a little like a code: pages, blinds, bar codes, boards and
// icons of squares within squares.
func clutter(r random, c *canvas) {
	u := float64(c.h) / 720
	x, y := r.in(0, float64(c.w)), r.in(0, float64(c.h))
	switch r.IntN(5) {
	case 0:
		wide, high := u*r.in(120, 500), u*r.in(100, 380)
		c.rect(x, y, x+wide, y+high, float32(r.in(0.5, 0.8)))
		c.page(r, x+8, y+8, x+wide-8, y+high-8, r.in(3, 14*u+3), 0.03)
	case 1:
		high, pitch := u*r.in(100, 400), r.in(3, 16)
		for at := y; at < y+high; at += pitch {
			c.rect(x, at, x+u*300, at+pitch/2, 0.03)
		}
	case 2:
		c.rect(x-12, y-12, x+u*260, y+u*120, 0.7)
		for at := x; at < x+u*240; at += float64(2 + r.IntN(6)) {
			c.rect(at, y, at+float64(1+r.IntN(4)), y+u*100, 0.02)
		}
	case 3:
		board(c, x, y, r.in(4, 30), 12, 0.03, float32(r.in(0.3, 0.8)))
	case 4:
		for range 1 + r.IntN(3) {
			finder(c, r.in(0, float64(c.w)), r.in(0, float64(c.h)), r.in(1.5, 7), r.in(0, 0.4))
		}
	}
}

// board is n by n squares of two lights.
func board(c *canvas, x, y, pitch float64, n int, dark, light float32) {
	for i := range n * n {
		px, py := x+float64(i%n)*pitch, y+float64(i/n)*pitch
		c.rect(px, py, px+pitch, py+pitch, [2]float32{dark, light}[(i%n+i/n)&1])
	}
}

// finder is a finder pattern, its corner at (x, y), whose ring may be askew by part of
// a module.
func finder(c *canvas, x, y, module, askew float64) {
	square := func(from, to float64, light float32) {
		c.rect(x+from*module, y+from*module, x+to*module, y+to*module, light)
	}
	square(-1, 8, 0.7)
	square(0, 7, 0.02)
	square(1+askew, 6-askew, 0.7)
	square(2, 5+askew, 0.02)
}

// empties are halls, a phone with text, and clutter.
func empties(name string, w, h int) Set {
	return Set{name, Empty, 80, func(i int) Frame {
		r := newRandom(50, uint64(i)<<32|uint64(w))
		c, kind := hall(r, w, h), "hall"
		switch i % 4 {
		case 2:
			kind = "text"
			drawPhone(r, c, nil, Showing{Width: w, Height: h, Version: 7, Pitch: r.in(2, 6)})
		case 3:
			kind = "clutter"
			for range 4 + r.IntN(8) {
				clutter(r, c)
			}
		}
		c.blur(r.in(0.4, 1.3))
		return Frame{Name: fmt.Sprintf("%03d-%s", i, kind), Image: c.expose(r, someSensor(r))}
	}}
}
