package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
	"railgate/verify/mint"
)

// Names and numbers are nowhere but sealed: not in the file, not in the log, not in a
// code.
func TestIdentityIsNowhereInClear(t *testing.T) {
	d := newDesk(t, true)
	f := goodForm()
	f.Name, f.Number = "Xylophone Quartz", number("44010619880305", "246")
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

func TestVault(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, vaultKeyName)
	v, err := openVault(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := v.seal([]byte("a name"), "register")
	again, err := openVault(path)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.open(sealed, "register"); err != nil || string(plain) != "a name" {
		t.Errorf("after a restart: %q, %v", plain, err)
	}
	if _, err := v.open(sealed, "check"); !errors.Is(err, errSealed) {
		t.Errorf("opened for another purpose: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := v.open(bad, "register"); err == nil {
			t.Errorf("byte %d was changed, and it opened", i)
		}
	}
	other, err := openVault(filepath.Join(dir, "another.key"))
	if err != nil {
		t.Fatal(err)
	}
	if v.holder("resident_id", "1") != again.holder("resident_id", "1") || v.holder("resident_id", "1") == other.holder("resident_id", "1") {
		t.Error("a holder's pseudonym must go by the key")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openVault(path); err == nil {
		t.Error("a key that others can read was taken")
	}
}

// commits counts those of the register's file.
func commits(t *testing.T, r *register) (n int) {
	t.Helper()
	if err := r.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// The register must not be touched by codes: its size goes by certificates alone.
func TestCodesLeaveNothingBehind(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("issuer")
	before := commits(t, d.web.register)
	for range 20 {
		if _, _, _, err := d.web.credential(proof{}, d.web.visitor(p.page)); err != nil {
			t.Fatal(err)
		}
	}
	if after := commits(t, d.web.register); after != before {
		t.Errorf("20 codes cost %d commits", after-before)
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
	if status, _ := d.phone().ask("POST", "api/apply", goodForm(), nil); status != http.StatusBadRequest {
		t.Errorf("an application without a session: status %d", status)
	}
	if _, why := (&phone{d: d, client: http.DefaultClient, page: strings.Repeat("A", 44)}).ask("POST", "api/code", nil, nil); why != verifyAgain {
		t.Errorf("a token of one's own making: %q", why)
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
	c := (&web{service: &service{}}).cookie("x", cookieLasts)
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie %v; want HttpOnly, Secure, SameSite=Strict", c)
	}
}

func TestLimits(t *testing.T) {
	l := newLimiter(time.Second, 3)
	now := time.Now()
	for i, want := range []bool{true, true, true, false, false} {
		if got := l.allow("a", now); got != want {
			t.Errorf("call %d: %v; want %v", i, got, want)
		}
	}
	if !l.allow("b", now) {
		t.Error("another caller waits for the first")
	}
	if !l.allow("a", now.Add(time.Second)) || l.allow("a", now.Add(time.Second)) {
		t.Error("a second later there must be room for one")
	}
	l.allow("c", now.Add(10*time.Minute))
	if len(l.callers) != 1 {
		t.Errorf("%d callers are remembered after ten minutes; want 1", len(l.callers))
	}
	d := newDesk(t, true)
	p := d.visitor()
	for n := 0; ; n++ {
		status, why := p.ask("POST", "api/recheck", nil, nil)
		if status == http.StatusTooManyRequests && why == tooMany {
			break
		}
		if n > 200 {
			t.Fatal("200 checks at once, and nobody is told to wait")
		}
	}
	for n := 0; ; n++ {
		if _, why := d.phone().ask("POST", "api/signin", map[string]string{"account": "example", "password": fmt.Sprint("guess", n)}, nil); why == tooMany {
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
