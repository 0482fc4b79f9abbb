package frames

import (
	"fmt"

	"rsc.io/qr/coding"
)

// A declared text is bytes under an ECI designator (ISO/IEC 18004, 7.4.2).
type declared struct {
	number int // 0 to 999999
	bytes  string
}

func (d declared) Check() error {
	if d.number < 0 || d.number > 999999 {
		return fmt.Errorf("ECI %d: want 0 to 999999", d.number)
	}
	return nil
}

func (d declared) width() int {
	switch {
	case d.number < 1<<7:
		return 8
	case d.number < 1<<14:
		return 16
	}
	return 24
}

func (d declared) Bits(v coding.Version) int {
	return 4 + d.width() + coding.String(d.bytes).Bits(v)
}

func (d declared) Encode(b *coding.Bits, v coding.Version) {
	b.Write(7, 4)
	switch width := d.width(); width {
	case 8:
		b.Write(uint(d.number), 8)
	case 16:
		b.Write(2<<14|uint(d.number), 16)
	default:
		b.Write(6<<21|uint(d.number), 24)
	}
	coding.String(d.bytes).Encode(b, v)
}

// An fnc1 is the mode that says whose the data are: GS1's in the first position, an industry's in
// the second, with its indicator (ISO/IEC 18004, 7.4.8).
type fnc1 struct {
	second    bool
	indicator byte
}

func (f fnc1) Check() error { return nil }

func (f fnc1) Bits(coding.Version) int {
	if f.second {
		return 12
	}
	return 4
}

func (f fnc1) Encode(b *coding.Bits, _ coding.Version) {
	if !f.second {
		b.Write(5, 4)
		return
	}
	b.Write(9, 4)
	b.Write(uint(f.indicator), 8)
}
