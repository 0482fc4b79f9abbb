package main

import (
	"strings"
	"testing"

	"rsc.io/qr/coding"

	"railgate/driver/eye"
	"railgate/driver/scanner"
	"railgate/verify"
)

// faint finds text whose contrast is under WCAG's AA: 4.5, or 3 where it is large.
const faint = `(() => {
	const view = phone.defaultView;
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
	const luminance = (rgb) => rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	const over = (top, a, below) => top.map((v, i) => v * a + below[i] * (1 - a));
	const back = (e) => { for (; e; e = e.parentElement) { const c = parse(view.getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
	const out = [], walk = phone.createTreeWalker(phone.body, NodeFilter.SHOW_TEXT);
	for (let n = walk.nextNode(); n; n = walk.nextNode()) {
		const e = n.parentElement, s = view.getComputedStyle(e);
		if (!n.textContent.trim() || !e.getClientRects().length || s.visibility !== 'visible' || e.closest('.unseen, script, style, noscript, :disabled, option')) continue;
		const behind = back(e), ink = parse(s.color), color = over(ink.rgb, ink.a * Number(s.opacity), behind);
		const [a, b] = [luminance(color), luminance(behind)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
		const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700);
		if (ratio < (large ? 3 : 4.5)) out.push(n.textContent.trim() + ' ' + ratio.toFixed(2));
	}
	return out.join('; ');
})()`

func TestContrastAndQuietZone(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	for _, dark := range []bool{false, true} {
		phone := openTable(t, tb.bench, tb.bench.web.issuer.String(), 390, 844)
		name := "light"
		if dark {
			phone.dark()
			name = "dark"
		}
		phone.ready()
		look := func(view string) {
			t.Helper()
			if got := phone.str(faint); got != "" {
				t.Errorf("%s, %s: too faint: %s", name, view, got)
			}
			phone.picture(name + "-" + view)
		}
		phone.until("the summary opens", "$('details').open = true")
		look("home")
		phone.until("it closes", "!($('details').open = false)")
		phone.tap("#goapply")
		look("form")
		phone.fillIn(newPassenger())
		phone.tap("#next")
		phone.until("the check", "seen('#start')")
		look("check")
		phone.check("passes")
		phone.sees()
		look("code")
		// four modules of white around the code, whatever the scheme
		if got := phone.str(`(() => {
			const c = $('#qr'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, at = (x, y) => d[4 * (y * c.width + x)];
			let first = 0;
			while (at(first, first) === 255) first++;
			let module = 0;
			while (at(first + module, first) === 0) module++;
			for (let y = 0; y < c.height; y++) for (let x = 0; x < c.width; x++)
				if (at(x, y) !== 255 && Math.min(x, y, c.width - 1 - x, c.height - 1 - y) < first) return 'dark at ' + x + ',' + y;
			return [first / (module / 7), phone.defaultView.getComputedStyle($('#paper')).backgroundColor].join();
		})()`); got != "4,rgb(255, 255, 255)" {
			t.Errorf("%s: the quiet zone is %s", name, got)
		}
		phone.tap("#back")
		phone.tap("#goapply")
		phone.set("#fill [name=document]", "passport")
		phone.fillIn(who{"Ada Lovelace", "E12345678"})
		phone.tap("#next")
		phone.until("the outcome", "seen('#outcome')")
		look("outcome")
		phone.tap("#helps")
		phone.until("the paper", "seen('#slip')")
		look("paper")
		phone.tap("#back")
		phone.tap("#account")
		phone.until("signing in", "seen('#sign')")
		look("sign")
	}
}

// The page's own encoder draws what another does, module by module, at every version.
func TestEncoderDrawsWhatAnotherDoes(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	// one under, at and over what versions 1 to 14 hold at M (ISO/IEC 18004, table 7)
	for i, most := range []int{20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483, 528} {
		for _, n := range []int{most - 1, most, most + 1} {
			text := ""
			for i := range n {
				text += string(alphabet[(i*i+7*i+n)%45])
			}
			tb.str("(window.drawn = '', import(phone.querySelector('script[type=module]').src.replace('phone.js', 'qr.js')).then((m) => { window.drawn = m.encode(" + quoted(text) + ").map((row) => row.map(Number).join('')).join('\\n'); }))")
			tb.until("drawn", "window.drawn")
			version := i + 1
			if n > most {
				version++
			}
			if !drawnByAnother(t, text, version, strings.Split(tb.str("window.drawn"), "\n")) {
				t.Errorf("%d characters: no mask of version %d draws that", n, version)
			}
		}
	}
}

func drawnByAnother(t *testing.T, text string, version int, rows []string) bool {
	t.Helper()
	for mask := range 8 {
		plan, err := coding.NewPlan(coding.Version(version), coding.M, coding.Mask(mask))
		if err != nil {
			t.Fatal(err)
		}
		code, err := plan.Encode(coding.Alpha(text))
		if err != nil {
			t.Fatal(err)
		}
		same := code.Size == len(rows)
		for y := 0; same && y < code.Size; y++ {
			for x := 0; same && x < code.Size; x++ {
				same = code.Black(x, y) == (rows[y][x] == '1')
			}
		}
		if same {
			return true
		}
	}
	return false
}

// A code stays as it is drawn until its minute is over, also where each signature of
// the phone's would be another.
func TestACodeStandsStill(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.ready()
	tb.tap("#goapply")
	tb.fillIn(newPassenger())
	tb.set("#formway", "device")
	tb.tap("#next")
	tb.check("passes")
	tb.sees()
	before := tb.str("$('#qr').toDataURL()")
	left, clock := tb.str("$('#left').textContent"), tb.str("$('#markclock').textContent")
	tb.until("seconds pass", "Number($('#left').textContent) < "+left+" - 1")
	if tb.str("$('#qr').dataset.slot") == "0" && tb.str("$('#qr').toDataURL()") != before {
		t.Error("the code was drawn again within its minute")
	}
	// beside it is what a screenshot does not have
	tb.until("the time runs", "/^\\d\\d:\\d\\d:\\d\\d$/.test($('#markclock').textContent) && $('#markclock').textContent !== "+quoted(clock))
	tb.until("the train runs", "seen('#mark') && $('#mark .train').getAnimations().some((a) => a.playState === 'running')")
	if tb.str("seen('#bright')") != "true" {
		t.Error("nothing says to turn up the brightness")
	}
}

// The phone's codes are what the wire says, down to the byte: verify takes them.
func TestThePhonesCodesAreRG1(t *testing.T) {
	chromium(t)
	for _, way := range []string{"chain", "device", "issuer"} {
		tb := newTable(t, wide, high)
		tb.ready()
		tb.tap("#goapply")
		tb.fillIn(newPassenger())
		tb.set("#formway", way)
		tb.tap("#next")
		tb.check("passes")
		tb.sees()
		img, err := scanner.DecodePicture(tb.canvas("$('#qr').toDataURL()"))
		if err != nil {
			t.Fatal(err)
		}
		text, ok := eye.NewReader().Read(img)
		if !ok {
			t.Errorf("%s: the eye does not read the picture", way)
		}
		code, err := verify.Parse(text)
		if err != nil || code.Rotation.String() != way || code.Claims.Class != verify.Temporary {
			t.Errorf("%s: %v, %+v", way, err, code)
		}
	}
}
