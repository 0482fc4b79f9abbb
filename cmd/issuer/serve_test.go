package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
)

// A desk is an issuer at work in a test.
type desk struct {
	t   *testing.T
	dir string
	web *web
	srv *httptest.Server
	log *bytes.Buffer
}

func newDesk(t *testing.T, bench bool) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), log: new(bytes.Buffer)}
	s, err := openService(&serveFlags{data: d.dir, alg: "EdDSA", bench: bench}, slog.New(slog.NewTextHandler(d.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.checkTime = 50 * time.Millisecond
	d.web = &web{service: s, limits: newLimits()}
	d.srv = httptest.NewServer(d.web.handler())
	t.Cleanup(func() { d.srv.Close(); s.register.close() })
	return d
}

func (d *desk) advance(by time.Duration) {
	d.t.Helper()
	if err := d.web.advance(by); err != nil {
		d.t.Fatal(err)
	}
}

// midMonth moves the time to the 10th of the next month.
func (d *desk) midMonth() {
	now := d.web.now().In(railwayTime)
	d.advance(time.Date(now.Year(), now.Month()+1, 10, 12, 0, 0, 0, railwayTime).Sub(now))
}

// A phone is a passenger's page.
type phone struct {
	d      *desk
	client *http.Client
	page   string // a visitor's token
}

func (d *desk) phone() *phone {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return &phone{d: d, client: &http.Client{Jar: jar}}
}

// visitor is a phone whose page has just been opened.
func (d *desk) visitor() *phone {
	p := d.phone()
	var out struct{ Page string }
	p.must("POST", "api/visit", nil, &out)
	p.page = out.Page
	return p
}

// signedIn is a phone of the bench's example account.
func (d *desk) signedIn() *phone {
	p := d.phone()
	p.must("POST", "api/signin", map[string]string{"account": "example", "password": "passenger"}, nil)
	return p
}

func (p *phone) ask(method, path string, in, out any) (int, reason) {
	p.d.t.Helper()
	var body io.Reader
	if method == "POST" {
		data, err := json.Marshal(in)
		if err != nil {
			p.d.t.Fatal(err)
		}
		if in == nil {
			data = []byte("{}")
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, p.d.srv.URL+"/"+path, body)
	if err != nil {
		p.d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(visitorHeader, p.page)
	resp, err := p.client.Do(req)
	if err != nil {
		p.d.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.d.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		var no refusal
		json.Unmarshal(data, &no) // a plain refusal has no reason
		return resp.StatusCode, no.Denied.Reason
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			p.d.t.Fatal(err)
		}
	}
	return resp.StatusCode, ""
}

func (p *phone) must(method, path string, in, out any) {
	p.d.t.Helper()
	if status, why := p.ask(method, path, in, out); status != http.StatusOK {
		p.d.t.Fatalf("%s %s: status %d, %s\n%s", method, path, status, why, p.d.log)
	}
}

type applied struct {
	form
	Way string `json:"way,omitempty"`
}

// goes through an errand and its check; the answer is why not.
func (p *phone) goes(path string, in any, how string) reason {
	p.d.t.Helper()
	var ticket errandReply
	if status, why := p.ask("POST", path, in, &ticket); status != http.StatusOK {
		return why
	}
	_, why := p.ask("POST", "api/check", map[string]any{"ticket": ticket.Ticket, "bench": how}, nil)
	return why
}

func (p *phone) applies(way string) reason {
	p.d.t.Helper()
	return p.goes("api/apply", applied{goodForm(), way}, "passes")
}

func (p *phone) state() state {
	p.d.t.Helper()
	var s state
	p.must("GET", "api/state", nil, &s)
	return s
}

// code is the text that the phone shows now, in slot 0.
func (p *phone) code() (string, reason) {
	p.d.t.Helper()
	s := p.state()
	if s.Certificate == nil {
		return "", verifyAgain
	}
	var give proof
	var chain *verify.Chain
	var key *ecdsa.PrivateKey
	cti, err := decodeHex(s.Certificate.ID)
	if err != nil {
		p.d.t.Fatal(err)
	}
	switch s.Certificate.Way {
	case "chain":
		chain, err = verify.NewChain(verify.CertificateID(cti), 30, rand.Reader)
		if err == nil {
			give.Anchor = chain.Anchor()
		}
	case "device":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err == nil {
			give.Key, err = key.PublicKey.Bytes()
		}
	}
	if err != nil {
		p.d.t.Fatal(err)
	}
	var out shownCode
	if status, why := p.ask("POST", "api/code", give, &out); status != http.StatusOK {
		return "", why
	}
	text := out.Text
	switch {
	case chain != nil:
		link, err := chain.Link(0)
		if err != nil {
			p.d.t.Fatal(err)
		}
		text, err = verify.Credential(out.Credential).RotatedText(0, link)
		if err != nil {
			p.d.t.Fatal(err)
		}
	case key != nil:
		proof, err := verify.DeviceProof(out.Credential, 0, key, rand.Reader)
		if err == nil {
			text, err = verify.Credential(out.Credential).RotatedText(0, proof)
		}
		if err != nil {
			p.d.t.Fatal(err)
		}
	}
	return text, ""
}

func (d *desk) decide(text string) verify.Verdict {
	d.t.Helper()
	return verify.Decide(text, readKeys(d.t, d.dir), everyClass, d.web.now())
}

func TestEveryWayIsGranted(t *testing.T) {
	for _, way := range []string{"", "issuer", "chain", "device"} {
		d := newDesk(t, true)
		p := d.visitor()
		if why := p.applies(way); why != "" {
			t.Fatalf("way %q: denied, %s", way, why)
		}
		text, why := p.code()
		v := d.decide(text)
		if !v.Granted() || way != "" && v.Way.String() != way {
			t.Errorf("way %q: %s (%s), %v", way, v.Reason, why, v.Way)
		}
	}
}

func TestTheWayIsASettingOfTheCertificate(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("chain")
	p.must("POST", "api/way", map[string]string{"way": "issuer"}, nil)
	text, _ := p.code()
	if v := d.decide(text); !v.Granted() || v.Way != verify.ByIssuer {
		t.Errorf("after choosing issuer: %s, %v", v.Reason, v.Way)
	}
	if status, _ := p.ask("POST", "api/way", map[string]string{"way": "static"}, nil); status != http.StatusBadRequest {
		t.Errorf("choosing static gets %d", status)
	}
	if status, _ := p.ask("POST", "api/code", proof{Anchor: make([]byte, 16)}, nil); status != http.StatusBadRequest {
		t.Errorf("an anchor where the issuer makes the codes gets %d", status)
	}
}

func TestR4RealPersonCheck(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	for _, tt := range []struct {
		how  string
		want reason
	}{{"fails", checkFailed}, {"times_out", checkTimedOut}, {"passes", ""}} {
		if got := p.goes("api/apply", applied{form: goodForm()}, tt.how); got != tt.want {
			t.Errorf("a check that %s: %q; want %q", tt.how, got, tt.want)
		}
		if has := p.state().Certificate != nil; has != (tt.want == "") {
			t.Errorf("after a check that %s: certificate %v", tt.how, has)
		}
	}
	other := newDesk(t, false)
	q := other.visitor()
	var ticket errandReply
	q.must("POST", "api/apply", goodForm(), &ticket)
	if status, _ := q.ask("POST", "api/check", map[string]any{"ticket": ticket.Ticket, "bench": "passes"}, nil); status != http.StatusBadRequest {
		t.Errorf("outside a bench the page told the check what to say: status %d", status)
	}
	if _, why := q.ask("POST", "api/check", map[string]any{"ticket": ticket.Ticket}, nil); why != noCheck || q.state().Certificate != nil {
		t.Errorf("without a check: %q; want nobody to pass", why)
	}
	if status, _ := q.ask("POST", "api/bench/advance", map[string]int{"seconds": 60}, nil); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("outside a bench the time could be moved: status %d", status)
	}
}

func TestAnErrandIsItsSessionsAndForAWhile(t *testing.T) {
	d := newDesk(t, true)
	p, thief := d.visitor(), d.visitor()
	var ticket errandReply
	p.must("POST", "api/apply", goodForm(), &ticket)
	check := map[string]any{"ticket": ticket.Ticket, "bench": "passes"}
	if _, why := thief.ask("POST", "api/check", check, nil); why != checkStale {
		t.Errorf("another page's errand: %q", why)
	}
	d.advance(errandFor)
	if _, why := p.ask("POST", "api/check", check, nil); why != checkStale {
		t.Errorf("an errand of ten minutes ago: %q", why)
	}
	if _, why := p.ask("POST", "api/check", map[string]any{"ticket": []byte("nonsense"), "bench": "passes"}, nil); why != checkStale {
		t.Errorf("an errand that nobody sealed: %q", why)
	}
	if bytes.Contains(ticket.Ticket, []byte("李雷")) || bytes.Contains(ticket.Ticket, []byte("19491231")) {
		t.Error("the errand can be read")
	}
}

func TestR6FourthApplicationIsSentToTheWindow(t *testing.T) {
	d := newDesk(t, true)
	d.midMonth()
	for n := range 3 {
		if why := d.visitor().applies(""); why != "" {
			t.Fatalf("application %d: %s", n+1, why)
		}
		if why := d.visitor().applies(""); why != stillValid {
			t.Errorf("while it is valid: %q", why)
		}
		d.advance(24 * time.Hour)
	}
	if why := d.visitor().applies(""); why != monthlyLimit {
		t.Errorf("the fourth: %q; want %q", why, monthlyLimit)
	}
	d.advance(30 * 24 * time.Hour)
	if why := d.visitor().applies(""); why != "" {
		t.Errorf("in the next month: %q", why)
	}
}

func TestR10VisitorsAndSignedInUsers(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("")
	again := d.visitor() // the page was closed and opened
	if again.state().Certificate != nil {
		t.Error("a visitor's new page shows the certificate without a check")
	}
	if why := again.goes("api/view", goodForm(), "passes"); why != "" || again.state().Certificate == nil {
		t.Errorf("after a check: %q", why)
	}
	if p.state().Certificate != nil {
		t.Error("the old page still shows it")
	}
	again.must("POST", "api/leave", map[string]string{"page": again.page}, nil)
	if again.state().Certificate != nil {
		t.Error("after the page has closed its token still shows it")
	}

	u := d.signedIn()
	if u.state().Certificate != nil {
		t.Error("signing in alone shows it")
	}
	if why := u.goes("api/view", struct{}{}, "passes"); why != "" {
		t.Fatalf("viewing, signed in, nothing filled in (R1): %s", why)
	}
	closed := &phone{d: d, client: u.client} // a new page, with the same cookie
	if closed.state().Certificate == nil {
		t.Error("a signed-in user's new page must verify again")
	}
	old := u.client.Jar
	u.must("POST", "api/signout", nil, nil)
	for name, jar := range map[string]http.CookieJar{"signed out": u.client.Jar, "with the old cookie": old, "data cleared": nil} {
		q := &phone{d: d, client: &http.Client{Jar: jar}}
		if s := q.state(); s.SignedIn || s.Certificate != nil {
			t.Errorf("%s: signed in %v, certificate %v", name, s.SignedIn, s.Certificate != nil)
		}
	}
	if again := d.signedIn(); again.state().Certificate != nil {
		t.Error("after signing out and in again no check is asked for")
	}
}

func TestR11HistoryIsForSignedInUsers(t *testing.T) {
	d := newDesk(t, true)
	u := d.signedIn()
	in := applied{form: form{Located: true}}
	if why := u.goes("api/apply", in, "passes"); why != "" {
		t.Fatal(why)
	}
	u.goes("api/apply", in, "passes")
	var out struct{ Applications []shownApplication }
	u.must("GET", "api/history", nil, &out)
	if len(out.Applications) != 2 || out.Applications[0].Denied == nil || out.Applications[1].Certificate == "" {
		t.Errorf("history %+v; want a denied one and an approved one", out.Applications)
	}
	if _, why := d.visitor().ask("GET", "api/history", nil, nil); why != signedOut {
		t.Errorf("a visitor: %q", why)
	}
	// what is typed is not looked at: an account acts for its own user
	in.form = form{Name: "韩梅梅", Document: residentCard, Number: number("44010619880305", "246"), Located: true}
	if why := u.goes("api/apply", in, "passes"); why != stillValid {
		t.Errorf("for somebody else: %q", why)
	}
}

func TestR9OverHTTP(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("issuer")
	d.advance(30 * time.Minute)
	if _, why := p.code(); why != livenessDue {
		t.Errorf("after 30 minutes: %q", why)
	}
	if s := p.state(); s.Certificate == nil || s.Certificate.Why == nil || s.Certificate.Why.Reason != livenessDue {
		t.Errorf("the page is told %+v", s.Certificate)
	}
	if why := p.goes("api/recheck", struct{}{}, "fails"); why != checkFailed {
		t.Errorf("a check that fails: %q", why)
	}
	if why := p.goes("api/recheck", struct{}{}, "passes"); why != "" {
		t.Fatal(why)
	}
	if text, why := p.code(); !func() bool { v := d.decide(text); return v.Granted() }() {
		t.Errorf("after a check: %s", why)
	}
	d.advance(24 * time.Hour)
	if _, why := p.code(); why != certificateEnded {
		t.Errorf("after 24 hours: %q", why)
	}
	if why := p.goes("api/recheck", struct{}{}, "passes"); why != certificateEnded {
		t.Errorf("verifying again after its end: %q", why)
	}
	if p.state().Certificate == nil {
		t.Error("the page is not told that it has ended")
	}
	d.advance(toldFor)
	if p.state().Certificate != nil {
		t.Error("half a day later the page is told so still")
	}
}

func TestR16PaperOverHTTP(t *testing.T) {
	d := newDesk(t, true)
	var out struct{ Text string }
	d.visitor().must("POST", "api/bench/paper", form{Name: "Ada Lovelace", Document: "passport", Number: "E12345678"}, &out)
	d.advance(3 * time.Hour)
	if v := d.decide(out.Text); !v.Granted() || v.Class != verify.Paper {
		t.Errorf("paper: %s, class %d", v.Reason, v.Class)
	}
}

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
		if info, err := e.Info(); err != nil || e.Name() != keysetName && info.Mode().Perm() != 0o600 {
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

func TestKeysRotateWithoutAGap(t *testing.T) {
	f := newKeyFile("bench")
	now := noon
	published := map[string]time.Time{}
	signers := map[string]bool{}
	for ; now.Before(noon.AddDate(0, 2, 0)); now = now.Add(3 * time.Hour) {
		if _, err := f.rotate(verify.EdDSA, now); err != nil {
			t.Fatal(err)
		}
		s, err := f.signer(verify.EdDSA, now)
		if err != nil {
			t.Fatalf("at %v nobody signs: %v", now, err)
		}
		for _, k := range f.Keys {
			if _, ok := published[k.KeyID]; !ok {
				published[k.KeyID] = now
			}
		}
		id := s.ID.String()
		if !signers[id] && len(signers) > 0 && now.Sub(published[id]) < keyPublished {
			t.Errorf("at %v a key signs that was published %v ago", now, now.Sub(published[id]))
		}
		signers[id] = true
		var d dossier
		c := mustApply(t, &d, "s", now)
		text := sign(t, f, c.claims("holder01", now), now).Text()
		if v := verify.Decide(text, keysetOf(t, f), everyClass, now); !v.Granted() {
			t.Errorf("at %v: %s", now, v.Reason)
		}
		paper := sign(t, f, paperClaims("holder01", "paper001", now), now).Text()
		later := now.Add(23 * time.Hour)
		f2 := *f
		f2.Keys = append([]privateKey(nil), f.Keys...)
		if _, err := f2.rotate(verify.EdDSA, later); err != nil {
			t.Fatal(err)
		}
		if v := verify.Decide(paper, keysetOf(t, &f2), everyClass, later); !v.Granted() {
			t.Errorf("paper of %v, 23 h later: %s", now, v.Reason)
		}
	}
	if len(signers) < 8 || len(f.Keys) > 6 {
		t.Errorf("%d keys have signed in two months, %d are kept; want one a week, and old ones dropped", len(signers), len(f.Keys))
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
	c := (&service{}).cookie("x", cookieLasts)
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
