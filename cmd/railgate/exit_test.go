package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
)

// Each line of the table, seen.
// What a person types is not a fault of the gate's.
func TestDoctorOfAUserThatDoesNotExist(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if status, out, errOut := s.tool("doctor", "--user", "nosuch"); status != exitUsage || out != "" || !strings.Contains(errOut, "nosuch") {
		t.Errorf("status %d, %q, %q; want %d, and the name", status, out, errOut, exitUsage)
	}
}

func TestExitStatuses(t *testing.T) {
	t.Parallel()
	dir, v := t.TempDir(), vectors(t)[0]
	at := v.Now.Format(time.RFC3339)
	gates := map[control.Health]string{}
	for _, h := range []control.Health{control.Healthy, control.Degraded, control.OutOfService} {
		gates[h] = fakeDaemon(t, control.Status{Health: h})
	}
	good := newSite(t).path("gate.toml")
	seen := map[string]bool{}
	proven, v0 := newProvenGate(t), filepath.Join(dir, "empty")
	if err := os.WriteFile(v0, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		line   string // of the table
		args   []string
		status int
		words  string
	}{
		{"status, doctor", []string{"status", "--data", gates[control.Healthy]}, 0, ""},
		{"status, doctor", []string{"status", "--data", gates[control.Degraded]}, 1, ""},
		{"status, doctor", []string{"status", "--data", gates[control.OutOfService]}, 2, ""},
		{"status, doctor", []string{"status", "--data", dir}, 2, "not running"},
		{"status, doctor", []string{"status", "--config", filepath.Join(dir, "none.toml")}, 2, "none.toml"},
		{"status, doctor", []string{"doctor", "--data", dir}, 2, ""},
		{"verify", []string{"verify", "--keys", keyset, "--at", at, v.Text}, 0, ""},
		{"verify", []string{"verify", "--keys", keyset, "--at", at, v.Text, "hello"}, 1, ""},
		{"verify", []string{"verify", "--keys", filepath.Join(dir, "none.json")}, 2, "none.json"},
		{"journal verify", []string{"journal", "verify", "--data", proven.dir}, 0, ""},
		{"journal verify", []string{"journal", "verify", "--file", v0}, 1, ""},
		{"journal verify", []string{"journal", "verify", "--data", dir}, 2, "no such file"},
		{"config diff", []string{"config", "diff", "--config", good, good}, 0, ""},
		{"config diff", []string{"config", "diff", "--config", good}, 1, ""},
		{"config diff", []string{"config", "diff", "--config", filepath.Join(dir, "none.toml")}, 2, "none.toml"},
		{"every other command", []string{"config"}, 0, ""},
		{"every other command", []string{"service", "closed", "--data", dir}, 1, "not running"},
		{"every other command", []string{"journal", "export", "--data", dir}, 1, "no journal"},
		{"every other command", []string{"outputs-safe", "--data", dir}, 1, "never driven"},
		{"every command", []string{"nonsense"}, 64, "not a command"},
		{"every command", []string{"--nonsense"}, 64, "nonsense"},
		{"every command", []string{"verify"}, 64, "--keys is needed"},
		{"every command", []string{"verify", "--keys", keyset, "--at", "noon"}, 64, "RFC 3339"},
		{"every command", []string{"verify", "--keys", keyset, "--classes", "9"}, 64, "class 9"},
		{"every command", []string{"scan"}, 64, "name pictures"},
		{"every command", []string{"service", "party"}, 64, "party"},
		{"every command", []string{"sim", "walk", "7"}, 64, "0 or 1"},
		{"every command", []string{"status", "extra"}, 64, "extra"},
	} {
		status, _, errOut := tool(t, "", tt.args...)
		if status != tt.status || !strings.Contains(errOut, tt.words) {
			t.Errorf("railgate %v: status %d, %q; want %d, %q", tt.args, status, errOut, tt.status, tt.words)
		}
		seen[fmt.Sprint(tt.line, tt.status)] = true
	}
	for _, c := range exitCodes {
		if !seen[fmt.Sprint(c.Command, c.Status)] && c.Command != "railgated" { // which has tests of its own
			t.Errorf("%s, %d: not seen", c.Command, c.Status)
		}
	}
}

func TestManualsHaveTheExitStatuses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/technician.md")
	if err != nil || !strings.Contains(string(text), exitTable()) {
		t.Errorf("docs/technician.md does not have this table (%v):\n%s", err, exitTable())
	}
	if status, out, _ := tool(t, "", "help", "exit-codes"); status != 0 || !strings.Contains(out, exitWords()) {
		t.Errorf("help exit-codes: status %d, %q; want the table", status, out)
	}
}
