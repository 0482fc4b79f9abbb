package counter

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/cmd/pages"
	"railgate/cmd/pages/pagetest"
)

// These tests drive the clerk's page in a headless Chromium. They wait for what they want
// to see.

func TestMain(m *testing.M) { pagetest.Main(m) }

// A look is a clerk's at the page of a desk.
type look struct {
	*pagetest.Tab
	desk *desk
}

// open serves a desk as the issuer does, with its guard, and opens the page.
func (d *desk) open(width, high int64) *look {
	d.t.Helper()
	protect := pages.Policy{Permissions: "camera=()"}.Headers()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		protect(rw.Header())
		if r.URL.Path == "/signin/out" {
			d.person = nil
			rw.WriteHeader(http.StatusNoContent)
			return
		}
		d.srv.ServeHTTP(rw, r)
	}))
	d.t.Cleanup(srv.Close)
	l := &look{pagetest.Open(d.t, "counter", width, high), d}
	l.Go(srv.URL + "/counter/")
	return l
}

// types types as a keyboard scanner does: to whatever has the focus, with Enter at the end.
func (l *look) types(text string) {
	l.Helper()
	l.Do(chromedp.KeyEvent(text + "\r"))
}

// cramped names what has no room: wider than the screen, cut off, or too small to be
// tapped.
const cramped = `(() => {
	const wide = window.innerWidth, out = [];
	if (document.documentElement.scrollWidth > wide) out.push('wider than the screen: ' + [...document.body.querySelectorAll('*')].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > wide + 0.5).map((e) => e.tagName + '#' + e.id + '.' + e.className).join(', '));
	for (const e of document.querySelectorAll('button, a, fieldset label, #code')) if (e.getClientRects().length) { const r = e.getBoundingClientRect(); if (r.height < 40 || r.width < 40 || e.id !== 'code' && e.scrollWidth > e.clientWidth + 1) out.push((e.id || e.textContent) + ' is ' + Math.round(r.width) + ' x ' + Math.round(r.height)); }
	for (const e of document.querySelectorAll('h1, h2, dd, li, p')) if (e.getClientRects().length && e.scrollWidth > e.clientWidth + 1) out.push('cut off: ' + e.textContent);
	return out.join('; ');
})()`

func (l *look) settles(where string) {
	l.Helper()
	got := ""
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if got = l.Str(cramped); got == "" {
			return
		}
	}
	l.Picture("failed")
	l.Errorf("%s: %s", where, got)
}

func someTickets() []Ticket {
	all, err := BenchTickets{}.Of(context.Background(), "holder-1", noon) // a return journey
	if err != nil {
		panic(err)
	}
	return all
}

// A clerk scans, chooses the purpose by the keyboard, and never touches a mouse.
func TestAClerkScansAndReads(t *testing.T) {
	pagetest.Program(t)
	d := newDesk(t)
	d.tickets.list = someTickets()
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
	l := d.open(1280, 800)
	l.Until("the field has the focus", "document.activeElement === $('#code') && $('#me').textContent === '王芳'")
	l.types(d.code(t, nil))
	l.Until("granted, whose it is, and the tickets", "$('#verdict').dataset.decision === 'granted' && $('#verdict').innerText.includes('核验通过') && $('#verdict').innerText.includes('李*') && $('#verdict').innerText.includes('110***********002X') && document.querySelectorAll('#tickets li').length === 2")
	l.Until("the field is empty and has the focus", "$('#code').value === '' && document.activeElement === $('#code')")
	l.Axe("granted")
	l.Str(`($('#code').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true, cancelable: true })), '')`)
	l.Until("the next purpose", "$('#purposes :checked').value === 'refund'")
	l.Str("($('#code').value = '', $('#signout').focus(), '')")
	l.types(d.code(t, nil))
	l.Until("a scanner's text goes to the field, wherever the focus was", "$('#verdict').dataset.decision === 'granted' && $('#verdict').innerText.includes('退票')")
	if got := d.acts.acts[len(d.acts.acts)-1].Purpose; got != Refund {
		t.Errorf("the purpose on record is %q; want refund", got)
	}
	late := d.code(t, nil)
	d.now = d.now.Add(2 * time.Minute)
	l.types(late)
	l.Until("denied, with the gate's words, and nobody's name", "$('#verdict').dataset.decision === 'denied' && $('#verdict').innerText.includes('刷新') && !$('#verdict').innerText.includes('李')")
	l.Axe("denied")
	for text, want := range map[string]string{"rg1:abc": "Caps Lock", "ＲＧ１：ＡＢ": "input method", "690123456789": "Not a passenger"} {
		l.Str(fmt.Sprintf("($('#code').value = %q, $('#ask').click())", text))
		l.Until("what may be wrong with "+text, fmt.Sprintf("$('#verdict').dataset.decision === 'denied' && $('#verdict').innerText.includes(%q)", want))
	}
	d.acts.fails = errDisk
	l.types(d.code(t, nil))
	l.Until("what went wrong", "$('#verdict').dataset.decision === 'trouble' && $('#verdict').innerText.includes('无法记录')")
	d.acts.fails = nil
	l.Str(`(document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })), '')`)
	l.Until("Esc clears", "$('#verdict').innerText === '' && !$('#verdict').dataset.decision")
}

// Nobody's name stays on the screen for long.
func TestTheScreenClearsItself(t *testing.T) {
	pagetest.Program(t)
	d := newDesk(t)
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
	l := d.open(1280, 800)
	l.Until("the field", "document.activeElement === $('#code')")
	l.Str("(window.waits = [], window.setTimeout = (f, ms) => { waits.push([f, ms]); return waits.length; }, '')")
	l.types(d.code(t, nil))
	l.Until("the name", "$('#verdict').innerText.includes('李*')")
	if got := l.Str("waits.at(-1)[1]"); got != "120000" {
		t.Errorf("the verdict stays for %s ms; want 120000", got)
	}
	l.Str("(waits.at(-1)[0](), '')")
	l.Until("nobody's name", "$('#verdict').innerText === ''")
}

func TestWhoMayNotIsTold(t *testing.T) {
	pagetest.Program(t)
	d := newDesk(t)
	l := d.open(1280, 800)
	l.Until("sign in", "seen('#signin') && !seen('#counter') && $('#why').innerText.includes('请先登录') && $('#signin').getAttribute('href') === '/signin/start?back=/counter/'")
	l.Axe("not signed in")
	l.Picture("signin")
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{"window"}}
	l.Str("location.reload()")
	l.Until("without the role", "seen('#sign') && $('#why').innerText.includes('没有此项权限') && seen('#signout')")
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Conductor}}
	l.Str("location.reload()")
	l.Until("a conductor inspects, and no more", "seen('#counter') && document.querySelectorAll('#purposes input').length === 1 && $('#purposes :checked').value === 'inspection'")
	d.person = nil
	l.types(d.code(t, nil))
	l.Until("the sign-in has ended meanwhile", "seen('#sign') && !seen('#counter')")
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
	l.Str("location.reload()")
	l.Until("the counter", "seen('#counter')")
	l.Str("$('#signout').click()")
	l.Until("signed out", "seen('#sign') && $('#me').textContent === ''")
	if d.person != nil {
		t.Error("the server still has the session")
	}
}

func TestEveryScreen(t *testing.T) {
	pagetest.Program(t)
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			d := newDesk(t)
			d.tickets.list = someTickets()
			d.office().Name = "买买提·吐尔逊阿卜杜拉"
			d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
			l := d.open(1280, 800)
			l.Scheme(scheme)
			l.Until("the field", "document.activeElement === $('#code')")
			l.Axe(scheme + ", empty")
			l.types(d.code(t, nil))
			l.Until("granted", "$('#verdict').dataset.decision === 'granted'")
			for _, s := range [][2]int64{{390, 844}, {844, 390}, {320, 640}, {768, 1024}, {1024, 768}, {1280, 800}, {1920, 1080}, {1080, 1920}} {
				l.Do(chromedp.EmulateViewport(s[0], s[1]))
				l.settles(fmt.Sprintf("%s, %v", scheme, s))
				l.Picture(fmt.Sprintf("%dx%d", s[0], s[1]))
			}
			l.Axe(scheme + ", granted")
			l.Do(chromedp.EmulateViewport(390, 844))
			l.types("RG1:NONSENSE")
			l.Until("denied", "$('#verdict').dataset.decision === 'denied'")
			l.settles(scheme + ", denied")
			l.Axe(scheme + ", denied")
			l.Picture("denied")
		})
	}
}
