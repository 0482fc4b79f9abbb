package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/store/journal"
)

// The screen's diagnosis says what hands do, the worst first, and names nobody.
func TestDiagnosis(t *testing.T) {
	at := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	scanner := control.NewCause(control.ScannerMissing, "scanner front: no such file")
	scanner.About = "front"
	s := &control.Status{
		Health: control.OutOfService, Zone: "Asia/Shanghai", Version: "1.2.3", Causes: []control.Cause{control.NewCause(control.DiskLow, "12 MiB"), scanner, control.NewCause(control.DataMissing, "gone")},
		Devices: []control.Device{{Kind: "scanner", Name: "front", Error: "no such file"}, {Kind: "turnstile", Name: "A07", Up: true, Lines: []control.Line{{Name: "open"}, {Name: "emergency", Active: true}}}},
		Clock:   control.Clock{Time: at, Source: "station", Trusted: true},
		Keyset:  control.Keyset{Loaded: true, Version: 41, Since: at.Add(-90 * time.Minute), Expires: at.Add(48 * time.Hour)},
		Bus:     &control.Bus{InTouch: true, Unsent: 3},
		History: control.History{Recent: []journal.Record{{Holder: "hhhhhhhh", Detail: "by somebody"}}},
	}
	d := diagnose(s, []string{"10.1.2.3/24"})
	var causes []string
	for _, c := range d.Causes {
		causes = append(causes, c.Cause+": "+c.What)
		if c.Do == "" {
			t.Errorf("%s: nothing to do", c.Cause)
		}
	}
	if want := []string{"scanner_missing: front: a scanner's device is missing", "data_missing: the data folder is missing", "disk_low: the disk is nearly full"}; !slices.Equal(causes, want) {
		t.Errorf("causes %q; want %q", causes, want)
	}
	for name, want := range map[string]string{
		"scanner front": "does not work: no such file", "turnstile A07": "works, fire loop active", "clock": "2026-11-23 12:00:00 +08:00, station",
		"keys": "version 41, read 1h30m0s ago, the last ends 2026-11-25", "station": "in touch, 3 records unsent", "network": "10.1.2.3/24", "version": "1.2.3",
	} {
		if !slices.Contains(d.Facts, [2]string{name, want}) {
			t.Errorf("facts %q lack %s: %s", d.Facts, name, want)
		}
	}
	text, err := json.Marshal(d)
	if err != nil || strings.Contains(string(text), "somebody") || strings.Contains(string(text), "68686868") {
		t.Errorf("%s, %v; want nobody in it", text, err)
	}
}
