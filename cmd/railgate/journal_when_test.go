package main

import (
	"strings"
	"testing"
	"time"

	"railgate/verify/lane"
)

// noon is a time in China: 2026-11-23 12:00:00.
var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func TestParseWhen(t *testing.T) {
	for text, want := range map[string]string{
		"now": "2026-11-23 12:00:00", "today": "2026-11-23 00:00:00", "Yesterday": "2026-11-22 00:00:00", "tomorrow": "2026-11-24 00:00:00",
		"2026-11-23 04:05:06": "2026-11-23 04:05:06", "2026-11-23T04:05": "2026-11-23 04:05:00", " 2026-11-23 ": "2026-11-23 00:00:00",
		"04:05": "2026-11-23 04:05:00", "04:05:06": "2026-11-23 04:05:06",
		"2026-11-23T04:05:06Z": "2026-11-23 12:05:06", "2026-11-23T04:05:06+01:00": "2026-11-23 11:05:06", "2026-11-23 04:05:06.5+08": "2026-11-23 04:05:06.5",
		"-1h": "2026-11-23 11:00:00", "1h": "2026-11-23 11:00:00", "1h ago": "2026-11-23 11:00:00", "+90 min": "2026-11-23 13:30:00",
		"1h30m": "2026-11-23 10:30:00", "2 days 3 hours ago": "2026-11-21 09:00:00", "10s": "2026-11-23 11:59:50", "1 Week": "2026-11-16 12:00:00", "@0": "1970-01-01 08:00:00",
	} {
		got, err := parseWhen(text, noon, lane.Shanghai)
		if err != nil || got.Format("2006-01-02 15:04:05.999") != want {
			t.Errorf("parseWhen(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestParseWhenRefuses(t *testing.T) {
	for _, text := range []string{"", "-", "1", "-1", "1x", "ago", "+1h ago", "25:00", "2026-13-01", "2026-11-23 04", "@", "@-1", "@99999999999999", "1h1", "99999 days", "9999999999999999999s", "1h\n2h"} {
		if got, err := parseWhen(text, noon, lane.Shanghai); err == nil || !strings.Contains(err.Error(), "want one such as") {
			t.Errorf("parseWhen(%q) = %v, %v; want an error with an example", text, got, err)
		}
	}
}

// What a journal prints as a time is read as that time.
func TestWhatTheJournalPrintsIsATime(t *testing.T) {
	at := noon.Add(1234 * time.Millisecond)
	for _, zone := range []*time.Location{lane.Shanghai, time.UTC} {
		r := record(1, at)
		text := strings.Join(strings.Fields(recordLine(&r, zone))[1:3], " ")
		if got, err := parseWhen(text, noon, time.UTC); err != nil || !got.Equal(at) {
			t.Errorf("parseWhen(%q) = %v, %v; want %v", text, got, err, at)
		}
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, text := range []string{"now", "-1h", "2 days ago", "2026-11-23 04:05:06.5+08", "@0", "04:05", "1h 30m ago", "+1w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseWhen(text, noon, lane.Shanghai)
		if err != nil {
			return
		}
		if again, err := parseWhen(at.Format(time.RFC3339Nano), noon, lane.Shanghai); err == nil && !again.Equal(at) {
			t.Errorf("%q is %v, which is read as %v", text, at, again)
		}
		if span := at.Sub(noon).Abs(); strings.Contains(text, "ago") && span > 101*366*24*time.Hour {
			t.Errorf("%q is %v from now", text, span)
		}
	})
}
