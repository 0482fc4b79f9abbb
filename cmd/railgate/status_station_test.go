package main

import (
	"strings"
	"testing"

	"railgate/cmd/control"
)

// What the gate has of its station is in the status, and nothing where there is none.
func TestStatusTellsOfTheStation(t *testing.T) {
	s := &control.Status{Sync: &control.Sync{State: "fresh", Version: 3, Station: &control.StationSync{State: "stale", Version: 9, Policy: 8, Release: "1.4.0"}},
		Tickets: &control.Tickets{Needed: true, Days: []control.TicketDay{{Day: 20261129, Tickets: 1_000_000, Added: 3, Back: 1}}, Loading: 20261130}}
	var out strings.Builder
	printStation(&out, s)
	for _, want := range []string{"nation\tfresh, version 3\tnever reached", "station\tstale, version 9", "policy: version 8; release: 1.4.0", "asked for\t20261129: 1000000 and 3 sold since and 1 taken back, 20261130 is loading"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s; want %q", &out, want)
		}
	}
	out.Reset()
	if printStation(&out, &control.Status{}); out.Len() > 0 {
		t.Errorf("%s; want nothing without a station", &out)
	}
}
