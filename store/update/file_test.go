package update

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestWhatIsRecordedIsReadBack(t *testing.T) {
	dir := t.TempDir()
	if s, err := Load(dir); err != nil || !reflect.DeepEqual(s, State{}) {
		t.Errorf("nothing recorded: %+v, %v", s, err)
	}
	mark := func() bool { _, err := os.Stat(filepath.Join(dir, MarkName)); return err == nil }
	s := factory
	for _, step := range []struct {
		e    Event
		mark bool
	}{{ask("1.5.0"), false}, {Wrote{}, true}, {MayRestart{}, true}, {newRuns, true}, {Overdue{"x"}, false}, {oldRuns, false}} {
		s = after(t, s, step.e)
		if err := Save(dir, s); err != nil {
			t.Fatal(err)
		}
		got, err := Load(dir)
		if err != nil || !reflect.DeepEqual(got, s) || mark() != step.mark {
			t.Errorf("after %T: %+v, %v, mark %v; want %+v, mark %v", step.e, got, err, mark(), s, step.mark)
		}
	}
}

// The mark says in which slot the release is: the unit that goes by it restarts no other.
func TestTheMarkNamesTheSlot(t *testing.T) {
	dir := t.TempDir()
	if err := Save(dir, after(t, factory, ask("1.5.0"), Wrote{})); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, MarkName)); err != nil || string(text) != "1.5.0\nslot=B\n" {
		t.Errorf("%q, %v; want the release and its slot", text, err)
	}
}

// The restart of the unit that finds the tool broken takes the mark away: it must not come back.
func TestATakenMarkStaysAway(t *testing.T) {
	dir := t.TempDir()
	s := after(t, factory, ask("1.5.0"), Wrote{}, MayRestart{})
	if err := Save(dir, s); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, MarkName))
	if err := Save(dir, after(t, s, newRuns)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, MarkName)); err == nil {
		t.Error("the mark came back")
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{`{}`, `{"trial":{"slot":"B","phase":"running"}}`, `{"trial":{}}`, `[]`, `{"floor":"1.4"`, "\x00\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, StateName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load(dir)
		if err != nil {
			return
		}
		for _, e := range []Event{Started{"A", "1"}, Wrote{}, MayRestart{}, Proved{}, Kept{}, Overdue{}} {
			Step(s, e) // must not panic
		}
	})
}
