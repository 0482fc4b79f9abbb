package counter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"railgate/verify"
	"railgate/verify/lane"
	"railgate/verify/mint"
)

// The answer is a gate's, with its words; and asking spends nothing: the same code is
// granted again.
func TestR31TheAnswerIsAGates(t *testing.T) {
	d := newDesk(t)
	token := d.token("ticketing", d.secret, "")
	a := d.answer(token, d.code(t, nil), Sale)
	if a.Holder != d.holder.String() || len(a.Certificate) != 16 || a.Class != 1 || !a.Expires.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("answer %+v; want the certificate of %v, until %v", a, d.holder, noon.Add(24*time.Hour))
	}
	d.fails = errDisk
	if rec := d.resolve(token, d.code(t, nil), Sale); why(t, rec) != "broken" || strings.Contains(rec.Body.String(), "disk") || !strings.Contains(d.log.String(), "disk") {
		t.Errorf("an office that fails: %d %s, log %q; want 500, and what broke in the log alone", rec.Code, rec.Body, d.log)
	}
	d.fails = nil
	for _, tt := range []struct {
		name   string
		code   string
		later  time.Duration
		reason verify.Reason
		zh     string
	}{
		{"good", d.code(t, nil), 0, verify.OK, "核验通过"},
		{"on paper", d.code(t, func(o *mint.Order) { o.Rotation, o.Class = verify.Static, verify.Paper }), 0, verify.OK, "核验通过"},
		{"no code", "RG1:NONSENSE", 0, verify.Malformed, "无法识别，请出示乘车二维码"},
		{"the last second", d.code(t, nil), 69 * time.Second, verify.OK, "核验通过"},
		{"a second later", d.code(t, nil), 70 * time.Second, verify.CodeExpired, "二维码已过期，请点击“刷新”后重试"},
		{"a day later", d.code(t, nil), 24 * time.Hour, verify.CertificateExpired, "证明已失效，请重新申请"},
	} {
		d.now = noon.Add(tt.later)
		fresh := d.token("ticketing", d.secret, "")
		for range 2 {
			a := d.answer(fresh, tt.code, Sale)
			if a.Reason != string(tt.reason) || (a.Decision == "granted") != (tt.reason == verify.OK) || !a.Time.Equal(d.now) {
				t.Errorf("%s: %s %s at %v; want %s at %v", tt.name, a.Decision, a.Reason, a.Time, tt.reason, d.now)
			}
			if len(a.Words) != 2 || a.Words[0] != (lane.Words{Language: "zh", Text: tt.zh}) || a.Words[1].Language != "en" || a.Words[1].Text == "" {
				t.Errorf("%s: words %v; want %s, and English", tt.name, a.Words, tt.zh)
			}
			if signed := tt.reason != verify.Malformed; (a.Certificate != "") != signed || (a.Holder != "") != signed || (a.Class != 0) != signed || a.Expires.IsZero() == signed {
				t.Errorf("%s: certificate %q of %q, class %d until %v", tt.name, a.Certificate, a.Holder, a.Class, a.Expires)
			}
		}
	}
}

func TestR32EachCallerHasItsPurposes(t *testing.T) {
	d := newDesk(t)
	few := d.add(Client{ID: "returns", Scopes: Scopes(), Purposes: []Purpose{Refund, Change}, PerMinute: 100, PerDay: 1000})
	code := d.code(t, nil)
	for _, p := range Purposes() {
		if got := why(t, d.resolve(d.token("ticketing", d.secret, ""), code, p)); got != "" {
			t.Errorf("%s, a caller that may have every purpose: %s", p, got)
		}
		want := map[bool]string{true: "", false: "purpose_not_allowed"}[p == Refund || p == Change]
		before := len(d.acts.acts)
		if got := why(t, d.resolve(d.token("returns", few, ""), code, p)); got != want || (len(d.acts.acts) > before) != (want == "") {
			t.Errorf("%s, a caller that may have refund and change: %q, %d more records; want %q", p, got, len(d.acts.acts)-before, want)
		}
	}
	if last := d.acts.acts[len(d.acts.acts)-1]; last.Purpose != Inspection {
		t.Errorf("the record has the purpose %q; want %q", last.Purpose, Inspection)
	}
}

// What is told beyond the decision, by the scopes of the token.
func TestR33WhatIsToldGoesByScope(t *testing.T) {
	d := newDesk(t)
	d.tickets.list = []Ticket{{ID: "E1", Kind: "single", From: "北京南", To: "天津"}}
	for _, tt := range []struct {
		scopes                 string
		name, document, number string
		tickets                bool
		shown                  []Scope
	}{
		{"resolve", "", "", "", false, nil},
		{"resolve resolve:name", "李*", "resident_id", "", false, []Scope{ResolveName}},
		{"resolve resolve:number", "", "", "110***********002X", false, []Scope{ResolveNumber}},
		{"resolve resolve:ticket", "", "", "", true, []Scope{ResolveTicket}},
		{"", "李*", "resident_id", "110***********002X", true, []Scope{ResolveName, ResolveNumber, ResolveTicket}},
	} {
		a := d.answer(d.token("ticketing", d.secret, tt.scopes), d.code(t, nil), Sale)
		if a.Name != tt.name || a.Document != tt.document || a.Number != tt.number || (a.Tickets != nil) != tt.tickets {
			t.Errorf("%q: told %q %q %q, tickets %v; want %q %q %q, %v", tt.scopes, a.Name, a.Document, a.Number, a.Tickets, tt.name, tt.document, tt.number, tt.tickets)
		}
		if got := d.acts.acts[len(d.acts.acts)-1].Shown; !slices.Equal(got, tt.shown) {
			t.Errorf("%q: the record says that %q was told; want %q", tt.scopes, got, tt.shown)
		}
	}
}

func TestR33ADeniedCodeNamesNobody(t *testing.T) {
	d := newDesk(t)
	d.tickets.list = []Ticket{{ID: "E1", Kind: "single", From: "北京南", To: "天津"}}
	code := d.code(t, nil)
	d.now = noon.Add(2 * time.Minute)
	a := d.answer(d.token("ticketing", d.secret, ""), code, Refund)
	if a.Reason != string(verify.CodeExpired) || a.Certificate == "" || a.Name+a.Document+a.Number != "" || a.Tickets != nil {
		t.Errorf("answer %+v; want code_expired of a certificate, and nobody's name or ticket", a)
	}
	if shown := d.acts.acts[0].Shown; shown != nil {
		t.Errorf("the record says that %q was told", shown)
	}
}

// Somebody whom the register does not know, as with codes of issuer code, is granted all
// the same.
func TestNobodyOnRecord(t *testing.T) {
	d := newDesk(t)
	code := d.code(t, func(o *mint.Order) { o.Holder = "somebody-else" })
	a := d.answer(d.token("ticketing", d.secret, "resolve resolve:name resolve:number"), code, Sale)
	if a.Decision != "granted" || a.Name+a.Document+a.Number != "" || d.acts.acts[0].Shown != nil {
		t.Errorf("answer %+v, told %q; want granted, and no name", a, d.acts.acts[0].Shown)
	}
}

func TestR34EachLookUpIsRecorded(t *testing.T) {
	d := newDesk(t)
	token := d.token("ticketing", d.secret, "resolve resolve:name")
	code := d.code(t, nil)
	a := d.answer(token, code, Change)
	d.answer(token, "RG1:NONSENSE", Sale)
	d.person = &Person{ID: "staff-9", Roles: []string{Conductor}}
	if got := why(t, d.resolve("", code, Inspection)); got != "" {
		t.Fatal(got)
	}
	certificate := d.acts.acts[0].Certificate
	if certificate.String() != a.Certificate {
		t.Errorf("the record has certificate %v; want %s", certificate, a.Certificate)
	}
	want := []Act{
		{noon, "client", "ticketing", Change, certificate, d.holder, "ok", []Scope{ResolveName}},
		{noon, "client", "ticketing", Sale, "", "", "malformed", nil},
		{noon, "person", "staff-9", Inspection, certificate, d.holder, "ok", []Scope{ResolveName, ResolveTicket}},
	}
	if !reflect.DeepEqual(d.acts.acts, want) {
		t.Errorf("the record has\n%+v; want\n%+v", d.acts.acts, want)
	}
	if text := fmt.Sprintf("%+v", d.acts.acts) + d.log.String(); strings.Contains(text, "李") || strings.Contains(text, "002X") || strings.Contains(text, code[:20]) {
		t.Errorf("the record or the log names somebody, or holds a code: %s", text)
	}
}

// No record, no answer.
func TestR34NothingIsToldWithoutARecord(t *testing.T) {
	d := newDesk(t)
	token := d.token("ticketing", d.secret, "")
	d.acts.fails = errDisk
	for _, code := range []string{d.code(t, nil), "RG1:NONSENSE"} {
		rec := d.resolve(token, code, Sale)
		if why(t, rec) != "no_record" || strings.Contains(rec.Body.String(), "decision") || strings.Contains(rec.Body.String(), "李") {
			t.Errorf("status %d, %s; want 503, and nothing of the code", rec.Code, rec.Body)
		}
	}
	if !strings.Contains(d.log.String(), "the disk is full") {
		t.Errorf("log %q; want why", d.log)
	}
}

// A ticketing system that fails or is late costs the tickets, not the answer.
func TestTicketsThatDoNotCome(t *testing.T) {
	code := func(d *desk) Answer {
		return d.answer(d.token("ticketing", d.secret, ""), d.code(t, nil), Sale)
	}
	d := newDesk(t)
	if a := code(d); a.Tickets == nil || len(*a.Tickets) != 0 {
		t.Errorf("no tickets: %v; want an empty list", a.Tickets)
	}
	d.tickets.fails = errDisk
	if a := code(d); a.Decision != "granted" || a.Name == "" || a.Tickets != nil || slices.Contains(d.acts.acts[1].Shown, ResolveTicket) {
		t.Errorf("an error: %+v; want the answer without tickets", a)
	}
	d.c.tickets = nil
	if a := code(d); a.Decision != "granted" || a.Name == "" || a.Tickets != nil {
		t.Errorf("none is connected: %+v; want the answer without tickets", a)
	}
	synctest.Test(t, func(t *testing.T) {
		c := Counter{office: d.fakeOffice, record: d.acts, tickets: &fakeTickets{hangs: true}, log: d.c.log}
		begun := time.Now()
		a, err := c.answer(t.Context(), &caller{scopes: Scopes()}, Request{d.code(t, nil), Sale})
		if err != nil || a.Decision != "granted" || a.Tickets != nil {
			t.Errorf("one that hangs: %+v, %v; want the answer without tickets", a, err)
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("one that hangs is waited for %v; want 2s", took)
		}
	})
}

func TestBenchTickets(t *testing.T) {
	for last, want := range []int{1, 2, 2, 0, 1} {
		holder := verify.HolderID("holder-7" + string(rune(last)))
		got, err := BenchTickets{}.Of(t.Context(), holder, time.Date(2026, 11, 29, 17, 0, 0, 0, time.UTC))
		if err != nil || len(got) != want {
			t.Errorf("%d: %v, %v; want %d tickets", last, got, err, want)
		}
		if len(got) > 0 && got[0].Kind == "single" && !got[0].Departs.Equal(time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)) {
			t.Errorf("departs at %v; want ten o'clock of that day in China", got[0].Departs)
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	d := newDesk(t)
	token := "Bearer " + d.token("ticketing", d.secret, "")
	code := d.code(t, nil)
	good := fmt.Sprintf(`{"code":%q,"purpose":"sale"}`, code)
	for _, tt := range []struct {
		name, method, path, contentType, body string
		status                                int
		why                                   string
	}{
		{"as it should be", "POST", "/v1/resolve", asJSON, good, 200, ""},
		{"with its character set", "POST", "/v1/resolve", asJSON + "; charset=utf-8", good, 200, ""},
		{"a form", "POST", "/v1/resolve", asForm, good, 415, "unsupported_media_type"},
		{"no type", "POST", "/v1/resolve", "", good, 415, "unsupported_media_type"},
		{"no JSON", "POST", "/v1/resolve", asJSON, "nonsense", 400, "bad_request"},
		{"too large", "POST", "/v1/resolve", asJSON, `{"code":"` + strings.Repeat("A", 17<<10) + `"}`, 413, "too_large"},
		{"another method", "GET", "/v1/resolve", "", "", 405, "method_not_allowed"},
		{"another method", "DELETE", "/v1/resolve", "", "", 405, "method_not_allowed"},
		{"what a browser asks before another site's page may", "OPTIONS", "/v1/resolve", "", "", 405, "method_not_allowed"},
		{"another method", "TRACE", "/oauth/token", "", "", 405, "method_not_allowed"},
		{"the list of what is revoked, posted", "POST", "/v1/revocations", asJSON, "{}", 405, "method_not_allowed"},
		{"the description, posted", "OPTIONS", "/v1/openapi.yaml", "", "", 405, "method_not_allowed"},
		{"a method of WebDAV", "PROPFIND", "/v1/resolve", "", "", 405, "method_not_allowed"},
		{"a method that nobody knows", "BREW", "/oauth/token", "", "", 405, "method_not_allowed"},
		{"a method that nobody knows", "BREW", "/v1/revocations", "", "", 405, "method_not_allowed"},
		{"nothing there", "PROPFIND", "/v1/nothing", "", "", 404, "not_found"},
		{"nothing there", "PROPFIND", "/oauth/", "", "", 404, "not_found"},
		{"nothing there", "OPTIONS", "/v1/nothing", "", "", 404, "not_found"},
		{"nothing there", "GET", "/v1/nothing", "", "", 404, "not_found"},
		{"nothing there", "POST", "/oauth/nothing", "", "", 404, "not_found"},
		{"no problem of this name", "GET", "/v1/problems/nothing", "", "", 404, "not_found"},
	} {
		rec := d.ask(tt.method, tt.path, tt.contentType, tt.body, "Authorization", token)
		if rec.Code != tt.status || why(t, rec) != tt.why {
			t.Errorf("%s: %d %s; want %d %s", tt.name, rec.Code, rec.Body, tt.status, tt.why)
		}
		allow := "POST"
		if tt.path == Revocations || tt.path == "/v1/openapi.yaml" {
			allow = "GET, HEAD"
		}
		if got := rec.Header().Get("Allow"); tt.status == 405 && got != allow {
			t.Errorf("%s: Allow %q; want %s", tt.name, got, allow)
		}
	}
	if rec := d.resolve(d.token("ticketing", d.secret, ""), code, Sale); rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("an answer may be kept: Cache-Control %q", rec.Header().Get("Cache-Control"))
	}
}

func TestParseRequest(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"good", `{"code":"RG1:A","purpose":"sale"}`, ""},
		{"in another order", ` {"purpose":"inspection" , "code":"RG1:A"} `, ""},
		{"the longest code", `{"code":"` + strings.Repeat("A", 1024) + `","purpose":"sale"}`, ""},
		{"a longer one", `{"code":"` + strings.Repeat("A", 1025) + `","purpose":"sale"}`, "1024"},
		{"no code", `{"purpose":"sale"}`, "no code"},
		{"an empty code", `{"code":"","purpose":"sale"}`, "no code"},
		{"no purpose", `{"code":"RG1:A"}`, "purpose"},
		{"an unknown purpose", `{"code":"RG1:A","purpose":"curiosity"}`, "purpose"},
		{"a number for a code", `{"code":1,"purpose":"sale"}`, "code is not a text"},
		{"an object for a code", `{"code":{},"purpose":"sale"}`, "code is not a text"},
		{"null", `{"code":null,"purpose":"sale"}`, "code is not a text"},
		{"an unknown member", `{"code":"RG1:A","purpose":"sale","name":"x"}`, "unknown"},
		{"in capitals", `{"CODE":"RG1:A","purpose":"sale"}`, "unknown"},
		{"twice", `{"code":"RG1:A","code":"RG1:B","purpose":"sale"}`, "twice"},
		{"a list", `["RG1:A","sale"]`, "not a JSON object"},
		{"empty", ``, "not a JSON object"},
		{"cut off", `{"code":"RG1:A","purpose":"sale"`, "not JSON"},
		{"cut off in a member", `{"code":"RG1:A","purpose"`, "not JSON"},
		{"two objects", `{"code":"RG1:A","purpose":"sale"}{}`, "more after"},
		{"not UTF-8", "{\"code\":\"\xff\",\"purpose\":\"sale\"}", "UTF-8"},
	} {
		q, err := ParseRequest([]byte(tt.text))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
		if err == nil && (q.Code == "" || !slices.Contains(Purposes(), q.Purpose)) {
			t.Errorf("%s: %+v", tt.name, q)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{`{"code":"RG1:A","purpose":"sale"}`, `{"code":"\u0041","purpose":"refund"}`, `{"code":"","purpose":""}`, `{`, `[]`, `{"code":{"a":1},"purpose":[1]}`, "{\"code\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := ParseRequest(data)
		if err != nil {
			return
		}
		if q.Code == "" || len(q.Code) > maxCode || !slices.Contains(Purposes(), q.Purpose) {
			t.Errorf("%q is read as %+v", data, q)
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := ParseRequest(again); err != nil || r != q {
			t.Errorf("%q is read as %+v, and that as %+v, %v", data, q, r, err)
		}
	})
}

// Each problem has a page that says what to do, and no other name has.
func TestEachProblemIsExplained(t *testing.T) {
	d := newDesk(t)
	for name, p := range problems {
		rec := d.ask("GET", problemPath+name, "", "")
		for _, text := range []string{p.Title, p.Chinese, p.do} {
			if text == "" || rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), text) {
				t.Errorf("%s: %d %q; want %q in it", name, rec.Code, rec.Body, text)
			}
		}
	}
	if p := because("nonsense", ""); p.Status != 500 || p.Type != problemPath+"broken" {
		t.Errorf("a problem without a name: %+v; want broken", p)
	}
}

// What a problem has no use for is in no header, and a wait is told in whole seconds, rounded up.
func TestProblemsHaveTheHeadersThatTheyNeed(t *testing.T) {
	d := newDesk(t)
	for _, tt := range []struct {
		p    problem
		want string // WWW-Authenticate, Allow, Retry-After
	}{
		{problem{Status: http.StatusBadRequest}, "[] [] []"},
		{problem{Status: http.StatusUnauthorized, challenge: "Bearer"}, `["Bearer"] [] []`},
		{problem{Status: http.StatusMethodNotAllowed, allow: "POST"}, `[] ["POST"] []`},
		{problem{Status: http.StatusTooManyRequests, after: 1}, `[] [] ["1"]`},
		{problem{Status: http.StatusTooManyRequests, after: time.Second}, `[] [] ["1"]`},
		{problem{Status: http.StatusTooManyRequests, after: time.Second + 1}, `[] [] ["2"]`},
	} {
		rec := httptest.NewRecorder()
		d.c.refuse(rec, tt.p)
		h := rec.Header()
		if got := fmt.Sprintf("%q %q %q", h["Www-Authenticate"], h["Allow"], h["Retry-After"]); rec.Code != tt.p.Status || got != tt.want {
			t.Errorf("%+v: %d %s; want %s", tt.p, rec.Code, got, tt.want)
		}
	}
	if rec := d.ask("GET", problemPath+"too_many", "", ""); rec.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("what to do is %q; want plain text", rec.Header().Get("Content-Type"))
	}
	var p problem
	rec := d.ask("GET", problemPath+"nonsense", "", "")
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != http.StatusNotFound {
		t.Errorf("a problem that there is not: %d %q, %v; want 404 and one JSON object", rec.Code, rec.Body, err)
	}
}
