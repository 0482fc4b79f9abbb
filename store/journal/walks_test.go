package journal

import "testing"

// Paper: once it has passed in a role it is denied there until it has passed in the other.
func TestWalksGoThereAndBack(t *testing.T) {
	granted := func(entry, exit uint32) [Check]uint32 { return [Check]uint32{Entry: entry, Exit: exit} }
	for _, tt := range []struct {
		name            string
		granted, passed [Check]uint32
		entry, exit     bool // it is used there
	}{
		{"nobody walked", granted(0, 0), granted(0, 0), false, false},
		{"it went in", granted(1, 0), granted(1, 0), true, false},
		{"it was let in, and nobody knows more", granted(1, 0), granted(0, 0), true, false},
		{"it came out", granted(1, 2), granted(1, 2), false, true},
		{"it was let out, and nobody knows more", granted(1, 2), granted(1, 0), true, true},
		{"it went in again", granted(3, 2), granted(3, 2), true, false},
		{"it went in and out in the same instant, at gates that did not know", granted(1, 1), granted(1, 1), true, true},
		{"it came out first", granted(0, 1), granted(0, 1), false, true},
	} {
		w := Walks{tt.granted, tt.passed}
		if w.Used(Entry) != tt.entry || w.Used(Exit) != tt.exit || w.Used(Check) || w.Used(AnyRole) {
			t.Errorf("%s: used at the entry %v, at the exit %v, at a check %v; want %v, %v and never", tt.name, w.Used(Entry), w.Used(Exit), w.Used(Check), tt.entry, tt.exit)
		}
	}
}

func TestWalksOfTwoGates(t *testing.T) {
	a := Walks{[Check]uint32{Entry: 3, Exit: 2}, [Check]uint32{Entry: 1, Exit: 2}}
	b := Walks{[Check]uint32{Entry: 1, Exit: 4}, [Check]uint32{Entry: 3}}
	want := Walks{[Check]uint32{Entry: 3, Exit: 4}, [Check]uint32{Entry: 3, Exit: 2}}
	if got := a.With(b); got != want || b.With(a) != want {
		t.Errorf("%+v; want %+v, whoever is asked first", got, want)
	}
	if a.Latest() != 3 || b.Latest() != 4 || (Walks{}).Latest() != 0 || (Walks{Passed: [Check]uint32{Exit: 7}}).Latest() != 7 {
		t.Errorf("latest %d, %d; want 3 and 4", a.Latest(), b.Latest())
	}
}
