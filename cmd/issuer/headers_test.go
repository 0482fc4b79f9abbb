package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/cmd/limit"
	"railgate/verify"
)

// ask is one request without a network in between.
func (d *desk) ask(h http.Handler, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	d := newDesk(t, true)
	for _, path := range []string{"/", "/keys.json", "/api/state", "/nothing"} {
		got := d.ask(d.web.handler(), "GET", path, "", nil).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
				"worker-src 'self'; manifest-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Permissions-Policy":         "geolocation=(self), camera=(self), microphone=()",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Cache-Control":              "no-store",
		} {
			if got.Get(name) != want && !(name == "Cache-Control" && path == "/") {
				t.Errorf("%s: %s %q; want %q", path, name, got.Get(name), want)
			}
		}
	}
}

func TestWhatIsAnswered(t *testing.T) {
	d := newDesk(t, true)
	h := d.web.handler()
	if rec := d.ask(h, "GET", "/healthz", "", nil); rec.Code != 200 || rec.Body.String() != "ok\n" {
		t.Errorf("/healthz: %d %q; want ok", rec.Code, rec.Body)
	}
	rec := d.ask(h, "GET", "/keys.json", "", nil)
	if _, err := verify.ParseKeyset(rec.Body.Bytes()); err != nil || rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("/keys.json: %v, %q; want a keyset in JSON", err, rec.Header().Get("Content-Type"))
	}
	for path, want := range map[string]string{"/inspect/keys.json": rec.Body.String(), "/inspect/revokers.json": `"keys"`, "/inspect/revocations": "", "/inspect/now": `"now":`} {
		if got := d.ask(h, "GET", path, "", nil); got.Code != 200 || !strings.Contains(got.Body.String(), strings.TrimSpace(want)) {
			t.Errorf("%s: %d %.100s; want %.100s", path, got.Code, got.Body, want)
		}
	}
	if rec := d.ask(h, "POST", "/api/leave", "{}", http.Header{visitorHeader: {d.visitor().page}}); rec.Code != 200 || rec.Body.String() != "{}\n" {
		t.Errorf("an answer of nothing: %d %q; want {}", rec.Code, rec.Body)
	}
	before := d.web.Now()
	if rec := d.ask(h, "POST", "/api/bench/advance", `{"seconds":3600}`, nil); rec.Code != 200 || d.web.Now().Sub(before) < time.Hour {
		t.Errorf("a bench's time: %d, moved by %v; want an hour", rec.Code, d.web.Now().Sub(before))
	}
}

func TestABodyOf16KBIsTheLargest(t *testing.T) {
	d := newDesk(t, true)
	for n, want := range map[int]int{16384: http.StatusForbidden, 16385: http.StatusRequestEntityTooLarge} {
		rec := d.ask(d.web.handler(), "POST", "/api/apply", "{"+strings.Repeat(" ", n-2)+"}", nil)
		if rec.Code != want {
			t.Errorf("%d bytes: status %d; want %d", n, rec.Code, want)
		}
	}
}

func TestATypeOfJSONMustBeWhole(t *testing.T) {
	d := newDesk(t, true)
	if rec := d.ask(d.web.handler(), "POST", "/api/visit", "{}", http.Header{"Content-Type": {"application/json; charset"}}); rec.Code != http.StatusBadRequest {
		t.Errorf("status %d; want %d", rec.Code, http.StatusBadRequest)
	}
}

func TestHowLongToWaitIsSaid(t *testing.T) {
	d := newDesk(t, true)
	never := limit.New(time.Hour, 0)
	h := (&web{Office: d.web.Office, people: signintest.Guard(), limits: &limits{readSession: never, readAddress: never}}).handler()
	rec := d.ask(h, "GET", "/api/state", "", nil)
	var got refusal
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Denied.Reason != office.TooMany {
		t.Errorf("answer %q, %v; want %s", rec.Body, err, office.TooMany)
	}
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "5" || rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d, header %v; want 429, after 5 s, in JSON", rec.Code, rec.Header())
	}
}

// Who has no session yet shares none with others who have none.
func TestWithoutASessionOnlyTheAddressCounts(t *testing.T) {
	d := newDesk(t, true)
	h := (&web{Office: d.web.Office, people: signintest.Guard(), limits: &limits{readSession: limit.New(time.Hour, 1), readAddress: limit.New(time.Hour, 9)}}).handler()
	for n := range 3 {
		if rec := d.ask(h, "GET", "/api/state", "", nil); rec.Code != 200 {
			t.Errorf("request %d: status %d; want 200", n+1, rec.Code)
		}
	}
}

// What broke is for the log, and the page is told what to do.
func TestWhatBrokeIsNotTold(t *testing.T) {
	var log bytes.Buffer
	w := &web{log: slog.New(slog.NewTextHandler(&log, nil))}
	rec := httptest.NewRecorder()
	w.refuse(rec, errors.New("disk full"))
	var got refusal
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != http.StatusInternalServerError || got.Denied.Reason != office.Broken {
		t.Errorf("answer %d %q; want 500, %s", rec.Code, rec.Body, office.Broken)
	}
	if !strings.Contains(log.String(), "disk full") {
		t.Errorf("log %q; want what broke", log.String())
	}
}

// A cookie that is nobody's does not hide a visitor, and one that cannot be looked up is
// not taken for nobody's.
func TestCookies(t *testing.T) {
	d := newDesk(t, true)
	p := d.phone()
	p.must("POST", "api/signup", map[string]any{"account": "quartz", "password": "xylophone8", "name": "李雷", "document": office.ResidentCard, "number": goodForm().Number, "confirmed": true}, nil)
	h := d.web.handler()
	visitor := http.Header{visitorHeader: {d.visitor().page}, "Cookie": {cookieName + "=nobodys"}}
	if rec := d.ask(h, "POST", "/api/apply", `{}`, visitor); !strings.Contains(rec.Body.String(), string(office.NotResidentCard)) {
		t.Errorf("a visitor with a stale cookie: %s; want to be told of the form", rec.Body)
	}
	p.must("POST", "api/signin", map[string]string{"account": "quartz", "password": "xylophone8"}, nil)
	where, err := url.Parse(d.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := p.client.Jar.Cookies(where)
	if len(cookies) != 1 {
		t.Fatalf("%d cookies; want the session's", len(cookies))
	}
	d.web.log = slog.New(slog.DiscardHandler)
	if err := d.web.Close(); err != nil {
		t.Fatal(err)
	}
	visitor["Cookie"] = []string{cookieName + "=" + cookies[0].Value}
	for _, kind := range []string{"application/json", "text/plain"} {
		visitor["Content-Type"] = []string{kind}
		if rec := d.ask(h, "POST", "/api/recheck", "{}", visitor); rec.Code != http.StatusInternalServerError {
			t.Errorf("%s, with a register that is closed: status %d, %s; want 500", kind, rec.Code, rec.Body)
		}
	}
}

func TestTheCookieItself(t *testing.T) {
	bench := newDesk(t, true).web.cookie("x", cookieLasts)
	if bench.Secure || bench.Path != "/" || bench.MaxAge != 60*24*60*60 {
		t.Errorf("a bench's cookie %v; want one for http, of the whole page, for 30 days longer than the issuer takes it", bench)
	}
}

// How often one may ask: at once, and then every so often.
func TestHowOftenOneMayAsk(t *testing.T) {
	l := newLimits()
	for _, tt := range []struct {
		name    string
		limiter *limit.Limiter
		burst   int
		every   time.Duration
	}{
		{"a session reads", l.readSession, 30, time.Second / 2},
		{"an address reads", l.readAddress, 600, 5 * time.Millisecond},
		{"a session writes", l.writeSession, 20, 4 * time.Second},
		{"an address writes", l.writeAddress, 120, time.Second / 2},
	} {
		now := time.Unix(0, 0)
		n := 0
		for tt.limiter.Allow("somebody", now) {
			n++
		}
		if n != tt.burst {
			t.Errorf("%s: %d times at once; want %d", tt.name, n, tt.burst)
		}
		if tt.limiter.Allow("somebody", now.Add(tt.every-1)) || !tt.limiter.Allow("somebody", now.Add(tt.every)) || tt.limiter.Allow("somebody", now.Add(tt.every)) {
			t.Errorf("%s: not once more after %v", tt.name, tt.every)
		}
	}
}

// The sign-in of people with a role is there, and says that no provider is connected.
func TestPeopleWithARoleSignInHere(t *testing.T) {
	d := newDesk(t, false)
	rec := d.ask(d.web.handler(), "GET", "/signin/start", "", nil)
	if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "no_provider") {
		t.Errorf("/signin/start: %d %s; want 503 no_provider", rec.Code, rec.Body)
	}
	if rec := d.ask(d.web.handler(), "POST", "/signin/out", "", nil); rec.Code != http.StatusNoContent {
		t.Errorf("/signin/out: %d; want 204", rec.Code)
	}
	h := (&web{Office: d.web.Office, people: d.web.people, limits: &limits{writeAddress: limit.New(time.Hour, 1)}}).handler()
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		if rec := d.ask(h, "GET", "/signin/start", "", nil); rec.Code != want {
			t.Errorf("/signin/start of an address that asks too often: %d; want %d", rec.Code, want)
		}
	}
}
