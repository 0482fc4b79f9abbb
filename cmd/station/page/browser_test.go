package page

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/cmd/pages/pagetest"
)

// These tests drive the page in a headless Chromium. They wait for what they want to see.

func TestMain(m *testing.M) { pagetest.Main(m) }

// A look is somebody's at the page of a desk.
type look struct {
	*pagetest.Tab
	desk *desk
}

func (d *desk) open(t *testing.T, width, high int64) *look {
	t.Helper()
	l := &look{pagetest.Open(t, "station", width, high), d}
	l.Go(d.URL + "/")
	return l
}

func (l *look) signIn(passphrase string) {
	l.Helper()
	l.Until("the form", "seen('#passphrase') && !$('#sign button').disabled")
	l.Str(fmt.Sprintf("($('#passphrase').value = %q, $('#sign button').click())", passphrase))
}

func (l *look) signedIn() {
	l.Helper()
	l.signIn(passphrase)
	l.Until("the station", "document.body.dataset.live === 'yes' && $('#tiles li')")
}

// cramped names what has no room: wider than the screen, cut off, or too small to be
// tapped.
const cramped = `(() => {
	const wide = window.innerWidth, out = [];
	if (document.documentElement.scrollWidth > wide) out.push('wider than the screen: ' + [...document.body.querySelectorAll('*')].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > wide + 0.5 && !e.closest('.unseen')).map((e) => e.tagName + '#' + e.id + '.' + e.className).join(', '));
	for (const e of document.querySelectorAll('button, input, summary')) if (e.getClientRects().length && !e.closest('.unseen')) { const r = e.getBoundingClientRect(); if (r.height < 40 || r.width < 40 || e.scrollWidth > e.clientWidth + 1) out.push((e.id || e.textContent) + ' is ' + Math.round(r.width) + ' x ' + Math.round(r.height) + ', of it ' + e.scrollWidth); }
	for (const e of document.querySelectorAll('#tiles li, h1, h2, #clock, #live, #states button')) if (e.getClientRects().length && e.scrollWidth > e.clientWidth + 1) out.push('cut off: ' + e.textContent);
	for (const e of document.querySelectorAll('svg text')) { const r = e.getBoundingClientRect(), s = e.closest('svg').getBoundingClientRect(); if (r.width && (r.left < s.left - 1 || r.right > s.right + 1 || r.bottom > s.bottom + 2)) out.push('a plot cuts off ' + e.textContent); }
	return out.join('; ');
})()`

func (l *look) settles(where string) {
	l.Helper()
	got := ""
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if got = l.Str(cramped); got == "" {
			return
		}
	}
	l.Picture("failed")
	l.Errorf("%s: %s", where, got)
}

// busy makes a station of many gates at eight in the morning, some of them in trouble.
func busy(n int) *fakeSource {
	f := newSource()
	f.o.Gates = nil
	for i := range n {
		g := Gate{Name: fmt.Sprintf("A%02d", i+1), Direction: []string{"entry", "exit"}[i%2], Heard: noon.Add(-time.Duration(i%7) * time.Second), Sync: "fresh", Release: "railgated 1.4.0", Granted: (i * 7) % 41, Denied: i % 4}
		switch i {
		case 3:
			g.Closed = "turnstile: the relay's chip is gone"
		case 5:
			g.Heard = noon.Add(-7 * time.Minute)
		case 8:
			g.Sync, g.Release = "stale", "railgated 1.3.2"
		case 11:
			g.Troubles = []Trouble{{Kind: RolledBack, Since: noon.Add(-20 * time.Minute), Why: "the station has 4101 records of this log, the gate 3980"}}
		case 14:
			g.Troubles = []Trouble{{Kind: ClockDisputed, Since: noon.Add(-time.Hour), Why: "the time daemon is 412 s ahead of the station"}}
		case 15:
			g.Behind = 412
		case 19:
			g.Sync = "stopped"
		}
		f.o.Gates = append(f.o.Gates, g)
	}
	f.o.People = People{Entered: 61204, Left: 58011, Since: noon.Add(-7 * time.Hour)}
	f.o.Minutes = nil
	for i := range 60 {
		k := 200 + (i*37)%120 + i
		f.o.Minutes = append(f.o.Minutes, Minute{Begins: noon.Add(time.Duration(i-59) * time.Minute), Entered: k, Left: k * 2 / 3, Reasons: map[string]int{
			"ok": k * 5 / 3, "already_used": 9 + i%5, "code_expired": 14 + i%7, "passback": 3 + i%2, "no_ticket": 6 + i%4, "malformed": 2 + i%3, "bad_signature": i % 2,
		}})
	}
	f.o.Ends = []End{
		{"repository", "station GZQ: timestamp", noon.Add(21 * time.Hour)}, {"repository", "nation: timestamp", noon.Add(60 * time.Hour)},
		{"certificate", "station.example (TLS)", noon.Add(19 * 24 * time.Hour)}, {"key", "3f2a9c11 EdDSA", noon.Add(40 * 24 * time.Hour)}, {"repository", "nation: root", noon.Add(300 * 24 * time.Hour)},
	}
	return f
}

func newDeskOf(t *testing.T, f *fakeSource) *desk {
	t.Helper()
	d := newDesk(t)
	d.source = f
	d.restart()
	return d
}

func TestSigningInAndOut(t *testing.T) {
	pagetest.Program(t)
	l := newDesk(t).open(t, 1280, 800)
	l.signIn("a wrong passphrase")
	l.Until("it says so", "$('#refused').textContent.includes('Wrong passphrase')")
	l.Axe("the form, refused")
	l.Picture("refused")
	l.signedIn()
	l.Until("the station's name", "$('#name').textContent === 'GZQ'")
	l.Str("$('#signout').click()")
	l.Until("the form", "seen('#passphrase') && !seen('#station')")
	if got := l.Str("$('#tiles').textContent + $('#name').textContent"); got != "" {
		t.Errorf("after signing out the page still has %q", got)
	}
	l.Str("location.reload()")
	l.Until("the form again", "seen('#passphrase') && document.readyState === 'complete'")
}

func TestThePageIsLive(t *testing.T) {
	pagetest.Program(t)
	d := newDesk(t)
	l := d.open(t, 1280, 800)
	l.signedIn()
	l.Until("two gates", "$('[data-gate=A07]').dataset.state === 'fresh' && $('#insiden').textContent === '7'")
	d.source.set(func(o *Overview) {
		o.Gates[0].Closed = "camera: gone"
		o.Gates[1].Troubles = []Trouble{{Kind: RolledBack, Since: noon, Why: "an older card"}}
		o.People.Entered++
	})
	l.Until("the gate that closed, and why", "$('[data-gate=A07]').dataset.state === 'closed' && $('[data-gate=A07]').textContent.includes('camera: gone')")
	l.Until("one more inside", "$('#insiden').textContent === '8'")
	l.Until("the alarm", "seen('#alarms') && $('#alarms').textContent.includes('A08') && $('#alarms').textContent.includes('an older card')")
	l.Until("a screen reader is told", "$('#told').textContent.includes('A08')")
	l.Str("$('#states [data-state=closed]').click()")
	l.Until("the closed one alone", "seen('[data-gate=A07]') && !seen('[data-gate=A08]')")
}

// A station that is gone: the page says so, keeps what it had, and comes back by itself.
func TestThePageSaysWhenItIsNotLive(t *testing.T) {
	pagetest.Program(t)
	d := newDesk(t)
	l := d.open(t, 1280, 800)
	l.signedIn()
	address := d.Listener.Addr().String()
	d.CloseClientConnections()
	d.Listener.Close()
	l.Until("it is not live", "document.body.dataset.live === 'no' && $('#live').textContent.includes('not live since') && seen('[data-gate=A07]')")
	l.Picture("gone")
	l.Axe("not live")
	again := newDeskAt(t, address, d)
	again.source.set(func(o *Overview) { o.Gates = o.Gates[:1] })
	l.Until("it is live again", "document.body.dataset.live === 'yes' && !$('[data-gate=A08]')")
	again.source.set(func(*Overview) { again.source.err = os.ErrDeadlineExceeded })
	l.Until("a database that is gone is not live", "document.body.dataset.live === 'no'")
}

func TestEveryScreen(t *testing.T) {
	pagetest.Program(t)
	d := newDeskOf(t, busy(24))
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			l := d.open(t, 1280, 800)
			l.Scheme(scheme)
			l.Until("the form", "seen('#passphrase')")
			l.Axe("the form")
			l.Picture("form")
			l.signedIn()
			l.Until("all gates and plots", "$('#tiles').children.length === 24 && document.querySelectorAll('#reasons rect').length > 60")
			for _, s := range [][2]int64{{390, 844}, {360, 740}, {844, 390}, {640, 360}, {768, 1024}, {1024, 768}, {1280, 800}, {1920, 1080}, {1080, 1920}} {
				l.Do(chromedp.EmulateViewport(s[0], s[1]))
				l.settles(fmt.Sprintf("%s, %v", scheme, s))
				l.Picture(fmt.Sprintf("%dx%d", s[0], s[1]))
			}
			l.Do(chromedp.EmulateViewport(390, 844))
			l.settles("390")
			l.Axe(scheme + ", 390")
			l.Do(chromedp.EmulateViewport(1280, 800))
			l.Axe(scheme + ", 1280")
		})
	}
}

// On a small phone, upright and on its side, which is a desk's screen enlarged twice, the keyboard alone reaches
// everything.
func TestThePageByKeyboardOnSmallScreens(t *testing.T) {
	l := newDeskOf(t, busy(6)).open(t, 1280, 800)
	l.Until("the form", "seen('#passphrase')")
	l.Walk("form")
	l.signedIn()
	l.Walk("station")
}

// A large station: all gates are drawn, and a change is of one tile.
func TestTwoHundredGates(t *testing.T) {
	pagetest.Program(t)
	d := newDeskOf(t, busy(200))
	l := d.open(t, 1920, 1080)
	l.signedIn()
	l.Until("all", "$('#tiles').children.length === 200")
	l.settles("200 gates")
	l.Picture("200")
	l.Str("(window.before = $('[data-gate=A07]'), window.other = $('[data-gate=A08]').firstChild, 0)")
	d.source.set(func(o *Overview) { o.Gates[6].Closed = "camera: gone" })
	l.Until("the change, in the tile that was there", "window.before.isConnected && window.before.dataset.state === 'closed'")
	if l.Str("window.other.isConnected") != "true" {
		t.Error("another gate's tile was drawn again")
	}
}

func TestEveryStateAndTroubleHasWords(t *testing.T) {
	pagetest.Program(t)
	l := newDesk(t).open(t, 800, 600)
	var found struct{ States, Troubles []string }
	text := func(expression string) string {
		l.Str(fmt.Sprintf("(import('./words.js').then((w) => { window.found = JSON.stringify(%s); }), 0)", expression))
		l.Until("the words", "window.found")
		return l.Str("window.found")
	}
	if err := json.Unmarshal([]byte(text("({ States: Object.keys(w.states), Troubles: Object.keys(w.troubles) })")), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.States) != len(States()) {
		t.Fatalf("states %v; want %v", found.States, States())
	}
	for i, s := range States() {
		if found.States[i] != string(s) {
			t.Errorf("state %d is %s; want %s", i, found.States[i], s)
		}
	}
	if want := Troubles(); strings.Join(found.Troubles, " ") != strings.Join(want, " ") {
		t.Errorf("troubles %v; want %v", found.Troubles, want)
	}
}
