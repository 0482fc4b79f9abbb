package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	browserapi "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"railgate/driver/eye"
	"railgate/driver/scanner"
	"railgate/verify/lane"
)

const phoneWide, phoneHigh = 390, 844

// openPhone is the passenger's page alone, behind a front, on a bench of its own.
func openPhone(t *testing.T) (*table, *front) {
	t.Helper()
	b := ownBench(t)
	f := newFront(t, b.web.issuer)
	tb := openTable(t, b, f.URL+"/", phoneWide, phoneHigh)
	tb.ready()
	return tb, f
}

// hasWorker waits until the page can be opened with the network cut.
func (t *table) hasWorker() {
	t.Helper()
	t.until("the worker has the page", "navigator.serviceWorker.controller")
}

func (t *table) reload() {
	t.Helper()
	t.run(chromedp.Reload())
	t.ready()
}

// eventually waits for what a test's own server sees.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// signsUp opens an account for a passenger and signs in.
func (t *table) signsUp(p who) {
	t.Helper()
	name := "p" + p.number[6:17]
	body, err := json.Marshal(map[string]any{"account": name, "password": "passenger", "name": p.name, "document": "resident_id", "number": p.number, "confirmed": true})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(t.bench.web.issuer.JoinPath("api/signup").String(), "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("signing up: %s", resp.Status)
	}
	t.signsIn(p)
}

func (t *table) signsIn(p who) {
	t.Helper()
	t.tap("#account")
	t.set("#sign [name=account]", "p"+p.number[6:17])
	t.set("#sign [name=password]", "passenger")
	t.tap("#sign form button.main")
	t.until("signed in", "seen('#gohistory')")
}

// appliesSignedIn goes from the first page to the check's outcome.
func (t *table) appliesSignedIn() {
	t.Helper()
	t.tap("#goapply")
	t.tap("#next")
	t.check("passes")
}

// nothing is what a page shows that knows nobody.
const nothing = `seen('#home') && !seen('#qr') && !seen('#gohistory') && $('#qr').width === 1 && !$('#qr').dataset.slot
	&& ['#owner', '#own', '#applications'].every((s) => !$(s).textContent.trim()) && [...$('main').querySelectorAll('input')].every((i) => i.type === 'checkbox' || i.type === 'radio' || !i.value)`

// remembered is what the service worker gives to a page that is opened with the network cut.
const remembered = `(window.got = undefined, (() => {
	const c = new MessageChannel();
	c.port1.onmessage = (e) => { window.got = JSON.stringify(e.data); };
	navigator.serviceWorker.controller.postMessage({ kind: 'recall' }, [c.port2]);
})())`

func (t *table) remembered() string {
	t.Helper()
	t.str(remembered)
	t.until("the worker answers", "window.got !== undefined")
	return t.str("window.got")
}

func TestSigningOutReachesEveryTab(t *testing.T) {
	one, f := openPhone(t)
	one.hasWorker()
	p := newPassenger()
	one.signsUp(p)
	one.appliesSignedIn()
	one.sees()
	two := one.tab(f.URL+"/", phoneWide, phoneHigh)
	two.ready()
	two.sees()
	two.tap("#showhistory")
	two.until("the history", "$('#applications').children.length === 1")
	two.tap("#back")
	two.sees()
	eventually(t, "the worker remembers", func() bool { return strings.Contains(one.remembered(), "wallet") })

	one.tap("#account")
	one.until("the tab that signed out has forgotten", nothing)
	two.until("and the other one", nothing)
	if got := two.remembered(); got != "null" {
		t.Errorf("the worker still has %.200s", got)
	}
	f.cut(true)
	three := one.tab(f.URL+"/", phoneWide, phoneHigh)
	three.ready()
	three.until("a new tab, with the network cut, shows nothing", nothing)

	// One more time, and now the network is cut before signing out.
	f.cut(false)
	two.until("the network is back", "$('#cut').hidden")
	two.signsIn(p)
	two.appliesSignedIn()
	two.until("one is valid already", "seen('#outcome') && $('#outcome').dataset.reason === 'still_valid'")
	two.until("it is offered without a second check", "seen('#helps') && text('#helps').includes('View it')")
	two.tap("#helps")
	two.sees()
	one.reload()
	one.sees()
	f.cut(true)
	two.tap("#account")
	two.until("the tab that signed out has forgotten", nothing)
	one.until("and the other one", nothing)
	three.reload()
	three.until("a new tab shows nothing", nothing)
	f.cut(false)
	for _, tab := range []*table{one, two, three} {
		tab.until("the issuer has heard of it", "$('#cut').hidden && !localStorage.getItem('leaving')")
	}
	one.reload()
	one.until("nobody is signed in", nothing)
}

// A sign-in of 30 days ago: the page forgets, says why, and what to do.
func TestASignInThatIsOver(t *testing.T) {
	tb, _ := openPhone(t)
	p := newPassenger()
	tb.signsUp(p)
	tb.appliesSignedIn()
	tb.sees()
	tb.advance(30 * 24 * time.Hour)
	tb.str("window.dispatchEvent(new Event('railgate:time'))")
	tb.until("it has forgotten", nothing)
	tb.until("it says why, and what to do", "seen('#over') && text('#over').includes('Your sign-in is over') && text('#over').includes('Sign in again') && text('#account').includes('Sign in')")
	tb.picture("over")
	tb.axe("a sign-in that is over")
	tb.signsIn(p)
	tb.until("nothing more of it", "!seen('#over')")
}

func TestThePageIsOfOneVersion(t *testing.T) {
	tb, f := openPhone(t)
	tb.hasWorker()
	loaded := "$('script[type=module]').src"
	newer := func(file string) string { return "/v/" + f.second + "/" + file }
	f.set(func() { f.newer, f.absent["words.js"] = true, true })
	tb.reload()
	eventually(t, "the worker asks for the new version", func() bool { return f.times(newer("words.js")) == 1 && f.times(newer("phone.css")) == 1 })
	tb.until("a page of the old version, whole", "seen('#goapply') && "+loaded+".includes("+quoted(f.first)+")")
	late := make(chan struct{})
	f.set(func() { delete(f.absent, "words.js"); f.held["words.js"] = late })
	tb.reload()
	eventually(t, "the worker asks again", func() bool { return f.times(newer("words.js")) == 2 })
	tb.until("still the old version, whole", "seen('#goapply') && "+loaded+".includes("+quoted(f.first)+")")
	tb.tap("#goapply")
	tb.until("its buttons work", "seen('#fill')")
	tb.tap("#back")
	close(late)
	tb.untilDoing("the new version, whole", "seen('#goapply') && phone.body.dataset.ready && "+loaded+".includes("+quoted(f.second)+")", func() { tb.run(chromedp.Reload()) })
	if n := f.times(newer("phone.css")); n != 1 {
		t.Errorf("a file that had come was asked for %d times; want once", n)
	}
	f.cut(true)
	tb.reload()
	tb.until("the new version with the network cut", "seen('#goapply') && "+loaded+".includes("+quoted(f.second)+")")
}

func TestOpenedWithTheNetworkCut(t *testing.T) {
	tb, f := openPhone(t)
	tb.hasWorker()
	p := newPassenger()
	f.cut(true)
	tb.reload()
	tb.until("it says that there is no network", "seen('#cut')")
	tb.tap("#goapply")
	tb.until("the list of documents is whole", "$('#fill [name=document]').options.length === 6 && $('#fill [name=document]').value === 'resident_id'")
	tb.fillIn(p)
	kept := "seen('#fill') && seen('#cut') && $('#fill [name=name]').value === " + quoted(p.name) + " && $('#fill [name=number]').value === " + quoted(p.number) + " && $('#fill [name=confirmed]').checked"
	tb.tap("#next")
	tb.until("the form stays as it was filled in", "!$('#next').disabled && "+kept)
	tb.picture("form")
	asked := f.times("/api/state")
	eventually(t, "the page asks again by itself", func() bool { return f.times("/api/state") > asked+1 })
	if tb.str(kept) != "true" {
		t.Error("what was filled in is gone")
	}
	f.cut(false)
	tb.until("the banner goes by itself, and the form stays", "!seen('#cut') && seen('#fill') && $('#fill [name=name]').value === "+quoted(p.name))
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	// losing the network is told at once, before anything is asked
	if tb.str("(window.dispatchEvent(new Event('offline')), seen('#cut'))") != "true" {
		t.Error("the phone loses the network, and the page does not say so")
	}
	tb.until("it was not so", "!seen('#cut')")
	tb.loses(f, true)
	tb.until("now it is", "seen('#cut') && text('#cut').includes('codes go on until')")
	tb.loses(f, false)
	tb.until("and it is back", "!seen('#cut')")
}

// loses takes the network away, and the browser tells the page; or brings both back.
func (t *table) loses(f *front, offline bool) {
	t.Helper()
	f.cut(offline)
	t.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
		return chromedp.Void{}, err
	})
}

func TestAVisitorLoadsThePageAgain(t *testing.T) {
	tb, f := openPhone(t)
	p := newPassenger()
	tb.until("without a certificate applying comes first", "seen('#goapply.main') && seen('#may') && !seen('#may.news')")
	tb.until("it can be put on the home screen", "seen('#homescreen')")
	if got := tb.str("getComputedStyle(document.documentElement).overscrollBehaviorY + getComputedStyle(document.body).overscrollBehaviorY"); got != "nonenone" {
		t.Errorf("pulling down loads the page again: overscroll-behavior-y %s", got)
	}
	tb.applies(p)
	ends := tb.str("text('#ends')")
	tb.reload()
	tb.until("it says that the certificate may be valid, and until when", "seen('#may.news') && text('#may').includes("+quoted(ends)+") && seen('#goview.main') && !seen('#qr')")
	tb.picture("again")
	tb.tap("#goview")
	tb.fillIn(p)
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	other := tb.tab(f.URL+"/", phoneWide, phoneHigh)
	other.ready()
	other.until("another tab knows nothing of it", "seen('#goapply.main') && !seen('#may.news')")
	tb.advance(24 * time.Hour)
	tb.until("it has ended", "seen('#cover')")
	tb.reload()
	tb.until("and what has ended is not valid still", "seen('#goapply.main') && !seen('#may.news')")
}

// ringed is what the ring shows, in seconds; the number beside it is to say the same.
const ringed = "60 - parseFloat($('#ring .rest').style.strokeDashoffset)"

func TestWhatIsSaidIsTrue(t *testing.T) {
	tb, f := openPhone(t)
	tb.applies(newPassenger())
	tb.tap("#refresh")
	tb.until("it says that there is a new code", "text('#live').includes('New code')")
	f.cut(true)
	before := tb.str("$('#qr').toDataURL()")
	tb.until("a second passes", "Number(text('#left') || $('#left').textContent) < 59")
	tb.tap("#refresh")
	tb.until("it says that the code is good", "text('#live').includes('the code shown is good') && seen('#cut') && seen('#qr') && !$('#refresh').disabled")
	if tb.str("$('#qr').dataset.slot") == "0" && tb.str("$('#qr').toDataURL()") != before {
		t.Error("without a network Refresh changes the code")
	}
	for range 3 { // as it counts down, with the banner beside it
		if got := tb.str(fmt.Sprintf("Math.abs(%s - Number($('#left').textContent)) <= 1", ringed)); got != "true" {
			t.Errorf("the ring shows %s, the number %s", tb.str(ringed), tb.str("$('#left').textContent"))
		}
		left := tb.str("$('#left').textContent")
		tb.until("a second passes", "$('#left').textContent !== "+quoted(left))
	}
	if got := tb.str("/\\d+ ?(s|秒)/.test(text('#cut'))"); got != "false" {
		t.Errorf("the banner counts beside the ring: %s", tb.str("text('#cut')"))
	}
	f.cut(false)
	tb.until("the network is back", "!seen('#cut')")
	tb.advance(30 * time.Minute)
	tb.until("it says that a check is due", "seen('#cover') && text('#live').includes('Verify yourself again')")
	tb.tap("#coverdo")
	tb.check("passes")
	tb.sees()
	tb.until("above a good code nothing else is said", "!seen('#cover') && $('#live').textContent === ''")
	tb.advance(24 * time.Hour)
	tb.until("it says that it has ended", "seen('#cover') && text('#live').includes('ended')")
}

// sizes are the screens that the page is for, upright and on their side, and at a zoom of
// 200 %.
var sizes = []struct {
	name        string
	width, high int64
	scale       float64
}{
	{"280", 280, 653, 1}, {"280-side", 653, 280, 1}, {"360", 360, 640, 3}, {"360-side", 640, 360, 3}, {"390", 390, 844, 3}, {"390-side", 844, 390, 3},
	{"768", 768, 1024, 2}, {"768-side", 1024, 768, 2}, {"1280", 1280, 800, 1}, {"1280-side", 800, 1280, 1},
	{"390-zoom", 195, 422, 6}, {"390-side-zoom", 422, 195, 6}, {"1280-zoom", 640, 400, 2},
}

// wide names what is wider than the screen.
const tooWide = `(() => {
	const width = phone.defaultView.innerWidth;
	if (phone.documentElement.scrollWidth <= width) return '';
	const over = [...phone.body.querySelectorAll('*')].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > width + 0.5 && !e.closest('#mark svg, .unseen'));
	return 'wider than the screen: ' + over.map((e) => e.tagName + '#' + e.id + ' ' + Math.round(e.getBoundingClientRect().right)).join(', ');
})()`

// whole tells whether a canvas is on the screen, all of it, square and sharp, and no
// smaller than it could be. At a zoom of 200 % one may have to scroll to it.
const whole = `((c, zoomed) => {
	const view = phone.defaultView, least = Math.min(view.innerWidth, view.innerHeight), wrong = [];
	if (zoomed) c.scrollIntoView({ block: 'center' }); else view.scrollTo(0, 0);
	const r = c.getBoundingClientRect(), paper = c.parentElement.getBoundingClientRect();
	if (Math.abs(r.width - r.height) > 0.01) wrong.push('not square');
	if (r.left < paper.left || r.right > paper.right || r.top < paper.top || r.bottom > paper.bottom || r.left < 0 || r.right > view.innerWidth || r.top < 0 || r.bottom > view.innerHeight) wrong.push('cut off');
	if (Math.abs(c.width - r.width * view.devicePixelRatio) > 0.5) wrong.push('not sharp: ' + c.width + ' pixels on ' + r.width * view.devicePixelRatio);
	if (r.width < Math.min(300, least * 0.45)) wrong.push('small');
	return wrong.length ? wrong.join(', ') + ': ' + [r.left, r.top, r.width, r.height, view.innerWidth, view.innerHeight].map(Math.round) : '';
})`

func TestTheCodeIsWholeOnEveryScreen(t *testing.T) {
	tb, _ := openPhone(t)
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "passport")
	tb.fillIn(who{"Ada Lovelace", "E12345678"})
	tb.tap("#next")
	tb.tap("#helps")
	tb.until("the paper certificate", "seen('#slipqr')")
	for _, s := range sizes {
		tb.run(chromedp.EmulateViewport(s.width, s.high, chromedp.EmulateScale(s.scale)))
		tb.settles(s.name+", paper", fmt.Sprintf("%s($('#slipqr'), %v) + %s", whole, strings.HasSuffix(s.name, "zoom"), tooWide))
	}
	tb.tap("#back")
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "resident_id")
	tb.fillIn(newPassenger())
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	for _, s := range sizes {
		tb.run(chromedp.EmulateViewport(s.width, s.high, chromedp.EmulateScale(s.scale)))
		tb.settles(s.name, fmt.Sprintf("%s($('#qr'), %v) + %s", whole, strings.HasSuffix(s.name, "zoom"), tooWide))
		if png := tb.picture(s.name); strings.HasSuffix(s.name, "side") {
			img, err := scanner.DecodePicture(png)
			if err != nil {
				t.Fatal(err)
			}
			if text, ok := eye.NewReader().Read(img); !ok || !strings.HasPrefix(text, "RG1:") {
				t.Errorf("%s: the eye does not read the screen", s.name)
			}
		}
	}
}

// settles waits until an expression names no fault any more.
func (t *table) settles(what, faults string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if got = t.str(faults); got == "" {
			return
		}
	}
	t.picture("failed")
	t.Errorf("%s: %s", what, got)
}

// The first page says where in the app's menu it is, and the menu leads back to it.
func TestTheMenusPathToThePage(t *testing.T) {
	tb, _ := openPhone(t)
	tb.until("the path, in both languages", "seen('#home') && /温馨服务\\s+Services\\s+临时身份证明\\s+Temporary ID/.test(text('#path'))")
	tb.until("the page is its last step", "$('#path [aria-current=page]').innerText.includes('临时身份证明')")
	tb.picture("path")
	tb.axe("the path")
	tb.tap("#goservices")
	tb.until("the menu", "seen('#services') && text('#services h1').includes('温馨服务') && !seen('#home')")
	tb.settles("the menu", cramped)
	tb.picture("menu")
	tb.axe("the menu")
	tb.tap("#gotemporary")
	tb.until("the page", "seen('#home') && seen('#goapply')")
	tb.settles("the page", cramped)
}

// nowhere lets the page ask for the location, and the device has none.
func (t *table) nowhere() {
	t.Helper()
	t.location(browserapi.PermissionSettingGranted)
	t.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{})
		return chromedp.Void{}, err
	})
}

// Refused, unavailable and timed out are three answers, each with a reason of its own and the way to
// locate again. What a granted position becomes is a city: the position goes nowhere.
func TestR3OnlyAGrantedPositionCounts(t *testing.T) {
	tb := withoutBench(t)
	tb.str(`(window.sent = [], window.real = window.fetch, window.fetch = (url, what) => { if (url === 'api/apply') sent.push(what.body); return real(url, what); })`)
	tb.goesWithout()
	says := func(reason, zh, en string) {
		t.Helper()
		tb.until(reason, fmt.Sprintf("seen('#outcome') && $('#outcome').dataset.reason === %q && text('#why').includes(%q) && text('#todo').includes(%q) && text('#helps').includes('重新定位')", reason, zh, en))
		tb.settles(reason, cramped)
		tb.picture(reason)
		tb.axe(reason)
	}
	says("no_location", "未获得定位授权", "Allow access")
	tb.nowhere()
	tb.tap("#helps")
	says("no_position", "无法确定位置", "Turn on location services")
	tb.str("(navigator.geolocation.getCurrentPosition = (_, no) => no({ code: 3 }))")
	tb.tap("#helps")
	says("locating_timed_out", "定位超时", "where the signal is better")
	if got := tb.str("sent.map((s) => JSON.parse(s)).map((s) => s.city === undefined && s.no_city).join()"); got != "refused,unavailable,timed_out" {
		t.Errorf("what is sent instead of a city: %s", got)
	}
	tb.str("delete navigator.geolocation.getCurrentPosition")
	tb.location(browserapi.PermissionSettingGranted) // near Guangzhou
	tb.tap("#helps")
	tb.until("the check", "seen('#check')")
	if got := tb.str("JSON.parse(sent.at(-1)).city"); got != "广州" {
		t.Errorf("the city sent is %q; want 广州", got)
	}
	if got := tb.str("/23[.]|113[.]|latitude|coords/.test(sent.join())"); got != "false" {
		t.Errorf("the position is sent: %s", tb.str("sent.at(-1)"))
	}
	for place, want := range map[string]string{"39.9, 116.3": "北京", "31.2, 121.5": "上海", "29.6, 91.1": "拉萨", "43.9, 81.3": "乌鲁木齐", "22.55, 114.0": "深圳"} {
		tb.str(fmt.Sprintf("(window.found = '', import(new URL('place.js', $('script[type=module]').src)).then((m) => { window.found = m.cityOf(%s); }), 0)", place))
		tb.until(place+" is "+want, fmt.Sprintf("window.found === %q", want))
	}
}

// sessionSees tells whether the issuer shows a certificate to a visitor's token.
func (t *table) sessionSees(token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.ctx, http.MethodGet, t.bench.web.issuer.JoinPath("api/state").String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Railgate-Page", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct{ Certificate *struct{} }
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		t.Fatal(err)
	}
	return state.Certificate != nil || resp.StatusCode != http.StatusOK // asked too often, it does not say
}

// A visitor who goes away from the code, by whichever button, has closed the page: nothing of it is
// left here or at the issuer, and it takes a check to see it again. The check itself is no way away.
func TestR10LeavingTheCodesPageIsClosing(t *testing.T) {
	tb, f := openPhone(t)
	p := newPassenger()
	token := func() string {
		t.Helper()
		tb.str("(window.token = '', import(new URL('talk.js', $('script[type=module]').src)).then((m) => { window.token = m.talk.page; }), 0)")
		tb.until("a visitor's token", "window.token")
		return tb.str("window.token")
	}
	views := func() {
		t.Helper()
		tb.tap("#goview")
		tb.until("the form, and nothing in it", "seen('#theirs') && ['name', 'number'].every((n) => !$('#fill [name=' + n + ']').value) && !$('#fill [name=confirmed]').checked")
		tb.fillIn(p)
		tb.tap("#next")
		tb.check("passes")
		tb.sees()
	}
	gone := "$('#qr').width === 1 && !$('#qr').dataset.slot && !$('#owner').textContent"
	tb.applies(p)
	tb.until("it says what leaving means", "seen('#leaves') && text('#leaves').includes('重新核验')")
	tb.str("$('#leaves').scrollIntoView({ block: 'center' })")
	tb.picture("leaves")
	for _, way := range []struct{ button, to string }{{"#back", "#home"}, {"#account", "#sign"}, {"#renew", "#fill"}} {
		if way.button == "#renew" {
			tb.advance(22 * time.Hour)
			tb.until("a check is due, and it can be renewed", "seen('#coverdo') && seen('#renew')")
			tb.tap("#coverdo") // no way away
			tb.until("the check", "seen('#check')")
			tb.tap("#back")
			tb.until("the certificate is there still", "seen('#show') && seen('#cover')")
		}
		was := token()
		if !tb.sessionSees(was) {
			t.Fatalf("%s: before it the issuer does not know the visitor", way.button)
		}
		tb.tap(way.button)
		tb.until(way.button+" shows nothing of it", fmt.Sprintf("seen(%q) && %s", way.to, gone))
		eventually(t, way.button+": the issuer is told", func() bool { return !tb.sessionSees(was) })
		if way.to != "#home" {
			tb.tap("#back")
		}
		tb.until("the first page says that it may be valid", "seen('#home') && seen('#may.news')")
		views()
	}
	f.cut(true)
	tb.tap("#back")
	tb.until("with the network cut it shows nothing either", "seen('#home') && "+gone)
	f.cut(false)
	tb.until("the network is back, and it is not shown", "!seen('#cut') && seen('#home')")
	views()
}

// Of two valid certificates each phone says which one it shows, and that both work; and of paper.
func TestR7ThePageSaysWhichOfTwoIsShown(t *testing.T) {
	old, f := openPhone(t)
	p := newPassenger()
	old.applies(p)
	old.until("of one certificate nothing is said", "!seen('#besides')")
	old.advance(21*time.Hour + 30*time.Minute)
	old.tap("#coverdo")
	old.check("passes")
	old.sees()
	ends := old.str("text('#ends')")
	tb := openTable(t, old.bench, f.URL+"/", phoneWide, phoneHigh)
	tb.applies(p)
	tb.until("the newer one is shown, and both work", fmt.Sprintf("seen('#besides') && text('#besides').includes('现显示较新的一张，两张均可使用') && text('#besides').includes('The newer one is shown; both work') && text('#besides').includes(%q)", ends))
	tb.settles("two", cramped)
	tb.str("$('#besides').scrollIntoView({ block: 'center' })")
	tb.picture("newer")
	tb.axe("two")
	old.until("the phone asks again", "phone.defaultView.dispatchEvent(new phone.defaultView.Event('railgate:time'))")
	old.until("the earlier one is shown, and both work", fmt.Sprintf("text('#besides').includes('现显示较早的一张，两张均可使用') && text('#besides').includes(%q)", tb.str("text('#ends')")))
	old.picture("earlier")

	resp, err := http.Post(tb.bench.web.issuer.JoinPath("api/bench/paper").String(), "application/json",
		strings.NewReader(fmt.Sprintf(`{"name":%q,"document":"resident_id","number":%q}`, p.name, p.number)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	tb.until("the phone asks again", "phone.defaultView.dispatchEvent(new phone.defaultView.Event('railgate:time'))")
	tb.until("paper is told too", "$('#besides').children.length === 2 && text('#besides').includes('现显示电子证明，两张均可使用')")
	tb.advance(2*time.Hour + 40*time.Minute)
	tb.until("a check is due: above the words for it nothing is said of others", "seen('#cover') && !seen('#besides')")
	tb.tap("#coverdo")
	tb.check("passes")
	tb.sees()
	tb.until("the earlier one has ended", "$('#besides').children.length === 1 && text('#besides').includes('纸质')")
}

// What an exit gate says to a certificate that ran out on the way, the phone says.
func TestR15ThePhonesWordsAreTheGates(t *testing.T) {
	tb, _ := openPhone(t)
	gate := lane.Say(lane.Occasion{Reason: "certificate_expired", Exit: true}, []string{"zh", "en"}).Words
	zh, en := gate[0].Text, gate[1].Text
	tb.until("the summary has them", fmt.Sprintf("$('#home .facts').textContent.includes(%q)", zh))
	tb.applies(newPassenger())
	tb.advance(24 * time.Hour)
	tb.until("the code is covered by the gate's words", fmt.Sprintf("seen('#cover') && $('#coverwords').textContent === %q", zh+" "+en))
	tb.until("a screen reader hears them", fmt.Sprintf("$('#live').textContent === %q", zh+" "+en))
	tb.until("and that it can be seen again is said no more", "!seen('#leaves')")
	tb.settles("ended", cramped)
	tb.picture("ended")
}
