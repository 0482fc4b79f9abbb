package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// absolutes are how a time may be written, by a clock on the wall of a zone.
var absolutes = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

// exacts are how a time may be written that names its zone; the second is as the journal is printed.
var exacts = []string{time.RFC3339, "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700"}

// parseWhen reads a time as journalctl does: "2026-11-23 04:00", "04:00", "yesterday", "-1h",
// "20 min ago", "@1795406400". Without a zone it is by the clock in zone; a span without a sign
// is ago.
func parseWhen(text string, now time.Time, zone *time.Location) (time.Time, error) {
	now = now.In(zone)
	y, m, d := now.Date()
	word := strings.ToLower(strings.TrimSpace(text))
	switch word {
	case "now":
		return now, nil
	case "today":
		return time.Date(y, m, d, 0, 0, 0, 0, zone), nil
	case "yesterday":
		return time.Date(y, m, d-1, 0, 0, 0, 0, zone), nil
	case "tomorrow":
		return time.Date(y, m, d+1, 0, 0, 0, 0, zone), nil
	}
	if seconds, ok := strings.CutPrefix(word, "@"); ok {
		if n, err := strconv.ParseInt(seconds, 10, 64); err == nil && n >= 0 && n < 1<<40 {
			return time.Unix(n, 0).In(zone), nil
		}
	}
	if span, err := parseSpan(word); err == nil {
		return now.Add(span), nil
	}
	if at, ok := parseAbsolute(strings.TrimSpace(text), now, zone); ok {
		return at, nil
	}
	return time.Time{}, fmt.Errorf(`%q is not a time; want one such as "2026-11-23 04:00", 04:00, yesterday, -1h or "20 min ago"`, text)
}

// parseAbsolute reads a date and a time, or one of them.
func parseAbsolute(text string, now time.Time, zone *time.Location) (time.Time, bool) {
	for _, layout := range exacts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.In(zone), true
		}
	}
	for _, layout := range absolutes {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, true
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			y, m, d := now.Date()
			return time.Date(y, m, d, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), zone), true
		}
	}
	return time.Time{}, false
}

// units are the units of a span, by their names without a plural s.
var units = map[string]time.Duration{
	"": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

var (
	spanForm = regexp.MustCompile(`^([+-]?)((?:\d+ ?[a-z]+ ?)+?)( ?ago)?$`)
	spanPart = regexp.MustCompile(`(\d+) ?([a-z]+)`)
)

var errSpan = errors.New("not a span of time")

// parseSpan reads "-1h", "+5min", "2 days ago", "1h 30m": how far from now that is. A span of
// more than a hundred years is none.
func parseSpan(word string) (time.Duration, error) {
	form := spanForm.FindStringSubmatch(word)
	if form == nil || form[1] == "+" && form[3] != "" {
		return 0, errSpan
	}
	var sum time.Duration
	for _, part := range spanPart.FindAllStringSubmatch(form[2], -1) {
		unit, ok := units[strings.TrimSuffix(part[2], "s")]
		n, err := strconv.ParseInt(part[1], 10, 64)
		const most = 100 * 366 * 24 * time.Hour
		if !ok || err != nil || n > int64((most-sum)/unit) {
			return 0, errSpan
		}
		sum += time.Duration(n) * unit
	}
	if form[1] == "+" {
		return sum, nil
	}
	return -sum, nil
}
