package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"railgate/cmd/issuer/counter"
	"railgate/cmd/issuer/office"
	"railgate/cmd/pages/pagetest"
	"railgate/verify"
)

// An inspecting is the inspector's page of an issuer, in a browser.
type inspecting struct {
	*pagetest.Tab
	d *desk
}

// inspect opens the page as the issuer serves it.
func (d *desk) inspect(t *testing.T) *inspecting {
	t.Helper()
	pagetest.Program(t)
	resp, err := http.Get(d.srv.URL + "/inspect/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		t.Skip("skipped: the inspector is not built in (make wasm)")
	}
	in := &inspecting{pagetest.Open(t, "inspect", 390, 844), d}
	in.Go(d.srv.URL + "/inspect/")
	in.ready()
	return in
}

func (in *inspecting) ready() {
	in.Helper()
	in.Until("the inspector is ready, and knows the time", "location.pathname === '/inspect/' && document.body.dataset.ready && $('#clock').dataset.good === 'yes' && $('#keys').dataset.good === 'yes'")
}

// signsIn goes the way of the page's own link, by the provider, and back.
func (in *inspecting) signsIn(worker string) {
	in.Helper()
	in.Tap("#signin")
	in.Tap("button[name=worker][value=" + worker + "]")
	in.ready()
}

// passengers have codes of one who has tickets today, and of one who has none; each with what a ticketing
// system is told of it.
func (d *desk) passengers() (with, without passenger) {
	d.t.Helper()
	d.web.proxied = true
	bearer := "Bearer " + d.token(d.addClient())
	for n := 0; with.code == "" || without.code == ""; n++ { // on a bench one in four has none
		p := d.phone()
		p.forwarded = fmt.Sprintf("192.0.2.%d", n%250)
		var out struct{ Page string }
		p.must("POST", "api/visit", nil, &out)
		p.page = out.Page
		f := goodForm()
		f.Number = cardNumber(n)
		if why := p.goes("api/apply", applied{f, "issuer"}, "passes"); why != "" {
			d.t.Fatal(why)
		}
		code, why := p.code()
		if why != "" {
			d.t.Fatal(why)
		}
		status, a := d.lookUp(code, "inspection", "Authorization", bearer)
		switch {
		case status != http.StatusOK || a.Tickets == nil || n > 100:
			d.t.Fatalf("passenger %d: %d, %+v", n, status, a)
		case len(*a.Tickets) > 0:
			with = passenger{p, code, a}
		default:
			without = passenger{p, code, a}
		}
	}
	return with, without
}

type passenger struct {
	phone *phone
	code  string
	said  counter.Answer
}

// on is how the page has a ticket.
func on(t counter.Ticket) string {
	parts := []string{t.Train, t.From + "→" + t.To, "", t.Seat}
	if !t.Departs.IsZero() {
		parts[2] = t.Departs.In(office.RailwayTime).Format("01/02 15:04")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// A conductor signs in at the inspector's page, with the provider, and sees name and tickets as the
// counter tells them; each look-up is on record. Nobody else sees them.
func TestR33AConductorSeesNameAndTicketAtTheInspector(t *testing.T) {
	d := newDesk(t, true)
	in := d.inspect(t)
	has, none := d.passengers()
	in.Until("nobody is signed in", "seen('#signin') && $('#who').hidden")
	in.Read(has.code)
	in.Until("a verdict, and no name", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && !seen('#person')")
	in.Tap("#next")

	in.signsIn("chen")
	in.Until("the page knows who signed in", "!seen('#signin') && $('#who').innerHTML.includes('陈车长')")
	in.Read(has.code)
	in.Until("the name", fmt.Sprintf("seen('#person') && $('#person').innerText.includes(%q)", has.said.Name))
	shown := in.Str("$('#person').innerText")
	for _, ticket := range *has.said.Tickets {
		if !strings.Contains(shown, on(ticket)) {
			t.Errorf("beside the verdict %q; want the ticket %q", shown, on(ticket))
		}
	}
	if strings.Contains(shown, has.said.Number) {
		t.Errorf("beside the verdict %q; a conductor is not told the number", shown)
	}
	in.Picture("ticket")
	in.Tap("#next")
	in.Read(none.code)
	in.Until("no ticket", fmt.Sprintf("seen('#person') && $('#person').innerText.includes(%q) && $('#person').innerText.includes('No ticket for today')", none.said.Name))
	in.Tap("#next")
	id, err := hex.DecodeString(none.said.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.web.Revoke(t.Context(), verify.CertificateID(id), "lost", "test"); err != nil {
		t.Fatal(err)
	}
	in.Read(none.code)
	in.Until("what the issuer has just revoked is denied", "seen('#verdict') && $('#verdict').dataset.reason === 'revoked' && $('#verdict').dataset.light === 'red' && !seen('#person')")
	in.Tap("#next")
	in.Tap("#history")
	in.Tap("#end")
	in.Tap("#sure button.main")
	in.Until("the shift's end signs out", "$('#who').hidden && seen('#signin')")
	in.Read(has.code)
	in.Until("a verdict, and no name", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && !seen('#person')")
	in.Tap("#next")

	if n := d.lookedUp("worker-chen"); n < 2 || n > 3 { // the list of what is revoked may be there before the third
		t.Errorf("on record are %d look-ups of the conductor's; want two, or the revoked one too", n)
	}
}

// lookedUp ends the issuer and counts what is on record of somebody's inspections.
func (d *desk) lookedUp(by string) (n int) {
	d.t.Helper()
	d.srv.CloseClientConnections()
	d.srv.Close()
	if err := d.web.Close(); err != nil {
		d.t.Fatal(err)
	}
	status, list, errOut := tool(d.t, "--dir", d.dir, "record", "list")
	if status != 0 {
		d.t.Fatal(errOut)
	}
	for line := range strings.Lines(list) {
		if strings.Contains(line, `"by":"`+by+`"`) && strings.Contains(line, `"purpose":"inspection"`) {
			n++
		}
	}
	return n
}

// Who may not look up is told so at the inspector, and whose sign-in has ended meanwhile too; both can
// sign in again there, and a clerk is told the number.
func TestR37TheInspectorTellsWhoMayNotLookUp(t *testing.T) {
	d := newDesk(t, true)
	in := d.inspect(t)
	has, _ := d.passengers()
	in.Until("nobody is signed in", "seen('#signin') && $('#signin').innerText.includes('登录可查姓名和车票')")
	in.signsIn("wang")
	in.Until("an officer of the window is told", "seen('#signin') && $('#signin').innerText.includes('此账号不能查询') && $('#signin').innerText.includes('This account may not') && $('#who').hidden")
	in.Axe("an account that may not")
	in.Picture("may-not")
	in.Read(has.code)
	in.Until("a verdict, and no name", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && !seen('#person')")
	in.Tap("#next")
	in.signsIn("zhao")
	in.Until("a clerk", "!seen('#signin') && $('#who').innerHTML.includes('赵售票')")
	in.Read(has.code)
	in.Until("name and number", fmt.Sprintf("seen('#person') && $('#person').innerText.includes(%q)", has.said.Name+" "+has.said.Number))
	in.Tap("#next")
	in.Str("(window.out = false, fetch('/signin/out', { method: 'POST' }).then(() => { window.out = true; }), '')") // in another tab
	in.Until("signed out there", "window.out")
	in.Read(has.code)
	in.Until("the sign-in has ended: no name, and the verdict stays", "seen('#person') && $('#person').innerText.includes('请先登录') && $('#verdict').dataset.reason === 'ok'")
	in.Tap("#next")
	in.Until("and the way in is there", "seen('#signin') && $('#signin').innerText.includes('登录可查姓名和车票')")
	if n := d.lookedUp("worker-wang"); n != 0 {
		t.Errorf("an officer of the window looked up %d times", n)
	}
}
