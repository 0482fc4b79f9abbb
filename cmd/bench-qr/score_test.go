package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b string
		want bool
	}{
		{"the same", "RG1:A", "RG1:A", true},
		{"another", "RG1:A", "RG1:B", false},
		{"case", "rg1:a", "RG1:A", false},
		{"a line end after it", "RG1:A\n", "RG1:A", true},
		{"a carriage return within", "a\r\nb", "a\nb", true},
		{"a byte order mark", "\ufeffRG1:A", "RG1:A", true},
		{"Latin-1", "caf\xe9", "café", true},
		{"Latin-1, the other way", "café", "caf\xe9", true},
		{"Shift-JIS", "\x93\xfa\x96\x7b", "日本", true},
		{"GBK", "\xd5\xbe\xcc\xa8", "站台", true},
		{"another word in GBK", "\xd5\xbe\xcc\xa8", "站点", false},
		{"a space within", "a b", "ab", false},
		{"nothing and something", "", "a", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := same(tt.a, tt.b); got != tt.want {
				t.Errorf("same(%q, %q) = %v", tt.a, tt.b, got)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	a, none := "A", ""
	for _, tt := range []struct {
		name               string
		want               *string
		agreed, got, later []string
		verdict            verdict
	}{
		{"right", &a, nil, []string{"A"}, nil, right},
		{"one of two codes is right", &a, nil, []string{"B", "A"}, nil, right},
		{"another text", &a, nil, []string{"B"}, nil, wrong},
		{"no text", &a, nil, nil, nil, nothing},
		{"right at first, wrong later", &a, nil, []string{"A"}, []string{"B"}, wrong},
		{"right later only", &a, nil, nil, []string{"A"}, wrong},
		{"a text where no code is", &none, nil, []string{"A"}, nil, ghost},
		{"an empty text where no code is", &none, nil, []string{""}, nil, ghost},
		{"no text where no code is", &none, nil, nil, nil, nothing},
		{"agreed", nil, []string{"A", "B"}, []string{"B"}, nil, right},
		{"not agreed", nil, []string{"A"}, []string{"B"}, nil, unconfirmed},
		{"agreement does not outvote what is known", &a, []string{"B"}, []string{"B"}, nil, wrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judge(tt.want, tt.agreed, tt.got, tt.later); got != tt.verdict {
				t.Errorf("verdict %d, want %d", got, tt.verdict)
			}
		})
	}
}

func TestAgreementsTakeTwoFamilies(t *testing.T) {
	engines := []engine{{name: "zxing", family: "zxing"}, {name: "zxing-1.4", family: "zxing"}, {name: "zbar", family: "zbar"}}
	cells := []cell{{texts: []string{"A", "caf\xe9"}}, {texts: []string{"A"}}, {texts: []string{"café", "C"}}}
	got := agreements(engines, cells)
	if !slices.Equal(got, []string{"caf\xe9"}) {
		t.Errorf("agreed on %q", got)
	}
}

func TestPitchesFallIntoBuckets(t *testing.T) {
	text, none := "A", ""
	pictures := []picture{
		{text: &text, pitch: 1.99}, {text: &text, pitch: 2}, {text: &text, pitch: 2.49}, {text: &text, pitch: 5}, {text: &text, pitch: 40},
		{text: &none, pitch: 3}, {text: nil, pitch: 3}, {text: &text},
	}
	verdicts := []verdict{right, nothing, right, right, wrong, nothing, right, right}
	want := []Pitch{{0, 2, 1, 1}, {2, 2.5, 2, 1}, {2.5, 3, 0, 0}, {3, 4, 0, 0}, {4, 5, 0, 0}, {5, 0, 2, 1}}
	if got := byPitch(pictures, verdicts); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := byPitch([]picture{{text: &text}}, []verdict{right}); got != nil {
		t.Errorf("%v of pictures whose pitch is not known", got)
	}
}

func TestPitchInAName(t *testing.T) {
	for name, want := range map[string]float64{"/a_m9.00/q003_v7_m2.41_b0.20.pgm": 2.41, "003-v8_m1.67.pgm": 1.67, "photo_main.pgm": 0, "a.pgm": 0} {
		if got := pitchOf(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestSwings(t *testing.T) {
	var pictures []picture
	var verdicts []verdict
	for _, sequence := range []struct {
		dir   string
		reads []verdict
	}{
		{"a", []verdict{nothing, right, nothing, right}},
		{"b", []verdict{wrong, nothing, nothing, right}},
		{"c", []verdict{nothing, nothing, nothing, nothing}},
	} {
		for _, v := range sequence.reads {
			pictures = append(pictures, picture{path: sequence.dir + "/x.pgm"})
			verdicts = append(verdicts, v)
		}
	}
	got := swings(pictures, verdicts)
	if got.Sequences != 3 || got.Read != 2 || math.Abs(got.First-(1+3+4)/3.0) > 1e-9 {
		t.Errorf("%+v", got)
	}
}

func TestQuantile(t *testing.T) {
	var v []float64
	for i := range 20 {
		v = append(v, float64(i+1))
	}
	for q, want := range map[float64]float64{0: 1, 0.5: 10, 0.95: 19, 1: 20} {
		if got := quantile(v, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestTabulate(t *testing.T) {
	text, none := "A", ""
	s := set{name: "x", pictures: []picture{{path: "1", text: &text}, {path: "2", text: &none}, {path: "3"}}}
	engines := []engine{{name: "ours", family: "go"}, {name: "zxing", family: "zxing"}}
	ms := time.Millisecond
	cells := [][]cell{
		{{cpu: 1 * ms, texts: []string{"A"}, allocs: 4}, {cpu: 2 * ms, allocs: 0}, {cpu: 3 * ms, texts: []string{"B"}, allocs: 2}},
		{{cpu: 4 * ms, texts: []string{"Z"}, allocs: -1}, {cpu: 10 * ms, stuck: true, allocs: -1}, {cpu: 4 * ms, texts: []string{"B"}, allocs: -1}},
	}
	table := tabulate(&s, engines, cells, "zxing")
	if table.Texts != 1 || table.Codeless != 1 || table.Agreed != 1 {
		t.Errorf("%+v", table)
	}
	ours, peer := table.Scores[0], table.Scores[1]
	if ours.Read != 2 || ours.Misread+ours.False+ours.Unconfirmed+ours.Stuck != 0 || ours.Median != 2 || ours.Worst != 3 || ours.Ratio != 0.5 || ours.Allocs != 2 {
		t.Errorf("ours: %+v", ours)
	}
	if peer.Read != 1 || peer.Misread != 1 || peer.Stuck != 1 || peer.Allocs != -1 || !slices.Equal(peer.Missed, []string{"1"}) {
		t.Errorf("the peer: %+v", peer)
	}
}
