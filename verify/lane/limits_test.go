package lane

import (
	"fmt"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// step steps the lane and performs nothing.
func (p *play) step(ev Event) (effects []Effect) {
	p.State, effects = p.State.Step(ev, p.instant())
	return effects
}

// only is the one effect of a kind.
func only[E Effect](t *testing.T, effects []Effect) (found E) {
	t.Helper()
	n := 0
	for _, e := range effects {
		if e, ok := e.(E); ok {
			found, n = e, n+1
		}
	}
	if n != 1 {
		t.Fatalf("%d effects %T in %+v; want one", n, found, effects)
	}
	return found
}

// The law's numbers, as docs and configurations promise them.
func TestNumbersOfTheLaw(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"an older reading opens nothing", staleAfter, time.Second},
		{"a grant opens nothing that took longer to the disk", lateAfter, 3 * time.Second},
		{"a text is held", HeldFor, 3 * time.Second},
		{"texts held to one glass", heldTexts, 8},
		{"a denial is shown", denialShown, 3 * time.Second},
		{"a sensor is obstructed after", blockedFor, 30 * time.Second},
		{"staff have the lane", ServiceFor, 10 * time.Minute},
		{"people let through before the first has crossed", maxGrants, 8},
		{"a code is remembered after its end", spentFor, 2 * time.Hour},
		{"a code is remembered past any tolerance", spentFor > verify.MaxTolerance, true},
		{"outcomes count", outcomesFor, 5 * time.Minute},
		{"outcomes kept", outcomesKept, 1024},
		{"ages kept", agesKept, 64},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v; want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestReadingsInAnEmergencyAreNotEvenDecided(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Emergency{true})
	if effects := p.step(Read{Text: p.code("a", 0)}); len(effects) != 1 || effects[0] != (Drop{"emergency"}) {
		t.Errorf("effects = %+v; want the drop alone", effects)
	}
}

// A reading was decided about, and meanwhile the lane is another.
func TestAVerdictThatComesTooLate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before Event
		reason verify.Reason
		want   []string
	}{
		{"in an emergency", Emergency{true}, verify.OK, []string{"drop emergency"}},
		{"of a denied code, in an emergency", Emergency{true}, verify.CodeExpired, []string{"drop emergency"}},
		{"out of service", Missing{CauseStore, "gone"}, verify.OK, []string{"show out_of_service", "denied out_of_service"}},
		{"of a denied code, out of service", Missing{CauseStore, "gone"}, verify.CodeExpired, []string{"show out_of_service", "denied out_of_service"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t, entry())
			p.feed(tt.before)
			p.log = nil
			p.feed(Judged{Verdict: verify.Verdict{Reason: tt.reason, Signed: true, Rotation: verify.ByIssuer}})
			p.want(tt.want...)
		})
	}
}

func TestATextIsHeldForThreeSecondsAndNoLonger(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	p.wait(HeldFor)
	p.read("another passenger's") // forgets none that is held still
	p.log = nil
	p.read(code)
	p.want("drop held")
	p.wait(HeldFor + 1)
	p.log = nil
	p.read(code)
	p.want("show already_used", "denied already_used")
}

func TestTheNinthTextAtAGlassIsHeldInsteadOfTheFirst(t *testing.T) {
	p := newPlay(t, entry())
	for n := range 9 {
		p.read(fmt.Sprint("text", n))
	}
	for n, want := range []string{1: "drop held", 2: "drop held", 8: "drop held"} {
		if want != "" {
			p.log = nil
			p.read(fmt.Sprint("text", n))
			p.want(want)
		}
	}
	p.log = nil
	p.read("text0")
	p.want("show malformed", "denied malformed")
}

// Each glass has its own room, and what is held no longer takes none.
func TestTextsHeldElsewhereOrLongAgoPushNobodyOut(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	for n := range heldTexts - 1 {
		p.feed(Read{Scanner: "back", Text: fmt.Sprint("garbage", n), At: p.now})
	}
	p.read("b's text")
	p.log = nil
	p.read(code)
	p.want("drop held")
	for n := range heldTexts - 2 {
		p.read(fmt.Sprint("garbage at the front", n))
	}
	for range 4 { // of all those only a's goes on being held
		p.wait(time.Second)
		p.read(code)
	}
	p.read("c's text")
	p.log = nil
	p.read(code)
	p.want("drop held")
}

func TestAnEarlyCodeMakesNoOtherTextANewReading(t *testing.T) {
	p := newPlay(t, entry())
	code := p.code("a", 0)
	p.read(code)
	p.read(p.as(p.code("b", 0), func(v *verify.Verdict) { v.Reason, v.Begins = verify.NotYetValid, noon.Add(6*time.Second) }))
	p.wait(1500 * time.Millisecond)
	p.log = nil
	p.read(code)
	p.want("drop held")
}

func TestGrantsHaveTheirWindow(t *testing.T) {
	p := newPlay(t, entry())
	p.step(Judged{Verdict: p.verdicts[p.code("a", 0)]})
	if open := only[Open](t, p.step(Written{Proof: onDisk(1)})); open.Window != 5*time.Second || open.Staff || open.Proof.Seq() != 1 {
		t.Errorf("open = %+v; want a passenger's, for 5 s, for record 1", open)
	}
	p = newPlay(t, entry())
	p.step(Service{Mode: ServiceFree, By: "root"})
	if open := only[Open](t, p.step(Written{Proof: onDisk(1)})); open.Window != 6*time.Second || !open.Staff {
		t.Errorf("open = %+v; want staff's, a second longer than until the next", open)
	}
}

// What is spent, and for how long it is remembered.
func TestWhatACodeIsSpentAs(t *testing.T) {
	p := newPlay(t, entry())
	code := p.as(p.code("a", 2), func(v *verify.Verdict) { v.Slot, v.Rotation, v.Begins = 7, verify.ByChain, noon.Add(9*time.Minute) })
	w := only[Write](t, p.step(Judged{Verdict: p.verdicts[code]}))
	want := journal.Use{Role: journal.Entry, Certificate: "cti-a", IssuedAt: noon.Add(2 * time.Minute).Unix(), Slot: 7, Begins: noon.Add(9 * time.Minute).Unix()}
	if *w.Use != want {
		t.Errorf("use = %+v; want %+v", *w.Use, want)
	}
	if until := p.verdicts[code].Ends.Add(2 * time.Hour); !w.Until.Equal(until) {
		t.Errorf("until %v; want %v", w.Until, until)
	}
}

func TestGraceEndsWithTheWindow(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.walk()
	p.wait(4900*time.Millisecond - 1)
	p.log = nil
	p.walk()
	p.want("tailgating", "show one_by_one")
	p = newPlay(t, entry())
	p.read(p.code("a", 0))
	p.walk()
	p.wait(4900 * time.Millisecond)
	p.log = nil
	p.walk()
	p.want("forced", "show one_by_one")
}

// A lane wakes for what comes first, and not at all where time alone changes nothing.
func TestTheLaneWakesForWhatComesFirst(t *testing.T) {
	p := newPlay(t, entry())
	wake := func(when string, want time.Duration) {
		t.Helper()
		if got := p.NextWake(); got != want {
			t.Errorf("%s the lane wakes at %v; want %v", when, got, want)
		}
	}
	wake("at rest", 0)
	p.read(p.code("a", 0))
	p.now = time.Second
	p.read("garbage")
	wake("with a denial before a grant's end", 4*time.Second)
	p.feed(Sensor{true})
	p.wait(3 * time.Second)
	wake("with somebody in the passage", 31*time.Second)
	p.feed(Sensor{false})
	wake("after a passage", 0)
	p.now = 10 * time.Second
	p.read(p.code("b", 0))
	p.now = 12 * time.Second
	p.read("more garbage")
	p.now = 16 * time.Second
	p.feed(Tick{})
	p.feed(Service{Mode: ServiceDiagnosis, By: "root"})
	wake("with a technician", 10*time.Minute+16*time.Second)
	p.feed(Service{Mode: ServiceNone, By: "root"})
	wake("without the technician", 0)
}

func TestAGrantsEndWakesTheLaneWhateverIsShown(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.now = time.Second
	p.read("garbage")
	p.now = 4 * time.Second
	p.feed(Tick{})
	if got := p.NextWake(); got != 5*time.Second {
		t.Errorf("the lane wakes at %v; want at the grant's end", got)
	}
}

func TestADenialStaysWhileAnotherPassengerCrosses(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.read("garbage")
	p.log = nil
	p.walk()
	p.want("passage", "close")
	p.wait(denialShown)
	p.want("show idle")
}

// A step makes a new state: the old one, which others may still read, stays.
func TestAStepLeavesTheStateBeforeItAlone(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Passback = "hard" }))
	for n := range 3 {
		p.read(p.code(fmt.Sprint("holder", n), 0))
	}
	for range 101 {
		p.feed(Judged{Verdict: verify.Verdict{Reason: verify.Malformed}})
	}
	for n := range 3 { // three records are on their way
		p.step(Judged{Verdict: p.verdicts[p.code(fmt.Sprint("more", n), 0)]})
	}
	before := fmt.Sprintf("%+v", p.State)
	code := p.code("holder0", 0)
	for name, ev := range map[string]Event{
		"a text that is held":      Read{Scanner: "front", Text: code},
		"an opening that failed":   Opened{Seq: 1, Err: errEmergency, Emergency: true},
		"a denial that is counted": Judged{Verdict: verify.Verdict{Reason: verify.Malformed}},
		"a passage":                Sensor{true},
	} {
		for _, after := range []time.Duration{0, time.Second / 2} {
			now := p.instant()
			now.Mono += after
			if p.State.Step(ev, now); fmt.Sprintf("%+v", p.State) != before {
				t.Fatalf("%s changed the state before it:\n%+v\n%s", name, p.State, before)
			}
		}
	}
	one, _ := p.State.Step(Judged{Verdict: p.verdicts[p.code("x", 0)]}, p.instant())
	p.State.Step(Judged{Verdict: p.verdicts[p.code("y", 0)]}, p.instant())
	if got := one.pending[3].record.Holder; got != "sub-x" {
		t.Errorf("another step from the same state made %s of sub-x", got)
	}
}

func TestANewLaneWaitsForItsDevices(t *testing.T) {
	s := New(entry())
	if v := s.Snapshot(); v.Mode != ModeOutOfService || v.Why[CauseScanner] != Starting || v.Why[CauseTurnstile] != Starting || s.shown != ScreenOutOfService {
		t.Errorf("snapshot = %+v, shown %q; want scanner and turnstile starting, out of service shown", v, s.shown)
	}
	if s := New(&Rules{Direction: "check"}); s.Why(CauseTurnstile) != "" || s.Why(CauseScanner) != Starting {
		t.Errorf("a lane without a turnstile waits for %q", s.Why(CauseTurnstile))
	}
}

func TestASnapshotSaysHowTheLaneIs(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Blind{noon})
	p.feed(Sensor{true})
	p.wait(blockedFor)
	if v := p.Snapshot(); !v.Obstructed || !v.BlindSince.Equal(noon) || v.Mode != ModeClosed || len(v.Reasons) != 0 {
		t.Errorf("snapshot = %+v; want obstructed, blind since noon, closed", v)
	}
	p.feed(Sensor{false})
	p.feed(Missing{CauseClock, "not synchronised"})
	v := p.Snapshot()
	if v.Obstructed || v.Mode != ModeOutOfService || len(v.Reasons) != 1 || v.Reasons[0] != "clock: not synchronised" || v.Why[CauseClock] != "not synchronised" {
		t.Errorf("snapshot = %+v; want out of service for its clock alone", v)
	}
}

func TestAServiceThatIsNotKnown(t *testing.T) {
	if m, err := ParseService("party"); m != ServiceNone || err == nil {
		t.Errorf("ParseService = %v, %v; want none, an error", m, err)
	}
}

func TestNoWordsInALanguageThatIsNotThere(t *testing.T) {
	if m := Say(Occasion{Reason: "ok"}, []string{"fr", "en"}); len(m.Words) != 1 || m.Words[0].Language != "en" {
		t.Errorf("words = %+v; want English alone", m.Words)
	}
}
