package scanner

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // the formats that Picture reads
	_ "image/png"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"railgate/driver/jpegluma"
)

// limits bound a picture before its pixels are read.
type limits struct {
	file   int64 // bytes
	pixels int
	memory int // bytes, while it is decoded
}

var (
	// photoLimits are for a technician's photographs, frameLimits for a folder that stands for
	// a camera: 4096 by 2304 pixels.
	photoLimits = limits{file: 128 << 20, pixels: 64 << 20, memory: 512 << 20}
	frameLimits = limits{file: 16 << 20, pixels: 9 << 20, memory: 48 << 20}
)

// Picture reads a PNG, a JPEG or a binary PGM (8 bits) as luma. A camera's JPEG that is cut
// short is read as far as it goes.
func Picture(path string) (*image.Gray, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readPicture(f, photoLimits)
}

// frame is Picture for a folder that stands for a camera: it reads neither large pictures nor
// what is not a file, and waits for nobody who writes.
func frame(path string) (*image.Gray, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, &refusedError{path, errNoFile.Error()}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readPicture(f, frameLimits)
}

func readPicture(f *os.File, most limits) (*image.Gray, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most.file {
		return nil, refuseSize(f.Name(), most)
	}
	data, err := io.ReadAll(io.LimitReader(f, most.file+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most.file {
		return nil, refuseSize(f.Name(), most)
	}
	img, err := decodePicture(data, most)
	if err != nil {
		return nil, &refusedError{f.Name(), err.Error()}
	}
	return img, nil
}

func refuseSize(path string, most limits) error {
	return &refusedError{path, fmt.Sprintf("it is larger than %d MB; make a smaller picture of it", most.file>>20)}
}

// A refusedError is about a picture that is not read: which it is, and why.
type refusedError struct{ path, why string }

func (e *refusedError) Error() string { return fmt.Sprintf("%q: %s", e.path, e.why) }

// DecodePicture reads a picture from memory.
func DecodePicture(data []byte) (*image.Gray, error) { return decodePicture(data, photoLimits) }

func decodePicture(data []byte, most limits) (*image.Gray, error) {
	if bytes.HasPrefix(data, []byte("P5")) {
		return decodePGM(data, most)
	}
	cfg, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, image.ErrFormat) {
		return nil, errFormat
	}
	if err != nil {
		return nil, err
	}
	if err := most.check(cfg.Width, cfg.Height, 1); err != nil {
		return nil, err
	}
	if img := cameraJPEG(data, &cfg); img != nil {
		return img, nil
	}
	if err := most.check(cfg.Width, cfg.Height, pixelBytes(cfg.ColorModel, kind)); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return luma(img), nil
}

// check says whether a picture may be decoded, which takes so many bytes a pixel.
func (l limits) check(width, height, bytes int) error {
	if width < 1 || height < 1 {
		return fmt.Errorf("it has %d x %d pixels", width, height)
	}
	if most := min(l.pixels, l.memory/bytes); width > most/height {
		return fmt.Errorf("%d x %d pixels of %d bytes are too many (want up to %d million); make a smaller picture of it", width, height, bytes, most>>20)
	}
	return nil
}

// pixelBytes is what the decoder needs for a pixel, and its luma. A JPEG that is not a camera's
// may be progressive: its coefficients are kept.
func pixelBytes(model color.Model, kind string) int {
	switch {
	case kind == "jpeg":
		return 16
	case model == color.GrayModel:
		return 1
	case model == color.Gray16Model:
		return 2 + 1
	case model == color.RGBA64Model || model == color.NRGBA64Model:
		return 8 + 1
	case model == color.RGBAModel || model == color.NRGBAModel:
		return 4 + 1
	}
	return 1 + 1 // a palette
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
func decodePGM(data []byte, most limits) (*image.Gray, error) {
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
	if head[2] < 1 || head[2] > 255 {
		return nil, errPGM
	}
	if err := most.check(w, h, 1); err != nil {
		return nil, err
	}
	if len(data) < w*h {
		return nil, errPGM
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	if _, err := io.ReadFull(r, img.Pix); err != nil {
		return nil, errPGM
	}
	return img, nil
}

// pgmNumber reads a number and the one character that ends it, after any white space and
// comments.
func pgmNumber(r *bufio.Reader) (n int, err error) {
	for digits := 0; ; {
		c, err := r.ReadByte()
		switch {
		case err != nil || n > 1<<24:
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
