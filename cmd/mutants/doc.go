package main

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// What lies between these lines of docs/testing.md is written by mutants.
const (
	docBegin = "<!-- written by make mutants -->\n"
	docEnd   = "<!-- end -->\n"
)

// writeDoc writes the shares and the survivors into a document.
func writeDoc(name string, all []*mutant, known survivors) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, _, tail, err := splitDoc(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(head+shares(all)+known.list()+tail), 0o644)
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

// shares is the table of packages.
func shares(all []*mutant) string {
	var b strings.Builder
	b.WriteString("| package | mutants | killed | share |\n| --- | --- | --- | --- |\n")
	var dirs []string
	of := map[string][]*mutant{}
	for _, m := range all {
		dir := path.Dir(m.File)
		if of[dir] == nil {
			dirs = append(dirs, dir)
		}
		of[dir] = append(of[dir], m)
	}
	for _, dir := range dirs {
		n := count(of[dir], killed)
		fmt.Fprintf(&b, "| `%s` | %d | %d | %.1f %% |\n", dir, len(of[dir]), n, share(n, len(of[dir])))
	}
	return b.String()
}

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
