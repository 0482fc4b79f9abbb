package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axeFile is axe-core, which make fetches through npm.
const axeFile = "../../build/axe/axe.min.js"

// axe looks for what hinders people with a screen reader, a keyboard, or weak eyes.
func (t *table) axe(where string) {
	t.Helper()
	source, err := os.ReadFile(axeFile)
	if err != nil {
		t.Log("axe: skipped, axe-core is not here (make axe fetches it through npm)")
		return
	}
	if t.str("typeof window.axe") == "undefined" {
		t.run(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Evaluate[string](string(source)+";'ready'")(ctx, target)
			return chromedp.Void{}, err
		})
	}
	t.str(`(window.axeFound = undefined, axe.run(document, { iframes: false, resultTypes: ['violations'] }).then((r) => {
		window.axeFound = r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary.split('\n').slice(1, 2)).join(', ')).join('\n');
	}, (e) => { window.axeFound = String(e); }))`)
	t.until("axe has looked", "window.axeFound !== undefined")
	if found := t.str("window.axeFound"); found != "" {
		t.Errorf("%s: axe says:\n%s", where, found)
	}
}

// cramped names what has no room: wider than the screen, or too small to be tapped.
const cramped = tooWide + ` + [...phone.querySelectorAll('button, select, input:not([type=checkbox], [type=radio]), summary')].filter((e) => e.getClientRects().length && !e.closest('[hidden]'))
	.filter((e) => { const r = e.getBoundingClientRect(); return r.height < 40 || r.width < 40 || r.left < 0 || e.scrollWidth > e.clientWidth + 1; })
	.map((e) => (e.id || e.name || e.textContent) + ' is ' + Math.round(e.getBoundingClientRect().width) + ' x ' + Math.round(e.getBoundingClientRect().height) + ', of it ' + e.scrollWidth).join('; ')`

// A tour goes through every state of the passenger's page in one scheme of colours.
type tour struct {
	*table
	front  *front
	scheme string
	shots  bool // keep a picture of each state on each screen
}

func (t *tour) screen(width, high int64, scale float64) {
	t.Helper()
	t.run(chromedp.EmulateViewport(width, high, chromedp.EmulateScale(scale)))
}

// at looks at a state on every screen.
func (t *tour) at(state string) {
	t.Helper()
	for _, s := range sizes {
		if t.scheme != "light" && !t.shots && !strings.HasPrefix(s.name, "390") {
			continue // colours do not change with the size
		}
		t.screen(s.width, s.high, s.scale)
		t.settles(t.scheme+", "+state+", "+s.name, cramped)
		if t.shots {
			t.picture(state + "-" + s.name)
		}
		if s.name == "390" || (s.name == "390-side" && t.scheme == "light" && strings.HasPrefix(state, "code")) {
			t.axe(t.scheme + ", " + state + ", " + s.name)
		}
	}
	t.screen(phoneWide, phoneHigh, 1)
}

func TestEveryState(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			tb, f := openPhone(t)
			tr := &tour{tb, f, scheme, os.Getenv("RAILGATE_SCREENS") != ""}
			if scheme == "dark" {
				tr.dark()
			}
			tr.applying()
			tr.ended()
			tr.signedIn()
		})
	}
}

// applying is the way to a certificate, and what may go wrong on it.
func (t *tour) applying() {
	t.Helper()
	t.at("home")
	t.until("the summary opens", "$('#home details').open = true")
	t.at("home-open")
	t.tap("#goapply")
	t.set("#fill [name=document]", "passport")
	t.fillIn(who{"Ada Lovelace", "E12345678"})
	t.at("form")
	t.tap("#next")
	t.until("the outcome", "seen('#outcome')")
	t.at("outcome")
	t.tap("#helps")
	t.until("the paper", "seen('#slip')")
	t.at("paper")
	t.tap("#back")
	t.tap("#goapply")
	t.set("#fill [name=document]", "resident_id")
	t.fillIn(newPassenger())
	t.tap("#next")
	t.until("the check", "seen('#start')")
	t.at("check")
	t.check("passes")
	t.sees()
	t.at("code")
	t.front.cut(true)
	t.str("window.dispatchEvent(new Event('offline'))")
	t.until("the banner", "seen('#cut')")
	t.at("code-cut")
	t.front.cut(false)
	t.until("the network is back", "!seen('#cut')")
}

// ended is what comes after 30 minutes and after a day, and a page that is loaded again.
func (t *tour) ended() {
	t.Helper()
	t.reload()
	t.until("it may be valid", "seen('#may.news')")
	t.at("again")
	t.tap("#goapply")
	t.fillIn(newPassenger())
	t.tap("#next")
	t.check("passes")
	t.sees()
	t.advance(30 * time.Minute)
	t.until("a check is due", "seen('#cover')")
	t.at("due")
	t.advance(24 * time.Hour)
	t.until("it has ended", "seen('#cover') && text('#coverwords').includes('ended')")
	t.at("ended")
	t.tap("#back")
}

// signedIn is what only signed-in users see.
func (t *tour) signedIn() {
	t.Helper()
	t.tap("#account")
	t.until("signing in", "seen('#sign')")
	t.until("the summary opens", "$('#signup').open = true")
	t.at("sign")
	t.tap("#back")
	t.signsUp(newPassenger())
	t.tap("#goapply")
	t.until("the form", "seen('#own')")
	t.at("own")
	t.tap("#next")
	t.check("passes")
	t.sees()
	t.tap("#showhistory")
	t.until("the history", "$('#applications').children.length === 1")
	t.at("history")
	t.tap("#back")
	t.sees()
	t.tap("#back")
	t.addsCompanion("林小满", "51010420140601312X")
	t.at("companions")
	t.tap("#goadd")
	t.at("adding")
	t.tap("#back")
	t.tap("#companionlist [data-kind=apply]")
	t.until("the form", "seen('#guardian')")
	t.at("guardian")
	t.tap("#next")
	t.check("passes")
	t.until("two codes", "text('#which') === '2 / 2'")
	t.sees()
	t.at("code-of-two")
}

// The gate's screen, the technician's page and the bench hinder nobody either.
func TestTheOtherPagesHinderNobody(t *testing.T) {
	chromium(t)
	bench := newTable(t, wide, high)
	bench.ready()
	bench.axe("the bench")
	bench.run(chromedp.EmulateViewport(390, 844))
	bench.axe("the bench, 390")
	screen := bench.tab(bench.bench.web.gate.String(), 1024, 600)
	screen.until("the idle picture", "document.body.dataset.face === 'idle'")
	screen.axe("the gate's screen")
	for _, o := range occasions() {
		if strings.Contains(o, `"ok"`) || strings.Contains(o, `"passback"`) || strings.Contains(o, `"out_of_service"`) {
			screen.str("show(" + o + ")")
			screen.axe("the gate's screen, " + o)
		}
	}
	for _, dark := range []bool{false, true} {
		status := bench.tab(bench.bench.web.gate.JoinPath("status").String(), 1280, 900)
		if dark {
			status.dark()
		}
		status.until("all is well", "document.body.dataset.health === 'healthy'")
		for _, width := range []int64{1280, 768, 390, 280} {
			status.run(chromedp.EmulateViewport(width, 900))
			status.settles(fmt.Sprint("technician's page, ", width), tooWide)
			status.picture(fmt.Sprintf("status-%v-%d", dark, width))
		}
		status.axe(fmt.Sprint("the technician's page, dark ", dark))
	}
}
