package counter

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/counter/countertest"
	"railgate/cmd/issuer/office"
	"railgate/verify"
	"railgate/verify/mint"
)

// A desk is a counter in a test, whose every answer is held against openapi.yaml.
type desk struct {
	*fakeOffice
	t       *testing.T
	c       *Counter
	srv     http.Handler
	log     *bytes.Buffer
	acts    *record
	person  *Person // who is signed in
	broken  error   // of finding out who is
	tickets fakeTickets
	secret  string // of the client ticketing
}

var noon = time.Date(2026, 11, 29, 4, 0, 0, 0, time.UTC)

var document = countertest.Lazily(OpenAPI)

// described is openapi.yaml, read once.
func described(t testing.TB) *countertest.Document {
	t.Helper()
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, fakeOffice: newOffice(t), log: new(bytes.Buffer), acts: new(record)}
	d.c = New(Config{
		Office: d.fakeOffice, Record: d.acts, Tickets: &d.tickets, Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(d.log, nil)),
		People:  func(*http.Request) (*Person, error) { return d.person, d.broken },
		Address: func(r *http.Request) string { return r.RemoteAddr },
	})
	d.c.now = func() time.Time { return d.now }
	mux := http.NewServeMux()
	d.c.Mount(mux)
	list := func(http.ResponseWriter, *http.Request) { t.Error("the issuer's own part is asked for") }
	for _, under := range []string{"/v1/", "/oauth/"} {
		mux.Handle(under, d.c.API(list))
	}
	d.srv = described(t).Described(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(rw, r.Body, 16<<10)
		mux.ServeHTTP(rw, r)
	}))
	d.secret = d.add(Client{ID: "ticketing", Scopes: Scopes(), Purposes: Purposes(), PerMinute: 100, PerDay: 1000})
	return d
}

func (d *desk) add(c Client) (secret string) {
	d.t.Helper()
	c.Added = noon
	secret, err := AddClient(d.c.dir, c)
	if err != nil {
		d.t.Fatal(err)
	}
	return secret
}

// A fakeOffice has one person on record, and one key.
type fakeOffice struct {
	file   *mint.KeyFile
	keys   *verify.Keyset
	now    time.Time
	holder verify.HolderID
	person office.Person
	fails  error
}

func newOffice(t testing.TB) *fakeOffice {
	t.Helper()
	o := &fakeOffice{file: mint.NewKeyFile("railgate"), now: noon, holder: "holder-7-abc", person: office.Person{Name: "李雷", Document: office.ResidentCard, Number: "11010519491231002X"}}
	if _, err := o.file.Rotate(verify.EdDSA, noon); err != nil {
		t.Fatal(err)
	}
	data, err := o.file.KeysetJSON()
	if err == nil {
		o.keys, err = verify.ParseKeyset(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// office is the person on record.
func (o *fakeOffice) office() *office.Person { return &o.person }

func (o *fakeOffice) Inspect(text string) (verify.Verdict, time.Time, error) {
	return verify.Decide(text, o.keys, verify.Rules{Classes: []verify.Class{1, 2}}, o.now), o.now, o.fails
}

func (o *fakeOffice) Holder(v *verify.Verdict) (office.Person, bool, error) {
	if v.Holder != o.holder {
		return office.Person{}, false, nil
	}
	return o.person, true, nil
}

// code is what the holder's phone shows now.
func (o *fakeOffice) code(t testing.TB, change func(*mint.Order)) string {
	t.Helper()
	order := mint.NewOrder(verify.ByIssuer, verify.EdDSA, o.now)
	order.Holder = o.holder
	if change != nil {
		change(&order)
	}
	w, err := mint.NewWallet(o.file, order)
	if err != nil {
		t.Fatal(err)
	}
	text, err := w.Code(0)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A record keeps acts, or does not.
type record struct {
	acts  []Act
	fails error
}

func (r *record) Record(_ context.Context, a Act) error {
	if r.fails == nil {
		r.acts = append(r.acts, a)
	}
	return r.fails
}

// fakeTickets are a ticketing system that answers, does not, or takes its time.
type fakeTickets struct {
	list  []Ticket
	fails error
	hangs bool
}

func (f *fakeTickets) Of(ctx context.Context, _ verify.HolderID, _ time.Time) ([]Ticket, error) {
	if f.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return f.list, f.fails
}

// ask is one request; header is name, value, …
func (d *desk) ask(method, path, contentType, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	d.srv.ServeHTTP(rec, r)
	return rec
}

const asForm, asJSON = "application/x-www-form-urlencoded", "application/json"

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// token asks for one, of a client and some scopes.
func (d *desk) token(id, secret, scopes string) string {
	d.t.Helper()
	rec := d.ask("POST", "/oauth/token", asForm, url.Values{"grant_type": {"client_credentials"}, "scope": {scopes}}.Encode(), "Authorization", basic(id, secret))
	var g grant
	if err := json.Unmarshal(rec.Body.Bytes(), &g); err != nil || rec.Code != http.StatusOK {
		d.t.Fatalf("token: status %d, %s", rec.Code, rec.Body)
	}
	return g.Token
}

// resolve looks a code up.
func (d *desk) resolve(token, code string, purpose Purpose, header ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	body, err := json.Marshal(map[string]any{"code": code, "purpose": purpose})
	if err != nil {
		d.t.Fatal(err)
	}
	if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	return d.ask("POST", "/v1/resolve", asJSON, string(body), header...)
}

// answer is a look-up that is answered.
func (d *desk) answer(token, code string, purpose Purpose) (a Answer) {
	d.t.Helper()
	rec := d.resolve(token, code, purpose)
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil || rec.Code != http.StatusOK {
		d.t.Fatalf("status %d, %s\n%s", rec.Code, rec.Body, d.log)
	}
	return a
}

// why is the name of the problem that a look-up met; "" none.
func why(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	if rec.Code == http.StatusOK {
		return ""
	}
	var p problem
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || p.Status != rec.Code {
		t.Fatalf("status %d, %s: not a problem of it", rec.Code, rec.Body)
	}
	return strings.TrimPrefix(p.Type, problemPath)
}

var errDisk = errors.New("the disk is full")
