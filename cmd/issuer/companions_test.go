package main

import (
	"testing"

	"railgate/cmd/issuer/office"
)

// A signed-in user applies for a companion and shows both codes, each of its own certificate.
func TestR21CompanionsOverHTTP(t *testing.T) {
	d := newDesk(t, true)
	d.midMonth()
	p := d.signedIn()
	child := office.Form{Name: "林小满", Document: office.ResidentCard, Number: "51010420140601312X", Confirmed: true}
	p.must("POST", "api/companions/add", child, nil)
	if _, why := p.ask("POST", "api/companions/add", child, nil); why != office.CompanionKnown {
		t.Errorf("added again: %q", why)
	}
	s := p.state()
	if len(s.Companions) != 1 || s.Companions[0].Person.Name != "林**" || s.Companions[0].Certificate != nil {
		t.Fatalf("%+v; want one companion, masked, without a certificate", s.Companions)
	}
	if why := p.applies("issuer"); why != "" {
		t.Fatalf("one's own: %s", why)
	}
	mine, why := p.code()
	if v := d.decide(mine); !v.Granted() {
		t.Errorf("one's own code: %s %s", v.Reason, why)
	}
	p.companion = s.Companions[0].ID
	if why := p.applies("issuer"); why != "" {
		t.Fatalf("the companion's: %s", why)
	}
	theirs, why := p.code()
	if v := d.decide(theirs); !v.Granted() || v.Holder == d.decide(mine).Holder {
		t.Errorf("the companion's code: %s %s, of %x", v.Reason, why, v.Holder)
	}
	p.companion = ""
	if s = p.state(); s.Certificate == nil || s.Companions[0].Certificate == nil || s.Certificate.ID == s.Companions[0].Certificate.ID {
		t.Errorf("%+v; want two certificates", s)
	}
	p.companion = "0123456789abcdef"
	if _, why := p.ask("POST", "api/code", office.Proof{}, nil); why != office.NoCompanion {
		t.Errorf("of nobody on the list: %q", why)
	}
	p.companion = ""
	p.must("POST", "api/companions/drop", map[string]string{"id": s.Companions[0].ID}, nil)
	if s = p.state(); len(s.Companions) != 0 || s.Certificate == nil {
		t.Errorf("%+v; want one's own alone", s)
	}
	visitor := d.visitor()
	visitor.companion = "0123456789abcdef"
	if visitor.state().Companions != nil {
		t.Error("a visitor has companions")
	}
	if _, why := visitor.ask("POST", "api/companions/add", child, nil); why != office.SignedOut {
		t.Errorf("a visitor adds: %q", why)
	}
}
