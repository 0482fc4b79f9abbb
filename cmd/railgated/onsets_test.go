package main

import (
	"testing"
	"time"

	"railgate/cmd/control"
)

// A cause keeps its beginning while its words change, over a clock that is set, and loses
// it when it is gone.
func TestACauseSaysSinceWhen(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var o onsets
	tell := func(up time.Duration, at time.Time, trusted bool, causes ...control.Cause) []control.Cause {
		s := &control.Status{Clock: control.Clock{Time: at, Trusted: trusted}, Causes: causes}
		o.fill(s, up)
		return s.Causes
	}
	slow, front := control.Cause{Cause: control.DiskSlow, Why: "1 s"}, control.Cause{Cause: control.ScannerDown, About: "front"}
	tell(100*time.Second, noon, true, slow)
	for _, tt := range []struct {
		name    string
		up      time.Duration
		at      time.Time
		trusted bool
		causes  []control.Cause
		want    []time.Time
	}{
		{"other words", 160 * time.Second, noon.Add(60 * time.Second), true, []control.Cause{{Cause: control.DiskSlow, Why: "2 s"}}, []time.Time{noon}},
		{"half a second of drift", 161 * time.Second, noon.Add(61500 * time.Millisecond), true, []control.Cause{slow}, []time.Time{noon}},
		{"a second one", 190 * time.Second, noon.Add(90 * time.Second), true, []control.Cause{front, slow}, []time.Time{noon.Add(90 * time.Second), noon}},
		{"another scanner", 200 * time.Second, noon.Add(100 * time.Second), true,
			[]control.Cause{{Cause: control.ScannerDown, About: "back"}, front}, []time.Time{noon.Add(100 * time.Second), noon.Add(90 * time.Second)}},
		{"the disk was well meanwhile", 300 * time.Second, noon.Add(200 * time.Second), true, []control.Cause{slow, front}, []time.Time{noon.Add(200 * time.Second), noon.Add(90 * time.Second)}},
		{"an hour ahead, not trusted", 310 * time.Second, noon.Add(time.Hour + 210*time.Second), false, []control.Cause{front}, []time.Time{noon.Add(time.Hour + 90*time.Second)}},
		{"right again", 320 * time.Second, noon.Add(220 * time.Second), true, []control.Cause{front}, []time.Time{noon.Add(90 * time.Second)}},
	} {
		got := tell(tt.up, tt.at, tt.trusted, tt.causes...)
		for i, c := range got {
			if !c.Since.Equal(tt.want[i]) || c.Unsure == tt.trusted {
				t.Errorf("%s: %s %s since %v, unsure %v; want %v, %v", tt.name, c.Cause, c.About, c.Since, c.Unsure, tt.want[i], !tt.trusted)
			}
		}
	}
}

// A device says itself since when it does not work, and the gate takes its word.
func TestADevicesCauseIsAsOldAsItsFault(t *testing.T) {
	var o onsets
	now := time.Now()
	s := &control.Status{Clock: control.Clock{Time: now, Trusted: true}, Causes: []control.Cause{{Cause: control.ScannerDown, About: "front", Since: now.Add(-time.Minute)}}}
	o.fill(s, time.Hour)
	if got := s.Causes[0].Since; got.Sub(now.Add(-time.Minute)).Abs() > 2*time.Second {
		t.Errorf("since %v; want a minute before %v", got, now)
	}
}
