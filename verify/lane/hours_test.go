package lane

import (
	"testing"
	"time"
)

func TestParseHours(t *testing.T) {
	for text, want := range map[string]Hours{
		"": {}, "05:30-23:45": {330, 1425}, "22:00-02:00": {1320, 120}, "05:00-24:00": {300, 1440}, "00:00-24:00": {0, 1440}, "00:00-00:01": {0, 1},
	} {
		if got, err := ParseHours(text); err != nil || got != want {
			t.Errorf("ParseHours(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-", "05:30", "05:30-", "5:30-23:45", "05:30-23:60", "05:30-24:01", "24:00-05:00", "05:30-05:30", "05:30 - 23:45", "0５:30-23:45", "05:30-23:45\n", "+5:30-23:45", "05.30-23.45", "05:30-23:45-24:00"} {
		if got, err := ParseHours(text); err == nil {
			t.Errorf("ParseHours(%q) = %v; want an error", text, got)
		}
	}
}

func FuzzParseHours(f *testing.F) {
	for _, text := range []string{"", "05:30-23:45", "22:00-02:00", "24:00-24:00", "99:99-99:99", "05:30-23:4"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHours(text)
		if err == nil && h.String() != text {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}

func TestHoursOpen(t *testing.T) {
	for _, tt := range []struct {
		hours, at string
		want      bool
	}{
		{"", "03:00", true},
		{"05:30-23:45", "05:29", false}, {"05:30-23:45", "05:30", true}, {"05:30-23:45", "23:44", true}, {"05:30-23:45", "23:45", false}, {"05:30-23:45", "00:00", false},
		{"22:00-02:00", "21:59", false}, {"22:00-02:00", "22:00", true}, {"22:00-02:00", "00:00", true}, {"22:00-02:00", "01:59", true}, {"22:00-02:00", "02:00", false},
		{"05:00-24:00", "23:59", true}, {"05:00-24:00", "00:00", false},
	} {
		h, err := ParseHours(tt.hours)
		at, err2 := time.Parse("15:04", tt.at)
		if err != nil || err2 != nil || h.Open(at) != tt.want {
			t.Errorf("%q at %s: open %v (%v, %v); want %v", tt.hours, tt.at, !tt.want, err, err2, tt.want)
		}
	}
}

// Outside its hours a lane is in service: it says when it opens, and opens by itself.
func TestALaneKeepsItsHours(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Hours = Hours{12*60 + 10, 12*60 + 20} })) // it is 12:00 in Shanghai
	p.feed(Tick{})
	p.want("show not_open")
	if p.said.Opens != "12:10" || p.Mode() != ModeClosed || p.OutOfService() {
		t.Errorf("%+v, mode %s; want it closed until 12:10, and in service", p.said, p.Mode())
	}
	p.read(p.code("a", 0))
	p.want("show out_of_hours", "denied out_of_hours")
	p.wait(10*time.Minute - time.Second)
	p.want("show not_open")
	p.wait(time.Second)
	p.want("show idle")
	p.read(p.code("a", 10))
	p.walk()
	p.want("granted ok", "open", "show ok", "passage", "close", "show idle")
	p.wait(10 * time.Minute)
	p.want("show not_open")
}

// A clock that is not trusted neither shuts the lane nor opens it.
func TestHoursGoByATrustedClockAlone(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Hours = Hours{0, 60} }))
	for _, trusted := range []bool{false, true, false} {
		at := p.instant()
		if at.Trusted = trusted; p.shut {
			at.Wall = at.Wall.Add(12 * time.Hour)
		}
		was := p.shut
		p.State, _ = p.State.Step(Tick{}, at)
		if p.shut != (was || trusted) {
			t.Errorf("trusted %v: shut %v; before %v", trusted, p.shut, was)
		}
	}
}

// The station's zone says which day and which hour it is.
func TestDaysAndHoursAreTheStations(t *testing.T) {
	r := entry()
	late := time.Date(2026, 11, 23, 16, 30, 0, 0, time.UTC)
	if r.Day(late) != 20261124 {
		t.Errorf("day %d; want Shanghai's, 20261124", r.Day(late))
	}
	r.Zone = time.UTC
	if r.Day(late) != 20261123 {
		t.Errorf("day %d; want UTC's, 20261123", r.Day(late))
	}
	p := newPlay(t, entry(func(r *Rules) { r.Zone, r.Hours = time.UTC, Hours{12 * 60, 13 * 60} })) // it is 04:00 there
	if p.feed(Tick{}); !p.shut {
		t.Error("open by another zone's hours")
	}
}

// A holder's passages count; a grant that nobody used does not, and the count starts again at the station's midnight.
func TestPassagesOfADayAreLimited(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.PerDay = 2 }))
	pass := func(n int, walks bool, want string) {
		t.Helper()
		p.log = nil
		p.read(p.code("a", n))
		if p.decided() != want {
			t.Fatalf("code %d: %v; want %s", n, p.log, want)
		}
		if walks {
			p.walk()
		}
		p.wait(time.Minute)
	}
	pass(0, true, "granted ok")
	pass(1, false, "granted ok")
	pass(2, true, "granted ok")
	pass(3, false, "denied limit_reached")
	p.read(p.code("b", 3))
	p.walk()
	p.wait(11*time.Hour + 50*time.Minute)
	pass(720, false, "denied limit_reached")
	p.wait(5 * time.Minute)
	pass(725, true, "granted ok")
}

// Two codes of one holder before the first has crossed are one person.
func TestALimitIsNotPassedByTwoCodesAtOnce(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.PerDay = 1 }))
	p.read(p.code("a", 0))
	p.read(p.code("a", 1))
	if len(p.grants) != 1 {
		t.Errorf("%d people may pass; want one (%v)", len(p.grants), p.log)
	}
}
