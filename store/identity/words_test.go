package identity

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func someLines(t testing.TB) (Public, []string) {
	t.Helper()
	p := FromSeed([seedSize]byte{3}).Public("", "")
	lines, err := p.Lines()
	if err != nil {
		t.Fatal(err)
	}
	return p, lines
}

func TestLinesThatAreReadOutAreTheKeys(t *testing.T) {
	want, lines := someLines(t)
	if len(lines) != lineCount || len(lines[0]) != 19 {
		t.Fatalf("%d lines such as %q; want %d of four groups", len(lines), lines[0], lineCount)
	}
	text := strings.Join(lines, "\n")
	typed := strings.NewReplacer("1", "l", "0", "o").Replace(strings.ToLower(text))
	for _, form := range []string{text, typed, strings.ReplaceAll(text, " ", "-"), strings.Join(strings.Fields(text), "")} {
		got, err := ParsePublic([]byte(form))
		if err != nil || got.Named() || !bytes.Equal(got.Journal, want.Journal) || got.Bus != want.Bus || !bytes.Equal(got.Provisioning, want.Provisioning) {
			t.Errorf("%s is read as %+v, %v; want %+v", form, got, err, want)
		}
	}
}

// A slip is found, and on its line: each character changed to each other, neighbours exchanged.
func TestASlipIsFoundOnItsLine(t *testing.T) {
	_, lines := someLines(t)
	missed, tried := 0, 0
	try := func(n int, changed string) {
		all := append([]string{}, lines...)
		all[n] = changed
		tried++
		_, err := ParseLines(strings.Join(all, "\n"))
		if err == nil {
			t.Fatalf("line %d as %q is taken for %q", n+1, changed, lines[n])
		}
		if !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d ", n+1)) {
			missed++ // the check of the whole has found it
		}
	}
	for n, line := range lines {
		for i := range line {
			for _, c := range crockford {
				if line[i] != ' ' && rune(line[i]) != c {
					try(n, line[:i]+string(c)+line[i+1:])
				}
			}
			if i > 0 && line[i] != line[i-1] && line[i] != ' ' && line[i-1] != ' ' {
				try(n, line[:i-1]+string(line[i])+string(line[i-1])+line[i+1:])
			}
		}
	}
	if missed*50 > tried {
		t.Errorf("of %d slips %d are not named by their line; want one in 256", tried, missed)
	}
}

func TestLinesThatAreNotWhole(t *testing.T) {
	_, lines := someLines(t)
	text := strings.Join(lines, "\n")
	swapped := append([]string{}, lines...)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	other, err := FromSeed([seedSize]byte{4}).Public("", "").Lines()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, words string }{
		{"nothing", "", "line 1 ends early"},
		{"a line is missing", strings.Join(lines[:lineCount-1], "\n"), "line 11 ends early"},
		{"a character too many", text + "7", "more after line 11"},
		{"another alphabet", "U" + text, "line 1: 'U'"},
		{"two lines exchanged", strings.Join(swapped, "\n"), "line 3 "},
		{"a line of another gate", strings.Join(append(append([]string{}, lines[:10]...), other[10]), "\n"), "not of one gate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p, err := ParseLines(tt.text); err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("ParseLines = %+v, %v; want %q", p, err, tt.words)
			}
		})
	}
}

func FuzzParseLines(f *testing.F) {
	_, lines := someLines(f)
	f.Add(strings.Join(lines, "\n"))
	f.Add(strings.ToLower(strings.Join(lines, "")))
	f.Add("-")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseLines(text)
		if err != nil {
			return
		}
		again, err := p.Lines()
		if err != nil {
			t.Fatalf("%+v is taken and has no lines: %v", p, err)
		}
		if q, err := ParseLines(strings.Join(again, "\n")); err != nil || q.Bus != p.Bus {
			t.Errorf("%q is read as %+v, which is written and read as %+v (%v)", text, p, q, err)
		}
	})
}
