package main

import (
	"slices"
	"testing"

	"railgate/cmd/control"
	"railgate/store/link"
)

// Each thing that is wrong with the bus has its own cause, for each has its own remedy.
func TestCausesOfTheBus(t *testing.T) {
	errs := func(part string, err error) map[string]string { return map[string]string{part: err.Error()} }
	for _, tt := range []struct {
		name string
		bus  link.Status
		want []string
	}{
		{"in touch", link.Status{Servers: 1, Connected: true, InTouch: true}, nil},
		{"not reached", link.Status{Servers: 1}, []string{control.BusUnreachable}},
		{"another key", link.Status{Servers: 1, Errors: errs("bus", link.ErrPin)}, []string{control.BusWrongKey}},
		{"not enrolled", link.Status{Servers: 1, Errors: errs("bus", link.ErrNotEnrolled)}, []string{control.GateNotEnrolled}},
		{"no heartbeat", link.Status{Servers: 1, Connected: true}, []string{control.OutOfTouch}},
		{"refused", link.Status{Servers: 1, Connected: true, InTouch: true, Refused: "a gap"}, []string{control.JournalRefused}},
		{"a part", link.Status{Servers: 1, Connected: true, InTouch: true, Errors: errs("claims", link.ErrPin)}, []string{control.BusIncomplete}},
	} {
		s := &control.Status{Bus: &control.Bus{}}
		addBusCauses(s, tt.bus)
		if got := causes(s); !slices.Equal(got, tt.want) {
			t.Errorf("%s: causes %v; want %v", tt.name, got, tt.want)
		}
	}
}
