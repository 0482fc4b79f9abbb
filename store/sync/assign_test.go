package sync

import (
	"errors"
	"testing"
)

func TestAnAssignmentNamesReleasesOfTheNation(t *testing.T) {
	listed := []string{"keys.json", "release/1.4.0/arm64.raucb", "stations/GZQ/root.json"}
	for text, want := range map[string]bool{
		`{}`: true, `{"default":"1.4.0"}`: true, `{"gates":{"A07":"1.4.0","B":""}}`: true,
		`{"default":"1.4"}`: false, `{"gates":{"A07":"1.5.0"}}`: false, `{"default":"1.4.0/arm64.raucb"}`: false,
		`{"default":".."}`: false, `{"other":1}`: false, `[]`: false, ``: false, `{"default":"1.4.0"`: false, `{}{}`: false,
		`{"gates":{"A07":"1.4.0","A08":"","A07":""}}`: false, `{"default":"1.4.0","gates":{},"default":""}`: false,
	} {
		if _, err := ParseAssignment([]byte(text), listed); (err == nil) != want {
			t.Errorf("%s: %v; want taken %v", text, err, want)
		}
	}
	if _, err := ParseAssignment([]byte(`{"default":"1.4.0"}`), nil); !errors.Is(err, ErrNotReleased) {
		t.Errorf("with nothing of the nation: %v", err)
	}
	if a, err := ParseAssignment(nil, nil); err != nil || a.Default != "" {
		t.Errorf("no file: %v, %v", a, err)
	}
}

func FuzzParseAssignment(f *testing.F) {
	for _, text := range []string{`{}`, `{"default":"1.4.0"}`, `{"gates":{"A07":"1.4.0"}}`, `null`, `{"default":"../1"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAssignment(data, []string{"release/1.4.0/arm64.raucb"})
		for _, version := range a.Gates {
			if err == nil && version != "" && version != "1.4.0" {
				t.Errorf("release %q is taken", version)
			}
		}
	})
}
