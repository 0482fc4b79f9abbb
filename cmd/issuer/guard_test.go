package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/verify"
	"railgate/verify/mint"
)

// Names and numbers are nowhere but sealed: not in the file, not in the log, not in a
// code.
func TestIdentityIsNowhereInClear(t *testing.T) {
	d := newDesk(t, true)
	f := goodForm()
	f.Name, f.Number = "Xylophone Quartz", "440106198803052464"
	p := d.visitor()
	if why := p.goes("api/apply", applied{f, "issuer"}, "passes"); why != "" {
		t.Fatal(why)
	}
	p.must("POST", "api/signup", map[string]any{"account": "quartz", "password": "xylophone8", "name": f.Name, "document": f.Document, "number": f.Number, "confirmed": true}, nil)
	text, _ := p.code()
	code, err := verify.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p.ask("POST", "api/apply", map[string]any{"name": f.Name, "number": f.Number, "nonsense": 1}, nil)
	files, err := os.ReadDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	var ticket errandReply
	p.must("POST", "api/recheck", nil, &ticket)
	for _, secret := range []string{text, text[:40], p.page, base64.StdEncoding.EncodeToString(ticket.Ticket)} {
		if strings.Contains(d.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	hay := map[string][]byte{"the log": d.log.Bytes(), "the code": []byte(text), "sub": []byte(code.Claims.Holder)}
	for _, e := range files {
		data, err := os.ReadFile(filepath.Join(d.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		hay[e.Name()] = data
		if info, err := e.Info(); err != nil || e.Name() != mint.KeysetName && e.Name() != mint.RevokersName && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", e.Name(), info.Mode(), err)
		}
	}
	if len(hay) != 3+6 {
		t.Errorf("the issuer's folder holds %d files; want issuer.db, identity.key, private.json, keys.json, revoker.json, revokers.json", len(hay)-3)
	}
	for where, data := range hay {
		for _, needle := range []string{"Xylophone", "Quartz", "quartz", "xylophone8", f.Number, f.Number[6:14]} {
			if bytes.Contains(data, []byte(needle)) {
				t.Errorf("%s holds %q", where, needle)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	post := func(path, contentType, header, value, body string) int {
		req, err := http.NewRequest("POST", d.srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set(visitorHeader, p.page)
		req.Header.Set(header, value)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	const visit, json, apply = "/api/visit", "application/json", "/api/apply" // a visit needs nothing: it is refused for the reason here, or not at all
	large := `{"name":"` + strings.Repeat("a", maxBody) + `"}`
	for _, tt := range []struct {
		name                      string
		path, contentType         string
		header, headerValue, sent string
		want                      int
	}{
		{"its own page", visit, json, "Origin", d.srv.URL, "{}", 200},
		{"another site's page", visit, json, "Origin", "https://elsewhere.example", "{}", 403},
		{"another site's page, says the browser", visit, json, "Sec-Fetch-Site", "cross-site", "{}", 403},
		{"its own page, says the browser", visit, json, "Sec-Fetch-Site", "same-origin", "{}", 200},
		{"JSON with its character set", visit, "application/json; charset=utf-8", "Accept", "*/*", "{}", 200},
		{"a form", visit, "application/x-www-form-urlencoded", "Accept", "*/*", "{}", 400},
		{"plain text, which a form can send", visit, "text/plain", "Accept", "*/*", "{}", 400},
		{"a type that begins as JSON's", visit, "application/jsonp", "Accept", "*/*", "{}", 400},
		{"no type", visit, "", "Accept", "*/*", "{}", 400},
		{"a body of more than 16 KB", apply, json, "Accept", "*/*", large, 413},
		{"no JSON", apply, json, "Accept", "*/*", "nonsense", 400},
		{"an unknown member", apply, json, "Accept", "*/*", `{"admin":true}`, 400},
		{"two documents", apply, json, "Accept", "*/*", `{}{}`, 400},
		{"an unknown rotation", apply, json, "Accept", "*/*", `{"way":"static"}`, 400},
	} {
		if got := post(tt.path, tt.contentType, tt.header, tt.headerValue, tt.sent); got != tt.want {
			t.Errorf("%s: status %d; want %d", tt.name, got, tt.want)
		}
	}
	forged := &phone{d: d, client: http.DefaultClient, page: strings.Repeat("A", 44)}
	for name, q := range map[string]*phone{"without a session": d.phone(), "with a token of one's own making": forged} {
		for _, path := range []string{"api/apply", "api/view", "api/recheck", "api/code", "api/way"} {
			if _, why := q.ask("POST", path, nil, nil); why != office.SessionEnded {
				t.Errorf("%s, %s: %q; want %q", path, name, why, office.SessionEnded)
			}
		}
	}
}

func TestThePageIsGuarded(t *testing.T) {
	files := "/v/" + embeddedPage().Version() + "/"
	for bench, frames := range map[bool]string{true: "frame-ancestors 'self'", false: "frame-ancestors 'none'"} {
		d := newDesk(t, bench)
		for _, path := range []string{"/", files + "phone.css", files + "phone.js", "/sw.js", "/keys.json", "/healthz", "/api/state", "/nothing"} {
			resp, err := http.Get(d.srv.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			policy := resp.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, frames) {
				t.Errorf("%s: policy %q", path, policy)
			}
			if want := map[bool]int{true: 404, false: 200}[path == "/nothing"]; resp.StatusCode != want {
				t.Errorf("%s: status %d; want %d", path, resp.StatusCode, want)
			}
		}
	}
	c := (&web{Office: &office.Office{}}).cookie("x", cookieLasts)
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie %v; want HttpOnly, Secure, SameSite=Strict", c)
	}
}

// A header, a body and an answer have seconds each, and an answer has longer than the
// longest check.
func TestNoConnectionIsHeldForLong(t *testing.T) {
	s := newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, d := range map[string]time.Duration{"header": s.ReadHeaderTimeout, "request": s.ReadTimeout, "answer": s.WriteTimeout, "idle": s.IdleTimeout} {
		if d <= 0 || d > 2*time.Minute {
			t.Errorf("%s: %v; want some seconds", name, d)
		}
	}
	if s.WriteTimeout <= office.CheckTime || s.MaxHeaderBytes > 64<<10 || s.MaxHeaderBytes <= 0 {
		t.Errorf("an answer has %v, a check %v; headers have %d bytes", s.WriteTimeout, office.CheckTime, s.MaxHeaderBytes)
	}
}

func TestServeStartsAndStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	o := &serveFlags{listen: "127.0.0.1:0", data: filepath.Join(t.TempDir(), "issuer"), alg: "SM2", bench: true}
	go func() { done <- serve(ctx, o, slog.New(slog.DiscardHandler), func(url string) { ready <- url }) }()
	select {
	case err := <-done:
		t.Fatal(err)
	case url := <-ready:
		resp, err := http.Get(url + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	keys := readKeys(t, o.data)
	if len(keys.Keys) != 1 || keys.Keys[0].Algorithm() != verify.SM2 {
		t.Errorf("keys.json has %d keys; want one of SM2", len(keys.Keys))
	}
}
