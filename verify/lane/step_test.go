package lane

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// play is a lane on paper: it feeds events, answers effects from a store in
// memory, and writes down what happened.
type play struct {
	t tester
	State
	now      time.Duration
	verdicts map[string]verify.Verdict
	used     map[journal.Use]bool
	inside   map[journal.ID]journal.LastPassage
	days     map[string]int          // passages, by holder and day
	tickets  map[journal.ID][]Ticket // the manifest, by holder
	rides    map[journal.ID]int      // that were taken, by ticket
	seq      uint64
	answers  []Event       // what the lane has not heard yet
	spendErr error         // what the store answers
	spendFor time.Duration // how long it takes
	openErr  error
	said     Occasion // what was shown last
	log      []string
	records  []journal.Record

	outOfTouch  bool
	claim       func(Claim) // answers claims; nil: each holds
	claimsAsked int
}

func entry(change ...func(*Rules)) *Rules {
	r := &Rules{Direction: "entry", Role: journal.Entry, Passback: "off", PassbackFor: 2 * time.Hour, OpenFor: 5 * time.Second, Opens: true}
	for _, f := range change {
		f(r)
	}
	return r
}

// tester is a testing.T or a rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func newPlay(t tester, r *Rules) *play {
	s := New(r)
	s.why, s.shown = [Causes]string{}, ScreenIdle // every device works
	return &play{t: t, State: s, verdicts: map[string]verify.Verdict{}, used: map[journal.Use]bool{}, inside: map[journal.ID]journal.LastPassage{},
		days: map[string]int{}, tickets: map[journal.ID][]Ticket{}, rides: map[journal.ID]int{}}
}

// code makes a text that is granted, of a holder's nth code.
func (p *play) code(holder string, n int) string {
	text := fmt.Sprintf("RG1:%s/%d", holder, n)
	at := noon.Add(time.Duration(n) * time.Minute)
	p.verdicts[text] = verify.Verdict{
		Reason: verify.OK, Signed: true, KeyID: "kid", Holder: verify.HolderID("sub-" + holder), Certificate: verify.CertificateID("cti-" + holder),
		Class: verify.Temporary, Rotation: verify.ByIssuer, IssuedAt: at, Begins: at, Ends: at.Add(70 * time.Second), Expires: at.Add(24 * time.Hour), Early: 5 * time.Second,
	}
	return text
}

func (p *play) as(text string, change func(*verify.Verdict)) string {
	v := p.verdicts[text]
	change(&v)
	p.verdicts[text] = v
	return text
}

func (p *play) instant() Instant {
	return Instant{Mono: p.now, Wall: noon.Add(p.now), Trusted: true}
}

// feed steps the lane with an event and all that follows from it, as the runner does:
// what an effect brings about is heard once the step is done.
func (p *play) feed(ev Event) {
	for p.answers = []Event{ev}; len(p.answers) > 0; {
		var effects []Effect
		next := p.answers[0]
		p.answers = p.answers[1:]
		p.State, effects = p.State.Step(next, p.instant())
		for _, e := range effects {
			p.perform(e)
		}
	}
}

func (p *play) answer(ev Event) { p.answers = append(p.answers, ev) }

// onDisk is the play's proof of a record.
type onDisk uint64

func (d onDisk) Seq() uint64 { return uint64(d) }
func (d onDisk) OnDisk()     {}

func (p *play) perform(e Effect) {
	switch e := e.(type) {
	case Decide:
		v, ok := p.verdicts[e.Text]
		if !ok {
			v = verify.Verdict{Reason: verify.Malformed}
		}
		answer := Judged{Read: e.Read, Verdict: v}
		if c, ok := p.inside[journal.ID(v.Holder)]; ok {
			answer.Last = &c
		}
		answer.Used, answer.OutOfTouch = p.used[p.rules.Use(&v)], p.outOfTouch
		answer.Today = p.days[fmt.Sprint(v.Holder, p.rules.Day(p.instant().Wall))]
		for _, k := range p.tickets[journal.ID(v.Holder)] {
			k.Used = p.rides[k.ID]
			answer.Tickets = append(answer.Tickets, k)
		}
		p.answer(answer)
	case Write:
		p.now += p.spendFor
		err := p.spendErr
		if e.Use != nil && p.used[*e.Use] {
			err = journal.ErrSpent
		}
		if err != nil {
			p.answer(Written{Err: err})
			return
		}
		if e.Use != nil {
			p.used[*e.Use] = true
		}
		p.ride(e.Ride)
		p.write(e.Record)
		p.answer(Written{Proof: onDisk(p.seq)})
	case Claim:
		p.claimsAsked++
		if p.claim == nil {
			p.answer(Claimed{e.ID, Held})
		} else {
			p.claim(e)
		}
	case Open:
		if e.Proof == nil || e.Proof.Seq() == 0 {
			p.t.Errorf("at %v the relay moves without a record", p.now)
		}
		if p.openErr == nil {
			p.note("open")
		}
		p.answer(Opened{Seq: e.Proof.Seq(), Err: p.openErr, Emergency: errors.Is(p.openErr, errEmergency)})
	case Close:
		p.note("close")
	case Release:
		p.note("release")
	case Journal:
		if e.Use != nil {
			p.used[*e.Use] = true
		}
		p.ride(e.Ride)
		p.write(e.Record)
	case RecordPassage:
		if e.Day != 0 {
			p.days[fmt.Sprint(verify.HolderID(e.Record.Holder), e.Day)]++
		}
		p.inside[e.Record.Holder] = journal.LastPassage{Role: p.rules.Role, Time: e.Record.Time}
		p.write(e.Record)
	case Show:
		p.said = e.Occasion
		p.note("show " + e.Occasion.Reason)
	case Drop:
		p.note("drop " + e.Reason)
	default:
		p.t.Fatalf("effect %T", e)
	}
}

func (p *play) ride(r *journal.Ride) {
	if r != nil {
		p.rides[r.Ticket] += r.N
	}
}

func (p *play) write(r journal.Record) {
	p.seq++
	r.Seq = p.seq
	p.records = append(p.records, r)
	if r.Kind == journal.Decision {
		p.note(string(r.Decision) + " " + r.Reason)
		return
	}
	p.note(string(r.Kind))
}

func (p *play) note(s string) { p.log = append(p.log, s) }

func (p *play) read(text string) {
	p.feed(Read{Scanner: "front", Text: text, At: p.now})
}

// wait lets time pass, with the ticks that the lane asks for.
func (p *play) wait(d time.Duration) {
	end := p.now + d
	for {
		next := p.State.NextWake()
		if next == 0 || next > end {
			break
		}
		p.now = max(p.now, next)
		p.feed(Tick{})
		if again := p.State.NextWake(); again != 0 && again <= p.now {
			p.t.Fatalf("at %v, after a tick, the lane waits for %v", p.now, again)
		}
	}
	p.now = end
}

func (p *play) walk() {
	p.feed(Sensor{true})
	p.now += 100 * time.Millisecond
	p.feed(Sensor{false})
}

// want compares what happened since the last want, and forgets it.
func (p *play) want(what ...string) {
	p.t.Helper()
	got := strings.Join(p.log, ", ")
	if want := strings.Join(what, ", "); got != want {
		p.t.Errorf("at %v:\n got %s\nwant %s", p.now, got, want)
	}
	p.log = nil
}

func (p *play) wantMode(m Mode) {
	p.t.Helper()
	if got := p.Mode(); got != m {
		p.t.Errorf("at %v the lane is %s; want %s", p.now, got, m)
	}
}

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

func TestEmergency(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.log = nil
	p.feed(Emergency{true})
	p.want("release", "emergency_begin", "show emergency")
	p.wantMode(ModeEmergency)
	p.read(p.code("b", 0)) // denies nobody
	p.walk()
	p.walk()
	p.wait(time.Hour)
	p.feed(Emergency{true})
	p.want("drop emergency")
	p.feed(Emergency{false})
	p.want("emergency_end", "show idle")
	p.wantMode(ModeClosed)
	if r := p.records[len(p.records)-1]; r.Count != 2 {
		t.Errorf("%d people left; want 2", r.Count)
	}
	p.walk()
	p.want("forced", "show one_by_one")
}

// The fire loop works with no keyset, no clock, a full disk.
func TestEmergencyWorksOutOfService(t *testing.T) {
	p := newPlay(t, entry())
	for c := range Causes {
		p.feed(Missing{c, "gone"})
	}
	p.log = nil
	p.feed(Emergency{true})
	p.want("release", "emergency_begin", "show emergency")
	p.feed(Emergency{false})
	p.want("emergency_end", "show out_of_service")
}

func TestOutOfService(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseClock, "not synchronised"})
	p.want("release", "out_of_service", "show out_of_service")
	p.wantMode(ModeOutOfService)
	p.feed(Missing{CauseKeyset, "none"})
	p.feed(Missing{CauseKeyset, "none"})
	p.want("release", "out_of_service")
	p.read(p.code("a", 0))
	p.want("drop out_of_service")
	p.feed(Missing{CauseClock, ""})
	p.want()
	p.feed(Missing{CauseKeyset, ""})
	p.want("in_service", "show idle")
	p.read(p.code("a", 0)) // the same text: what was dropped was not held
	p.want("granted ok", "open", "show ok")
}

// A device that has not yet said how it is closes the lane and is no news.
func TestStartingIsNoNews(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Missing{CauseTurnstile, Starting})
	p.want("show out_of_service")
	p.feed(Missing{CauseTurnstile, ""})
	p.want("in_service", "show idle")
}

func TestStoreThatFailsDeniesAndCloses(t *testing.T) {
	p := newPlay(t, entry())
	p.spendErr = errors.New("no space left on device")
	p.read(p.code("a", 0))
	p.want("release", "out_of_service", "show out_of_service", "denied out_of_service")
	p.wantMode(ModeOutOfService)
}

func TestRelayThatFailsIsAFault(t *testing.T) {
	p := newPlay(t, entry())
	p.openErr = errors.New("relay: no such device")
	p.read(p.code("a", 0))
	p.want("granted ok", "no_passage", "release", "out_of_service", "show out_of_service")
	p.wantMode(ModeOutOfService)
}

func TestOpeningThatMeetsAnEmergency(t *testing.T) {
	p := newPlay(t, entry())
	p.openErr = errEmergency
	p.read(p.code("a", 0))
	p.wantMode(ModeClosed)
	p.feed(Emergency{true})
	p.wantMode(ModeEmergency)
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

func TestServiceEndsByItself(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceClosed, By: "technician"})
	p.want("service_begin", "show out_of_service")
	p.wait(10*time.Minute - 1)
	p.want()
	p.wait(1)
	p.want("service_end", "show idle")
}

func TestFreePassageStopsForAnEmergencyAndForAFault(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "technician", Why: "a broken sensor"})
	p.feed(Emergency{true})
	p.log = nil
	p.wait(time.Minute)
	p.want()
	p.feed(Emergency{false})
	p.want("emergency_end", "show free_passage")
	p.wait(1)
	p.log = nil
	p.feed(Missing{CauseStore, "gone"})
	p.log = nil
	p.wait(time.Minute)
	p.want()
	p.feed(Missing{CauseStore, ""})
	p.feed(Tick{})
	if !strings.Contains(strings.Join(p.log, ","), "open") {
		t.Errorf("%v; want it to open again", p.log)
	}
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

// errEmergency is what the play's turnstile says while its emergency input is active.
var errEmergency = errors.New("emergency input is active")
