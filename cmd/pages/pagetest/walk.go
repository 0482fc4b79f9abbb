package pagetest

import (
	"strings"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Narrow are the screens on which a page has the least room: a small phone, upright and on its side. The latter is
// a desk's screen (1280x720) enlarged twice, too.
func Narrow() [][2]int64 { return [][2]int64{{360, 740}, {640, 360}} }

// Walk goes through a page on the narrow screens with the Tab key alone. Nothing is wider than the screen; all that
// can be pressed or filled in is reached; and whoever is there sees it, whole, with the focus on it. Axe finds
// nothing there.
func (t *Tab) Walk(where string) {
	t.Helper()
	for _, s := range Narrow() {
		t.Do(chromedp.EmulateViewport(s[0], s[1]))
		name := where + "-" + map[bool]string{true: "upright", false: "side"}[s[0] < s[1]]
		if wide := t.settles(tooWide); wide != "" {
			t.Errorf("%s: wider than the screen: %s", name, wide)
		}
		t.Picture(name)
		t.tabThrough(name)
		t.Axe(name)
	}
}

// settles evaluates an expression until it is empty, or has not become so within seconds.
func (t *Tab) settles(expression string) (got string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if got = t.Str(expression); got == "" {
			break
		}
	}
	return got
}

const tooWide = `(document.documentElement.scrollWidth <= innerWidth ? '' : [...document.body.querySelectorAll('*')]
	.filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest('.unseen')).map((e) => e.tagName + '#' + e.id + '.' + e.className).join(', '))`

// toReach keeps what the keyboard must reach. Of radio buttons it reaches the chosen one; arrows do the rest.
const toReach = `(window.toReach = new Set([...([...document.querySelectorAll('dialog[open]')].at(-1) ?? document).querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
	.filter((e) => e.getClientRects().length && !e.disabled && e.tabIndex >= 0 && !e.closest('[inert]') && getComputedStyle(e).visibility === 'visible' && !(e.type === 'radio' && !e.checked))), window.toReach.size)`

// reached tells what is wrong with where the focus is; "": it is seen there.
const reached = `(() => {
	const e = document.activeElement, name = (e.id || e.name || e.innerText || e.tagName).trim().slice(0, 40);
	if (e === document.body || e.tagName === 'IFRAME') return '';
	window.toReach.delete(e);
	const r = e.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + Math.min(r.height, innerHeight) / 2, top = document.elementFromPoint(x, y);
	if (r.left < -1 || r.right > innerWidth + 1 || r.top < -1 || r.bottom > innerHeight + 1 && r.height < innerHeight) return name + ' is outside the screen: ' + [r.left, r.top, r.right, r.bottom].map(Math.round);
	if (!top || !(e.contains(top) || top.contains(e) || e.labels && [...e.labels].some((l) => l.contains(top)))) return name + ' is covered by ' + (top?.id || top?.tagName);
	if (![e, ...(e.labels ?? [])].some((o) => { const s = getComputedStyle(o); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0; })) return name + ' does not show that it has the focus';
	if (e.scrollWidth > e.clientWidth + 1 && e.tagName === 'BUTTON') return name + ' is cut off';
	return '';
})()`

func (t *Tab) tabThrough(where string) {
	t.Helper()
	t.Str(toReach)
	for i := 0; t.Str("window.toReach.size") != "0"; i++ {
		if i > 150 {
			t.Errorf("%s: never reached: %s", where, t.Str("[...window.toReach].map((e) => e.id || e.name || e.innerText).join(', ')"))
			return
		}
		t.Do(chromedp.KeyEvent(kb.Tab))
		if wrong := t.settles(reached); wrong != "" {
			t.Picture(where + "-failed")
			t.Errorf("%s: %s", where, strings.TrimSpace(wrong))
		}
	}
}
