package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestATakenAddressIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var out bytes.Buffer
	b := &bench{dir: t.TempDir(), bin: t.TempDir(), out: &out}
	err = b.start(t.Context(), &options{listen: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "-listen") {
		t.Errorf("a taken address: %v; want an error that names it and says what to do", err)
	}
	if len(b.programs) > 0 || out.Len() > 0 {
		t.Errorf("something was started before: %s", out.String())
	}
}

func TestBenchSaysWhatItStarts(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &bench{dir: t.TempDir(), bin: build(t), out: &out}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() { b.stop() }()
	if err := b.start(ctx, &options{listen: "127.0.0.1:0", crowd: true}); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?s)^starting keys.*\nstarting a crowd.*\nstarting the issuer.*\nstarting gate A07.*\n$`).MatchString(out.String()) {
		t.Errorf("it says:\n%s", out.String())
	}
}

// On a phone's and on a tablet's screen too, upright and on its side, the code, the
// button that holds it to the gate, and the lane are seen at once.
func TestTheLaneIsSeenWithThePhone(t *testing.T) {
	chromium(t)
	tb := newTable(t, wide, high)
	tb.applies(newPassenger())
	for _, s := range [][2]int64{{390, 844}, {360, 740}, {768, 1024}, {1024, 768}, {1280, 800}, {1920, 1080}, {640, 360}, {844, 390}} {
		tb.run(chromedp.EmulateViewport(s[0], s[1]))
		tb.settles(fmt.Sprint(s), `(() => {
			const wrong = [], frame = document.getElementById('phone').getBoundingClientRect();
			const far = frame.width / document.getElementById('phone').offsetWidth;
			const seen = (what, r, x = 0, y = 0, far = 1) => { if (r.left * far + x < 0 || r.top * far + y < 0 || r.right * far + x > innerWidth || r.bottom * far + y > innerHeight || r.width < 60 || r.height < 30) wrong.push(what + ' ' + [r.left * far + x, r.top * far + y, r.right * far + x, r.bottom * far + y].map(Math.round)); };
			for (const id of ['gate', 'turnstile', 'hold']) seen(id, document.getElementById(id).getBoundingClientRect());
			seen('the code', $('#qr').getBoundingClientRect(), frame.left, frame.top, far);
			if ($('#qr').getBoundingClientRect().bottom > phone.defaultView.innerHeight) wrong.push('the code is under the phone\'s edge');
			for (const b of phone.querySelectorAll('button')) if (b.getBoundingClientRect().right > phone.defaultView.innerWidth) wrong.push(b.innerText + ' is beside the phone');
			if (document.documentElement.scrollWidth > innerWidth) wrong.push('wider than the screen');
			return wrong.join('; ');
		})()`)
		tb.picture(fmt.Sprint(s[0], "x", s[1]))
	}
}

// The lamp is green for as long as somebody walks, which takes a person seconds.
func TestGreenForAsLongAsSomebodyWalks(t *testing.T) {
	t.Parallel()
	chromium(t)
	b := startBenchIn(t, &bench{dir: t.TempDir(), bin: build(t), out: new(bytes.Buffer)}, false)
	t.Cleanup(func() { b.stop() })
	tb := openTable(t, b, b.url.String(), wide, high)
	tb.applies(newPassenger())
	tb.str(`(window.samples = [], (function sample(now) {
		const opacity = Number(getComputedStyle(document.getElementById('person')).opacity);
		samples.push([now, opacity > 0, document.getElementById('turnstile').dataset.light === 'green', gate.body.dataset.light === 'green']);
		requestAnimationFrame(sample);
	})(performance.now()))`)
	tb.holds("ok")
	tb.picture("walks")
	tb.gateIdle()
	// the frame in which one of them changes may have the other not yet
	got := tb.str(`(() => {
		const walks = samples.filter((s) => s[1]), lit = samples.filter((s) => s[3]), apart = samples.filter((s) => s[1] !== s[3] || s[2] !== s[3]);
		if (!walks.length) return 'nobody walks';
		const span = (all) => all.at(-1)[0] - all[0][0];
		return span(lit) < 1500 ? 'green for ' + Math.round(span(lit)) + ' ms' : apart.length > 3 ? apart.length + ' frames apart, of ' + walks.length : '';
	})()`)
	if got != "" {
		t.Error(got)
	}
}
