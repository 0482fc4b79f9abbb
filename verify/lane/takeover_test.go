package lane

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

func staffCode(p *play, n int, change func(*verify.Verdict)) string {
	return p.as(p.code("staff", n), func(v *verify.Verdict) {
		v.Class, v.Rotation, v.StaffKey = verify.Staff, verify.ByDevice, true
		change(v)
	})
}

// No relay motion without a durable record before it, whoever asks: play fails a test
// whose relay moves without one.
func TestFreePassageNeedsARecordForEachOpening(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "technician", Why: "a broken sensor"})
	p.want("service_begin", "show free_passage", "open")
	p.wait(5 * time.Second)
	p.want("opening", "open")
	p.spendErr = errors.New("no space left on device")
	p.wait(5 * time.Second)
	p.want("release", "out_of_service", "show out_of_service")
}

func TestATakeoverThatCannotBeRecordedOpensNothing(t *testing.T) {
	p := newPlay(t, entry())
	p.spendErr = errors.New("input/output error")
	p.feed(Service{Mode: ServiceFree, By: "technician", Why: "a broken sensor"})
	p.want("release", "out_of_service", "show out_of_service")
	p.feed(Missing{Cause: CauseStore})
	p.log = nil
	p.read(staffCode(p, 0, func(*verify.Verdict) {}))
	p.want("release", "out_of_service", "show out_of_service", "denied out_of_service")
	p.feed(Missing{Cause: CauseStore})
	p.log = nil
	p.feed(Service{Mode: ServiceClosed, By: "technician"}) // moves nothing: it is done, and recorded as soon as that works
	p.wantMode(ModeOutOfService)
	if p.service != ServiceClosed {
		t.Errorf("service = %v; want closed", p.service)
	}
}

// What comes between the record and the opening is heard first.
func TestAnEmergencyBeforeFreePassageOpens(t *testing.T) {
	p := newPlay(t, entry())
	s, _ := p.State.Step(Service{Mode: ServiceFree, Why: "x"}, p.instant())
	s, _ = s.Step(Emergency{Active: true}, p.instant())
	_, effects := s.Step(Written{Proof: onDisk(1)}, p.instant())
	for _, e := range effects {
		if _, ok := e.(Open); ok {
			t.Error("the relay moves in an emergency")
		}
	}
}

// A photograph of a staff code works for a minute unless the code is bound to its device.
func TestOnlyDeviceBoundStaffCodesOfAStaffKeyTakeALaneOver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*verify.Verdict)
		want   string
	}{
		{"bound to its device", func(*verify.Verdict) {}, "service_begin"},
		{"a chain's link", func(v *verify.Verdict) { v.Rotation = verify.ByChain }, "denied class_not_accepted"},
		{"the issuer's own", func(v *verify.Verdict) { v.Rotation = verify.ByIssuer }, "denied class_not_accepted"},
		{"printed", func(v *verify.Verdict) { v.Rotation = verify.Static }, "denied class_not_accepted"},
		{"a key that signs passengers too", func(v *verify.Verdict) { v.StaffKey = false }, "denied class_not_accepted"},
	} {
		p := newPlay(t, entry())
		p.read(staffCode(p, 0, tt.change))
		if got := strings.Join(p.log, ", "); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

func TestAStaffCodeIsSpentInAllRolesTogether(t *testing.T) {
	p := newPlay(t, entry())
	code := staffCode(p, 0, func(*verify.Verdict) {})
	p.read(code)
	for use := range p.used {
		if use.Role != journal.AnyRole {
			t.Errorf("spent in role %d; want in all", use.Role)
		}
	}
	p.rules = entry(func(r *Rules) { r.Direction, r.Role = "exit", journal.Exit })
	p.wait(time.Minute)
	p.log = nil
	p.read(code)
	p.want("show already_used", "denied already_used")
}

func TestRecordsSayWhoWhyAndHowLong(t *testing.T) {
	p := newPlay(t, entry())
	detail := func() string { return p.records[len(p.records)-1].Detail }
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "a broken sensor"})
	if got := detail(); got != "free for 10m0s, by root: a broken sensor" {
		t.Errorf("service_begin: %q", got)
	}
	p.wait(3 * time.Second)
	p.feed(Service{Mode: ServiceNone, By: "root"})
	if got := detail(); got != "free, after 3s, by root" {
		t.Errorf("service_end: %q", got)
	}
	p.feed(Missing{Cause: CauseClock, Why: "not synchronised"})
	p.wait(time.Minute)
	p.feed(Missing{Cause: CauseKeyset, Why: "none"})
	p.feed(Missing{Cause: CauseKeyset})
	p.feed(Missing{Cause: CauseClock})
	if got := detail(); got != "after 1m0s" {
		t.Errorf("in_service: %q", got)
	}
	p.feed(Emergency{Active: true})
	p.wait(90 * time.Second)
	p.feed(Emergency{})
	if got := detail(); got != "after 1m30s" {
		t.Errorf("emergency_end: %q", got)
	}
}

func TestASnapshotSaysUntilWhenStaffHaveTheLane(t *testing.T) {
	p := newPlay(t, entry())
	p.now = time.Minute
	p.feed(Service{Mode: ServiceDiagnosis, By: "root"})
	if v := p.Snapshot(); v.Service != ServiceDiagnosis || v.ServiceEnd != 11*time.Minute {
		t.Errorf("snapshot = %+v; want diagnosis until 11 minutes", v)
	}
}

// An opening that fails is its own grant's end, and nobody else's.
func TestAFailedOpeningEndsItsOwnGrant(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.read(p.code("b", 0))
	p.log = nil
	p.feed(Opened{Seq: 1, Err: errEmergency, Emergency: true})
	p.want("no_passage")
	if len(p.grants) != 1 || p.grants[0].record.Holder != "sub-b" {
		t.Errorf("grants = %+v; want b's", p.grants)
	}
	p.feed(Opened{Seq: 99, Err: errEmergency, Emergency: true}) // of free passage
	if len(p.grants) != 1 {
		t.Error("the end of another opening took b's grant away")
	}
}

func withStaff(r *Rules) { r.Accept.Classes = []verify.Class{1, verify.Staff} }

// Where staff codes only look, none opens.
func TestAStaffCodeThatOnlyLooks(t *testing.T) {
	p := newPlay(t, entry(withStaff, func(r *Rules) { r.OnlyLook = true }))
	p.read(p.as(p.code("staff", 0), isStaff))
	p.want("service_begin", "show diagnosis")
	p.read(p.code("a", 0))
	p.want("show out_of_service", "denied out_of_service")
	p.read(p.as(p.code("staff", 1), isStaff))
	p.want("service_end", "show idle")
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "a test"})
	p.log = nil
	p.read(p.as(p.code("staff", 2), isStaff)) // free passage was a technician's: it is over
	p.want("service_begin", "close", "show diagnosis")
	p.wait(ServiceFor)
	p.wantMode(ModeClosed)
}

// A lane without its turnstile is where a technician wants the diagnosis most. A staff code shows
// it, and opens nothing; no other code is answered.
func TestDiagnosisOfALaneThatIsOutOfService(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rules   func(*Rules)
		cause   Cause
		code    func(*verify.Verdict)
		answers bool
	}{
		{"the turnstile", withStaff, CauseTurnstile, isStaff, true},
		{"a scanner", withStaff, CauseScanner, isStaff, true},
		{"the clock: the code cannot be judged", withStaff, CauseClock, isStaff, false},
		{"the keys", withStaff, CauseKeyset, isStaff, false},
		{"the store: nothing can be recorded", withStaff, CauseStore, isStaff, false},
		{"spent codes are lost: it may have been used", withStaff, CauseSpentCodes, isStaff, false},
		{"a lane that takes no staff codes", func(*Rules) {}, CauseTurnstile, isStaff, false},
		{"a passenger", withStaff, CauseTurnstile, isRotating, false},
		{"a photograph of a staff code", withStaff, CauseTurnstile, func(v *verify.Verdict) { v.Class, v.StaffKey = verify.Staff, true }, false},
		{"a staff code that is denied", withStaff, CauseTurnstile, func(v *verify.Verdict) { isStaff(v); v.Reason = verify.CodeExpired }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry(tt.rules))
			p.feed(Missing{tt.cause, "broken"})
			p.log = nil
			p.read(p.as(p.code("a", 0), tt.code))
			if got := p.Snapshot().Service == ServiceDiagnosis; got != tt.answers || slices.Contains(p.log, "open") {
				t.Errorf("diagnosis %v, %v; want %v, and nothing opens", got, p.log, tt.answers)
			}
			p.wantMode(ModeOutOfService)
			if !tt.answers {
				return
			}
			p.log = nil
			p.read(p.as(p.code("a", 0), tt.code))
			p.want("drop held")
			p.read(p.as(p.code("a", 1), tt.code))
			if p.Snapshot().Service != ServiceNone {
				t.Errorf("the next code: %v; want the end", p.log)
			}
		})
	}
}

// A code that was read while the lane was out of service opens nothing when it is judged later,
// and a passenger's is a new reading then.
func TestACodeOfAClosedLaneOpensNothingLater(t *testing.T) {
	p := newPlay(t, entry(withStaff))
	passenger, staff := p.code("a", 0), p.as(p.code("staff", 0), isStaff)
	for text, want := range map[string]string{passenger: "drop out_of_service", staff: "service_begin, show diagnosis"} {
		p.feed(Judged{Read: Read{Scanner: "front", Text: text, At: p.now, Closed: true}, Verdict: p.verdicts[text]})
		p.want(strings.Split(want, ", ")...)
		p.feed(Service{Mode: ServiceNone, By: "root"})
		p.log = nil
	}
	p.feed(Missing{CauseTurnstile, "broken"})
	p.log = nil
	p.feed(Judged{Read: Read{Scanner: "front", Text: staff, At: p.now, Closed: true}, Verdict: p.verdicts[staff], Used: true})
	p.want("drop out_of_service")
	p.read(passenger)
	p.feed(Missing{CauseTurnstile, ""})
	p.log = nil
	p.read(passenger)
	if !slices.Contains(p.log, "open") {
		t.Errorf("a passenger at a lane that works again: %v; want that it opens", p.log)
	}
}

// At a station a staff code of a lane that is out of service is claimed as any other.
func TestDiagnosisOfAClosedLaneIsClaimed(t *testing.T) {
	for _, tt := range []struct {
		answer Answer
		want   ServiceMode
	}{{Held, ServiceDiagnosis}, {Taken, ServiceNone}, {NoAnswer, ServiceNone}} {
		p := newPlay(t, entry(withStaff, func(r *Rules) { r.Claims = true }))
		p.claim = func(c Claim) { p.answer(Claimed{c.ID, tt.answer}) }
		p.feed(Missing{CauseTurnstile, "broken"})
		p.read(p.as(p.code("staff", 0), isStaff))
		if got := p.Snapshot().Service; got != tt.want || p.claimsAsked == 0 {
			t.Errorf("answer %v: %v after %d claims; want %v", tt.answer, got, p.claimsAsked, tt.want)
		}
	}
}

// What a lane cannot record or judge is not even looked at: nobody's codes keep it busy.
func TestALaneThatCanDoNothingJudgesNothing(t *testing.T) {
	for cause, want := range map[Cause]int{CauseStore: 0, CauseTurnstile: 1} {
		p := newPlay(t, entry(withStaff))
		p.feed(Missing{cause, "broken"})
		p.read(p.as(p.code("staff", 0), isStaff))
		if p.decides != want {
			t.Errorf("without its %v: %d readings judged; want %d", cause, p.decides, want)
		}
	}
}

// A staff code that was read when the lane could show the diagnosis is ignored when it cannot
// any more, or was not read by a lane that is closed.
func TestAStaffCodeThatIsJudgedTooLate(t *testing.T) {
	p := newPlay(t, entry(withStaff))
	text := p.as(p.code("staff", 0), isStaff)
	p.feed(Missing{CauseTurnstile, "broken"})
	p.feed(Missing{CauseStore, "broken"})
	p.log = nil
	p.feed(Judged{Read: Read{Scanner: "front", Text: text, At: p.now, Closed: true}, Verdict: p.verdicts[text]})
	p.want("drop out_of_service")
}

// A claim that is answered when the lane is out of service serves for nothing but staff's look at
// the diagnosis, or its end, and for that only while it can be recorded.
func TestAClaimThatIsAnsweredOutOfService(t *testing.T) {
	paper := func(v *verify.Verdict) { v.Class, v.Rotation = verify.Paper, verify.Static }
	onlyLook := func(r *Rules) { r.OnlyLook = true }
	for _, tt := range []struct {
		name   string
		change func(*Rules)
		before []Event // before the code is read
		code   func(*verify.Verdict)
		after  []Event // before the answer
		want   ServiceMode
	}{
		{"a passenger's", func(*Rules) {}, nil, paper, []Event{Missing{CauseTurnstile, "broken"}}, ServiceNone},
		{"staff who would open", func(*Rules) {}, nil, isStaff, []Event{Missing{CauseTurnstile, "broken"}}, ServiceNone},
		{"staff who look", onlyLook, nil, isStaff, []Event{Missing{CauseTurnstile, "broken"}}, ServiceDiagnosis},
		{"staff who have looked", onlyLook, []Event{Missing{CauseTurnstile, "broken"}, Service{Mode: ServiceDiagnosis, By: "root"}}, isStaff, nil, ServiceNone},
		{"staff who look at a lane without its store", onlyLook, nil, isStaff, []Event{Missing{CauseStore, "broken"}}, ServiceNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry(withStaff, tt.change, func(r *Rules) { r.Claims = true }, func(r *Rules) { r.Accept.Classes = append(r.Accept.Classes, verify.Paper) }))
			var asked *Claim
			p.claim = func(c Claim) { asked = &c }
			for _, ev := range tt.before {
				p.feed(ev)
			}
			before := p.Snapshot().Service
			p.read(p.as(p.code("a", 0), tt.code))
			if asked == nil || p.Snapshot().Service != before {
				t.Fatalf("claim %v, service %v; want a claim that waits", asked, p.Snapshot().Service)
			}
			for _, ev := range tt.after {
				p.feed(ev)
			}
			p.log = nil
			p.feed(Claimed{asked.ID, Held})
			if got := p.Snapshot().Service; got != tt.want || slices.Contains(p.log, "open") {
				t.Errorf("service %v, %v; want %v, and nothing opens", got, p.log, tt.want)
			}
		})
	}
}
