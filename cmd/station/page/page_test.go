package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const passphrase = "correct horse battery"

// quick is a lock that costs little.
var quick = lock{LogN: 10, R: 8, P: 1}

var noon = time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)

// A fakeSource is a station in a test.
type fakeSource struct {
	mu      sync.Mutex // guards the fields below
	o       Overview
	err     error
	changed chan struct{}
	asked   int
}

func (f *fakeSource) Overview(context.Context) (*Overview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	o := f.o
	o.Gates = append([]Gate{}, f.o.Gates...)
	return &o, f.err
}

func (f *fakeSource) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// set changes the station, and says so.
func (f *fakeSource) set(change func(o *Overview)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.o)
	close(f.changed)
	f.changed = make(chan struct{})
}

// newSource is a station with two gates that are well.
func newSource() *fakeSource {
	return &fakeSource{changed: make(chan struct{}), o: Overview{
		Station: "GZQ", Zone: "Asia/Shanghai", Version: "test", Time: noon, Problems: []string{},
		Gates: []Gate{
			{Name: "A07", Direction: "entry", Heard: noon, Sync: "fresh", Release: "railgated 1.0", Granted: 3},
			{Name: "A08", Direction: "exit", Heard: noon, Sync: "fresh", Release: "railgated 1.0"},
		},
		People:  People{Entered: 12, Left: 5, Since: noon.Add(-4 * time.Hour)},
		Minutes: []Minute{{Begins: noon, Entered: 3, Reasons: map[string]int{"ok": 3, "already_used": 1}}},
		Ends:    []End{{What: "repository", Name: "timestamp", Ends: noon.Add(72 * time.Hour)}},
	}}
}

// A desk is a page that is served in a test.
type desk struct {
	*httptest.Server
	t      *testing.T
	source *fakeSource
	page   *Page
	dir    string

	mu  sync.Mutex // guards now
	now time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, source: newSource(), dir: t.TempDir(), now: noon}
	if err := setPassphrase(filepath.Join(d.dir, PassphraseName), passphrase, quick); err != nil {
		t.Fatal(err)
	}
	d.restart()
	t.Cleanup(func() { d.CloseClientConnections(); d.Close() })
	return d
}

// restart is a station's program that begins again.
func (d *desk) restart() {
	d.t.Helper()
	p, err := New(d.source, Options{Dir: d.dir, Bench: true, Now: d.clock})
	if err != nil {
		d.t.Fatal(err)
	}
	if d.page = p; d.Server == nil {
		d.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { d.page.ServeHTTP(rw, r) }))
		jar, err := cookiejar.New(nil)
		if err != nil {
			d.t.Fatal(err)
		}
		d.Client().Jar = jar
	}
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) get(path string) int {
	d.t.Helper()
	resp, err := d.Client().Get(d.URL + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func (d *desk) post(path, body string) int {
	d.t.Helper()
	resp, err := d.Client().Post(d.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func (d *desk) signIn(passphrase string) int {
	d.t.Helper()
	return d.post("/api/signin", fmt.Sprintf(`{"passphrase":%q}`, passphrase))
}

func TestNothingIsShownToWhoeverIsNotSignedIn(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"/api/overview", "/api/events"} {
		if got := d.get(path); got != http.StatusUnauthorized {
			t.Errorf("%s: %d; want 401", path, got)
		}
	}
	if d.source.asked != 0 {
		t.Errorf("the station was asked %d times", d.source.asked)
	}
	if got := d.signIn("a wrong passphrase"); got != http.StatusForbidden {
		t.Errorf("a wrong passphrase: %d; want 403", got)
	}
	if got := d.get("/api/overview"); got != http.StatusUnauthorized {
		t.Errorf("after a wrong passphrase: %d; want 401", got)
	}
	if got := d.signIn(passphrase); got != http.StatusOK {
		t.Fatalf("signing in: %d", got)
	}
	if got := d.get("/api/overview"); got != http.StatusOK {
		t.Errorf("signed in: %d; want 200", got)
	}
}

func TestASessionEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*desk)
		want int
	}{
		{"not by a restart", func(d *desk) { d.restart() }, 200},
		{"not a second before its end", func(d *desk) { d.pass(sessionLasts - time.Second) }, 200},
		{"at its end", func(d *desk) { d.pass(sessionLasts) }, 401},
		{"by signing out", func(d *desk) { d.post("/api/signout", "{}") }, 401},
		{"by another passphrase", func(d *desk) {
			if err := setPassphrase(filepath.Join(d.dir, PassphraseName), "another passphrase", quick); err != nil {
				d.t.Fatal(err)
			}
		}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			if got := d.signIn(passphrase); got != 200 {
				t.Fatal(got)
			}
			tt.do(d)
			if got := d.get("/api/overview"); got != tt.want {
				t.Errorf("%d; want %d", got, tt.want)
			}
		})
	}
}

// A cookie that was copied before its owner signed out opens nothing.
func TestSigningOutEndsTheSessionItself(t *testing.T) {
	d := newDesk(t)
	d.signIn(passphrase)
	u, _ := http.NewRequest("GET", d.URL+"/api/overview", nil)
	copied := d.Client().Jar.Cookies(u.URL)
	d.post("/api/signout", "{}")
	d.restart()
	d.Client().Jar.SetCookies(u.URL, copied)
	if got := d.get("/api/overview"); got != http.StatusUnauthorized {
		t.Errorf("a copied cookie: %d; want 401", got)
	}
}

func TestGuessingIsSlow(t *testing.T) {
	d := newDesk(t)
	for range 6 {
		if got := d.signIn("a wrong passphrase"); got != http.StatusForbidden {
			t.Fatalf("a try: %d; want 403", got)
		}
	}
	if got := d.signIn(passphrase); got != http.StatusTooManyRequests {
		t.Errorf("the seventh try: %d; want 429, whatever the passphrase is", got)
	}
	d.pass(10 * time.Second)
	if got := d.signIn(passphrase); got != http.StatusOK {
		t.Errorf("ten seconds later: %d; want 200", got)
	}
}

func TestWithoutAPassphraseNobodySignsIn(t *testing.T) {
	p, err := New(newSource(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{httptest.NewRequest("GET", "/api/overview", nil), httptest.NewRequest("POST", "/api/signin", strings.NewReader(`{"passphrase":""}`))} {
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		p.ServeHTTP(rec, r)
		if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "station passphrase") {
			t.Errorf("%s: %d %s; want 503 and the command that sets one", r.URL, rec.Code, rec.Body)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	for _, bench := range []bool{false, true} {
		p, err := New(newSource(), Options{Dir: t.TempDir(), Bench: bench})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/station.js", "/api/overview", "/nothing"} {
			rec := httptest.NewRecorder()
			p.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
			policy := rec.Header().Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self'; ") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: policy %q", path, policy)
			}
			if got := strings.Contains(policy, "frame-ancestors 'none'"); got == bench {
				t.Errorf("%s: policy %q; bench %v", path, policy, bench)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin"} {
				if got := rec.Header().Get(name); got != want {
					t.Errorf("%s: %s %q; want %q", path, name, got, want)
				}
			}
		}
	}
}

func TestTheCookie(t *testing.T) {
	d := newDesk(t)
	for _, bench := range []bool{false, true} {
		d.page.o.Bench = bench
		resp, err := d.Client().Post(d.URL+"/api/signin", "application/json", strings.NewReader(fmt.Sprintf(`{"passphrase":%q}`, passphrase)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		c := resp.Cookies()
		if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Secure == bench {
			t.Errorf("bench %v: %v; want HttpOnly, SameSite=Strict, and Secure but on a bench", bench, c)
		}
	}
}

func TestARequestThatThePageWouldNotMake(t *testing.T) {
	d := newDesk(t)
	good := fmt.Sprintf(`{"passphrase":%q}`, passphrase)
	for _, tt := range []struct {
		name, kind, site, body string
		want                   int
	}{
		{"a form", "application/x-www-form-urlencoded", "", good, 400},
		{"no type", "", "", good, 400},
		{"another site", "application/json", "cross-site", good, 403},
		{"more than JSON", "application/json", "", good + "{}", 400},
		{"another field", "application/json", "", `{"passphrase":"x","more":1}`, 400},
		{"a large one", "application/json", "", `{"passphrase":"` + strings.Repeat("x", maxBody) + `"}`, 400},
		{"the page's own", "application/json", "same-origin", good, 200},
	} {
		r, err := http.NewRequest("POST", d.URL+"/api/signin", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tt.kind)
		r.Header.Set("Sec-Fetch-Site", tt.site)
		resp, err := d.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %d; want %d", tt.name, resp.StatusCode, tt.want)
		}
	}
}

func TestPassphrases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	for text, want := range map[string]bool{"elevencharsx"[:11]: false, "twelve chars": true, "十二个字的口令也可以用吗": true, strings.Repeat("x", 257): false} {
		if err := setPassphrase(path, text, quick); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := readLock(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNoPassphrase) {
		t.Errorf("no file: %v; want ErrNoPassphrase", err)
	}
	if err := SetPassphrase(path, passphrase); err != nil {
		t.Fatal(err)
	}
	l, err := readLock(path)
	if err != nil || l.LogN != 15 || !l.opens(passphrase) || l.opens(passphrase+"x") {
		t.Errorf("%+v, %v; want scrypt of the passphrase, with N = 2^15", l, err)
	}
	data, err := json.Marshal(l)
	if err != nil || strings.Contains(string(data), passphrase) {
		t.Errorf("%s, %v", data, err)
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(`{"log_n":10,"r":8,"p":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Add([]byte(`{"log_n":63,"r":8,"p":1}`))
	f.Add([]byte(`{}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLock(data)
		if (l == nil) == (err == nil) {
			t.Fatalf("%v, %v", l, err)
		}
		if l != nil && (l.LogN > 17 || l.P > 4 || l.R != 8) {
			t.Fatalf("%+v is too much work", l)
		}
	})
}

func TestStates(t *testing.T) {
	for _, tt := range []struct {
		name string
		gate Gate
		want State
	}{
		{"never heard", Gate{Sync: "fresh"}, Silent},
		{"heard just now", Gate{Heard: noon, Sync: "fresh"}, Fresh},
		{"heard a minute ago", Gate{Heard: noon.Add(-SilentAfter), Sync: "fresh"}, Fresh},
		{"not heard for more", Gate{Heard: noon.Add(-SilentAfter - 1), Closed: "camera: gone"}, Silent},
		{"closed", Gate{Heard: noon, Closed: "camera: gone", Sync: "stopped"}, Closed},
		{"stopped", Gate{Heard: noon, Sync: "stopped"}, Stopped},
		{"degraded", Gate{Heard: noon, Sync: "degraded"}, Degraded},
		{"stale", Gate{Heard: noon, Sync: "stale"}, Stale},
		{"with a clock set back a little", Gate{Heard: noon.Add(SilentAfter), Sync: "stale"}, Stale},
		{"with a clock set back, and nothing since", Gate{Heard: noon.Add(SilentAfter + 1), Sync: "stale"}, Silent},
		{"without a word of its repository", Gate{Heard: noon}, Fresh},
	} {
		if got, why := tt.gate.State(noon); got != tt.want || (why == "") != (got == Fresh) {
			t.Errorf("%s: %s, %q; want %s", tt.name, got, why, tt.want)
		}
	}
}

func TestNobodyIsInsideBelowZero(t *testing.T) {
	if got := (People{Entered: 3, Left: 5}).Inside(); got != 0 {
		t.Errorf("%d inside; want 0", got)
	}
}

// newDeskAt serves a desk's page again, at the address that it had.
func newDeskAt(t *testing.T, address string, d *desk) *desk {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &desk{t: t, source: d.source, dir: d.dir, now: d.clock()}
	p, err := New(again.source, Options{Dir: again.dir, Bench: true, Now: again.clock})
	if err != nil {
		t.Fatal(err)
	}
	again.page = p
	again.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: p}}
	again.Start()
	t.Cleanup(func() { again.CloseClientConnections(); again.Close() })
	return again
}
