package control

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A person finds each cause in one row, and can count to it.
func TestEachCauseBlinksOnce(t *testing.T) {
	rows := map[string]int{}
	for i, b := range Blinks() {
		if b.Times != i+1 || b.Times > 8 || b.What == "" || !strings.HasSuffix(b.Do, ".") {
			t.Errorf("row %d: %+v; want %d blinks, at most 8, what is wrong, and a sentence", i, b, i+1)
		}
		for _, id := range b.Causes {
			if rows[id]++; rows[id] > 1 {
				t.Errorf("%s is in two rows", id)
			}
			if _, ok := MeaningOf(id); !ok {
				t.Errorf("%s: no such cause", id)
			}
		}
	}
	// What is seen only where railgated does not run, or what is no matter of one place, has the last row.
	rest := []string{ConfigUnreadable, ConfigInvalid, UnitMissing, UserMissing, UserNotInGroup, DaemonStopped, DaemonFailed, DaemonSilent, DaemonStarts, MayNotAsk, LaneHung, ControlSocket, HTTPPortTaken, OutputsUnknown, BootloaderOld, KernelNoTryboot, LogLinesDropped}
	for _, m := range Meanings() {
		if rows[m.Cause] == 0 && !slices.Contains(rest, m.Cause) && !strings.HasPrefix(m.Cause, "update_") {
			t.Errorf("%s is in no row of the service light; give it one in blinks.go, or name it here", m.Cause)
		}
	}
}

func TestTheLightBlinksForTheWorst(t *testing.T) {
	low, clock, scanner := NewCause(DiskLow, "seen"), NewCause(ClockNotSynchronised, "seen"), NewCause(ScannerDown, "seen")
	scanner.Severity = Degraded
	for _, tt := range []struct {
		causes []Cause
		want   string
	}{
		{nil, "on: nothing is wrong"},
		{[]Cause{scanner}, "1 blink: a scanner"},
		{[]Cause{low, scanner}, "5 blinks: the disk, or what is kept on it"},
		{[]Cause{low, scanner, clock}, "3 blinks: the clock"},
		{[]Cause{{Cause: "of_a_newer_version", Severity: OutOfService}}, "8 blinks: something else"},
	} {
		if b := BlinkFor(tt.causes); b.Words() != tt.want {
			t.Errorf("%v: %q; want %q", tt.causes, b.Words(), tt.want)
		}
	}
}

func TestTheManualHasTheServiceLight(t *testing.T) {
	text, err := os.ReadFile("../../docs/technician.md")
	if err != nil || !strings.Contains(string(text), BlinkTable()) {
		t.Errorf("docs/technician.md does not have this table (%v):\n%s", err, BlinkTable())
	}
}
