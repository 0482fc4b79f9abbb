package lane

import (
	"errors"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// last is the newest record, without its number.
func (p *play) last() journal.Record {
	r := p.records[len(p.records)-1]
	r.Seq = 0
	return r
}

func (p *play) wantLast(want journal.Record) {
	p.t.Helper()
	got := p.last()
	slot := func(s *uint8) int {
		if s == nil {
			return -1
		}
		return int(*s)
	}
	if slot(got.Slot) != slot(want.Slot) {
		p.t.Errorf("slot %d; want %d", slot(got.Slot), slot(want.Slot))
	}
	if got.Slot, want.Slot = nil, nil; got != want {
		p.t.Errorf("record\n %+v; want\n %+v", got, want)
	}
}

// A record of a denial says when, where and which code, and nothing of what it would
// have said of a grant.
func TestRecordsOfDenials(t *testing.T) {
	slot := uint8(0)
	signed := journal.Record{
		Time: noon, Kind: journal.Decision, Decision: journal.Denied, KeyID: "kid", Certificate: "cti-a", Holder: "sub-a", Issued: noon.Unix(), Slot: &slot, Direction: "entry", Scanner: "front",
	}
	with := func(change func(*journal.Record)) journal.Record {
		r := signed
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name   string
		change func(*verify.Verdict)
		err    error
		want   journal.Record
	}{
		{"out of date", func(v *verify.Verdict) { v.Reason = verify.CodeExpired }, nil, with(func(r *journal.Record) { r.Reason = "code_expired" })},
		{"paper out of date", func(v *verify.Verdict) { v.Reason, v.Rotation = verify.CertificateExpired, verify.Static }, nil, with(func(r *journal.Record) { r.Reason, r.Slot = "certificate_expired", nil })},
		{"of an unknown key", func(v *verify.Verdict) { *v = verify.Verdict{Reason: verify.UnknownKey, KeyID: "kid"} }, nil, journal.Record{Time: noon, Kind: journal.Decision, Decision: journal.Denied, Reason: "unknown_key", KeyID: "kid", Direction: "entry", Scanner: "front"}},
		{"flagged, and the store knows that it is used", func(*verify.Verdict) {}, journal.ErrSpent, with(func(r *journal.Record) { r.Reason = "already_used" })},
		{"flagged, and the disk fails", func(*verify.Verdict) {}, errBroken, with(func(r *journal.Record) { r.Reason = "out_of_service" })},
		{"staff's, and the store knows that it is used", func(v *verify.Verdict) { v.Class, v.Rotation, v.StaffKey = verify.Staff, verify.ByDevice, true }, journal.ErrSpent, with(func(r *journal.Record) { r.Reason = "already_used" })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry(func(r *Rules) { r.Passback = "soft" }))
			p.inside["sub-a"] = journal.LastPassage{Role: journal.Entry, Time: noon}
			p.spendErr = tt.err
			p.read(p.as(p.code("a", 0), tt.change))
			p.wantLast(tt.want)
		})
	}
}

// What became of a grant says whose it was.
func TestRecordsThatFollowAGrant(t *testing.T) {
	slot := uint8(7)
	for _, tt := range []struct {
		name string
		then func(*play)
		kind journal.Kind
		at   time.Duration
		why  string
	}{
		{"a passage", func(p *play) { p.feed(Sensor{true}) }, journal.Passage, 0, ""},
		{"no passage", func(p *play) { p.wait(5 * time.Second) }, journal.NoPassage, 5 * time.Second, ""},
		{"an opening that failed", func(p *play) { p.feed(Opened{Seq: 1, Err: errEmergency, Emergency: true}) }, journal.NoPassage, 0, errEmergency.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry())
			p.read(p.as(p.code("a", 0), func(v *verify.Verdict) { v.Slot, v.Rotation = slot, verify.ByChain }))
			tt.then(p)
			p.wantLast(journal.Record{Time: noon.Add(tt.at), Kind: tt.kind, Certificate: "cti-a", Holder: "sub-a", KeyID: "kid", Slot: &slot, Direction: "entry", Grant: 1, Detail: tt.why})
		})
	}
}

func TestAGrantThatIsTooLateSaysHowLate(t *testing.T) {
	for rotation, static := range map[verify.Rotation]bool{verify.ByIssuer: false, verify.Static: true} {
		p := newPlay(t, entry())
		p.step(Judged{Verdict: p.verdicts[p.as(p.code("a", 0), func(v *verify.Verdict) { v.Rotation = rotation })]})
		p.now = 3500 * time.Millisecond
		effects := p.step(Written{Proof: onDisk(41)})
		if r := only[Journal](t, effects).Record; r.Kind != journal.TooLate || r.Grant != 41 || r.Detail != "the disk took 3.5s" || r.Holder != "sub-a" {
			t.Errorf("record = %+v; want too late, after grant 41, with the time it took", r)
		}
		if show := only[Show](t, effects); show.Occasion != (Occasion{Reason: "code_expired", Static: static}) || show.For != denialShown {
			t.Errorf("shown = %+v; want what a code of %v is told", show, rotation)
		}
	}
}

func TestASupersededGrantSaysWhy(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Passback = "hard" }))
	p.read(p.code("a", 0))
	p.read(p.code("a", 1))
	if r := p.last(); r.Kind != journal.NoPassage || r.Grant != 1 || r.Detail != "its holder showed another code" {
		t.Errorf("record = %+v; want the first grant's end, and why", r)
	}
}

// What nobody signed is not paper, whatever it says.
func TestNoiseIsNoPaper(t *testing.T) {
	p := newPlay(t, entry())
	if show := only[Show](t, p.step(Judged{Verdict: verify.Verdict{Reason: verify.Malformed}})); show.Occasion != (Occasion{Reason: "malformed"}) {
		t.Errorf("shown = %+v; want malformed, of nothing", show.Occasion)
	}
}

func TestRecordsOfAnUntrustedClockSaySo(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		s := newPlay(t, entry()).State
		_, effects := s.Step(Note{journal.Record{Kind: journal.Started, Detail: "1.0"}}, Instant{Wall: noon, Trusted: trusted})
		if r := only[Journal](t, effects).Record; r != (journal.Record{Time: noon, Kind: journal.Started, Detail: "1.0", Direction: "entry", Unsure: !trusted}) {
			t.Errorf("trusted %v: record = %+v", trusted, r)
		}
	}
}

func TestRecordsOfStaffSayWhatTheyDid(t *testing.T) {
	p := newPlay(t, entry())
	for n, want := range []string{
		"free for 10m0s, by a staff code",
		"closed for 10m0s, by a staff code",
		"diagnosis for 10m0s, by a staff code",
		"diagnosis, after 1m0s, by a staff code",
	} {
		p.read(staffCode(p, n, func(*verify.Verdict) {}))
		kind := journal.ServiceBegin
		if n == 3 {
			kind = journal.ServiceEnd
		}
		if r := p.last(); r.Kind != kind || r.Detail != want || r.Decision != journal.Granted {
			t.Errorf("record = %+v; want %s: %s", r, kind, want)
		}
		p.wait(time.Minute)
	}
	p.feed(Service{Mode: ServiceClosed, By: "root"})
	if r := p.last(); r.Detail != "closed for 10m0s, by root" {
		t.Errorf("record says %q; want no reason where none was given", r.Detail)
	}
	p.wait(ServiceFor)
	if r := p.last(); r.Kind != journal.ServiceEnd || r.Detail != "closed, after 10m0s, its time is over" {
		t.Errorf("record = %+v; want its end", r)
	}
}

func TestRecordsOfFreePassage(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
	p.wait(5 * time.Second)
	p.wantLast(journal.Record{Time: noon.Add(5 * time.Second), Kind: journal.Opening, Detail: "free passage", Direction: "entry"})
	p.feed(Sensor{true})
	p.wantLast(journal.Record{Time: noon.Add(5 * time.Second), Kind: journal.Passage, Detail: "free passage", Direction: "entry"})
}

func TestAClosingThatCannotBeRecordedIsRecordedAfterwards(t *testing.T) {
	p := newPlay(t, entry())
	p.spendErr = errBroken
	p.feed(Service{Mode: ServiceClosed, By: "root"})
	p.want("release", "out_of_service", "service_begin", "show out_of_service")
	p.spendErr = nil
	p.feed(Missing{Cause: CauseStore})
	p.feed(Service{Mode: ServiceNone})
	p.log = nil
	p.spendErr = errBroken
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"}) // which would move the relay
	p.want("release", "out_of_service", "show out_of_service")
}

func TestAFaultSaysWhichAndWhy(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseTurnstile, "relay: no such device"})
	if r := p.last(); r.Kind != journal.OutOfService || r.Detail != "turnstile: relay: no such device" {
		t.Errorf("record = %+v; want the cause and its words", r)
	}
}

func TestNews(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseClock, ""}) // as ever
	p.want()
	p.feed(Missing{CauseClock, "not synchronised"})
	p.want("release", "out_of_service", "show out_of_service")
	p.feed(Missing{CauseClock, "stepped by 8h"}) // in other words
	p.want()
	if p.Why(CauseClock) != "stepped by 8h" {
		t.Errorf("why = %q; want the newer", p.Why(CauseClock))
	}
	s := New(entry())
	_, effects := s.Step(Missing{CauseTurnstile, "no such device"}, p.instant())
	if r := only[Journal](t, effects).Record; r.Kind != journal.OutOfService {
		t.Errorf("a device that fails as it starts: %+v; want it recorded", r)
	}
	only[Release](t, effects)
}

// errBroken is what the play's disk says.
var errBroken = errors.New("input/output error")

// The station's other gates need to know when a code that was granted begins and ends, and
// that paper was walked on; a record of its denial says neither.
func TestARecordOfAGrantSaysWhenItsCodeEnds(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 1))
	if r := p.last(); r.Begins != noon.Add(time.Minute).Unix() || r.Ends != noon.Add(time.Minute+70*time.Second).Unix() {
		t.Errorf("begins %d, ends %d; want the code's", r.Begins, r.Ends)
	}
	day := noon.Add(24 * time.Hour).Unix()
	paper := p.as(p.code("b", 0), func(v *verify.Verdict) { v.Rotation, v.Ends = verify.Static, v.Expires })
	p.read(paper)
	p.feed(Sensor{Active: true})
	p.feed(Sensor{})
	p.feed(Sensor{Active: true})
	if r := p.last(); r.Kind != journal.Passage || r.Certificate != "cti-b" || r.Ends != day {
		t.Errorf("a passage on paper: %+v; want its certificate's end, %d", r, day)
	}
	p.now += 10 * time.Second
	p.read(paper)
	if r := p.last(); r.Decision != journal.Denied || r.Begins != 0 || r.Ends != 0 {
		t.Errorf("a denial: %+v; want neither begin nor end", r)
	}
}
