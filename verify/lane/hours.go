package lane

import (
	"fmt"
	"strings"
	"time"

	"railgate/verify"
)

// Hours are from when until when a lane lets people in, by the station's clocks on the
// wall. Until may be the earlier one: then the night lies between. The zero value is
// always.
type Hours struct {
	From, Until int // minutes since midnight; Until is at most 24 h
}

const wholeDay = 24 * 60 // minutes

// ParseHours reads "05:30-23:45"; "" is always.
func ParseHours(s string) (h Hours, err error) {
	if s == "" {
		return h, nil
	}
	from, until, ok := strings.Cut(s, "-")
	if ok {
		h.From, ok = parseClock(from)
	}
	if ok {
		h.Until, ok = parseClock(until)
	}
	if !ok || h.From == wholeDay || h.From == h.Until {
		return Hours{}, fmt.Errorf("hours %q; want two different times such as \"05:30-23:45\"", s)
	}
	return h, nil
}

// parseClock reads a time of day of exactly five characters, 00:00 to 24:00.
func parseClock(s string) (minutes int, ok bool) {
	if len(s) != 5 || s[2] != ':' || strings.Trim(s[:2]+s[3:], "0123456789") != "" {
		return 0, false
	}
	hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	return hour*60 + minute, minute < 60 && hour*60+minute <= wholeDay
}

func (h Hours) String() string {
	if h == (Hours{}) {
		return ""
	}
	return clockOf(h.From) + "-" + clockOf(h.Until)
}

func clockOf(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// Open tells whether a time, in the station's zone, is within the hours.
func (h Hours) Open(at time.Time) bool {
	now := at.Hour()*60 + at.Minute()
	switch {
	case h == Hours{}:
		return true
	case h.From < h.Until:
		return h.From <= now && now < h.Until
	}
	return now >= h.From || now < h.Until
}

// opens is the time of day at which a lane that is shut opens; "" where there is none.
func (h Hours) opens() string {
	if h == (Hours{}) {
		return ""
	}
	return clockOf(h.From)
}

// limit says which limit of the lane forbids a passage; "": none.
func (t *stepper) limit(ev Judged) verify.Reason {
	switch {
	case t.shut:
		return outOfHours
	case t.rules.PerDay > 0 && ev.Today >= t.rules.PerDay:
		return limitReached
	}
	return ""
}

// keepHours notes whether the lane is outside its hours. By a clock that is not trusted
// it stays as it was: then the lane is out of service for that.
func (t *stepper) keepHours() {
	t.hoursAt = 0
	if t.rules.Hours == (Hours{}) {
		t.shut = false
		return
	}
	if !t.now.Trusted {
		return
	}
	now := t.now.Wall.In(t.rules.zone())
	t.shut = !t.rules.Hours.Open(now)
	t.hoursAt = t.now.Mono + now.Truncate(time.Minute).Add(time.Minute).Sub(now)
}
