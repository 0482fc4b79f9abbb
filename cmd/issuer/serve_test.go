package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/verify"
)

func TestEveryWayIsGranted(t *testing.T) {
	for _, way := range []string{"", "issuer", "chain", "device"} {
		d := newDesk(t, true)
		p := d.visitor()
		if why := p.applies(way); why != "" {
			t.Fatalf("way %q: denied, %s", way, why)
		}
		text, why := p.code()
		v := d.decide(text)
		if !v.Granted() || way != "" && v.Rotation.String() != way {
			t.Errorf("way %q: %s (%s), %v", way, v.Reason, why, v.Rotation)
		}
	}
}

func TestTheWayIsASettingOfTheCertificate(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("chain")
	p.must("POST", "api/way", map[string]string{"way": "issuer"}, nil)
	text, _ := p.code()
	if v := d.decide(text); !v.Granted() || v.Rotation != verify.ByIssuer {
		t.Errorf("after choosing issuer: %s, %v", v.Reason, v.Rotation)
	}
	if status, _ := p.ask("POST", "api/way", map[string]string{"way": "static"}, nil); status != http.StatusBadRequest {
		t.Errorf("choosing static gets %d", status)
	}
	if status, _ := p.ask("POST", "api/code", office.Proof{Anchor: make([]byte, 16)}, nil); status != http.StatusBadRequest {
		t.Errorf("an anchor where the issuer makes the codes gets %d", status)
	}
}

func TestR4RealPersonCheck(t *testing.T) {
	d := newDesk(t, true)
	for _, tt := range []struct {
		how  string
		want office.Reason
	}{
		{"fails", office.CheckFailed}, {"cancels", office.CheckCancelled}, {"times_out", office.CheckTimedOut}, {"not_alive", office.CheckNotAlive},
		{"unavailable", office.CheckUnavailable}, {"mismatch", office.CheckMismatch}, {"passes", ""},
	} {
		p := d.visitor()
		if got := p.goes("api/apply", applied{Form: goodForm()}, tt.how); got != tt.want {
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
	if _, _, why := q.trip(ticket.Ticket, "passes"); why != office.NoCheck || q.state().Certificate != nil {
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
	away, answer, _ := p.trip(ticket.Ticket, "passes")
	if why := thief.comesBack(away, answer); why != office.CheckStale {
		t.Errorf("another page's errand: %q", why)
	}
	if _, _, why := thief.trip(ticket.Ticket, "passes"); why != office.CheckStale {
		t.Errorf("the way to another page's check: %q", why)
	}
	d.advance(10 * time.Minute)
	if why := p.comesBack(away, answer); why != office.CheckStale {
		t.Errorf("an errand of ten minutes ago: %q", why)
	}
	if why := p.comesBack([]byte("nonsense"), answer); why != office.CheckStale {
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
		if why := d.visitor().applies(""); why != office.StillValid {
			t.Errorf("while it is valid: %q", why)
		}
		d.advance(24 * time.Hour)
	}
	if why := d.visitor().applies(""); why != office.MonthlyLimit {
		t.Errorf("the fourth: %q; want %q", why, office.MonthlyLimit)
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
	u.must("POST", "api/signout", nil, nil)
	if again := d.signedIn(); again.state().Certificate != nil {
		t.Error("after signing out and in again no check is asked for")
	}
}

// One who has a valid certificate and applies again has passed a check: no second one is
// asked for to see it.
func TestR7OneCheckServesToSeeTheValidOne(t *testing.T) {
	d := newDesk(t, true)
	d.visitor().applies("chain")
	d.advance(40 * time.Minute)
	again := d.visitor()
	if why := again.applies(""); why != office.StillValid {
		t.Fatalf("an application while one is valid: %q", why)
	}
	if s := again.state(); s.Certificate == nil || s.Certificate.Why != nil {
		t.Errorf("after the check the page is shown %+v; want the certificate, with a code", s.Certificate)
	}
	failed := d.visitor()
	if why := failed.goes("api/apply", applied{Form: goodForm()}, "fails"); why != office.CheckFailed || failed.state().Certificate != nil {
		t.Errorf("a check that fails: %q, and it is shown: %v", why, failed.state().Certificate != nil)
	}
}

// When a sign-in is over, each answer says what to do; a visitor's page works beside it, and signing in
// again ends it.
func TestR10ASignInThatIsOverSaysWhatToDo(t *testing.T) {
	d := newDesk(t, true)
	u := d.signedIn()
	d.advance(office.SignInLasts)
	if s := u.state(); s.SignedIn || s.Me != nil || s.Over == nil || s.Over.Reason != office.SignInOver || s.Over.Next != "signin" {
		t.Errorf("state %+v; want it over, and what to do", s)
	}
	for _, path := range []string{"api/code", "api/recheck", "api/apply", "api/view"} {
		if _, why := u.ask("POST", path, nil, nil); why != office.SignInOver {
			t.Errorf("%s: %q; want %q", path, why, office.SignInOver)
		}
	}
	var out struct{ Page string }
	u.must("POST", "api/visit", nil, &out)
	u.page = out.Page
	if why := u.goes("api/apply", applied{Form: goodForm()}, "passes"); why != "" || u.state().Over != nil || u.state().Certificate == nil {
		t.Errorf("as a visitor: %q, %+v; want a certificate", why, u.state())
	}
	u.page = ""
	u.must("POST", "api/signin", map[string]string{"account": "example", "password": "passenger"}, nil)
	if s := u.state(); !s.SignedIn || s.Over != nil {
		t.Errorf("signed in again: %+v", s)
	}
}

// Signing out ends every session of the account, in every tab and browser, and each
// answer to them says so.
func TestR10SigningOutEndsEveryTab(t *testing.T) {
	d := newDesk(t, true)
	u, elsewhere := d.signedIn(), d.signedIn()
	for _, p := range []*phone{elsewhere, u} {
		if why := p.goes("api/view", struct{}{}, "passes"); why != "" && why != office.NoCertificate {
			t.Fatal(why)
		}
	}
	if why := u.goes("api/apply", applied{Form: office.Form{City: "北京"}}, "passes"); why != "" {
		t.Fatal(why)
	}
	var ticket errandReply
	u.must("POST", "api/recheck", nil, &ticket)
	stolen := &phone{d: d, client: &http.Client{Jar: d.jar(u)}} // the cookie as it was
	u.must("POST", "api/signout", nil, nil)
	for name, p := range map[string]*phone{"another tab": u, "another browser": elsewhere, "the cookie as it was": stolen, "data cleared": d.phone()} {
		if s := p.state(); s.SignedIn || s.Me != nil || s.Certificate != nil {
			t.Errorf("%s: signed in %v as %v, certificate %v", name, s.SignedIn, s.Me, s.Certificate)
		}
		for _, path := range []string{"api/code", "api/recheck", "api/apply", "api/view"} {
			if _, why := p.ask("POST", path, nil, nil); why != office.SessionEnded {
				t.Errorf("%s: %s: %q; want %q", name, path, why, office.SessionEnded)
			}
		}
		if _, why := p.ask("GET", "api/history", nil, nil); why != office.SignedOut {
			t.Errorf("%s: history: %q; want %q", name, why, office.SignedOut)
		}
		if _, why := p.ask("POST", "api/check/start", errandReply{ticket.Ticket}, nil); why != office.CheckStale {
			t.Errorf("%s: the errand of before: %q; want %q", name, why, office.CheckStale)
		}
	}
}

// A browser that was a visitor's and is signed in now is the user, whatever it also sends.
func TestR10ASignedInBrowserIsTheUser(t *testing.T) {
	d := newDesk(t, true)
	p := d.signedIn()
	p.page = d.visitor().page
	if status, why := p.ask("GET", "api/history", nil, nil); why == office.SignedOut {
		t.Errorf("status %d, %q; want the user's history", status, why)
	}
}

func TestR11HistoryIsForSignedInUsers(t *testing.T) {
	d := newDesk(t, true)
	u := d.signedIn()
	in := applied{Form: office.Form{City: "北京"}}
	if why := u.goes("api/apply", in, "passes"); why != "" {
		t.Fatal(why)
	}
	u.goes("api/apply", in, "passes")
	var out struct{ Applications []shownApplication }
	u.must("GET", "api/history", nil, &out)
	if len(out.Applications) != 2 || out.Applications[0].Denied == nil || out.Applications[1].Certificate == "" {
		t.Errorf("history %+v; want a denied one and an approved one", out.Applications)
	}
	if _, why := d.visitor().ask("GET", "api/history", nil, nil); why != office.SignedOut {
		t.Errorf("a visitor: %q", why)
	}
	// what is typed is not looked at: an account acts for its own user
	in.Form = office.Form{Name: "韩梅梅", Document: office.ResidentCard, Number: "440106198803052464", City: "北京"}
	if why := u.goes("api/apply", in, "passes"); why != office.StillValid {
		t.Errorf("for somebody else: %q", why)
	}
}

// A stranger who knows a passenger's number, and even the name, learns nothing of them
// before a real-person check as that person: no history, no certificate, no reason.
func TestNothingOfAnybodyBeforeACheckAsThatPerson(t *testing.T) {
	d := newDesk(t, true)
	victim := d.visitor()
	if why := victim.applies(""); why != "" {
		t.Fatal(why)
	}
	for account, name := range map[string]string{"invented": "王五", "guessed": goodForm().Name} {
		f := goodForm()
		f.Name = name
		thief := d.signUp(account, f)
		for _, path := range []string{"view", "apply"} {
			for _, how := range []string{"fails", "times_out"} {
				if why := thief.goes("api/"+path, f, how); why != office.CheckFailed && why != office.CheckTimedOut {
					t.Errorf("%s: %s, a check that %s: %q", account, path, how, why)
				}
			}
		}
		var out struct{ Applications []shownApplication }
		if status, why := thief.ask("GET", "api/history", nil, &out); why != office.NotVerified || len(out.Applications) > 0 {
			t.Errorf("%s: status %d, %q, %d applications; want %q", account, status, why, len(out.Applications), office.NotVerified)
		}
		if thief.state().Certificate != nil {
			t.Errorf("%s: sees the certificate", account)
		}
	}
	// Where another name is on record even a check that passes opens nothing.
	f := goodForm()
	f.Name = "王五"
	thief := d.signUp("passed", f)
	if why := thief.goes("api/view", f, "passes"); why != office.DetailsDiffer {
		t.Errorf("another name: %q; want %q", why, office.DetailsDiffer)
	}
	if _, why := thief.ask("GET", "api/history", nil, nil); why != office.NotVerified {
		t.Errorf("after it: %q; want %q", why, office.NotVerified)
	}
}

// One check as the account's own person opens the history for good, whatever came of
// the errand.
func TestR11HistoryOpensWithTheOwnersCheck(t *testing.T) {
	d := newDesk(t, true)
	u := d.signUp("owner", goodForm())
	if why := u.goes("api/view", struct{}{}, "passes"); why != office.NoCertificate {
		t.Fatalf("with nothing on record: %q", why)
	}
	d.visitor().applies("")
	u.must("POST", "api/signout", nil, nil)
	u.must("POST", "api/signin", map[string]string{"account": "owner", "password": "correct horse"}, nil)
	var out struct{ Applications []shownApplication }
	u.must("GET", "api/history", nil, &out)
	if len(out.Applications) != 1 {
		t.Errorf("%d applications; want 1", len(out.Applications))
	}
}

func TestR9OverHTTP(t *testing.T) {
	d := newDesk(t, true)
	p := d.visitor()
	p.applies("issuer")
	d.advance(30 * time.Minute)
	if _, why := p.code(); why != office.LivenessDue {
		t.Errorf("after 30 minutes: %q", why)
	}
	if s := p.state(); s.Certificate == nil || s.Certificate.Why == nil || s.Certificate.Why.Reason != office.LivenessDue {
		t.Errorf("the page is told %+v", s.Certificate)
	}
	if why := p.goes("api/recheck", struct{}{}, "fails"); why != office.CheckFailed {
		t.Errorf("a check that fails: %q", why)
	}
	if why := p.goes("api/recheck", struct{}{}, "passes"); why != "" {
		t.Fatal(why)
	}
	if text, why := p.code(); !func() bool { v := d.decide(text); return v.Granted() }() {
		t.Errorf("after a check: %s", why)
	}
	d.advance(24 * time.Hour)
	if _, why := p.code(); why != office.CertificateEnded {
		t.Errorf("after 24 hours: %q", why)
	}
	if why := p.goes("api/recheck", struct{}{}, "passes"); why != office.CertificateEnded {
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
	d.visitor().must("POST", "api/bench/paper", office.Form{Name: "Ada Lovelace", Document: "passport", Number: "E12345678"}, &out)
	d.advance(3 * time.Hour)
	if v := d.decide(out.Text); !v.Granted() || v.Class != verify.Paper {
		t.Errorf("paper: %s, class %d", v.Reason, v.Class)
	}
}

// The police window lets in officers, and nobody else; who is in charge is the provider's
// to say.
func TestR17TheWindowIsForOfficers(t *testing.T) {
	d := newDesk(t, false)
	cookie := func(roles ...string) http.Header {
		return http.Header{"Cookie": {signintest.As(d.web.people, "李警官", roles...).String()}}
	}
	h := d.web.handler()
	for _, tt := range []struct {
		name   string
		header http.Header
		status int
		want   string
	}{
		{"a passenger", nil, http.StatusServiceUnavailable, "no_provider"},
		{"a conductor", cookie(signin.Conductor, signin.Clerk, signin.Staff), http.StatusForbidden, "no_role"},
		{"who is in charge of officers, and none", cookie(signin.WindowLead), http.StatusForbidden, "no_role"},
		{"an officer", cookie(signin.Window), http.StatusOK, `"lead":false`},
		{"the officer in charge", cookie(signin.Window, signin.WindowLead), http.StatusOK, `"lead":true`},
	} {
		for _, path := range []string{"/desk/api/state", "/desk/"} {
			rec := d.ask(h, "GET", path, "", tt.header)
			if want := tt.want; rec.Code != tt.status || path != "/desk/" && !strings.Contains(rec.Body.String(), want) {
				t.Errorf("%s, %s: %d, %s; want %d, %s", tt.name, path, rec.Code, rec.Body, tt.status, want)
			}
		}
	}
	issue := `{"name":"李雷","document":"resident_id","number":"11010519491231002X","reason":"other","train":"G1","day":"` +
		d.web.Now().In(office.RailwayTime).Format(time.DateOnly) + `","from":"北京南","to":"上海虹桥","told":false}`
	if rec := d.ask(h, "POST", "/desk/api/issue", issue, cookie(signin.Conductor)); rec.Code != http.StatusForbidden {
		t.Errorf("a conductor issues: %d, %s", rec.Code, rec.Body)
	}
	elsewhere := cookie(signin.Window)
	elsewhere.Set("Sec-Fetch-Site", "cross-site")
	if rec := d.ask(h, "POST", "/desk/api/issue", issue, elsewhere); rec.Code != http.StatusForbidden {
		t.Errorf("another site's page issues: %d, %s", rec.Code, rec.Body)
	}
	if rec := d.ask(h, "POST", "/desk/api/issue", issue, cookie(signin.Window)); rec.Code != http.StatusOK {
		t.Errorf("an officer issues: %d, %s", rec.Code, rec.Body)
	}
	if rec := d.ask(h, "POST", "/api/bench/paper", "{}", nil); rec.Code == http.StatusOK {
		t.Errorf("without a bench, paper from the passenger's page: %d, %s", rec.Code, rec.Body)
	}
}
