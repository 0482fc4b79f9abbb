package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	browserapi "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// wide and high are a screen of the passenger and the gate: on a wider one the pages of the others come too.
const wide, high = 1240, 900

func TestApplyCheckPass(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	tb.picture("1-home")
	tb.tap("#goapply")
	tb.fillIn(newPassenger())
	tb.picture("2-form")
	tb.tap("#next")
	tb.until("the check", "seen('#start')")
	tb.picture("3-check")
	tb.check("passes")
	tb.sees()
	tb.picture("4-code")
	tb.holds("ok")
	tb.picture("5-pass")
	tb.until("and its screen sounds, for it has no buzzer", "gate.body.dataset.played === 'pass'")
	if got := tb.str("document.getElementById('said').textContent"); !strings.HasPrefix(got, "请通行 · Please pass (") {
		t.Errorf("the gate says %q", got)
	}
	tb.gateIdle()
	tb.until("the log has it", "document.querySelector('#log .granted')")
}

func TestRefreshGivesAFreshCodeAtOnce(t *testing.T) {
	chromium(t)
	for _, way := range []string{"chain", "issuer", "device"} {
		t.Run(way, func(t *testing.T) {
			tb := newTable(t, wide, high)
			tb.ready()
			tb.tap("#goapply")
			tb.fillIn(newPassenger())
			tb.set("#formway", way)
			tb.tap("#next")
			tb.check("passes")
			tb.sees()
			tb.holds("ok")
			before := tb.str("$('#qr').toDataURL()")
			tb.tap("#refresh")
			tb.untilDoing("another code", "seen('#qr') && $('#qr').toDataURL() !== "+quoted(before), func() { tb.tap("#refresh") })
			tb.holds("ok")
		})
	}
}

func TestScreenshotsAreOfNoUse(t *testing.T) {
	tb := ownTable(t)
	tb.applies(newPassenger())
	tb.holds("ok")
	tb.holdsAgain("already_used")
	tb.picture("used")
	tb.advance(2 * time.Minute)
	tb.holdsAgain("code_expired")
	tb.picture("expired")
	tb.holds("ok") // the phone has turned its code meanwhile
}

func TestThirtyMinutes(t *testing.T) {
	tb := ownTable(t)
	tb.applies(newPassenger())
	tb.holds("ok")
	tb.press("[data-advance='1800']")
	tb.until("the page asks for a check, and shows no code", "seen('#cover') && !seen('#qr') && text('#coverwords').includes('实人核验')")
	tb.picture("due")
	tb.holdsAgain("liveness_expired")
	tb.tap("#coverdo")
	tb.check("fails")
	tb.until("it says that the check failed", "seen('#outcome') && $('#outcome').dataset.reason === 'check_failed'")
	tb.picture("failed-check")
	tb.tap("#helps")
	tb.check("passes")
	tb.sees()
	tb.holds("ok")
}

func TestADayLaterItHasEnded(t *testing.T) {
	tb := ownTable(t)
	tb.applies(newPassenger())
	tb.holds("ok")
	tb.press("[data-advance='86400']")
	tb.until("the page says so", "seen('#cover') && text('#coverwords').includes('证明已失效')")
	tb.picture("ended")
	tb.holdsAgain("certificate_expired")
	tb.tap("#coverdo")
	tb.until("the form, to apply again", "seen('#fill')")
}

func TestApplyAgainInTheLastHours(t *testing.T) {
	tb := ownTable(t)
	p := newPassenger()
	tb.applies(p)
	tb.until("there is nothing to renew yet", "!seen('#renew')")
	tb.tap("#back")
	tb.tap("#goapply")
	tb.fillIn(p)
	tb.tap("#next")
	tb.check("passes")
	tb.until("one is valid already", "seen('#outcome') && $('#outcome').dataset.reason === 'still_valid'")
	tb.tap("#tohome")
	tb.sees()
	ends := tb.str("text('#ends')")
	tb.press("[data-advance='75600']")
	tb.tap("#renew")
	tb.fillIn(p)
	tb.tap("#next")
	tb.check("passes")
	tb.until("a new one", "seen('#qr') && text('#ends') !== "+quoted(ends))
	tb.picture("renewed")
	tb.holds("ok")
}

func TestFourthApplicationIsSentToTheWindow(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	tb.midMonth()
	p := newPassenger()
	for n := range 4 {
		tb.until("the first page, or an end", "seen('#goapply') || seen('#coverdo')")
		if n == 0 {
			tb.tap("#goapply")
		} else {
			tb.tap("#coverdo")
		}
		tb.fillIn(p)
		tb.tap("#next")
		tb.check("passes")
		if n < 3 {
			tb.sees()
			tb.advance(24 * time.Hour)
		}
	}
	tb.until("it says so", "seen('#outcome') && $('#outcome').dataset.reason === 'monthly_limit'")
	tb.picture("fourth")
	tb.tap("#helps")
	tb.until("the paper certificate", "seen('#slipqr')")
	tb.picture("paper")
	tb.holds("ok")
}

func TestWrongDocumentIsToldSo(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "passport")
	tb.set("#fill [name=name]", "Ada Lovelace")
	tb.set("#fill [name=number]", "E12345678")
	tb.tap("#next")
	tb.until("it says so", "seen('#outcome') && $('#outcome').dataset.reason === 'not_resident_card'")
	tb.picture("passport")
	tb.tap("#helps")
	tb.until("the paper certificate", "seen('#slipqr')")

	tb.tap("#back")
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "resident_id")
	tb.set("#fill [name=number]", "110105194912310021")
	tb.until("confirmed", "$('#fill [name=confirmed]').checked = true")
	tb.tap("#next")
	tb.until("a wrong number is told so", "$('#outcome').dataset.reason === 'bad_number' && $('#fill [name=number]').getAttribute('aria-invalid') === 'true'")
	tb.tap("#helps")
	tb.fillIn(newPassenger())
	tb.set("#benchlocation", "refused")
	tb.tap("#next")
	tb.until("without a location it says so", "seen('#outcome') && $('#outcome').dataset.reason === 'no_location'")
	tb.picture("location")
	tb.tap("#helps") // locate again
	tb.check("times_out")
	tb.until("a check that takes too long", "seen('#outcome') && $('#outcome').dataset.reason === 'check_timed_out'")
	tb.tap("#helps")
	tb.check("passes")
	tb.sees()
}

func TestClosingThePage(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	p := newPassenger()
	tb.applies(p)
	tb.run(chromedp.Reload())
	tb.ready()
	tb.until("a visitor's page shows nothing", "seen('#home') && !seen('#qr')")
	tb.tap("#goview")
	tb.fillIn(p)
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	tb.holds("ok")

	tb.tap("#account")
	tb.until("a person is signed in as the example", "seen('#examplesign')")
	tb.tap("#examplesign")
	tb.tap("#goapply")
	tb.until("the own details are there", "seen('#own') && !seen('#theirs')")
	tb.picture("own")
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	tb.run(chromedp.Reload())
	tb.ready()
	tb.sees() // a signed-in user's page may be closed
	tb.tap("#showhistory")
	tb.until("the history", "$('#applications').children.length === 1")
	tb.picture("history")
	tb.tap("#account")
	tb.until("signed out", "seen('#home') && !seen('#gohistory')")
}

func TestTheNetworkIsCut(t *testing.T) {
	b := ownBench(t) // its issuer is ended
	tb := openTable(t, b, b.url.String(), wide, high)
	tb.ready()
	tb.tap("#account")
	tb.tap("#examplesign")
	tb.tap("#goapply")
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	tb.until("the worker has the page", "phone.defaultView.navigator.serviceWorker.controller")
	issuer := b.web.issuer.Host
	end(b.programs[0])
	tb.until("the page notices", "$('#refresh').disabled || ($('#refresh').click(), !$('#cut').hidden)")
	tb.picture("cut")
	slot := tb.str("$('#qr').dataset.slot")
	tb.holds("ok")
	// a minute passes, for the phone's monotonic clock and for the gate
	tb.str("(() => { const w = phone.defaultView, real = w.performance.now.bind(w.performance); w.performance.now = () => real() + 60000; })()")
	if err := b.web.pretend(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	tb.until("the code turns by itself", "$('#qr').dataset.slot !== "+quoted(slot))
	tb.holds("ok")

	// The page can be opened again: the worker has it, and what it showed.
	tb.run(chromedp.Reload())
	tb.ready()
	tb.sees()
	tb.until("it says that there is no network", "!$('#cut').hidden")
	tb.picture("reopened")

	if _, _, err := b.startIssuer(issuer, true); err != nil {
		t.Fatal(err)
	}
	// the issuer's time is the gate's again
	resp, err := http.Post(b.web.issuer.JoinPath("api/bench/advance").String(), "application/json", strings.NewReader(`{"seconds":60}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	tb.until("the page notices by itself that the network is back", "$('#cut').hidden")
	tb.str("phone.defaultView.dispatchEvent(new phone.defaultView.Event('railgate:time'))")
	tb.holds("ok")
}

func TestTwoLanguages(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	const pairs = `[...phone.querySelectorAll('main b, header b')].filter((b) => b.textContent.trim() && !b.closest('#owner, #own, #slipowner'))
		.filter((b) => !/[\u4e00-\u9fff]/.test(b.textContent) || !(b.parentElement.querySelector('span[lang="en"]')?.textContent.trim())).map((b) => b.textContent).join()`
	if got := tb.str(pairs); got != "" {
		t.Errorf("these are in one language only: %s", got)
	}
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "passport")
	tb.tap("#next")
	tb.until("the outcome", "seen('#outcome')")
	if zh, en := tb.str("$('#why b').textContent"), tb.str("$('#why span').textContent + $('#why span').lang"); zh != "仅支持居民身份证申请" || en != "Only a resident identity card is accepteden" {
		t.Errorf("the outcome says %q, %q", zh, en)
	}
	if lang := tb.str("phone.documentElement.lang"); lang != "zh-CN" {
		t.Errorf("the page's language is %q", lang)
	}
	if got := tb.str("[...gate.querySelectorAll('#words p')].map((p) => p.lang).join()"); got != "zh,en" {
		t.Errorf("the gate speaks %q", got)
	}
}

// The whole way by keyboard: Tab, Enter, Space and letters.
func TestByKeyboardAlone(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	phone := openTable(t, tb.bench, tb.bench.web.issuer.String(), 390, 844)
	phone.ready()
	p := newPassenger()
	phone.tabTo("#goapply")
	phone.run(chromedp.KeyEvent(kb.Enter))
	phone.until("the form, and its heading has the focus", "seen('#fill') && phone.activeElement === $('#fill h1')")
	phone.tabTo("#fill [name=name]")
	phone.run(chromedp.KeyEvent(p.name))
	phone.tabTo("#fill [name=number]")
	phone.run(chromedp.KeyEvent(p.number))
	phone.tabTo("#fill [name=confirmed]")
	phone.run(chromedp.KeyEvent(" "))
	phone.run(chromedp.KeyEvent(kb.Enter))
	phone.until("the check", "seen('#start')")
	phone.tabTo("#start")
	phone.run(chromedp.KeyEvent(kb.Enter))
	phone.until("the provider's page", "seen('button.main[name=face]')")
	phone.tabTo("button.main[name=face]")
	phone.run(chromedp.KeyEvent(kb.Enter))
	phone.sees()
	phone.tabTo("#refresh")
	phone.picture("code")
}

func (t *table) tabTo(selector string) {
	t.Helper()
	for range 40 {
		if t.str("phone.activeElement === $("+quoted(selector)+")") == "true" {
			return
		}
		t.run(chromedp.KeyEvent(kb.Tab))
	}
	t.Fatalf("%s is not reached by Tab", selector)
}

func TestTheTechniciansPage(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.applies(newPassenger())
	tb.holds("ok")
	page := openTable(t, tb.bench, tb.bench.web.gate.JoinPath("status").String(), 1100, 1000)
	page.until("all is well, and drawn", "document.body.dataset.health === 'healthy' && document.querySelector('#hour rect.granted') && document.querySelector('#times polyline, #times line')")
	page.until("the last records", "[...document.querySelectorAll('#records tr')].some((r) => r.innerText.includes('granted'))")
	page.picture("status")
	if text := page.str("document.body.innerText"); strings.Contains(text, "undefined") || strings.Contains(text, "NaN") {
		t.Errorf("the page says %s", text)
	}
}

// withoutBench is the page of an issuer without a bench, on a phone.
func withoutBench(t *testing.T) *table {
	t.Helper()
	t.Parallel()
	chromium(t)
	b := &bench{dir: t.TempDir(), bin: build(t), out: io.Discard}
	t.Cleanup(b.stop)
	address, _, err := b.startIssuer("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	tb := openTable(t, b, address.String(), phoneWide, phoneHigh)
	tb.ready()
	return tb
}

// goesWithout fills the form in, and goes on without a location.
func (t *table) goesWithout() {
	t.Helper()
	t.location(browserapi.PermissionSettingDenied)
	t.tap("#goapply")
	t.fillIn(newPassenger())
	t.tap("#next")
}

// Without a bench the page asks the browser for its location, shows nothing of a
// bench, and nobody passes a real-person check that is not there.
func TestThePageWithoutABench(t *testing.T) {
	tb := withoutBench(t)
	if got := tb.str("[...document.querySelectorAll('.bench')].filter((e) => e.getClientRects().length).length"); got != "0" {
		t.Errorf("%s things of a bench are seen", got)
	}
	tb.goesWithout()
	tb.until("without a location it says so", "seen('#outcome') && $('#outcome').dataset.reason === 'no_location'")
	tb.location(browserapi.PermissionSettingGranted)
	tb.tap("#helps")
	tb.until("the check", "seen('#check')")
	tb.tap("#start")
	tb.until("nobody passes", "seen('#outcome') && $('#outcome').dataset.reason === 'no_check'")
	tb.picture("no-check")
	if tb.str("seen('#helps')") == "true" {
		t.Error("a police window is offered as a button")
	}
}
