package configs

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The manual has every key that the checker reads, below its section, with what it is for, what it may be and
// what it is by default, as the checker has them.
func TestTheManualHasEveryKey(t *testing.T) {
	page := string(Manual("1.0", time.Unix(0, 0)))
	_, sections := readReference(string(Reference))
	told := map[string]entry{}
	for _, s := range sections {
		if s.name != "" && s.text == "" {
			t.Errorf("the reference does not say what [%s] is for", s.name)
		}
		for _, e := range s.entries {
			told[strings.TrimPrefix(s.name+"."+e.key, ".")] = e
		}
	}
	kinds := referenceKinds()
	if len(kinds) < 40 {
		t.Fatalf("%d keys; want all of them", len(kinds))
	}
	for name, k := range kinds {
		e, ok := told[name]
		if !ok || e.text == "" || k.want == "" {
			t.Errorf("%s: %q, of kind %q; want a line of the reference with a comment, and a kind", name, e.text, k.want)
			continue
		}
		entry := ".TP\n.B " + roff(e.key+" = "+e.value) + "\n" + roff(sentence(e.text)) + "\n" + roff(k.sentence()) + "\n"
		if !strings.Contains(page, entry) {
			t.Errorf("%s: the manual does not have\n%s", name, entry)
		}
	}
	for name := range told {
		if _, ok := kinds[name]; !ok {
			t.Errorf("the manual has %s, which the checker does not read", name)
		}
	}
}

// Its words are the checker's: a limit that moves moves in both.
func TestTheManualSaysWhatTheCheckerTakes(t *testing.T) {
	page := string(Manual("1.0", time.Unix(0, 0)))
	for name, want := range map[string]string{
		"a duration":        roff(`Duration, ` + pulse.want() + `. Default: "300ms".`),
		"a whole number":    roff("Whole number, " + baud.bounds() + ". Default: 115200."),
		"a word":            roff(`"entry", "exit" or "check". Default: "entry".`),
		"a list":            roff(`List of some of "zh", "en". Default: ["zh", "en"].`),
		"a flag":            roff("True or false. Default: true."),
		"a text":            roff(`Text of up to 8 characters that no code has. Default: "\r".`),
		"an optional value": ".B " + roff(`exposure = "5ms"`),
		"a section":         ".SH [[scanner]]\n",
		"its version":       `"railgate 1.0"`,
		"its day":           `"1970-01-01"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s: the manual does not have %s", name, want)
		}
	}
}

func TestTheReferenceIsTakenApart(t *testing.T) {
	intro, sections := readReference("# Every key\n# is here.\na = \"#1\" # first\n         # and more\n\n[b] # some\n# c = 2 # optional\n[[d]]\ne = 1\n[[d]]\ne = 2 # again\nf = 3\n")
	if intro != "Every key is here." || len(sections) != 3 {
		t.Fatalf("%q, %+v; want the head, and three sections", intro, sections)
	}
	for i, want := range []section{
		{entries: []entry{{"a", `"#1"`, "first and more"}}},
		{head: "[b]", name: "b", text: "some", entries: []entry{{"c", "2", "optional"}}},
		{head: "[[d]]", name: "d", entries: []entry{{"e", "1", ""}, {"f", "3", ""}}},
	} {
		if s := sections[i]; s.head != want.head || s.name != want.name || s.text != want.text || len(s.entries) != len(want.entries) {
			t.Errorf("section %d: %+v; want %+v", i, s, want)
			continue
		}
		for j, e := range want.entries {
			if got := sections[i].entries[j]; got != e {
				t.Errorf("section %d: %+v; want %+v", i, got, e)
			}
		}
	}
}

func TestTheManualIsRoff(t *testing.T) {
	page := Manual("1.0", time.Unix(0, 0))
	for line := range bytes.Lines(page) {
		if bytes.HasPrefix(line, []byte("'")) || len(bytes.TrimSpace(line)) == 0 {
			t.Errorf("%q: want no line that is empty or that roff obeys", line)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("skipped: what groff says of it needs groff (apt install groff)")
	}
	c := exec.Command(groff, "-man", "-Tutf8", "-K", "utf8", "-ww", "-z")
	c.Stdin = bytes.NewReader(page)
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v, %s; want nothing", err, out)
	}
}
