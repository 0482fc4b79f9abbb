package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"railgate/cmd/control"
	"railgate/cmd/pages/pagetest"
)

// in waits until an expression is true of the page in a frame of the bench's: d is its document, see
// tells whether what a selector finds is shown.
func (t *table) in(frame, what, expression string) {
	t.Helper()
	t.untilDoing(frame+": "+what, fmt.Sprintf(`((d) => {
		const at = (s) => d?.querySelector(s), see = (s) => Boolean(at(s)?.getClientRects().length);
		return Boolean(d && (%s));
	})(document.getElementById(%q)?.contentDocument)`, expression, frame), nil)
}

// tapIn presses what a selector names in a frame, once it can be pressed.
func (t *table) tapIn(frame, selector string) {
	t.Helper()
	t.in(frame, selector+" can be pressed", fmt.Sprintf("see(%q) && !at(%[1]q).disabled && !d.body.hasAttribute('aria-busy') && (at(%[1]q).click(), true)", selector))
}

// verdict waits for what the conductor's phone says of what its camera sees.
func (t *table) verdict(reason string, more ...string) {
	t.Helper()
	t.in("inspector", "the verdict is "+reason, strings.Join(append([]string{fmt.Sprintf("see('#verdict') && at('#verdict').dataset.reason === %q", reason)}, more...), " && "))
}

// opensWindow signs an officer in at the window.
func (t *table) opensWindow() {
	t.Helper()
	t.tapIn("desk", "button[name=worker][value=wang]")
	t.in("desk", "the window", "see('#desk') && at('#officer').textContent.includes('王警官')")
	t.str("(document.getElementById('desk').contentWindow.print = () => {})") // the browser's own never ends without a printer
}

// issuesPaper has the officer make a certificate of paper, and print it.
func (t *table) issuesPaper(p who) {
	t.Helper()
	for field, value := range map[string]string{"name": p.name, "document": "resident_id", "number": p.number, "reason": "no_phone", "train": "G1234", "from": "北京南", "to": "上海虹桥"} {
		t.in("desk", field, fmt.Sprintf("(at('#issue [name=%s]').value = %q, true)", field, value))
	}
	t.tapIn("desk", "#send")
	t.until("it is printed", "document.body.dataset.paper")
}

// The four beside one another: the passenger has a code, the conductor's phone reads it and spends nothing, the
// gate opens, the window makes a certificate of paper, which all know until it is revoked.
func TestTheFourPeople(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	tb := openTable(t, b, b.url.String(), 1500, 900)
	tb.applies(newPassenger())
	tb.in("inspector", "it is ready, and knows the time", "d.body.dataset.ready && at('#clock').dataset.good === 'yes' && at('#keys').dataset.good === 'yes'")
	tb.tapIn("inspector", "#start")
	tb.verdict("ok", "at('#facts').textContent.includes('电子证明')")
	tb.holds("ok")

	tb.opensWindow()
	tb.in("inspector", "nobody is signed in on board", "at('#who').hidden && at('#signin').textContent.includes('登录可查姓名和车票')")
	tb.press("#paper")
	tb.until("there is no paper yet", "document.getElementById('said').textContent.includes('No paper yet')")
	tb.issuesPaper(newPassenger())
	tb.press("[data-aim=paper]")
	tb.verdict("ok", "at('#facts').textContent.includes('纸质证明')")
	tb.gateIdle()
	tb.press("#paper")
	tb.untilDoing("the gate opens for the paper", "document.body.dataset.lit && document.body.dataset.reason === 'ok'", func() { tb.press("#paper") })
	tb.picture("paper")

	tb.tapIn("desk", "#done")
	tb.tapIn("desk", "#slips .revoke")
	tb.tapIn("desk", "#endyes")
	tb.in("desk", "it is revoked", "at('#slips .revoked')")
	for _, g := range b.gates {
		if err := g.wait(t.Context(), "does not hear what is revoked", func(s *control.Status) bool { return s.Revocations != nil && s.Revocations.Count == 1 }); err != nil {
			t.Fatal(err)
		}
	}
	tb.gateIdle()
	tb.press("#paper")
	tb.untilDoing("the gate says so", "document.body.dataset.lit && document.body.dataset.reason === 'revoked'", func() { tb.press("#paper") })
	tb.verdict("revoked", "at('#verdict').dataset.light === 'red'")
	tb.picture("revoked")
	tb.press("[data-aim='']")
	tb.in("inspector", "nothing is seen any more", "!see('#verdict')")
	tb.press("[data-aim=phone]")
	tb.verdict("ok")
	tb.axe("the four")

	tb.in("inspector", "nobody tells it of a network", "(d.defaultView.addEventListener('online', () => { d.body.dataset.told = 'yes'; }), !d.body.dataset.told)")
	tb.press("[data-advance='60']")
	tb.in("inspector", "it is told to ask for the time", "d.body.dataset.told")
	tb.verdict("ok") // of the phone's next code, by the time that was moved
}

// apart names what is not seen at once, and what is wider than the screen.
const apart = `(() => {
	const wrong = [];
	for (const s of ['.phone .case', '.gate .case', '#hold', '.conductor .case', '[data-aim=paper]', '.window .case']) {
		const r = document.querySelector(s).getBoundingClientRect();
		if (r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight || r.width < 80 || r.height < 40) wrong.push(s + ' ' + [r.left, r.top, r.right, r.bottom].map(Math.round));
	}
	for (const e of document.querySelectorAll('button')) if (e.getClientRects().length && e.scrollWidth > e.clientWidth + 1) wrong.push('cut off: ' + e.textContent);
	return wrong.join('; ');
})()`

// On a wide screen all four are seen at once; on others each has a tab, with the phone beside it where there is room.
// Nothing is wider than the screen, and nobody is hindered.
func TestTheFourOnEveryScreen(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	tb := openTable(t, b, b.url.String(), 1280, 800)
	tb.ready()
	tb.in("inspector", "it is there", "see('#start')")
	tb.in("desk", "who signs in is asked", "see('button[name=worker]')")
	for _, s := range [][2]int64{{1280, 800}, {1366, 768}, {1440, 900}, {1920, 1080}, {2560, 1440}} {
		tb.run(chromedp.EmulateViewport(s[0], s[1]))
		tb.settles(fmt.Sprint("the four, ", s), apart)
		tb.settles(fmt.Sprint("the four, ", s), tooWideBench)
		tb.settles(fmt.Sprint("the pages of the four, ", s), `['phone', 'inspector', 'desk'].filter((id) => { const d = document.getElementById(id).contentDocument; return d.documentElement.scrollWidth > d.documentElement.clientWidth; }).join()`)
		tb.picture(fmt.Sprint(s[0], "x", s[1]))
	}
	tb.axe("the four")
	for _, s := range [][2]int64{{360, 740}, {390, 844}, {640, 360}, {844, 390}, {768, 1024}, {1024, 768}, {1279, 800}} {
		tb.run(chromedp.EmulateViewport(s[0], s[1]))
		for _, tab := range []string{"lane", "conductor", "window", "two", "station"} {
			tb.to(tab)
			where := fmt.Sprint(tab, ", ", s)
			tb.settles(where, tooWideBench)
			tb.settles(where, `[...document.querySelectorAll('button')].filter((e) => e.getClientRects().length && e.scrollWidth > e.clientWidth + 1).map((e) => 'cut off: ' + e.textContent).join()`)
			tb.settles(where+", the page", fmt.Sprintf(`[document.getElementById(%q)].filter(Boolean).filter((f) => f.offsetWidth < Math.min(360, innerWidth - 40) || f.contentDocument.documentElement.scrollWidth > f.offsetWidth).map((f) => f.offsetWidth + ' wide').join()`, map[string]string{"conductor": "inspector", "window": "desk"}[tab]))
			tb.picture(fmt.Sprint(tab, "-", s[0], "x", s[1]))
			if s[0] == 390 {
				tb.axe(where)
			}
		}
	}
	// who is seen alone still reads the code of the phone, which is not seen
	tb.run(chromedp.EmulateViewport(390, 844))
	tb.to("lane")
	tb.applies(newPassenger())
	tb.to("conductor")
	tb.until("the phone is not seen", "getComputedStyle(document.querySelector('.phone')).visibility === 'hidden'")
	tb.tapIn("inspector", "#start")
	tb.verdict("ok")
	tb.picture("conductor-ok")
}

// On a small phone, upright and on its side, which is a desk's screen enlarged twice, the keyboard alone reaches
// everything on the bench.
func TestTheBenchByKeyboardOnSmallScreens(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	tb := openTable(t, b, b.url.String(), 360, 740)
	tb.ready()
	for _, tab := range []string{"lane", "conductor", "window", "two"} {
		tb.to(tab)
		pagetest.In(tb.ctx, t, "bench").Walk(tab)
	}
}

// With reduced motion the film stands still, and it is read all the same.
func TestTheFilmStandsStill(t *testing.T) {
	tb := ownTable(t)
	tb.applies(newPassenger())
	frames := func() string {
		return tb.str(`(shoot(), film.toDataURL()) === (performance.now(), (() => { for (const end = performance.now() + 60; performance.now() < end;); shoot(); return film.toDataURL(); })())`)
	}
	if got := frames(); got != "false" {
		t.Error("two frames are equal; want a hand that moves")
	}
	tb.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}})
		return chromedp.Void{}, err
	})
	tb.until("the wish is known", "still.matches")
	if got := frames(); got != "true" {
		t.Error("two frames differ though nothing is to move")
	}
	tb.run(chromedp.EmulateViewport(1280, 800))
	tb.tapIn("inspector", "#start")
	tb.verdict("ok")
}

// Each device has its own cookies, and stays below its own path.
func TestEachDeviceIsItsOwn(t *testing.T) {
	issuer := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: "who", Value: "somebody", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		switch r.URL.Path {
		case "/desk/":
			rw.Header().Set("Location", "http://bench/phone/signin/start?back=http%3A%2F%2Fbench%2Fphone%2F")
			rw.WriteHeader(http.StatusSeeOther)
		case "/elsewhere":
			http.Redirect(rw, r, "https://other.example/phone/", http.StatusSeeOther)
		case "/json":
			rw.Header().Set("Content-Type", "application/json; charset=utf-8")
			io.WriteString(rw, `{"signin":"http://bench/phone/signin/start"}`)
		default:
			rw.Header().Set("Content-Type", "text/css")
			io.WriteString(rw, "/* http://bench/phone/ */")
		}
	}))
	defer issuer.Close()
	at, err := url.Parse(issuer.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := newWeb([]*gate{{dir: t.TempDir()}}, at)
	w.phone = "http://bench/phone/"
	for path, want := range map[string]struct{ cookie, location, body string }{
		"/phone/desk/":      {"/phone/", "http://bench/phone/signin/start?back=http%3A%2F%2Fbench%2Fphone%2F", ""},
		"/window/desk/":     {"/window/", "/window/signin/start?back=http%3A%2F%2Fbench%2Fphone%2F", ""},
		"/window/elsewhere": {"/window/", "https://other.example/phone/", ""},
		"/conductor/json":   {"/conductor/", "", `{"signin":"/conductor/signin/start"}`},
		"/phone/json":       {"/phone/", "", `{"signin":"http://bench/phone/signin/start"}`},
		"/conductor/style":  {"/conductor/", "", "/* http://bench/phone/ */"},
	} {
		rec := httptest.NewRecorder()
		w.handler().ServeHTTP(rec, httptest.NewRequest("GET", "http://bench"+path, nil))
		cookies := rec.Result().Cookies()
		if len(cookies) != 1 || cookies[0].Path != want.cookie || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Value != "somebody" {
			t.Errorf("%s: cookies %v; want the one, of %s alone", path, cookies, want.cookie)
		}
		if got := rec.Header().Get("Location"); got != want.location {
			t.Errorf("%s: leads to %q; want %q", path, got, want.location)
		}
		if got := rec.Body.String(); got != want.body && want.location == "" {
			t.Errorf("%s: %q; want %q", path, got, want.body)
		}
	}
}
