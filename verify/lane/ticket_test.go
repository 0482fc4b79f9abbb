package lane

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// ticketed is an entry of GZQ that asks for tickets; a's are given.
func ticketed(t *testing.T, tickets ...Ticket) *play {
	t.Helper()
	p := newPlay(t, entry(func(r *Rules) { r.Tickets, r.Station = true, "GZQ" }))
	p.tickets["sub-a"] = tickets
	return p
}

// decided is the last decision that was journaled.
func (p *play) decided() string {
	for _, r := range slices.Backward(p.records) {
		if r.Kind == journal.Decision {
			return string(r.Decision) + " " + r.Reason
		}
	}
	return ""
}

// ticket is a single one of GZQ, good for two hours at noon.
func ticket(change ...func(*Ticket)) Ticket {
	k := Ticket{ID: "one", Kind: SingleTicket, Train: "G1", From: noon.Add(-time.Hour), Until: noon.Add(time.Hour), Station: "GZQ", Count: 1, People: 1}
	for _, f := range change {
		f(&k)
	}
	return k
}

func TestALaneWithTicketsAsksForOne(t *testing.T) {
	at := func(from, until time.Duration) func(*Ticket) {
		return func(k *Ticket) { k.From, k.Until = noon.Add(from), noon.Add(until) }
	}
	elsewhere := func(k *Ticket) { k.Station = "BJX" }
	for _, tt := range []struct {
		name    string
		tickets []Ticket
		want    string
	}{
		{"none", nil, "denied no_ticket"},
		{"one for now", []Ticket{ticket()}, "granted ok"},
		{"one for anywhere", []Ticket{ticket(func(k *Ticket) { k.Station = "" })}, "granted ok"},
		{"from this instant", []Ticket{ticket(at(0, time.Hour))}, "granted ok"},
		{"from a second later", []Ticket{ticket(at(time.Second, time.Hour))}, "denied too_early"},
		{"until this instant", []Ticket{ticket(at(-time.Hour, 0))}, "denied no_ticket"},
		{"until a second later", []Ticket{ticket(at(-time.Hour, time.Second))}, "granted ok"},
		{"of another station", []Ticket{ticket(elsewhere)}, "denied wrong_station"},
		{"of another station, ended", []Ticket{ticket(elsewhere, at(-2*time.Hour, -time.Hour))}, "denied no_ticket"},
		{"of another station, and one too early here", []Ticket{ticket(elsewhere), ticket(at(time.Minute, time.Hour))}, "denied too_early"},
		{"one that ended, and one for now", []Ticket{ticket(at(-2*time.Hour, -time.Hour)), ticket()}, "granted ok"},
		{"a period's", []Ticket{ticket(func(k *Ticket) { k.Kind, k.Count = PeriodTicket, 0 })}, "granted ok"},
		{"of no rides", []Ticket{ticket(func(k *Ticket) { k.Kind, k.Count = MultiTicket, 0 })}, "denied no_ticket"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ticketed(t, tt.tickets...)
			p.read(p.code("a", 0))
			if p.decided() != tt.want {
				t.Errorf("%v; want %s", p.log, tt.want)
			}
		})
	}
}

// Rides are taken by grants and counted by passages: a grant that nobody used gives its ride back.
func TestAMultiRideTicketIsGoodForItsRides(t *testing.T) {
	p := ticketed(t, ticket(func(k *Ticket) { k.Kind, k.Count = MultiTicket, 2 }))
	ride := func(n int, walks bool, want string, left int) {
		t.Helper()
		p.log = nil
		p.read(p.code("a", n))
		if p.decided() != want {
			t.Fatalf("code %d: %v; want %s", n, p.log, want)
		}
		if walks {
			p.walk()
		}
		p.wait(10 * time.Second)
		if got := 2 - p.rides["one"]; got != left {
			t.Errorf("code %d: %d rides left; want %d", n, got, left)
		}
	}
	ride(0, true, "granted ok", 1)
	ride(1, false, "granted ok", 1)
	ride(2, true, "granted ok", 0)
	ride(3, false, "denied no_ticket", 0)
	for _, r := range p.records {
		if r.Kind == journal.NoPassage && r.Ticket != "one" || r.Decision == journal.Denied && r.Ticket != "" {
			t.Errorf("%+v; want the ticket where a ride was taken, and no other", r)
		}
	}
}

// An emergency ends a grant on which nobody has crossed: its ride comes back, and the journal says
// why. A ride on which some of a group have crossed does not.
func TestAnEmergencyGivesRidesBack(t *testing.T) {
	for _, tt := range []struct {
		name    string
		crossed int
		taken   int
		count   int
	}{{"nobody has crossed", 0, 0, 0}, {"one of three has", 1, 1, 2}} {
		p := ticketed(t, ticket(func(k *Ticket) { k.Kind, k.Count, k.People = MultiTicket, 2, 3 }))
		p.read(p.code("a", 0))
		for range tt.crossed {
			p.walk()
		}
		p.feed(Emergency{true})
		if r := p.last(); r.Kind != journal.NoPassage || r.Detail != "an emergency began" || r.Grant != 1 || r.Count != tt.count {
			t.Errorf("%s: %+v; want that nobody crosses on the grant, for the emergency", tt.name, r)
		}
		if p.rides["one"] != tt.taken {
			t.Errorf("%s: %d rides are taken; want %d", tt.name, p.rides["one"], tt.taken)
		}
	}
}

// A period's ticket takes no ride where there is one; of two others the first to end goes.
func TestTheTicketThatIsTaken(t *testing.T) {
	period := ticket(func(k *Ticket) { k.ID, k.Kind, k.Count = "period", PeriodTicket, 0 })
	multi := ticket(func(k *Ticket) { k.ID, k.Kind, k.Count = "multi", MultiTicket, 9 })
	sooner := ticket(func(k *Ticket) { k.ID, k.Until = "sooner", noon.Add(time.Minute) })
	for want, tickets := range map[journal.ID][]Ticket{"period": {sooner, multi, period}, "sooner": {multi, sooner}, "multi": {multi}} {
		p := ticketed(t, tickets...)
		p.read(p.code("a", 0))
		if got := p.records[0].Ticket; got != want || p.rides["period"] != 0 {
			t.Errorf("ticket %q is taken, %d rides of the period's; want %q, and none", got, p.rides["period"], want)
		}
	}
}

// A holder who shows the next code before crossing takes the first grant's place, and its ride.
func TestOneRideIsNotTakenTwice(t *testing.T) {
	p := ticketed(t, ticket())
	p.read(p.code("a", 0))
	p.read(p.code("a", 1))
	if got := p.rides["one"]; got != 1 || len(p.grants) != 1 || p.decided() != "granted ok" || p.grants[0].record.Seq == 1 {
		t.Errorf("%d rides, %d grants: %v; want one of each", got, len(p.grants), p.log)
	}
	p.walk()
	p.wait(10 * time.Second)
	p.log = nil
	p.read(p.code("a", 2))
	if p.decided() != "denied no_ticket" || p.rides["one"] != 1 {
		t.Errorf("%v, %d rides; want none left", p.log, p.rides["one"])
	}
}

// What a failing turnstile or a slow disk takes is given back.
func TestARideThatOpenedNothingIsGivenBack(t *testing.T) {
	for name, hurt := range map[string]func(*play){
		"the turnstile fails": func(p *play) { p.openErr = errEmergency },
		"the disk is slow":    func(p *play) { p.spendFor = 4 * time.Second },
	} {
		p := ticketed(t, ticket())
		hurt(p)
		p.read(p.code("a", 0))
		if got, taken := p.rides["one"]; got != 0 || !taken {
			t.Errorf("%s: %d rides are taken (%v); want one that was given back", name, got, p.log)
		}
	}
}

// A group has one code: each of its people is let through by a record of its own.
func TestAGroupPassesOnOneGrant(t *testing.T) {
	group := ticket(func(k *Ticket) { k.People = 3 })
	p := ticketed(t, group)
	p.rules.PerDay = 9
	p.read(p.code("a", 0))
	p.want("granted ok", "open", "show ok")
	p.walk()
	p.want("passage", "opening", "open")
	p.walk()
	p.want("passage", "opening", "open")
	p.walk()
	p.want("passage", "close", "show idle")
	p.wait(10 * time.Second)
	p.walk()
	p.want("forced", "show one_by_one")
	if day := p.days[fmt.Sprint(verify.HolderID("sub-a"), 20261123)]; p.rides["one"] != 1 || day != 1 {
		t.Errorf("%d rides, %d passages of the day; want one of each for the group", p.rides["one"], day)
	}
}

// Of a group some may stay away: the ride is gone, and the journal says how many.
func TestAGroupThatDoesNotAllPass(t *testing.T) {
	p := ticketed(t, ticket(func(k *Ticket) { k.People = 3 }))
	p.read(p.code("a", 0))
	p.walk()
	p.wait(time.Minute)
	last := p.records[len(p.records)-1]
	if last.Kind != journal.NoPassage || last.Count != 2 || p.rides["one"] != 1 || len(p.grants) != 0 {
		t.Errorf("%+v, %d rides; want no passage of 2, and the ride taken", last, p.rides["one"])
	}
}

// The next of a group crosses before the disk has the record for it: nothing opens once the grant
// is used up, though another's stands.
func TestAGroupThatHasPassedDoesNotGoOn(t *testing.T) {
	p := ticketed(t, ticket(func(k *Ticket) { k.People = 2 }))
	p.tickets["sub-b"] = []Ticket{ticket(func(k *Ticket) { k.ID = "b" })}
	p.read(p.code("a", 0))
	p.read(p.code("b", 0))
	only[Write](t, p.step(Sensor{true}))
	p.step(Sensor{false})
	p.step(Sensor{true})
	if n := len(p.grants); n != 1 || p.grants[0].record.Holder != "sub-b" {
		t.Fatalf("%+v; want that b's grant alone stands", p.grants)
	}
	for _, e := range p.step(Written{Proof: onDisk(9)}) {
		if e, ok := e.(Open); ok {
			t.Errorf("%+v; want that nothing opens for a group that has passed", e)
		}
	}
}

// An emergency between two of a group ends the grant: nothing opens for the record that comes late.
func TestAGroupEndsWithAnEmergency(t *testing.T) {
	p := ticketed(t, ticket(func(k *Ticket) { k.People = 3 }))
	p.read(p.code("a", 0))
	s, effects := p.State.Step(Sensor{true}, p.instant())
	s, _ = s.Step(Emergency{true}, p.instant())
	if _, ok := effects[1].(Write); !ok {
		t.Fatalf("%+v; want a record for the next person", effects)
	}
	_, effects = s.Step(Written{Proof: onDisk(9)}, p.instant())
	for _, e := range effects {
		if _, ok := e.(Open); ok {
			t.Error("the relay moves in an emergency")
		}
	}
}

// The order of the lane's rules: already used, passback, ticket, limits.
func TestTheFirstRuleThatForbidsIsTheReason(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) {
		r.Passback, r.Tickets, r.PerDay, r.Hours = "hard", true, 1, Hours{0, 60} // noon is 12:00 in Shanghai
	}))
	p.feed(Tick{})
	v := p.verdicts[p.code("a", 0)]
	ev := Judged{Verdict: v, Used: true, Last: &journal.LastPassage{Role: journal.Entry, Time: noon}, Today: 1}
	want := func(reason string) {
		t.Helper()
		p.log = nil
		p.feed(ev)
		if p.decided() != "denied "+reason {
			t.Errorf("%v; want %s", p.log, reason)
		}
	}
	bad := ev
	bad.Verdict.Reason = verify.CodeExpired
	p.feed(bad)
	p.want("show not_open", "show code_expired", "denied code_expired")
	want("already_used")
	ev.Used = false
	want("passback")
	ev.Last = nil
	want("no_ticket")
	ev.Tickets = []Ticket{ticket()}
	want("wrong_station")
	ev.Tickets[0].Station = ""
	want("out_of_hours")
	p.rules.Hours = Hours{}
	p.feed(Tick{})
	want("limit_reached")
	ev.Today = 0
	p.used = map[journal.Use]bool{}
	p.feed(ev)
	if p.decided() != "granted ok" {
		t.Errorf("%v; want a grant", p.log)
	}
}
