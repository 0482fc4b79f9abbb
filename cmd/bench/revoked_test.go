package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"railgate/cmd/control"
)

// A secondPhone is a page of the same passenger elsewhere, as far as the issuer knows.
type secondPhone struct {
	t    *testing.T
	b    *bench
	page string
}

func (p *secondPhone) ask(path string, in any, out any) {
	p.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.b.web.issuer.JoinPath("api", path).String(), bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Railgate-Page", p.page)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		p.t.Fatal(err)
	}
}

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

	second := &secondPhone{t: t, b: b}
	var visit struct{ Page string }
	second.ask("visit", struct{}{}, &visit)
	second.page = visit.Page
	var errand struct{ Ticket []byte }
	second.ask("view", map[string]any{"name": p.name, "document": "resident_id", "number": p.number, "confirmed": true}, &errand)
	began := time.Now()
	second.ask("check", map[string]any{"ticket": errand.Ticket, "bench": "passes"}, &struct{}{})
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
