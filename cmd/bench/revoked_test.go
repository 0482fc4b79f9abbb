package main

import (
	"testing"
	"time"

	"railgate/cmd/control"
)

// A passenger verifies on a second phone: what the first one shows is revoked at both gates of
// the station, within a minute.
func TestASecondPhoneRevokesTheFirst(t *testing.T) {
	chromium(t)
	t.Parallel()
	b := stationBench(t)
	tb := openTable(t, b, b.url.String(), wide, high)
	p := newPassenger()
	tb.applies(p)
	tb.holds("ok")

	began := time.Now()
	second := openTable(t, b, b.web.issuer.String(), 390, 844)
	second.ready()
	second.tap("#goview")
	second.fillIn(p)
	second.tap("#next")
	second.check("passes")
	second.sees()
	for _, g := range b.gates {
		if err := g.wait(t.Context(), "does not hear what is revoked", func(s *control.Status) bool { return s.Revocations != nil && s.Revocations.Count == 1 }); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("both gates know it after %v; want a minute at most", took)
	}
	tb.holdsAgain("revoked")
	tb.to("two")
	tb.until("both gates' screens", "[...document.querySelectorAll('.pair iframe')].every((f) => f.contentDocument?.body?.dataset.reason === 'idle')")
	tb.press("[data-again=A08]")
	tb.untilDoing("the other gate says so too", "document.querySelector('[data-name=A08] iframe').contentDocument?.body?.dataset.reason === 'revoked'", func() { tb.press("[data-again=A08]") })
	tb.picture("revoked")
}
