//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"compress/gzip"
	"image"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// recorded returns a frame of testdata.
func recorded(t *testing.T, f Format) []byte {
	t.Helper()
	file, err := os.Open("testdata/vivid-" + strings.ToLower(f.String()) + "-320x180.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// brightness is what Next hands out of a recorded frame.
func brightness(t *testing.T, f Format) *image.Gray {
	t.Helper()
	k := newFakeKernel(t)
	fc := &fakeCamera{offers: []fakeOffer{{f, 320, 180, 60}}, script: []event{frame(recorded(t, f))}}
	c, err := open(k, Config{Device: k.plug("video0", fc), Width: 320, Height: 180})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := image.NewGray(image.Rect(0, 0, 320, 180))
	if err := c.Next(t.Context(), func(img *image.Gray, _ Meta) error {
		for y := range 180 {
			copy(got.Pix[y*320:][:320], img.Pix[y*img.Stride:])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRecordedFrames(t *testing.T) {
	grey, nv12, yuyv := brightness(t, GREY), brightness(t, NV12), brightness(t, YUYV)
	if !slices.Equal(nv12.Pix, yuyv.Pix) {
		t.Error("NV12 and YUYV differ")
	}
	for name, img := range map[string]*image.Gray{"GREY": grey, "YUYV": yuyv} {
		for y := range 180 { // eight bars, from white to black
			for i := 1; i < 8; i++ {
				if a, b := img.Pix[y*320+40*i-20], img.Pix[y*320+40*i+20]; a <= b {
					t.Fatalf("%s, line %d: bar %d has %d, the one after it %d", name, y, i-1, a, b)
				}
			}
		}
	}
}
