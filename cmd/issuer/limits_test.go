package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/cmd/limit"
)

// A session has its share of what its address has; another address has its own.
func TestSessionsAndAddressesWaitTheirTurn(t *testing.T) {
	d := newDesk(t, true)
	few := func(n int) *limit.Limiter { return limit.New(time.Hour, n) }
	h := (&web{Office: d.web.Office, people: signintest.Guard(), log: d.web.log, limits: &limits{
		readSession: few(3), readAddress: few(6), writeSession: few(3), writeAddress: few(6),
	}}).handler()
	for _, path := range []string{"GET /api/state", "POST /api/recheck"} {
		method, path, _ := strings.Cut(path, " ")
		ask := func(page, remote string) int {
			r := httptest.NewRequest(method, path, strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(visitorHeader, page)
			r.RemoteAddr = remote + ":4711"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code
		}
		one, other := d.visitor().page, d.visitor().page
		for n, tt := range []struct {
			page, remote string
			wait         bool
		}{
			{one, "192.0.2.1", false},
			{one, "192.0.2.1", false},
			{one, "192.0.2.1", false},
			{one, "192.0.2.1", true}, // the session has had its three
			{other, "192.0.2.1", false},
			{other, "192.0.2.1", false},
			{other, "192.0.2.1", true}, // the address has had its six
			{"", "192.0.2.1", true},
			{other, "192.0.2.2", false},
			{one, "192.0.2.2", true},
		} {
			if got := ask(tt.page, tt.remote); (got == http.StatusTooManyRequests) != tt.wait {
				t.Errorf("%s, request %d: status %d; want to be told to wait: %v", path, n+1, got, tt.wait)
			}
		}
	}
}

// Behind a proxy it is the proxy's entry that is counted; without one nobody chooses an
// address.
func TestTheLimitCountsWhoCalls(t *testing.T) {
	few := func(n int) *limit.Limiter { return limit.New(time.Hour, n) }
	for _, proxied := range []bool{false, true} {
		d := newDesk(t, true)
		h := (&web{Office: d.web.Office, people: signintest.Guard(), proxied: proxied, limits: &limits{readSession: few(9), readAddress: few(1)}}).handler()
		for n, from := range []string{"198.51.100.1", "198.51.100.2"} {
			r := httptest.NewRequest("GET", "/api/state", nil)
			r.Header.Set("X-Forwarded-For", from)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if wait := n == 1 && !proxied; (rec.Code == http.StatusTooManyRequests) != wait {
				t.Errorf("proxied %v, caller %d: status %d; want to be told to wait: %v", proxied, n+1, rec.Code, wait)
			}
		}
	}
}

// Guesses from one address do not keep the owner out at another, or there.
func TestGuessingLocksNobodyOut(t *testing.T) {
	d := newDesk(t, true)
	d.web.proxied = true
	from := func(address, password string) office.Reason {
		p := d.phone()
		p.forwarded = address
		_, why := p.ask("POST", "api/signin", map[string]string{"account": "example", "password": password}, nil)
		return why
	}
	for n := range 10 {
		if why := from("203.0.113.9", "a guess"); why != office.WrongPassword {
			t.Fatalf("guess %d: %q", n+1, why)
		}
	}
	for _, address := range []string{"198.51.100.7", "203.0.113.9"} {
		if why := from(address, "passenger"); why != "" {
			t.Errorf("the owner, from %s: %q; want to be let in", address, why)
		}
	}
}
