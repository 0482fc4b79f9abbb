package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"railgate/cmd/issuer/benchprovider"
	"railgate/cmd/issuer/counter"
	"railgate/cmd/issuer/counter/countertest"
	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/provider"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/verify"
	"railgate/verify/mint"
)

// describedCounter is what every answer to a ticketing system is held against.
var describedCounter = countertest.Lazily(counter.OpenAPI)

// A desk is an issuer at work in a test.
type desk struct {
	t   *testing.T
	dir string
	web *web
	srv *httptest.Server
	log *bytes.Buffer

	front atomic.Pointer[http.Handler] // what srv answers by
	down  atomic.Value                 // a path's beginning: what of the bench's provider does not answer; "" nothing
}

func newDesk(t *testing.T, bench bool) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), log: new(bytes.Buffer)}
	d.srv = httptest.NewUnstartedServer(nil)
	log := slog.New(slog.NewTextHandler(d.log, nil))
	config := office.Config{Dir: d.dir, Algorithm: verify.EdDSA, Bench: bench, Log: log}
	d.web = &web{limits: newLimits(), people: signintest.Guard(), log: log}
	if bench {
		p, err := benchprovider.New("http://"+d.srv.Listener.Addr().String()+"/", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		client := provider.New(p.Config())
		config.Checker, d.web.provider, d.web.people = providerCheck{client, true}, d.mayBeDown(p), signin.New(client, log)
	}
	var err error
	if d.web.Office, err = office.Open(config); err != nil {
		t.Fatal(err)
	}
	d.web.openCounter(d.dir, log)
	d.answer()
	d.srv.Config.Handler = countertest.Described(t, describedCounter, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*d.front.Load()).ServeHTTP(rw, r) }))
	d.srv.Start()
	t.Cleanup(func() { d.srv.Close(); d.web.Office.Close() })
	return d
}

func (d *desk) answer() {
	h := d.web.handler()
	d.front.Store(&h)
}

// startAgain is another issuer on the same folder, as of the same time: nobody is signed in by a
// role, and no passenger's page comes back to it.
func (d *desk) startAgain() {
	d.t.Helper()
	d.web.Office.Close()
	moved := time.Until(d.web.Now())
	o, err := office.Open(office.Config{Dir: d.dir, Algorithm: verify.EdDSA, Bench: true, Log: d.web.log})
	if err != nil {
		d.t.Fatal(err)
	}
	d.web = &web{Office: o, limits: newLimits(), people: signintest.Guard(), log: d.web.log}
	d.web.openCounter(d.dir, d.web.log)
	d.answer()
	d.advance(max(0, moved))
}

// mayBeDown is the provider as it answers, or not.
func (d *desk) mayBeDown(p http.Handler) http.Handler {
	d.down.Store("")
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if begin := d.down.Load().(string); begin != "" && strings.HasPrefix(r.URL.Path, begin) {
			http.Error(rw, "down", http.StatusServiceUnavailable)
			return
		}
		p.ServeHTTP(rw, r)
	})
}

func goodForm() office.Form {
	return office.Form{Name: "李雷", Document: office.ResidentCard, Number: "11010519491231002X", Confirmed: true, City: "北京"}
}

func (d *desk) advance(by time.Duration) {
	d.t.Helper()
	if err := d.web.Advance(by); err != nil {
		d.t.Fatal(err)
	}
}

// midMonth moves the time to a day of a month that has a week to go. It never moves it by as much as
// a sign-in or a keyset lasts, whatever day the tests run on.
func (d *desk) midMonth() {
	if now := d.web.Now().In(office.RailwayTime); now.Day() > 20 {
		d.advance(time.Date(now.Year(), now.Month()+1, 3, 12, 0, 0, 0, office.RailwayTime).Sub(now))
	}
}

// A phone is a passenger's page.
type phone struct {
	d      *desk
	client *http.Client
	page   string // a visitor's token

	forwarded string // what a proxy says of its address
	companion string // whom its requests are for
}

func (d *desk) phone() *phone {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return &phone{d: d, client: &http.Client{Jar: jar}}
}

// jar is a copy of a phone's cookies.
func (d *desk) jar(p *phone) http.CookieJar {
	where, err := url.Parse(d.srv.URL)
	if err != nil {
		d.t.Fatal(err)
	}
	jar := d.phone().client.Jar
	jar.SetCookies(where, p.client.Jar.Cookies(where))
	return jar
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

// signUp is a phone that has opened an account and signed in.
func (d *desk) signUp(account string, f office.Form) *phone {
	p := d.phone()
	p.must("POST", "api/signup", map[string]any{"account": account, "password": "correct horse", "name": f.Name, "document": f.Document, "number": f.Number, "confirmed": true}, nil)
	p.must("POST", "api/signin", map[string]string{"account": account, "password": "correct horse"}, nil)
	return p
}

func (p *phone) ask(method, path string, in, out any) (int, office.Reason) {
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
	if p.companion != "" {
		req.Header.Set(companionHeader, p.companion)
	}
	if p.forwarded != "" {
		req.Header.Set("X-Forwarded-For", p.forwarded)
	}
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
	office.Form
	Way string `json:"way,omitempty"`
}

// goes through an errand and its check; the answer is why not.
func (p *phone) goes(path string, in any, how string) office.Reason {
	p.d.t.Helper()
	var ticket errandReply
	if status, why := p.ask("POST", path, in, &ticket); status != http.StatusOK {
		return why
	}
	away, answer, why := p.trip(ticket.Ticket, how)
	if why != "" {
		return why
	}
	return p.comesBack(away, answer)
}

// comesBack brings the answer of a check.
func (p *phone) comesBack(away []byte, answer url.Values) office.Reason {
	p.d.t.Helper()
	in := map[string]any{"ticket": away, "code": answer.Get("code"), "state": answer.Get("state"), "error": answer.Get("error"), "iss": answer.Get("iss")}
	_, why := p.ask("POST", "api/check", in, nil)
	return why
}

// trip goes to the provider's page, where the check ends in a way; it gives the ticket and the
// answer to come back with.
func (p *phone) trip(ticket []byte, how string) (away []byte, answer url.Values, why office.Reason) {
	p.d.t.Helper()
	var out struct {
		Ticket []byte
		Page   string
	}
	if status, why := p.ask("POST", "api/check/start", errandReply{ticket}, &out); status != http.StatusOK {
		return nil, nil, why
	}
	to, err := url.Parse(out.Page)
	if err != nil {
		p.d.t.Fatal(err)
	}
	choice := url.Values{}
	switch how {
	case "passes":
		choice.Set("face", to.Query().Get("login_hint"))
	case "mismatch":
		choice.Set("face", "韩梅梅|440106198803052464")
	default:
		choice.Set("ends", how)
	}
	return out.Ticket, p.d.atProvider(out.Page, choice), ""
}

// atProvider chooses at the bench provider's page, and gives what it sends back with.
func (d *desk) atProvider(page string, choice url.Values) url.Values {
	d.t.Helper()
	var back *url.URL
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.Path, "/provider/") {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := browser.Get(page)
	if err != nil {
		d.t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || back != nil {
		d.t.Fatalf("the provider's page: %d %s, to %v", resp.StatusCode, text, back)
	}
	choice.Set("trip", resp.Request.URL.Query().Get("trip"))
	if resp, err = browser.PostForm(resp.Request.URL.String(), choice); err != nil {
		d.t.Fatal(err)
	}
	text, _ = io.ReadAll(resp.Body)
	resp.Body.Close()
	if back == nil {
		d.t.Fatalf("the provider's page does not lead back: %d %s", resp.StatusCode, text)
	}
	return back.Query()
}

func (p *phone) applies(way string) office.Reason {
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
func (p *phone) code() (string, office.Reason) {
	p.d.t.Helper()
	s := p.state()
	if s.Certificate == nil {
		return "", office.VerifyAgain
	}
	var give office.Proof
	var chain *mint.Chain
	var key *ecdsa.PrivateKey
	cti, err := hex.DecodeString(s.Certificate.ID)
	if err != nil {
		p.d.t.Fatal(err)
	}
	switch s.Certificate.Way {
	case "chain":
		chain, err = mint.NewChain(verify.CertificateID(cti), 30, rand.Reader)
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
		proof, err := mint.DeviceProof(out.Credential, 0, key, rand.Reader)
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
	return verify.Decide(text, readKeys(d.t, d.dir), everyClass, d.web.Now())
}
