package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/provider"
	"railgate/cmd/issuer/provider/providertest"
	"railgate/cmd/issuer/signin"
)

// The configuration of docs/issuer.md is one.
func TestTheDocumentsConfigurationIsGood(t *testing.T) {
	text, err := os.ReadFile("../../docs/issuer.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```toml\n(.+?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/issuer.md has no configuration")
	}
	c, err := provider.ParseConfig(strings.NewReader(string(block[1])))
	if err != nil || len(c.SignIn.Values) != len(provider.Roles()) || c.Check.Require == nil {
		t.Errorf("%+v, %v; want each role and each part", c, err)
	}
}

// Each error of the provider is one of the office's, and says what it was.
func TestEachErrorOfTheProviderHasAReason(t *testing.T) {
	for err, want := range map[error]error{
		provider.ErrUnavailable: office.ErrCheckAway, provider.ErrRefused: office.ErrNotPassed, provider.ErrNotMet: office.ErrNotAlive,
		provider.ErrNotSo: office.ErrNotAlive, provider.ErrGivenUp: office.ErrGivenUp, provider.ErrCancelled: office.ErrCancelled, provider.ErrState: office.ErrCheckStale, provider.ErrCode: office.ErrCheckStale,
		provider.ErrToken: office.ErrNotTaken, provider.ErrSignature: office.ErrNotTaken, provider.ErrIssuer: office.ErrNotTaken, provider.ErrAudience: office.ErrNotTaken,
		provider.ErrExpired: office.ErrNotTaken, provider.ErrNonce: office.ErrNotTaken, provider.ErrSubject: office.ErrNotTaken, provider.ErrNotFresh: office.ErrNotTaken,
		provider.ErrClaim: office.ErrNotTaken,
	} {
		if got := officeError(err); !errors.Is(got, want) || !errors.Is(got, err) {
			t.Errorf("%v is %v; want %v", err, got, want)
		}
	}
}

// What the provider says of the person is read where the configuration says.
func TestWhoWasSeenIsWhereTheConfigurationSays(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*provider.Config)
		lie    func(map[string]any)
		want   error
	}{
		{"as it is", nil, nil, nil},
		{"a value that is asked for", func(c *provider.Config) {
			c.Check.Require = map[string]string{"verified_claims.verification.trust_framework": "test"}
		}, nil, nil},
		{"another value than is asked for", func(c *provider.Config) {
			c.Check.Require = map[string]string{"verified_claims.verification.trust_framework": "cn"}
		}, nil, office.ErrNotTaken},
		{"a value that is not there", func(c *provider.Config) { c.Check.Require = map[string]string{"none": ""} }, nil, office.ErrNotTaken},
		{"no name", func(c *provider.Config) { c.Check.Name = "none" }, nil, office.ErrNotTaken},
		{"no number", func(c *provider.Config) { c.Check.Number = "none" }, nil, office.ErrNotTaken},
		{"two persons", nil, func(claims map[string]any) {
			claims["verified_claims"] = []any{claims["verified_claims"], providertest.Person("王五", "2")["verified_claims"]}
		}, office.ErrNotTaken},
		{"a password", nil, func(claims map[string]any) { claims["amr"] = []string{"pwd"} }, office.ErrNotAlive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := providertest.New(t)
			p.Lie = tt.lie
			config := p.Config("https://temporary-id.example/")
			if tt.change != nil {
				tt.change(&config)
			}
			c := providerCheck{Client: provider.New(config)}
			trip, page, err := c.Begin(t.Context(), "n", office.Person{Name: "李雷", Number: "1"}, "https://evil.example/")
			if err != nil || strings.Contains(page, "login_hint") || strings.Contains(page, "evil") {
				t.Fatalf("%s, %v; want no name in it, and no way to anywhere else", page, err)
			}
			q := p.Visit(page, providertest.Person("李雷", "1"))
			seen, err := c.Finish(t.Context(), trip, "n", office.Answer(provider.ReadAnswer(q)))
			if !errors.Is(err, tt.want) || err == nil && seen != (office.Seen{Name: "李雷", Number: "1"}) || err != nil && seen != (office.Seen{}) {
				t.Errorf("%+v, %v; want %v", seen, err, tt.want)
			}
		})
	}
	if _, err := (providerCheck{}).Finish(t.Context(), []byte("{"), "n", office.Answer{}); !errors.Is(err, office.ErrNotTaken) {
		t.Errorf("a trip that cannot be read: %v; want %v", err, office.ErrNotTaken)
	}
}

func TestHowAProviderIsConnected(t *testing.T) {
	p := providertest.New(t)
	good, bad := filepath.Join(t.TempDir(), "check.toml"), filepath.Join(t.TempDir(), "bad.toml")
	text := "issuer = \"" + p.URL + "\"\nclient_id = \"railgate\"\npage = \"https://temporary-id.example/\"\n"
	for path, text := range map[string]string{good: text, bad: text + "secret = 1\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name                 string
		flags                serveFlags
		client, bench, usage bool
	}{
		{"nothing", serveFlags{}, false, false, false},
		{"a bench", serveFlags{bench: true}, true, true, false},
		{"a bench elsewhere", serveFlags{bench: true, page: "http://127.0.0.1:8000/phone/"}, true, true, false},
		{"a file", serveFlags{checkConfig: good}, true, false, false},
		{"a bench with a file", serveFlags{bench: true, checkConfig: good}, true, false, false},
		{"a bad file", serveFlags{checkConfig: bad}, false, false, true},
		{"no file", serveFlags{checkConfig: good + "x"}, false, false, true},
		{"a page without a bench", serveFlags{page: "http://127.0.0.1/"}, false, false, true},
		{"a page beside a file", serveFlags{bench: true, page: "http://127.0.0.1/", checkConfig: good}, false, false, true},
	} {
		client, bench, err := tt.flags.connect(t.Context(), "http://127.0.0.1:8020/", slog.New(slog.DiscardHandler))
		var usage usageError
		if (client != nil) != tt.client || (bench != nil) != tt.bench || errors.As(err, &usage) != tt.usage || (err != nil) != tt.usage {
			t.Errorf("%s: client %v, bench %v, %v", tt.name, client != nil, bench != nil, err)
		}
		if tt.flags.page != "" && client != nil && client.Config().Page != tt.flags.page {
			t.Errorf("%s: the page is at %s", tt.name, client.Config().Page)
		}
	}
}

// A bench's officer signs in at its provider; who has no role does not.
func TestABenchHasPeopleWithRoles(t *testing.T) {
	for worker, role := range map[string]string{"wang": signin.Window, "chen": signin.Conductor, "zhao": signin.Clerk, "liu": signin.Staff, "guest": ""} {
		d := newDesk(t, true)
		d.web.limits = newLimits()
		browser := d.phone().client
		browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		get := func(path string) *http.Response {
			t.Helper()
			r, err := http.NewRequest("GET", d.srv.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "text/html")
			resp, err := browser.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp
		}
		to := get("/signin/start?back=/").Header.Get("Location")
		answer := d.atProvider(to, url.Values{"worker": {worker}})
		resp := get("/signin/done?" + answer.Encode())
		if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusForbidden}[role != ""]; resp.StatusCode != want {
			t.Errorf("%s: %d; want %d\n%s", worker, resp.StatusCode, want, d.log)
		}
		for _, r := range provider.Roles() {
			if may := mayDo(d, resp, r); may != (r == role) {
				t.Errorf("%s: may be %s: %v", worker, r, may)
			}
		}
	}
}

// mayDo tells whether the cookies of an answer open a role's page.
func mayDo(d *desk, answer *http.Response, role string) bool {
	header := http.Header{}
	for _, c := range answer.Cookies() {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	page := d.web.people.Require(role, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return d.ask(page, "GET", "/", "", header).Code == http.StatusOK
}

// A bench's page leads back to wherever it is open.
func TestABenchsCheckLeadsBackToItsPage(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	var ticket errandReply
	p.must("POST", "api/apply", goodForm(), &ticket)
	var out struct{ Page string }
	at := "http://localhost:1/phone/"
	p.must("POST", "api/check/start", map[string]any{"ticket": ticket.Ticket, "at": at}, &out)
	u, err := url.Parse(out.Page)
	if err != nil || u.Query().Get("redirect_uri") != at {
		t.Errorf("%s, %v; want a way back to %s", out.Page, err, at)
	}
}
