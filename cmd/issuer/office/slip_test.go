package office

import (
	"strings"
	"testing"
	"time"
)

func goodSlipForm(now time.Time) SlipForm {
	return SlipForm{
		Name: "李雷", Document: ResidentCard, Number: "11010519491231002X", Why: "no_phone",
		Journey: Journey{Train: "G1234", Day: now.In(RailwayTime).Format(time.DateOnly), From: "北京南", To: "上海虹桥"},
	}
}

func TestR17WhatAnOfficerFillsIn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*SlipForm)
		want   Reason
	}{
		{"all that is asked for", func(*SlipForm) {}, ""},
		{"no name", func(f *SlipForm) { f.Name = "" }, Incomplete},
		{"no number", func(f *SlipForm) { f.Number = "" }, Incomplete},
		{"no document", func(f *SlipForm) { f.Document = "" }, Incomplete},
		{"an unknown document", func(f *SlipForm) { f.Document = "library_card" }, Incomplete},
		{"no reason", func(f *SlipForm) { f.Why = "" }, Incomplete},
		{"an unknown reason", func(f *SlipForm) { f.Why = "because" }, Incomplete},
		{"a wrong check digit", func(f *SlipForm) { f.Number = "110105194912310021" }, BadNumber},
		{"15 digits", func(f *SlipForm) { f.Number = "110105491231002" }, BadNumber},
		{"a passport with the number of a card", func(f *SlipForm) { f.Document, f.Number = "passport", "110105194912310021" }, ""},
		{"a passport", func(f *SlipForm) { f.Document, f.Number = "passport", "E12345678" }, ""},
		{"an infant", func(f *SlipForm) { f.Document, f.Number = "birth_certificate", "R110000001" }, ""},
		{"a number of 30 characters", func(f *SlipForm) { f.Document, f.Number = "other", strings.Repeat("9", 30) }, ""},
		{"a number of 31 characters", func(f *SlipForm) { f.Document, f.Number = "other", strings.Repeat("9", 31) }, BadDocument},
		{"a number with what is none", func(f *SlipForm) { f.Document, f.Number = "other", "12<b>" }, BadDocument},
		{"no train", func(f *SlipForm) { f.Train = "" }, BadJourney},
		{"a train without a letter", func(f *SlipForm) { f.Train = "1461" }, ""},
		{"a train of five digits", func(f *SlipForm) { f.Train = "G12345" }, BadJourney},
		{"a train without digits", func(f *SlipForm) { f.Train = "G" }, BadJourney},
		{"tomorrow", func(f *SlipForm) { f.Day = "2026-11-30" }, ""},
		{"yesterday", func(f *SlipForm) { f.Day = "2026-11-28" }, BadJourney},
		{"the day after tomorrow", func(f *SlipForm) { f.Day = "2026-12-01" }, BadJourney},
		{"a day that is none", func(f *SlipForm) { f.Day = "today" }, BadJourney},
		{"no station", func(f *SlipForm) { f.From = "" }, BadJourney},
		{"no other station", func(f *SlipForm) { f.To = "" }, BadJourney},
		{"a station of 20 characters", func(f *SlipForm) { f.To = strings.Repeat("大", 20) }, ""},
		{"a station of 21 characters", func(f *SlipForm) { f.To = strings.Repeat("大", 21) }, BadJourney},
		{"from a station to itself", func(f *SlipForm) { f.To = f.From }, BadJourney},
	} {
		f := goodSlipForm(slipNoon)
		tt.change(&f)
		if got := f.check(slipNoon); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
}

// slipNoon is noon in Shanghai.
var slipNoon = time.Date(2026, 11, 29, 12, 0, 0, 0, RailwayTime)

// Just before midnight today's train is the one of today, by the railway's calendar.
func TestR17TheDayIsTheRailways(t *testing.T) {
	late := time.Date(2026, 11, 29, 23, 59, 0, 0, RailwayTime)
	f := goodSlipForm(late)
	if got := f.check(late.UTC()); got != "" || f.Day != "2026-11-29" {
		t.Errorf("on %s: %q", f.Day, got)
	}
}

// What an officer types is spelled as what a passenger types, so that both are one person.
func TestR17NamesAndNumbersAreSpelledInOneWay(t *testing.T) {
	f := SlipForm{Name: " 阿卜杜拉•买买提　", Number: "１１０１０５ 19491231002x", Journey: Journey{Train: "ｇ1 234", From: " 北京南 ", To: "上海　虹桥"}}
	f.tidy()
	want := SlipForm{Name: "阿卜杜拉·买买提", Number: "11010519491231002X", Journey: Journey{Train: "G1234", From: "北京南", To: "上海 虹桥"}}
	if f != want {
		t.Errorf("%+v; want %+v", f, want)
	}
}

func TestR18WhatIsOnRecordDecides(t *testing.T) {
	slip := func(issued time.Time, as string) Slip {
		sl := Slip{ID: "slip0001", Issued: issued, EndedAs: as}
		if as != "" {
			sl.Ended = issued.Add(time.Minute)
		}
		return sl
	}
	approved := func(before ...time.Duration) (d dossier) {
		for _, b := range before {
			d.Certificates = append(d.Certificates, Certificate{ID: "cert0001", Approved: slipNoon.Add(-b)})
		}
		return d
	}
	day := 24 * time.Hour
	for _, tt := range []struct {
		name string
		d    dossier
		told bool
		want Reason
	}{
		{"nothing", dossier{}, false, ""},
		{"three applications of the month, which have ended", approved(day, 3*day, 5*day), false, ""},
		{"a valid electronic one", approved(time.Hour), false, ElectronicValid},
		{"a valid electronic one, and the officer knows", approved(time.Hour), true, ""},
		{"an electronic one in its last second", approved(day - time.Second), false, ElectronicValid},
		{"an electronic one that has just ended", approved(day), false, ""},
		{"a valid slip", dossier{Slips: []Slip{slip(slipNoon.Add(-time.Hour), "")}}, false, SlipValid},
		{"a valid slip, whatever the officer knows", dossier{Slips: []Slip{slip(slipNoon.Add(-time.Hour), "")}}, true, SlipValid},
		{"a slip in its last second", dossier{Slips: []Slip{slip(slipNoon.Add(time.Second-day), "")}}, false, SlipValid},
		{"a slip that has just ended", dossier{Slips: []Slip{slip(slipNoon.Add(-day), "")}}, false, ""},
		{"a slip that was cancelled", dossier{Slips: []Slip{slip(slipNoon.Add(-time.Hour), slipCancelled)}}, false, ""},
		{"a slip that was revoked", dossier{Slips: []Slip{slip(slipNoon.Add(-time.Hour), "lost")}}, false, ""},
		{"a valid slip before one that was revoked", dossier{Slips: []Slip{slip(slipNoon.Add(-2*time.Hour), ""), slip(slipNoon.Add(-time.Hour), "lost")}}, false, SlipValid},
	} {
		if got := tt.d.reviewSlip(tt.told, slipNoon); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestR20WhoMayEndASlipAndUntilWhen(t *testing.T) {
	own, other, lead := Officer{Subject: "officer-7"}, Officer{Subject: "officer-8"}, Officer{Subject: "officer-1", Lead: true}
	for _, tt := range []struct {
		name  string
		by    Officer
		as    string
		after time.Duration
		ended bool
		want  Reason
	}{
		{"one's own mistake, at once", own, slipCancelled, 0, false, ""},
		{"one's own mistake, in the last second", own, slipCancelled, 30*time.Minute - time.Second, false, ""},
		{"one's own mistake, too late", own, slipCancelled, 30 * time.Minute, false, TooLateToCancel},
		{"another's mistake", other, slipCancelled, 0, false, NotYourSlip},
		{"another's mistake, by who is in charge", lead, slipCancelled, 0, false, ""},
		{"another's mistake, by who is in charge, too late", lead, slipCancelled, 30 * time.Minute, false, TooLateToCancel},
		{"one's own", own, "lost", 23 * time.Hour, false, ""},
		{"one's own, in its last second", own, "lost", 24*time.Hour - time.Second, false, ""},
		{"one's own, after its end", own, "lost", 24 * time.Hour, false, SlipOver},
		{"another's", other, "lost", time.Hour, false, NotYourSlip},
		{"another's, by who is in charge", lead, "lost", time.Hour, false, ""},
		{"a second time", own, "lost", time.Hour, true, SlipOver},
		{"a second time, by who is in charge", lead, slipCancelled, time.Minute, true, SlipOver},
	} {
		sl := Slip{Issued: slipNoon, By: own.Subject}
		if tt.ended {
			sl.Ended, sl.EndedAs = slipNoon.Add(time.Second), "lost"
		}
		if got := sl.mayEnd(tt.as, tt.by, slipNoon.Add(tt.after)); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestTheStateOfASlip(t *testing.T) {
	for _, tt := range []struct {
		as    string
		after time.Duration
		want  SlipState
	}{
		{"", 0, SlipIsValid}, {"", 24*time.Hour - 1, SlipIsValid}, {"", 24 * time.Hour, SlipIsExpired},
		{slipCancelled, 0, SlipIsCancelled}, {slipCancelled, 48 * time.Hour, SlipIsCancelled}, {"lost", 0, SlipIsRevoked}, {"wrong", 48 * time.Hour, SlipIsRevoked},
	} {
		sl := Slip{Issued: slipNoon, EndedAs: tt.as}
		if got := sl.state(slipNoon.Add(tt.after)); got != tt.want {
			t.Errorf("%q, %v after: %s; want %s", tt.as, tt.after, got, tt.want)
		}
	}
}

// After two months a slip is forgotten, by itself as with other things on record.
func TestADossierForgetsItsSlips(t *testing.T) {
	d := dossier{Slips: []Slip{{ID: "slip0001", Issued: slipNoon}, {ID: "slip0002", Issued: slipNoon.AddDate(0, 1, 0)}}}
	if !d.prune(slipNoon.AddDate(0, 2, 0)) || len(d.Slips) != 2 {
		t.Errorf("after two months: %+v", d.Slips)
	}
	if !d.prune(slipNoon.AddDate(0, 2, 1)) || len(d.Slips) != 1 || d.Slips[0].ID != "slip0002" {
		t.Errorf("and a day: %+v", d.Slips)
	}
	if d.prune(slipNoon.AddDate(0, 3, 1)) {
		t.Errorf("after three months: %+v", d.Slips)
	}
}

func TestNumbersOfSlips(t *testing.T) {
	for text, want := range map[string]string{
		"0123456789abcdef": "0123456789abcdef", "0123 4567 89AB CDEF": "0123456789abcdef", "0123-4567": "01234567", "０１２３４５６７": "01234567",
		"": "", "0123456": "", "0123456789abcdef0": "", "0123456g": "",
	} {
		if got, ok := goodSlipNumber(text); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, ok, want)
		}
	}
}

// Nothing that an officer can type breaks the form, and a good one is as it was.
func FuzzSlipForm(f *testing.F) {
	f.Add("李雷", ResidentCard, "11010519491231002X", "no_phone", "G1234", "2026-11-29", "北京南", "上海虹桥")
	f.Add("Ada Lovelace", "passport", "e12345678", "document", "1461", "2026-11-30", "Beijing", "Shanghai")
	f.Add("\xff", "other", "\x00", "other", "Ｇ１", "", "·", "'")
	f.Fuzz(func(t *testing.T, name, document, number, why, train, day, from, to string) {
		form := SlipForm{Name: name, Document: document, Number: number, Why: why, Journey: Journey{Train: train, Day: day, From: from, To: to}}
		form.tidy()
		if form.check(slipNoon) != "" {
			return
		}
		again := form
		again.tidy()
		if again != form {
			t.Errorf("%+v is spelled otherwise the second time: %+v", form, again)
		}
		goodSlipNumber(number)
	})
}
