package window

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quietZone is the margin of a QR code in modules (ISO/IEC 18004 §5.3.8).
const quietZone = 4

// A picture is a QR code as the page draws it: a square of so many units with its quiet
// zone, and the path of what is dark, in SVG. It prints sharp at any size.
type picture struct {
	Size int    `json:"size"`
	Path string `json:"path"`
}

// draw draws a text as a QR code with error correction M, in alphanumeric mode (all of
// RG1's characters are in it). The dark modules of a row that touch are one rectangle.
func draw(text string) (picture, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return picture{}, fmt.Errorf("drawing the code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
			}
		}
	}
	return picture{code.Size + 2*quietZone, path.String()}, nil
}
