package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/verify"
	"railgate/verify/mint"
)

// A staffPhone is the page of a member of staff.
type staffPhone struct {
	d      *desk
	cookie *http.Cookie
	key    *ecdsa.PrivateKey
}

func (d *desk) staffPhone(roles ...string) *staffPhone {
	d.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	p := &staffPhone{d: d, key: key}
	if len(roles) > 0 {
		p.cookie = signintest.As(d.web.people, "wang", roles...)
	}
	return p
}

// asks gives the status, and the JSON of the answer.
func (p *staffPhone) asks(method, path, body string, out any) int {
	p.d.t.Helper()
	r := httptest.NewRequest(method, "http://issuer.example/staff/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if p.cookie != nil {
		r.AddCookie(p.cookie)
	}
	rec := httptest.NewRecorder()
	p.d.web.handler().ServeHTTP(rec, r)
	if out != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			p.d.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
		}
	}
	return rec.Code
}

// code asks for what codes are made of; a denial is its reason.
func (p *staffPhone) code() (shownCode, office.Reason) {
	p.d.t.Helper()
	public, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.d.t.Fatal(err)
	}
	body, err := json.Marshal(office.Proof{Key: public})
	if err != nil {
		p.d.t.Fatal(err)
	}
	var out struct {
		shownCode
		refusal
	}
	p.asks("POST", "api/code", string(body), &out)
	return out.shownCode, out.Denied.Reason
}

// shows gets a code, and gives what a gate in touch says of it whenever it is asked.
func (p *staffPhone) shows() func() verify.Reason {
	t, d := p.d.t, p.d
	t.Helper()
	issued, why := p.code()
	proof, err := mint.DeviceProof(issued.Credential, 0, p.key, rand.Reader)
	if err != nil {
		t.Fatal(why, err)
	}
	text, err := verify.Credential(issued.Credential).RotatedText(0, proof)
	if err != nil {
		t.Fatal(err)
	}
	return func() verify.Reason {
		t.Helper()
		document, err := json.Marshal(d.web.Keyset())
		if err != nil {
			t.Fatal(err)
		}
		keys, err := verify.ParseKeyset(document)
		if err != nil {
			t.Fatal(err)
		}
		_, list, _ := d.list("")
		l, err := verify.OpenRevocations(list, d.revokers(), d.web.Now())
		if err != nil {
			t.Fatal(err)
		}
		return verify.Decide(text, keys.With(l), verify.Rules{Classes: []verify.Class{verify.Staff}}, d.web.Now()).Reason
	}
}

// signsOut gives the answer to somebody who signs out.
func (p *staffPhone) signsOut() *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://issuer.example/signin/out", nil)
	r.AddCookie(p.cookie)
	rec := httptest.NewRecorder()
	p.d.web.handler().ServeHTTP(rec, r)
	return rec
}

// staffKey gives the issuer a key for staff codes.
func (d *desk) staffKey() {
	d.t.Helper()
	f, err := mint.LoadKeyFile(d.dir)
	if err == nil {
		err = f.AddKey(verify.ES256, d.web.Now().Add(-time.Hour), d.web.Now().AddDate(1, 0, 0), verify.Staff)
	}
	if err == nil {
		f.Version++
		err = f.Save(d.dir)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.advance(0)
}

// A member of staff has codes of class 3, bound to the phone, signed by the key that signs nothing
// else; who is not staff has none.
func TestR24StaffCodes(t *testing.T) {
	d := newDesk(t, true)
	p := d.staffPhone(signin.Staff)
	if _, why := p.code(); why != office.NoStaffKey {
		t.Fatalf("without a staff key: %q; want %s", why, office.NoStaffKey)
	}
	d.staffKey()
	issued, why := p.code()
	if why != "" {
		t.Fatal(why)
	}
	proof, err := mint.DeviceProof(issued.Credential, 0, p.key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := verify.Credential(issued.Credential).RotatedText(0, proof)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(d.web.Keyset())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := verify.ParseKeyset(document)
	if err != nil {
		t.Fatal(err)
	}
	now := d.web.Now()
	v := verify.Decide(text, keys, verify.Rules{Classes: []verify.Class{verify.Staff}}, now)
	if !v.Granted() || v.Class != verify.Staff || !v.StaffKey || v.Rotation != verify.ByDevice {
		t.Errorf("%+v; want a staff code, of the staff key, bound to the phone", v)
	}
	if v := verify.Decide(text, keys, verify.Rules{Classes: []verify.Class{verify.Temporary, verify.Paper}}, now); v.Granted() {
		t.Error("a lane for passengers takes it")
	}
	if end := time.UnixMilli(issued.Ends); end.After(now.Add(signin.Lasts + time.Second)) {
		t.Errorf("it ends at %v; want with the sign-in", end)
	}
	if n := p.asks("POST", "api/code", `{"anchor":"AAAAAAAAAAAAAAAAAAAAAA=="}`, nil); n != http.StatusBadRequest {
		t.Errorf("a chain gets %d: a photograph of a link would steer a lane", n)
	}
	if n := p.asks("POST", "api/code", `{}`, nil); n != http.StatusBadRequest {
		t.Errorf("no key of a phone gets %d", n)
	}
}

func TestR24WhoHasStaffCodes(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	for name, tt := range map[string]struct {
		roles []string
		want  int
	}{
		"nobody": {nil, http.StatusUnauthorized}, "an officer": {[]string{signin.Window}, http.StatusForbidden},
		"a conductor and clerk": {[]string{signin.Conductor, signin.Clerk}, http.StatusForbidden}, "staff": {[]string{signin.Staff}, http.StatusOK},
	} {
		p := d.staffPhone(tt.roles...)
		if n := p.asks("GET", "api/state", "", nil); n != tt.want {
			t.Errorf("%s: %d; want %d", name, n, tt.want)
		}
		if _, why := p.code(); (why == "") != (tt.want == http.StatusOK) {
			t.Errorf("%s: codes, or not: %q", name, why)
		}
	}
}

// 30 minutes after signing in there are no more codes, and none outlasts the sign-in.
func TestR24SignInIsTheStaffsCheck(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	key, err := d.staffPhone().key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		age, left time.Duration
		want      bool
	}{
		{0, signin.Lasts, true}, {office.StaffLiveFor - time.Second, time.Hour, true}, {office.StaffLiveFor, time.Hour, false},
		{time.Minute, time.Second, true}, {time.Minute, 0, false}, {-time.Second, time.Hour, false},
	} {
		claims, _, err := d.web.StaffCredential(office.Proof{Key: key}, office.Member{Subject: "wang", Age: tt.age, Left: tt.left})
		if (err == nil) != tt.want {
			t.Errorf("%v after signing in, %v left: %v; want codes: %v", tt.age, tt.left, err, tt.want)
		}
		if err == nil && (claims.IssuedAt-claims.Live < uint64(tt.age/time.Second) || claims.Expires-claims.IssuedAt > uint64(tt.left/time.Second)+1) {
			t.Errorf("%v after signing in, %v left: live %d, issued %d, expires %d", tt.age, tt.left, claims.Live, claims.IssuedAt, claims.Expires)
		}
	}
}

// Signing out revokes what the sign-in has given out, at gates, and nobody else's; nothing more is
// given out in it, not even to a request that was on its way.
func TestR24SigningOutEndsTheCodes(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	leaves, stays := d.staffPhone(signin.Staff), d.staffPhone(signin.Staff)
	first, second, other := leaves.shows(), leaves.shows(), stays.shows()
	for name, at := range map[string]func() verify.Reason{"first": first, "second": second, "another's": other} {
		if got := at(); got != verify.OK {
			t.Fatalf("before, the %s: %s", name, got)
		}
	}
	r := httptest.NewRequest("GET", "http://issuer.example/staff/", nil)
	r.AddCookie(leaves.cookie)
	person, _ := d.web.people.Who(r)
	out := func(p *staffPhone) {
		t.Helper()
		if rec := p.signsOut(); rec.Code != http.StatusNoContent {
			t.Fatalf("signing out: %d %s", rec.Code, rec.Body)
		}
	}
	d.advance(time.Second) // a list is signed a second after the last at the earliest
	out(leaves)
	for name, tt := range map[string]struct {
		at   func() verify.Reason
		want verify.Reason
	}{"first": {first, verify.Revoked}, "second": {second, verify.Revoked}, "another's": {other, verify.OK}} {
		if got := tt.at(); got != tt.want {
			t.Errorf("after signing out, the %s: %s; want %s", name, got, tt.want)
		}
	}
	key, err := leaves.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	late := office.Member{Subject: person.Subject, Session: person.Session, Age: time.Minute, Left: time.Hour}
	if _, signed, err := d.web.StaffCredential(office.Proof{Key: key}, late); !errors.Is(err, office.Deny(office.StaffSignInDue)) || signed != nil {
		t.Errorf("a request that was on its way: %v; want %s", err, office.StaffSignInDue)
	}

	// Who was given nothing leaves nothing on the list.
	_, before, _ := d.list("")
	d.advance(time.Second)
	out(d.staffPhone(signin.Conductor))
	if _, after, _ := d.list(""); string(after) != string(before) {
		t.Error("a conductor who signs out is on the list of revocations")
	}
}

// Who has signed in before the issuer was started again signs out after it, or signs in again: what
// the phone holds is revoked all the same, and once. A sign-in that nobody ends goes on for its 30
// minutes, and one that was ended before stays so.
func TestR24SigningOutAfterARestart(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	leaves, stays, left, idle := d.staffPhone(signin.Staff), d.staffPhone(signin.Staff), d.staffPhone(signin.Staff), d.staffPhone(signin.Staff)
	first, other, gone := leaves.shows(), stays.shows(), left.shows()
	if rec := left.signsOut(); rec.Code != http.StatusNoContent {
		t.Fatalf("signing out: %d %s", rec.Code, rec.Body)
	}
	d.startAgain()
	d.advance(time.Second) // a list is signed a second after the last at the earliest
	if n := leaves.asks("GET", "api/state", "", nil); n == http.StatusOK {
		t.Fatalf("after a start somebody is signed in still: %d", n)
	}
	for name, tt := range map[string]struct {
		at   func() verify.Reason
		want verify.Reason
	}{"first": {first, verify.OK}, "another's": {other, verify.OK}, "one that was ended before": {gone, verify.Revoked}} {
		if got := tt.at(); got != tt.want {
			t.Errorf("after a start, the %s: %s; want %s", name, got, tt.want)
		}
	}
	for n, p := range []*staffPhone{leaves, leaves, idle} {
		if rec := p.signsOut(); rec.Code != http.StatusNoContent {
			t.Errorf("signing out, %d: %d %s", n, rec.Code, rec.Body)
		}
	}
	d.advance(time.Second)
	if got := first(); got != verify.Revoked {
		t.Errorf("signed out after a start, the first: %s; want %s", got, verify.Revoked)
	}
	if got := other(); got != verify.OK {
		t.Errorf("somebody else's: %s; want %s", got, verify.OK)
	}
	if log := d.log.String(); strings.Count(log, "staff codes are revoked") != 2 || strings.Count(log, "subject=test:wang") < 2 {
		t.Errorf("the log is\n%s\nwant both, and whose they were", log)
	}
}

// What cannot be revoked is said, and ends once it can be: the browser keeps what names the sign-in.
func TestR24SigningOutIsTriedAgain(t *testing.T) {
	d := newDesk(t, true)
	d.staffKey()
	p := d.staffPhone(signin.Staff)
	at := p.shows()
	d.startAgain()
	d.web.Office.Close() // nothing can be written
	if rec := p.signsOut(); rec.Code != http.StatusInternalServerError || !strings.Contains(rec.Body.String(), "not_ended") || len(rec.Result().Cookies()) != 0 {
		t.Errorf("it cannot be written: %d %s, cookies %v; want 500, and the cookie stays", rec.Code, rec.Body, rec.Result().Cookies())
	}
	d.startAgain()
	if rec := p.signsOut(); rec.Code != http.StatusNoContent || len(rec.Result().Cookies()) != 1 || rec.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("again: %d %s, cookies %v; want 204, and the cookie gone", rec.Code, rec.Body, rec.Result().Cookies())
	}
	d.advance(time.Second)
	if got := at(); got != verify.Revoked {
		t.Errorf("%s; want %s", got, verify.Revoked)
	}
}
