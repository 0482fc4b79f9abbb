package frames

import (
	"fmt"
	"math"
)

// ApproachFrames is how many frames an approach has; ApproachStop is the first in which
// the phone does not move.
const (
	ApproachFrames = 24
	ApproachStop   = 16
)

// approach is frame k of a phone that swings in from below, comes near and stops, while
// the camera's focus finds it.
func approach(seed uint64, k int) Frame {
	const w, h = 1280, 720
	r := newRandom(seed, 2)
	s := Showing{Width: w, Height: h, Version: 8}
	code := mustCode(seed, s)
	c := hall(r, w, h)
	p := newPhone(r, code, s)
	far, near := r.in(1.3, 1.8), r.in(2.6, 4.6)
	yaw, tilt, roll := r.in(-25, 25), r.in(-25, 25), 12*r.NormFloat64()
	endX, endY := w*r.in(0.35, 0.65), h*r.in(0.4, 0.6)
	fromX, fromY := endX+w*r.in(-0.3, 0.3), h*1.05
	sharp, focus := r.in(0.08, 0.28), float64(w)*r.in(0.95, 1.3)

	t := math.Min(1, float64(k)/ApproachStop)
	way, speed := t*t*(3-2*t), 6*t*(1-t)/ApproachStop
	hand := newRandom(seed, 1000+uint64(k)) // the hand trembles again in each frame
	pitch := far * math.Pow(near/far, way)
	x := fromX + (endX-fromX)*way + 1.2*hand.NormFloat64()
	y := fromY + (endY-fromY)*way + 1.2*hand.NormFloat64()
	at := newPose(w, h, focus, x, y, pitch, yaw*(1-0.4*way)+hand.NormFloat64(), tilt*(1-0.4*way)+hand.NormFloat64(), roll)
	p.draw(c, &at)
	seeking := 1 + 2*math.Max(0, 1-float64(k)/10)*hand.Float64()
	c.blur(math.Max(0.35, pitch*sharp*seeking))
	c.smear(math.Min(20, 0.33*speed*math.Hypot(endX-fromX, endY-fromY)), math.Atan2(endY-fromY, endX-fromX))
	return Frame{
		Name:  fmt.Sprintf("s%02d/f%02d_m%.2f", seed%60, k, pitch),
		Image: c.expose(hand, sensor{0.002, 0.02, 0.15, 80}),
		Text:  code.Text,
		Pitch: pitch,
	}
}
