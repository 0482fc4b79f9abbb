package main

import (
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
)

func TestStatusTellsOfTheBus(t *testing.T) {
	for _, tt := range []struct {
		bus  *control.Bus
		want string
	}{
		{nil, ""},
		{&control.Bus{Unsent: 7}, "not connected 7 records unsent, receipt up to 0"},
		{&control.Bus{Connected: true, Receipt: 12}, "connected, out of touch 0 records unsent, receipt up to 12"},
		{&control.Bus{Connected: true, InTouch: true, Time: time.Unix(1, 0), TimeAge: 61.4}, "in touch 0 records unsent, receipt up to 0; the time told 1m1s ago"},
	} {
		var out strings.Builder
		if err := printStatus(&out, &control.Status{Bus: tt.bus}); err != nil {
			t.Fatal(err)
		}
		var got string
		for line := range strings.Lines(out.String()) {
			if rest, ok := strings.CutPrefix(line, "bus "); ok {
				got = strings.Join(strings.Fields(rest), " ")
			}
		}
		if got != tt.want {
			t.Errorf("%+v: %q; want %q", tt.bus, got, tt.want)
		}
	}
}

func TestStatusTellsOfRepositories(t *testing.T) {
	var out strings.Builder
	s := &control.Status{
		Sync: &control.Sync{State: "stale", Last: time.Now().Add(-2 * time.Hour), Station: &control.StationSync{State: "fresh", Policy: 4, Release: "1.2"}},
	}
	if err := printStatus(&out, s); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"sync stale nation reached 2h0m0s ago; station fresh, never reached, policy 4, release 1.2",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nwant %q in it", &out, want)
		}
	}
}
