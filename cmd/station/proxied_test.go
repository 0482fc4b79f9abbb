package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// The sample for nginx before the page works: the page and its files, signing in, the live
// events, which nginx must not hold back; and callers are counted by their own addresses,
// whatever they say of themselves.
func TestNginxStandsBeforeThePage(t *testing.T) {
	t.Parallel()
	r := newStation(t)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.must("passphrase")
	r.serve("--proxied")
	base := nginx(t, "nginx/railgate-station-page.conf", "127.0.0.1:8443", r.web)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	ask := func(method, path, body string, header ...string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	for _, tt := range []struct {
		path string
		code int
		text string
	}{{"/", 200, "station.js"}, {"/station.js", 200, "import"}, {"/api/overview", 401, ""}, {"/metrics", 404, "nginx"}, {"/nation/1.root.json", 200, "signatures"}} {
		response := ask("GET", tt.path, "")
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != tt.code || !strings.Contains(string(body), tt.text) {
			t.Errorf("GET %s: %d, %v: %.200s; want %d and %q", tt.path, response.StatusCode, err, body, tt.code, tt.text)
		}
		if got := response.Header.Get("Strict-Transport-Security"); got == "" {
			t.Errorf("GET %s: no Strict-Transport-Security", tt.path)
		}
	}
	if response := ask("POST", "/api/signin", `{"passphrase":"correct horse battery"}`); response.StatusCode/100 != 2 {
		t.Fatalf("signing in: %s", response.Status)
	}
	events := ask("GET", "/api/events", "")
	if line, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || line == "" {
		t.Errorf("the first line of the events: %q, %v", line, err)
	}
	codes := map[int]int{}
	for i := range 12 {
		codes[ask("POST", "/api/signin", `{"passphrase":"wrong"}`, "X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i)).StatusCode]++
	}
	if codes[http.StatusTooManyRequests] < 5 {
		t.Errorf("twelve wrong passphrases, each from an address that it names itself: %v; want most refused for their number", codes)
	}
}
