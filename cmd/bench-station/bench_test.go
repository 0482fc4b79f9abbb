package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// A small station for a few seconds: every number is there, and no record is without a receipt.
func TestASmallStationIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs programs")
	}
	programs := t.TempDir()
	build := exec.Command("go", "build", "-o", programs+"/", "railgate/cmd/station", "railgate/cmd/railgated")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := newRoot()
	var out, progress bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&progress)
	root.SetArgs([]string{"--programs", programs, "--gates", "3", "--rate", "120", "--for", "2s", "--cut", "1s", "--json", "--dir", t.TempDir()})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	var r Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if r.Passages == 0 || r.Known.Of == 0 || r.Known.P50 <= 0 || r.Known.P99 < r.Known.P50 || r.Station.Resident == 0 || r.Railgated.Resident == 0 ||
		r.Loopback == 0 || r.CutRecords == 0 || r.Touch <= 0 || r.Receipts < r.Touch || r.Poll.Kept == 0 || r.Poll.New <= r.Poll.Kept || r.Missing != 0 {
		t.Errorf("%+v\n%s", r, &progress)
	}
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--gates", "1"}, "two gates"},
		{[]string{"--rate", "0"}, "a passage a minute"},
		{[]string{"--programs", "/nowhere"}, "make build"},
	} {
		root := newRoot()
		root.SetArgs(tt.args)
		if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v; want an error with %q", tt.args, err, tt.want)
		}
	}
}
