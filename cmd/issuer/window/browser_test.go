package window

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	paint "image/draw"
	"image/png"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/office/officetest"
	"railgate/cmd/pages/pagetest"
	"railgate/driver/eye"
	"railgate/verify"
)

// These tests drive the page in a headless Chromium. They wait for what they want to see.

func TestMain(m *testing.M) { pagetest.Main(m) }

// A look is an officer's at the page.
type look struct {
	*pagetest.Tab
	win *window
}

func (w *window) open(t *testing.T, width, high int64) *look {
	t.Helper()
	l := &look{pagetest.Open(t, "desk", width, high), w}
	l.Go(w.URL + "/desk/")
	l.Until("the desk, or why not", "seen('#desk') || seen('#cannot')")
	l.Str("(window.printed = 0, window.print = () => { window.printed++; })") // the browser's own never ends without a printer
	return l
}

// cramped names what has no room: wider than the screen, cut off, or too small to be
// tapped.
const cramped = `(() => {
	const wide = window.innerWidth, out = [];
	if (document.documentElement.scrollWidth > wide) out.push('wider than the screen: ' + [...document.body.querySelectorAll('*')].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > wide + 0.5 && !e.closest('.unseen')).map((e) => e.tagName + '#' + e.id + '.' + e.className).join(', '));
	for (const e of document.querySelectorAll('button, input, select')) if (e.getClientRects().length && !e.closest('.unseen')) { const r = e.getBoundingClientRect(); if ((r.height < 40 || r.width < 40) && e.type !== 'checkbox' || e.scrollWidth > e.clientWidth + 1) out.push((e.id || e.textContent) + ' is ' + Math.round(r.width) + ' x ' + Math.round(r.height) + ', of it ' + e.scrollWidth); }
	for (const e of document.querySelectorAll('#slips li, h1, h2, h3, #officer, label > span, #sheet dd, #bearer')) if (e.getClientRects().length && e.scrollWidth > e.clientWidth + 1) out.push('cut off: ' + e.textContent);
	for (const e of document.querySelectorAll('select')) if (e.getClientRects().length) { // as wide as its widest choice
		const whole = e.cloneNode(true);
		whole.style.cssText = 'position: absolute; width: auto';
		e.after(whole);
		if (whole.offsetWidth > e.offsetWidth) out.push('a choice is cut off: ' + e.name + ', ' + e.offsetWidth + ' of ' + whole.offsetWidth);
		whole.remove();
	}
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

// enter fills a field of the form in.
func (l *look) enter(field, value string) {
	l.Helper()
	l.Str(fmt.Sprintf("($('#issue [name=%s]').value = %q)", field, value))
}

// fillIn is a form that is good.
func (l *look) fillIn(name, number string) {
	l.Helper()
	for field, value := range map[string]string{"name": name, "document": "resident_id", "number": number, "reason": "no_phone", "train": "G1234", "from": "北京南", "to": "上海虹桥"} {
		l.enter(field, value)
	}
}

// press presses a key.
func (l *look) press(keys string) {
	l.Helper()
	l.Do(chromedp.KeyEvent(keys))
}

// code is what a gate's camera reads on the sheet.
func (l *look) code() string {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Ctx, pagetest.Patience)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.Screenshot(`#code`))
	if err != nil {
		l.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		l.Fatal(err)
	}
	gray := image.NewGray(img.Bounds())
	paint.Draw(gray, gray.Rect, img, gray.Rect.Min, paint.Src)
	text, ok := eye.NewReader().Read(gray)
	if !ok {
		l.Fatal("the code on the sheet is not read")
	}
	return text
}

// pdf is what comes out of the printer.
func (l *look) pdf(name string) []byte {
	l.Helper()
	var out []byte
	l.Do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		reply, err := cdp.Call(ctx, target, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: new(true), PrintBackground: new(true)})
		if err == nil {
			out = reply.Data
		}
		return chromedp.Void{}, err
	})
	l.Keep(name+".pdf", out)
	return out
}

var (
	aPage    = regexp.MustCompile(`/Type\s*/Page\b`)
	mediaBox = regexp.MustCompile(`/MediaBox\s*\[0 0 ([.\d]+) ([.\d]+)\]`)
)

// aboutA5 tells whether a page is as large as A5 to a point: 148 x 210 mm.
func aboutA5(box [][]byte) bool {
	if len(box) != 3 {
		return false
	}
	wide, err := strconv.ParseFloat(string(box[1]), 64)
	high, err2 := strconv.ParseFloat(string(box[2]), 64)
	return err == nil && err2 == nil && math.Abs(wide-148/25.4*72) < 1 && math.Abs(high-210/25.4*72) < 1
}

// What is printed is one page of A5, also with the longest name and places, and gates take
// its code.
func TestR17WhatIsPrinted(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	l := w.open(t, 1280, 1000)
	for _, tt := range []struct{ name, document, number, from string }{
		{"李雷", "resident_id", "11010519491231002X", "北京南"},
		{strings.Repeat("阿卜杜", 5) + "·" + strings.Repeat("买买提", 5) + "·" + strings.Repeat("吐尔逊", 6), "resident_id", "440106198803052464", strings.Repeat("大", 20)},
		{"𠮷田·𪚥𪚥", "resident_id", "110105199003078019", "北京南"},
		{"ئابدۇرەھىم·ئابلىز", "passport", "E12345678", "ئۈرۈمچى"},
		{strings.Repeat("W", 50), "foreigner_id", strings.Repeat("W", 30), strings.Repeat("W", 20)},
		{strings.Repeat("Ả̃̂", 12), "hk_macao_permit", "H1234567(8)", strings.Repeat("Ậ", 20)},
	} {
		l.fillIn(tt.name, tt.number)
		l.enter("document", tt.document)
		l.enter("from", tt.from)
		l.enter("to", strings.Repeat("W", 19)+"X")
		l.Str("$('#send').click()")
		l.Until("the sheet", "seen('#sheet') && $('#code path') && !document.body.hasAttribute('aria-busy')")
		if got := l.Str("(() => { const n = window.printed; window.printed = 0; return n; })()"); got != "1" {
			t.Errorf("%s: printing began %s times; want once", tt.name, got)
		}
		data := l.pdf(tt.document + strconv.Itoa(len(tt.name)))
		box := mediaBox.FindSubmatch(data)
		if n := len(aPage.FindAll(data, -1)); n != 1 || box == nil || !aboutA5(box) {
			t.Errorf("%s: %d pages, of %q; want one of A5, 419.5 x 595.3 points", tt.name, n, box)
		}
		keys, err := json.Marshal(w.office.Keyset())
		if err != nil {
			t.Fatal(err)
		}
		set, err := verify.ParseKeyset(keys)
		if err != nil {
			t.Fatal(err)
		}
		if v := verify.Decide(l.code(), set, verify.Rules{Classes: []verify.Class{verify.Paper}}, w.office.Now()); !v.Granted() || v.Rotation != verify.Static {
			t.Errorf("%s: a gate says %s", tt.name, v.Reason)
		}
		l.Str("$('#done').click()")
		l.Until("nothing of it is left", "!seen('#sheet') && !$('#code path') && $('#bearer').textContent + $('#pnumber').textContent === '' && !document.body.hasAttribute('aria-busy')")
	}
	if blank := l.pdf("none"); len(aPage.FindAll(blank, -1)) > 1 || len(blank) > 20_000 {
		t.Errorf("without a sheet %d bytes are printed; want an empty page", len(blank))
	}
}

// A journey goes from left to right, also between two places that are written from right to left.
func TestR17AJourneyGoesOnItsWay(t *testing.T) {
	pagetest.Program(t)
	l := newWindow(t).open(t, 1280, 1000)
	const from, to = "ئۈرۈمچى", "قەشقەر"
	l.fillIn("ئابدۇرەھىم·ئابلىز", "11010519491231002X")
	l.enter("from", from)
	l.enter("to", to)
	l.Str("$('#send').click()")
	l.Until("the sheet", "seen('#sheet') && $('#code path') && !document.body.hasAttribute('aria-busy')")
	const first = `((text) => {
		const left = (part) => { const r = document.createRange(), at = text.data.indexOf(part); r.setStart(text, at); r.setEnd(text, at + part.length); return r.getBoundingClientRect().left; };
		return left(%q) < left('→') && left('→') < left(%q);
	})($('%s').firstChild)`
	if got := l.Str(fmt.Sprintf(first, from, to, "#pjourney")); got != "true" {
		t.Error("on the sheet the journey is the way back")
	}
	l.Str("$('#done').click()")
	l.Until("the list", "!seen('#sheet') && $('#slips .journey')")
	if got := l.Str(fmt.Sprintf(first, from, to, "#slips .journey")); got != "true" {
		t.Error("in the list the journey is the way back")
	}
}

// The window by the keyboard alone, from the form to the sheet and back.
func TestTheWindowByKeyboard(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	l := w.open(t, 1280, 800)
	l.Str("$('#issue [name=name]').focus()")
	for _, text := range []string{"Ada Lovelace", "p", "E12345678", "", "G1234", "", "Beijing", "Shanghai"} {
		l.press(text + kb.Tab)
	}
	if got := l.Str("document.activeElement.id + ' ' + $('#issue [name=document]').value"); got != "send resident_id" && got != "send passport" {
		t.Fatalf("after the last field the keyboard is at %q; want the button", got)
	}
	l.enter("document", "passport")
	l.press(kb.Enter)
	l.Until("the sheet, which is read out", "seen('#sheet') && document.activeElement.id === 'h3' && !document.body.hasAttribute('aria-busy')")
	if got := l.Str("$('#desk').inert"); got != "true" {
		t.Error("behind the sheet the keyboard reaches the list")
	}
	l.press(kb.Escape)
	l.Until("back, at the certificate", "!seen('#sheet') && document.activeElement.closest('#slips li') && document.activeElement.textContent.includes('补打')")
}

// An officer is told that the passenger's phone has a certificate, and decides.
func TestR18TheOfficerIsToldOfTheElectronicOne(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	w.approve()
	l := w.open(t, 390, 844)
	l.fillIn("李雷", "11010519491231002X")
	l.Str("$('#send').click()")
	l.Until("it says so, and what can be done", "seen('#refused') && $('#why').textContent.includes('电子证明仍然有效') && document.activeElement.id === 'told'")
	l.settles("told")
	l.Axe("told")
	l.Picture("told")
	l.press(kb.Enter)
	l.Until("the sheet", "seen('#sheet') && $('#code path')")
}

func TestRefusalsMarkTheirFields(t *testing.T) {
	pagetest.Program(t)
	l := newWindow(t).open(t, 1280, 800)
	for _, tt := range []struct{ field, value, why string }{
		{"number", "110105194912310021", "身份证号码有误"}, {"train", "1G", "车次、日期或车站有误"}, {"name", "", "请填写姓名"},
	} {
		l.fillIn("李雷", "11010519491231002X")
		l.enter(tt.field, tt.value)
		l.Str("$('#send').click()")
		l.Until(tt.why, fmt.Sprintf("seen('#refused') && $('#why').textContent.includes(%q) && $('#issue [name=%s]').getAttribute('aria-invalid') === 'true' && document.activeElement.name === %q", tt.why, tt.field, tt.field))
	}
	l.Axe("refused")
}

// A window whose network is cut says so, and keeps what was filled in.
func TestTheWindowSaysThatTheNetworkIsCut(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	l := w.open(t, 1280, 800)
	l.fillIn("李雷", "11010519491231002X")
	w.CloseClientConnections()
	w.Listener.Close()
	l.Str("$('#send').click()")
	l.Until("it says so", "seen('#refused') && $('#why').textContent.includes('网络中断') && $('#issue [name=name]').value === '李雷'")
}

// Every state of the page on every screen, upright and on its side, light and dark, and
// enlarged twice.
func TestEveryScreenOfTheWindow(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	w.crowd()
	l := w.open(t, 1280, 800)
	for _, scheme := range []string{"light", "dark"} {
		l.Scheme(scheme)
		for _, s := range [][2]int64{{360, 740}, {390, 844}, {844, 390}, {640, 400}, {640, 360}, {768, 1024}, {1024, 768}, {1280, 800}, {1920, 1080}, {1080, 1920}} {
			l.Do(chromedp.EmulateViewport(s[0], s[1]))
			l.settles(fmt.Sprintf("%s, %v", scheme, s))
			l.Picture(fmt.Sprintf("%s-%dx%d", scheme, s[0], s[1]))
		}
		l.Axe(scheme + ", the list")
		l.Str("$('#slips .print').click()")
		l.Until("the sheet", "seen('#sheet') && $('#code path') && !document.body.hasAttribute('aria-busy')")
		for _, s := range [][2]int64{{390, 844}, {844, 390}, {1280, 800}} {
			l.Do(chromedp.EmulateViewport(s[0], s[1]))
			l.settles(fmt.Sprintf("%s, %v, the sheet", scheme, s))
			l.Picture(fmt.Sprintf("%s-sheet-%dx%d", scheme, s[0], s[1]))
		}
		l.Axe(scheme + ", the sheet")
		l.Str("$('#done').click()")
		l.Until("the list", "!seen('#sheet') && !document.body.hasAttribute('aria-busy')")
	}
}

func TestEveryChoiceOfTheWindowHasWords(t *testing.T) {
	words, err := web.ReadFile("web/words.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Concat(office.SlipDocuments(), office.SlipReasons(), office.RevokeReasons(),
		[]string{string(office.SlipIsValid), string(office.SlipIsExpired), string(office.SlipIsCancelled), string(office.SlipIsRevoked)}) {
		if !regexp.MustCompile(`\b` + name + `: \['`).Match(words) {
			t.Errorf("words.js has no words for %s", name)
		}
	}
}

// approve has a passenger apply for an electronic certificate.
func (w *window) approve() {
	w.Helper()
	token, err := w.office.NewVisitor()
	if err != nil {
		w.Fatal(err)
	}
	who := w.office.Visitor(token)
	f := office.Form{Name: "李雷", Document: office.ResidentCard, Number: "11010519491231002X", Confirmed: true, City: "北京"}
	if _, err := officetest.Approve(w.Context(), w.office, f, verify.ByChain, who); err != nil {
		w.Fatal(err)
	}
}

// A certificate is cancelled and revoked in a dialog that says what it does.
func TestR20EndingOnThePage(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	w.crowd()
	l := w.open(t, 390, 844)
	l.Str("($('#slips').querySelectorAll('.cancelled, .revoked').forEach((e) => e.remove()), $('#slips li.valid .cancel').click())")
	l.Until("the dialog", "$('#end').open && seen('#endpaper') && !seen('#endreason')")
	l.Axe("cancelling")
	l.Str("$('#endyes').click()")
	l.Until("the paper first", "seen('#enddenied') && document.activeElement.name === 'back'")
	l.settles("cancelling")
	l.Picture("cancel")
	l.press(" ") // ticks it
	l.Str("$('#endyes').click()")
	l.Until("it is cancelled, and said", "!$('#end').open && $('#slips li.cancelled') && $('#live').textContent.includes('已作废')")
	l.Str("$('#slips li.valid .revoke').click()")
	l.Until("the dialog", "$('#end').open && seen('#endreason') && !seen('#endpaper')")
	l.Axe("revoking")
	l.settles("revoking")
	l.Do(chromedp.EmulateViewport(844, 390))
	l.settles("revoking, on its side")
	l.Picture("revoke")
	l.Str("($('#end [name=reason]').value = 'misused', $('#endyes').click())")
	l.Until("it is revoked", "!$('#end').open && $('#slips').textContent.includes('被他人冒用')")
	l.press(kb.Tab)
	l.Str("$('#slips li.valid .revoke').click()")
	l.press(kb.Escape)
	l.Until("Esc ends nothing", "!$('#end').open && document.querySelectorAll('#slips li.revoked').length === 2")
}

// An officer finds what somebody's lost phone holds by the document, and revokes it.
func TestR20ALostPhoneOnThePage(t *testing.T) {
	pagetest.Program(t)
	w := newWindow(t)
	w.approve()
	l := w.open(t, 390, 844)
	l.Str("($('#find [name=by]').value = 'number', $('#find [name=text]').value = '11010519491231002X', $('#find button').click())")
	l.Until("the phone's", "$('#slips').textContent.includes('手机上的电子证明') && $('#slips li .revoke') && !$('#slips li .print') && !$('#slips').textContent.includes('undefined')")
	l.settles("found")
	l.Axe("found")
	l.Picture("phone")
	l.Str("$('#slips li .revoke').click()")
	l.Until("the dialog", "$('#end').open && seen('#endreason') && !seen('#endpaper') && $('#endwhat').textContent.includes('手机') && $('#endsays').textContent.includes('另一部手机')")
	l.settles("revoking")
	l.Picture("revoke-phone")
	l.Str("$('#endyes').click()")
	l.Until("it is revoked, and said", "!$('#end').open && $('#live').textContent.includes('已吊销')")
	list, err := w.office.Revocations()
	if err != nil || len(list) < 100 {
		t.Fatalf("%x, %v", list, err)
	}
	if found, err := w.office.Electronic("11010519491231002X"); err != nil || len(found) != 1 {
		t.Errorf("%v, %v; want the certificate as it was: its holder verifies again", found, err)
	}
}

// crowd is a day's slips: of each state, with names short and long.
func (w *window) crowd() {
	w.Helper()
	for i, name := range []string{"李雷", "韩梅梅", "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine", "阿卜杜拉·买买提", "林小满", "王芳"} {
		f := w.form()
		var s shownSlip
		f["name"], f["document"], f["number"], f["reason"] = name, office.SlipDocuments()[1+i%6], fmt.Sprintf("E%08d", i), office.SlipReasons()[i]
		w.must("POST", "issue", f, &s)
		switch i {
		case 0:
			w.must("POST", "revoke", map[string]string{"id": s.ID, "reason": "wrong"}, nil)
		case 1:
			w.must("POST", "cancel", map[string]string{"id": s.ID}, nil)
		}
	}
}
