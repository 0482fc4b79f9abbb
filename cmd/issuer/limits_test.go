package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
)

// A session has its share of what its address has; another address has its own.
func TestSessionsAndAddressesWaitTheirTurn(t *testing.T) {
	d := newDesk(t, true)
	few := func(n int) *office.Limiter { return office.NewLimiter(time.Hour, n) }
	h := (&web{Office: d.web.Office, log: d.web.log, limits: &limits{
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
