package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/driver/eye/frames"
)

// TestMain lets the test's binary be the child that bench-qr starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "read" {
		main()
		return
	}
	os.Exit(m.Run())
}

// photos is a folder of two codes, one of them a PNG, and a picture without.
func photos(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range []string{"one.pgm", "two.png"} {
		code, err := frames.NewCode(uint64(i), 3+i, frames.RG1)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), frames.Clean(code, 320, 240, 4))
		writeText(t, filepath.Join(dir, name[:3]+".txt"), code.Text+"\n")
	}
	write(t, filepath.Join(dir, "zero.pgm"), image.NewGray(image.Rect(0, 0, 320, 240)))
	writeText(t, filepath.Join(dir, "zero.txt"), "")
	return dir
}

func write(t *testing.T, path string, img *image.Gray) {
	t.Helper()
	if strings.HasSuffix(path, ".pgm") {
		if err := writePGM(path, img); err != nil {
			t.Fatal(err)
		}
		return
	}
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, img), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderIsMeasured(t *testing.T) {
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs([]string{"--images", photos(t), "--engines", "railgate,gozxing", "--rounds", "2", "--reps", "2", "--build", t.TempDir(), "--base", "gozxing", "--json", "--timeout", "1m"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	var got struct{ Sets []Table }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Sets) != 1 || got.Sets[0].Pictures != 3 || got.Sets[0].Codeless != 1 || len(got.Sets[0].Scores) != 2 {
		t.Fatalf("%+v", got.Sets)
	}
	for _, s := range got.Sets[0].Scores {
		if s.Read != 2 || s.Misread+s.False+s.Stuck != 0 || s.Median <= 0 || s.Allocs < 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestAnUnknownEngineIsNamed(t *testing.T) {
	root := newRoot()
	root.SetErr(io.Discard)
	root.SetArgs([]string{"--images", photos(t), "--engines", "kodak", "--build", t.TempDir()})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "kodak") {
		t.Errorf("error %v", err)
	}
}

// shell is an engine that does as a script does.
func shell(script string) engine {
	return engine{name: "shell", family: "shell", command: []string{"/bin/sh", "-c", script}}
}

func TestAStuckEngineIsKilledAndTheRestMeasured(t *testing.T) {
	core, err := lastCore()
	if err != nil {
		t.Fatal(err)
	}
	b := bench{
		core: core, rounds: 2, reps: 1, patience: 5 * time.Second, warn: io.Discard,
		engines:  []engine{shell(`while read path; do case $path in stuck) exec sleep 600;; dead) exit 3;; *) echo 1000 7 x41;; esac; done`)},
		sets:     []set{{name: "x", pictures: []picture{{path: "a"}, {path: "stuck"}, {path: "b"}, {path: "dead"}, {path: "c"}}}},
		progress: &progress{out: io.Discard, total: 10},
	}
	cells, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cells[0][0] {
		if stuck := i == 1 || i == 3; c.stuck != stuck {
			t.Errorf("picture %d: stuck is %v", i, c.stuck)
		} else if !stuck && (c.cpu != 1000 || c.allocs != 7 || len(c.texts) != 1 || c.texts[0] != "A") {
			t.Errorf("picture %d: %+v", i, c)
		}
	}
}

func TestTheLeastOfAllReadingsCounts(t *testing.T) {
	var c cell
	for _, a := range []answered{{5, 9, []string{"A"}}, {3, 12, []string{"A\n"}}, {4, 1, []string{"B"}}} {
		c.add(a)
	}
	if c.cpu != 3 || c.allocs != 1 || len(c.texts) != 1 || len(c.wrong) != 1 || c.wrong[0] != "B" {
		t.Errorf("%+v", c)
	}
}

func TestServeAnswersEachPath(t *testing.T) {
	dir := photos(t)
	paths := filepath.Join(dir, "one.pgm") + "\n" + filepath.Join(dir, "zero.pgm") + "\n"
	var out bytes.Buffer
	read := func(img *image.Gray) (string, bool) { return "A,\n", img.Pix[0] == 255 }
	if err := serve(strings.NewReader(paths), &out, read); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("answers %q", out.String())
	}
	for i, want := range []int{1, 0} {
		a, err := parseAnswer(lines[i])
		if err != nil || len(a.texts) != want || a.cpu < 0 {
			t.Errorf("answer %q: %+v, %v", lines[i], a, err)
		}
		if want == 1 && a.texts[0] != "A,\n" {
			t.Errorf("text %q", a.texts[0])
		}
	}
}

func TestParseAnswerRefuses(t *testing.T) {
	for _, line := range []string{"", "1", "a 1", "1 a", "1 1 xzz"} {
		if a, err := parseAnswer(line); err == nil {
			t.Errorf("%q: %+v", line, a)
		}
	}
}

func TestParsePGM(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		ok       bool
	}{
		{"plain", "P5\n2 1\n255\nab", true},
		{"with a comment", "P5\n# by hand\n2 1\n255\nab", true},
		{"16 bits", "P5\n1 1\n65535\nab", false},
		{"cut short", "P5\n2 2\n255\nab", false},
		{"a cut head", "P5\n2", false},
		{"text", "P2\n2 1\n255\n1 2", false},
		{"huge", "P5\n999999999 999999999\n255\nab", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			img, err := parsePGM([]byte(tt.in))
			if (err == nil) != tt.ok {
				t.Fatal(err)
			}
			if tt.ok && (img.Rect != image.Rect(0, 0, 2, 1) || string(img.Pix) != "ab") {
				t.Errorf("%v %q", img.Rect, img.Pix)
			}
		})
	}
}

func TestWhatIsTransparentIsWhite(t *testing.T) {
	img := image.NewNRGBA(image.Rect(3, 3, 5, 4))
	img.Set(3, 3, color.NRGBA{A: 255})
	if got := luma(img); got.Pix[0] != 0 || got.Pix[1] != 255 {
		t.Errorf("levels %v", got.Pix)
	}
}

func TestSetsThatBeginAlikeAreOne(t *testing.T) {
	sets := merged([]set{{name: "a-1", pictures: make([]picture, 2)}, {name: "b"}, {name: "a-2", pictures: make([]picture, 3)}}, []string{"a-"})
	if len(sets) != 2 || sets[0].name != "a" || len(sets[0].pictures) != 5 || sets[1].name != "b" {
		t.Errorf("%+v", sets)
	}
}

func TestFramesAreDrawnOnce(t *testing.T) {
	dir := t.TempDir()
	level := uint8(1)
	s := frames.Set{Name: "x", Kind: frames.Empty, Len: 3, Frame: func(i int) frames.Frame {
		img := image.NewGray(image.Rect(0, 0, 4, 4))
		img.Pix[0] = level + uint8(i)
		return frames.Frame{Name: "f" + string(rune('0'+i)), Image: img}
	}}
	for _, level = range []uint8{1, 1, 9} {
		got, err := drawn(dir, s)
		if err != nil || len(got.pictures) != 3 || *got.pictures[0].text != "" {
			t.Fatalf("%+v, %v", got, err)
		}
		img, err := loadPicture(got.pictures[2].path)
		if err != nil || img.Pix[0] != level+2 {
			t.Errorf("a stale picture: %v, %v", img, err)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	tables := []Table{{Set: "empty720", Pictures: 2, Codeless: 2, Base: "zxing", Scores: []Score{
		{Engine: "zxing", Median: 2, P95: 4, Worst: 5, Ratio: 1, Allocs: -1},
		{Engine: "gozxing", Median: 3, P95: 4, Worst: 10000, Ratio: 1.5, Stuck: 1, Allocs: 12},
	}}}
	if err := (printer{&out, true}).print(tables); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### empty720: 2 pictures, 2 without a code\n",
		"| engine | read | misread | false | unconfirmed | stuck | median ms | p95 ms | worst ms | x zxing | p95/median | allocations |\n| --- |",
		"| gozxing | 0 | 0 | 0 | 0 | 1 | 3.00 | 4.00 | > 10000 | 1.50 | 1.33 | 12.0 |\n",
		"| gozxing | empty720 | > 10000 | 2500.00 |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestReadsByCondition(t *testing.T) {
	var out bytes.Buffer
	tables := []Table{
		{Set: "icons-40", Pictures: 30, Scores: []Score{{Engine: "railgate", Read: 29}, {Engine: "zbar", Read: 7, Misread: 1}}},
		{Set: "bands-0.5", Pictures: 60, Scores: []Score{{Engine: "railgate", Sequences: &Swings{30, 4, 1}}, {Engine: "zbar", Sequences: &Swings{30, 0, 2}}}},
	}
	if err := (printer{&out, true}).reads(tables); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| icons-40 | 30 | 29 | 7 (1 wrong) |\n", "| bands-0.5 | 30 | 4 | 0 |\n", "| all | 60 | 33 | 7 |\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestEveryConditionIsASet(t *testing.T) {
	names := map[string]bool{}
	for _, s := range conditionSets(3) {
		if names[s.Name] || s.Len < 3 {
			t.Errorf("%s: %d frames, known before: %v", s.Name, s.Len, names[s.Name])
		}
		names[s.Name] = true
	}
	if len(names) < 60 {
		t.Errorf("%d sets; want 60 and more", len(names))
	}
}
