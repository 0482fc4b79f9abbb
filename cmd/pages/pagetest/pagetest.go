// Package pagetest drives pages in a headless Chromium, for tests. They wait for what they
// want to see, never for a time to pass.
//
// The browser is started once for a test's program, which ends it:
//
//	func TestMain(m *testing.M) { pagetest.Main(m) }
package pagetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Patience is how long a test waits for anything: machines are loaded.
const Patience = 90 * time.Second

// wholeRun is how long the browser may live.
const wholeRun = 20 * time.Minute

// The browser, and what ends it.
var (
	browser context.Context
	end     = func() {}
)

// Main runs the tests, ends the browser, and exits. After is called before it does, for what
// else was made once.
func Main(m *testing.M, after ...func()) {
	status := m.Run()
	end()
	for _, f := range after {
		f()
	}
	os.Exit(status)
}

// Program is the browser's path. Without one, or in a short run, the test is skipped, with a line.
func Program(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("browser: skipped in a short run")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("browser tests: skipped: they need chromium (apt install chromium)")
	return ""
}

// start starts the browser, once; the options of the first call count.
func start(t testing.TB, options []chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := Program(t)
	if browser != nil {
		return browser
	}
	profile, err := os.MkdirTemp("", "railgate-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	all, cancel := context.WithTimeout(context.Background(), wholeRun)
	alloc, endAlloc := chromedp.NewExecAllocator(all, append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("lang", "zh-CN"), chromedp.WSURLReadTimeout(Patience),
	}, options...)...)
	ctx, endTab := chromedp.NewContext(alloc)
	end = func() { endTab(); endAlloc(); cancel(); os.RemoveAll(profile) }
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	browser = ctx
	return ctx
}

// A Tab is a page that somebody looks at.
type Tab struct {
	testing.TB
	Ctx context.Context

	name string // pictures begin with it
}

// Open opens an empty tab with cookies and a store of its own. Its pictures' names begin with name.
func Open(t testing.TB, name string, width, high int64, options ...chromedp.ExecAllocatorOption) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(start(t, options), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context
		t.Fatal(err)
	}
	tab := &Tab{t, ctx, name}
	tab.Do(chromedp.EmulateViewport(width, high))
	return tab
}

// In is the tab of a context, in a browser that somebody else has started.
func In(ctx context.Context, t testing.TB, name string) *Tab { return &Tab{t, ctx, name} }

// Do does steps.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Go opens an address.
func (t *Tab) Go(address string) {
	t.Helper()
	t.Do(chromedp.Navigate(address))
}

// Str evaluates an expression of JavaScript, as text. In it $ finds by a selector, and seen tells whether what
// it finds is shown.
func (t *Tab) Str(expression string) string {
	t.Helper()
	s, err := t.Try(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// Try is Str for a page that may be gone.
func (t *Tab) Try(expression string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Ctx, Patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](`(() => { const $ = (s) => document.querySelector(s), seen = (s) => Boolean($(s)?.getClientRects().length); return String(`+expression+`); })()`))
}

// Until waits until an expression is true.
func (t *Tab) Until(what, expression string) {
	t.Helper()
	for last := time.Now().Add(Patience); time.Now().Before(last); time.Sleep(40 * time.Millisecond) {
		if s, err := t.Try("Boolean(" + expression + ")"); err == nil && s == "true" {
			return
		}
	}
	t.Picture("failed")
	text, err := t.Try("document.body.innerText")
	t.Fatalf("never: %s (%s)\n%s, %v", what, expression, text, err)
}

// Tap presses what a selector names, once it is seen and can be pressed.
func (t *Tab) Tap(selector string) {
	t.Helper()
	t.Until(selector+" can be pressed", fmt.Sprintf("seen(%q) && !$(%[1]q).disabled && ($(%[1]q).click(), true)", selector))
}

// Set gives a field a value, once it is seen.
func (t *Tab) Set(selector, value string) {
	t.Helper()
	t.Until(selector, fmt.Sprintf("seen(%q) && ($(%[1]q).value = %q, true)", selector, value))
}

// Read has the inspector's page read the text of a code, as it is typed, or comes from a hand scanner.
func (t *Tab) Read(text string) {
	t.Helper()
	t.Tap("#type")
	t.Set("#typing input", text)
	t.Tap("#typing button.main")
}

// Picture keeps what is seen.
func (t *Tab) Picture(name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, Patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Log("no picture: ", err)
		return
	}
	t.Keep(name+".png", png)
}

// Keep leaves a file under build/screens, for a person to look at.
func (t *Tab) Keep(name string, data []byte) {
	t.Helper()
	dir := filepath.Join(root(t), "build/screens")
	err := os.MkdirAll(dir, 0o750)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, t.name+"-"+strings.ReplaceAll(t.Name(), "/", "-")+"-"+name), data, 0o640)
	}
	if err != nil {
		t.Logf("%s is not kept: %v", name, err)
	}
}

// Scheme is the colours that the device prefers: light or dark.
func (t *Tab) Scheme(name string) {
	t.Helper()
	t.Do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	})
}

// Axe looks for what hinders people with a screen reader, a keyboard, or weak eyes, by axe-core, which make axe
// fetches.
func (t *Tab) Axe(where string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root(t), "build/axe/axe.min.js"))
	if err != nil {
		t.Log("axe: skipped, axe-core is not here (make axe fetches it through npm)")
		return
	}
	if t.Str("typeof window.axe") == "undefined" {
		t.Do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Evaluate[string](string(source)+";'ready'")(ctx, target)
			return chromedp.Void{}, err
		})
	}
	t.Str(`(window.axeFound = undefined, axe.run(document, { resultTypes: ['violations'] }).then((r) => {
		window.axeFound = r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary.split('\n').slice(1, 2)).join(', ')).join('\n');
	}, (e) => { window.axeFound = String(e); }))`)
	t.Until("axe has looked", "window.axeFound !== undefined")
	if found := t.Str("window.axeFound"); found != "" {
		t.Errorf("%s: axe says:\n%s", where, found)
	}
}

// root is the project's folder.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}
