package counter

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"railgate/cmd/pages"
)

// These tests drive the clerk's page in a headless Chromium. They wait for what they want
// to see.

const patience = 60 * time.Second

// artefacts is where they leave what they saw, and axeFile what make fetches.
const (
	artefacts = "../../../build/screens"
	axeFile   = "../../../build/axe/axe.min.js"
)

var browser context.Context // made once
var endBrowser = func() {}

func TestMain(m *testing.M) {
	status := m.Run()
	endBrowser()
	os.Exit(status)
}

func theBrowser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("browser: skipped in a short run")
	}
	if browser != nil {
		return browser
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil && path == "" {
			path = p
		}
	}
	if path == "" {
		t.Skip("browser tests: skipped: they need chromium (apt install chromium)")
	}
	profile, err := os.MkdirTemp("", "railgate-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	all, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	alloc, endAlloc := chromedp.NewExecAllocator(all,
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("lang", "zh-CN"), chromedp.WSURLReadTimeout(patience),
	)
	ctx, end := chromedp.NewContext(alloc)
	endBrowser = func() { end(); endAlloc(); cancel(); os.RemoveAll(profile) }
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	browser = ctx
	return ctx
}

// A look is a clerk's at the page of a desk.
type look struct {
	*testing.T
	ctx  context.Context
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
	ctx, cancel := chromedp.NewContext(theBrowser(d.t), chromedp.WithNewBrowserContext())
	d.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context
		d.t.Fatal(err)
	}
	l := &look{d.t, ctx, d}
	l.run(chromedp.EmulateViewport(width, high), chromedp.Navigate(srv.URL+"/counter/"))
	return l
}

func (l *look) run(steps ...chromedp.Action[chromedp.Void]) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		l.Fatal(err)
	}
}

// str evaluates an expression; $ finds by a selector.
func (l *look) str(expression string) string {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => { const $ = (s) => document.querySelector(s), seen = (s) => Boolean($(s)?.getClientRects().length); return String(`+expression+`); })()`))
	if err != nil {
		l.Fatalf("%s: %v", expression, err)
	}
	return s
}

func (l *look) until(what, expression string) {
	l.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(40 * time.Millisecond) {
		if l.str("Boolean("+expression+")") == "true" {
			return
		}
	}
	l.picture("failed")
	l.Fatalf("never: %s (%s)\n%s", what, expression, l.str("document.body.innerText"))
}

// types types as a keyboard scanner does: to whatever has the focus, with Enter at the end.
func (l *look) types(text string) {
	l.Helper()
	l.run(chromedp.KeyEvent(text + "\r"))
}

func (l *look) picture(name string) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(artefacts, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(artefacts, "counter-"+strings.ReplaceAll(l.Name(), "/", "-")+"-"+name+".png"), png, 0o640)
	}
	if err != nil {
		l.Log("no picture: ", err)
	}
}

func (l *look) scheme(name string) {
	l.Helper()
	l.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	})
}

// axe looks for what hinders people with a screen reader, a keyboard, or weak eyes.
func (l *look) axe(where string) {
	l.Helper()
	source, err := os.ReadFile(axeFile)
	if err != nil {
		l.Log("axe: skipped, axe-core is not here (make axe fetches it through npm)")
		return
	}
	if l.str("typeof window.axe") == "undefined" {
		l.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Evaluate[string](string(source)+";'ready'")(ctx, target)
			return chromedp.Void{}, err
		})
	}
	l.str(`(window.axeFound = undefined, axe.run(document, { resultTypes: ['violations'] }).then((r) => {
		window.axeFound = r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary.split('\n').slice(1, 2)).join(', ')).join('\n');
	}, (e) => { window.axeFound = String(e); }))`)
	l.until("axe has looked", "window.axeFound !== undefined")
	if found := l.str("window.axeFound"); found != "" {
		l.Errorf("%s: axe says:\n%s", where, found)
	}
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
		if got = l.str(cramped); got == "" {
			return
		}
	}
	l.picture("failed")
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
	theBrowser(t)
	d := newDesk(t)
	d.tickets.list = someTickets()
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
	l := d.open(1280, 800)
	l.until("the field has the focus", "document.activeElement === $('#code') && $('#me').textContent === '王芳'")
	l.types(d.code(t, nil))
	l.until("granted, whose it is, and the tickets", "$('#verdict').dataset.decision === 'granted' && $('#verdict').innerText.includes('核验通过') && $('#verdict').innerText.includes('李*') && $('#verdict').innerText.includes('110***********002X') && document.querySelectorAll('#tickets li').length === 2")
	l.until("the field is empty and has the focus", "$('#code').value === '' && document.activeElement === $('#code')")
	l.axe("granted")
	l.str(`($('#code').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true, cancelable: true })), '')`)
	l.until("the next purpose", "$('#purposes :checked').value === 'refund'")
	l.str("($('#code').value = '', $('#signout').focus(), '')")
	l.types(d.code(t, nil))
	l.until("a scanner's text goes to the field, wherever the focus was", "$('#verdict').dataset.decision === 'granted' && $('#verdict').innerText.includes('退票')")
	if got := d.acts.acts[len(d.acts.acts)-1].Purpose; got != Refund {
		t.Errorf("the purpose on record is %q; want refund", got)
	}
	late := d.code(t, nil)
	d.now = d.now.Add(2 * time.Minute)
	l.types(late)
	l.until("denied, with the gate's words, and nobody's name", "$('#verdict').dataset.decision === 'denied' && $('#verdict').innerText.includes('刷新') && !$('#verdict').innerText.includes('李')")
	l.axe("denied")
	for text, want := range map[string]string{"rg1:abc": "Caps Lock", "ＲＧ１：ＡＢ": "input method", "690123456789": "Not a passenger"} {
		l.str(fmt.Sprintf("($('#code').value = %q, $('#ask').click())", text))
		l.until("what may be wrong with "+text, fmt.Sprintf("$('#verdict').dataset.decision === 'denied' && $('#verdict').innerText.includes(%q)", want))
	}
	d.acts.fails = errDisk
	l.types(d.code(t, nil))
	l.until("what went wrong", "$('#verdict').dataset.decision === 'trouble' && $('#verdict').innerText.includes('无法记录')")
	d.acts.fails = nil
	l.str(`(document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })), '')`)
	l.until("Esc clears", "$('#verdict').innerText === '' && !$('#verdict').dataset.decision")
}

// Nobody's name stays on the screen for long.
func TestTheScreenClearsItself(t *testing.T) {
	theBrowser(t)
	d := newDesk(t)
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
	l := d.open(1280, 800)
	l.until("the field", "document.activeElement === $('#code')")
	l.str("(window.waits = [], window.setTimeout = (f, ms) => { waits.push([f, ms]); return waits.length; }, '')")
	l.types(d.code(t, nil))
	l.until("the name", "$('#verdict').innerText.includes('李*')")
	if got := l.str("waits.at(-1)[1]"); got != "120000" {
		t.Errorf("the verdict stays for %s ms; want 120000", got)
	}
	l.str("(waits.at(-1)[0](), '')")
	l.until("nobody's name", "$('#verdict').innerText === ''")
}

func TestWhoMayNotIsTold(t *testing.T) {
	theBrowser(t)
	d := newDesk(t)
	l := d.open(1280, 800)
	l.until("sign in", "seen('#signin') && !seen('#counter') && $('#why').innerText.includes('请先登录') && $('#signin').getAttribute('href') === '/signin/start?back=/counter/'")
	l.axe("not signed in")
	l.picture("signin")
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{"window"}}
	l.str("location.reload()")
	l.until("without the role", "seen('#sign') && $('#why').innerText.includes('没有此项权限') && seen('#signout')")
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Conductor}}
	l.str("location.reload()")
	l.until("a conductor inspects, and no more", "seen('#counter') && document.querySelectorAll('#purposes input').length === 1 && $('#purposes :checked').value === 'inspection'")
	d.person = nil
	l.types(d.code(t, nil))
	l.until("the sign-in has ended meanwhile", "seen('#sign') && !seen('#counter')")
	d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
	l.str("location.reload()")
	l.until("the counter", "seen('#counter')")
	l.str("$('#signout').click()")
	l.until("signed out", "seen('#sign') && $('#me').textContent === ''")
	if d.person != nil {
		t.Error("the server still has the session")
	}
}

func TestEveryScreen(t *testing.T) {
	theBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			d := newDesk(t)
			d.tickets.list = someTickets()
			d.office().Name = "买买提·吐尔逊阿卜杜拉"
			d.person = &Person{ID: "staff-9", Name: "王芳", Roles: []string{Clerk}}
			l := d.open(1280, 800)
			l.scheme(scheme)
			l.until("the field", "document.activeElement === $('#code')")
			l.axe(scheme + ", empty")
			l.types(d.code(t, nil))
			l.until("granted", "$('#verdict').dataset.decision === 'granted'")
			for _, s := range [][2]int64{{390, 844}, {844, 390}, {320, 640}, {768, 1024}, {1024, 768}, {1280, 800}, {1920, 1080}, {1080, 1920}} {
				l.run(chromedp.EmulateViewport(s[0], s[1]))
				l.settles(fmt.Sprintf("%s, %v", scheme, s))
				l.picture(fmt.Sprintf("%dx%d", s[0], s[1]))
			}
			l.axe(scheme + ", granted")
			l.run(chromedp.EmulateViewport(390, 844))
			l.types("RG1:NONSENSE")
			l.until("denied", "$('#verdict').dataset.decision === 'denied'")
			l.settles(scheme + ", denied")
			l.axe(scheme + ", denied")
			l.picture("denied")
		})
	}
}
