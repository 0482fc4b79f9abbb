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

// effect is the first effect of a type.
func effect[T Effect](t *testing.T, effects []Effect) (e T) {
	t.Helper()
	for _, e := range effects {
		if e, ok := e.(T); ok {
			return e
		}
	}
	t.Fatalf("%+v; want a %T among them", effects, e)
	return e
}

// Each answer goes to the claim that it is for, and each claim names what it is for.
func TestAnswersGoToTheirClaims(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Claims = true }))
	var asked []Claim
	p.claim = func(c Claim) { asked = append(asked, c) }
	a, b := p.as(p.code("a", 0), isPaper), p.as(p.code("b", 0), isPaper)
	p.read(a)
	p.read(b)
	if len(asked) != 2 || asked[0].ID == asked[1].ID || !slices.Equal(asked[1].Keys, []ClaimKey{{ClaimPaper, journal.AnyRole, "cti-b"}}) {
		t.Fatalf("%+v; want two claims, the second for b's slip", asked)
	}
	before := p.State
	p.feed(Claimed{asked[1].ID, Held})
	if r := p.last(); r.Certificate != "cti-b" {
		t.Errorf("%+v; want b granted", r)
	}
	if len(before.claims) != 2 || before.claims[0].id != asked[0].ID || before.claims[1].id != asked[1].ID {
		t.Errorf("%+v: a step changes the state before it", before.claims)
	}
	p.feed(Emergency{Active: true})
	if d := effect[Drop](t, p.step(Claimed{asked[0].ID, Held})); d.Reason != "emergency" {
		t.Errorf("dropped for %q; want the emergency", d.Reason)
	}
}

// While staff have the lane a passenger's claim comes too late, and a staff code's does not.
func TestAClaimThatIsAnsweredUnderService(t *testing.T) {
	for _, tt := range []struct {
		code func(*verify.Verdict)
		want string
	}{{isPaper, "out_of_service"}, {isStaff, "ok"}} {
		p := newPlay(t, entry(func(r *Rules) { r.Claims, r.Accept.Classes = true, []verify.Class{1, 2, 3} }))
		var asked []Claim
		p.claim = func(c Claim) { asked = append(asked, c) }
		p.read(p.as(p.code("a", 0), tt.code))
		p.feed(Service{Mode: ServiceClosed, By: "a technician", Why: "a test"})
		p.feed(Claimed{asked[0].ID, Held})
		if r := p.last(); r.Reason != tt.want {
			t.Errorf("%+v; want %s", r, tt.want)
		}
	}
}

// A record of a grant says for how many people it is, and the records of the others which.
func TestTheRecordsOfAGroup(t *testing.T) {
	for people, want := range map[int]string{0: "", 1: "", 2: "for 2 people", 3: "for 3 people"} {
		p := ticketed(t, ticket(func(k *Ticket) { k.People = people }))
		p.read(p.code("a", 0))
		if r := p.records[len(p.records)-1]; r.Detail != want {
			t.Errorf("%d people: %q; want %q", people, r.Detail, want)
		}
	}
	p := ticketed(t, ticket(func(k *Ticket) { k.People = 3 }))
	p.read(p.code("a", 0))
	p.now += 4 * time.Second
	w := effect[Write](t, p.step(Sensor{true}))
	if w.Record.Detail != "person 2 of 3" {
		t.Errorf("%q; want the second of three", w.Record.Detail)
	}
	o := effect[Open](t, p.step(Written{Proof: onDisk(99)}))
	if o.Window != p.rules.OpenFor || !o.Next {
		t.Errorf("%+v; want an opening of the whole time, for the next person", o)
	}
	p.step(Sensor{false})
	p.wait(4 * time.Second) // the second has a window of its own
	p.wantMode(ModeGranted)
}

// Who follows the last of a group within the window is a tailgater.
func TestWhoFollowsAGroup(t *testing.T) {
	p := ticketed(t, ticket(func(k *Ticket) { k.People = 2 }))
	p.read(p.code("a", 0))
	p.now += 4 * time.Second
	p.walk()
	p.walk()
	p.now += 2 * time.Second // the first window is over
	p.walk()
	if r := p.records[len(p.records)-1]; r.Kind != journal.Tailgating {
		t.Errorf("%s; want tailgating", r.Kind)
	}
}

// A code that turns out to be spent took no ticket, and says nothing of one.
func TestADenialNamesNoTicket(t *testing.T) {
	p := ticketed(t, ticket())
	v := p.verdicts[p.code("a", 0)]
	w := effect[Write](t, p.step(Judged{Verdict: v, Tickets: []Ticket{ticket()}}))
	if want := (journal.Ride{Ticket: "one", Until: noon.Add(time.Hour).Unix(), N: 1}); *w.Ride != want {
		t.Errorf("ride %+v; want %+v", *w.Ride, want)
	}
	if j := effect[Journal](t, p.step(Written{Err: journal.ErrSpent})); j.Record.Ticket != "" {
		t.Errorf("%+v; want no ticket", j.Record)
	}
	p.step(Judged{Verdict: v, Tickets: []Ticket{ticket()}})
	p.step(Written{Proof: onDisk(7)})
	p.now += p.rules.OpenFor
	if j := effect[Journal](t, p.step(Tick{})); *j.Ride != (journal.Ride{Ticket: "one", Until: noon.Add(time.Hour).Unix(), N: -1}) {
		t.Errorf("%+v; want the ride given back", *j.Ride)
	}
}

// The order in which tickets come does not matter but where they are equal: the first is taken.
func TestTheTicketsOrder(t *testing.T) {
	period := ticket(func(k *Ticket) { k.ID, k.Kind, k.Count = "period", PeriodTicket, 0 })
	multi := ticket(func(k *Ticket) { k.ID, k.Kind, k.Count = "multi", MultiTicket, 9 })
	sooner := ticket(func(k *Ticket) { k.ID, k.Until = "sooner", noon.Add(time.Minute) })
	again := ticket(func(k *Ticket) { k.ID = "again" })
	for _, tt := range []struct {
		want    journal.ID
		tickets []Ticket
	}{{"period", []Ticket{period, multi}}, {"sooner", []Ticket{sooner, multi}}, {"one", []Ticket{ticket(), again}}, {"again", []Ticket{again, ticket()}}} {
		p := ticketed(t, tt.tickets...)
		p.read(p.code("a", 0))
		if r := p.records[len(p.records)-1]; r.Ticket != tt.want {
			t.Errorf("%q is taken; want %q", r.Ticket, tt.want)
		}
	}
}

// A ride that may come back is the same ticket's, of a grant that nobody has used.
func TestARideThatMayComeBack(t *testing.T) {
	used := ticket(func(k *Ticket) { k.Kind, k.Used = MultiTicket, 1 })
	p := ticketed(t, used)
	p.rides["one"] = 1
	p.tickets["sub-b"] = []Ticket{ticket(func(k *Ticket) { k.ID = "two" })}
	p.read(p.code("b", 0))
	p.read(p.code("a", 0))
	if p.decided() != "denied no_ticket" {
		t.Errorf("%s; want that another's standing grant gives no ride", p.decided())
	}
	p = ticketed(t, ticket(func(k *Ticket) { k.People = 2 }))
	p.read(p.code("a", 0))
	p.walk()
	p.tickets["sub-a"] = []Ticket{used}
	p.now += time.Second
	p.read(p.code("a", 1))
	if p.decided() != "denied no_ticket" {
		t.Errorf("%s; want that a group of which one has crossed has used its ride", p.decided())
	}
}

// Passages are counted by days only where they are limited.
func TestPassagesAreCountedWhereTheyAreLimited(t *testing.T) {
	for limit, want := range map[int]int{0: 0, 1: 20261123, 2: 20261123} {
		p := newPlay(t, entry(func(r *Rules) { r.PerDay = limit }))
		p.read(p.code("a", 0))
		day := p.rules.Day(noon)
		if want > 0 {
			want = day
		}
		if r := effect[RecordPassage](t, p.step(Sensor{true})); r.Day != want {
			t.Errorf("a limit of %d: day %d; want %d", limit, r.Day, want)
		}
	}
}

// New rules close nothing that was not open for everybody, and hold from the step that takes them.
func TestNewRulesTakeEffectAtOnce(t *testing.T) {
	closes := func(effects []Effect) bool {
		return slices.ContainsFunc(effects, func(e Effect) bool { _, ok := e.(Close); return ok })
	}
	p := newPlay(t, entry())
	shut := entry(func(r *Rules) { r.Hours = Hours{1, 2} })
	if closes(p.step(NewRules{shut})) {
		t.Error("a lane that is closed is closed again")
	}
	if s := p.Snapshot(); s.Rules != shut || !s.Shut || p.State.next != nil || p.NextWake() == 0 {
		t.Errorf("%+v; want the new rules, and the lane shut", s)
	}
	p.step(NewRules{entry()})
	if s := p.Snapshot(); s.Shut || p.NextWake() != 0 {
		t.Errorf("shut %v, wakes at %v; want a lane that is open at all hours", s.Shut, p.NextWake())
	}
	p.feed(Service{Mode: ServiceFree, By: "a technician", Why: "a test"})
	if closes(p.step(NewRules{entry()})) {
		t.Error("free passage ends although the lane still opens")
	}
}

func TestTimesOfDayAreDigits(t *testing.T) {
	for _, text := range []string{"0::30-12:00", "0/:30-05:00", "05:/0-06:00", "04:00-05:0/"} { // ":" is behind "9", "/" before "0"
		if h, err := ParseHours(text); err == nil {
			t.Errorf("ParseHours(%q) = %v; want an error", text, h)
		}
	}
}

// What became of a grant is known by its number; others' records say nothing of it.
func TestOutcomesOfGrants(t *testing.T) {
	denials := func(o *Outcomes, at time.Duration) {
		for range 20 {
			o.Add(journal.Record{Kind: journal.Decision, Decision: journal.Denied, Reason: string(verify.UnknownKey)}, at)
		}
	}
	grant := journal.Record{Kind: journal.Decision, Decision: journal.Granted, Seq: 7}
	check := journal.Record{Kind: journal.Decision, Decision: journal.Granted, Direction: "check"}
	for _, tt := range []struct {
		name    string
		records []journal.Record
		want    verify.Reason
	}{
		{"it was used", []journal.Record{grant, {Kind: journal.Passage, Grant: 7}}, ""},
		{"another was", []journal.Record{grant, {Kind: journal.Passage, Grant: 6}}, verify.UnknownKey},
		{"one check among many denials", []journal.Record{check}, ""},
		{"staff at a check", []journal.Record{{Kind: journal.ServiceBegin, Decision: journal.Granted, Direction: "check"}}, verify.UnknownKey},
	} {
		var o Outcomes
		denials(&o, outcomesFor)
		for _, r := range tt.records {
			o.Add(r, outcomesFor)
		}
		if got, _ := o.Fault(outcomesFor + time.Minute); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestALaneThatIsShutSaysWhenItOpens(t *testing.T) {
	m := Say(Occasion{Reason: ScreenNotOpen, Opens: "05:30"}, []string{"zh", "en"})
	if text := fmt.Sprint(m.Words); !strings.Contains(text, "05:30 开放") || !strings.Contains(text, "opens at 05:30") {
		t.Errorf("%q; want when it opens, in both languages", text)
	}
}
