package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/counter"
	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/cmd/pages/pagetest"
	"railgate/verify"
)

// addClient adds a ticketing system, and gives its secret.
func (d *desk) addClient() string {
	d.t.Helper()
	secret, err := counter.AddClient(d.dir, counter.Client{ID: "ticketing", Scopes: counter.Scopes(), Purposes: counter.Purposes(), PerMinute: 100, PerDay: 1000, Added: time.Now()})
	if err != nil {
		d.t.Fatal(err)
	}
	return secret
}

// token is one for the client's secret.
func (d *desk) token(secret string) string {
	d.t.Helper()
	resp, err := http.PostForm(d.srv.URL+"/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"ticketing"}, "client_secret": {secret}})
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	var g struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&g); err != nil || g.Token == "" {
		d.t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	return g.Token
}

// lookUp asks what a code says; header is name, value, …
func (d *desk) lookUp(code, purpose string, header ...string) (status int, a counter.Answer) {
	d.t.Helper()
	body, err := json.Marshal(map[string]string{"code": code, "purpose": purpose})
	if err != nil {
		d.t.Fatal(err)
	}
	r, err := http.NewRequest("POST", d.srv.URL+"/v1/resolve", bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil && resp.StatusCode == http.StatusOK {
		d.t.Fatal(err)
	}
	return resp.StatusCode, a
}

// A passenger's code is looked up, twice, and a gate lets it in as before.
func TestR31ALookUpSpendsNothing(t *testing.T) {
	d := newDesk(t, true)
	bearer := []string{"Authorization", "Bearer " + d.token(d.addClient())}
	p := d.visitor()
	if why := p.applies("chain"); why != "" {
		t.Fatal(why)
	}
	code, why := p.code()
	if why != "" {
		t.Fatal(why)
	}
	for range 2 {
		if status, a := d.lookUp(code, "sale", bearer...); status != 200 || a.Decision != "granted" || a.Name != "李*" || a.Number != "110***********002X" || a.Document != "resident_id" || a.Tickets == nil {
			t.Errorf("status %d, %+v; want granted, and whose it is", status, a)
		}
	}
	if v := d.decide(code); !v.Granted() {
		t.Errorf("a gate then: %s", v.Reason)
	}
}

// What is inspected is decided as a gate that takes passengers' codes decides, by the
// issuer's own time.
func TestR31InspectingIsAGatesDecision(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	if why := p.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	code, why := p.code()
	if why != "" {
		t.Fatal(why)
	}
	forged := code[:len(code)-1] + string("0123456789"[(strings.IndexByte("0123456789", code[len(code)-1])+1)%10])
	if status, _, errOut := tool(t, "--dir", d.dir, "keys", "--staff", "--alg", "EdDSA"); status != 0 {
		t.Fatal(errOut)
	}
	status, staff, errOut := tool(t, "--dir", d.dir, "code", "--class", "3", "--alg", "EdDSA")
	if status != 0 {
		t.Fatal(errOut)
	}
	d.advance(0) // which reads the new key
	for _, tt := range []struct {
		name, code string
		later      time.Duration
		want       verify.Reason // "": a gate's
	}{
		{"a good one", code, 0, verify.OK},
		{"altered", forged, 0, ""},
		{"nonsense", "RG1:NONSENSE", 0, verify.Malformed},
		{"staff", strings.TrimSpace(staff), 0, verify.ClassNotAccepted},
		{"after two minutes", code, 2 * time.Minute, verify.CodeExpired},
		{"after an hour", code, time.Hour, verify.LivenessExpired},
		{"after a day", code, 24 * time.Hour, verify.CertificateExpired},
	} {
		d.advance(tt.later)
		v, at, err := d.web.Inspect(tt.code)
		want := tt.want
		if want == "" {
			want = d.decide(tt.code).Reason
		}
		if err != nil || v.Reason != want || d.web.Now().Sub(at) > time.Minute {
			t.Errorf("%s: %s at %v, %v; want %s", tt.name, v.Reason, at, err, want)
		}
	}
}

// A clerk asks from the page, by the cookie; another site's page may not.
func TestR37ASignedInClerkAsksFromThePage(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	if why := p.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	code, _ := p.code()
	cookie := signintest.As(d.web.people, "wang", signin.Clerk)
	with := cookie.Name + "=" + cookie.Value
	if !strings.Contains(string(counter.OpenAPI), "in: cookie\n      name: "+cookie.Name+"\n") {
		t.Errorf("openapi.yaml does not name the cookie %s", cookie.Name)
	}
	if status, a := d.lookUp(code, "refund", "Cookie", with, "Origin", d.srv.URL); status != 200 || a.Name != "李*" {
		t.Errorf("a clerk: %d, %+v; want the name", status, a)
	}
	for name, header := range map[string][]string{
		"from another site":   {"Cookie", with, "Sec-Fetch-Site", "cross-site"},
		"from another origin": {"Cookie", with, "Origin", "https://elsewhere.example"},
	} {
		if status, a := d.lookUp(code, "refund", header...); status != 403 || a.Decision != "" {
			t.Errorf("%s: %d, %+v; want 403", name, status, a)
		}
	}
	window := signintest.As(d.web.people, "chen", signin.Window)
	if status, _ := d.lookUp(code, "refund", "Cookie", window.Name+"="+window.Value); status != 403 {
		t.Errorf("the police window: %d; want 403", status)
	}
	if status, _ := d.lookUp(code, "refund", "Cookie", cookie.Name+"=x"); status != 401 {
		t.Errorf("a cookie that is nobody's: %d; want 401", status)
	}
	if status, a := d.lookUp(code, "refund", "Authorization", "Bearer "+d.token(d.addClient())); status != 200 || a.Decision != "granted" {
		t.Errorf("a client, from a server: %d, %+v", status, a)
	}
}

func TestClientsByTheCommandLine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "issuer")
	status, secret, errOut := tool(t, "--dir", dir, "client", "add", "ticketing", "--scopes", "resolve,resolve:name", "--purposes", "sale,refund")
	if status != 0 || !regexp.MustCompile(`^rgs_[A-Za-z0-9_-]{43}\n$`).MatchString(secret) || !strings.Contains(errOut, "nowhere again") {
		t.Fatalf("status %d, %q, %q; want the secret alone", status, secret, errOut)
	}
	status, list, _ := tool(t, "--dir", dir, "client", "list")
	if status != 0 || !regexp.MustCompile(`ticketing +resolve,resolve:name +sale,refund +120 +20000 +20`).MatchString(list) || strings.Contains(list, strings.TrimSpace(secret)) {
		t.Errorf("status %d, list:\n%s", status, list)
	}
	for _, tt := range []struct {
		args   []string
		status int
		words  string
	}{
		{[]string{"client", "add", "ticketing", "--purposes", "sale"}, 1, "already"},
		{[]string{"client", "add", "T", "--purposes", "sale"}, 1, "3 to 32"},
		{[]string{"client", "add", "another"}, 1, "purpose"},
		{[]string{"client", "add", "another", "--purposes", "sale", "--scopes", "admin"}, 1, "scope"},
		{[]string{"client", "add", "another", "--purposes", "sale", "--per-minute", "0"}, 1, "a minute"},
		{[]string{"client", "add"}, 2, "one client's id"},
		{[]string{"client", "remove"}, 2, "one client's id"},
		{[]string{"client", "list", "x"}, 2, "no arguments"},
		{[]string{"client", "nonsense"}, 2, "no arguments"},
		{[]string{"client", "remove", "another"}, 1, "no client"},
		{[]string{"client", "remove", "ticketing"}, 0, ""},
		{[]string{"client", "remove", "ticketing"}, 1, "no client"},
	} {
		status, out, errOut := tool(t, append([]string{"--dir", dir}, tt.args...)...)
		if status != tt.status || !strings.Contains(errOut, tt.words) || out != "" {
			t.Errorf("issuer %v: %d, %q, %q; want %d and %q", tt.args, status, out, errOut, tt.status, tt.words)
		}
	}
}

// asIssuer makes this test's program the issuer, for a script.
const asIssuer = "RAILGATE_TEST_AS_ISSUER"

func TestMain(m *testing.M) {
	if os.Getenv(asIssuer) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	pagetest.Main(m)
}

// What docs/issuer.md tells ticketing systems to do works as it stands there.
func TestTheWalkThroughForTicketingSystems(t *testing.T) {
	for _, name := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("skipped: it needs %s", name)
		}
	}
	data, err := os.ReadFile("../../docs/issuer.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(data), "\n## For ticketing systems\n")
	section, _, ends := strings.Cut(section, "\n## ")
	steps := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1)
	if !found || !ends || len(steps) != 3 {
		t.Fatalf("docs/issuer.md has %d steps for ticketing systems; want a client, a token, a look-up", len(steps))
	}
	d := newDesk(t, true)
	p := d.visitor()
	if why := p.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	code, why := p.code()
	if why != "" {
		t.Fatal(why)
	}
	dir := t.TempDir()
	if err := os.Symlink(d.dir, filepath.Join(dir, "issuer-data")); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "issuer"), []byte("#!/bin/sh\n"+asIssuer+"=1 exec '"+self+"' \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "set -eu\n" + steps[0][1] + steps[1][1] + steps[2][1]
	c := exec.CommandContext(t.Context(), "sh", "-c", script)
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ISSUER="+d.srv.URL, "CODE="+code, "no_proxy=*", "NO_PROXY=*")
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &out, &errOut)
	}
	var a counter.Answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil || a.Decision != "granted" || a.Name != "李*" || a.Tickets == nil || a.Number != "" {
		t.Errorf("the answer is %s, %v; want granted, a name and tickets, and no number", &out, err)
	}
}

// The record of acts has the look-up, names nobody, and proves it.
func TestR34TheRecordHasTheLookUp(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	if why := p.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	code, _ := p.code()
	status, a := d.lookUp(code, "change", "Authorization", "Bearer "+d.token(d.addClient()))
	if status != 200 {
		t.Fatal(status)
	}
	clerk := signintest.As(d.web.people, "wang", signin.Clerk)
	d.lookUp("RG1:NONSENSE", "sale", "Cookie", clerk.Name+"="+clerk.Value)
	d.srv.Close()
	if err := d.web.Close(); err != nil {
		t.Fatal(err)
	}
	status, list, errOut := tool(t, "--dir", d.dir, "record", "list")
	if status != 0 {
		t.Fatal(errOut)
	}
	lines := strings.Split(strings.TrimSpace(list), "\n")
	if len(lines) != 2 {
		t.Fatalf("the record has\n%s\nwant two look-ups", list)
	}
	for n, want := range [][]string{
		{`"kind":"resolved"`, `"by":"client:ticketing"`, `"slip":"` + a.Certificate + `"`, `"person":"`, `"detail":"ok"`, `"purpose":"change"`, `"told":"resolve:name resolve:number resolve:ticket"`},
		{`"kind":"resolved"`, `"by":"test:wang"`, `"detail":"malformed"`, `"purpose":"sale"`},
	} {
		for _, text := range want {
			if !strings.Contains(lines[n], text) {
				t.Errorf("line %d: %s; want %s in it", n+1, lines[n], text)
			}
		}
	}
	if strings.Contains(list, "李") || strings.Contains(list, a.Holder) || strings.Contains(lines[1], "person") {
		t.Errorf("the record tells whose it was:\n%s", list)
	}
}

// A slip's name is the one on the slip, and a slip that was ended is revoked at once.
func TestR33TheNameIsTheDocuments(t *testing.T) {
	d := newDesk(t, true)
	bearer := []string{"Authorization", "Bearer " + d.token(d.addClient())}
	slip, err := d.web.BenchSlip(office.Person{Name: "Anna Karenina", Document: "passport", Number: "E1234567"})
	if err != nil {
		t.Fatal(err)
	}
	if status, a := d.lookUp(slip.Text, "inspection", bearer...); status != 200 || a.Name != "A***" || a.Document != "passport" || a.Number != "E12*4567" || a.Class != 2 {
		t.Errorf("status %d, %+v; want whose slip it is", status, a)
	}
	if err := d.web.Revoke(t.Context(), slip.ID, "lost", "test"); err != nil {
		t.Fatal(err)
	}
	if status, a := d.lookUp(slip.Text, "inspection", bearer...); status != 200 || a.Reason != string(verify.Revoked) || a.Name != "" || a.Certificate != slip.ID.String() {
		t.Errorf("status %d, %+v; want revoked, and no name", status, a)
	}
}
