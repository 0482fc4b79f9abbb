package main

import (
	"testing"

	"railgate/cmd/pages/pagetest"
)

// Every page of the issuer on a small phone, upright and on its side, which is a desk's screen enlarged twice:
// nothing is cut off, and the keyboard alone reaches everything.
func TestThePassengersPageByKeyboardOnSmallScreens(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/")
	a.Until("the page is ready", "document.body?.dataset.ready")
	a.Str("($('#home details').open = true, '')")
	a.Walk("home")
	a.Tap("#goservices")
	a.Walk("menu")
	a.Tap("#gotemporary")
	a.Tap("#account")
	a.Str("($('#signup').open = true, '')")
	a.Walk("sign")
	a.Tap("#back")
	a.fills()
	a.Walk("check")
	a.goes()
	a.Walk("provider")
	a.Tap("button.main[name=face]")
	a.sees("李*")
	a.Walk("code")
}

func TestTheWindowByKeyboardOnSmallScreens(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/desk/")
	a.Until("who signs in is asked", "seen('button[name=worker]')")
	a.Walk("signin")
	a.Tap("button[name=worker][value=wang]")
	a.Until("the window", "seen('#desk')")
	a.Str("(window.print = () => {}, '')") // the browser's own never ends without a printer
	for field, value := range map[string]string{"name": "李雷", "number": "11010519491231002X", "train": "G1234", "from": "北京南", "to": "上海虹桥"} {
		a.Set("#issue [name="+field+"]", value)
	}
	a.Walk("form")
	a.Tap("#send")
	a.Until("the sheet", "seen('#sheet') && $('#code path') && !document.body.hasAttribute('aria-busy')")
	a.Walk("sheet")
	a.Tap("#done")
	a.Until("the list", "seen('#slips .revoke') && !document.body.hasAttribute('aria-busy')")
	a.Walk("list")
	a.Tap("#slips .revoke")
	a.Walk("revoking")
}

func TestTheStaffPageByKeyboardOnSmallScreens(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	tab := openStaff(t, d)
	tab.Until("a code is shown", "seen('#qr') && $('#qr').dataset.slot && !seen('#cover')")
	tab.Walk("code")
	tab.out.Store(true)
	tab.Str("document.dispatchEvent(new Event('visibilitychange'))")
	tab.Until("the sign-in has ended", "seen('#again')")
	tab.Walk("ended")
}

func TestTheInspectorByKeyboardOnSmallScreens(t *testing.T) {
	d := newDesk(t, true)
	in := d.inspect(t)
	in.Walk("begin")
	in.signsIn("chen")
	p := d.visitor()
	if why := p.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	code, why := p.code()
	if why != "" {
		t.Fatal(why)
	}
	in.Read(code)
	in.Until("a verdict", "seen('#verdict') && $('#verdict').dataset.reason === 'ok' && seen('#person')")
	in.Walk("verdict")
	in.Tap("#next")
	in.Tap("#type")
	in.Walk("type")
	in.Tap("#typing button:not(.main)")
	in.Tap("#history")
	in.Walk("shift")
	in.Tap("#end")
	in.Walk("sure")
}

func TestTheCounterByKeyboardOnSmallScreens(t *testing.T) {
	d := newDesk(t, true)
	tab := pagetest.Open(t, "counter", 390, 844)
	tab.Go(d.srv.URL + "/counter/")
	tab.Until("one can sign in", "seen('#signin')")
	tab.Walk("signin")
	tab.Tap("#signin")
	tab.Tap("button[name=worker][value=zhao]")
	tab.Until("the counter", "seen('#counter')")
	tab.Walk("counter")
}
