package office

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The office's rules are not tied to a server: a program, or a test, can use them without
// one. No package of this module that it is made of knows HTTP.
func TestTheOfficeKnowsNoHTTP(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if eq .Path "railgate"}}{{$.ImportPath}} {{join $.Imports " "}}{{end}}{{end}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"railgate/cmd/issuer/office", "railgate/cmd/issuer/acts", "railgate/cmd/limit"}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		seen++
		if p := words[0]; strings.HasPrefix(p, "railgate/cmd") && !slices.Contains(own, p) || strings.HasPrefix(p, "railgate/driver") {
			t.Errorf("the office imports %s, by itself or by another", p)
		}
		if slices.Contains(words[1:], "net/http") {
			t.Errorf("%s imports net/http", words[0])
		}
	}
	if seen < 6 {
		t.Fatalf("go list finds %d packages; want all of the module that this one needs", seen)
	}
}
