package frames

import (
	"image"
	"math"
	"testing"
)

func TestAPoseLooksBothWays(t *testing.T) {
	p := newPose(1280, 720, 1400, 400, 300, 3, 25, -20, 130)
	for _, at := range [][2]float64{{0, 0}, {20, 0}, {0, 20}, {-22.5, 22.5}} {
		x, y := p.image(at[0], at[1])
		u, v := p.plane(x, y)
		if math.Hypot(u-at[0], v-at[1]) > 1e-9 {
			t.Errorf("(%v, %v) is at pixel (%.1f, %.1f), which shows (%v, %v)", at[0], at[1], x, y, u, v)
		}
	}
	if x, y := p.image(0, 0); math.Hypot(x-400, y-300) > 1e-9 {
		t.Errorf("its middle is at (%v, %v), want (400, 300)", x, y)
	}
}

func TestPitchIsPixelsAModule(t *testing.T) {
	p := newPose(1280, 720, 1400, 640, 360, 3, 0, 0, 30)
	x, y := p.image(10, 0)
	if got := math.Hypot(x-640, y-360); math.Abs(got-30) > 1e-9 {
		t.Errorf("ten modules are %v pixels, want 30", got)
	}
}

// TestWhatIsPaintedIsTheCode looks at the middle of each module of a phone held
// straight, without anything between it and the camera.
func TestWhatIsPaintedIsTheCode(t *testing.T) {
	for name, s := range map[string]Showing{"plain": {}, "mirrored": {Mirrored: true}, "inverted": {Inverted: true}} {
		t.Run(name, func(t *testing.T) {
			code := mustCode(1, Showing{Version: 4})
			p := newPhone(newRandom(1, 1), code, s)
			p.glares, p.bar, p.moire, p.bands = nil, nil, grating{}, grating{}
			c := newCanvas(400, 400, 0.5)
			at := newPose(400, 400, 400, 200, 200, 6, 0, 0, 0)
			p.draw(c, &at)
			img := c.expose(newRandom(1, 1), sensor{})
			wrong := 0
			for i := range code.Size * code.Size {
				x, y := i%code.Size, i/code.Size
				want := code.Black(x, y) != s.Inverted
				if s.Mirrored {
					want = code.Black(code.Size-1-x, y)
				}
				if dark(img, x, y, code.Size) != want {
					wrong++
				}
			}
			if wrong > 0 {
				t.Errorf("%d modules of %d are wrong", wrong, code.Size*code.Size)
			}
		})
	}
}

// dark says whether the middle of a module is, 6 pixels a module about (200, 200).
func dark(img *image.Gray, x, y, size int) bool {
	px, py := 200+6*(float64(x)+0.5-float64(size)/2), 200+6*(float64(y)+0.5-float64(size)/2)
	return img.GrayAt(int(px), int(py)).Y < 110
}

func TestBlurAndSmearKeepTheLight(t *testing.T) {
	c := newCanvas(64, 48, 0)
	c.rect(28, 20, 36, 28, 1)
	sum := func() (s float64) {
		for _, v := range c.p {
			s += float64(v)
		}
		return s
	}
	before, peak := sum(), c.p[24*64+32]
	c.blur(2)
	c.smear(5, 1)
	if after := sum(); math.Abs(after-before) > 0.01*before {
		t.Errorf("light of %.2f became %.2f", before, after)
	}
	if c.p[24*64+32] >= peak {
		t.Error("nothing was blurred")
	}
}
