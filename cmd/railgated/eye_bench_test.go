package main

import (
	"image"
	"image/draw"
	"os"
	"slices"
	"testing"
	"time"

	"rsc.io/qr"

	"railgate/driver/eye"
	"railgate/driver/eye/frames"
	"railgate/verify"
)

// hall is a frame of 1280x720 with nobody in it.
func hall(b *testing.B) *image.Gray {
	b.Helper()
	for _, set := range frames.Sets() {
		if set.Name == "empty720" {
			return set.Frame(0).Image
		}
	}
	b.Fatal("no set of empty frames")
	return nil
}

// BenchmarkFrame measures the way of a camera's frame to the verdict about the code that it
// shows, each frame with another one, and elsewhere.
func BenchmarkFrame(b *testing.B) {
	s := newSite(b, "")
	data, err := os.ReadFile(s.path("keys.json"))
	if err != nil {
		b.Fatal(err)
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		b.Fatal(err)
	}
	watch, empty := eye.NewWatch(), hall(b)
	var took []float64
	for n := 0; b.Loop(); n++ {
		img := withCode(b, empty, s.code(), n)
		began := time.Now()
		code, ok, _ := watch.Look(img)
		verdict := verify.Decide(code.Text, keys, verify.Rules{Classes: []verify.Class{1}}, time.Now())
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		if !ok || verdict.Reason != verify.OK {
			b.Fatalf("frame %d: read %v, %v", n, ok, verdict.Reason)
		}
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-p50")
	b.ReportMetric(took[len(took)*99/100], "ms-p99")
}

// withCode is a frame with a code on a bright screen, somewhere.
func withCode(b *testing.B, empty *image.Gray, text string, n int) *image.Gray {
	b.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		b.Fatal(err)
	}
	const quiet = 4
	scale := 2 + n%5
	side := (code.Size + 2*quiet) * scale
	img := image.NewGray(empty.Rect)
	copy(img.Pix, empty.Pix)
	x0, y0 := n*37%(1280-side), n*23%(720-side)
	draw.Draw(img, image.Rect(x0, y0, x0+side, y0+side), image.White, image.Point{}, draw.Src)
	for y := range side {
		for x := range side {
			if code.Black(x/scale-quiet, y/scale-quiet) {
				img.Pix[img.PixOffset(x0+x, y0+y)] = 30
			}
		}
	}
	return img
}

// BenchmarkWatch measures what a camera of 30 frames a second costs where nobody stands.
func BenchmarkWatch(b *testing.B) {
	watch, empty := eye.NewWatch(), hall(b)
	r, looked, n := uint32(1), time.Duration(0), 0
	for b.Loop() {
		for i := n % 7; i < len(empty.Pix); i += 7 { // noise, as a sensor has it
			r = r*1664525 + 1013904223
			empty.Pix[i] ^= byte(r>>24) & 3
		}
		began := time.Now()
		watch.Look(empty)
		looked += time.Since(began)
		n++
	}
	b.ReportMetric(100*30*looked.Seconds()/float64(n), "%-of-a-core-at-30-fps")
}
