package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	browserapi "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A table is a bench with its page open in a browser of its own: no cookie and no
// cache is left of another test.
type table struct {
	testing.TB
	ctx   context.Context
	bench *bench
	held  time.Time // when a phone was held to the gate last
}

func newTable(t testing.TB, width, height int64) *table {
	t.Helper()
	return openTable(t, sharedBench(t), sharedBench(t).url.String(), width, height)
}

func ownTable(t *testing.T) *table {
	t.Helper()
	b := ownBench(t)
	return openTable(t, b, b.url.String(), wide, high)
}

func openTable(t testing.TB, b *bench, url string, width, height int64) *table {
	t.Helper()
	ctx, cancel := chromedp.NewContext(theBrowser(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab opens, and lives as long as this context
		t.Fatal(err)
	}
	tb := &table{TB: t, ctx: ctx, bench: b}
	tb.run(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return tb
}

func (t *table) run(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// prelude names the two screens for the tests' scripts. Without a bench around it the
// phone's page is the document itself.
const prelude = `(() => {
	const frame = (id) => document.getElementById(id)?.contentDocument;
	const phone = frame('phone') || document, gate = frame('gate');
	const $ = (s) => phone.querySelector(s);
	const seen = (s) => { const e = $(s); return Boolean(e) && e.getClientRects().length > 0 && phone.defaultView.getComputedStyle(e).visibility === 'visible'; };
	const text = (s) => { const e = $(s); return e ? e.innerText : ''; };
	return %s;
})()`

// js evaluates an expression of a page.
func js[T any](t *table, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](fmt.Sprintf(prelude, expression)))
}

func (t *table) str(expression string) string {
	t.Helper()
	s, err := js[string](t, "String("+expression+")")
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// until waits for an expression to be true.
func (t *table) until(what, expression string) {
	t.Helper()
	t.untilDoing(what, expression, nil)
}

// untilDoing does something again every few seconds as it waits.
func (t *table) untilDoing(what, expression string, do func()) {
	t.Helper()
	var ok bool
	var err error
	did := time.Now()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(40 * time.Millisecond) {
		if ok, err = js[bool](t, "Boolean("+expression+")"); err == nil && ok {
			return
		}
		if do != nil && time.Since(did) > 5*time.Second {
			do()
			did = time.Now()
		}
	}
	t.picture("failed")
	html, _ := js[string](t, "String(phone.querySelector('main > section:not([hidden])')?.outerHTML)")
	t.Fatalf("never: %s (%s): %v\nthe phone shows %.2000s", what, expression, err, html)
}

// tap presses what a selector names on the phone, once it can be pressed.
func (t *table) tap(selector string) {
	t.Helper()
	t.until(selector+" can be pressed", fmt.Sprintf("seen(%q) && !$(%[1]q).disabled && ($(%[1]q).click(), true)", selector))
}

func (t *table) set(selector, value string) {
	t.Helper()
	t.until(selector, fmt.Sprintf("seen(%q) && ($(%[1]q).value = %q, $(%[1]q).dispatchEvent(new phone.defaultView.Event('change')), true)", selector, value))
}

// press presses one of the bench's own buttons.
func (t *table) press(id string) {
	t.Helper()
	t.until(id, fmt.Sprintf("document.querySelector(%q) && (document.querySelector(%[1]q).click(), true)", id))
}

// ready waits for the phone's page.
func (t *table) ready() {
	t.Helper()
	t.until("the phone's page is there", "phone.body?.dataset.ready && (!document.getElementById('gate') || gate?.body?.dataset.mode)")
}

// picture keeps a screenshot.
func (t *table) picture(name string) []byte {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Logf("no picture: %v", err)
		return nil
	}
	if err := os.MkdirAll(artefacts, 0o750); err != nil {
		t.Log(err)
		return nil
	}
	path := filepath.Join(artefacts, strings.ReplaceAll(t.Name(), "/", "-")+"-"+name+".png")
	if err := os.WriteFile(path, png, 0o640); err != nil {
		t.Log(err)
	}
	return png
}

func (t *table) dark() {
	t.Helper()
	t.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return chromedp.Void{}, err
	})
}

// location lets the page have the browser's location, or not.
func (t *table) location(setting browserapi.PermissionSetting) {
	t.Helper()
	_, err := chromedp.CallBrowser(t.ctx, browserapi.SetPermission, browserapi.SetPermissionParams{
		Permission: &browserapi.PermissionDescriptor{Name: "geolocation"}, Setting: setting, BrowserContextID: chromedp.FromContext(t.ctx).BrowserContextID,
	})
	if err != nil {
		t.Fatal(err)
	}
	latitude, longitude, accuracy := 23.1, 113.3, 10.0
	t.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{
			Latitude: &latitude, Longitude: &longitude, Accuracy: &accuracy,
		})
		return chromedp.Void{}, err
	})
}

// A who is a passenger; each test has its own, for the rules count by person.
type who struct{ name, number string }

var passengers = 0 // made guards it

func newPassenger() who {
	made.Lock()
	defer made.Unlock()
	passengers++
	place := fmt.Sprintf("110105%s%03d", time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, passengers).Format("20060102"), passengers)
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} { // GB 11643-1999
		sum += int(place[i]-'0') * w
	}
	return who{"测试员", place + string("10X98765432"[sum%11])}
}

// fillIn fills the form that is open in.
func (t *table) fillIn(p who) {
	t.Helper()
	t.set("#fill [name=name]", p.name)
	t.set("#fill [name=number]", p.number)
	t.until("confirmed", "seen('#fill [name=confirmed]') && ($('#fill [name=confirmed]').checked = true)")
}

// applies goes from the first page to the code.
func (t *table) applies(p who) {
	t.Helper()
	t.ready()
	t.tap("#goapply")
	t.fillIn(p)
	t.tap("#next")
	t.check("passes")
	t.sees()
}

// check goes through the real-person check at its provider's page, which ends in a way:
// passes, as the person on the form; mismatch; or one of the bench provider's own.
func (t *table) check(how string) {
	t.Helper()
	t.tap("#start")
	switch how {
	case "passes":
		t.tap("button.main[name=face]")
	case "mismatch":
		t.tap("button[name=face]:not(.main)")
	default:
		t.tap("button[name=ends][value=" + how + "]")
	}
}

// sees waits for a code.
func (t *table) sees() {
	t.Helper()
	t.until("a code is shown", "seen('#qr') && $('#qr').dataset.slot")
}

// holds holds the phone to the gate until the gate answers with a reason.
func (t *table) holds(reason string) {
	t.Helper()
	t.gateIdle()
	t.hold()
	// No reader reads every picture; a passenger refreshes then.
	t.untilDoing("the gate says "+reason, fmt.Sprintf("document.body.dataset.lit && document.body.dataset.reason === %q", reason), func() {
		t.str("seen('#refresh') && $('#refresh').click()")
		t.hold()
	})
}

func (t *table) hold() {
	t.Helper()
	t.press("#hold")
	t.held = time.Now()
}

// holdsAgain holds the screenshot to the gate that was held before. The same picture
// within three seconds of its last reading is one reading, and ignored by the gate:
// the hand comes back after that.
func (t *table) holdsAgain(reason string) {
	t.Helper()
	t.gateIdle()
	time.Sleep(time.Until(t.held.Add(heldFor + 3500*time.Millisecond)))
	t.press("#again")
	t.untilDoing("the gate says "+reason, fmt.Sprintf("document.body.dataset.lit && document.body.dataset.reason === %q", reason), func() { t.press("#again") })
	t.held = time.Now()
}

func (t *table) gateIdle() {
	t.Helper()
	t.until("the gate waits", "gate?.body?.dataset.reason === 'idle' && gate.body.dataset.mode === 'closed'")
}

// advance moves the time, as the bench's own buttons do.
func (t *table) advance(d time.Duration) {
	t.Helper()
	resp, err := http.Post(t.bench.url.String()+fmt.Sprintf("advance?seconds=%d", int(d/time.Second)), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("moving the time: %s %s", resp.Status, text)
	}
	t.until("the phone asks for the time", "phone.defaultView.dispatchEvent(new phone.defaultView.Event('railgate:time'))")
}

// midMonth moves the time to a day of a month that has a week to go. It never moves it by as much as
// a keyset lasts, whatever day the tests run on.
func (t *table) midMonth() {
	t.Helper()
	t.bench.web.mu.Lock()
	now := time.Now().Add(t.bench.web.pretended).In(shanghai)
	t.bench.web.mu.Unlock()
	if now.Day() > 20 {
		t.advance(time.Date(now.Year(), now.Month()+1, 3, 12, 0, 0, 0, shanghai).Sub(now))
	}
}

var dataURL = regexp.MustCompile(`^data:image/png;base64,`)

// canvas is a canvas's picture, as PNG.
func (t *table) canvas(expression string) []byte {
	t.Helper()
	png, err := base64.StdEncoding.DecodeString(dataURL.ReplaceAllString(t.str(expression), ""))
	if err != nil || len(png) == 0 {
		t.Fatalf("no picture: %v", err)
	}
	return png
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
