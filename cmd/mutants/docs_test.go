package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testsOfTheRepository are the names of all tests, and of fuzz tests.
func testsOfTheRepository(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "build", "bin", "node_modules"}, d.Name()):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil || len(names) < 100 {
		t.Fatalf("%d tests, %v; want the repository's", len(names), err)
	}
	return names
}

var namedTest = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")

// A document that names a test would be wrong if the test were renamed or gone.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	exist := testsOfTheRepository(t)
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	named := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range namedTest.FindAllSubmatch(text, -1) {
			if named++; !exist[string(m[1])] {
				t.Errorf("%s names %s, which is no test", filepath.Base(file), m[1])
			}
		}
	}
	if named == 0 {
		t.Error("no document names a test")
	}
}

// docs/security.md has a row for each threat, and a test beside it; so has each promise.
func TestEachThreatHasItsTest(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for section := range strings.SplitSeq(string(text), "\n## ") {
		title, _, _ := strings.Cut(section, "\n")
		if strings.Contains(section, "| test |\n") {
			tables++
			checkRows(t, title, regexp.MustCompile(`(?m)^\| .* \|$`).FindAllString(section, -1)[2:])
		}
		if title == "Promises" {
			checkRows(t, title, regexp.MustCompile(`\n\d\. `).Split(section, -1)[1:])
		}
	}
	if tables < 2 {
		t.Errorf("%d tables of threats; want the gate's and the issuer's", tables)
	}
}

func checkRows(t *testing.T, title string, rows []string) {
	t.Helper()
	if len(rows) == 0 {
		t.Errorf("%s: no rows", title)
	}
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if !namedTest.MatchString(cells[len(cells)-1]) {
			t.Errorf("%s: no test beside %q", title, row)
		}
	}
}
