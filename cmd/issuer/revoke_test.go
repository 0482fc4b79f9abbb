package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/verify"
	"railgate/verify/mint"
)

// list is what the issuer serves of revocations, with its entity tag.
func (d *desk) list(tag string) (status int, list []byte, newTag string) {
	d.t.Helper()
	req, err := http.NewRequest("GET", d.srv.URL+"/v1/revocations", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if list, err = io.ReadAll(resp.Body); err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, list, resp.Header.Get("ETag")
}

// revokers is what the issuer serves of the keys that sign revocations.
func (d *desk) revokers() *verify.Revokers {
	d.t.Helper()
	resp, err := http.Get(d.srv.URL + "/revokers.json")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	by, err := verify.ParseRevokers(data)
	if err != nil {
		d.t.Fatal(err)
	}
	return by
}

// A check on another phone: the first one's codes are revoked by what the issuer serves, and
// the list is sent once.
func TestRevocationsOverHTTP(t *testing.T) {
	d := newDesk(t, true)
	first, second := d.visitor(), d.visitor()
	if why := first.applies("chain"); why != "" {
		t.Fatal(why)
	}
	held, _ := first.code()
	status, old, tag := d.list("")
	if status != http.StatusOK || tag == "" {
		t.Fatalf("status %d, ETag %q", status, tag)
	}
	if status, list, _ := d.list(tag); status != http.StatusNotModified || len(list) != 0 {
		t.Errorf("asked again: status %d, %d bytes; want %d and none", status, len(list), http.StatusNotModified)
	}
	if why := second.goes("api/view", applied{Form: goodForm()}, "passes"); why != "" {
		t.Fatal(why)
	}
	d.advance(time.Second)
	status, list, newTag := d.list(tag)
	if status != http.StatusOK || newTag == tag || string(list) == string(old) {
		t.Fatalf("after the check on the other phone: status %d, ETag %q; want another list", status, newTag)
	}
	r, err := verify.OpenRevocations(list, d.revokers(), d.web.Now())
	if err != nil {
		t.Fatal(err)
	}
	keys := readKeys(t, d.dir).With(r)
	if v := verify.Decide(held, keys, everyClass, d.web.Now()); v.Reason != verify.Revoked {
		t.Errorf("the first phone's code: %s; want %s", v.Reason, verify.Revoked)
	}
	fresh, _ := second.code()
	if v := verify.Decide(fresh, keys, everyClass, d.web.Now()); v.Reason != verify.OK {
		t.Errorf("the second phone's code: %s; want %s", v.Reason, verify.OK)
	}
}

// The page's way to revoke: the form, the check, and then the phone shows nothing more.
func TestThePageRevokes(t *testing.T) {
	d := newDesk(t, true)
	lost, other := d.visitor(), d.visitor()
	if why := lost.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	if why := other.goes("api/revoke", applied{Form: goodForm()}, "fails"); why != office.CheckFailed || lost.state().Certificate == nil {
		t.Errorf("a check that fails revokes, or: %q", why)
	}
	if why := other.goes("api/revoke", applied{Form: goodForm()}, "passes"); why != "" {
		t.Fatal(why)
	}
	if lost.state().Certificate != nil || other.state().Certificate != nil {
		t.Error("a certificate is shown that was revoked")
	}
	if why := other.goes("api/revoke", applied{Form: office.Form{Name: "李雷", Document: office.ResidentCard, Number: "11010519491231002X"}}, "passes"); why != office.NotConfirmed {
		t.Errorf("without confirming: %q; want %s", why, office.NotConfirmed)
	}
}

// serving does something while issuer serve has a folder, and has ended it after that.
func serving(t *testing.T, dir string, do func(url string)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, &serveFlags{listen: "127.0.0.1:0", data: dir, alg: "SM2", bench: true}, slog.New(slog.DiscardHandler), func(url string) { ready <- url })
	}()
	select {
	case url := <-ready:
		do(url)
	case err := <-done:
		done <- err
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// issuer revoke works while issuer serve has the register, and without it.
func TestRevokeOnTheCommandLine(t *testing.T) {
	dir, err := os.MkdirTemp("", "iss") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	revoked := func(args ...string) (int, string, string) {
		return tool(t, append([]string{"--dir", dir, "revoke"}, args...)...)
	}
	if status, _, errOut := revoked("c1ce280c37389389"); status != 1 || !strings.Contains(errOut, "no issuer has run in this folder") {
		t.Errorf("an empty folder: status %d, %s", status, errOut)
	}
	try := func(when string) {
		for _, tt := range []struct {
			args   []string
			status int
			say    string
		}{
			{[]string{"c1ce280c37389389", "--why", "stolen"}, 0, "revoked c1ce280c37389389"},
			{[]string{"--number", "11010519491231002X"}, 1, "no temporary ID that is valid"},
			{[]string{"--number", "E1", "--document", "passport"}, 1, "no temporary ID that is valid"},
			{[]string{"C1"}, 1, "8 to 16 bytes"},
			{nil, 2, "--number"},
			{[]string{"c1ce280c37389389", "--number", "1"}, 2, "--number"},
			{[]string{"c1ce280c37389389", "--why", strings.Repeat("x", 201)}, 2, "200 at most"},
		} {
			if status, out, errOut := revoked(tt.args...); status != tt.status || !strings.Contains(out+errOut, tt.say) {
				t.Errorf("%s: revoke %v: status %d, %s%s; want %d, %q", when, tt.args, status, out, errOut, tt.status, tt.say)
			}
		}
	}
	serving(t, dir, func(string) {
		try("while it serves")
		info, err := os.Stat(filepath.Join(dir, socketName))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v, %v; want mode 0600", info, err)
		}
	})
	keys := len(readKeys(t, dir).Keys)
	try("after it")
	if n := len(readKeys(t, dir).Keys); n != keys {
		t.Errorf("%d keys; want the %d of before", n, keys)
	}
	s, err := office.Open(office.Config{Dir: dir, Algorithm: verify.SM2, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Revocations()
	if err != nil || !strings.Contains(string(list), "\xc1\xce\x28\x0c\x37\x38\x93\x89") {
		t.Errorf("the list does not have it: %x, %v", list, err)
	}
}

// A slip that is void already is refused in words.
func TestRevokingASlipTwiceIsRefusedInWords(t *testing.T) {
	dir := t.TempDir()
	o, err := office.Open(office.Config{Dir: dir, Algorithm: verify.EdDSA, Bench: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	slip, err := o.BenchSlip(office.Person{Name: "韩梅梅", Document: office.ResidentCard, Number: "440106198803052464"})
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"revoked " + slip.ID.String() + "\n", "issuer: this certificate is no longer valid\n"} {
		if status, out, errOut := tool(t, "--dir", dir, "revoke", slip.ID.String()); status != n || out+errOut != want {
			t.Errorf("status %d, %q; want %d, %q", status, out+errOut, n, want)
		}
	}
}

// issuer keys makes the revoker once and shows it; the next one signs a week later.
func TestKeysShowTheRevoker(t *testing.T) {
	dir, _ := newIssuer(t)
	f, err := mint.LoadRevokers(dir)
	if err != nil || len(f.Keys) != 1 {
		t.Fatalf("revokers %v, %v; want one", f, err)
	}
	status, out, errOut := tool(t, "--dir", dir, "keys")
	if status != 0 || !strings.Contains(out, f.Keys[0].KeyID+"  EdDSA") || !strings.Contains(out, "revocations of bench") {
		t.Errorf("keys: status %d, %s%s; want the revoker", status, out, errOut)
	}
	if status, _, errOut := tool(t, "--dir", dir, "keys", "--revoker"); status != 0 {
		t.Fatal(errOut)
	}
	now := time.Now()
	if f, err = mint.LoadRevokers(dir); err != nil || len(f.Keys) != 2 || f.Version != 2 {
		t.Fatalf("revokers %v, %v; want two", f, err)
	}
	for at, kid := range map[time.Time]string{now: f.Keys[0].KeyID, now.AddDate(0, 0, 8): f.Keys[1].KeyID} {
		if r, err := f.Revoker("bench", at); err != nil || r.KeyID().String() != kid {
			t.Errorf("at %v: %v, %v; want %s", at, r, err, kid)
		}
	}
}
