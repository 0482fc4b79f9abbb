package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // folders may hold them
	_ "image/png"
	"os"
	"path/filepath"
)

// parsePGM is the picture in a binary PGM of 8 bits, whose pixels it shares.
func parsePGM(b []byte) (*image.Gray, error) {
	if !bytes.HasPrefix(b, []byte("P5")) {
		return nil, errors.New("not a binary PGM")
	}
	var head [3]int // width, height, greatest value
	rest := b[2:]
	for i := range head {
		n, after, err := number(rest)
		if err != nil {
			return nil, err
		}
		head[i], rest = n, after
	}
	w, h := head[0], head[1]
	if head[2] != 255 || len(rest) < 1 || w < 1 || h < 1 || w > 1<<15 || h > 1<<15 || len(rest)-1 < w*h {
		return nil, fmt.Errorf("a PGM of %d by %d, up to %d, in %d bytes", w, h, head[2], len(b))
	}
	return &image.Gray{Pix: rest[1:][:w*h], Stride: w, Rect: image.Rect(0, 0, w, h)}, nil
}

// number is the next one of a PGM's head.
func number(b []byte) (n int, rest []byte, err error) {
	b = bytes.TrimLeft(b, " \t\r\n")
	for len(b) > 0 && b[0] == '#' {
		_, b, _ = bytes.Cut(b, []byte("\n"))
		b = bytes.TrimLeft(b, " \t\r\n")
	}
	digits := 0
	for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' && digits < 9 {
		n = 10*n + int(b[digits]-'0')
		digits++
	}
	if digits == 0 {
		return 0, nil, errors.New("a PGM whose head is cut short")
	}
	return n, b[digits:], nil
}

// writePGM writes a picture in the one way that every driver reads.
func writePGM(path string, img *image.Gray) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, pgm(img), 0o644)
}

func pgm(img *image.Gray) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	b := fmt.Appendf(make([]byte, 0, w*h+20), "P5\n%d %d\n255\n", w, h)
	for y := range h {
		b = append(b, img.Pix[y*img.Stride:][:w]...)
	}
	return b
}

// loadPicture is the luma of a PGM, PNG or JPEG; what is transparent is white.
func loadPicture(path string) (*image.Gray, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(b, []byte("P5")) {
		return parsePGM(b)
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return luma(img), nil
}

func luma(img image.Image) *image.Gray {
	size := img.Bounds()
	if yuv, ok := img.(*image.YCbCr); ok && size.Min == (image.Point{}) {
		return &image.Gray{Pix: yuv.Y, Stride: yuv.YStride, Rect: size}
	}
	gray := image.NewGray(image.Rect(0, 0, size.Dx(), size.Dy()))
	for i := range gray.Pix {
		c := color.NRGBA64Model.Convert(img.At(size.Min.X+i%size.Dx(), size.Min.Y+i/size.Dx())).(color.NRGBA64)
		y := (19595*uint32(c.R) + 38470*uint32(c.G) + 7471*uint32(c.B)) >> 16
		y = (y*uint32(c.A) + 0xffff*(0xffff-uint32(c.A))) / 0xffff
		gray.Pix[i] = uint8(y >> 8)
	}
	return gray
}
