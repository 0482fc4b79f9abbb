// Package eye reads one QR code (ISO/IEC 18004) in a camera's picture.
package eye

import (
	"image"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"
)

// A Reader reads pictures. It keeps its memory from one to the next. It must not be used
// concurrently.
type Reader struct {
	budget
	levels  [5]level
	layouts [maxDim + 1]*layout
	modules modules
	solomon *reedsolomon.ReedSolomonDecoder
	grids   []grid
	pins    []pin
	bend    bend
	words   []byte
	data    []byte
	ints    []int
	tried   int
	Trace   func(string, ...any)
}

// NewReader makes a reader.
func NewReader() *Reader {
	r := &Reader{solomon: newSolomon()}
	for i := range r.levels {
		r.levels[i].budget = &r.budget
	}
	return r
}

// Read looks for a code in img and returns its text: the bytes of its segments.
func (r *Reader) Read(img *image.Gray) (text string, ok bool) {
	p := planeOf(img)
	if p.w < minSide || p.h < minSide {
		return "", false
	}
	r.left = 9e6
	l := &r.levels[0]
	l.plane, l.shrink = p, 1
	l.reset()
	return r.search()
}

func (r *Reader) search() (string, bool) {
	l := &r.levels[0]
	if text, ok := r.pass(l, 2, stepOf(l.h)); ok {
		return text, ok
	}
	seen := l.evidence()
	q := &r.levels[2]
	if min(l.w, l.h) >= 4*60 {
		quarter(&q.plane, &l.plane)
		q.shrink = 4
		q.reset()
		if text, ok := r.pass(q, 2, 2); ok {
			return text, ok
		}
		seen += q.evidence()
	}
	if seen == 0 {
		return "", false
	}
	if text, ok := r.pass(l, 1, 2); ok {
		return text, ok
	}
	h := &r.levels[1]
	if min(l.w, l.h) >= 2*60 {
		halve(&h.plane, &l.plane)
		h.shrink = 2
		h.reset()
		if text, ok := r.pass(h, 2, 2); ok {
			return text, ok
		}
	}
	return "", false
}

func stepOf(h int) int {
	switch {
	case h > 1080:
		return h * 3 / 1080
	case h < 300:
		return 2
	}
	return 3
}

func (r *Reader) pass(l *level, radius, step int) (string, bool) {
	l.setRadius(radius)
	l.finders = l.finders[:0]
	for y := step / 2; y < l.h && !r.spent(); y += step {
		l.scanRow(y)
	}
	if r.Trace != nil {
		r.Trace("pass shrink %d radius %d: %d finders, left %d", l.shrink, l.radius, len(l.finders), r.left)
		for _, f := range l.finders {
			r.Trace("  %.1f %.1f m %.2f %.2f rows %d %v", f.x, f.y, f.mx, f.my, f.rows, f.inverted)
		}
	}
	if len(l.finders) < 3 {
		return "", false
	}
	corners := l.makeCorners()
	for _, c := range corners[:min(len(corners), 8)] {
		if r.spent() {
			break
		}
		l.inverted = l.finders[c.at].inverted
		if r.Trace != nil {
			r.Trace(" corner %v", c)
		}
		for _, g := range r.makeGrids(l, c) {
			if r.Trace != nil {
				r.Trace("  grid dim %d timing %.2f", g.dim, g.timing)
			}
			if text, ok := r.tryGrid(l, &g, c); ok {
				return text, ok
			}
		}
	}
	return "", false
}

func (r *Reader) tryGrid(l *level, g *grid, c corner) (string, bool) {
	if r.spent() {
		return "", false
	}
	lay := r.layout(g.dim)
	loose := g.t
	pins := r.pinDown(l, g, c, lay)
	if l.timing(&g.t, g.dim) >= 0.62 {
		if text, ok := r.sampleAndDecode(l, g, lay, nil); ok {
			return text, ok
		}
		if len(pins) > 4 && r.bend.measure(pins, &g.t, 0.2) {
			if text, ok := r.sampleAndDecode(l, g, lay, &r.bend); ok {
				return text, ok
			}
		}
	}
	if len(pins) > 3 && g.timing > 0.8 {
		g.t = loose
		return r.sampleAndDecode(l, g, lay, nil)
	}
	return "", false
}

func (r *Reader) layout(dim int) *layout {
	if r.layouts[dim] == nil {
		r.layouts[dim] = newLayout(dim)
	}
	return r.layouts[dim]
}

func (r *Reader) sampleAndDecode(l *level, g *grid, lay *layout, b *bend) (string, bool) {
	m := &r.modules
	r.spend(40 * g.dim * g.dim)
	m.sample(&l.plane, &g.t, b, g.dim)
	m.level(l.inverted)
	if r.Trace != nil {
		f, fok := readFormat(m.soft, lay.dim)
		r.Trace("   sampled: known errors %.3f format off %d %v", m.knownErrors(lay), f.off, fok)
	}
	if m.knownErrors(lay) > 0.25 {
		return "", false
	}
	m.sharpen(0.1)
	if text, ok := r.decode(lay, m.eq); ok {
		return text, ok
	}
	for _, ridge := range [...]float64{2, 20} {
		if m.train(lay, ridge) {
			if text, ok := r.decode(lay, m.eq); ok {
				return text, ok
			}
		}
	}
	return "", false
}

// knownErrors is the share of the modules that are the same in every code and are not so here.
func (m *modules) knownErrors(lay *layout) float64 {
	bad := 0
	for _, i := range lay.known {
		if (m.soft[i] > 0) != (lay.fixed[i] == dark) {
			bad++
		}
	}
	return float64(bad) / float64(len(lay.known))
}

// evidence counts the finders that more than one row crossed.
func (l *level) evidence() (n int) {
	for i := range l.finders {
		if l.finders[i].rows > 1 {
			n++
		}
	}
	return n
}
