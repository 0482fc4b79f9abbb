package main

import (
	"fmt"
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"railgate/driver/eye"
)

// A reader looks for one QR code in a picture.
type reader func(img *image.Gray) (text string, ok bool)

// goEngines are the engines in Go.
func goEngines() []string {
	return []string{"railgate", "railgate-watch", "gozxing", "gozxing-nocopy"}
}

// newReader is a reader in Go by its engine's name.
func newReader(name string) (reader, error) {
	switch name {
	case "railgate":
		return eye.NewReader().Read, nil
	case "railgate-watch": // as a gate looks, from frame to frame
		w := eye.NewWatch()
		return func(img *image.Gray) (string, bool) {
			code, ok, _ := w.Look(img)
			return code.Text, ok
		}, nil
	case "gozxing":
		return gozxingReader(func(img *image.Gray) (*gozxing.BinaryBitmap, error) {
			return gozxing.NewBinaryBitmapFromImage(img)
		}), nil
	case "gozxing-nocopy":
		return gozxingReader(withoutCopy), nil
	}
	return nil, fmt.Errorf("%q is no reader in Go", name)
}

// gozxingReader is gozxing as its README has it, but for where its bitmap comes from.
func gozxingReader(bitmap func(*image.Gray) (*gozxing.BinaryBitmap, error)) reader {
	r := qrcode.NewQRCodeReader()
	return func(img *image.Gray) (string, bool) {
		b, err := bitmap(img)
		if err != nil {
			return "", false
		}
		result, err := r.DecodeWithoutHints(b)
		if err != nil || result == nil {
			return "", false
		}
		return result.GetText(), true
	}
}

// withoutCopy spares gozxing its way through image.Image, which takes it longer than
// all the rest.
func withoutCopy(img *image.Gray) (*gozxing.BinaryBitmap, error) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	source, err := gozxing.NewPlanarYUVLuminanceSource(img.Pix, w, h, 0, 0, w, h, false)
	if err != nil {
		return nil, err
	}
	return gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source))
}
