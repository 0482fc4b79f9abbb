package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// times are the issuer's and the gate's.
func times(t *testing.T, b *bench) (issuer, gate time.Time) {
	t.Helper()
	resp, err := http.Get(b.web.issuer.JoinPath("api/state").String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct{ Now int64 }
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		t.Fatal(err)
	}
	s, err := b.web.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(state.Now), s.Clock.Time
}

// A day passes for the issuer and for the gate, also where the phone's own control
// asks for it, and a bench that is started again in its folder goes on from there.
func TestTimeMovesForBoth(t *testing.T) {
	t.Parallel()
	b := &bench{dir: t.TempDir(), bin: build(t), out: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() { b.stop() }()
	if err := b.start(ctx, &options{listen: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	ask := func(path, body string) {
		t.Helper()
		resp, err := http.Post(b.url.String()+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	moved := func(want time.Duration) {
		t.Helper()
		issuer, gate := times(t, b)
		for who, at := range map[string]time.Time{"issuer": issuer, "gate": gate} {
			if by := time.Until(at); by < want-time.Minute || by > want+time.Minute {
				t.Errorf("the %s's time is moved by %v; want %v", who, by, want)
			}
		}
	}
	moved(0)
	ask("advance?seconds=86400", "")
	moved(24 * time.Hour)
	ask("phone/api/bench/advance", `{"seconds":1800}`)
	moved(24*time.Hour + 30*time.Minute)
	b.stop()
	if err := b.start(ctx, &options{listen: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	moved(24*time.Hour + 30*time.Minute)
}

func TestBenchRefuses(t *testing.T) {
	w := newWeb([]*gate{{dir: t.TempDir()}}, new(url.URL))
	for _, tt := range []struct {
		name, method, path, origin, body string
		want                             int
	}{
		{"an empty picture", "POST", "/hold", "", "", 400},
		{"a picture of more than a megabyte", "POST", "/hold", "", strings.Repeat("x", maxPicture+1), 400},
		{"another site's page", "POST", "/hold", "https://elsewhere.example", "x", 403},
		{"time that runs backwards", "POST", "/advance?seconds=-1", "", "", 400},
		{"no time", "POST", "/advance", "", "", 400},
		{"a page that is not there", "GET", "/nothing", "", "", 404},
		{"the page", "GET", "/", "", "", 200},
	} {
		req, err := http.NewRequest(tt.method, "http://bench"+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.origin != "" {
			req.Header.Set("Origin", tt.origin)
		}
		rec := httptest.NewRecorder()
		if w.handler().ServeHTTP(rec, req); rec.Code != tt.want {
			t.Errorf("%s: status %d; want %d", tt.name, rec.Code, tt.want)
		}
	}
}

// Somebody shows staff codes at the bench: the lane is taken over, in turn, also at a time that was moved.
func TestStaffCodesAtTheBench(t *testing.T) {
	t.Parallel()
	b := &bench{dir: t.TempDir(), bin: build(t), out: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() { b.stop() }()
	if err := b.start(ctx, &options{listen: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	post := func(path string, body io.Reader) []byte {
		t.Helper()
		resp, err := http.Post(b.url.String()+path, "image/png", body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s, %v", path, resp.Status, data, err)
		}
		return data
	}
	post("advance?seconds=75600", nil)
	for _, want := range []string{"free", "closed", "diagnosis", ""} {
		post("hold", bytes.NewReader(post("staff", nil)))
		for end := time.Now().Add(30 * time.Second); serviceOf(t, b) != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the lane is taken over: %q; want %q", serviceOf(t, b), want)
			}
		}
	}
}

func serviceOf(t *testing.T, b *bench) string {
	t.Helper()
	s, err := b.web.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Service
}
