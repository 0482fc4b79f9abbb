package lane

import (
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

func TestASensorThatSaysTheSameTwiceIsOnePerson(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.feed(Sensor{true})
	p.log = nil
	p.feed(Sensor{true})
	p.want()
	p.feed(Sensor{false})
	p.feed(Sensor{false})
	p.want()
}

func TestWhoForcesTheLaneAfterAPassageWasNotLetThrough(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.walk()
	p.wait(10 * time.Second)
	p.feed(Sensor{true})
	p.wantMode(ModeClosed)
}

func TestObstructedAgain(t *testing.T) {
	p := newPlay(t, entry())
	for range 2 {
		p.feed(Sensor{true})
		p.log = nil
		p.wait(blockedFor)
		if p.log[len(p.log)-1] != "obstructed" {
			t.Errorf("log = %v; want obstructed", p.log)
		}
		p.log = nil
		p.feed(Sensor{false})
		p.want("cleared")
		p.feed(Sensor{true})
		p.log = nil
		p.feed(Sensor{false})
		p.want() // nothing was obstructed
	}
}

func TestWhoWalksUnderFreePassageIsCrossingWhenItEnds(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
	p.feed(Sensor{true})
	p.feed(Service{Mode: ServiceNone, By: "root"})
	p.wantMode(ModePassage)
	p.feed(Sensor{false})
	p.wantMode(ModeClosed)
}

func TestTheLaneClosesWhenNobodyIsLetThroughAnyMore(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.wait(time.Second)
	p.read(p.code("b", 0))
	p.log = nil
	p.wait(4 * time.Second)
	p.want("no_passage")
	p.wait(time.Second)
	p.want("no_passage", "close", "show idle")
}

// The turnstile is open for everybody: one who did not come does not shut it.
func TestAGrantThatEndsUnderFreePassageClosesNothing(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.wait(time.Second)
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
	p.log = nil
	p.wait(4 * time.Second)
	p.want("no_passage")
}

func TestFreePassageThatIsAskedForAgainDoesNotClose(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
	p.log = nil
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
	p.want("service_begin", "show free_passage", "open")
}

func TestWhoIsStillWalkingWhenFreePassageEndsForcesNothing(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{{5*time.Second - 1, "tailgating"}, {5 * time.Second, "forced"}} {
		p := newPlay(t, entry())
		p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
		p.feed(Service{Mode: ServiceClosed, By: "root"})
		p.wait(tt.after)
		p.log = nil
		p.walk()
		p.want(tt.want, "show one_by_one")
	}
}

func TestFreePassageOpensAtOnceWhenWhatForbadeItIsOver(t *testing.T) {
	for name, event := range map[string][2]Event{
		"an emergency": {Emergency{true}, Emergency{false}},
		"a fault":      {Missing{CauseClock, "not synchronised"}, Missing{CauseClock, ""}},
	} {
		p := newPlay(t, entry())
		p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
		p.wait(time.Second)
		p.feed(event[0])
		p.wait(time.Second)
		p.feed(event[1])
		p.log = nil
		if p.feed(Tick{}); len(p.log) != 2 || p.log[1] != "open" {
			t.Errorf("after %s: %v; want an opening at once", name, p.log)
		}
	}
}

// A lane without a turnstile opens nothing, whoever asks.
func TestFreePassageWithoutATurnstile(t *testing.T) {
	p := newPlay(t, &Rules{Direction: "check", Role: journal.Check, OpenFor: 5 * time.Second})
	p.feed(Service{Mode: ServiceFree, By: "root", Why: "x"})
	p.wait(time.Minute)
	p.want("service_begin", "show free_passage")
}

func TestAServiceThatNobodyBeganEndsSilently(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceNone, By: "root"})
	p.want()
}

func TestEachEmergencyCountsItsOwn(t *testing.T) {
	p := newPlay(t, entry())
	for _, want := range []int{2, 1} {
		p.feed(Emergency{true})
		for range want {
			p.walk()
		}
		p.feed(Emergency{false})
		if r := p.last(); r.Count != want {
			t.Errorf("%d people left; want %d", r.Count, want)
		}
	}
}

// An emergency ends every grant: who crosses after it was let through by nobody.
func TestNoGraceAfterAnEmergency(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.feed(Emergency{true})
	p.feed(Emergency{false})
	p.log = nil
	p.walk()
	p.want("forced", "show one_by_one")
}

func TestStaffCodesThatAreRefusedSayOnlyThat(t *testing.T) {
	p := newPlay(t, entry())
	v := p.verdicts[staffCode(p, 0, func(v *verify.Verdict) { v.StaffKey = false })]
	effects := p.step(Judged{Verdict: v})
	if r := only[Journal](t, effects).Record; r.Reason != "class_not_accepted" || len(effects) != 2 {
		t.Errorf("effects = %+v; want a denial and its words", effects)
	}
}

func TestAnEntryLaneIsNoExit(t *testing.T) {
	for direction, role := range map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit} {
		p := newPlay(t, entry(func(r *Rules) { r.Direction, r.Role = direction, role }))
		p.step(Read{Text: "garbage"})
		if show := only[Show](t, p.step(Judged{})); show.Occasion.Exit != (role == journal.Exit) {
			t.Errorf("%s: shown %+v", direction, show.Occasion)
		}
	}
}
