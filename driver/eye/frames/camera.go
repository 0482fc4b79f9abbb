package frames

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
)

// blur is a lens out of focus, a Gaussian of sigma pixels.
func (c *canvas) blur(sigma float64) {
	if sigma < 0.15 {
		return
	}
	reach := int(math.Ceil(3 * sigma))
	kernel := make([]float32, 2*reach+1)
	var sum float32
	for i := range kernel {
		d := float64(i - reach)
		kernel[i] = float32(math.Exp(-d * d / (2 * sigma * sigma)))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	c.convolve(kernel, reach)
}

// convolve runs a kernel along the rows and then along the columns; the edge goes on.
func (c *canvas) convolve(kernel []float32, reach int) {
	rows := make([]float32, len(c.p))
	padded := make([]float32, c.w+2*reach)
	for y := range c.h {
		in, out := c.p[y*c.w:][:c.w], rows[y*c.w:][:c.w]
		for i := range padded {
			padded[i] = in[min(max(i-reach, 0), c.w-1)]
		}
		for i, k := range kernel {
			add(out, padded[i:][:c.w], k)
		}
	}
	clear(c.p)
	for y := range c.h {
		out := c.p[y*c.w:][:c.w]
		for i, k := range kernel {
			add(out, rows[min(max(y+i-reach, 0), c.h-1)*c.w:][:c.w], k)
		}
	}
}

func add(out, in []float32, k float32) {
	for x := range out {
		out[x] += k * in[x]
	}
}

// smear is movement while the shutter is open: so many pixels, at an angle.
func (c *canvas) smear(length, angle float64) {
	if length < 0.5 {
		return
	}
	n := int(math.Ceil(2*length)) | 1
	sin, cos := math.Sincos(angle)
	sum := make([]float32, len(c.p))
	for i := range n {
		step := length * (float64(i-n/2) / float64(n))
		c.addShifted(sum, step*cos, step*sin, 1/float32(n))
	}
	c.p = sum
}

// addShifted adds a part of the canvas, seen (dx, dy) pixels further on.
func (c *canvas) addShifted(sum []float32, dx, dy float64, part float32) {
	ix, iy := int(math.Floor(dx)), int(math.Floor(dy))
	fx, fy := float32(dx-float64(ix)), float32(dy-float64(iy))
	for y := range c.h {
		upper := c.p[min(max(y+iy, 0), c.h-1)*c.w:][:c.w]
		lower := c.p[min(max(y+iy+1, 0), c.h-1)*c.w:][:c.w]
		out := sum[y*c.w:][:c.w]
		for x := range out {
			a, b := min(max(x+ix, 0), c.w-1), min(max(x+ix+1, 0), c.w-1)
			high := upper[a] + fx*(upper[b]-upper[a])
			low := lower[a] + fx*(lower[b]-lower[a])
			out[x] += part * (high + fy*(low-high))
		}
	}
}

// A sensor turns light into levels.
type sensor struct {
	read     float64 // noise without light, standard deviation
	shot     float64 // noise of light, standard deviation at 1
	vignette float64 // light lost in the corners
	quality  int     // of the JPEG it goes through; 0: none
}

func someSensor(r random) sensor {
	return sensor{r.in(0.0005, 0.004), r.in(0.008, 0.04), r.in(0, 0.35), pick(r, 0, 0, 65, 75, 85)}
}

// expose takes the picture.
func (c *canvas) expose(r random, s sensor) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, c.w, c.h))
	curve := toneCurve()
	top := float64(len(curve) - 1)
	cx, cy := float64(c.w)/2, float64(c.h)/2
	for y := range c.h {
		for x := range c.w {
			dx, dy := (float64(x)-cx)/cx, (float64(y)-cy)/cy
			light := math.Max(0, float64(c.p[y*c.w+x])*(1-s.vignette*(dx*dx+dy*dy)/2))
			light += r.NormFloat64() * math.Sqrt(s.read*s.read+s.shot*s.shot*light)
			img.Pix[y*c.w+x] = curve[int(math.Min(1, math.Max(0, light))*top)]
		}
	}
	if s.quality > 0 {
		return compressed(img, s.quality)
	}
	return img
}

// toneCurve is sRGB's (IEC 61966-2-1), which has a straight foot as cameras' curves do.
func toneCurve() []uint8 {
	curve := make([]uint8, 1<<13)
	for i := range curve {
		light := (float64(i) + 0.5) / float64(len(curve))
		level := 12.92 * light
		if light > 0.0031308 {
			level = 1.055*math.Pow(light, 1/2.4) - 0.055
		}
		curve[i] = uint8(255*level + 0.5)
	}
	return curve
}

// compressed is a picture after JPEG.
func compressed(img *image.Gray, quality int) *image.Gray {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		panic("frames: internal error: " + err.Error())
	}
	back, err := jpeg.Decode(&b)
	if err != nil {
		panic("frames: internal error: " + err.Error())
	}
	return back.(*image.Gray)
}
