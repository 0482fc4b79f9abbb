package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// An outcome is what became of a mutant.
type outcome string

const (
	killed    outcome = "killed"
	timedOut  outcome = "timed out" // which counts as killed
	survived  outcome = "survived"
	unreached outcome = "not reached by any test"
	unbuilt   outcome = "does not build" // which is no mutant
)

// A mutant is one small change at one place. Its name says where and what, without a
// line's number, so that it holds while other lines come and go.
type mutant struct {
	Name    string  `json:"name"`
	File    string  `json:"file"` // in the repository
	Line    int     `json:"line"`
	Outcome outcome `json:"outcome"`
	Test    string  `json:"test,omitempty"` // which killed it

	number      int
	replacement string // in place of the expression or the statement; "" for a statement: nothing
	alone       bool   // of a constant: built by itself
	at          *site
}

// A site is a place with its mutants.
type site struct {
	file       *file
	start, end int // offsets in the file
	pos        token.Pos
	fn         string // that it is in
	typ        string // of an expression; "" for a statement
	mutants    []*mutant
}

// mutants finds all mutants of a package and numbers them in the order of their places.
func (s *source) mutants() (all []*mutant) {
	for _, f := range s.files {
		w := &finder{source: s, file: f}
		w.findIn(f.tree)
		slices.SortStableFunc(w.sites, func(a, b *site) int {
			return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
		})
		for _, at := range w.sites {
			if s.takesFunc(at.fn) {
				all = append(all, at.mutants...)
			}
		}
	}
	seen := map[string]int{}
	for i, m := range all {
		m.number = i + 1
		if seen[m.Name]++; seen[m.Name] > 1 {
			m.Name += fmt.Sprintf(" (%d)", seen[m.Name])
		}
	}
	return all
}

// add notes a mutant of a node. Sites of one node's place are one.
func (w *finder) add(n ast.Node, typ, change, replacement string) *mutant {
	start, end := w.offset(n.Pos()), w.offset(n.End())
	i := slices.IndexFunc(w.sites, func(s *site) bool { return s.start == start && s.end == end && s.typ == typ })
	if i < 0 {
		w.sites = append(w.sites, &site{file: w.file, start: start, end: end, pos: n.Pos(), fn: w.fn, typ: typ})
		i = len(w.sites) - 1
	}
	m := &mutant{
		Name:        fmt.Sprintf("%s/%s %s: %s", w.dir, w.file.name, w.fn, change),
		File:        w.dir + "/" + w.file.name,
		Line:        w.fset.Position(n.Pos()).Line,
		replacement: replacement,
		at:          w.sites[i],
	}
	w.sites[i].mutants = append(w.sites[i].mutants, m)
	return m
}

func (w *finder) offset(p token.Pos) int { return w.fset.Position(p).Offset }

// text is a node as it stands.
func (w *finder) text(n ast.Node) string {
	return string(w.file.text[w.offset(n.Pos()):w.offset(n.End())])
}

// brief is a node on one short line.
func (w *finder) brief(n ast.Node) string { return brief(w.text(n)) }

func brief(text string) string {
	const most = 72
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > most {
		line = slices.Concat(line[:most/2], []rune("…"), line[len(line)-most/2:])
	}
	return string(line)
}

func count(all []*mutant, want outcome) (n int) {
	for _, m := range all {
		if m.Outcome == want || want == killed && m.Outcome == timedOut {
			n++
		}
	}
	return n
}

func share(killed, of int) float64 { return 100 * float64(killed) / float64(max(1, of)) }
