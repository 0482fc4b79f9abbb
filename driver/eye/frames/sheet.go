package frames

import "math"

// A sheet is something flat before the camera. Its plane is measured in modules from
// the code's centre, u to the right and v down.
type sheet interface {
	bounds() (u0, v0, u1, v1 float64) // it is inside of them
	light(u, v float64) (light float32, inside bool)
}

// A vector is in camera space: x to the right, y down, z away; in modules.
type vector struct{ x, y, z float64 }

func (a vector) dot(b vector) float64 { return a.x*b.x + a.y*b.y + a.z*b.z }

// A pose is where a sheet is, seen by a pinhole camera.
type pose struct {
	focus  float64 // of the camera, in pixels
	cx, cy float64 // the camera's axis, in pixels
	at     vector  // the sheet's origin
	right  vector  // unit vectors along u,
	down   vector  // along v,
	away   vector  // and across the sheet
}

// newPose puts a sheet's origin at (x, y) of a picture of w by h, pitch pixels a module
// there, turned by angles in degrees: yaw about the vertical, pitch about the
// horizontal, roll about the line of sight.
func newPose(w, h int, focus, x, y, pitch, yaw, tilt, roll float64) pose {
	p := pose{focus: focus, cx: float64(w) / 2, cy: float64(h) / 2}
	far := focus / pitch
	p.at = vector{(x - p.cx) / pitch, (y - p.cy) / pitch, far}
	sr, cr := math.Sincos(roll * math.Pi / 180)
	p.right = turn(vector{cr, sr, 0}, yaw, tilt)
	p.down = turn(vector{-sr, cr, 0}, yaw, tilt)
	p.away = turn(vector{0, 0, 1}, yaw, tilt)
	return p
}

// turn turns a vector about the vertical and then about the horizontal.
func turn(a vector, yaw, tilt float64) vector {
	sy, cy := math.Sincos(yaw * math.Pi / 180)
	st, ct := math.Sincos(tilt * math.Pi / 180)
	a.x, a.z = cy*a.x+sy*a.z, cy*a.z-sy*a.x
	a.y, a.z = ct*a.y-st*a.z, ct*a.z+st*a.y
	return a
}

// image is where a point of the sheet is in the picture.
func (p *pose) image(u, v float64) (x, y float64) {
	at := vector{
		p.at.x + u*p.right.x + v*p.down.x,
		p.at.y + u*p.right.y + v*p.down.y,
		p.at.z + u*p.right.z + v*p.down.z,
	}
	return p.cx + p.focus*at.x/at.z, p.cy + p.focus*at.y/at.z
}

// plane is the point of the sheet that a point of the picture shows.
func (p *pose) plane(x, y float64) (u, v float64) {
	ray := vector{(x - p.cx) / p.focus, (y - p.cy) / p.focus, 1}
	t := p.at.dot(p.away) / ray.dot(p.away)
	off := vector{t*ray.x - p.at.x, t*ray.y - p.at.y, t*ray.z - p.at.z}
	return off.dot(p.right), off.dot(p.down)
}

// samples are taken this often along both sides of a pixel.
const samples = 3

// paint draws a sheet. What is between it and the camera is filter, which turns the
// light of a pixel; nil leaves it.
func (c *canvas) paint(p *pose, s sheet, filter func(x, y int, light float32) float32) {
	x0, y0, x1, y1 := box(p, s)
	c.paintWithin(x0, y0, x1, y1, p.plane, s, filter)
}

// paintWithin draws what of a sheet lies in a part of the picture, seen as plane says.
func (c *canvas) paintWithin(x0, y0, x1, y1 int, plane func(x, y float64) (u, v float64), s sheet, filter func(x, y int, light float32) float32) {
	for y := max(0, y0); y < min(c.h, y1); y++ {
		for x := max(0, x0); x < min(c.w, x1); x++ {
			var sum float32
			n := 0
			for i := range samples * samples {
				u, v := plane(float64(x)+(float64(i%samples)+0.5)/samples, float64(y)+(float64(i/samples)+0.5)/samples)
				if light, inside := s.light(u, v); inside {
					sum += light
					n++
				}
			}
			if n == 0 {
				continue
			}
			light := sum / float32(n)
			if filter != nil {
				light = filter(x, y, light)
			}
			c.blend(x, y, light, float32(n)/(samples*samples))
		}
	}
}

// box is what of the picture a sheet may cover, in whole pixels.
func box(p *pose, s sheet) (x0, y0, x1, y1 int) {
	u0, v0, u1, v1 := s.bounds()
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, corner := range [4][2]float64{{u0, v0}, {u1, v0}, {u1, v1}, {u0, v1}} {
		x, y := p.image(corner[0], corner[1])
		left, right = min(left, x), max(right, x)
		top, bottom = min(top, y), max(bottom, y)
	}
	return int(math.Floor(left)), int(math.Floor(top)), int(math.Ceil(right)), int(math.Ceil(bottom))
}
