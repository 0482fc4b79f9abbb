package lane

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

func TestOnePassage(t *testing.T) {
	p := newPlay(t, entry())
	p.wantMode(ModeClosed)
	p.read(p.code("a", 0))
	p.want("granted ok", "open", "show ok") // the record is first
	p.wantMode(ModeGranted)
	p.wait(time.Second)
	p.feed(Sensor{true})
	p.want("passage", "close", "show idle")
	p.wantMode(ModePassage)
	p.wait(time.Second)
	p.feed(Sensor{false})
	p.want()
	p.wantMode(ModeClosed)
	if r := p.records[1]; r.Grant != 1 || r.Holder != "sub-a" || r.Certificate != "cti-a" {
		t.Errorf("passage = %+v; want it to follow record 1 of sub-a", r)
	}
}

func TestACodeOpensOnce(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	p.walk()
	p.log = nil
	p.wait(10 * time.Second)
	p.read(code)
	p.want("show already_used", "denied already_used")
	p.wait(time.Minute)
	p.want("show idle")
}

func TestValidityIsDecidedBeforeUse(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	p.walk()
	p.wait(10 * time.Second)
	p.log = nil
	p.read(p.as(code, func(v *verify.Verdict) { v.Reason = verify.CodeExpired }))
	p.want("show code_expired", "denied code_expired")
}

func TestHeldCodeIsOneReading(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	p.log = nil
	for range 10 {
		p.wait(2900 * time.Millisecond)
		p.read(code)
	}
	p.want("drop held", "no_passage", "close", "show idle", "drop held", "drop held", "drop held", "drop held", "drop held", "drop held", "drop held", "drop held", "drop held")
	p.wait(3100 * time.Millisecond)
	p.read(code)
	p.want("show already_used", "denied already_used")
}

// A continuous scanner reads a code again and again: one that is a little early is
// decided when its time comes, and the reading in between is still one.
func TestAnEarlyCodeThatIsHeldIsDecidedWhenItsTimeComes(t *testing.T) {
	p := newPlay(t, entry())
	code := p.as(p.code("a", 0), func(v *verify.Verdict) { v.Reason, v.Begins = verify.NotYetValid, noon.Add(8*time.Second) })
	for range 29 { // its slot begins in 8 s, and 5 s are tolerated
		p.read(code)
		p.wait(100 * time.Millisecond)
	}
	if len(p.records) != 1 || p.records[0].Reason != string(verify.NotYetValid) {
		t.Fatalf("records = %+v; want one denial", p.records)
	}
	p.as(code, func(v *verify.Verdict) { v.Reason = verify.OK })
	p.wait(100 * time.Millisecond)
	p.log = nil
	p.read(code)
	p.want("granted ok", "open", "show ok")
	p.wait(time.Second)
	p.read(code)
	p.want("drop held")
}

// A flood at one scanner does not make a code that is held to another a new reading,
// which would deny its passenger after the opening.
func TestAFloodAtOneScannerDoesNotForgetACodeHeldToAnother(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	for n := range 10 * heldTexts {
		p.feed(Read{Scanner: "back", Text: fmt.Sprint("garbage", n), At: p.now})
	}
	p.log = nil
	p.read(code)
	p.want("drop held")
	if len(p.held) > 2*heldTexts {
		t.Errorf("%d texts are held; want a bound", len(p.held))
	}
}

func TestManyEyesSeeOneReading(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	read := func(scanner string) { p.feed(Read{Scanner: scanner, Text: code, At: p.now}) }
	read("eye")
	for range 5 { // the camera goes on looking while the serial scanner is through
		p.wait(33 * time.Millisecond)
		read("eye")
		read("front")
	}
	granted, denied := 0, 0
	for _, r := range p.records {
		switch r.Decision {
		case "granted":
			granted++
			if r.Scanner != "eye" {
				t.Errorf("granted by %q; want the first to read, eye", r.Scanner)
			}
		case "denied":
			denied++
		}
	}
	if granted != 1 || denied != 0 {
		t.Errorf("%d granted, %d denied; want one reading: %v", granted, denied, p.log)
	}
}

func TestTwoPhonesAlternatingAreTwoReadings(t *testing.T) {
	p := newPlay(t, entry())
	a, b := p.code("a", 0), p.as(p.code("b", 0), func(v *verify.Verdict) { v.Reason = verify.CodeExpired })
	for range 4 {
		p.read(a)
		p.wait(time.Second / 2)
		p.read(b)
		p.wait(time.Second / 2)
	}
	if n := len(p.records); n != 2 {
		t.Errorf("%d records; want one for each phone: %v", n, p.log)
	}
}

func TestStaleReadingOpensNothing(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.now = time.Minute
	p.feed(Read{Text: code, At: p.now - staleAfter - 1})
	p.want("drop stale")
	p.feed(Read{Text: code, At: p.now - staleAfter})
	p.want("granted ok", "open", "show ok")
}

func TestAGrantThatIsTooLateOpensNothing(t *testing.T) {
	p := newPlay(t, entry())
	p.spendFor = lateAfter + time.Millisecond // a stalled disk
	p.read(p.code("a", 0))
	p.want("granted ok", "too_late", "show code_expired")
	p.wantMode(ModeClosed)
	p = newPlay(t, entry())
	p.spendFor = lateAfter // a slow one: whoever waits for it has paid with the code
	p.read(p.code("a", 0))
	p.want("granted ok", "open", "show ok")
}

func TestNoPassage(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Passback = "hard" }))
	p.read(p.code("a", 0))
	p.log = nil
	p.wait(5*time.Second - 1)
	p.want()
	p.wait(1)
	p.want("no_passage", "close", "show idle")
	p.wantMode(ModeClosed)
	p.wait(time.Minute)
	p.read(p.code("a", 1)) // the same passenger, the next code
	p.want("granted ok", "open", "show ok")
}

func TestTailgating(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.walk()
	p.log = nil
	p.wait(time.Second)
	p.walk()
	p.want("tailgating", "show one_by_one")
}

func TestForced(t *testing.T) {
	p := newPlay(t, entry())
	p.walk()
	p.want("forced", "show one_by_one")
	p.wait(time.Minute)
	p.read(p.code("a", 0))
	p.walk()
	p.wait(6 * time.Second) // the grant's time is over
	p.log = nil
	p.walk()
	p.want("forced", "show one_by_one")
}

func TestObstructed(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.feed(Sensor{true})
	p.log = nil
	p.wait(30*time.Second - 1)
	p.want()
	p.wait(1)
	p.want("obstructed")
	p.wait(time.Hour)
	p.feed(Sensor{false})
	p.want("cleared")
}

func TestTwoPassengersBehindEachOther(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.wait(time.Second)
	p.read(p.code("b", 0))
	p.want("granted ok", "open", "show ok", "granted ok", "open", "show ok")
	p.walk()
	p.want("passage")
	p.walk()
	p.want("passage", "close", "show idle")
	p.walk()
	p.want("tailgating", "show one_by_one")
	if p.records[2].Holder != "sub-a" || p.records[3].Holder != "sub-b" {
		t.Errorf("passages of %s, %s; want in the order of the grants", p.records[2].Holder, p.records[3].Holder)
	}
}

func TestGrantsAreBounded(t *testing.T) {
	p := newPlay(t, entry())
	for n := range maxGrants + 1 {
		p.read(p.code(fmt.Sprint("holder", n), 0))
	}
	if len(p.records) != maxGrants || p.log[len(p.log)-1] != "drop busy" {
		t.Errorf("%d grants, then %s; want %d, then drop busy", len(p.records), p.log[len(p.log)-1], maxGrants)
	}
}

// A check opens nothing, so its passenger is not told to pass.
func TestACheckSaysThatTheIdentityIsVerified(t *testing.T) {
	p := newPlay(t, &Rules{Direction: "check", Role: journal.Check, OpenFor: 5 * time.Second})
	p.read(p.code("a", 0))
	if got := Say(p.said, []string{"zh", "en"}).Words; got[0].Text != "核验通过" || got[1].Text != "Identity verified" {
		t.Errorf("a check says %v", got)
	}
}

func TestRoles(t *testing.T) {
	p := newPlay(t, &Rules{Direction: "check", Role: journal.Check, Passback: "hard", OpenFor: 5 * time.Second})
	code := p.code("a", 0)
	p.read(code)
	p.want("granted ok", "show ok") // decides and shows, opens nothing
	p.rules = entry()
	p.wait(10 * time.Second)
	p.log = nil
	p.read(code)
	p.want("granted ok", "open", "show ok") // another role: another use
}

func TestPassback(t *testing.T) {
	for _, tt := range []struct {
		name, passback string
		role           journal.Role
		crossed        journal.LastPassage
		want, flag     string
	}{
		{"off", "off", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon}, "granted ok", ""},
		{"soft: granted and flagged", "soft", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon}, "granted ok", "passback"},
		{"hard: denied", "hard", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon}, "show passback", ""},
		{"hard: went out since", "hard", journal.Entry, journal.LastPassage{Role: journal.Exit, Time: noon}, "granted ok", ""},
		{"hard: forgotten after passback_for", "hard", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon.Add(-2 * time.Hour)}, "granted ok", ""},
		{"hard: a nanosecond before that", "hard", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon.Add(-2*time.Hour + 1)}, "show passback", ""},
		{"hard: by a clock that was eight hours ahead", "hard", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon.Add(8 * time.Hour)}, "granted ok", ""},
		{"hard: by a clock that was a minute ahead", "hard", journal.Entry, journal.LastPassage{Role: journal.Entry, Time: noon.Add(time.Minute)}, "show passback", ""},
		{"hard, check: checked already", "hard", journal.Check, journal.LastPassage{Role: journal.Check, Time: noon}, "granted ok", ""},
		{"hard, exit: went out already", "hard", journal.Exit, journal.LastPassage{Role: journal.Exit, Time: noon}, "show passback", ""},
		{"hard, exit: came in", "hard", journal.Exit, journal.LastPassage{Role: journal.Entry, Time: noon}, "granted ok", ""},
		{"hard, exit: no passage is known here", "hard", journal.Exit, journal.LastPassage{}, "granted ok", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry(func(r *Rules) { r.Passback, r.Role = tt.passback, tt.role }))
			if tt.crossed.Role != 0 {
				p.inside["sub-a"] = tt.crossed
			}
			p.read(p.code("a", 0))
			if p.log[0] != tt.want || p.records[0].Flag != tt.flag {
				t.Errorf("%v, flag %q; want %s, flag %q", p.log, p.records[0].Flag, tt.want, tt.flag)
			}
		})
	}
}

// The reasons' order: already used, then passback.
func TestAUsedCodeIsAlreadyUsedBeforeItIsPassback(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Passback = "hard" }))
	code := p.code("a", 0)
	p.read(code)
	p.walk()
	p.wait(10 * time.Second)
	p.log = nil
	p.read(code)
	p.want("show already_used", "denied already_used")
}

func TestPassbackIsSetByThePassage(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Passback = "hard" }))
	p.read(p.code("a", 0))
	p.walk()
	p.wait(time.Minute)
	p.log = nil
	p.read(p.code("a", 1))
	p.want("show passback", "denied passback")
}

// Around a minute's end two codes of a phone are valid at once. Under hard passback
// they let one person through, not two.
func TestTwoCodesOfOneHolderAreOnePersonUnderHardPassback(t *testing.T) {
	for _, tt := range []struct {
		passback string
		second   string // what the second person to cross is
	}{{"hard", "tailgating"}, {"soft", "passage"}} {
		p := newPlay(t, entry(func(r *Rules) { r.Passback = tt.passback }))
		p.read(p.code("a", 0))
		p.read(p.code("a", 1)) // granted: passback goes by passages
		if len(p.records) < 2 || p.records[1].Decision != "granted" {
			t.Fatalf("%s: records %+v; want two grants", tt.passback, p.records)
		}
		p.walk()
		p.log = nil
		p.walk()
		if !slices.Contains(p.log, tt.second) {
			t.Errorf("%s: the second who crosses is %v; want %s", tt.passback, p.log, tt.second)
		}
	}
}

func TestStaffTakeTheLaneOver(t *testing.T) {
	p := newPlay(t, entry())
	staff := func(n int) string {
		return p.as(p.code("staff", n), func(v *verify.Verdict) { v.Class, v.Rotation, v.StaffKey = verify.Staff, verify.ByDevice, true })
	}
	p.read(staff(0))
	p.want("service_begin", "show free_passage", "open")
	p.wantMode(ModeService)
	p.walk()
	p.want("passage", "open") // opens for the next
	p.wait(5 * time.Second)
	p.want("opening", "open")
	p.read(p.code("a", 0))
	p.want("show ok") // free passage spends no code
	p.read(staff(1))
	p.want("service_begin", "close", "show out_of_service")
	p.read(p.code("b", 0))
	p.want("show out_of_service", "denied out_of_service")
	p.read(staff(1))
	p.want("drop held")
	p.read(staff(2))
	p.want("service_begin", "show diagnosis")
	p.read(staff(3))
	p.want("service_end", "show idle")
	p.wantMode(ModeClosed)
}

func TestLostMemoryDeniesPaperThatMayHaveBeenUsed(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Blind{noon})
	for _, tt := range []struct {
		begins time.Time
		want   string
	}{
		{noon.Add(-time.Minute), "show already_used"},
		{noon.Add(5 * time.Second), "show already_used"}, // could be shown at noon, being early
		{noon.Add(5*time.Second + 1), "granted ok"},
	} {
		p.log = nil
		p.read(p.as(p.code(tt.begins.String(), 0), func(v *verify.Verdict) { v.Begins, v.Rotation = tt.begins, verify.Static }))
		if p.log[0] != tt.want {
			t.Errorf("paper of %v after: %v; want %s", tt.begins.Sub(noon), p.log, tt.want)
		}
	}
	p.log = nil
	p.read(p.as(p.code("rotating", 0), func(v *verify.Verdict) { v.Begins = noon.Add(-time.Minute) }))
	if p.log[0] != "granted ok" {
		t.Errorf("a rotating code, and the lane is open: %v; want granted", p.log)
	}
}

func TestFloodOfGarbageIsCounted(t *testing.T) {
	p := newPlay(t, entry())
	for n := range 10_000 {
		p.read(fmt.Sprint("garbage", n))
		p.wait(time.Millisecond)
	}
	p.wait(2 * time.Second)
	single, counted := 0, 0
	for _, r := range p.records {
		if r.Count > 0 {
			counted += r.Count
		} else {
			single++
		}
	}
	if single+counted != 10_000 || float64(len(p.records)) > garbageAllowance.burst+10*garbageAllowance.perSecond+12 {
		t.Errorf("%d records for %d + %d denials; want all of 10000 in about 210", len(p.records), single, counted)
	}
}

// Whoever shows a crowd's worth of codes that were signed finds each in the journal,
// also behind a flood of garbage.
func TestDenialsOfSignedCodesAreJournaledOneByOne(t *testing.T) {
	p := newPlay(t, entry())
	for n := range 1000 {
		p.read(fmt.Sprint("garbage", n))
	}
	before := len(p.records)
	for n := range 300 {
		p.read(p.as(p.code(fmt.Sprint(n), 0), func(v *verify.Verdict) { v.Reason = verify.CodeExpired }))
		p.wait(10 * time.Millisecond)
	}
	single := 0
	for _, r := range p.records[before:] {
		if r.Reason == string(verify.CodeExpired) && r.Count == 0 {
			single++
		}
	}
	if single != 300 {
		t.Errorf("%d records of 300 denials; want one each", single)
	}
}

func TestRecordsNameTheCode(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.as(p.code("a", 0), func(v *verify.Verdict) { v.Slot, v.Rotation = 7, verify.ByChain }))
	r := p.records[0]
	if r.Certificate != "cti-a" || r.Holder != "sub-a" || r.KeyID != "kid" || r.Slot == nil || *r.Slot != 7 || r.Direction != "entry" || r.Scanner != "front" || !r.Time.Equal(noon) {
		t.Errorf("record = %+v; want the code's ids", r)
	}
	p.read("garbage")
	if r := p.records[1]; r.Certificate != "" || r.Slot != nil || strings.Contains(fmt.Sprint(r), "garbage") {
		t.Errorf("record = %+v; want nothing of what was not verified", r)
	}
}

func TestWordsKnowTheLaneAndTheDocument(t *testing.T) {
	var got []Occasion
	s := New(&Rules{Direction: "exit", Role: journal.Exit, OpenFor: time.Second, Opens: true})
	for _, v := range []verify.Verdict{
		{Reason: verify.CertificateExpired, Signed: true},
		{Reason: verify.CertificateExpired, Signed: true, Rotation: verify.ByIssuer},
	} {
		_, effects := s.Step(Judged{Verdict: v}, Instant{})
		for _, e := range effects {
			if e, ok := e.(Show); ok {
				got = append(got, e.Occasion)
			}
		}
	}
	if len(got) != 2 || !got[0].Exit || !got[0].Static || got[1].Static {
		t.Errorf("occasions = %+v; want of an exit, the first of paper", got)
	}
}

func TestServiceNames(t *testing.T) {
	for m := ServiceNone; m <= ServiceDiagnosis; m++ {
		if got, err := ParseService(m.String()); err != nil || got != m {
			t.Errorf("ParseService(%q) = %v, %v", m, got, err)
		}
	}
	if _, err := ParseService("party"); err == nil || !strings.Contains(err.Error(), "free") {
		t.Errorf("ParseService = %v; want an error that says what there is", err)
	}
}
