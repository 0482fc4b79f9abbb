package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	actlog "railgate/cmd/issuer/acts"
	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/verify"
)

// These are several people who do something at the same moment, by the handlers that answer them.

// atOnce does all of it at the same moment, and counts how it ended: "" is that it was done.
func atOnce(all ...func() string) map[string]int {
	out := make([]string, len(all))
	start := make(chan struct{})
	var done sync.WaitGroup
	for i, do := range all {
		done.Go(func() { <-start; out[i] = do() })
	}
	close(start)
	done.Wait()
	counted := map[string]int{}
	for _, o := range out {
		counted[o]++
	}
	return counted
}

// asks gives the answer to a request, and its denial's reason.
func (d *desk) asks(h http.Handler, path string, in any, header http.Header) (string, *httptest.ResponseRecorder) {
	body, err := json.Marshal(in)
	if err != nil {
		return err.Error(), nil
	}
	rec := d.ask(h, "POST", path, string(body), header)
	var no refusal
	if rec.Code != http.StatusOK && json.Unmarshal(rec.Body.Bytes(), &no) != nil {
		return fmt.Sprint("status ", rec.Code), rec
	}
	return string(no.Denied.Reason), rec
}

// A windowOfficer is signed in at a window.
type windowOfficer struct {
	d      *desk
	h      http.Handler
	header http.Header
}

func (d *desk) officer(name string, roles ...string) *windowOfficer {
	cookie := signintest.As(d.web.people, name, append(roles, signin.Window)...)
	return &windowOfficer{d, d.web.handler(), http.Header{"Cookie": {cookie.String()}}}
}

// does is one act, to be done later.
func (o *windowOfficer) does(path string, in any) func() string {
	return func() string { why, _ := o.d.asks(o.h, "/desk/api/"+path, in, o.header); return why }
}

func (d *desk) slipForm() office.SlipForm {
	return office.SlipForm{Name: "李雷", Document: office.ResidentCard, Number: "11010519491231002X", Why: "no_phone", Told: true,
		Journey: office.Journey{Train: "G1", Day: d.web.Now().In(office.RailwayTime).Format(time.DateOnly), From: "北京南", To: "上海虹桥"}}
}

// issued is a slip's id.
func (o *windowOfficer) issued() (id string) {
	o.d.t.Helper()
	why, rec := o.d.asks(o.h, "/desk/api/issue", o.d.slipForm(), o.header)
	var s struct{ ID string }
	if why != "" || json.Unmarshal(rec.Body.Bytes(), &s) != nil {
		o.d.t.Fatalf("issuing: %q, %s", why, rec.Body)
	}
	return s.ID
}

// orders is what issuer revoke does to an issuer that runs; "" is that something was revoked.
func (d *desk) orders(o revokeOrder) func() string {
	return func() string {
		why := d.ordered(o).Error
		if why == inWords(office.Deny(office.SlipOver)).Error() {
			return string(office.SlipOver)
		}
		return why
	}
}

func (d *desk) ordered(o revokeOrder) (a revokeAnswer) {
	body, err := json.Marshal(o)
	if err != nil {
		return revokeAnswer{Error: err.Error()}
	}
	rec := d.ask(orders(d.web.Office, d.web.log), "POST", "/revoke", string(body), nil)
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		a.Error = err.Error()
	}
	return a
}

// kinds counts the acts on record by kind, once all of it is proven.
func (d *desk) kinds() map[actlog.Kind]int {
	d.t.Helper()
	path := filepath.Join(d.t.TempDir(), "copy")
	f, err := os.Create(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.web.CopyRegister(f); err != nil {
		d.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
	r, err := office.OpenRecordIn(d.dir, path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Close()
	counted := map[actlog.Kind]int{}
	tree, err := r.Verify(nil, func(_ int64, a actlog.Act) error { counted[a.Kind]++; return nil })
	n := 0
	for _, c := range counted {
		n += c
	}
	if err != nil || tree.N != int64(n) {
		d.t.Errorf("the record: %d acts of %d, %v", n, tree.N, err)
	}
	return counted
}

// revokedNow is what a gate in touch says of a code.
func (d *desk) revokedNow(text string) verify.Reason {
	d.t.Helper()
	d.advance(time.Second) // a list is signed a second after the last at the earliest
	_, list, _ := d.list("")
	l, err := verify.OpenRevocations(list, d.revokers(), d.web.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	return verify.Decide(text, readKeys(d.t, d.dir).With(l), everyClass, d.web.Now()).Reason
}

// At several windows at the same moment: each thing is done once, the others are told so, and each
// is on record once.
func TestSeveralWindowsAtOnce(t *testing.T) {
	const wang, li, zhao = "wang", "li", "zhao"
	type kinds = map[actlog.Kind]int
	for name, tt := range map[string]struct {
		slip bool // is issued before, by wang
		all  func(d *desk, id string) []func() string
		want map[string]int
		acts []kinds // any of them
	}{
		"one person's paper is issued": {
			all: func(d *desk, _ string) []func() string {
				f := d.slipForm()
				return []func() string{d.officer(wang).does("issue", f), d.officer(li).does("issue", f), d.officer(zhao).does("issue", f), d.officer(wang).does("issue", f)}
			},
			want: map[string]int{"": 1, "slip_valid": 3}, acts: []kinds{{actlog.Issued: 1, actlog.Refused: 3}},
		},
		"it is cancelled and revoked": {
			slip: true,
			all: func(d *desk, id string) []func() string {
				lead := d.officer(zhao, signin.WindowLead)
				only, by := map[string]string{"id": id}, map[string]string{"id": id, "reason": "lost"}
				return []func() string{
					d.officer(wang).does("cancel", only), d.officer(wang).does("revoke", by), lead.does("cancel", only), lead.does("revoke", by),
					d.orders(revokeOrder{Certificate: id, Reason: "stolen", By: "root"}),
				}
			},
			want: map[string]int{"": 1, "slip_over": 4}, acts: []kinds{{actlog.Cancelled: 1}, {actlog.Revoked: 1}},
		},
		"somebody else's is ended by who may not, and by its own officer": {
			slip: true,
			all: func(d *desk, id string) []func() string {
				only, by := map[string]string{"id": id}, map[string]string{"id": id, "reason": "misused"}
				return []func() string{d.officer(li).does("revoke", by), d.officer(li).does("cancel", only), d.officer(wang).does("revoke", by)}
			},
			want: nil, acts: []kinds{{actlog.Revoked: 1}}, // the two are told that it is not theirs, or that it is over
		},
		"it is printed": {
			slip: true,
			all: func(d *desk, id string) (all []func() string) {
				for range 4 {
					all = append(all, d.officer(li).does("print", map[string]string{"id": id}))
				}
				return all
			},
			want: map[string]int{"": 4}, acts: []kinds{{actlog.Reprinted: 4}},
		},
		"its person's number is revoked twice": {
			slip: true,
			all: func(d *desk, _ string) []func() string {
				o := revokeOrder{Document: office.ResidentCard, Number: "11010519491231002X", Reason: "stolen", By: "root"}
				return []func() string{d.orders(o), d.orders(o), d.orders(o)}
			},
			want: map[string]int{"": 1, "this person has no temporary ID that is valid": 2}, acts: []kinds{{actlog.Revoked: 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, true)
			id, text := "", ""
			if tt.slip {
				o := d.officer(wang)
				id = o.issued()
				text = d.printed(o, id)
			}
			before := d.kinds()
			got := atOnce(tt.all(d, id)...)
			if tt.want == nil && (got[""] != 1 || got["not_your_slip"]+got["slip_over"] != 2) || tt.want != nil && !maps.Equal(got, tt.want) {
				t.Errorf("it ended %v; want %v", got, tt.want)
			}
			done := d.kinds()
			for kind, n := range before {
				if done[kind] -= n; done[kind] == 0 {
					delete(done, kind)
				}
			}
			if !slices.ContainsFunc(tt.acts, func(k kinds) bool { return maps.Equal(k, done) }) {
				t.Errorf("on record are %v; want one of %v", done, tt.acts)
			}
			if !tt.slip {
				return
			}
			want := verify.OK
			if done[actlog.Cancelled]+done[actlog.Revoked] > 0 {
				want = verify.Revoked
			}
			if r := d.revokedNow(text); r != want {
				t.Errorf("a gate says %s; want %s", r, want)
			}
			if again, _ := d.asks(d.web.handler(), "/desk/api/issue", d.slipForm(), d.officer(li).header); (again == "") != (want == verify.Revoked) {
				t.Errorf("another one: %q, where the first is %s", again, want)
			}
		})
	}
}

// printed is the text of a slip's code, as the page that is printed has it.
func (d *desk) printed(o *windowOfficer, id string) string {
	d.t.Helper()
	if why := o.does("print", map[string]string{"id": id})(); why != "" {
		d.t.Fatal(why)
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		d.t.Fatal(err)
	}
	p, err := d.web.PrintSlip(verify.CertificateID(raw), office.Officer{Subject: "test"})
	if err != nil {
		d.t.Fatal(err)
	}
	return p.Text
}

// brings is a phone that brings the answer of a check, later.
func (p *phone) brings(away []byte, answer map[string][]string) func() string {
	h := p.d.web.handler()
	return func() string {
		one := func(name string) string { return strings.Join(answer[name], "") }
		in := map[string]any{"ticket": away, "code": one("code"), "state": one("state"), "error": one("error"), "iss": one("iss")}
		why, _ := p.d.asks(h, "/api/check", in, http.Header{http.CanonicalHeaderKey(visitorHeader): {p.page}})
		return why
	}
}

// away is a phone whose check has ended in a way, and that has not come back yet.
func (p *phone) away(path string, how string) func() string {
	p.d.t.Helper()
	var ticket errandReply
	p.must("POST", path, applied{Form: goodForm(), Way: "issuer"}, &ticket)
	away, answer, why := p.trip(ticket.Ticket, how)
	if why != "" {
		p.d.t.Fatal(why)
	}
	return p.brings(away, answer)
}

// Several phones apply for one person at the same moment: one certificate is approved, and one
// phone, of the check that was taken last, sees it.
func TestSeveralPhonesApplyAtOnce(t *testing.T) {
	d := newDesk(t, true)
	phones := []*phone{d.visitor(), d.visitor(), d.visitor(), d.visitor()}
	var all []func() string
	for _, p := range phones {
		all = append(all, p.away("api/apply", "passes"))
	}
	if got := atOnce(all...); got[""] != 1 || got[string(office.StillValid)] != 3 {
		t.Errorf("it ended %v; want one that is approved, and three that are told of it", got)
	}
	see, granted := 0, 0
	for _, p := range phones {
		if p.state().Certificate == nil {
			continue
		}
		see++
		if text, _ := p.code(); d.revokedNow(text) == verify.OK {
			granted++
		}
	}
	if see != 1 || granted != 1 {
		t.Errorf("%d phones see a certificate, and %d have a code; want one", see, granted)
	}
}

// The answer of one check is brought several times at the same moment: it is taken once, and what it
// says counts once.
func TestOneAnswerSeveralTimesAtOnce(t *testing.T) {
	for how, want := range map[string]office.Reason{"passes": "", "mismatch": office.CheckMismatch} {
		d := newDesk(t, true)
		p := d.visitor()
		once := p.away("api/apply", how)
		got := atOnce(once, once, once, once, once, once)
		if got[string(want)] != 1 || got[string(office.CheckStale)] != 5 {
			t.Errorf("a check that %s: it ended %v; want once %q, and the others stale", how, got, want)
		}
		if has := p.state().Certificate != nil; has != (want == "") {
			t.Errorf("a check that %s: a certificate %v", how, has)
		}
		if want == "" {
			continue
		}
		for n := range 5 { // four more count, then it is too many
			why := d.visitor().goes("api/apply", applied{Form: goodForm()}, how)
			if (why == office.CheckTooMany) != (n == 4) {
				t.Errorf("after it, failure %d: %s", n+2, why)
			}
		}
	}
}

// Paper is issued while what the phone holds is revoked, at another window and by whoever runs the
// issuer: what is revoked of the slip is what was said.
func TestPaperWhileThePhoneIsRevokedAtOnce(t *testing.T) {
	for range 4 {
		d := newDesk(t, true)
		p := d.visitor()
		if why := p.applies("issuer"); why != "" {
			t.Fatal(why)
		}
		held, _ := p.code()
		cti := p.state().Certificate.ID
		wang, li := d.officer("wang"), d.officer("li")
		var slip string
		var said revokeAnswer
		got := atOnce(
			func() string {
				why, rec := d.asks(wang.h, "/desk/api/issue", d.slipForm(), wang.header)
				var s struct{ ID string }
				if err := json.Unmarshal(rec.Body.Bytes(), &s); err != nil {
					return err.Error()
				}
				slip = s.ID
				return why
			},
			li.does("revoke", map[string]string{"id": cti, "reason": "lost"}),
			func() string {
				said = d.ordered(revokeOrder{Document: office.ResidentCard, Number: "11010519491231002X", Reason: "stolen", By: "root"})
				return said.Error
			},
		)
		if got[""] != 3 {
			t.Fatalf("it ended %v; want all three done", got)
		}
		ended := slices.Contains(said.Revoked, slip)
		if len(said.Revoked) < 1 || !slices.Contains(said.Revoked, cti) || len(said.Revoked) != map[bool]int{true: 2, false: 1}[ended] {
			t.Errorf("revoked were %q, of the certificate %s and the slip %s", said.Revoked, cti, slip)
		}
		want := map[actlog.Kind]int{actlog.Issued: 1, actlog.Revoked: 1 + len(said.Revoked)}
		if done := d.kinds(); !maps.Equal(done, want) {
			t.Errorf("on record are %v; want %v", done, want)
		}
		if printed := wang.does("print", map[string]string{"id": slip})(); (printed == string(office.SlipOver)) != ended {
			t.Errorf("printing: %q; the slip was revoked: %v", printed, ended)
		}
		if p.state().Certificate != nil {
			t.Error("the phone sees its certificate still")
		}
		if r := d.revokedNow(held); r != verify.Revoked {
			t.Errorf("what the phone holds: %s; want %s", r, verify.Revoked)
		}
	}
}
