package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"railgate/cmd/control"
)

// stationBench is a bench with a station and two gates, for one test.
func stationBench(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "railgate-bench-")
	if err != nil {
		t.Fatal(err)
	}
	b := startBenchIn(t, &bench{dir: dir, bin: build(t), temporary: true, out: io.Discard, walk: 500 * time.Millisecond}, true)
	t.Cleanup(func() { b.stop(); b.clean() })
	return b
}

// to opens one of the bench's tabs.
func (t *table) to(name string) {
	t.Helper()
	t.press("nav [data-to=" + name + "]")
}

// says waits until a gate says something, as the page has it of its status: s.
func (t *table) says(at, what, expression string) {
	t.Helper()
	t.until(what, fmt.Sprintf("((s) => %s)(JSON.parse(document.body.dataset[%q] ?? '{\"causes\":[]}'))", expression, at))
}

// staff is an expression about the station's page, its document d.
func (t *table) staff(what, expression string) {
	t.Helper()
	t.to("station")
	t.until(what, fmt.Sprintf("((d) => d && (%s))(document.getElementById('staff-frame')?.contentDocument)", expression))
}

func TestASpentCodeIsDeniedAtTheOtherGate(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	tb := openTable(t, b, b.url.String(), wide, high)
	tb.applies(newPassenger())
	tb.holds("ok")
	tb.picture("1-lane")
	tb.to("two")
	tb.until("both gates' screens", "[...document.querySelectorAll('.pair iframe')].every((f) => f.contentDocument?.body?.dataset.reason === 'idle')")
	tb.press("[data-again=A08]")
	tb.untilDoing("the other gate says that it is used", "document.querySelector('[data-name=A08] iframe').contentDocument?.body?.dataset.reason === 'already_used'", func() { tb.press("[data-again=A08]") })
	if s, err := b.gates[1].client().Status(t.Context()); err != nil || s.Counts.Decided["ok"] != 0 {
		t.Errorf("the other gate has decided %v (%v); want nobody let in", s.Counts.Decided, err)
	}
	tb.picture("2-two")
	tb.axe("two gates")
	for _, at := range []string{"gate", "second"} {
		tb.says(at, "all is well", "s.health === 'healthy' && s.touch && s.sync === 'fresh'")
	}
	tb.staff("both gates are well, and one person is inside", "d.querySelector('[data-gate=A07]')?.dataset.state === 'fresh' && d.querySelector('[data-gate=A08]')?.dataset.state === 'fresh' && d.getElementById('insiden').textContent === '1'")
	tb.staff("the denial is in the sums", "d.querySelector('#reasons tbody').textContent.includes('already_used')")
	tb.picture("3-station")
	tb.to("two")
	for _, s := range [][2]int64{{390, 844}, {844, 390}, {768, 1024}, {1920, 1080}} {
		tb.run(chromedp.EmulateViewport(s[0], s[1]))
		tb.settles(fmt.Sprint("two gates, ", s), tooWideBench)
		tb.picture(fmt.Sprintf("4-two-%d", s[0]))
	}
}

func TestWhatGoesWrongIsSaid(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	tb := openTable(t, b, b.url.String(), wide, high)
	tb.ready()
	tb.to("two")
	both := func(what, expression string) {
		t.Helper()
		tb.says("gate", "A07: "+what, expression)
		tb.says("second", "A08: "+what, expression)
	}
	both("all is well", "s.health === 'healthy' && s.touch && s.sync === 'fresh'")

	tb.press("[data-fault=cut]")
	both("the bus cannot be reached", "!s.touch && s.causes.includes('bus_unreachable')")
	tb.picture("1-cut")
	tb.press("[data-fault=cut]")
	both("the bus is reached", "s.touch && s.health === 'healthy'")

	tb.press("[data-fault=rollback]")
	both("the old repository is refused", "s.sync.includes('must be >=')")
	tb.picture("2-rollback")
	tb.press("[data-fault=rollback]")
	both("the newest is taken", "s.sync === 'fresh'")

	tb.press("[data-fault=lie]")
	tb.says("second", "the clock is disputed", "s.disputed && s.causes.includes('clock_disputed')")
	tb.says("gate", "the other's is not", "!s.disputed")
	tb.picture("3-lie")
	tb.staff("the station says so", "d.getElementById('alarms').textContent.includes('clock disputed')")
	tb.to("two")
	tb.press("[data-fault=lie]")
	tb.says("second", "the clock is right", "!s.disputed && s.health === 'healthy'")

	waitForCard(t, b)
	tb.press("[data-fault=card]")
	tb.says("second", "the store was rolled back", "s.causes.includes('store_rolled_back')")
	tb.picture("4-card")
	tb.staff("the station says so", "d.getElementById('alarms').textContent.includes('store rolled back')")
	tb.picture("5-card-station")
}

// tooWideBench names what of the bench's own page is wider than the screen.
const tooWideBench = `(document.documentElement.scrollWidth <= innerWidth ? '' : 'wider than the screen: ' + [...document.body.querySelectorAll('*')]
	.filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.tagName + '#' + e.id + '.' + e.className).join(', '))`

// waitForCard waits until the bench has copied the second gate's card.
func waitForCard(t *testing.T, b *bench) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(40 * time.Millisecond) {
		g := b.gates[1]
		g.mu.Lock()
		card := g.card
		g.mu.Unlock()
		if card > 0 {
			return
		}
	}
	t.Fatal("the card is never copied")
}

// Gates and station go to tomorrow together: keys, trust and receipts go on.
func TestTheStationsTimeIsMoved(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped in a short run")
	}
	b := stationBench(t)
	for range 4 { // longer than a timestamp is good for
		if err := b.web.move(t.Context(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		for _, g := range b.gates {
			err := g.wait(t.Context(), "is not well tomorrow", func(s *control.Status) bool {
				return s.Health == control.Healthy && s.Sync.State == "fresh" && s.Sync.Error == "" && s.Bus.InTouch && time.Since(s.Clock.Time) < -b.web.moved()+time.Hour
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A bench with a station that is ended listens on nothing any more, and starts again with
// what it had.
func TestABenchWithAStationEndsAndStartsAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped in a short run")
	}
	b := stationBench(t)
	addresses := []string{b.station.listen, b.station.bus, b.station.web.from(), b.station.wire.from(), b.gates[0].listen, b.gates[1].listen}
	programs := slices.Clone(b.programs)
	b.stop()
	for _, at := range addresses {
		if c, err := net.Dial("tcp", at); err == nil {
			c.Close()
			t.Errorf("%s is still there", at)
		}
	}
	for _, p := range programs {
		if p.ProcessState == nil {
			t.Errorf("%s still runs", p)
		}
	}
	startBenchIn(t, b, true)
	for _, g := range b.gates {
		if err := g.wait(t.Context(), "is not in touch", func(s *control.Status) bool { return s.Bus.InTouch }); err != nil {
			t.Error(err)
		}
	}
}
