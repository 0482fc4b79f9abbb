package office

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The office's rules are not tied to a server: a police window's program, or a test,
// can use them without one.
func TestTheOfficeKnowsNoHTTP(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("go list finds %d packages; want all that this one needs", len(deps))
	}
	own := []string{"railgate/cmd/issuer/office", "railgate/cmd/limit"}
	for _, d := range deps {
		if d == "net/http" || strings.HasPrefix(d, "railgate/cmd") && !slices.Contains(own, d) || strings.HasPrefix(d, "railgate/driver") {
			t.Errorf("the office imports %s, by itself or by another", d)
		}
	}
}
