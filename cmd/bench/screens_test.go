package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/driver/eye"
	"railgate/driver/scanner"
)

// sizes are the screens that the page is for, upright and on their side, and at a zoom of
// 200 %.
var sizes = []struct {
	name        string
	width, high int64
	scale       float64
}{
	{"280", 280, 653, 1}, {"280-side", 653, 280, 1}, {"360", 360, 640, 3}, {"360-side", 640, 360, 3}, {"390", 390, 844, 3}, {"390-side", 844, 390, 3},
	{"768", 768, 1024, 2}, {"768-side", 1024, 768, 2}, {"1280", 1280, 800, 1}, {"1280-side", 800, 1280, 1},
	{"390-zoom", 195, 422, 6}, {"390-side-zoom", 422, 195, 6}, {"1280-zoom", 640, 400, 2},
}

// wide names what is wider than the screen.
const tooWide = `(() => {
	const width = phone.defaultView.innerWidth;
	if (phone.documentElement.scrollWidth <= width) return '';
	const over = [...phone.body.querySelectorAll('*')].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > width + 0.5 && !e.closest('#mark svg, .unseen'));
	return 'wider than the screen: ' + over.map((e) => e.tagName + '#' + e.id + ' ' + Math.round(e.getBoundingClientRect().right)).join(', ');
})()`

// whole tells whether a canvas is on the screen, all of it, square and sharp, and no
// smaller than it could be. At a zoom of 200 % one may have to scroll to it.
const whole = `((c, zoomed) => {
	const view = phone.defaultView, least = Math.min(view.innerWidth, view.innerHeight), wrong = [];
	if (zoomed) c.scrollIntoView({ block: 'center' }); else view.scrollTo(0, 0);
	const r = c.getBoundingClientRect(), paper = c.parentElement.getBoundingClientRect();
	if (Math.abs(r.width - r.height) > 0.01) wrong.push('not square');
	if (r.left < paper.left || r.right > paper.right || r.top < paper.top || r.bottom > paper.bottom || r.left < 0 || r.right > view.innerWidth || r.top < 0 || r.bottom > view.innerHeight) wrong.push('cut off');
	if (Math.abs(c.width - r.width * view.devicePixelRatio) > 0.5) wrong.push('not sharp: ' + c.width + ' pixels on ' + r.width * view.devicePixelRatio);
	if (r.width < Math.min(300, least * 0.45)) wrong.push('small');
	return wrong.length ? wrong.join(', ') + ': ' + [r.left, r.top, r.width, r.height, view.innerWidth, view.innerHeight].map(Math.round) : '';
})`

func TestTheCodeIsWholeOnEveryScreen(t *testing.T) {
	tb, _ := openPhone(t)
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "passport")
	tb.fillIn(who{"Ada Lovelace", "E12345678"})
	tb.tap("#next")
	tb.tap("#helps")
	tb.until("the paper certificate", "seen('#slipqr')")
	for _, s := range sizes {
		tb.run(chromedp.EmulateViewport(s.width, s.high, chromedp.EmulateScale(s.scale)))
		tb.settles(s.name+", paper", fmt.Sprintf("%s($('#slipqr'), %v) + %s", whole, strings.HasSuffix(s.name, "zoom"), tooWide))
	}
	tb.tap("#back")
	tb.tap("#goapply")
	tb.set("#fill [name=document]", "resident_id")
	tb.fillIn(newPassenger())
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	for _, s := range sizes {
		tb.run(chromedp.EmulateViewport(s.width, s.high, chromedp.EmulateScale(s.scale)))
		tb.settles(s.name, fmt.Sprintf("%s($('#qr'), %v) + %s", whole, strings.HasSuffix(s.name, "zoom"), tooWide))
		if png := tb.picture(s.name); strings.HasSuffix(s.name, "side") {
			img, err := scanner.DecodePicture(png)
			if err != nil {
				t.Fatal(err)
			}
			if text, ok := eye.NewReader().Read(img); !ok || !strings.HasPrefix(text, "RG1:") {
				t.Errorf("%s: the eye does not read the screen", s.name)
			}
		}
	}
}

// settles waits until an expression names no fault any more.
func (t *table) settles(what, faults string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if got = t.str(faults); got == "" {
			return
		}
	}
	t.picture("failed")
	t.Errorf("%s: %s", what, got)
}
