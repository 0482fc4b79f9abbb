package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"rsc.io/qr"
)

// TestPictures takes README's pictures from the real pages: the phone with its code, the
// gate that lets its passenger pass, and the four on the bench. It writes them where
// RAILGATE_PICTURES says (make pictures); without it they go to the other screens.
func TestPictures(t *testing.T) {
	t.Parallel()
	chromium(t)
	b := startBenchIn(t, &bench{dir: t.TempDir(), bin: build(t), out: io.Discard}, true)
	t.Cleanup(b.stop)
	gate := openTable(t, b, b.url.String(), wide, high)
	gate.ready()
	gate.gateIdle()
	screen := openTable(t, gate.bench, gate.bench.web.gate.String(), 960, 600)
	phone := openTable(t, gate.bench, gate.bench.web.issuer.String(), 390, 700)
	phone.run(chromedp.EmulateViewport(390, 700, chromedp.EmulateScale(2)))
	phone.ready()
	// as it is without a bench: nothing dashed
	phone.until("the page of a passenger", "(phone.body.classList.add('framed'), true)")
	phone.applies(who{"李雷", newPassenger().number})
	phone.until("nothing of a bench", "(phone.body.classList.remove('onbench'), true)")
	phone.keep("phone.png")
	code := base64.StdEncoding.EncodeToString(phone.canvas("$('#qr').toDataURL()"))
	hold := func() {
		gate.str("(fetch('data:image/png;base64," + code + "').then((a) => a.blob()).then(hold), true)")
	}
	hold()
	screen.untilDoing("请通行", "document.body.dataset.reason === 'ok'", hold)
	screen.keep("gate.png")
	four := openTable(t, b, b.url.String(), 1500, 900)
	four.applies(who{"李雷", newPassenger().number})
	four.opensWindow()
	four.issuesPaper(who{"韩梅梅", newPassenger().number})
	four.tapIn("desk", "#done")
	four.in("desk", "the list is seen", "(at('#slips').scrollIntoView({ block: 'end' }), true)")
	four.tapIn("inspector", "#start")
	four.verdict("ok")
	four.gateIdle()
	four.hold()
	four.untilDoing("请通行", "gate.body.dataset.reason === 'ok' && gate.body.dataset.light === 'green'", four.hold)
	four.keep("four.png")
}

// keep takes a picture for README.
func (t *table) keep(name string) {
	t.Helper()
	png := t.picture(strings.TrimSuffix(name, ".png"))
	if len(png) < 1000 {
		t.Fatalf("a picture of %d bytes", len(png))
	}
	if dir := os.Getenv("RAILGATE_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkPictureToScreen measures from the hand to the lit screen: a picture is
// posted to the bench, the gate's camera sees it, the decoder reads it, the store
// commits it, and the gate's screen is green in its next frame. Each code is another
// passenger's.
func BenchmarkPictureToScreen(b *testing.B) {
	if testing.Short() {
		b.Skip("it needs a browser")
	}
	t := newTable(b, wide, high)
	t.ready()
	var all []int
	unread, worst, commit := 0, 0, int64(0)
	for i := 0; b.Loop(); i++ {
		ms, ok := t.holdPaper(i)
		if !ok {
			unread++
			continue
		}
		all = append(all, ms)
		if ms > worst {
			worst, commit = ms, t.commit()
		}
	}
	if len(all) == 0 {
		b.Fatal("no code was read")
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2]), "ms-median")
	b.ReportMetric(float64(all[(len(all)*99+99)/100-1]), "ms-p99")
	b.ReportMetric(float64(worst), "ms-worst")
	b.ReportMetric(float64(commit)/1000, "ms-of-it-the-disk")
	b.ReportMetric(float64(unread), "unread")
}

// commit is how long the last grant's record took to be on the disk, in microseconds.
func (t *table) commit() int64 {
	t.Helper()
	s, err := t.bench.web.client.Status(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s.Timings.Commit
}

// holdPaper holds a new paper certificate to the camera, and says after how many
// milliseconds the screen was green; false: it was not read.
func (t *table) holdPaper(i int) (int, bool) {
	t.Helper()
	body := fmt.Sprintf(`{"name":"测试员","document":"passport","number":"E%08d"}`, i)
	resp, err := http.Post(t.bench.web.issuer.JoinPath("api/bench/paper").String(), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var paper struct{ Text string }
	if err := json.NewDecoder(resp.Body).Decode(&paper); err != nil || paper.Text == "" {
		t.Fatalf("no paper: %s, %v", resp.Status, err)
	}
	code, err := qr.Encode(paper.Text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	code.Scale = 5
	png := base64.StdEncoding.EncodeToString(code.PNG())
	t.str("(delete document.body.dataset.lit, fetch('data:image/png;base64," + png + "').then((a) => a.blob()).then(hold), true)")
	for end := time.Now().Add(heldFor + 500*time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ms, err := strconv.Atoi(t.str("document.body.dataset.lit ?? ''")); err == nil {
			if got := t.str("document.body.dataset.reason"); got != "ok" {
				t.Fatalf("the gate says %s", got)
			}
			time.Sleep(time.Until(end)) // the hand takes the picture away
			return ms, true
		}
	}
	return 0, false
}
