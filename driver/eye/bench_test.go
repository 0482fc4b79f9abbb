package eye

import (
	"image"
	"testing"

	"railgate/driver/eye/frames"
)

// A bench has a frame of 1280x720 with a code of version 8, and what each stage makes of it.
type bench struct {
	r    *Reader
	l    *level
	grid grid
	lay  *layout
}

func phone720() *image.Gray {
	return frames.Show(77, frames.Showing{Width: 1280, Height: 720, Version: 8, Pitch: 3.5}).Image
}

func newBench(b *testing.B) *bench {
	b.Helper()
	r := NewReader()
	r.left = 1 << 30
	r.have = [maxLevels]bool{}
	s := &bench{r: r, l: r.level(0, planeOf(phone720()))}
	s.l.begin(wideRadius)
	s.l.scanRows(1, s.l.h, 3)
	for _, c := range s.l.makeCorners() {
		for _, g := range r.makeGrids(s.l, c) {
			lay := r.layout(g.dim)
			r.pinDown(s.l, &g, c, lay)
			if r.readGrid(s.l, &g, lay, nil) {
				s.grid, s.lay = g, lay
				return s
			}
		}
	}
	b.Fatal("the frame is not read")
	return nil
}

func BenchmarkFrames(b *testing.B) {
	for _, bb := range []struct {
		name string
		img  *image.Gray
	}{
		{"code720", phone720()},
		{"empty720", frames.Sets()[6].Frame(0).Image},
		{"code480", show(8, nil).Image},
		{"empty480", emptyHall()},
		{"finders", finderWall(1280, 720, 1)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := NewReader()
			b.ReportAllocs()
			for b.Loop() {
				r.Forget()
				r.Read(bb.img)
			}
		})
	}
}

func BenchmarkStages(b *testing.B) {
	s := newBench(b)
	l, r, m := s.l, s.r, &s.r.modules
	var half, fourth plane
	corner := l.makeCorners()[0]
	for _, bb := range []struct {
		name string
		run  func()
	}{
		{"half", func() { halve(&half, &l.plane) }},
		{"quarter", func() { quarter(&fourth, &l.plane) }},
		{"thresholds", func() {
			l.reset()
			l.setRadius(wideRadius)
			for by := range l.bh {
				l.thresholds(by)
			}
		}},
		{"dark", func() {
			for y := 1; y < l.h; y += 3 {
				l.darkBits(y)
			}
		}},
		{"finders", func() {
			l.begin(wideRadius)
			l.scanRows(1, l.h, 3)
		}},
		{"corners", func() { l.makeCorners() }},
		{"recover", func() { r.recoverPair(l, corner.at, corner.right) }},
		{"grids", func() { r.makeGrids(l, corner) }},
		{"align", func() {
			g := s.grid
			r.pinDown(l, &g, corner, s.lay)
		}},
		{"sample", func() { m.sample(&l.plane, &s.grid.t, nil, s.grid.dim, 5) }},
		{"level", func() { m.level(false) }},
		{"sharpen", func() { m.sharpen(lightBlur) }},
		{"train", func() { m.train(s.lay, ridge) }},
		{"decode", func() { r.decode(s.lay, m.eq) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			r.left = 1 << 30
			bb.run()
			spent := 1<<30 - r.left
			for b.Loop() {
				r.left = 1 << 30
				bb.run()
			}
			b.ReportMetric(float64(spent), "units/op")
		})
	}
}
