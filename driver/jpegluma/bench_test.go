package jpegluma

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"testing"
)

// frame420 is a camera's frame as image/jpeg writes it: 1280x720, 4:2:0.
func frame420(quality int) []byte {
	grey := scene(1280, 720, 7)
	img := image.NewYCbCr(grey.Rect, image.YCbCrSubsampleRatio420)
	copy(img.Y, grey.Pix)
	for i := range img.Cb {
		x, y := i%img.CStride, i/img.CStride
		c := grey.GrayAt(2*x, 2*y).Y
		img.Cb[i], img.Cr[i] = 100+c/8, 150-c/8
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	for _, quality := range []int{60, 80, 90} {
		data := frame420(quality)
		b.Run(fmt.Sprintf("luma/q%d", quality), func(b *testing.B) {
			d := New(1280, 720)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data))/1024, "KiB/frame")
		})
		b.Run(fmt.Sprintf("image-jpeg/q%d", quality), func(b *testing.B) {
			r := bytes.NewReader(data)
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(data)
				if _, err := jpeg.Decode(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
