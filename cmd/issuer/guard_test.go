package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	hay := map[string][]byte{"the log": d.log.Bytes(), "the code": []byte(text), "sub": []byte(code.Claims.Holder)}
	for _, e := range files {
		data, err := os.ReadFile(filepath.Join(d.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		hay[e.Name()] = data
		if info, err := e.Info(); err != nil || e.Name() != mint.KeysetName && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", e.Name(), info.Mode(), err)
		}
	}
	if len(hay) != 3+4 {
		t.Errorf("the issuer's folder holds %d files; want issuer.db, identity.key, private.json, keys.json", len(hay)-3)
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
	post := func(path, contentType, origin, body string) int {
		req, err := http.NewRequest("POST", d.srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set(visitorHeader, p.page)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	large := `{"name":"` + strings.Repeat("a", maxBody) + `"}`
	for _, tt := range []struct {
		name                            string
		path, contentType, origin, body string
		want                            int
	}{
		{"another site's page", "/api/apply", "application/json", "https://elsewhere.example", "{}", 403},
		{"its own page", "/api/visit", "application/json", d.srv.URL, "{}", 200},
		{"a form", "/api/apply", "application/x-www-form-urlencoded", "", "name=x", 400},
		{"a body of more than 16 KB", "/api/apply", "application/json", "", large, 413},
		{"no JSON", "/api/apply", "application/json", "", "nonsense", 400},
		{"a member that is not known", "/api/apply", "application/json", "", `{"admin":true}`, 400},
		{"two documents", "/api/apply", "application/json", "", `{}{}`, 400},
		{"another way", "/api/apply", "application/json", "", `{"way":"static"}`, 400},
	} {
		if got := post(tt.path, tt.contentType, tt.origin, tt.body); got != tt.want {
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
	for bench, frames := range map[bool]string{true: "frame-ancestors 'self'", false: "frame-ancestors 'none'"} {
		d := newDesk(t, bench)
		for _, path := range []string{"/", "/phone.css", "/phone.js", "/keys.json", "/healthz", "/api/state", "/nothing"} {
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

func TestLimits(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	for n := 0; ; n++ {
		status, why := p.ask("POST", "api/recheck", nil, nil)
		if status == http.StatusTooManyRequests && why == office.TooMany {
			break
		}
		if n > 200 {
			t.Fatal("200 checks at once, and nobody is told to wait")
		}
	}
	for n := 0; ; n++ {
		if _, why := d.phone().ask("POST", "api/signin", map[string]string{"account": "example", "password": fmt.Sprint("guess", n)}, nil); why == office.TooMany {
			break
		}
		if n > 20 {
			t.Fatal("20 passwords tried, and nobody is told to wait")
		}
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
