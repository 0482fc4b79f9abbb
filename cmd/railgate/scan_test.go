package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"railgate/driver/eye/frames"
	"railgate/driver/v4l2"
)

// phone is a frame of a passenger, as a file.
func phone(t *testing.T, dir string) (path string, f frames.Frame) {
	t.Helper()
	f = frames.Show(9, frames.Showing{Width: 640, Height: 480, Version: 7, Pitch: 4})
	path = filepath.Join(dir, "phone.png")
	if err := writePNG(path, f.Image); err != nil {
		t.Fatal(err)
	}
	return path, f
}

func TestScanShowsWhatEachStageSaw(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, f := phone(t, dir)
	stages := filepath.Join(dir, "stages")
	status, out, errOut := tool(t, "", "scan", "--debug", stages, "--json", path)
	var got found
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 || got.Text != f.Text {
		t.Fatalf("status %d, %q, %q; want the code", status, out, errOut)
	}
	for _, stage := range []string{"dark", "finders", "grid", "modules"} {
		files, err := filepath.Glob(filepath.Join(stages, "phone-*-"+stage+"-*.png"))
		if err != nil || len(files) == 0 {
			t.Errorf("no picture of %s", stage)
		}
	}
}

func TestScanUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   []string
		status int
		words  string
	}{
		{[]string{"scan"}, exitUsage, "name pictures"},
		{[]string{"scan", "--camera", "/dev/video0", "a.png"}, exitUsage, "do not go together"},
		{[]string{"scan", "--camera", "/dev/video0", "--size", "big"}, exitUsage, "1280x720"},
		{[]string{"scan", "--camera", "/nonexistent/video"}, exitFailed, "/nonexistent/video"},
	} {
		status, _, errOut := tool(t, "", tt.args...)
		if status != tt.status || !strings.Contains(errOut, tt.words) {
			t.Errorf("railgate %v: status %d, %q; want %d, %q", tt.args, status, errOut, tt.status, tt.words)
		}
	}
}

// film is a camera that shows one picture a number of times.
type film struct {
	img  *image.Gray
	left int
}

func (f *film) Next(_ context.Context, fn func(*image.Gray, v4l2.Meta) error) error {
	if f.left--; f.left < 0 {
		return v4l2.ErrUnplugged
	}
	return fn(f.img, v4l2.Meta{Passed: 1, Damaged: 2})
}

func TestLiveScanTellsWhatTheCameraSees(t *testing.T) {
	dir := t.TempDir()
	_, f := phone(t, dir)
	s := liveScan{save: filepath.Join(dir, "newest.png"), frames: 5, asJSON: true}
	var out bytes.Buffer
	err := s.look(t.Context(), &film{f.Image, 9}, strings.NewReader(""), newScope(&out, true))
	if err != nil {
		t.Fatal(err)
	}
	reads, passed, damaged := 0, 0, 0
	for dec := json.NewDecoder(&out); dec.More(); {
		var v sight
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if reads, passed, damaged = reads+v.Reads, passed+v.Passed, damaged+v.Damaged; v.Text != f.Text || v.Module < 2 || v.Module > 6 || v.FPS <= 0 {
			t.Errorf("%+v; want the code, of modules of about 4 pixels", v)
		}
	}
	if reads != 5 || passed != 5 || damaged != 10 {
		t.Errorf("%d read, %d skipped, %d damaged; want 5, 5 and 10", reads, passed, damaged)
	}
	file, err := os.Open(s.save)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if img, err := png.Decode(file); err != nil || img.Bounds() != f.Image.Rect {
		t.Errorf("the saved frame is %v, %v", img, err)
	}
}

// reel is a camera that shows pictures in turn.
type reel []*image.Gray

func (r reel) Next(_ context.Context, fn func(*image.Gray, v4l2.Meta) error) error {
	defer copy(r, append(r[1:len(r):len(r)], r[0]))
	return fn(r[0], v4l2.Meta{})
}

// The lens is measured by what is held before it; where that is too far away, or the frames are over,
// it is said.
func TestCalibrateMeasuresTheLens(t *testing.T) {
	all := frames.Conditions()
	c := all[slices.IndexFunc(all, func(c frames.Condition) bool { return c.Name == "lens" })]
	var film reel
	for seed := range uint64(3) {
		film = append(film, c.Frame(seed, 0.2, 0).Image)
	}
	s := liveScan{measure: true, asJSON: true}
	var out bytes.Buffer
	if err := s.look(t.Context(), film, nil, newScope(&out, true)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var v lensReport
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil || math.Abs(v.K1-0.2) > 0.05 || v.Frames != enoughLenses {
		t.Errorf("%+v, %v; want about 0.2, of %d frames", v, err, enoughLenses)
	}
	out.Reset()
	if err := s.look(t.Context(), film, nil, newScope(&out, false)); err != nil || !strings.Contains(out.String(), "\nk1 = 0.") {
		t.Errorf("%v, %q; want a line for the configuration", err, &out)
	}
	s.frames = fewestLenses - 1
	if err := s.look(t.Context(), film, nil, newScope(&out, true)); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("%v; want that there were too few frames", err)
	}
	apart := calibration{k1: []float64{0, 0, 0, 0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2}}
	if err := apart.tell(newScope(&out, true)); err == nil || !strings.Contains(err.Error(), "do not agree") {
		t.Errorf("%v; want that the frames do not agree", err)
	}
	if err := newScanError("--calibrate"); err == nil || !strings.Contains(err.Error(), "--camera") {
		t.Errorf("%v; want that a camera is wanted", err)
	}
}

func newScanError(args ...string) error {
	c := newScan()
	c.SetArgs(args)
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	return c.Execute()
}

func TestLiveScanSaysThatTheCameraIsGone(t *testing.T) {
	var out bytes.Buffer
	s := liveScan{}
	err := s.look(t.Context(), &film{image.NewGray(image.Rect(0, 0, 64, 48)), 2}, nil, newScope(&out, false))
	if err == nil || !strings.Contains(err.Error(), "unplugged") || !strings.Contains(out.String(), "4 damaged  no code") {
		t.Errorf("%v, %q; want that it is unplugged, after no code was seen in frames of which some were damaged", err, &out)
	}
}

func TestLiveScanSizes(t *testing.T) {
	for size, want := range map[string]bool{
		"1280x720": true, "640x480": true, "": false, "1280": false, "x": false, "0x480": false, "-640x480": false,
		"640x480p": false, "640 x 480": false, "640x480x2": false, "99999999999999999999x1": false,
	} {
		cfg, err := (&liveScan{size: size}).config()
		if (err == nil) != want {
			t.Errorf("%q: %d x %d, %v", size, cfg.Width, cfg.Height, err)
		}
	}
}
