package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"railgate/cmd/issuer/signin"
	"railgate/verify"
)

const browserPatience = 60 * time.Second

// A staffTab is a member of staff's page in a browser.
type staffTab struct {
	*testing.T
	ctx context.Context
	out *atomic.Bool // the sign-in has ended
}

// openStaff opens the page in a headless Chromium, as somebody who is signed in.
func openStaff(t *testing.T, d *desk) *staffTab {
	t.Helper()
	if testing.Short() {
		t.Skip("browser: skipped in a short run")
	}
	path := ""
	for _, name := range []string{"google-chrome", "chromium-browser", "chromium"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
		}
	}
	if path == "" {
		t.Skip("browser tests: skipped: they need chromium (apt install chromium)")
	}
	alloc, endAlloc := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "zh-CN"), chromedp.WSURLReadTimeout(browserPatience),
	)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(func() { end(); endAlloc() })
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	tab := &staffTab{t, ctx, new(atomic.Bool)}
	cookie := d.staffPhone(signin.Staff).cookie
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !tab.out.Load() {
			r.AddCookie(cookie)
		}
		d.web.handler().ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	tab.run(chromedp.EmulateViewport(390, 844), chromedp.Navigate(srv.URL+"/staff/"))
	return tab
}

func (t *staffTab) run(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// str evaluates an expression; $ finds by a selector.
func (t *staffTab) str(expression string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, browserPatience)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => { const $ = (s) => document.querySelector(s), seen = (s) => Boolean($(s)?.getClientRects().length); return String(`+expression+`); })()`))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

func (t *staffTab) until(what, expression string) {
	t.Helper()
	for end := time.Now().Add(browserPatience); time.Now().Before(end); time.Sleep(40 * time.Millisecond) {
		if t.str("Boolean("+expression+")") == "true" {
			return
		}
	}
	t.picture("failed")
	t.Fatalf("never: %s (%s)\n%s", what, expression, t.str("document.body.innerText"))
}

func (t *staffTab) picture(name string) {
	t.Helper()
	const artefacts = "../../build/screens"
	ctx, cancel := context.WithTimeout(t.ctx, browserPatience)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(artefacts, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(artefacts, "staff-"+name+".png"), data, 0o640)
	}
	if err != nil {
		t.Log("no picture: ", err)
	}
}

// code reads what is on the screen.
func (t *staffTab) code() string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(t.str("$('#qr').toDataURL('image/png')"), "data:image/png;base64,"))
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
	tab.until("a code is shown", "seen('#qr') && $('#qr').dataset.slot && !seen('#cover')")
	tab.until("whose it is", "$('#name').textContent === 'wang'")
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
	for _, s := range [][2]int64{{844, 390}, {1280, 800}, {280, 653}, {390, 844}} {
		tab.run(chromedp.EmulateViewport(s[0], s[1]))
		tab.until("nothing is cut off", "document.documentElement.scrollWidth <= window.innerWidth && [...document.querySelectorAll('button')].every((b) => !b.getClientRects().length || b.getBoundingClientRect().height >= 40)")
		if os.Getenv("RAILGATE_SCREENS") != "" {
			tab.picture(time.Duration(s[0]).String())
		}
	}
	tab.str("$('#refresh').click()")
	tab.until("another credential", "$('#qr').dataset.slot === '0'")
	tab.str("(window.kept = $('#qr').toDataURL(), $('#refresh').click())")
	tab.until("another code", "!seen('#cover') && $('#qr').toDataURL() !== window.kept")
	if second := tab.code(); second == first {
		t.Error("Refresh shows the same code")
	}
	tab.out.Store(true)
	tab.str("document.dispatchEvent(new Event('visibilitychange'))")
	tab.until("the sign-in has ended, and so have the codes", "seen('#again') && $('#qr').width === 1")
	tab.picture("ended")
}
