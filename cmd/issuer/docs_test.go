package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// testNames are the tests of the issuer and its office.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"*_test.go", "office/*_test.go", "acts/*_test.go", "counter/*_test.go", "provider/*_test.go", "signin/*_test.go", "window/*_test.go", "../pages/*_test.go", "../../verify/*_test.go", "../../verify/mint/*_test.go", "../limit/*_test.go", "../bench/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(data, -1) {
				names = append(names, string(m[1]))
			}
		}
	}
	return names
}

var namedTest = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")

// docs/issuer.md has a row for each rule, and in it every test that names the rule and
// no other.
func TestEachRuleOfTheDocumentHasItsTests(t *testing.T) {
	data, err := os.ReadFile("../../docs/issuer.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, name := range testNames(t) {
		if m := regexp.MustCompile(`^Test(R\d+)[A-Z]`).FindStringSubmatch(name); m != nil {
			want[m[1]] = append(want[m[1]], name)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (R\d+) \| .+ \| (.+) \|$`).FindAllSubmatch(data, -1)
	const rules = 31 // R1 to R24, R31 to R37
	if len(rows) != rules || len(want) != rules {
		t.Errorf("docs/issuer.md has %d rows of rules with their tests, and tests name %d rules; want %d", len(rows), len(want), rules)
	}
	last := 0
	for i, row := range rows {
		rule := string(row[1])
		if n, err := strconv.Atoi(rule[1:]); err != nil || n <= last {
			t.Errorf("row %d is of %s, after R%d", i+1, rule, last)
		} else {
			last = n
		}
		var got []string
		for _, m := range namedTest.FindAllSubmatch(row[2], -1) {
			got = append(got, string(m[1]))
		}
		slices.Sort(got)
		slices.Sort(want[rule])
		if len(got) == 0 || !slices.Equal(got, want[rule]) {
			t.Errorf("%s: the document names %q; there are %q", rule, got, want[rule])
		}
		delete(want, rule)
	}
	for rule, tests := range want {
		t.Errorf("%s has tests (%q) and no row", rule, tests)
	}
}

// Each threat to the issuer in docs/security.md has a test that is there.
func TestEachThreatToTheIssuerHasItsTest(t *testing.T) {
	data, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n## The issuer\n(.*?)\n## `).FindSubmatch(data)
	if section == nil {
		t.Fatal("docs/security.md has no section about the issuer")
	}
	all := testNames(t)
	rows := regexp.MustCompile(`(?m)^\| .* \| (.*) \|$`).FindAllSubmatch(section[1], -1)
	if len(rows) < 9 {
		t.Fatalf("%d rows; want the heading and eight threats at least", len(rows))
	}
	for _, row := range rows[2:] { // heading, rule
		tests := namedTest.FindAllSubmatch(row[1], -1)
		if len(tests) == 0 {
			t.Errorf("no test in %q", row[0])
		}
		for _, m := range tests {
			if !slices.Contains(all, string(m[1])) {
				t.Errorf("%s is not a test here, in %q", m[1], row[0])
			}
		}
	}
}
