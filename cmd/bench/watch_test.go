package main

import (
	"strings"
	"testing"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// A decision is the announced passenger's, however late the bench comes to either.
func TestADecisionIsTheAnnouncedPassengers(t *testing.T) {
	announced := make(chan passenger, 4)
	var out strings.Builder
	s := newScreen(&out, func(line) {})
	for _, p := range []passenger{{"one whom nobody read", "serial", "ok"}, {"a forged code", "serial", "bad_signature"}} {
		announced <- p
	}
	s.expect(announced)
	decides := func() {
		s.see(&control.Event{Record: &journal.Record{Decision: journal.Denied, Reason: "bad_signature", Scanner: "serial"}})
		s.see(&control.Event{Show: &control.Show{Seconds: 3}})
	}
	decides()
	if got := out.String(); !strings.Contains(got, "a forged code") || strings.Contains(got, "expected") {
		t.Errorf("%q; want the passenger who was announced last", got)
	}
	out.Reset()
	close(announced)
	s.expect(announced)
	decides()
	if got := out.String(); !strings.Contains(got, "held from the page") {
		t.Errorf("%q; want a phone of the page's, once nobody is announced", got)
	}
}
