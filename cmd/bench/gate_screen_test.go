package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/cmd/control"
	"railgate/verify"
	"railgate/verify/lane"
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
	b := ownBench(t)
	var refused atomic.Int64 // answers of the proxy in the gate's place
	through := proxy(b.web.gate)
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
		if err := b.startGates(t.Context()); err != nil {
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

// The technician's page names each cause, since when, and has the command that mends it.
func TestTheTechniciansPageNamesCauses(t *testing.T) {
	b := ownBench(t)
	status := openTable(t, b, b.web.gate.String()+"/status", 1100, 1000)
	status.until("all is well", "document.body.dataset.health === 'healthy' && document.querySelectorAll('#problems li').length === 0")
	if err := control.NewClient(b.path("data")).Sim(t.Context(), "emergency", true); err != nil {
		t.Fatal(err)
	}
	status.until("the cause and its command", `document.querySelector('#problems li')?.textContent.startsWith('emergency_active: ') && document.querySelector('#problems code').textContent.startsWith('railgate ') && /^since .* ago$/.test(document.querySelector('#problems time').textContent)`)
}

// occasions are all that a gate's screen may have to say, as its page is told it.
func occasions() []string {
	var all []string
	for _, reason := range []string{
		"ok", "code_expired", "not_yet_valid", "liveness_expired", "certificate_expired", "already_used", "passback", "no_ticket", "too_early", "wrong_station", "out_of_hours", "limit_reached", "out_of_touch", "malformed", "unknown_key",
		lane.ScreenIdle, lane.ScreenEmergency, lane.ScreenOutOfService, lane.ScreenFree, lane.ScreenDiagnosis, lane.ScreenOneByOne, lane.ScreenNotOpen,
		lane.ScreenNotProvisioned, lane.TellProvisioned, lane.TellBadCode, lane.TellContradicts, lane.TellNotStored,
		string(verify.OtherGate), string(verify.UnknownSigner), string(verify.ProvisionExpired), string(verify.ProvisionSpent), string(verify.Superseded), string(verify.Unconfirmed), string(verify.InService),
	} {
		for _, o := range []lane.Occasion{{Reason: reason}, {Reason: reason, Exit: true}, {Reason: reason, Static: true}, {Reason: reason, Opens: "05:30"}} {
			d := lane.Say(o, lane.Languages())
			show, err := json.Marshal(control.Show{Reason: reason, Light: string(d.Light), Sound: string(d.Sound), Words: d.Words})
			if err != nil {
				panic(err)
			}
			if text := string(show); !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// panels are screens of 7 inches: pixels, and the shorter side in millimetres.
var panels = []struct {
	width, high int64
	short       float64
}{{1024, 600, 89.9}, {800, 480, 91.5}, {1280, 720, 87.2}, {1280, 800, 94.2}, {600, 1024, 89.9}, {1024, 768, 106.7}}

// At one metre every letter of the screen is of 16 minutes of arc or more (ISO 9241-303),
// and all words are on the screen.
func TestTheGatesScreenIsReadAtOneMetre(t *testing.T) {
	chromium(t)
	tb := openTable(t, sharedBench(t), theBench.web.gate.String(), 1024, 600)
	tb.until("the idle picture", "document.body.dataset.face === 'idle'")
	tb.str("(source.close(), clearTimeout(watch), clearTimeout(retry))") // this test alone says what is shown
	for _, p := range panels {
		tb.run(chromedp.EmulateViewport(p.width, p.high))
		for _, o := range occasions() {
			tb.settles(fmt.Sprint(p, o), fmt.Sprintf(`(() => {
				show(%s);
				const wrong = [], mm = %v / Math.min(innerWidth, innerHeight), minutes = (e) => Math.atan(parseFloat(getComputedStyle(e).fontSize) * 0.7 * mm / 1000) * 180 * 60 / Math.PI;
				for (const e of document.querySelectorAll('#gate, #direction, #words p')) {
					const r = e.getBoundingClientRect();
					if (minutes(e) < 16) wrong.push(e.textContent + ' is of ' + minutes(e).toFixed(1) + ' minutes of arc');
					if (r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight) wrong.push(e.textContent + ' is cut off: ' + [r.left, r.top, r.right, r.bottom].map(Math.round));
				}
				const head = document.querySelector('header').getBoundingClientRect().bottom, picture = document.getElementById('picture').getBoundingClientRect();
				for (const r of [picture, document.getElementById('words').getBoundingClientRect()]) if (r.top < head - 1 || r.bottom > innerHeight + 1) wrong.push('the picture or the words are under the edge');
				return wrong.join('; ');
			})()`, o, p.short))
			if os.Getenv("RAILGATE_SCREENS") != "" {
				tb.picture(fmt.Sprintf("%dx%d-%s", p.width, p.high, regexp.MustCompile(`"reason":"(\w+)"`).FindStringSubmatch(o)[1]))
			}
		}
	}
	if got := tb.str("[...document.querySelectorAll('h1, [role=heading]')].map((h) => h.textContent).join('|')"); !strings.HasPrefix(got, "BENCH A07|") {
		t.Errorf("its headings are %q", got)
	}
}

// A gate that is no station's yet shows its keys, and what to do next, whole on each screen: before a code
// was shown, and while a signer waits to be confirmed.
func TestTheScreenOfAGateThatIsNotSetUp(t *testing.T) {
	chromium(t)
	tb := openTable(t, sharedBench(t), theBench.web.gate.String(), 1024, 600)
	tb.until("the idle picture", "document.body.dataset.face === 'idle'")
	tb.str("(source.close(), clearTimeout(watch), clearTimeout(retry))")
	tb.str("show({ sound: 'silent', light: 'red', reason: 'not_provisioned', words: [] })")
	const lines = "lines: Array(11).fill('0123 4567 89AB CDEF')"
	for _, p := range panels {
		for _, size := range [][2]int64{{p.width, p.high}, {p.high, p.width}} {
			tb.run(chromedp.EmulateViewport(size[0], size[1]))
			for _, set := range []string{"{" + lines + "}", "{" + lines + ", signer: 'FFFF FFFF FFFF FFFF FFFF FFFF FFFF FFFF', settings: 'gate NNNNNNNNNNNNNNNN of station GZQ, check, nation https://rail.example/nation, station https://gzq.example/station, network 10.11.12.13/24'}"} {
				tb.settles(fmt.Sprint(size, set), fmt.Sprintf(`(() => {
					setUp(%s);
					const wrong = [], head = document.querySelector('header').getBoundingClientRect().bottom;
					for (const e of document.querySelectorAll('#setup > img, #setup li, #setup p, #setup h2')) {
						const r = e.getBoundingClientRect();
						if (r.width === 0) continue; // the other half
						if (r.left < 0 || r.top < head - 1 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1) wrong.push((e.textContent || e.id) + ' is cut off: ' + [r.left, r.top, r.right, r.bottom].map(Math.round));
					}
					if (document.querySelectorAll('#setup-lines li').length !== 11) wrong.push('lines are missing');
					if (document.getElementById('setup').hidden || getComputedStyle(document.getElementById('words')).display !== 'none') wrong.push('it is not shown');
					return wrong.join('; ');
				})()`, set))
			}
		}
	}
	tb.str("(body.dataset.reason = 'idle', setUp({}))")
	if tb.str("document.getElementById('setup').hidden") != "true" {
		t.Error("it stays on the screen of a gate that has another thing to say")
	}
}

// Where the gate has no buzzer its screen sounds, each kind in its own way; where it has
// one the screen is silent.
func TestTheScreenSoundsWithoutABuzzer(t *testing.T) {
	chromium(t)
	screen := openTable(t, sharedBench(t), theBench.web.gate.String(), 1024, 600)
	screen.until("the gate says that it has no buzzer", "document.body.dataset.face === 'idle' && !buzzer")
	screen.str("(window.heard = [], new MutationObserver(() => heard.push(body.dataset.played)).observe(body, { attributes: true, attributeFilter: ['data-played'] }))")
	screen.until("it sounds", "heard.includes('pass') || (play('pass'), false)")
	screen.str("(buzzer = true, play('alarm'), buzzer = false)")
	screen.until("it sounds again", "heard.includes('staff') || (play('staff'), false)")
	if screen.str("heard.includes('alarm')") == "true" {
		t.Errorf("the screen sounds %s; want nothing beside a buzzer", screen.str("heard"))
	}
}
