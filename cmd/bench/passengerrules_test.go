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
	"github.com/chromedp/chromedp"

	"railgate/verify/lane"
)

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
