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
