package control

import (
	"regexp"
	"strings"
	"testing"
)

func TestEachCauseIsWhole(t *testing.T) {
	seen := map[string]bool{}
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	for _, m := range Meanings() {
		if !name.MatchString(m.Cause) || m.What == "" || m.Matters == "" || m.Remedy == "" || m.Severity != Degraded && m.Severity != OutOfService {
			t.Errorf("%+v; want a name in lower_snake, a severity and each text", m)
		}
		for _, id := range []string{m.Cause, m.Alias} {
			if id != "" && seen[id] {
				t.Errorf("%s is there twice", id)
			}
			seen[id] = true
		}
	}
}

func TestRemedyIsFilledIn(t *testing.T) {
	for _, tt := range []struct {
		id    string
		names []string
		want  string
	}{
		{KeysetUnreadable, nil, "chgrp railgate /etc/railgate/keys.json && chmod 640 /etc/railgate/keys.json"},
		{KeysetUnreadable, []string{"{keys}", "/srv/my keys.json", "{group}", "gate"}, "chgrp gate '/srv/my keys.json' && chmod 640 '/srv/my keys.json'"},
		{KeysetMissing, []string{"{config}", "/srv/gate a.toml"}, "railgate --config '/srv/gate a.toml' keys install KEYS.JSON"},
		{KeysetMissing, []string{"{config}", "", "{keys}", "", "{sync}", ""}, "railgate keys install KEYS.JSON"},
		{KeysetExpired, []string{"{config}", "/srv/a.toml", "{sync}", "https://rail.example/nation"}, "railgate --config /srv/a.toml sync"},
	} {
		if got := NewCause(tt.id, "seen", tt.names...); got.Remedy != tt.want || got.Cause != tt.id || got.Why != "seen" {
			t.Errorf("%s: %+v; want the remedy %q", tt.id, got, tt.want)
		}
	}
	if m, ok := MeaningOf("memory"); !ok || m.Cause != SpentCodesLost {
		t.Errorf("memory = %+v, %v; want the cause that has this older name", m, ok)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{"": "''", "/a/b-c.d": "/a/b-c.d", "it's": `'it'\''s'`, "a b": "'a b'", "$(x)": "'$(x)'"} {
		if got := Quote(word); got != want || strings.ContainsAny(got, "\n") {
			t.Errorf("Quote(%q) = %s; want %s", word, got, want)
		}
	}
}

// What a command removes once it was saved is on the disk by then: a power cut would take both.
func TestWhatIsRemovedWasSaved(t *testing.T) {
	removes := 0
	for _, m := range Meanings() {
		if saved, removed, ok := strings.Cut(m.Remedy, "&& rm "); ok && strings.Contains(saved, ">") {
			removes++
			if !strings.Contains(saved, "&& sync ") {
				t.Errorf("%s: %q, then rm %s; want sync between", m.Cause, saved, removed)
			}
		}
	}
	if removes == 0 {
		t.Error("no command saves and removes; this test has nothing to look at")
	}
}
