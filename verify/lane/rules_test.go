package lane

import (
	"testing"
	"time"

	"railgate/store/journal"
)

// New rules wait until nobody is being let through: whoever was granted finishes by the old ones.
func TestNewRulesComeBetweenTwoPassages(t *testing.T) {
	p := newPlay(t, entry())
	exit := &Rules{Direction: "exit", Role: journal.Exit, Passback: "hard", PassbackFor: time.Hour, OpenFor: time.Second, Opens: true}
	p.read(p.code("a", 0))
	p.feed(NewRules{exit})
	if p.Rules() == exit {
		t.Fatal("new rules while somebody is let through")
	}
	p.feed(Sensor{true})
	if p.Rules() == exit {
		t.Error("new rules while somebody crosses")
	}
	if last := p.records[len(p.records)-1]; last.Kind != journal.Passage || last.Direction != "entry" {
		t.Errorf("%+v; want a passage by the old rules", last)
	}
	p.feed(Sensor{false})
	if p.Rules() != exit {
		t.Error("the old rules when nobody is let through any more")
	}
	p.log = nil
	p.read(p.code("b", 1))
	p.want("granted ok", "open", "show ok")
	p.wait(time.Second)
	p.want("no_passage", "close", "show idle")
}

// They wait for a grant that is on its way to the disk.
func TestNewRulesWaitForTheDisk(t *testing.T) {
	p := newPlay(t, entry())
	other := entry(func(r *Rules) { r.Passback = "hard" })
	v := p.verdicts[p.code("a", 0)]
	s, _ := p.State.Step(Judged{Verdict: v}, p.instant())
	s, _ = s.Step(NewRules{other}, p.instant())
	if s.Rules() == other {
		t.Error("new rules while a grant is written")
	}
	if s, _ = s.Step(Written{Err: journal.ErrSpent}, p.instant()); s.Rules() != other {
		t.Error("the old rules after it was denied")
	}
}

// Free passage ends where the lane opens nothing any more.
func TestNewRulesEndFreePassage(t *testing.T) {
	p := newPlay(t, entry())
	p.feed(Service{Mode: ServiceFree, By: "a technician", Why: "a test"})
	p.log = nil
	p.feed(NewRules{&Rules{Direction: "check", Role: journal.Check, OpenFor: time.Second}})
	p.want("close")
}
