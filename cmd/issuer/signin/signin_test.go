package signin

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/cmd/issuer/provider"
	"railgate/cmd/issuer/provider/providertest"
)

// A site is a server with a page for officers and one for conductors, and a browser.
type site struct {
	t        *testing.T
	provider *providertest.Provider
	guard    *Guard
	srv      *httptest.Server
	browser  *http.Client
	ended    []Person // whose sessions have ended
	fails    error    // of ending what was given out
}

func newSite(t *testing.T) *site {
	s := &site{t: t, provider: providertest.New(t)}
	mux := http.NewServeMux()
	s.srv = httptest.NewServer(mux)
	t.Cleanup(s.srv.Close)
	s.guard = New(provider.New(s.provider.Config(s.srv.URL+"/")), slog.New(slog.DiscardHandler))
	hello := func(w http.ResponseWriter, r *http.Request) {
		p, ok := From(r)
		json.NewEncoder(w).Encode(map[string]any{"name": p.Name, "subject": p.Subject, "ok": ok, "query": r.URL.RawQuery})
	}
	mux.Handle("/signin/", s.guard.Handler(func(p Person) error {
		s.ended = append(s.ended, p)
		return s.fails
	}))
	mux.Handle("/desk/", s.guard.Require(Window, http.HandlerFunc(hello)))
	mux.Handle("/inspect/", s.guard.Require(Conductor, http.HandlerFunc(hello)))
	s.browser = s.newBrowser()
	return s
}

func (s *site) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	// It stops before the provider's page, and where a page is.
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.provider.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// get asks for a page, and gives the status, the text and where it leads.
func (s *site) get(path string) (int, string, string) {
	s.t.Helper()
	return s.ask("GET", path, http.Header{"Accept": {"text/html,*/*"}})
}

func (s *site) ask(method, path string, header http.Header) (int, string, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.srv.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	resp, err := s.browser.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header.Get("Location")
}

// signIn goes through the provider as somebody, and gives what is shown then.
func (s *site) signIn(path string, claims map[string]any) (int, string) {
	s.t.Helper()
	status, text, to := s.get(path)
	if status != http.StatusSeeOther {
		s.t.Fatalf("%s: %d %s; want a way to the provider", path, status, text)
	}
	status, text, _ = s.get("/signin/done?" + s.provider.Visit(to, claims).Encode())
	return status, text
}

func officer(roles ...string) map[string]any {
	c := providertest.Person("王芳", "7")
	c["roles"] = roles
	return c
}

func TestAnOfficerSignsInAndComesBack(t *testing.T) {
	s := newSite(t)
	status, text := s.signIn("/desk/list?day=3", officer("police"))
	if want := `{"name":"王芳","ok":true,"query":"day=3","subject":"sub-7"}`; status != http.StatusOK || strings.TrimSpace(text) != want {
		t.Fatalf("%d %s; want %s", status, text, want)
	}
	if status, text, _ := s.ask("GET", "/desk/data", nil); status != http.StatusOK {
		t.Errorf("a script's question: %d %s", status, text)
	}
	if status, text, _ := s.get("/inspect/"); status != http.StatusForbidden || !strings.Contains(text, noRole.Chinese) || !strings.Contains(text, noRole.English) {
		t.Errorf("another role's page: %d %s; want 403 in words", status, text)
	}
	if status, _, _ := s.ask("POST", "/signin/out", nil); status != http.StatusNoContent {
		t.Errorf("signing out: %d", status)
	}
	if status, _, _ := s.ask("GET", "/desk/data", nil); status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d; want 401", status)
	}
}

// What was given out in a sign-in ends with it: with signing out, and with signing in again, as
// somebody else too. What cannot be ended is said.
func TestWhatWasGivenOutEndsWithTheSession(t *testing.T) {
	s := newSite(t)
	s.signIn("/desk/", officer("police"))
	s.signIn("/signin/start?back=/desk/", officer("police"))
	if len(s.ended) != 1 || s.ended[0].Subject != "sub-7" || len(s.ended[0].Session) != 32 {
		t.Fatalf("signed in again: %+v have ended; want the first", s.ended)
	}
	s.ask("POST", "/signin/out", nil)
	if len(s.ended) != 2 || s.ended[1].Session == s.ended[0].Session {
		t.Fatalf("signed out: %+v have ended; want both, each its own", s.ended)
	}
	if status, _, _ := s.ask("POST", "/signin/out", nil); status != http.StatusNoContent || len(s.ended) != 2 {
		t.Errorf("again: %d, %d have ended; want nothing more", status, len(s.ended))
	}
	s.signIn("/desk/", officer("police"))
	clear(s.guard.sessions) // a start of the program forgets them; the browser keeps its cookie
	if s.ask("POST", "/signin/out", nil); len(s.ended) != 3 || len(s.ended[2].Session) != 32 || s.ended[2].Subject != "" {
		t.Errorf("of before a start: %+v have ended; want the session alone", s.ended)
	}
	s.signIn("/desk/", officer("police"))
	s.fails = errors.New("the disk is full")
	if status, text, _ := s.ask("POST", "/signin/out", nil); status != http.StatusInternalServerError || !strings.Contains(text, notEnded.Chinese) {
		t.Errorf("%d %s; want it said that what was given out goes on", status, text)
	}
	if status, _, _ := s.ask("GET", "/desk/data", nil); status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d; want 401 all the same", status)
	}
	s.fails = nil
	if status, _, _ := s.ask("POST", "/signin/out", nil); status != http.StatusNoContent || len(s.ended) != 5 || s.ended[4].Session != s.ended[3].Session {
		t.Errorf("trying again: %d, %d have ended; want the same one", status, len(s.ended))
	}
}

// Whoever copied the cookie before is signed out as well.
func TestSigningOutEndsTheSessionItself(t *testing.T) {
	s := newSite(t)
	s.signIn("/desk/", officer("police"))
	at, err := url.Parse(s.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	copied := s.browser.Jar.Cookies(at)
	s.ask("POST", "/signin/out", nil)
	s.browser = s.newBrowser()
	s.browser.Jar.SetCookies(at, copied)
	if status, _, _ := s.ask("GET", "/desk/", nil); status != http.StatusUnauthorized {
		t.Errorf("the cookie of before: %d; want 401", status)
	}
}

func TestWhoIsNotSignedInIsTold(t *testing.T) {
	s := newSite(t)
	status, text, _ := s.ask("GET", "/desk/", nil)
	var got struct {
		Denied struct{ Reason, Zh, En, SignIn string }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusUnauthorized || got.Denied.Reason != "sign_in" ||
		got.Denied.Zh == "" || got.Denied.En == "" || got.Denied.SignIn != s.srv.URL+"/signin/start?back=%2Fdesk%2F" {
		t.Errorf("%d %s, %v; want 401 in words, and where to sign in", status, text, err)
	}
	if status, _, to := s.get("/desk/"); status != http.StatusSeeOther || !strings.HasPrefix(to, s.provider.URL+"/authorize?") {
		t.Errorf("a page: %d to %s; want to the provider", status, to)
	}
}

// A role is what the configuration makes of the provider's values, and nothing else is.
func TestRolesAreTheConfigurations(t *testing.T) {
	for _, tt := range []struct {
		claims map[string]any
		want   string
	}{
		{officer("police", "train"), "window conductor"},
		{officer("counter-lead"), "clerk"},
		{officer("staff", "nonsense"), "staff"},
		{officer("window"), ""}, // the name of a role is no value
		{officer(), ""},
		{map[string]any{"sub": "7", "amr": []string{"pwd"}, "roles": "police"}, "window"},
	} {
		s := newSite(t)
		status, text := s.signIn("/inspect/", tt.claims)
		var p Person
		for _, p = range s.guard.sessions {
		}
		if got := strings.Join(p.Roles, " "); got != tt.want || (tt.want == "") != (len(s.guard.sessions) == 0) {
			t.Errorf("%v: roles %q; want %q (%d %s)", tt.claims, got, tt.want, status, text)
		}
		if tt.want == "" && (status != http.StatusForbidden || !strings.Contains(text, noRole.English)) {
			t.Errorf("%v: %d %s; want the word that there is no role", tt.claims, status, text)
		}
	}
}

func TestAnAnswerThatIsNotOfThisBrowsersTripSignsNobodyIn(t *testing.T) {
	person := officer("police")
	for name, tt := range map[string]struct {
		do   func(s *site) (int, string)
		want words
	}{
		"another browser's": {func(s *site) (int, string) {
			_, _, to := s.get("/desk/")
			q := s.provider.Visit(to, person)
			s.browser = s.newBrowser()
			status, text, _ := s.get("/signin/done?" + q.Encode())
			return status, text
		}, stale},
		"another state": {func(s *site) (int, string) {
			_, _, to := s.get("/desk/")
			q := s.provider.Visit(to, person)
			q.Set("state", "x")
			status, text, _ := s.get("/signin/done?" + q.Encode())
			return status, text
		}, stale},
		"a nonce of another trip": {func(s *site) (int, string) {
			s.provider.Lie = func(c map[string]any) { c["nonce"] = "x" }
			return s.signIn("/desk/", person)
		}, refused},
		"proven yesterday": {func(s *site) (int, string) {
			s.provider.Lie = func(c map[string]any) { c["auth_time"] = time.Now().Add(-24 * time.Hour).Unix() }
			return s.signIn("/desk/", person)
		}, stale},
		"a provider that is gone meanwhile": {func(s *site) (int, string) {
			_, _, to := s.get("/desk/")
			q := s.provider.Visit(to, person)
			s.provider.Stop()
			status, text, _ := s.get("/signin/done?" + q.Encode())
			return status, text
		}, unavailable},
		"a cookie that nobody here sealed": {func(s *site) (int, string) {
			_, _, to := s.get("/desk/")
			at, _ := url.Parse(s.srv.URL)
			s.browser.Jar.SetCookies(at, []*http.Cookie{{Name: awayCookie, Value: "e30", Path: "/"}})
			status, text, _ := s.get("/signin/done?" + s.provider.Visit(to, person).Encode())
			return status, text
		}, stale},
		"refused there": {func(s *site) (int, string) {
			_, _, to := s.get("/desk/")
			u, _ := url.Parse(to)
			status, text, _ := s.get("/signin/done?error=access_denied&state=" + u.Query().Get("state"))
			return status, text
		}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			status, text := tt.do(s)
			if status != http.StatusForbidden || !strings.Contains(text, tt.want.English) || len(s.guard.sessions) != 0 {
				t.Errorf("%d %s, %d sessions; want 403 %q and none", status, text, len(s.guard.sessions), tt.want.English)
			}
		})
	}
}

// Even where the provider takes a code twice, a trip signs in once.
func TestATripSignsInOnce(t *testing.T) {
	s := newSite(t)
	s.provider.Replays = true
	_, _, to := s.get("/desk/")
	at, err := url.Parse(s.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	away := s.browser.Jar.Cookies(at)
	q := s.provider.Visit(to, officer("police")).Encode()
	if status, text, _ := s.get("/signin/done?" + q); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	s.browser = s.newBrowser()
	s.browser.Jar.SetCookies(at, away)
	if status, text, _ := s.get("/signin/done?" + q); status != http.StatusForbidden || !strings.Contains(text, stale.English) {
		t.Errorf("again: %d %s; want 403 %q", status, text, stale.English)
	}
}

func TestWithoutAProviderNobodyGetsIn(t *testing.T) {
	g := New(nil, slog.New(slog.DiscardHandler))
	page := g.Require(Window, http.NotFoundHandler())
	for path, h := range map[string]http.Handler{"/desk/": page, "/signin/start": g.Handler(nil), "/signin/done": g.Handler(nil)} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", "text/html")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), noProvider.English) || strings.Contains(rec.Body.String(), "<a ") {
			t.Errorf("%s: %d %s; want the word that no provider is connected", path, rec.Code, rec.Body)
		}
	}
	r := httptest.NewRequest("POST", "/desk/", nil)
	r.AddCookie(g.Admit(Person{Subject: "x", Roles: []string{Window}}))
	rec := httptest.NewRecorder()
	page.ServeHTTP(rec, r)
	if rec.Code != http.StatusNotFound {
		t.Errorf("a person whom a test has admitted: %d; want the page's own 404", rec.Code)
	}
}

func TestAProviderThatIsDownIsSaid(t *testing.T) {
	s := newSite(t)
	s.provider.Stop()
	if status, text, _ := s.get("/desk/"); status != http.StatusBadGateway || !strings.Contains(text, unavailable.Chinese) || !strings.Contains(text, "back=%2fdesk%2f") && !strings.Contains(text, "back=%2Fdesk%2F") {
		t.Errorf("%d %s; want 502 in words, and a way to try again", status, text)
	}
}

func TestAPageOfAnotherSitePostsNothing(t *testing.T) {
	s := newSite(t)
	s.signIn("/desk/", officer("police"))
	from := func(site string) http.Header {
		return http.Header{"Sec-Fetch-Site": {site}, "Origin": {"https://evil.example"}}
	}
	for _, path := range []string{"/desk/", "/signin/out"} {
		if status, _, _ := s.ask("POST", path, from("cross-site")); status != http.StatusForbidden {
			t.Errorf("%s from another site: %d; want 403", path, status)
		}
	}
	if status, _, _ := s.ask("POST", "/desk/", http.Header{"Sec-Fetch-Site": {"same-origin"}}); status != http.StatusOK {
		t.Errorf("from an own page: %d", status)
	}
}

func TestTheCookiesAreTheServersAlone(t *testing.T) {
	config := providertest.New(t).Config("https://id.example/")
	g := New(provider.New(config), slog.New(slog.DiscardHandler))
	rec := httptest.NewRecorder()
	g.Handler(nil).ServeHTTP(rec, httptest.NewRequest("GET", "/signin/start", nil))
	cookies := append(rec.Result().Cookies(), g.Admit(Person{}))
	if len(cookies) != 2 {
		t.Fatalf("%d cookies; want one of the trip and one of the session", len(cookies))
	}
	for _, c := range cookies {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 || len(c.Value) < 43 {
			t.Errorf("%+v; want HttpOnly, Secure, SameSite=Lax, an end, and nothing to guess", c)
		}
	}
}

func TestASessionEndsAfter8Hours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(nil, slog.New(slog.DiscardHandler))
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(g.Admit(Person{Subject: "7"}))
		time.Sleep(8*time.Hour - time.Second)
		if _, ok := g.who(r); !ok {
			t.Error("it has ended a second early")
		}
		time.Sleep(time.Second)
		if _, ok := g.who(r); ok {
			t.Error("it goes on after 8 hours")
		}
		g.Admit(Person{})
		if len(g.sessions) != 1 {
			t.Errorf("%d sessions are kept; want the one that goes on", len(g.sessions))
		}
	})
}

func TestATripEndsAfter10Minutes(t *testing.T) {
	g := New(nil, slog.New(slog.DiscardHandler))
	now := time.Now()
	if !g.spend(away{Trip: provider.Trip{State: "a"}, Until: now.Add(-time.Second).Unix()}) {
		t.Error("a first time is refused")
	}
	if g.spend(away{Trip: provider.Trip{State: "b"}, Until: now.Add(time.Minute).Unix()}); len(g.spent) != 1 {
		t.Errorf("%d trips are kept; want the one that would be taken still", len(g.spent))
	}
	s := newSite(t)
	_, _, to := s.get("/desk/")
	at, err := url.Parse(s.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/signin/done?"+s.provider.Visit(to, officer("police")).Encode(), nil)
	for _, c := range s.browser.Jar.Cookies(at) {
		r.AddCookie(c)
	}
	trip, ok := s.guard.unseal(r) // all as it was, but for the time
	if !ok || trip.Until <= now.Unix() {
		t.Fatalf("the browser keeps %+v", trip)
	}
	for _, tt := range []struct {
		until int64
		want  int
	}{{now.Unix(), http.StatusForbidden}, {trip.Until, http.StatusSeeOther}} {
		trip.Until = tt.until
		r.Header.Set("Cookie", s.guard.cookie(awayCookie, s.guard.seal(trip), time.Minute).String())
		rec := httptest.NewRecorder()
		s.guard.Handler(nil).ServeHTTP(rec, r)
		if rec.Code != tt.want || strings.Contains(rec.Body.String(), stale.Reason) != (tt.want == http.StatusForbidden) {
			t.Errorf("until %d, now %d: %d %s; want %d", tt.until, now.Unix(), rec.Code, rec.Body, tt.want)
		}
		if gone := rec.Header()["Set-Cookie"][0]; !strings.HasPrefix(gone, awayCookie+"=;") || !strings.Contains(gone, "Max-Age=0") {
			t.Errorf("the browser keeps the trip: %q", gone)
		}
	}
}

func TestBackIsAPathOfThisServer(t *testing.T) {
	for text, want := range map[string]string{
		"/desk/": "/desk/", "/desk/list?day=3": "/desk/list?day=3", "/a/../b": "/b", "/": "/", "/desk": "/desk",
		"": "/", "desk": "/", "https://evil.example/": "/", "//evil.example/": "/", "//evil.example/x": "/", "///evil.example": "/evil.example", `/\evil.example`: "/", "/a%5Cb": "/a%5Cb", `\\evil.example`: "/",
		"javascript:alert(1)": "/", "/%2fevil.example": "/evil.example", "/signin/start?back=/": "/", "/\tevil": "/", "http:/evil.example": "/", "/x#y": "/x",
	} {
		if got := ownPath(text); got != want {
			t.Errorf("%q: %q; want %q", text, got, want)
		}
	}
}

func FuzzOwnPath(f *testing.F) {
	for _, seed := range []string{"/desk/?a=b", "//x", `/\x`, "/%2f%2fx", "/a/..//x", "/%5cx", "?x", `/0?\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := ownPath(text)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q, %v", text, got, err)
		}
	})
}
