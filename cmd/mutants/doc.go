package main

import (
	"fmt"
	"os"
	"strings"
)

// What lies between these lines of docs/testing.md is written by mutants.
const (
	docBegin = "<!-- written by make mutants -->\n"
	docEnd   = "<!-- end -->\n"
)

// writeDoc writes the shares and the survivors into a document. Packages that were not
// tried keep their shares.
func writeDoc(name string, all []*mutant, known survivors) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, before, tail, err := splitDoc(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(head+shares(all, before)+known.list()+tail), 0o644)
}

// splitDoc cuts a document into what is before, what is written and what is after.
func splitDoc(text string) (head, written, tail string, err error) {
	head, rest, ok := strings.Cut(text, docBegin)
	written, tail, ok2 := strings.Cut(rest, docEnd)
	if !ok || !ok2 {
		return "", "", "", fmt.Errorf("no lines %q and %q", strings.TrimSpace(docBegin), strings.TrimSpace(docEnd))
	}
	return head + docBegin, written, docEnd + tail, nil
}

// shares is the table of packages, those that were not tried as they were before.
func shares(all []*mutant, before string) string {
	var b strings.Builder
	b.WriteString("| package | mutants | killed | share |\n| --- | --- | --- | --- |\n")
	for _, t := range targets() {
		of := t.of(all)
		if n := count(of, killed); len(of) > 0 {
			fmt.Fprintf(&b, "%s %d | %d | %.1f %% |\n", t.row(), len(of), n, share(n, len(of)))
			continue
		}
		for line := range strings.Lines(before) {
			if strings.HasPrefix(line, t.row()) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// row is how a target's row begins.
func (t *target) row() string { return "| `" + t.dir + "` |" }

// list is the survivors, those of one file and one reason together.
func (l survivors) list() string {
	var b strings.Builder
	lastFile, lastReason := "", ""
	for _, s := range l {
		file, change, _ := strings.Cut(s.name, " ")
		if file != lastFile {
			fmt.Fprintf(&b, "\n### %s\n", file)
		}
		if file != lastFile || s.reason != lastReason {
			fmt.Fprintf(&b, "\n%s\n\n", s.reason)
		}
		fmt.Fprintf(&b, "- `%s`\n", change)
		lastFile, lastReason = file, s.reason
	}
	return b.String()
}
