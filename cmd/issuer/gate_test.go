package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// seq stands for a record on a disk.
type seq uint64

func (s seq) Seq() uint64 { return uint64(s) }
func (s seq) OnDisk()     {}

// atLane shows a code to a lane's law, and tells whether it is granted and whether the
// turnstile opens.
func (d *desk) atLane(direction, text string) (granted, opened bool) {
	d.t.Helper()
	now := lane.Instant{Wall: d.web.Now(), Trusted: true}
	role := map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit, "check": journal.Check}[direction]
	state := lane.New(&lane.Rules{
		Direction: direction, Role: role, OpenFor: 5 * time.Second, Opens: role != journal.Check,
		Accept: verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper}},
	})
	queue := []lane.Event{lane.Missing{Cause: lane.CauseScanner}, lane.Missing{Cause: lane.CauseTurnstile}, lane.Read{Text: text}}
	for len(queue) > 0 {
		var effects []lane.Effect
		state, effects = state.Step(queue[0], now)
		queue = queue[1:]
		for _, e := range effects {
			switch e := e.(type) {
			case lane.Decide:
				queue = append(queue, lane.Judged{Read: e.Read, Verdict: d.decide(e.Text)})
			case lane.Write:
				granted = e.Record.Decision == "granted"
				queue = append(queue, lane.Written{Proof: seq(1)})
			case lane.Open:
				opened = true
				queue = append(queue, lane.Opened{Seq: e.Proof.Seq()})
			}
		}
	}
	return granted, opened
}

// Gates ask for no ticket before they have the day's manifest: whoever has a single, a
// multi-ride or a period ticket enters with the certificate, electronic or paper.
func TestR13WhateverTheTicketTheCertificateEnters(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("issuer")
	electronic, _ := p.code()
	var paper struct{ Text string }
	d.visitor().must("POST", "api/bench/paper", office.Form{Name: "Ada Lovelace", Document: "passport", Number: "E12345678"}, &paper)
	for name, text := range map[string]string{"electronic": electronic, "paper": paper.Text} {
		if granted, opened := d.atLane("entry", text); !granted || !opened {
			t.Errorf("%s, at an entry lane: granted %v, opened %v", name, granted, opened)
		}
	}
	if got, want := p.state().Tickets, []string{"single", "multi_ride", "period"}; !slices.Equal(got, want) {
		t.Errorf("the page is told of %q; want %q", got, want)
	}
}

// The lanes at which the certificate stands for the card take the issuer's codes, in
// each rotation: entry, exit, and the real-name check, which opens nothing. The page
// names the other occasions too.
func TestR14TheCertificateServesAtEveryLane(t *testing.T) {
	for _, way := range []string{"issuer", "chain", "device"} {
		d := newDesk(t, true)
		p := d.visitor()
		if why := p.applies(way); why != "" {
			t.Fatal(why)
		}
		for _, direction := range []string{"entry", "exit", "check"} {
			text, why := p.code()
			if granted, opened := d.atLane(direction, text); !granted || opened != (direction != "check") {
				t.Errorf("%s, %s lane: granted %v, opened %v, %s", way, direction, granted, opened, why)
			}
		}
		if got, want := p.state().Uses, []string{"buying", "refunding", "changing", "id_check", "entry", "exit", "on_board"}; !slices.Equal(got, want) {
			t.Errorf("the page is told of %q; want %q", got, want)
		}
	}
}

// Whoever applies again in the last 3 hours has two certificates: a phone is told which of them it
// shows, and both open.
func TestR7BothOfTwoCertificatesOpen(t *testing.T) {
	d := newDesk(t, true)
	d.midMonth()
	first, second := d.visitor(), d.visitor()
	first.applies("issuer")
	if got := first.state().Certificate.Besides; got != nil {
		t.Errorf("beside the only one: %+v", got)
	}
	d.advance(21 * time.Hour)
	if why := first.goes("api/recheck", struct{}{}, "passes"); why != "" {
		t.Fatal(why)
	}
	second.applies("issuer")
	for _, p := range []struct {
		name string
		*phone
		kind string
		ends int64
	}{
		{"the first phone", first, "newer", second.state().Certificate.Ends},
		{"the second phone", second, "earlier", first.state().Certificate.Ends},
	} {
		if got, want := p.state().Certificate.Besides, []shownBeside{{p.kind, p.ends}}; !slices.Equal(got, want) {
			t.Errorf("%s is told of %+v beside its own; want %+v", p.name, got, want)
		}
		text, why := p.code()
		if granted, opened := d.atLane("entry", text); !granted || !opened {
			t.Errorf("%s's code: granted %v, opened %v, %s", p.name, granted, opened, why)
		}
	}
	d.advance(3 * time.Hour)
	if got := second.state().Certificate.Besides; got != nil {
		t.Errorf("once the earlier one has ended, beside the newer: %+v", got)
	}
	if got := first.state().Certificate.Besides; got != nil {
		t.Errorf("beside one that has ended: %+v", got)
	}
}

// The issuer's reason for a certificate that has ended is, with what to do, what an exit gate says.
func TestR15TheIssuersWordsAreTheGates(t *testing.T) {
	gate := lane.Say(lane.Occasion{Reason: "certificate_expired", Exit: true}, []string{"zh", "en"}).Words
	w := office.CertificateEnded.Words()
	if got := w.Chinese + "，" + w.Do; got != gate[0].Text {
		t.Errorf("the issuer says %s; the gate %s", got, gate[0].Text)
	}
	if got := w.English + ": " + w.DoEnglish; !strings.EqualFold(got, gate[1].Text) {
		t.Errorf("the issuer says %s; the gate %s", got, gate[1].Text)
	}
}
