package jpegluma

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scene is a picture like a gate camera's: a soft background, noise, and a field of black and white
// modules as a code has them.
func scene(w, h int, seed uint64) *image.Gray {
	rnd := rand.New(rand.NewPCG(seed, 1))
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := 110 + 70*math.Sin(float64(x)/97+float64(seed))*math.Cos(float64(y)/61) + 6*rnd.Float64()
			img.Pix[y*w+x] = byte(v)
		}
	}
	modules(img, image.Rect(w/3, h/4, w/3+h/2, h/4+h/2), max(h/64, 1), rnd)
	return img
}

// modules fills r with black and white squares of side pixels.
func modules(img *image.Gray, r image.Rectangle, side int, rnd *rand.Rand) {
	n := r.Dx()/side + 1
	bits := make([]byte, n*n)
	for i := range bits {
		bits[i] = byte(rnd.IntN(2)) * 255
	}
	r = r.Intersect(img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			img.Pix[y*img.Stride+x] = bits[(y-r.Min.Y)/side*n+(x-r.Min.X)/side]
		}
	}
}

// reference returns image/jpeg's luma of data.
func reference(data []byte) (*image.Gray, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch img := img.(type) {
	case *image.Gray:
		return img, nil
	case *image.YCbCr:
		return &image.Gray{Pix: img.Y, Stride: img.YStride, Rect: img.Rect}, nil
	}
	return nil, fmt.Errorf("a %T", img)
}

// worst returns the largest difference between two pictures of one size.
func worst(a, b *image.Gray) int {
	n := 0
	for y := range a.Rect.Dy() {
		p, q := a.Pix[y*a.Stride:][:a.Rect.Dx()], b.Pix[y*b.Stride:][:a.Rect.Dx()]
		for x := range p {
			n = max(n, int(p[x])-int(q[x]), int(q[x])-int(p[x]))
		}
	}
	return n
}

// compare decodes data and holds it against image/jpeg.
func compare(t *testing.T, data []byte) {
	t.Helper()
	want, err := reference(data)
	if err != nil {
		t.Fatalf("image/jpeg: %v", err)
	}
	got, err := New(4096, 4096).Decode(data)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if got.Rect != want.Rect {
		t.Fatalf("size %v, want %v", got.Rect, want.Rect)
	}
	if d := worst(got, want); d > 2 {
		t.Errorf("differs by %d levels from image/jpeg, want 2 at most", d)
	}
}

func TestDecodeAgreesWithImageJPEG(t *testing.T) {
	for _, h := range []int{0, 1, 2, 4} {
		for _, v := range []int{1, 2} {
			for _, quality := range []int{5, 50, 90, 100} {
				for _, size := range []image.Point{{64, 48}, {61, 43}, {1, 1}, {8, 8}, {33, 9}} {
					for _, restart := range []int{0, 1, 3} {
						e := testEncoder{h: h, v: v, quality: quality, restart: restart}
						t.Run(fmt.Sprintf("%dx%d q%d %v restart %d", h, v, quality, size, restart), func(t *testing.T) {
							compare(t, e.encode(scene(size.X, size.Y, uint64(quality))))
						})
					}
				}
			}
		}
	}
}

func TestDecodeForms(t *testing.T) {
	comment := append([]byte{0xff, 0xfe, 0, 20}, make([]byte, 18)...)
	for _, tt := range []struct {
		name string
		e    testEncoder
	}{
		{"extended sequential", testEncoder{h: 2, v: 2, quality: 80, extended: true}},
		{"steps of 16 bits", testEncoder{h: 2, v: 1, quality: 80, extended: true, wideDQT: true}},
		{"a scan a component", testEncoder{h: 2, v: 2, quality: 80, split: true}},
		{"comment and fill bytes", testEncoder{h: 2, v: 1, quality: 80, filler: append(comment, 0xff, 0xff)}},
		{"more than 8 restarts", testEncoder{h: 1, v: 1, quality: 80, restart: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) { compare(t, tt.e.encode(scene(83, 59, 2))) })
	}
}

// image/jpeg counts a scan of one component in MCUs of all its blocks. A.2.2 says that there a
// block is an MCU, and djpeg agrees.
func TestRestartsInAScanOfOneComponentCountBlocks(t *testing.T) {
	img := scene(83, 59, 2)
	with := testEncoder{h: 2, v: 2, quality: 80, split: true, restart: 5}
	without := testEncoder{h: 2, v: 2, quality: 80, split: true}
	got, err := New(83, 59).Decode(with.encode(img))
	if err != nil {
		t.Fatal(err)
	}
	want, err := New(83, 59).Decode(without.encode(img))
	if err != nil {
		t.Fatal(err)
	}
	if d := worst(got, want); d != 0 {
		t.Errorf("differs by %d from the same picture without restarts", d)
	}
}

func TestDecodeWithoutHuffmanTables(t *testing.T) {
	for _, h := range []int{0, 2} {
		img := scene(64, 48, 5)
		with := testEncoder{h: h, v: 1, quality: 75}
		without := testEncoder{h: h, v: 1, quality: 75, noDHT: true}
		want, err := New(64, 48).Decode(with.encode(img))
		if err != nil {
			t.Fatal(err)
		}
		got, err := New(64, 48).Decode(without.encode(img))
		if err != nil {
			t.Fatalf("h %d: %v", h, err)
		}
		if d := worst(got, want); d != 0 {
			t.Errorf("h %d: differs by %d from the same frame with its tables", h, d)
		}
	}
}

// A camera may change its tables from frame to frame, or leave them out after another had its own.
func TestTablesAreThisFramesOnly(t *testing.T) {
	d := New(128, 128)
	own, err := os.ReadFile("testdata/420-optimised.jpg")
	if err != nil {
		t.Fatal(err)
	}
	e := testEncoder{h: 2, v: 2, quality: 75, noDHT: true}
	usual := e.encode(scene(64, 48, 5))
	for i, data := range [][]byte{own, usual, own, usual} {
		got, err := d.Decode(data)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		want, err := New(128, 128).Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if n := worst(got, want); n != 0 {
			t.Errorf("frame %d differs by %d from what a new decoder makes of it", i, n)
		}
	}
}

func TestLibjpegFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			if !strings.HasPrefix(filepath.Base(name), "refused-") {
				compare(t, data)
				return
			}
			if img, err := New(200, 200).Decode(data); img != nil || !errors.Is(err, ErrUnsupported) {
				t.Errorf("Decode = %v, %v; want nil, ErrUnsupported", img, err)
			}
		})
	}
}

// patched returns data with the bytes old, which it must have, replaced by equally many.
func patched(t *testing.T, data []byte, old, repl string) []byte {
	t.Helper()
	i := bytes.Index(data, []byte(old))
	if i < 0 || len(old) != len(repl) {
		t.Fatalf("no %q in the test frame", old)
	}
	data = bytes.Clone(data)
	copy(data[i:], repl)
	return data
}

func TestDecodeRefuses(t *testing.T) {
	e := testEncoder{h: 2, v: 2, quality: 80}
	good := e.encode(scene(64, 48, 1))
	grey := testEncoder{quality: 80}
	sof := "\xff\xc0\x00\x11\x08\x00\x30\x00\x40\x03"
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrDamaged},
		{"half a marker", good[:1], ErrDamaged},
		{"SOI alone", good[:2], ErrDamaged},
		{"not a JPEG", []byte("BM not a JPEG at all"), ErrDamaged},
		{"header without a scan", good[:bytes.Index(good, []byte{0xff, markSOS})], ErrDamaged},
		{"EOI before a scan", append(bytes.Clone(good[:2]), 0xff, markEOI), ErrDamaged},
		{"progressive", patched(t, good, "\xff\xc0", "\xff\xc2"), ErrUnsupported},
		{"lossless", patched(t, good, "\xff\xc0", "\xff\xc3"), ErrUnsupported},
		{"arithmetic", patched(t, good, "\xff\xc0", "\xff\xc9"), ErrUnsupported},
		{"arithmetic conditioning", patched(t, good, "\xff\xdb", "\xff\xcc"), ErrUnsupported},
		{"12 bits", patched(t, good, sof, "\xff\xc0\x00\x11\x0c\x00\x30\x00\x40\x03"), ErrUnsupported},
		{"one pixel too wide", patched(t, good, sof, "\xff\xc0\x00\x11\x08\x00\x30\x00\x41\x03"), ErrUnsupported},
		{"one pixel too high", patched(t, good, sof, "\xff\xc0\x00\x11\x08\x00\x31\x00\x40\x03"), ErrUnsupported},
		{"height in DNL", patched(t, good, sof, "\xff\xc0\x00\x11\x08\x00\x00\x00\x40\x03"), ErrUnsupported},
		{"four components in three's length", patched(t, good, sof, "\xff\xc0\x00\x11\x08\x00\x30\x00\x40\x04"), ErrDamaged},
		{"luma sampled 3x2", patched(t, good, "\x03\x01\x22\x00", "\x03\x01\x32\x00"), ErrUnsupported},
		{"colour finer than luma", patched(t, good, "\x02\x11\x01", "\x02\x41\x01"), ErrUnsupported},
		{"more than 10 blocks a MCU", patched(t, good, "\x03\x01\x22\x00", "\x03\x01\x44\x00"), ErrDamaged},
		{"quantisation table 4", patched(t, good, "\x03\x01\x22\x00", "\x03\x01\x22\x04"), ErrDamaged},
		{"quantisation table not sent", patched(t, good, "\x03\x01\x22\x00", "\x03\x01\x22\x02"), ErrDamaged},
		{"components called alike", patched(t, good, "\x02\x11\x01", "\x01\x11\x01"), ErrDamaged},
		{"RGB by name", patched(t, good, "\x03\x01\x22\x00\x02\x11\x01\x03", "\x03R\x22\x00G\x11\x01B"), ErrUnsupported},
		{"Huffman table 2 not sent", patched(t, good, "\xff\xda\x00\x0c\x03\x01\x00", "\xff\xda\x00\x0c\x03\x01\x20"), ErrDamaged},
		{"Huffman table 4", patched(t, good, "\xff\xda\x00\x0c\x03\x01\x00", "\xff\xda\x00\x0c\x03\x01\x04"), ErrDamaged},
		{"scan of an unknown component", patched(t, good, "\xff\xda\x00\x0c\x03\x01", "\xff\xda\x00\x0c\x03\x09"), ErrDamaged},
		{"three codes of one bit", patched(t, good, usualDC0[:4], "\x03\x01\x05\x01"), ErrDamaged},
		{"DHT for a class 2", patched(t, good, "\xff\xc4\x00\x1f\x00", "\xff\xc4\x00\x1f\x20"), ErrDamaged},
		{"DQT of 8 bits called 16", patched(t, good, "\xff\xdb\x00\x43\x00", "\xff\xdb\x00\x43\x10"), ErrDamaged},
		{"segment past the end", patched(t, good, "\xff\xdb\x00\x43", "\xff\xdb\xf0\x43"), ErrDamaged},
		{"two frame headers", append(bytes.Clone(good[:bytes.Index(good, []byte{0xff, markDHT})]), good[bytes.Index(good, []byte{0xff, markSOF0}):]...), ErrDamaged},
		{"larger than allowed, grey", grey.encode(scene(65, 1, 1)), ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := New(64, 48)
			img, err := d.Decode(tt.data)
			if img != nil || !errors.Is(err, tt.want) {
				t.Errorf("Decode = %v, %v; want nil, %v", img, err, tt.want)
			}
			if _, err := d.Decode(good); err != nil {
				t.Errorf("the good frame after it: %v", err)
			}
		})
	}
}

// Cut anywhere, a frame gives its first blocks and mid-grey behind them: nothing of the white
// frame before.
func TestTruncatedFrameKeepsWhatItHas(t *testing.T) {
	for _, e := range []testEncoder{{h: 2, v: 2, quality: 60}, {h: 2, v: 1, quality: 60, restart: 3}, {quality: 60}} {
		img := scene(80, 48, 4)
		white := image.NewGray(img.Rect)
		for i := range white.Pix {
			white.Pix[i] = 255
		}
		before := testEncoder{h: e.h, v: e.v, quality: 60}
		old, data := before.encode(white), e.encode(img)
		whole, err := New(80, 48).Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		d := New(80, 48)
		scan := bytes.Index(data, []byte{0xff, markSOS}) + 4 + int(data[bytes.Index(data, []byte{0xff, markSOS})+3]) - 2
		most := 0
		for n := range len(data) - 2 {
			if _, err := d.Decode(old); err != nil {
				t.Fatal(err)
			}
			got, err := d.Decode(data[:n])
			if err == nil && n < len(data)-4 {
				t.Fatalf("cut to %d of %d bytes: no error", n, len(data))
			}
			if n < scan && got != nil || n >= scan && got == nil {
				t.Fatalf("cut to %d bytes, scan at %d: image %v", n, scan, got)
			}
			if got != nil {
				most = max(most, wholeBlocks(t, got, whole))
			}
		}
		if most < 50 {
			t.Errorf("at most %d of 60 blocks were kept", most)
		}
	}
}

// wholeBlocks returns how many of got's blocks are want's, and fails if one is neither that nor
// mid-grey. A block of which bits are missing may not be there at all.
func wholeBlocks(t *testing.T, got, want *image.Gray) int {
	t.Helper()
	n := 0
	for y := 0; y < got.Rect.Dy(); y += 8 {
		for x := 0; x < got.Rect.Dx(); x += 8 {
			same, grey := true, true
			for i := range 64 {
				v := got.GrayAt(x+i%8, y+i/8).Y
				same = same && v == want.GrayAt(x+i%8, y+i/8).Y
				grey = grey && v == 128
			}
			if same {
				n++
			} else if !grey {
				t.Fatalf("the block at %d,%d is neither the frame's nor grey", x, y)
			}
		}
	}
	return n
}

func TestDamagedFrameNeverPanics(t *testing.T) {
	e := testEncoder{h: 2, v: 2, quality: 90, restart: 4}
	good := e.encode(scene(64, 48, 1))
	d := New(64, 48)
	for i := range good {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			data := bytes.Clone(good)
			data[i] ^= flip
			if img, err := d.Decode(data); img == nil && err == nil {
				t.Fatalf("byte %d ^ %#x: neither image nor error", i, flip)
			}
		}
	}
}

func TestCoefficientsThatNoPictureHasAreDamage(t *testing.T) {
	e := testEncoder{quality: 1}
	data := e.encode(scene(8, 8, 1))
	if _, err := New(8, 8).Decode(data); err != nil {
		t.Fatal(err)
	}
	e = testEncoder{quality: 100}
	steep := image.NewGray(image.Rect(0, 0, 8, 8))
	data = e.encode(steep) // DC -1024 at a step of 1
	at := bytes.Index(data, []byte{0xff, markDQT}) + 5
	data[at] = 17
	if img, err := New(8, 8).Decode(data); !errors.Is(err, ErrDamaged) || img == nil || img.Pix[0] != 128 {
		t.Errorf("DC of -17408: %v; want a grey image and ErrDamaged", err)
	}
	data[at] = 16
	if img, err := New(8, 8).Decode(data); err != nil || img.Pix[0] != 0 {
		t.Errorf("DC of -16384: %v; want black", err)
	}
}

func TestDecodeAllocatesNothingAfterTheFirstFrame(t *testing.T) {
	e := testEncoder{h: 2, v: 2, quality: 80, restart: 7}
	data := e.encode(scene(160, 120, 1))
	d := New(160, 120)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := d.Decode(data); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}

func TestInverseTransformIsWithinOneLevelOfTheFormula(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	for n := range 3000 {
		var b block
		var f [64]float64
		area := []int{1, 2, 3, 4, 8}[n%5]
		for range rnd.IntN(12) {
			v, u := rnd.IntN(area), rnd.IntN(area)
			c := int32(rnd.IntN(2000) - 1000)
			if f[8*v+u] == 0 {
				f[8*v+u] = float64(c)
				b.words.add(uint32(8*v+u), c)
				b.places |= uint32(8*v + u)
			}
		}
		var got [64]byte
		b.idct(new(words), got[:], 8)
		for i, want := range inverse(&f) {
			if math.Abs(want-float64(got[i])) > 1 {
				t.Fatalf("block %d, coefficients %v: sample %d is %d, want %.2f", n, f, i, got[i], want)
			}
		}
		if b.words != (block{}).words {
			t.Fatalf("block %d is not zero afterwards", n)
		}
	}
}

// The largest sum that readLuma lets pass, in the places where it weighs most.
func TestInverseTransformHasRoomForTheLargestBlock(t *testing.T) {
	for _, sign := range []int32{1, -1} {
		for at := range 64 {
			var b block
			var f [64]float64
			f[at] = float64(sign) * maxSum
			b.words.add(uint32(at), sign*maxSum)
			b.places = uint32(at)
			var got [64]byte
			b.idct(new(words), got[:], 8)
			for i, want := range inverse(&f) {
				if math.Abs(want-float64(got[i])) > 2 {
					t.Fatalf("%d at %d: sample %d is %d, want %.2f", sign*maxSum, at, i, got[i], want)
				}
			}
		}
	}
}

// inverse is T.81 A.3.3 in floating point, shifted and clamped.
func inverse(f *[64]float64) (s [64]float64) {
	for y := range 8 {
		for x := range 8 {
			sum := 128.0
			for v := range 8 {
				for u := range 8 {
					sum += f[8*v+u] * cosines[v][y] * cosines[u][x]
				}
			}
			s[8*y+x] = min(max(sum, 0), 255)
		}
	}
	return s
}
