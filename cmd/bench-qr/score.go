package main

import (
	"math"
	"path/filepath"
	"slices"
	"time"
)

// A verdict is what a reading of one picture is worth.
type verdict int

const (
	nothing     verdict = iota // no text
	right                      // the text expected, or one that another family read too
	wrong                      // another text than expected
	ghost                      // a text where no code is
	unconfirmed                // a text of which nobody knows
)

// judge says what an engine's texts are worth; agreed are those that two families read.
func judge(want *string, agreed, got, later []string) verdict {
	if len(got)+len(later) == 0 {
		return nothing
	}
	known := agreed
	if want != nil && *want != "" {
		known = []string{*want}
	}
	is := func(text string) bool { return contains(known, text) }
	switch {
	case want != nil && *want == "":
		return ghost
	case slices.ContainsFunc(got, is) && !slices.ContainsFunc(later, func(t string) bool { return !is(t) }):
		return right
	case want != nil:
		return wrong
	}
	return unconfirmed
}

// agreements are the texts of one picture that engines of two families or more read.
func agreements(engines []engine, cells []cell) []string {
	var texts []string
	families := map[string][]string{} // by text
	for i, c := range cells {
		for _, text := range c.texts {
			at := slices.IndexFunc(texts, func(t string) bool { return same(t, text) })
			if at < 0 {
				at, texts = len(texts), append(texts, text)
			}
			if f := engines[i].family; !slices.Contains(families[texts[at]], f) {
				families[texts[at]] = append(families[texts[at]], f)
			}
		}
	}
	return slices.DeleteFunc(texts, func(t string) bool { return len(families[t]) < 2 })
}

// A Score is one engine's with one set. Times are milliseconds of the processor.
type Score struct {
	Engine      string   `json:"engine"`
	Read        int      `json:"read"`        // right
	Misread     int      `json:"misread"`     // another text than expected
	False       int      `json:"false"`       // a text where no code is
	Unconfirmed int      `json:"unconfirmed"` // a text, and nobody knows
	Stuck       int      `json:"stuck"`       // no answer in time
	Median      float64  `json:"median_ms"`
	P95         float64  `json:"p95_ms"`
	Worst       float64  `json:"worst_ms"`
	Ratio       float64  `json:"ratio"`  // of the medians, to the base; 0: no base
	Allocs      float64  `json:"allocs"` // a picture; -1: not counted
	Pitches     []Pitch  `json:"pitches,omitempty"`
	Sequences   *Swings  `json:"sequences,omitempty"`
	Missed      []string `json:"missed,omitempty"` // pictures with a text that it did not read right
}

// A Pitch is recall among the pictures of From up to To pixels a module.
type Pitch struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"` // 0: no end
	Pictures int     `json:"pictures"`
	Read     int     `json:"read"`
}

// Swings are an engine's first readings in sequences, each of so many pictures; where
// it read none the first is taken to be the one after the last.
type Swings struct {
	Sequences int     `json:"sequences"`
	Read      int     `json:"read"`
	First     float64 `json:"mean_first"`
}

// A Table is all scores of one set.
type Table struct {
	Set      string  `json:"set"`
	Pictures int     `json:"pictures"`
	Texts    int     `json:"texts"`  // pictures whose text is given
	Agreed   int     `json:"agreed"` // others of which two families read the same
	Codeless int     `json:"codeless"`
	Base     string  `json:"base,omitempty"` // what ratios are to
	Scores   []Score `json:"scores"`
}

// tabulate scores one set; cells are by engine and picture.
func tabulate(s *set, engines []engine, cells [][]cell, base string) Table {
	t := Table{Set: s.name, Pictures: len(s.pictures)}
	agreed := make([][]string, len(s.pictures))
	for i, p := range s.pictures {
		switch {
		case p.text == nil:
			agreed[i] = agreements(engines, column(cells, i))
			t.Agreed += min(1, len(agreed[i]))
		case *p.text == "":
			t.Codeless++
		default:
			t.Texts++
		}
	}
	for j, e := range engines {
		t.Scores = append(t.Scores, score(s, e.name, cells[j], agreed))
	}
	if i := slices.IndexFunc(t.Scores, func(s Score) bool { return s.Engine == base }); i >= 0 {
		t.Base = base
		for j := range t.Scores {
			t.Scores[j].Ratio = t.Scores[j].Median / t.Scores[i].Median
		}
	}
	return t
}

func column(cells [][]cell, i int) []cell {
	var out []cell
	for j := range cells {
		out = append(out, cells[j][i])
	}
	return out
}

// score is one engine's with one set.
func score(s *set, name string, cells []cell, agreed [][]string) Score {
	out := Score{Engine: name}
	verdicts := make([]verdict, len(cells))
	var times []float64
	allocs, counted := 0, 0
	for i, c := range cells {
		p := s.pictures[i]
		verdicts[i] = judge(p.text, agreed[i], c.texts, c.wrong)
		out.count(verdicts[i], c.stuck)
		if p.text != nil && *p.text != "" && verdicts[i] != right {
			out.Missed = append(out.Missed, p.path)
		}
		times = append(times, float64(c.cpu)/float64(time.Millisecond))
		if c.allocs >= 0 {
			allocs += c.allocs
			counted++
		}
	}
	slices.Sort(times)
	out.Median, out.P95, out.Worst = quantile(times, 0.5), quantile(times, 0.95), quantile(times, 1)
	if out.Allocs = -1; counted > 0 {
		out.Allocs = float64(allocs) / float64(counted)
	}
	out.Pitches = byPitch(s.pictures, verdicts)
	if s.approach {
		out.Sequences = swings(s.pictures, verdicts)
	}
	return out
}

func (s *Score) count(v verdict, stuck bool) {
	switch v {
	case right:
		s.Read++
	case wrong:
		s.Misread++
	case ghost:
		s.False++
	case unconfirmed:
		s.Unconfirmed++
	}
	if stuck {
		s.Stuck++
	}
}

// quantile is the least of sorted values that part q of them do not exceed.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// byPitch is recall by pixels a module, of pictures whose pitch and text are known.
func byPitch(pictures []picture, verdicts []verdict) []Pitch {
	edges := []float64{0, 2, 2.5, 3, 4, 5, 0}
	buckets := make([]Pitch, len(edges)-1)
	any := false
	for i := range buckets {
		buckets[i].From, buckets[i].To = edges[i], edges[i+1]
	}
	for i, p := range pictures {
		if p.pitch == 0 || p.text == nil || *p.text == "" {
			continue
		}
		any = true
		at := slices.IndexFunc(buckets, func(b Pitch) bool { return p.pitch >= b.From && (b.To == 0 || p.pitch < b.To) })
		buckets[at].Pictures++
		if verdicts[i] == right {
			buckets[at].Read++
		}
	}
	if !any {
		return nil
	}
	return buckets
}

// swings are the first readings of sequences, which are a folder each.
func swings(pictures []picture, verdicts []verdict) *Swings {
	first, length := map[string]int{}, map[string]int{}
	for i, p := range pictures {
		sequence := filepath.Dir(p.path)
		if _, ok := first[sequence]; !ok && verdicts[i] == right {
			first[sequence] = length[sequence]
		}
		length[sequence]++
	}
	out := &Swings{Sequences: len(length), Read: len(first)}
	for sequence, n := range length {
		if at, ok := first[sequence]; ok {
			n = at
		}
		out.First += float64(n) / float64(len(length))
	}
	return out
}
