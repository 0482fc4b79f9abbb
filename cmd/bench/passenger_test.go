package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
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
