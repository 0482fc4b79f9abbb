package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sample is a package with one place for each kind of change, and a test that sees some.
const (
	sample = `package sample

import "errors"

const limit = 3

type pair struct{ a, b int }

var errMany = errors.New("too many")

func check(n int, urgent bool) (pair, error) {
	if n > limit && !urgent {
		return pair{}, errMany
	}
	p := pair{a: n, b: n + 1}
	p.b *= 2
	return p, nil
}

func Unasked() int { return 4 }
`
	sampleTest = `package sample

import "testing"

func TestCheck(t *testing.T) {
	if p, err := check(3, false); err != nil || p.a != 3 || p.b != 8 {
		t.Error(p, err)
	}
	if _, err := check(5, false); err == nil {
		t.Error("no error")
	}
}
`
)

func inSample(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module sample.test\n\ngo 1.26\n", "sample/sample.go": sample, "sample/sample_test.go": sampleTest} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestEachChangeHasItsOutcome(t *testing.T) {
	inSample(t)
	var out strings.Builder
	all, err := tryTarget(target{dir: "sample"}, &options{workers: 2, match: regexp.MustCompile("")}, &out)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]outcome{}
	for _, m := range all {
		got[strings.TrimPrefix(m.Name, "sample/sample.go ")] = m.Outcome
	}
	for name, want := range map[string]outcome{
		"limit: limit = 3 → 4":                survived, // 4 is never shown
		"check: n > limit && !urgent → true":  killed,
		"check: n > limit && !urgent → false": killed,
		"check: n > limit → true":             killed,
		"check: n > limit → >=":               killed,
		"check: !urgent → true":               survived, // nobody is urgent
		"check: return errMany → nil":         killed,
		"check: without a: n":                 killed,
		"check: without b: n + 1":             killed,
		"check: n + 1 → -":                    killed,
		"check: n + 1 → n + 2":                killed,
		"check: drop p.b *= 2":                killed,
		"check: p.b *= 2 → p.b *= 3":          killed,
		"Unasked: return 4 → return 5":        unreached,
	} {
		if got[name] != want {
			t.Errorf("%s: %q; want %q", name, got[name], want)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("beside those: %v", got)
	}
	if !strings.Contains(out.String(), "11 of   14 killed") {
		t.Errorf("output %q; want the share", out.String())
	}
}

// A target may be some functions alone, and the tests that stand beside them.
func TestATargetOfSomeFunctions(t *testing.T) {
	inSample(t)
	for _, tt := range []struct {
		target target
		want   string
	}{
		{target{dir: "sample", funcs: []string{"limit", "Unasked"}}, "0 of    2 killed"},
		{target{dir: "sample", funcs: []string{"check"}, tests: "^TestCheck$"}, "11 of   12 killed"},
		{target{dir: "sample", funcs: []string{"check"}, tests: "^TestNothing$"}, "0 of   12 killed"},
	} {
		var out strings.Builder
		if _, err := tryTarget(tt.target, &options{workers: 2, match: regexp.MustCompile("")}, &out); err != nil || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%+v: %q, %v; want %q", tt.target, out.String(), err, tt.want)
		}
	}
}

// A guard that was renamed would be held to nothing.
func TestEachGuardIsThere(t *testing.T) {
	t.Chdir("../..")
	for _, target := range targets() {
		if target.funcs == nil {
			continue
		}
		s, err := load(target)
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, m := range s.mutants() {
			there[m.at.fn] = true
		}
		for _, name := range target.funcs {
			if !there[name] {
				t.Errorf("%s has no mutant of %s", target.dir, name)
			}
		}
	}
}

// A run of some targets keeps the others' shares.
func TestSharesOfSomeTargets(t *testing.T) {
	before := "| package | mutants | killed | share |\n| --- | --- | --- | --- |\n| `verify` | 10 | 9 | 90.0 % |\n| `verify/lane` | 7 | 7 | 100.0 % |\n| `gone` | 1 | 1 | 100.0 % |\n"
	got := shares([]*mutant{{File: "verify/lane/step.go", Outcome: killed}, {File: "verify/lane/step.go", Outcome: survived}}, before)
	if want := "| package | mutants | killed | share |\n| --- | --- | --- | --- |\n| `verify` | 10 | 9 | 90.0 % |\n| `verify/lane` | 2 | 1 | 50.0 % |\n"; got != want {
		t.Errorf("shares = %s; want %s", got, want)
	}
}

func TestTestsThatFailUnchangedAreAnError(t *testing.T) {
	inSample(t)
	if err := os.WriteFile("sample/sample_test.go", []byte(strings.Replace(sampleTest, "p.b != 8", "p.b != 9", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := tryTarget(target{dir: "sample"}, &options{workers: 1, match: regexp.MustCompile("")}, new(strings.Builder))
	if err == nil || !strings.Contains(err.Error(), "TestCheck fails without any change") {
		t.Errorf("tryTarget: %v; want that the test fails", err)
	}
}

func TestCompare(t *testing.T) {
	mutants := []*mutant{
		{Name: "a.go f: lives", File: "a.go", Outcome: survived},
		{Name: "a.go f: lives, with a reason", File: "a.go", Outcome: survived},
		{Name: "a.go f: unseen", File: "a.go", Outcome: unreached},
		{Name: "a.go f: dies", File: "a.go", Outcome: killed},
		{Name: "a.go f: hangs", File: "a.go", Outcome: timedOut},
	}
	known := survivors{
		{"a.go f: lives, with a reason", "it may"},
		{"a.go f: dies", "it did not"},
		{"a.go f: hangs", "it did not"},
		{"a.go f: is no more", "it was"},
		{"b.go f: was not tried", "it may"},
	}
	for complete, wantGone := range map[bool][]string{
		true:  {"a.go f: dies", "a.go f: hangs", "a.go f: is no more"},
		false: {"a.go f: dies", "a.go f: hangs"},
	} {
		fresh, gone := known.compare(mutants, complete)
		if len(fresh) != 2 || fresh[0] != mutants[0] || fresh[1] != mutants[2] || !slices.Equal(gone, wantGone) {
			t.Errorf("complete %v: new %v, gone %q; want lives and unseen, and %q", complete, fresh, gone, wantGone)
		}
	}
}

func TestReadSurvivors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"one reason for two", "# all\na.go f: x\na.go f: y\n\tthey are\n\tequal\n\na.go g: z\n\tso is it\n", ""},
		{"no reason", "a.go f: x\n\tequal\na.go f: y\n", `no reason for "a.go f: y"`},
		{"a name twice", "a.go f: x\n\tequal\na.go f: x\n\tequal\n", "named twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "survivors.txt")
			if err := os.WriteFile(name, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			list, err := readSurvivors(name)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("readSurvivors: %v; want an error that says %q", err, tt.want)
				}
				return
			}
			if err != nil || len(list) != 3 || list[0].reason != "they are equal" || list[1].reason != "they are equal" || list[2].reason != "so is it" {
				t.Errorf("readSurvivors = %+v, %v; want each with its reason", list, err)
			}
		})
	}
}

// docs/testing.md has the survivors of survivors.txt, with their reasons, and the shares
// that the packages are held to.
func TestTheDocumentHasTheSurvivors(t *testing.T) {
	t.Chdir("../..")
	known, err := readSurvivors("cmd/mutants/survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, written, _, err := splitDoc(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(written, known.list()) {
		t.Error("docs/testing.md has other survivors than survivors.txt: make mutants writes them")
	}
	for _, target := range targets() {
		if !strings.Contains(written, "| `"+target.dir+"` |") {
			t.Errorf("docs/testing.md has no share of %s", target.dir)
		}
	}
}
