package main

import (
	"fmt"
	"strings"
)

// render writes a file with all its mutants behind their numbers. A place inside another
// is changed where the outer one stands as it is, so at most one change is in force.
func render(f *file, all []*mutant) string {
	r := renderer{text: f.text}
	for _, m := range all {
		if m.at.file == f && !m.alone && (len(r.sites) == 0 || r.sites[len(r.sites)-1] != m.at) {
			r.sites = append(r.sites, m.at)
		}
	}
	return r.between(0, len(f.text))
}

// A renderer has sites left, in the order of their places, outer ones first.
type renderer struct {
	text  []byte
	sites []*site
}

func (r *renderer) between(from, to int) string {
	var b strings.Builder
	for len(r.sites) > 0 && r.sites[0].end <= to {
		s := r.sites[0]
		r.sites = r.sites[1:]
		b.Write(r.text[from:s.start])
		b.WriteString(s.wrap(r.between(s.start, s.end)))
		from = s.end
	}
	b.Write(r.text[from:to])
	return b.String()
}

// wrap puts a site's mutants before what stands there.
func (s *site) wrap(inner string) string {
	var b strings.Builder
	first := s.mutants[0].number
	if s.typ == "" {
		fmt.Fprintf(&b, "if mutant_ := mutantAt(%d); ", first)
		for _, m := range s.mutants {
			fmt.Fprintf(&b, "mutant_ == %d { %s } else if ", m.number, m.replacement)
		}
		return strings.TrimSuffix(b.String(), "if ") + "{ " + inner + " }"
	}
	fmt.Fprintf(&b, "func() %s { switch mutantAt(%d) { ", s.typ, first)
	for _, m := range s.mutants {
		fmt.Fprintf(&b, "case %d: return %s; ", m.number, m.replacement)
	}
	return b.String() + "}; return " + inner + " }()"
}

// renderAlone writes a file with one constant's change.
func renderAlone(m *mutant) string {
	return string(m.at.file.text[:m.at.start]) + m.replacement + string(m.at.file.text[m.at.end:])
}

// switchFile is compiled in beside the package's own files: which mutant is in force, and,
// where it is asked, which places a run has reached.
func switchFile(pkg string) string {
	return "package " + pkg + `

import (
	"os"
	"strconv"
	"sync/atomic"
)

var mutantNow, _ = strconv.Atoi(os.Getenv("RAILGATE_MUTANT"))

var mutantTrace = func() *os.File {
	f, _ := os.OpenFile(os.Getenv("RAILGATE_MUTANT_TRACE"), os.O_WRONLY|os.O_APPEND, 0)
	return f
}()

var mutantReached [1 << 16]atomic.Bool

func mutantAt(first int) int {
	if mutantTrace != nil && !mutantReached[first].Swap(true) {
		mutantTrace.WriteString(strconv.Itoa(first) + "\n")
	}
	return mutantNow
}
`
}
