package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// editWith runs config edit with an editor that is a shell script; $1 is the file, and $n the number of the turn.
func (s *site) editWith(answers, script string) (status int, out, errOut string) {
	s.t.Helper()
	s.write("turns", "")
	s.write("editor", "#!/bin/sh\necho >> "+s.path("turns")+"\nn=$(wc -l < "+s.path("turns")+")\n"+script+"\n")
	if err := os.Chmod(s.path("editor"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.t.Setenv("VISUAL", "")
	s.t.Setenv("EDITOR", s.path("editor")+" --wait-not") // with an argument, as some have
	s.write("editor", strings.Replace(s.read("editor"), "#!/bin/sh\n", "#!/bin/sh\n[ \"$1\" = --wait-not ] || exit 9\nshift\n", 1))
	s.t.Setenv("TMPDIR", s.dir)
	return tool(s.t, answers, "config", "edit", "--config", s.path("gate.toml"))
}

func (s *site) copies() []string {
	left, _ := filepath.Glob(s.path("railgate-edit-*/*"))
	return left
}

func TestConfigEdit(t *testing.T) {
	s := newSite(t, ownWords)
	old := s.read("gate.toml")
	status, out, errOut := s.editWith("", `sed -i 's/until the works end/for good/; s/"entry"/"exit"/' "$1"`)
	if status != 0 || errOut != "" || !strings.Contains(out, `lane.direction: "entry" → "exit"`) {
		t.Errorf("status %d, %q, %q; want what was changed", status, out, errOut)
	}
	if got := s.read("gate.toml"); !strings.Contains(got, "\"exit\"   # for good") || s.read("gate.toml.old") != old || len(s.copies()) != 0 {
		t.Errorf("%s; want the new text, the old one beside it, and no copy (%v)", got, s.copies())
	}
	if status, out, _ := s.editWith("", `sed -i 's/for good/for ever/' "$1"`); status != 0 || !strings.Contains(out, "no restart is needed") || !strings.Contains(s.read("gate.toml"), "for ever") {
		t.Errorf("status %d, %q; want a comment written, and no restart", status, out)
	}
	if status, out, _ := s.editWith("", ":"); status != 0 || !strings.Contains(out, "nothing was changed") || len(s.copies()) != 0 {
		t.Errorf("status %d, %q; want nothing changed", status, out)
	}
}

// A wrong text is shown with line and column, and edited again until it is right.
func TestConfigEditOfAWrongText(t *testing.T) {
	s := newSite(t)
	lines := strings.Count(s.read("gate.toml"), "\n")
	status, out, errOut := s.editWith("\ny\n", `case $n in
1) printf '[lane]\n  passback = "sotf"\n' >> "$1";;
2) sed -i 's/"sotf"/soft/' "$1";;
3) sed -i 's/soft/"soft"/' "$1";;
esac`)
	if status != 0 || strings.Count(out, "Edit again?") != 2 || !strings.Contains(s.read("gate.toml"), `passback = "soft"`) {
		t.Fatalf("status %d, %q, %q; want it right at the third turn", status, out, errOut)
	}
	want := "line " + string(rune('0'+(lines+2)/10)) + string(rune('0'+(lines+2)%10))
	if !strings.Contains(errOut, want+`, column 14: lane.passback: "sotf" is not known; is it soft?`) || !strings.Contains(errOut, "\n      passback = \"sotf\"\n                 ^\n") {
		t.Errorf("%s; want %s, column 14, and a mark below the value", errOut, want)
	}
	if !strings.Contains(errOut, want+", column 14: lane.passback: ") || strings.Count(errOut, "^") != 2 {
		t.Errorf("%s; want the place where it is not TOML, too", errOut)
	}
}

// What was given up, or cannot be written, changes nothing, and is not lost.
func TestConfigEditThatIsGivenUp(t *testing.T) {
	for name, tt := range map[string]struct{ answers, script, words string }{
		"no":                 {"n\n", `echo nonsense >> "$1"`, "as it was"},
		"nobody answers":     {"", `echo nonsense >> "$1"`, "as it was"},
		"an editor's error":  {"", `echo '# half' >> "$1"; exit 1`, "exit status 1"},
		"a file taken away":  {"", `rm "$1"`, "no such file"},
		"a text without end": {"", `head -c 100000 /dev/zero > "$1"`, "at most"},
		"somebody else's":    {"", `echo '# mine' >> "$1"; echo '# theirs' >> "$(dirname "$1")/../gate.toml"`, "changed meanwhile"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			old := s.read("gate.toml")
			status, out, errOut := s.editWith(tt.answers, tt.script)
			if status != exitFailed || !strings.Contains(errOut, tt.words) {
				t.Errorf("status %d, %q, %q; want %q", status, out, errOut, tt.words)
			}
			if got := strings.TrimSuffix(s.read("gate.toml"), "# theirs\n"); got != old {
				t.Errorf("%q; want the file as it was", got)
			}
			if _, err := os.Stat(s.path("gate.toml.old")); err == nil {
				t.Error("an old file is kept, and nothing was written")
			}
			if name == "a file taken away" && strings.Contains(errOut, "is kept") {
				t.Errorf("%q; there is nothing that is kept", errOut)
			}
			for _, left := range s.copies() {
				if !strings.Contains(errOut, left) {
					t.Errorf("%q does not say where the copy is: %s", errOut, left)
				}
			}
			if name == "no" && len(s.copies()) != 1 {
				t.Error("what was written is lost")
			}
		})
	}
}

func TestConfigEditWithoutAnEditor(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"VISUAL", "EDITOR"} {
		t.Setenv(name, "")
	}
	t.Setenv("PATH", s.path("data"))
	if status, _, errOut := s.tool("config", "edit"); status != exitFailed || !strings.Contains(errOut, "railgate config set") {
		t.Errorf("status %d, %q; want another way", status, errOut)
	}
}
