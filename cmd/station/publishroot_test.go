package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// alone makes a station whose nation another operator has.
func (s *shop) alone(name string) *shop {
	s.t.Helper()
	other := &shop{&office{t: s.t, dir: s.t.TempDir(), now: s.now}}
	other.write("passphrase", "correct horse battery\n")
	other.must("init", "--station", name, "--server", "tls://127.0.0.1:4222", "--no-nation")
	return other
}

// The nation names the root of a station that another operator has, and names no other without being told so.
func TestAStationsRootIsPublishedByTheNation(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	a, b := s.alone("SHA"), s.alone("SHA")
	root := func(of *shop) string { return of.path("nation/station/public/1.root.json") }
	s.must("publish", "root", "SHA", root(a))
	if got := s.get("nation", "stations/SHA/root.json"); string(got) != read(t, root(a)) {
		t.Errorf("stations/SHA/root.json = %.40q; want the station's root", got)
	}
	if out := s.must("publish", "root", "SHA", root(a)); !strings.Contains(out, "already") {
		t.Errorf("the same once more: %s", out)
	}
	if _, err := s.run("publish", "root", "SHA", root(b)); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("another root: %v; want that it takes --replace", err)
	}
	if got := s.get("nation", "stations/SHA/root.json"); string(got) != read(t, root(a)) {
		t.Error("another root was published without --replace")
	}
	s.must("publish", "root", "SHA", root(b), "--replace")
	if got := s.get("nation", "stations/SHA/root.json"); string(got) != read(t, root(b)) {
		t.Error("another root was not published with --replace")
	}
}

func TestWhatIsNoFirstRootIsNotPublished(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := read(t, s.path("nation/station/public/1.root.json"))
	edit := func(edit func(signed map[string]any)) string {
		var doc map[string]any
		if err := json.Unmarshal([]byte(good), &doc); err != nil {
			t.Fatal(err)
		}
		edit(doc["signed"].(map[string]any))
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, text := range map[string]string{
		"empty":          "",
		"no JSON":        "{",
		"a timestamp":    read(t, s.path("nation/station/public/timestamp.json")),
		"changed":        edit(func(signed map[string]any) { signed["expires"] = "2039-01-01T00:00:00Z" }),
		"without a role": edit(func(signed map[string]any) { delete(signed["roles"].(map[string]any), "targets") }),
	} {
		if out, err := s.run("publish", "root", "SHA", s.write("root.json", text)); err == nil || !strings.Contains(err.Error(), s.path("root.json")) {
			t.Errorf("%s: %v; want an error that names the file\n%s", name, err, out)
		}
	}
	if _, err := s.run("publish", "root", "../SHA", s.path("nation/station/public/1.root.json")); err == nil || !strings.Contains(err.Error(), "want 1 to 32 letters") {
		t.Errorf("a station's name that is a path: %v", err)
	}
	if s.get("nation", "stations/SHA/root.json") != nil {
		t.Error("what was refused is published")
	}
}

// Where the nation is elsewhere, what is no assignment is refused all the same.
func TestAnAssignmentWithoutTheNation(t *testing.T) {
	t.Parallel()
	s := newShop(t).alone("SHA")
	for _, dir := range []string{"nation", "nation/station"} {
		for text, want := range map[string]bool{`{"default": "1.4.0"}`: true, `{"gates": {}}`: true, `{`: false, ``: false, `{"gates":{"A07":"","A07":"1.4.0"}}`: false} {
			out, err := s.in(dir, "publish", "assign", s.write("assign.json", text))
			if (err == nil) != want || want && !strings.Contains(out, "the nation's repository is not here") {
				t.Errorf("%s: %s: %v; want taken %v\n%s", dir, text, err, want, out)
			}
		}
	}
	if _, err := os.Stat(s.path("nation/public")); err == nil {
		t.Error("a repository was made beside the station's")
	}
}
