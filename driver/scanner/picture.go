package scanner

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // the formats that Picture reads
	_ "image/png"
	"io"
	"os"

	"railgate/driver/jpegluma"
)

// maxPixels bounds a picture before its pixels are read.
const maxPixels = 64 << 20

// Picture reads a PNG, a JPEG or a binary PGM (8 bits) as luma. A camera's JPEG that is cut
// short is read as far as it goes.
func Picture(path string) (*image.Gray, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	img, err := DecodePicture(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

// DecodePicture reads a picture from memory.
func DecodePicture(data []byte) (*image.Gray, error) {
	if bytes.HasPrefix(data, []byte("P5")) {
		return decodePGM(data)
	}
	cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, image.ErrFormat) {
		return nil, errFormat
	}
	if err != nil {
		return nil, err
	}
	if cfg.Width > maxPixels/max(1, cfg.Height) {
		return nil, fmt.Errorf("%d x %d pixels are too many", cfg.Width, cfg.Height)
	}
	if img := cameraJPEG(data, &cfg); img != nil {
		return img, nil
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return luma(img), nil
}

// cameraJPEG reads a JPEG of the kind that cameras send as the camera's driver does: luma
// alone, and of one that is cut short as much as there is. It returns nil for any other.
func cameraJPEG(data []byte, cfg *image.Config) *image.Gray {
	if !bytes.HasPrefix(data, []byte{0xff, 0xd8}) {
		return nil
	}
	img, err := jpegluma.New(cfg.Width, cfg.Height).Decode(data)
	if err != nil && !errors.Is(err, jpegluma.ErrDamaged) {
		return nil
	}
	return img
}

// luma is a picture's brightness: where it has a plane of it, without a copy.
func luma(img image.Image) *image.Gray {
	switch img := img.(type) {
	case *image.Gray:
		return img
	case *image.YCbCr:
		return &image.Gray{Pix: img.Y, Stride: img.YStride, Rect: img.Rect}
	}
	gray := image.NewGray(img.Bounds())
	draw.Draw(gray, gray.Rect, image.White, image.Point{}, draw.Src) // under what is transparent
	draw.Draw(gray, gray.Rect, img, img.Bounds().Min, draw.Over)
	return gray
}

var errFormat = errors.New("not a PNG, a JPEG or a binary PGM")

var errPGM = errors.New("not a binary PGM of 8 bits")

// decodePGM reads netpbm's P5: width, height, maximum, one white space, pixels.
func decodePGM(data []byte) (*image.Gray, error) {
	r := bufio.NewReader(bytes.NewReader(data[2:]))
	var head [3]int
	for i := range head {
		n, err := pgmNumber(r)
		if err != nil {
			return nil, err
		}
		head[i] = n
	}
	w, h := head[0], head[1]
	if head[2] < 1 || head[2] > 255 || w < 1 || h < 1 || w > maxPixels/h {
		return nil, errPGM
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	if _, err := io.ReadFull(r, img.Pix); err != nil {
		return nil, errPGM
	}
	return img, nil
}

// pgmNumber reads a number and the one character that ends it, passing over white
// space and comments before it.
func pgmNumber(r *bufio.Reader) (n int, err error) {
	for digits := 0; ; {
		c, err := r.ReadByte()
		switch {
		case err != nil || n > maxPixels:
			return 0, errPGM
		case c >= '0' && c <= '9':
			n, digits = 10*n+int(c-'0'), digits+1
		case digits > 0:
			return n, nil
		case c == '#':
			if _, err := r.ReadString('\n'); err != nil {
				return 0, errPGM
			}
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return 0, errPGM
		}
	}
}
