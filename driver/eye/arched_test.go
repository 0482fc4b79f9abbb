package eye

import (
	"image"
	"math"
	"testing"
)

// Rule: a sheet around a column lies between its finders as they tell.
func TestReadsSheetsAroundAColumn(t *testing.T) {
	wantRead(t, "curved", 60, 8, 8)
	wantRead(t, "curved", 80, 8, 8) // 5 when a code was followed from its finders alone
	wantRead(t, "curved", 95, 7, 8) // 1
}

// A finder's squares tell how it lies, however it is turned and sheared.
func TestAFinderTellsHowItLies(t *testing.T) {
	for _, want := range []frame{
		{100, 100, 5, 0, 0, 5}, {100, 100, 4, 3, -3, 4}, {100, 100, 5, 1, -2, 3.5}, {100, 100, -3, 4, -4.5, -2}, {100, 100, 6, 0.5, 1.5, 4},
	} {
		img := image.NewGray(image.Rect(0, 0, 200, 200))
		det := want.rx*want.by - want.ry*want.bx
		for i := range img.Pix {
			var sum int
			for k := range 16 {
				x, y := float64(i%200)+float64(k%4)/4+0.125-want.x, float64(i/200)+float64(k/4)/4+0.125-want.y
				ring := max(math.Abs(x*want.by-y*want.bx), math.Abs(y*want.rx-x*want.ry)) / math.Abs(det)
				if ring < 1.5 || ring >= 2.5 && ring < 3.5 {
					sum += 20
				} else {
					sum += 220
				}
			}
			img.Pix[i] = uint8(sum / 16)
		}
		l := newLevel(img)
		f := finder{x: want.x, y: want.y, mx: 5, my: 5, rows: 2}
		sin, cos := math.Sincos(0.3) // what is known of it is turned by 17 degrees
		turned := func(x, y float64) (float64, float64) { return 1.1 * (cos*x - sin*y), 1.1 * (sin*x + cos*y) }
		near := frame{x: want.x, y: want.y}
		near.rx, near.ry = turned(want.rx, want.ry)
		near.bx, near.by = turned(want.bx, want.by)
		got, ok := l.frameOf(&f, near)
		if off := max(math.Hypot(got.rx-want.rx, got.ry-want.ry), math.Hypot(got.bx-want.bx, got.by-want.by)); !ok || off > 0.15 {
			t.Errorf("%v: %.2f, %v", want, got, ok)
		}
	}
}

// A sheet is laid between its finders as a column bends it, along either side, and a flat one is not bent.
func TestASheetIsBentAsItsFindersLie(t *testing.T) {
	const dim, pitch, far = 57, 5.0, 3000
	for _, tt := range []struct {
		degrees float64
		turned  bool
		arched  bool
	}{{70, false, true}, {90, true, true}, {0, false, false}} {
		place := func(u, v float64) (x, y float64) {
			if tt.turned {
				u, v = v, u
			}
			u, v = u-dim/2., v-dim/2.
			depth := 0.0
			if tt.degrees > 0 {
				radius := dim / (tt.degrees * math.Pi / 180)
				depth = radius * (1 - math.Cos(u/radius))
				u = radius * math.Sin(u/radius)
			}
			// Held aslant, before a lens that is far away.
			sin, cos := math.Sincos(0.25)
			u, depth = cos*u+sin*depth, cos*depth-sin*u
			w := 1 + depth*pitch/far
			return 400 + pitch*u/w, 300 + pitch*v/w
		}
		at := func(u, v float64) (f frame) {
			const d = 0.01
			f.x, f.y = place(u, v)
			x, y := place(u+d, v)
			f.rx, f.ry = (x-f.x)/d, (y-f.y)/d
			x, y = place(u, v+d)
			f.bx, f.by = (x-f.x)/d, (y-f.y)/d
			return f
		}
		a := arched{at: at(middle, middle), right: at(dim-middle, middle), below: at(middle, dim-middle)}
		if off := a.bendBy(dim - 7); off > leastArch != tt.arched {
			t.Errorf("%v degrees: off by %.2f modules", tt.degrees, off)
		}
		var off, turned float64
		for i := range dim * dim {
			u, v := float64(i%dim)+0.5, float64(i/dim)+0.5
			k, want := a.knotAt(u, v), at(u, v)
			off = max(off, math.Hypot(k.x-want.x, k.y-want.y)/pitch)
			turned = max(turned, math.Hypot(k.rx-want.rx, k.ry-want.ry)/pitch, math.Hypot(k.bx-want.bx, k.by-want.by)/pitch)
		}
		if off > 0.9 || turned > 0.15 { // at the corner that has no finder; it is settled within two modules
			t.Errorf("%v degrees: modules are up to %.2f off, and turned by %.2f", tt.degrees, off, turned)
		}
	}
}

// What is measured wrongly leads out of the picture, where it is not looked at: fixed point has no room for that.
func TestNoSheetLeavesTheLevel(t *testing.T) {
	r, l, _, dim, pins, _ := wave(t, 0)
	lying := func(p pin) frame { return frame{p.x, p.y, 5, 0, 0, 5} }
	for _, wild := range []float64{0, 1e4, 1e12, math.Inf(1), math.NaN()} {
		a := arched{at: lying(pins[0]), right: lying(pins[1]), below: lying(pins[2])}
		a.at.rx += wild
		a.bendBy(float64(dim - 7))
		timing, net := a.timing(l, dim), r.archedNet(l, &a, &grid{dim: dim})
		if wild == 0 && (timing < 1 || net == nil) || wild != 0 && (timing > 0 || net != nil) {
			t.Errorf("the way to the next module is %v pixels too long: timing %v, a net %v", wild, timing, net != nil)
		}
	}
}
