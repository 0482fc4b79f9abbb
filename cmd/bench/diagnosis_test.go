package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"railgate/cmd/control"
)

// In diagnosis the gate's screen says what is wrong and how each part is, whole on each panel; an
// answer to a passenger comes before it, and it ends when staff give the lane back.
func TestTheScreenShowsTheDiagnosis(t *testing.T) {
	b := ownBench(t)
	client := control.NewClient(b.path("data"))
	screen := openTable(t, b, b.web.gate.String(), 1024, 600)
	screen.until("the idle picture", "document.body.dataset.face === 'idle' && document.getElementById('diagnosis').hidden")
	if _, err := client.Service(t.Context(), "diagnosis", ""); err != nil {
		t.Fatal(err)
	}
	screen.until("nothing is wrong, and the facts", "diagnosis.innerText.includes('nothing is wrong') && /turnstile A07\\s+works/.test(diagnosis.innerText) && words.innerText.includes('检修中')")
	screen.str("(show({ reason: 'out_of_service', sound: 'staff', light: 'red', seconds: 3, words: [{ language: 'zh', text: '本通道暂停使用' }] }), diagnose())")
	if screen.str("document.getElementById('diagnosis').hidden") != "true" {
		t.Error("an answer to a passenger does not come before the diagnosis")
	}
	screen.str("(source.close(), clearTimeout(watch), clearTimeout(retry))") // this test alone says what is shown
	for _, causes := range []string{"[]", sickScreen(3), sickScreen(9)} {
		for _, p := range panels {
			screen.run(chromedp.EmulateViewport(p.width, p.high))
			screen.settles(fmt.Sprint(p, len(causes)), fmt.Sprintf(`(() => {
				show({ reason: 'diagnosis', sound: 'silent', light: 'red', seconds: 0, words: [{ language: 'zh', text: '检修中，请走其他通道' }, { language: 'en', text: 'Maintenance: please use another lane' }] });
				serve('diagnosis', 595);
				enrolls = true;
				diagnosed = { health: 'degraded', causes: %s, facts: [['scanner front', 'does not work: open /dev/serial/by-id/usb-GM65-front: no such file or directory'], ['scanner eye', 'works'], ['turnstile A07', 'works, fire loop active'], ['panel panel', 'works'],
					['clock', '2026-11-23 12:00:00 +08:00, station'], ['keys', 'version 41, read 1h30m0s ago, the last ends 2026-11-25, repository fresh'], ['station', 'in touch, 3 records unsent'], ['network', '10.1.2.3/24'], ['version', '1.2.3']] };
				diagnose();
				const wrong = [], page = document.getElementById('diagnosis'), image = document.getElementById('enroll').getBoundingClientRect();
				for (const e of page.querySelectorAll('li, tr')) {
					const r = e.getBoundingClientRect();
					if (r.left < 0 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1) wrong.push(e.textContent + ' is cut off: ' + [r.left, r.top, r.right, r.bottom].map(Math.round));
				}
				if (image.bottom > innerHeight + 1 || image.right > innerWidth + 1 || image.width < 100) wrong.push('the code is cut off or small: ' + [image.left, image.top, image.right, image.bottom].map(Math.round));
				return wrong.join('; ');
			})()`, causes))
			if os.Getenv("RAILGATE_SCREENS") != "" {
				screen.picture(fmt.Sprintf("%dx%d-diagnosis-%d", p.width, p.high, len(causes)))
			}
		}
	}
}

// sickScreen is n causes, as the screen is told them.
func sickScreen(n int) string {
	text := "["
	for i := range n {
		c := control.NewCause([]string{control.ScannerMissing, control.ClockBelowFloor, control.DiskFull}[i%3], "seen")
		m, _ := control.MeaningOf(c.Cause)
		text += fmt.Sprintf("{cause: %q, severity: %q, what: %q, do: %q},", c.Cause, c.Severity, m.What, c.Hands)
	}
	return text + "]"
}
