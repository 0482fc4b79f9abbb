package main

import (
	"fmt"
	"os"
	"strings"
)

// A survivor is a mutant that no test kills, with the reason why that is right.
type survivor struct{ name, reason string }

type survivors []survivor

// readSurvivors reads a list of names; a reason, on lines that begin with a tab, is of all
// the names before it that have none. # begins a comment.
func readSurvivors(name string) (list survivors, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	bare := 0 // from where on names have no reason yet
	afterReason := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		reason, isReason := strings.CutPrefix(line, "\t")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case isReason:
			for i := bare; i < len(list); i++ {
				list[i].reason = strings.TrimSpace(list[i].reason + " " + reason)
			}
			afterReason = true
		default:
			if afterReason {
				bare, afterReason = len(list), false
			}
			list = append(list, survivor{name: line})
		}
	}
	return list, list.check(name)
}

// check refuses a survivor without a reason, or named twice.
func (l survivors) check(name string) error {
	seen := map[string]bool{}
	for _, s := range l {
		if s.reason == "" {
			return fmt.Errorf("%s: no reason for %q", name, s.name)
		}
		if seen[s.name] {
			return fmt.Errorf("%s: %q is named twice", name, s.name)
		}
		seen[s.name] = true
	}
	return nil
}

// compare finds the mutants that survived unknown, and the known that did not survive:
// of the mutants that ran, and, if they are complete, of their files'.
func (l survivors) compare(all []*mutant, complete bool) (fresh []*mutant, gone []string) {
	ran, files := map[string]outcome{}, map[string]bool{}
	known := map[string]bool{}
	for _, s := range l {
		known[s.name] = true
	}
	for _, m := range all {
		ran[m.Name], files[m.File] = m.Outcome, true
		if (m.Outcome == survived || m.Outcome == unreached) && !known[m.Name] {
			fresh = append(fresh, m)
		}
	}
	for _, s := range l {
		file, _, _ := strings.Cut(s.name, " ")
		o, is := ran[s.name]
		if o == killed || o == timedOut || complete && files[file] && !is {
			gone = append(gone, s.name)
		}
	}
	return fresh, gone
}
