package frames

import (
	"fmt"
	"image"
	"strings"

	"rsc.io/qr/coding"
)

// A Writing is what a code holds.
type Writing int

const (
	RG1    Writing = iota // alphanumeric, and begins like the gate's own codes
	URL                   // bytes of ASCII
	Han                   // bytes of UTF-8, mostly Chinese
	Digits                // numeric
)

// A Code is a QR code's modules.
type Code struct {
	Text    string
	Version int
	Size    int // modules a side
	black   []bool
}

// Black says whether a module is black. Outside of the code none is.
func (c *Code) Black(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.Size && y < c.Size && c.black[y*c.Size+x]
}

// letters are the characters of alphanumeric mode (ISO/IEC 18004 table 5).
const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// NewCode makes a code of a version from 1 to 40 with error correction level M, whose
// text fills it to nine parts of ten or more, under a mask chosen by the seed.
func NewCode(seed uint64, version int, what Writing) (*Code, error) {
	r := newRandom(seed, 0xc0de)
	if version < 1 || version > 40 {
		return nil, fmt.Errorf("version %d: want 1 to 40", version)
	}
	plan, err := coding.NewPlan(coding.Version(version), coding.M, coding.Mask(r.IntN(8)))
	if err != nil {
		return nil, err
	}
	text := fill(r, plan, what)
	return newCode(plan, version, text, encode(text, what))
}

// newCode makes the code of a plan that says a text, encoded as it is given.
func newCode(plan *coding.Plan, version int, text string, as ...coding.Encoding) (*Code, error) {
	drawn, err := plan.Encode(as...)
	if err != nil {
		return nil, err
	}
	c := &Code{Text: text, Version: version, Size: drawn.Size, black: make([]bool, drawn.Size*drawn.Size)}
	for i := range c.black {
		c.black[i] = drawn.Black(i%c.Size, i/c.Size)
	}
	return c, nil
}

func encode(text string, what Writing) coding.Encoding {
	switch what {
	case RG1:
		return coding.Alpha(text)
	case Digits:
		return coding.Num(text)
	}
	return coding.String(text)
}

// fill is a text that fits a plan.
func fill(r random, plan *coding.Plan, what Writing) string {
	var b strings.Builder
	b.WriteString(map[Writing]string{RG1: "RG1:", URL: "http://g.cn/"}[what])
	room := plan.DataBytes * 8
	want := int(float64(room) * r.in(0.9, 1))
	for {
		next := b.String() + one(r, what)
		bits := encode(next, what).Bits(plan.Version)
		if bits > room {
			return b.String()
		}
		b.Reset()
		b.WriteString(next)
		if bits >= want {
			return next
		}
	}
}

// one is one more character.
func one(r random, what Writing) string {
	switch what {
	case URL:
		return string("abcdefghijklmnopqrstuvwxyz0123456789/-"[r.IntN(38)])
	case Han:
		return string(rune(0x4e00 + r.IntN(0x5000)))
	case Digits:
		return string(rune('0' + r.IntN(10)))
	}
	return string(letters[r.IntN(len(letters))])
}

// Draw is the code as it ought to be: scale pixels a module, black on white, with a
// margin of so many modules.
func (c *Code) Draw(scale, margin int) *image.Gray {
	side := (c.Size + 2*margin) * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		if !c.Black(i%side/scale-margin, i/side/scale-margin) {
			img.Pix[i] = 255
		}
	}
	return img
}
