package eye

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"railgate/driver/eye/frames"
)

var update = flag.Bool("update", false, "draw the frames of testdata/reads again")

// The frames of testdata/reads are read the same on every machine: make arch runs this test
// on those that this one is not.
func TestSameReadsOnEveryMachine(t *testing.T) {
	if *update {
		drawReads(t)
	}
	paths, err := filepath.Glob("testdata/reads/*.jpg")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d frames found, %v; want ten", len(paths), err)
	}
	r := NewReader()
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path[:len(path)-len("jpg")] + "txt")
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.Read(img.(*image.Gray)); got != string(want) {
			t.Errorf("%s: read %q; want %q", path, got, want)
		}
	}
}

// drawReads writes frames that are read here, and one in which nothing is.
func drawReads(t *testing.T) {
	write := func(n int, f frames.Frame) {
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, f.Image, &jpeg.Options{Quality: 80}); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("testdata/reads/%02d-%s", n, f.Name)
		if err := os.WriteFile(name+".jpg", buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".txt", []byte(f.Text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("testdata/reads", 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		version := 2 + i
		write(i, frames.Show(uint64(70+i), frames.Showing{
			Width: 640, Height: 480, Version: version, Pitch: 2 + 0.2*float64(i),
			Paper: i == 3, Inverted: i == 5, Mirrored: i == 7, Cracked: i == 9,
		}))
	}
	write(99, frames.Sets()[7].Frame(1))
}
