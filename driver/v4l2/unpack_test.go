package v4l2

import (
	"image"
	"math/rand/v2"
	"testing"
)

func TestUnpackYUYV(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct{ w, h, stride int }{
		{1, 1, 4}, {2, 2, 4}, {7, 3, 16}, {8, 2, 16}, {9, 2, 20}, {16, 4, 32}, {31, 5, 64}, {640, 2, 1300},
	} {
		src := make([]byte, tt.stride*(tt.h-1)+YUYV.lineBytes(tt.w))
		for i := range src {
			src[i] = byte(rnd.Uint32())
		}
		dst := image.NewGray(image.Rect(0, 0, tt.w, tt.h))
		unpackYUYV(dst, src, tt.stride)
		for y := range tt.h {
			for x := range tt.w {
				if got, want := dst.GrayAt(x, y).Y, src[y*tt.stride+2*x]; got != want {
					t.Fatalf("%+v: pixel %d,%d is %d, want %d", tt, x, y, got, want)
				}
			}
		}
	}
}

func BenchmarkUnpackYUYV(b *testing.B) {
	dst := image.NewGray(image.Rect(0, 0, 1280, 720))
	src := make([]byte, 2*1280*720)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		unpackYUYV(dst, src, 2*1280)
	}
}
