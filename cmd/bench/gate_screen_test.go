package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/cmd/control"
)

// upgraded is a folder with a railgated of another version.
func upgraded(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-ldflags", "-X main.version="+version, "-o", dir+"/", "railgate/cmd/railgated")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// tab opens another tab of the same browser, with the same cookies and caches.
func (t *table) tab(url string, width, height int64) *table {
	t.Helper()
	ctx, cancel := chromedp.NewContext(t.ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab opens, and lives as long as this context
		t.Fatal(err)
	}
	tb := &table{TB: t.TB, ctx: ctx, bench: t.bench}
	tb.run(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return tb
}

// While its daemon is gone the gate's screen says so. It comes back with the daemon, also
// from behind a proxy that has answered with an error of its own meanwhile, and loads
// itself again if the daemon is of another version.
func TestTheScreenFollowsItsDaemon(t *testing.T) {
	chromium(t)
	b := startBench(t)
	t.Cleanup(func() { b.stop(); b.clean() })
	var refused atomic.Int64 // answers of the proxy in the gate's place
	through := proxy(b.web.gate).(*httputil.ReverseProxy)
	through.ErrorHandler = func(rw http.ResponseWriter, r *http.Request, err error) {
		answer(rw, err)
		if r.URL.Path == "/events" {
			refused.Add(1)
		}
	}
	front := httptest.NewServer(through)
	defer func() { front.CloseClientConnections(); front.Close() }() // a stream does not end by itself
	proxied := openTable(t, b, front.URL+"/", 1280, 800)
	direct := proxied.tab(b.web.gate.String(), 1280, 800)
	status := proxied.tab(front.URL+"/status", 1100, 1000)
	screens := []*table{proxied, direct}
	gone := func() {
		t.Helper()
		before := refused.Load()
		end(b.programs[len(b.programs)-1])
		for _, s := range screens {
			s.until("it says so", "document.body.dataset.face === 'lost' && document.body.innerText.includes('请走其他通道')")
		}
		status.until("it says so", "document.body.dataset.health === 'gone'")
		for end := time.Now().Add(patience); refused.Load() == before; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the screen does not ask while its daemon is gone")
			}
		}
	}
	back := func() {
		t.Helper()
		if err := b.startDaemon(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range screens {
			s.until("it is back", "document.body.dataset.face === 'idle'")
		}
		status.until("it is back", "document.body.dataset.health === 'healthy'")
	}
	for _, s := range screens {
		s.until("the idle picture", "document.body.dataset.face === 'idle' && (window.old = true)")
	}
	status.until("all is well", "document.body.dataset.health === 'healthy' && (window.old = true)")
	proxied.picture("idle")
	gone()
	proxied.picture("gone")
	back()
	for _, s := range append(screens, status) {
		if s.str("window.old") != "true" {
			t.Error("a page of the gate's own version loads itself again")
		}
	}
	gone()
	b.bin = upgraded(t, "upgraded")
	back()
	for _, s := range append(screens, status) {
		s.until("it is the new daemon's", "!window.old && document.body.dataset.version.startsWith('upgraded ')")
	}
}

// The technician's page names each cause and has the command that mends it.
func TestTheTechniciansPageNamesCauses(t *testing.T) {
	chromium(t)
	b := startBench(t)
	t.Cleanup(func() { b.stop(); b.clean() })
	status := openTable(t, b, b.web.gate.String()+"/status", 1100, 1000)
	status.until("all is well", "document.body.dataset.health === 'healthy' && document.querySelectorAll('#problems li').length === 0")
	if err := control.NewClient(b.path("data")).Sim(t.Context(), "emergency", true); err != nil {
		t.Fatal(err)
	}
	status.until("the cause and its command", `document.querySelector('#problems li')?.textContent.startsWith('emergency_active: ') && document.querySelector('#problems code').textContent.startsWith('railgate ')`)
}
