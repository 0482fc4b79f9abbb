package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A bench's clock is as far ahead as its file says, and right without one.
func TestABenchsClock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "time")
	for _, tt := range []struct {
		text string
		want time.Duration
	}{{"", 0}, {"26h0m0s\n", 26 * time.Hour}, {"garbage", 0}} {
		if tt.text != "" {
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := ahead(path); got != tt.want {
			t.Errorf("%q: %v; want %v", tt.text, got, tt.want)
		}
	}
	o := newOffice(t)
	o.write("time", "48h")
	if out := o.must("timestamp", "--clock-file", o.path("time")); out == "" {
		t.Error("no answer")
	}
	if got, want := o.must("show", "--json"), o.now.Add(48*time.Hour); !strings.Contains(got, want.AddDate(0, 0, 3).Format(time.RFC3339)) {
		t.Errorf("show = %s; want a timestamp of 48 hours ahead", got)
	}
}
