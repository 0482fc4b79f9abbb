package main

import (
	"fmt"
	"testing"
)

// addsCompanion adds a companion on the page of a signed-in user.
func (t *table) addsCompanion(name, number string) {
	t.Helper()
	t.tap("#gocompanions")
	t.tap("#goadd")
	t.set("#adding [name=name]", name)
	t.set("#adding [name=number]", number)
	t.until("confirmed", "seen('#adding [name=confirmed]') && ($('#adding [name=confirmed]').checked = true)")
	t.tap("#adding button.main")
	t.until("the list has "+name, fmt.Sprintf("seen('#companionlist') && [...$('#companionlist').querySelectorAll('.number')].some((e) => e.textContent.endsWith(%q))", number[14:]))
}

// Each of those who travel together has a code; the page goes from one to the next by finger,
// by keyboard and by buttons, also with the network cut.
func TestR22ThePageSwipesBetweenCodes(t *testing.T) {
	tb, f := openPhone(t)
	me := newPassenger()
	tb.signsUp(me)
	tb.appliesSignedIn()
	tb.sees()
	tb.until("there is nobody to go to", "!seen('#people')")
	mine := tb.str("text('#owner')")
	tb.tap("#back")
	tb.addsCompanion("林小满", "51010420140601312X")
	tb.tap("#companionlist [data-kind=apply]")
	tb.until("the guardian is told who is checked", "seen('#guardian') && text('#own').includes('林')")
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	tb.until("the second of two", "text('#which') === '2 / 2' && text('#owner').includes('林')")
	theirs := tb.str("text('#owner')")
	other := func(how, action, want string) {
		t.Helper()
		tb.str("(window.before = $('#owner').innerText, " + action + ")")
		tb.until(how, fmt.Sprintf("text('#owner') === %q && seen('#qr') && $('#qr').dataset.slot", want))
		tb.until("a screen reader is told", "text('#live') || $('#live').textContent.includes('的二维码')")
	}
	touch := func(from, to int) string {
		at := func(kind string, x int) string {
			return fmt.Sprintf(`$('#paper').dispatchEvent(new TouchEvent(%q, { bubbles: true, touches: %q === 'touchend' ? [] : [new Touch({ identifier: 1, target: $('#paper'), clientX: %d, clientY: 300 })], changedTouches: [new Touch({ identifier: 1, target: $('#paper'), clientX: %[3]d, clientY: 300 })] }))`, kind, kind, x)
		}
		return at("touchstart", from) + ", " + at("touchend", to)
	}
	key := func(name string) string {
		return fmt.Sprintf("document.dispatchEvent(new KeyboardEvent('keydown', { key: %q, bubbles: true }))", name)
	}
	other("by a button", "$('#after').click()", mine)
	other("and back by one", "$('#before').click()", theirs)
	other("by a key", key("ArrowRight"), mine)
	other("and back by one", key("ArrowLeft"), theirs)
	other("by a finger to the left", touch(250, 120), mine)
	other("and to the right", touch(120, 250), theirs)
	f.cut(true)
	tb.str("window.dispatchEvent(new Event('offline'))")
	tb.until("the banner", "seen('#cut')")
	other("with the network cut", "$('#after').click()", mine)
	other("and back", "$('#after').click()", theirs)
	f.cut(false)
	tb.until("the network is back", "!seen('#cut')")
	tb.reload()
	tb.sees()
	tb.until("both are there again", "text('#which') === '1 / 2'")
}

// A small finger's tremble, or scrolling, changes nothing.
func TestR22ScrollingIsNoSwipe(t *testing.T) {
	tb, _ := openPhone(t)
	tb.signsUp(newPassenger())
	tb.appliesSignedIn()
	tb.sees()
	tb.tap("#back")
	tb.addsCompanion("林小满", "51010420140601312X")
	tb.tap("#companionlist [data-kind=apply]")
	tb.tap("#next")
	tb.check("passes")
	tb.until("two", "text('#which') === '2 / 2'")
	for _, move := range [][2]int{{40, 0}, {60, 200}, {0, 300}} {
		got := tb.str(fmt.Sprintf(`(() => {
			const touch = (x, y) => new Touch({ identifier: 1, target: $('#paper'), clientX: x, clientY: y });
			$('#paper').dispatchEvent(new TouchEvent('touchstart', { touches: [touch(200, 300)], changedTouches: [touch(200, 300)] }));
			$('#paper').dispatchEvent(new TouchEvent('touchend', { touches: [], changedTouches: [touch(%d, %d)] }));
			return text('#which');
		})()`, 200+move[0], 300+move[1]))
		if got != "2 / 2" {
			t.Errorf("moved by %v: %s; want the code to stay", move, got)
		}
	}
}

// The page tells of an infant without a card where to go, and who is no companion.
func TestR23ThePageSendsAnInfantToTheWindow(t *testing.T) {
	tb, _ := openPhone(t)
	tb.signsUp(newPassenger())
	tb.tap("#gocompanions")
	tb.until("there is nobody yet", "seen('#nocompanions')")
	tb.tap("#goadd")
	tb.set("#adding [name=document]", "none")
	tb.set("#adding [name=name]", "林小宝")
	tb.tap("#adding button.main")
	tb.until("the window is named", "seen('#outcome') && $('#outcome').dataset.reason === 'no_card_yet' && text('#todo').includes('公安制证窗口') && !seen('#helps')")
}
