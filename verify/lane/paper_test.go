package lane

import (
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

// paper is a holder's slip, which no one reads as held to the glass.
func (p *play) paper(holder string) string { return p.as(p.code(holder, 0), isPaper) }

// show shows a text once whoever held it to the glass before has put it away, and tells what
// was decided.
func (p *play) show(text string) string {
	p.now += HeldFor + 1
	p.log = nil
	p.read(text)
	i := slices.IndexFunc(p.log, func(s string) bool { return strings.HasPrefix(s, "granted") || strings.HasPrefix(s, "denied") })
	if i < 0 {
		p.t.Fatalf("nothing was decided: %v", p.log)
	}
	return p.log[i]
}

// turn makes the lane another's of the same station, which knows what this one knew.
func (p *play) turn(direction string) {
	role := map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit, "check": journal.Check}[direction]
	p.feed(NewRules{entry(func(r *Rules) { r.Direction, r.Role, r.Opens = direction, role, role != journal.Check })})
	if p.rules.Role != role {
		p.t.Fatalf("the lane is of %s; want %s", p.rules.Direction, direction)
	}
}

func (p *play) wantShow(what, text, want string) {
	p.t.Helper()
	if got := p.show(text); got != want {
		p.t.Errorf("%s: %s; want %s", what, got, want)
	}
}

// Passages count, not codes: once a slip has passed in a role it is denied there until it has
// passed in the other, whatever anti-passback the lane has for holders.
func TestPaperPassesOnceUntilItCameBack(t *testing.T) {
	for _, mode := range []string{"off", "soft", "hard"} {
		p := newPlay(t, entry(func(r *Rules) { r.Passback, r.PassbackFor = mode, time.Minute }))
		slip, other := p.paper("a"), p.paper("b")
		p.wantShow(mode+", first", slip, "granted ok")
		p.walk()
		p.wait(12 * time.Hour)
		for range 2 {
			if p.wantShow(mode+", again", slip, "denied passback"); p.last().Reason != "passback" || p.last().Walk != 0 {
				t.Errorf("%+v; want a denial", p.last())
			}
		}
		p.wantShow(mode+", another slip", other, "granted ok")
		p.walk()
		for range 2 {
			p.turn("exit")
			p.wantShow(mode+", out", slip, "granted ok")
			p.walk()
			p.wantShow(mode+", out again", slip, "denied passback")
			p.turn("entry")
			p.wantShow(mode+", in again", slip, "granted ok")
			p.walk()
			p.wantShow(mode+", in a third time", slip, "denied passback")
		}
	}
}

// While a slip's grant stands it is not granted again, nor while it is on its way to one.
func TestPaperWhoseGrantStandsIsNotGrantedAgain(t *testing.T) {
	p := newPlay(t, entry(func(r *Rules) { r.Claims = true }))
	slip := p.paper("a")
	p.wantShow("first", slip, "granted ok")
	p.wantShow("a second person, before the first crosses", slip, "denied already_used")
	p.read(p.paper("z"))
	if r := p.last(); r.Certificate != "cti-z" || r.Decision != journal.Granted {
		t.Errorf("%+v; want that another slip is granted before the first crosses", r)
	}
	p.walk()
	p.walk()
	p.wantShow("once the first has crossed", slip, "denied passback")

	var asked []Claim
	p.claim = func(c Claim) { asked = append(asked, c) }
	slip = p.paper("b")
	p.now += HeldFor + 1
	p.read(slip)
	p.verdicts["another spelling"] = p.verdicts[slip]
	p.read("another spelling")
	if len(asked) != 1 || p.last().Reason != "already_used" {
		t.Fatalf("%d claims, %+v; want one, and that the copy is denied meanwhile", len(asked), p.last())
	}
	p.feed(Claimed{asked[0].ID, Held})
	if p.last().Decision != journal.Granted {
		t.Errorf("%+v; want that the first is granted", p.last())
	}

	// The disk is slow: the copy is read between.
	p = newPlay(t, entry())
	v := p.verdicts[p.paper("c")]
	only[Write](t, p.step(Judged{Verdict: v}))
	if r := effect[Journal](t, p.step(Judged{Verdict: v})).Record; r.Reason != "already_used" {
		t.Errorf("%+v; want that the copy waits for what became of the first", r)
	}
	if w := only[Write](t, p.step(Judged{Verdict: p.verdicts[p.paper("d")]})); w.Record.Certificate != "cti-d" {
		t.Errorf("%+v; want that another slip is granted meanwhile", w)
	}
}

// A code that rotates stands for itself alone, and so does the slip of its certificate.
func TestARotatingCodeDoesNotStand(t *testing.T) {
	p := newPlay(t, entry())
	p.read(p.code("a", 0))
	p.wantShow("the next code of the same certificate", p.code("a", 1), "granted ok")
	p.wantShow("its slip", p.as(p.code("a", 2), isPaper), "granted ok")
	p.wantShow("a code after its slip", p.code("a", 3), "granted ok")

	p = newPlay(t, entry())
	only[Write](t, p.step(Judged{Verdict: p.verdicts[p.code("b", 0)]}))
	if w := only[Write](t, p.step(Judged{Verdict: p.verdicts[p.as(p.code("b", 1), isPaper)]})); w.Record.Walk != 1 {
		t.Errorf("%+v; want that the slip is granted while the disk has the code", w)
	}
	used := journal.Walks{Granted: [journal.Check]uint32{journal.Entry: 1}}
	if w := only[Write](t, p.step(Judged{Verdict: p.verdicts[p.code("c", 1)], Walks: used})); w.Record.Walk != 0 {
		t.Errorf("%+v; want that a slip's walks say nothing of a code", w)
	}
}

// A grant that ended as no_passage may be shown again.
func TestPaperOnWhichNobodyCrossedMayBeShownAgain(t *testing.T) {
	p := newPlay(t, entry())
	slip := p.paper("a")
	for n := range 3 {
		p.wantShow("shown", slip, "granted ok")
		if r := p.last(); r.Walk != 1 {
			t.Errorf("time %d: walk %d; want the first, for none was walked", n, r.Walk)
		}
		p.wait(5 * time.Second)
		if r := p.last(); r.Kind != journal.NoPassage || r.Walk != 1 {
			t.Fatalf("%+v; want that nobody crossed on the first walk", r)
		}
	}
	p.wantShow("shown", slip, "granted ok")
	p.walk()
	if r := p.last(); r.Kind != journal.Passage || r.Walk != 1 {
		t.Errorf("%+v; want a passage", r)
	}
	p.wantShow("shown after a passage", slip, "denied passback")
}

// What other gates say counts: Judged has it.
func TestPaperThatAnotherGateGranted(t *testing.T) {
	for name, tt := range map[string]struct {
		walks journal.Walks
		want  string
		walk  uint32
	}{
		"nobody did":         {journal.Walks{}, "granted", 1},
		"granted":            {journal.Walks{Granted: [journal.Check]uint32{journal.Entry: 1}}, "passback", 0},
		"walked":             {journal.Walks{Granted: [journal.Check]uint32{journal.Entry: 1}, Passed: [journal.Check]uint32{journal.Entry: 1}}, "passback", 0},
		"walked, and out":    {journal.Walks{Granted: [journal.Check]uint32{journal.Entry: 1, journal.Exit: 2}, Passed: [journal.Check]uint32{journal.Entry: 1, journal.Exit: 2}}, "granted", 3},
		"out, not walked":    {journal.Walks{Granted: [journal.Check]uint32{journal.Entry: 1, journal.Exit: 2}, Passed: [journal.Check]uint32{journal.Entry: 1}}, "passback", 0},
		"out, and never in ": {journal.Walks{Granted: [journal.Check]uint32{journal.Exit: 1}, Passed: [journal.Check]uint32{journal.Exit: 1}}, "granted", 2},
	} {
		p := newPlay(t, entry())
		v := p.verdicts[p.paper("a")]
		effects := p.step(Judged{Verdict: v, Walks: tt.walks})
		if tt.want == "granted" {
			if w := only[Write](t, effects); w.Record.Walk != tt.walk || w.Use == nil || !w.Until.Equal(v.Ends.Add(spentFor)) {
				t.Errorf("%s: %+v; want walk %d, remembered until its end", name, w, tt.walk)
			}
		} else if r := effect[Journal](t, effects).Record; r.Reason != tt.want {
			t.Errorf("%s: %+v; want %s", name, r, tt.want)
		}
	}
}

// A check takes nothing from a slip, and asks nothing of it.
func TestACheckTakesNothingFromPaper(t *testing.T) {
	p := newPlay(t, entry())
	slip := p.paper("a")
	p.wantShow("in", slip, "granted ok")
	p.walk()
	p.feed(NewRules{&Rules{Direction: "check", Role: journal.Check, OpenFor: 5 * time.Second, Claims: true, Passback: "hard", PassbackFor: time.Hour}})
	p.feed(Blind{noon.Add(time.Hour)}) // nor does it need to know what was used
	for range 3 {
		p.wantShow("checked", slip, "granted ok")
		if r := p.last(); r.Walk != 0 || r.Begins != 0 || r.Ends != 0 {
			t.Errorf("%+v; want nothing that another gate would remember", r)
		}
	}
	if p.claimsAsked != 0 || len(p.used) != 0 {
		t.Errorf("%d claims, %d uses; want none", p.claimsAsked, len(p.used))
	}
	if got := Say(p.said, []string{"zh", "en"}); got.Words[0].Text != "核验通过" || got.Words[1].Text != "Identity verified" {
		t.Errorf("a check says %v; want 核验通过 / Identity verified", got.Words)
	}
	p.feed(Blind{})
	p.turn("exit")
	p.wantShow("out", slip, "granted ok")
}

// A code that rotates is spent at a check as anywhere: once.
func TestACheckSpendsACodeThatRotates(t *testing.T) {
	p := newPlay(t, &Rules{Direction: "check", Role: journal.Check, OpenFor: 5 * time.Second})
	code := p.code("a", 0)
	p.wantShow("checked", code, "granted ok")
	p.wantShow("checked again", code, "denied already_used")
}

// No lane that only checks ever says that somebody may walk, whatever it is asked.
func TestACheckNeverSaysPleasePass(t *testing.T) {
	p := newPlay(t, &Rules{Direction: "check", Role: journal.Check, OpenFor: 5 * time.Second, Accept: verify.Rules{Classes: []verify.Class{verify.Staff}}})
	said := func() {
		for _, w := range Say(p.said, Languages()).Words {
			if slices.Contains([]string{"请通行", "Please pass"}, w.Text) {
				t.Errorf("after %v a check says %q", p.log, w.Text)
			}
		}
	}
	p.read(p.code("a", 0))
	said()
	p.wantShow("paper", p.paper("b"), "granted ok")
	said()
	for _, mode := range []ServiceMode{ServiceFree, ServiceNone} {
		p.feed(Service{Mode: mode, By: "root", Why: "a test"})
		said()
		p.read(p.code("c", int(mode)))
		said()
	}
}

// A claim holds a slip in both directions together, for as long as its grant can stand.
func TestAClaimHoldsPaperWhileItsGrantStands(t *testing.T) {
	for people, want := range map[int]time.Duration{0: 7 * time.Second, 3: 17 * time.Second} {
		p := newPlay(t, entry(func(r *Rules) { r.Claims, r.Tickets = true, people > 0 }))
		slip := p.paper("a")
		p.tickets["sub-a"] = []Ticket{{ID: "t", Kind: SingleTicket, From: noon, Until: noon.Add(time.Hour), Count: 1, People: people}}
		var got Claim
		p.claim = func(c Claim) { got = c }
		p.read(slip)
		if got.Lasts != want || len(got.Keys) != 1 || got.Keys[0] != (ClaimKey{ClaimPaper, journal.AnyRole, "cti-a"}) {
			t.Errorf("%d people: %+v; want the slip in all roles, for %v", people, got, want)
		}
	}
}

// Staff's printed code is refused for what it is, however often it is shown.
func TestPrintedStaffCodesAreNoPaper(t *testing.T) {
	p := newPlay(t, entry())
	code := p.as(p.code("a", 0), func(v *verify.Verdict) { isStaff(v); v.Rotation = verify.Static })
	p.feed(Blind{noon.Add(time.Hour)})
	for range 2 {
		p.wantShow("staff", code, "denied class_not_accepted")
	}
}

// A grant that reached the disk too late is given back.
func TestPaperThatWasTooLateIsGivenBack(t *testing.T) {
	p := newPlay(t, entry())
	slip := p.paper("a")
	p.spendFor = lateAfter + 1
	p.show(slip)
	if r := p.last(); r.Kind != journal.TooLate || r.Walk != 1 {
		t.Fatalf("%+v; want too late, of the first walk", r)
	}
	p.spendFor = 0
	p.wantShow("again", slip, "granted ok")
}
