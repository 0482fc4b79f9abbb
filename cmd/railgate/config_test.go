package main

import (
	"encoding/json"
	"strings"
	"testing"

	"railgate/cmd/control"
)

// Without a daemon config show says what the file has, and that this is all.
func TestConfigShowSaysWhereEachKeyComesFrom(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[lane]\nper_day = 3")
	status, out, errOut := s.tool("config", "show")
	if status != 0 || !strings.Contains(errOut, "without the station's policy") {
		t.Fatalf("status %d, %s; want the file's, and that it is alone", status, errOut)
	}
	for key, want := range map[string]string{"lane.per_day": s.path("gate.toml") + ":13", "lane.passback": "default"} {
		found := false
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			found = found || f[0] == key && strings.HasSuffix(strings.TrimSpace(line), want)
		}
		if !found {
			t.Errorf("%s; want %s from %s", out, key, want)
		}
	}
	status, out, _ = s.tool("config", "show", "--json")
	var answer control.Config
	if err := json.Unmarshal([]byte(out), &answer); status != 0 || err != nil || answer.Path != s.path("gate.toml") || len(answer.Settings) < 20 {
		t.Errorf("status %d, %v: %s", status, err, out)
	}
	if status, _, _ := s.tool("config", "show", "more"); status != 64 {
		t.Errorf("status %d for an argument too many; want 64", status)
	}
}

// One key, or one section, and not eighty lines.
func TestConfigShowsWhatIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, tt := range []struct {
		names  []string
		lines  int // 0: several
		begins string
		status int
		words  string
	}{
		{[]string{"lane.open_for"}, 1, "lane.open_for ", 0, "default"},
		{[]string{"lane"}, 0, "lane.", 0, "lane.passback"},
		{[]string{"scanner.eye.driver"}, 1, "scanner[0].driver ", 0, "camera"},
		{[]string{"scanner"}, 0, "scanner[0].", 0, "camera"},
		{[]string{"scanner.eye"}, 0, "scanner[0].", 0, "camera"},
		{[]string{"lane.open_for", "lane.open_for"}, 1, "lane.open_for ", 0, ""},
		{[]string{"lane.openfor"}, 0, "", exitUsage, "is it lane.open_for?"},
		{[]string{"open_for"}, 0, "", exitUsage, "is it lane.open_for?"},
		{[]string{"lnae"}, 0, "", exitUsage, "is it lane?"},
		{[]string{"lane.open"}, 0, "", exitUsage, "neither a key nor a section"},
	} {
		status, out, errOut := s.tool(append([]string{"config", "show"}, tt.names...)...)
		lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
		if status != tt.status || !strings.Contains(out+errOut, tt.words) || tt.lines > 0 && len(lines) != tt.lines {
			t.Errorf("%v: status %d, %q, %q; want %d, %q", tt.names, status, out, errOut, tt.status, tt.words)
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, tt.begins) {
				t.Errorf("%v: %q; want it to begin with %q", tt.names, line, tt.begins)
			}
		}
	}
	var answer control.Config
	if _, out, _ := s.tool("config", "show", "lane.open_for", "--json"); json.Unmarshal([]byte(out), &answer) != nil || len(answer.Settings) != 1 {
		t.Errorf("as JSON: %q", out)
	}
}
