package main

import "testing"

// What became of a release at a gate is a line of station gates, and its trouble where it went back.
func TestAGateTellsWhatBecameOfARelease(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ update, release, trouble string }{
		{"", "railgated 1.4", ""},
		{"1.5.0 is staged", "railgated 1.4; 1.5.0 is staged", ""},
		{"1.5.0 failed: railgated does not answer", "railgated 1.4", "release 1.5.0 failed: railgated does not answer"},
	} {
		v := &gateView{Release: "railgated 1.4", Update: tt.update}
		if got := v.release(); got != tt.release || v.trouble() != tt.trouble {
			t.Errorf("%q: %q, trouble %q; want %q, %q", tt.update, got, v.trouble(), tt.release, tt.trouble)
		}
	}
}
