package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"

	"rsc.io/qr"
)

// quietZone is the margin of a QR code in modules (ISO/IEC 18004 §5.3.8).
const quietZone = 4

// drawQR draws a text as a QR code with error correction M, in alphanumeric mode
// (all of RG1's characters are in it), with its quiet zone.
func drawQR(text string, scale int) (*image.Paletted, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("drawing the code: %w", err)
	}
	size := (code.Size + 2*quietZone) * scale
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			if code.Black(x/scale-quietZone, y/scale-quietZone) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return img, nil
}

// writeQR writes a code's picture, whole or not at all: a camera may be looking.
func writeQR(path, text string, scale int) error {
	img, err := drawQR(text, scale)
	if err != nil {
		return err
	}
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
