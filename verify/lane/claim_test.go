package lane

import (
	"slices"
	"testing"
	"time"

	"railgate/store/journal"
	"railgate/verify"
)

func isPaper(v *verify.Verdict) { v.Rotation, v.Ends = verify.Static, v.Expires }

func isStaff(v *verify.Verdict) {
	v.Class, v.Rotation, v.StaffKey = verify.Staff, verify.ByDevice, true
}

func isRotating(*verify.Verdict) {}

// What is spent at another gate while both hear of each other is decided by the station: of two
// gates one gets the claim. Codes that rotate do not wait for it.
func TestClaims(t *testing.T) {
	hard := func(r *Rules) { r.Passback = "hard" }
	for _, tt := range []struct {
		name   string
		rules  func(*Rules)
		code   func(*verify.Verdict)
		claims bool
		answer Answer
		want   string // the record's decision, reason and flag
	}{
		{"a rotating code", nil, isRotating, false, 0, "granted ok "},
		{"a gate that would close, in touch", func(r *Rules) { r.Cut = "closed" }, isRotating, false, 0, "granted ok "},
		{"paper, held", nil, isPaper, true, Held, "granted ok "},
		{"paper, taken", nil, isPaper, true, Taken, "denied already_used "},
		{"paper, no answer", nil, isPaper, true, NoAnswer, "granted ok no_claim"},
		{"hard passback, held", hard, isRotating, true, Held, "granted ok "},
		{"hard passback, taken", hard, isRotating, true, Taken, "denied passback "},
		{"hard passback, no answer", hard, isRotating, true, NoAnswer, "granted ok no_claim"},
		{"paper under hard passback, taken", hard, isPaper, true, Taken, "denied already_used "},
		{"staff, held", nil, isStaff, true, Held, "granted ok "},
		{"staff, taken", nil, isStaff, true, Taken, "denied already_used "},
		{"staff, no answer", nil, isStaff, true, NoAnswer, "denied out_of_touch "},
		{"a check lane under hard passback", func(r *Rules) { r.Passback, r.Role, r.Opens = "hard", journal.Check, false }, isRotating, false, 0, "granted ok "},
		{"a gate without a station", func(r *Rules) { r.Claims = false }, isPaper, false, 0, "granted ok "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := entry(func(r *Rules) { r.Claims = true })
			if tt.rules != nil {
				tt.rules(rules)
			}
			p := newPlay(t, rules)
			p.claim = func(c Claim) { p.answer(Claimed{c.ID, tt.answer}) }
			p.read(p.as(p.code("a", 0), tt.code))
			if (p.claimsAsked > 0) != tt.claims {
				t.Errorf("%d claims; want some: %v", p.claimsAsked, tt.claims)
			}
			if r := p.last(); string(r.Decision)+" "+r.Reason+" "+r.Flag != tt.want {
				t.Errorf("%s %s %s; want %s", r.Decision, r.Reason, r.Flag, tt.want)
			}
			if r := p.last(); r.Decision == journal.Denied && (r.Walk != 0 || r.Begins != 0 || r.Ends != 0) {
				t.Errorf("%+v; want that a denial is no walk", r)
			}
		})
	}
}

// A gate that is out of touch asks nobody: it lets people in and says so in the record, or lets
// nobody in, as its operator chose. Staff do not take its lane over.
func TestOutOfTouch(t *testing.T) {
	closed := func(r *Rules) { r.Cut = "closed" }
	for _, tt := range []struct {
		name  string
		rules func(*Rules)
		code  func(*verify.Verdict)
		want  string
	}{
		{"open", nil, isRotating, "granted ok out_of_touch"},
		{"open, paper", nil, isPaper, "granted ok out_of_touch"},
		{"open, staff", nil, isStaff, "denied out_of_touch "},
		{"closed", closed, isRotating, "denied out_of_touch "},
		{"closed, paper", closed, isPaper, "denied out_of_touch "},
		{"open, passed before", func(r *Rules) { r.Passback = "soft" }, isRotating, "granted ok passback,out_of_touch"},
		{"closed, passed before", func(r *Rules) { r.Passback, r.Cut = "hard", "closed" }, isRotating, "denied passback "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := entry(func(r *Rules) { r.Claims = true })
			if tt.rules != nil {
				tt.rules(rules)
			}
			p := newPlay(t, rules)
			p.outOfTouch = true
			p.inside["sub-a"] = journal.LastPassage{Role: journal.Entry, Time: noon}
			p.read(p.as(p.code("a", 0), tt.code))
			if p.claimsAsked > 0 {
				t.Error("a gate that is out of touch claims")
			}
			if r := p.last(); string(r.Decision)+" "+r.Reason+" "+r.Flag != tt.want {
				t.Errorf("%s %s %s; want %s", r.Decision, r.Reason, r.Flag, tt.want)
			}
		})
	}
}

// A claim holds up nothing else: an emergency is heard while it waits, and the code opens nothing
// after that; others pass meanwhile; and one that nobody answers ends.
func TestNothingWaitsForAClaim(t *testing.T) {
	start := func(t *testing.T) (p *play, asked *[]Claim) {
		p, asked = newPlay(t, entry(func(r *Rules) { r.Claims = true })), new([]Claim)
		p.claim = func(c Claim) { *asked = append(*asked, c) }
		p.read(p.as(p.code("a", 0), isPaper))
		return p, asked
	}
	t.Run("emergency", func(t *testing.T) {
		p, asked := start(t)
		p.feed(Emergency{Active: true})
		if p.Mode() != ModeEmergency {
			t.Fatalf("mode %s; want an emergency", p.Mode())
		}
		p.feed(Claimed{(*asked)[0].ID, Held})
		if slices.Contains(p.log, "open") {
			t.Error("the gate opens")
		}
	})
	t.Run("out of service", func(t *testing.T) {
		p, asked := start(t)
		p.feed(Missing{CauseStore, "gone"})
		p.feed(Claimed{(*asked)[0].ID, Held})
		if slices.Contains(p.log, "open") {
			t.Error("the gate opens")
		}
		if r := p.last(); r.Reason != "out_of_service" {
			t.Errorf("%s; want out_of_service", r.Reason)
		}
	})
	t.Run("another code meanwhile", func(t *testing.T) {
		p, asked := start(t)
		p.read(p.code("b", 0))
		if r := p.last(); r.Certificate != "cti-b" || r.Decision != journal.Granted {
			t.Errorf("%+v; want that b passes", r)
		}
		p.feed(Claimed{(*asked)[0].ID, Held})
		if r := p.last(); r.Certificate != "cti-a" || r.Decision != journal.Granted {
			t.Errorf("%+v; want that a passes then", r)
		}
		p.feed(Claimed{(*asked)[0].ID, Held})
		if n := len(p.State.grants); n != 2 {
			t.Errorf("%d grants; want 2: an answer counts once", n)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		p, asked := start(t)
		if w := p.NextWake(); w == 0 || w > p.now+claimWait {
			t.Errorf("the lane wakes at %v; want after %v", w, claimWait)
		}
		p.now += claimWait
		p.feed(Tick{})
		if r := p.last(); r.Decision != journal.Granted || r.Flag != FlagNoClaim {
			t.Errorf("%+v; want a grant that says that there was no claim", r)
		}
		records := len(p.records)
		p.feed(Claimed{(*asked)[0].ID, Taken})
		if len(p.records) != records {
			t.Error("an answer that comes later counts")
		}
	})
	t.Run("new rules", func(t *testing.T) {
		p, asked := start(t)
		p.feed(NewRules{entry(func(r *Rules) { r.Direction, r.Role = "exit", journal.Exit })})
		if p.rules.Role != journal.Entry {
			t.Error("the lane turns round while a claim is asked for")
		}
		p.feed(Claimed{(*asked)[0].ID, Held})
		p.now += 10 * time.Second
		p.feed(Tick{})
		if p.rules.Role != journal.Exit {
			t.Error("it never does")
		}
	})
}

// Each claim is for one thing: the same person or slip, in one role.
func TestClaimsAreOfOneThing(t *testing.T) {
	r := entry(func(r *Rules) { r.Claims, r.Passback = true, "hard" })
	v := verify.Verdict{Class: verify.Temporary, Rotation: verify.Static, Certificate: "c", Holder: "h"}
	if keys := r.claimKeys(&v); len(keys) != 2 || keys[0] != (ClaimKey{ClaimPaper, journal.AnyRole, "c"}) || keys[1] != (ClaimKey{ClaimHolder, journal.Entry, "h"}) {
		t.Errorf("%v; want the slip and its holder", keys)
	}
	v.Class = verify.Staff
	if keys := r.claimKeys(&v); len(keys) != 1 || keys[0] != (ClaimKey{ClaimStaff, journal.AnyRole, "c"}) {
		t.Errorf("%v; want the staff code in all roles together", keys)
	}
}
