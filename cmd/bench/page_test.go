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
	"rsc.io/qr/coding"

	"railgate/driver/eye"
	"railgate/driver/scanner"
	"railgate/verify"
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

// faint finds text whose contrast is under WCAG's AA: 4.5, or 3 where it is large.
const faint = `(() => {
	const view = phone.defaultView;
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
	const luminance = (rgb) => rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	const over = (top, a, below) => top.map((v, i) => v * a + below[i] * (1 - a));
	const back = (e) => { for (; e; e = e.parentElement) { const c = parse(view.getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
	const out = [], walk = phone.createTreeWalker(phone.body, NodeFilter.SHOW_TEXT);
	for (let n = walk.nextNode(); n; n = walk.nextNode()) {
		const e = n.parentElement, s = view.getComputedStyle(e);
		if (!n.textContent.trim() || !e.getClientRects().length || s.visibility !== 'visible' || e.closest('.unseen, script, style, noscript, :disabled, option')) continue;
		const behind = back(e), ink = parse(s.color), color = over(ink.rgb, ink.a * Number(s.opacity), behind);
		const [a, b] = [luminance(color), luminance(behind)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
		const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700);
		if (ratio < (large ? 3 : 4.5)) out.push(n.textContent.trim() + ' ' + ratio.toFixed(2));
	}
	return out.join('; ');
})()`

func TestContrastAndQuietZone(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	for _, dark := range []bool{false, true} {
		phone := openTable(t, tb.bench, tb.bench.web.issuer.String(), 390, 844)
		name := "light"
		if dark {
			phone.dark()
			name = "dark"
		}
		phone.ready()
		look := func(view string) {
			t.Helper()
			if got := phone.str(faint); got != "" {
				t.Errorf("%s, %s: too faint: %s", name, view, got)
			}
			phone.picture(name + "-" + view)
		}
		phone.until("the summary opens", "$('details').open = true")
		look("home")
		phone.until("it closes", "!($('details').open = false)")
		phone.tap("#goapply")
		look("form")
		phone.fillIn(newPassenger())
		phone.tap("#next")
		phone.until("the check", "seen('#start')")
		look("check")
		phone.check("passes")
		phone.sees()
		look("code")
		// four modules of white around the code, whatever the scheme
		if got := phone.str(`(() => {
			const c = $('#qr'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, at = (x, y) => d[4 * (y * c.width + x)];
			let first = 0;
			while (at(first, first) === 255) first++;
			let module = 0;
			while (at(first + module, first) === 0) module++;
			for (let y = 0; y < c.height; y++) for (let x = 0; x < c.width; x++)
				if (at(x, y) !== 255 && Math.min(x, y, c.width - 1 - x, c.height - 1 - y) < first) return 'dark at ' + x + ',' + y;
			return [first / (module / 7), phone.defaultView.getComputedStyle($('#paper')).backgroundColor].join();
		})()`); got != "4,rgb(255, 255, 255)" {
			t.Errorf("%s: the quiet zone is %s", name, got)
		}
		phone.tap("#back")
		phone.tap("#goapply")
		phone.set("#fill [name=document]", "passport")
		phone.fillIn(who{"Ada Lovelace", "E12345678"})
		phone.tap("#next")
		phone.until("the outcome", "seen('#outcome')")
		look("outcome")
		phone.tap("#helps")
		phone.until("the paper", "seen('#slip')")
		look("paper")
		phone.tap("#back")
		phone.tap("#account")
		phone.until("signing in", "seen('#sign')")
		look("sign")
	}
}

// The page's own encoder draws what another does, module by module, at every version.
func TestEncoderDrawsWhatAnotherDoes(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	// one under, at and over what versions 1 to 14 hold at M (ISO/IEC 18004, table 7)
	for i, most := range []int{20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483, 528} {
		for _, n := range []int{most - 1, most, most + 1} {
			text := ""
			for i := range n {
				text += string(alphabet[(i*i+7*i+n)%45])
			}
			tb.str("(window.drawn = '', import(phone.querySelector('script[type=module]').src.replace('phone.js', 'qr.js')).then((m) => { window.drawn = m.encode(" + quoted(text) + ").map((row) => row.map(Number).join('')).join('\\n'); }))")
			tb.until("drawn", "window.drawn")
			version := i + 1
			if n > most {
				version++
			}
			if !drawnByAnother(t, text, version, strings.Split(tb.str("window.drawn"), "\n")) {
				t.Errorf("%d characters: no mask of version %d draws that", n, version)
			}
		}
	}
}

func drawnByAnother(t *testing.T, text string, version int, rows []string) bool {
	t.Helper()
	for mask := range 8 {
		plan, err := coding.NewPlan(coding.Version(version), coding.M, coding.Mask(mask))
		if err != nil {
			t.Fatal(err)
		}
		code, err := plan.Encode(coding.Alpha(text))
		if err != nil {
			t.Fatal(err)
		}
		same := code.Size == len(rows)
		for y := 0; same && y < code.Size; y++ {
			for x := 0; same && x < code.Size; x++ {
				same = code.Black(x, y) == (rows[y][x] == '1')
			}
		}
		if same {
			return true
		}
	}
	return false
}

// A code stays as it is drawn until its minute is over, also where each signature of
// the phone's would be another.
func TestACodeStandsStill(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	tb.tap("#goapply")
	tb.fillIn(newPassenger())
	tb.set("#formway", "device")
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	before := tb.str("$('#qr').toDataURL()")
	left, clock := tb.str("$('#left').textContent"), tb.str("$('#markclock').textContent")
	tb.until("seconds pass", "Number($('#left').textContent) < "+left+" - 1")
	if tb.str("$('#qr').dataset.slot") == "0" && tb.str("$('#qr').toDataURL()") != before {
		t.Error("the code was drawn again within its minute")
	}
	// beside it is what a screenshot does not have
	tb.until("the time runs", "/^\\d\\d:\\d\\d:\\d\\d$/.test($('#markclock').textContent) && $('#markclock').textContent !== "+quoted(clock))
	tb.until("the train runs", "seen('#mark') && $('#mark .train').getAnimations().some((a) => a.playState === 'running')")
	if tb.str("seen('#bright')") != "true" {
		t.Error("nothing says to turn up the brightness")
	}
}

// The phone's codes are what the wire says, down to the byte: verify takes them.
func TestThePhonesCodesAreRG1(t *testing.T) {
	chromium(t)
	for _, way := range []string{"chain", "device", "issuer"} {
		tb := newTable(t, wide, high)
		tb.ready()
		tb.tap("#goapply")
		tb.fillIn(newPassenger())
		tb.set("#formway", way)
		tb.tap("#next")
		tb.check("passes")
		tb.sees()
		img, err := scanner.DecodePicture(tb.canvas("$('#qr').toDataURL()"))
		if err != nil {
			t.Fatal(err)
		}
		text, ok := eye.NewReader().Read(img)
		if !ok {
			t.Errorf("%s: the eye does not read the picture", way)
		}
		code, err := verify.Parse(text)
		if err != nil || code.Rotation.String() != way || code.Claims.Class != verify.Temporary {
			t.Errorf("%s: %v, %+v", way, err, code)
		}
	}
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
