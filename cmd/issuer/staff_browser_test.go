package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"railgate/cmd/issuer/signin"
	"railgate/cmd/pages/pagetest"
	"railgate/verify"
)

// A staffTab is a member of staff's page in a browser.
type staffTab struct {
	*pagetest.Tab
	out *atomic.Bool // the sign-in has ended
	cut *atomic.Bool // nobody hears of signing out
	ill *atomic.Bool // who hears of it cannot do it

	late atomic.Pointer[lateCode] // nil: codes come at once
}

// A lateCode is an answer with codes that is held back on its way.
type lateCode struct{ asked, let chan struct{} }

// openStaff opens the page in a headless Chromium, as somebody who is signed in.
func openStaff(t *testing.T, d *desk) *staffTab {
	t.Helper()
	tab := &staffTab{Tab: pagetest.Open(t, "staff", 390, 844), out: new(atomic.Bool), cut: new(atomic.Bool), ill: new(atomic.Bool)}
	cookie := d.staffPhone(signin.Staff).cookie
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !tab.out.Load() {
			r.AddCookie(cookie)
		}
		if tab.cut.Load() && r.URL.Path == "/signin/out" {
			panic(http.ErrAbortHandler)
		}
		if tab.ill.Load() && r.URL.Path == "/signin/out" {
			w.WriteHeader(http.StatusBadGateway)
			tab.ill.Store(false)
			return
		}
		late := tab.late.Load()
		if late == nil || r.URL.Path != "/staff/api/code" {
			d.web.handler().ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		d.web.handler().ServeHTTP(rec, r)
		close(late.asked)
		select {
		case <-late.let:
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	}))
	t.Cleanup(srv.Close)
	tab.Go(srv.URL + "/staff/")
	return tab
}

// code reads what is on the screen.
func (t *staffTab) code() string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(t.Str("$('#qr').toDataURL('image/png')"), "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := qrcode.NewQRCodeReader().Decode(bmp, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetText()
}

// The page of a member of staff shows a code that a gate takes for staff's, gets another when asked,
// and shows none any more once the sign-in has ended.
func TestR24TheStaffPage(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	tab := openStaff(t, d)
	tab.Until("a code is shown", "seen('#qr') && $('#qr').dataset.slot && !seen('#cover')")
	tab.Until("whose it is", "$('#name').textContent === 'wang'")
	document, err := json.Marshal(d.web.Keyset())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := verify.ParseKeyset(document)
	if err != nil {
		t.Fatal(err)
	}
	first := tab.code()
	v := verify.Decide(first, keys, verify.Rules{Classes: []verify.Class{verify.Staff}}, d.web.Now())
	if !v.Granted() || v.Class != verify.Staff || !v.StaffKey || v.Rotation != verify.ByDevice {
		t.Errorf("%s, class %d, by the staff key %v, rotation %v; want a staff code", v.Reason, v.Class, v.StaffKey, v.Rotation)
	}
	for _, s := range [][2]int64{{844, 390}, {1280, 800}, {280, 653}, {640, 360}, {390, 844}} {
		tab.Do(chromedp.EmulateViewport(s[0], s[1]))
		tab.Until("nothing is cut off", "document.documentElement.scrollWidth <= window.innerWidth && [...document.querySelectorAll('button')].every((b) => !b.getClientRects().length || b.getBoundingClientRect().height >= 40)")
		if os.Getenv("RAILGATE_SCREENS") != "" {
			tab.Picture(time.Duration(s[0]).String())
		}
	}
	tab.Str("$('#refresh').click()")
	tab.Until("another credential", "$('#qr').dataset.slot === '0'")
	tab.Str("(window.kept = $('#qr').toDataURL(), $('#refresh').click())")
	tab.Until("another code", "!seen('#cover') && $('#qr').toDataURL() !== window.kept")
	if second := tab.code(); second == first {
		t.Error("Refresh shows the same code")
	}
	tab.out.Store(true)
	tab.Str("document.dispatchEvent(new Event('visibilitychange'))")
	tab.Until("the sign-in has ended, and so have the codes", "seen('#again') && $('#qr').width === 1")
	tab.Picture("ended")
}

// Signing out ends the codes on the phone at once. Where the issuer does not hear of it the page
// says so, gets no codes meanwhile, and tells it later; an answer that it did not work is none.
func TestR24SigningOutWithTheNetworkCut(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	tab := openStaff(t, d)
	tab.Until("a code is shown", "seen('#qr') && $('#qr').dataset.slot && !seen('#cover')")
	tab.cut.Store(true)
	tab.Str("$('#signout').click()")
	tab.Until("it is said", "$('#qr').width === 1 && $('#coverwords').innerText.includes('联网后完成退出') && !seen('#again')")
	tab.Str("document.dispatchEvent(new Event('visibilitychange'))")
	_, before, _ := d.list("")
	tab.ill.Store(true) // a proxy whose issuer is being started
	tab.cut.Store(false)
	tab.Until("the issuer has heard of it", "seen('#again') && $('#qr').width === 1 && $('#coverwords').innerText.includes('已退出')")
	d.advance(time.Second)
	if _, after, _ := d.list(""); len(after) <= len(before) {
		t.Error("nothing is revoked")
	}
	if tab.ill.Load() {
		t.Error("the proxy was not asked")
	}
}

// Where the issuer has no staff key the page says so in words that are whole, offers no sign-in, which
// would not help, and has codes by itself once there is a key.
func TestR24WithoutAStaffKeyThePageSaysSo(t *testing.T) {
	d := newDesk(t, true)
	tab := openStaff(t, d)
	tab.Until("why there is no code", `seen('#cover') && $('#coverwords').innerText.includes('暂不能签发员工码') && $('#coverwords').innerText.includes('Staff codes are not available here') && !seen('#again') && !seen('#turn') && !seen('#when')`)
	tab.Until("a screen reader is told", "$('#live').textContent.includes('暂不能签发员工码')")
	for _, s := range [][2]int64{{844, 390}, {1280, 800}, {280, 653}, {640, 360}, {390, 844}} {
		tab.Do(chromedp.EmulateViewport(s[0], s[1]))
		tab.Until("the words are whole", `document.documentElement.scrollWidth <= window.innerWidth && ((words, paper) => words.top >= paper.top && words.bottom <= paper.bottom && words.left >= paper.left && words.right <= paper.right)($('#coverwords').getBoundingClientRect(), $('#paper').getBoundingClientRect())`)
	}
	tab.Axe("no staff key")
	tab.Picture("no-key")
	d.staffKey()
	tab.Str("document.dispatchEvent(new Event('visibilitychange'))")
	tab.Until("a code", "seen('#qr') && $('#qr').dataset.slot && !seen('#cover') && seen('#when') && $('#liveuntil').textContent")
}

// Somebody signs out while codes are on their way: they have been given out, and are revoked; the page
// does not show them, and stays signed out.
func TestR24SigningOutWhileACodeIsOnItsWay(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	tab := openStaff(t, d)
	tab.Until("a code is shown", "seen('#qr') && $('#qr').dataset.slot && !seen('#cover')")
	late := &lateCode{make(chan struct{}), make(chan struct{})}
	tab.late.Store(late)
	// It is known when the page has the answer, and that it has turned since: it looks four times a second.
	tab.Str(`((get) => { window.fetch = async (path, ...more) => {
		const a = await get(path, ...more);
		if (String(path).endsWith('code')) { await a.clone().text(); let turns = 0; setInterval(() => { window.turns = ++turns; }, 250); }
		return a;
	}; })(window.fetch.bind(window)), $('#refresh').click()`)
	<-late.asked
	tab.late.Store(nil)
	tab.Str("$('#signout').click()")
	tab.Until("it is said", "$('#qr').width === 1 && $('#coverwords').innerText.includes('已退出') && seen('#again')")
	close(late.let)
	tab.Until("the page has had time to show them", "window.turns >= 8")
	if got := tab.Str("[$('#qr').width === 1, seen('#cover'), seen('#when'), $('#coverwords').innerText.includes('已退出')].join()"); got != "true,true,false,true" {
		t.Errorf("no code, a cover, no time, signed out: %s", got)
	}
	if log := d.log.String(); strings.Count(log, "staff codes are revoked") != 1 {
		t.Errorf("what was on its way is not revoked:\n%s", log)
	}
}
