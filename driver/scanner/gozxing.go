package scanner

import (
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// An Eye finds a QR code in a luma picture.
type Eye interface {
	// Read is the code's text, and whether there is one. It must not be called concurrently.
	Read(*image.Gray) (text string, ok bool)
}

// zxingEye is gozxing's reader.
type zxingEye struct{ reader gozxing.Reader }

// NewEye makes an eye.
func NewEye() Eye { return zxingEye{qrcode.NewQRCodeReader()} }

func (e zxingEye) Read(img *image.Gray) (text string, ok bool) {
	defer func() {
		if recover() != nil { // a frame is not worth a gate
			text, ok = "", false
		}
	}()
	bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(newLumaSource(img)))
	if err != nil {
		return "", false
	}
	result, err := e.reader.DecodeWithoutHints(bitmap)
	if err != nil || result == nil {
		return "", false
	}
	return result.GetText(), true
}

// lumaSource hands gozxing the pixels as they are; its own source copies them
// through image.Image, which takes longer than all the rest.
type lumaSource struct {
	gozxing.LuminanceSourceBase
	img *image.Gray
}

func newLumaSource(img *image.Gray) gozxing.LuminanceSource {
	return &lumaSource{gozxing.LuminanceSourceBase{Width: img.Rect.Dx(), Height: img.Rect.Dy()}, img}
}

func (s *lumaSource) line(y int) []byte {
	at := s.img.PixOffset(s.img.Rect.Min.X, s.img.Rect.Min.Y+y)
	return s.img.Pix[at : at+s.Width]
}

func (s *lumaSource) GetRow(y int, row []byte) ([]byte, error) {
	if len(row) < s.Width {
		row = make([]byte, s.Width)
	}
	copy(row, s.line(y))
	return row[:s.Width], nil
}

func (s *lumaSource) GetMatrix() []byte {
	if s.img.Stride == s.Width && s.img.Rect.Min == (image.Point{}) {
		return s.img.Pix[:s.Width*s.Height]
	}
	matrix := make([]byte, 0, s.Width*s.Height)
	for y := range s.Height {
		matrix = append(matrix, s.line(y)...)
	}
	return matrix
}

func (s *lumaSource) Invert() gozxing.LuminanceSource { return gozxing.LuminanceSourceInvert(s) }

func (s *lumaSource) String() string { return gozxing.LuminanceSourceString(s) }
