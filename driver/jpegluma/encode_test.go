package jpegluma

import (
	"bytes"
	"image"
	"math"
	"slices"
)

// A testEncoder writes baseline JPEG of any kind that the decoder reads: the standard library's
// writes 4:2:0 and grey only. Its transform is the formula of T.81 A.3.3 in floating point.
type testEncoder struct {
	h, v     int // luma's sampling; 0: a lone component
	quality  int // as libjpeg's, 1 to 100
	restart  int // MCUs
	split    bool
	noDHT    bool
	extended bool // SOF1
	wideDQT  bool // 16 bits a step
	filler   []byte

	out  bytes.Buffer
	acc  uint32
	n    int
	code [4][256]huffCode // dc0, ac0, dc1, ac1
}

type huffCode struct{ code, n uint32 }

// The example tables of T.81 K.1, by place.
var (
	lumaSteps = [64]int{
		16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
	}
	colourSteps = [64]int{
		17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	}
)

// plane is one component: its samples, and its blocks' quantisation.
type plane struct {
	img   *image.Gray
	h, v  int // blocks a MCU
	table int // 0 luma, 1 colour
	steps [64]int
	pred  int
}

// encode returns luma as JPEG, with colour made up out of it.
func (e *testEncoder) encode(luma *image.Gray) []byte {
	planes := e.planes(luma)
	e.out.Write([]byte{0xff, markSOI})
	e.out.Write(e.filler)
	for t := range min(2, len(planes)) {
		e.dqt(t, &planes[t].steps)
	}
	e.header(luma.Rect, planes)
	for i, spec := range []string{usualDC0, usualAC0, usualDC1, usualAC1} {
		e.buildCodes(i, spec)
		if !e.noDHT && (i < 2 || len(planes) > 1) {
			e.segment(markDHT, append([]byte{byte(i&1<<4 | i>>1)}, spec...))
		}
	}
	if e.restart > 0 {
		e.segment(markDRI, []byte{byte(e.restart >> 8), byte(e.restart)})
	}
	if e.split {
		for i := range planes {
			e.scan(luma.Rect, planes[i:i+1], i+1)
		}
	} else {
		e.scan(luma.Rect, planes, 1)
	}
	e.out.Write([]byte{0xff, markEOI})
	return e.out.Bytes()
}

func (e *testEncoder) planes(luma *image.Gray) []plane {
	ps := []plane{{img: luma, h: 1, v: 1, steps: scaled(lumaSteps, e.quality)}}
	if e.h == 0 {
		return ps
	}
	ps[0].h, ps[0].v = e.h, e.v
	w, h := (luma.Rect.Dx()+e.h-1)/e.h, (luma.Rect.Dy()+e.v-1)/e.v
	for i := range 2 {
		c := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				c.Pix[y*c.Stride+x] = luma.Pix[min(y*e.v, luma.Rect.Dy()-1)*luma.Stride+min(x*e.h, luma.Rect.Dx()-1)]/2 + byte(64*i)
			}
		}
		ps = append(ps, plane{img: c, h: 1, v: 1, table: 1, steps: scaled(colourSteps, e.quality)})
	}
	return ps
}

// scaled scales steps as libjpeg does.
func scaled(steps [64]int, quality int) [64]int {
	by := 200 - 2*quality
	if quality < 50 {
		by = 5000 / quality
	}
	for i, s := range steps {
		steps[i] = min(max((s*by+50)/100, 1), 255)
	}
	return steps
}

func (e *testEncoder) segment(mark byte, body []byte) {
	e.out.Write([]byte{0xff, mark, byte((len(body) + 2) >> 8), byte(len(body) + 2)})
	e.out.Write(body)
}

func (e *testEncoder) dqt(id int, steps *[64]int) {
	body := []byte{byte(id)}
	if e.wideDQT {
		body[0] |= 0x10
	}
	for k := range 64 {
		if e.wideDQT {
			body = append(body, 0)
		}
		body = append(body, byte(steps[zigzag[k]]))
	}
	e.segment(markDQT, body)
}

func (e *testEncoder) header(r image.Rectangle, planes []plane) {
	mark := byte(markSOF0)
	if e.extended {
		mark = markSOF1
	}
	body := []byte{8, byte(r.Dy() >> 8), byte(r.Dy()), byte(r.Dx() >> 8), byte(r.Dx()), byte(len(planes))}
	for i, p := range planes {
		body = append(body, byte(i+1), byte(p.h<<4|p.v), byte(p.table))
	}
	e.segment(mark, body)
}

func (e *testEncoder) buildCodes(i int, spec string) {
	code, at := uint32(0), 16
	for l := 1; l <= 16; l++ {
		for range spec[l-1] {
			e.code[i][spec[at]] = huffCode{code, uint32(l)}
			code++
			at++
		}
		code <<= 1
	}
}

// scan writes one scan of planes, of which the first has the identifier id.
func (e *testEncoder) scan(r image.Rectangle, planes []plane, id int) {
	body := []byte{byte(len(planes))}
	for i, p := range planes {
		body = append(body, byte(id+i), byte(p.table*0x11))
	}
	e.segment(markSOS, append(body, 0, 63, 0))

	planes = slices.Clone(planes)
	w, h := 8*planes[0].h, 8*planes[0].v
	if len(planes) == 1 {
		planes[0].h, planes[0].v, w, h = 1, 1, 8, 8
		r = planes[0].img.Rect
	}
	across, down := (r.Dx()+w-1)/w, (r.Dy()+h-1)/h
	for i := range across * down {
		if e.restart > 0 && i > 0 && i%e.restart == 0 {
			e.flush()
			e.out.Write([]byte{0xff, byte(markRST0 + (i/e.restart-1)%8)})
			for j := range planes {
				planes[j].pred = 0
			}
		}
		for j := range planes {
			p := &planes[j]
			for b := range p.h * p.v {
				e.block(p, (i%across*p.h+b%p.h)*8, (i/across*p.v+b/p.h)*8)
			}
		}
	}
	e.flush()
}

func (e *testEncoder) block(p *plane, x0, y0 int) {
	var q [64]int
	for i, f := range forward(p.img, x0, y0) {
		q[i] = int(math.Round(f / float64(p.steps[i])))
	}
	e.value(&e.code[2*p.table], 0, q[0]-p.pred)
	p.pred = q[0]
	ac, run := &e.code[2*p.table+1], 0
	for k := 1; k < 64; k++ {
		if v := q[zigzag[k]]; v != 0 {
			for ; run > 15; run -= 16 {
				e.bits(ac[0xf0].code, ac[0xf0].n)
			}
			e.value(ac, run, v)
			run = 0
		} else {
			run++
		}
	}
	if run > 0 {
		e.bits(ac[0].code, ac[0].n)
	}
}

// cosines[u][x] is the basis of T.81 A.3.3, with its factor C(u)/2.
var cosines = func() (c [8][8]float64) {
	for u := range 8 {
		for x := range 8 {
			c[u][x] = math.Cos(float64((2*x+1)*u)*math.Pi/16) / 2
			if u == 0 {
				c[u][x] /= math.Sqrt2
			}
		}
	}
	return c
}()

// forward transforms the block at (x0, y0); the image's edges are repeated outwards.
func forward(img *image.Gray, x0, y0 int) (f [64]float64) {
	var rows [64]float64
	for y := range 8 {
		line := img.Pix[min(y0+y, img.Rect.Dy()-1)*img.Stride:]
		for u := range 8 {
			for x := range 8 {
				rows[8*y+u] += (float64(line[min(x0+x, img.Rect.Dx()-1)]) - 128) * cosines[u][x]
			}
		}
	}
	for v := range 8 {
		for u := range 8 {
			for y := range 8 {
				f[8*v+u] += rows[8*y+u] * cosines[v][y]
			}
		}
	}
	return f
}

func (e *testEncoder) value(t *[256]huffCode, run, v int) {
	size, bits := uint32(0), uint32(v)
	for a := max(v, -v); a > 0; a >>= 1 {
		size++
	}
	if v < 0 {
		bits = uint32(v-1) & (1<<size - 1)
	}
	c := t[run<<4|int(size)]
	e.bits(c.code, c.n)
	e.bits(bits, size)
}

func (e *testEncoder) bits(v, n uint32) {
	for i := int(n) - 1; i >= 0; i-- {
		e.acc = e.acc<<1 | v>>i&1
		if e.n++; e.n == 8 {
			e.out.WriteByte(byte(e.acc))
			if byte(e.acc) == 0xff {
				e.out.WriteByte(0)
			}
			e.acc, e.n = 0, 0
		}
	}
}

func (e *testEncoder) flush() {
	for e.n > 0 {
		e.bits(1, 1)
	}
}
