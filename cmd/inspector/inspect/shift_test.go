package inspect

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseShift(t *testing.T) {
	const good = `{"began":5,"checks":[{"at":5,"reason":"ok","certificate":"00ff00ff00ff00ff","class":1},{"at":6,"reason":"malformed"}]}`
	s, err := ParseShift([]byte(good))
	if want := (Shift{5, []Check{{5, "ok", "00ff00ff00ff00ff", 1}, {At: 6, Reason: "malformed"}}}); err != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("ParseShift = %+v, %v; want %+v", s, err, want)
	}
	for name, text := range map[string]string{
		"nothing":                    ``,
		"cut":                        good[:len(good)-1],
		"something after it":         good + `1`,
		"another member":             `{"began":5,"names":[]}`,
		"checks and no begin":        `{"checks":[{"at":5,"reason":"ok"}]}`,
		"a begin and no checks":      `{"began":5}`,
		"no reason":                  `{"began":5,"checks":[{"at":5,"reason":""}]}`,
		"a certificate in capitals":  `{"began":5,"checks":[{"at":5,"reason":"ok","certificate":"00FF"}]}`,
		"a certificate that is none": `{"began":5,"checks":[{"at":5,"reason":"ok","certificate":"x"}]}`,
		"a certificate of 17 bytes":  `{"began":5,"checks":[{"at":5,"reason":"ok","certificate":"` + strings.Repeat("00", 17) + `"}]}`,
		"too many":                   `{"began":5,"checks":[` + strings.Repeat(`{"at":5,"reason":"ok"},`, maxChecks) + `{"at":5,"reason":"ok"}]}`,
	} {
		if s, err := ParseShift([]byte(text)); err == nil {
			t.Errorf("%s: %+v; want an error", name, s)
		}
	}
}

func FuzzParseShift(f *testing.F) {
	for _, seed := range []string{`{}`, `{"began":5,"checks":[{"at":5,"reason":"ok","certificate":"00ff","class":1}]}`, `[]`, `{"began":-1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseShift(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseShift(again); err != nil || len(got.Checks) != len(s.Checks) || got.Began != s.Began {
			t.Errorf("%s is %+v, and again %+v, %v", data, s, got, err)
		}
	})
}

func TestAShiftForgetsTheOldestFirst(t *testing.T) {
	var s Shift
	for i := range maxChecks + 3 {
		s.add(Check{At: int64(i + 1), Reason: "ok"})
	}
	if len(s.Checks) != maxChecks || s.Checks[0].At != 4 || s.Began != 1 {
		t.Errorf("%d checks from %d, begun %d; want %d from 4, begun 1", len(s.Checks), s.Checks[0].At, s.Began, maxChecks)
	}
	if _, err := ParseShift([]byte(JSON(s))); err != nil {
		t.Errorf("what was kept is not taken again: %v", err)
	}
}

func TestAShiftIsOverAfter12Hours(t *testing.T) {
	s := Shift{Began: noon.UnixMilli()}
	if s.over(noon.Add(12*time.Hour-time.Millisecond)) || !s.over(noon.Add(12*time.Hour)) || (&Shift{}).over(noon) {
		t.Error("want it over at twelve hours, and one that has not begun never")
	}
}
