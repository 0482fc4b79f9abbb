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
