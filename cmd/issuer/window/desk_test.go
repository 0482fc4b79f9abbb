package window

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/office/officetest"
	"railgate/cmd/pages"
	"railgate/verify"
)

// A window is a desk at work in a test. Who asks is what the guard of the test says.
type window struct {
	*testing.T
	*httptest.Server
	office *office.Office
	desk   *Desk
	log    *bytes.Buffer
	who    Person
}

func lead() Person { return Person{office.Officer{Subject: "officer-1", Lead: true}, "王警官"} }

func newWindow(t *testing.T) *window {
	t.Helper()
	w := &window{T: t, log: new(bytes.Buffer), who: Person{office.Officer{Subject: "officer-7"}, "李警官"}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	o, err := office.Open(office.Config{Dir: t.TempDir(), Algorithm: verify.EdDSA, Bench: true, Checker: officetest.Passes{}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.office = o
	w.desk = New(o, Options{Log: log, Who: func(*http.Request) (Person, bool) { return w.who, w.who.Subject != "" }})
	mux := http.NewServeMux()
	mux.Handle("/desk/", http.StripPrefix("/desk", w.desk))
	headers := pages.Policy{Permissions: "camera=()"}.Headers()
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { headers(rw.Header()); mux.ServeHTTP(rw, r) }))
	t.Cleanup(func() { w.Close(); o.Close() })
	return w
}

// ask asks the desk; why is the reason of a denial.
func (w *window) ask(method, path string, in, out any) (status int, why office.Reason) {
	w.Helper()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			w.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, w.URL+"/desk/api/"+path, body)
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		var no refusal
		json.Unmarshal(data, &no) // a plain refusal has no reason
		return resp.StatusCode, no.Denied.Reason
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			w.Fatalf("%s: %v", data, err)
		}
	}
	return resp.StatusCode, ""
}

func (w *window) must(method, path string, in, out any) {
	w.Helper()
	if status, why := w.ask(method, path, in, out); status != http.StatusOK {
		w.Fatalf("%s %s: %d, %q\n%s", method, path, status, why, w.log)
	}
}

func (w *window) form() map[string]any {
	return map[string]any{"name": "李雷", "document": office.ResidentCard, "number": "11010519491231002X", "reason": "no_phone",
		"train": "G1234", "day": w.office.Now().In(office.RailwayTime).Format(time.DateOnly), "from": "北京南", "to": "上海虹桥", "told": false}
}

func (w *window) list() (out slips) {
	w.Helper()
	w.must("GET", "slips", nil, &out)
	return out
}

// From the form to the page that is printed, and back by its number and by the document's.
func TestASlipOverHTTP(t *testing.T) {
	w := newWindow(t)
	var s shownSlip
	w.must("POST", "issue", w.form(), &s)
	if s.Name != "李*" || s.Number != "110***********002X" || s.State != office.SlipIsValid || s.Printed != 0 || !s.Own || s.Train != "G1234" || s.To != "上海虹桥" {
		t.Errorf("issued: %+v", s)
	}
	var p printed
	w.must("POST", "print", map[string]string{"id": s.ID}, &p)
	if p.Name != "李雷" || p.Number != "11010519491231002X" || p.Printed != 1 || p.Code.Size < 40 {
		t.Errorf("printed: %+v", p)
	}
	if got := w.list().Slips; len(got) != 1 || got[0].ID != s.ID || got[0].Printed != 1 || got[0].Name != "李*" {
		t.Errorf("the list: %+v", got)
	}
	for _, tt := range []struct {
		name string
		in   map[string]string
		want int
	}{
		{"its number", map[string]string{"slip": s.ID}, 1},
		{"as it is printed", map[string]string{"slip": strings.ToUpper(s.ID[:4] + " " + s.ID[4:8])}, 1},
		{"another number", map[string]string{"slip": "0123456789abcdef"}, 0},
		{"the document's", map[string]string{"number": "11010519491231002x"}, 1},
		{"another document's", map[string]string{"number": "440106198803052464"}, 0},
	} {
		var found slips
		w.must("POST", "find", tt.in, &found)
		if found.Slips == nil || len(found.Slips) != tt.want {
			t.Errorf("by %s: %+v; want %d", tt.name, found.Slips, tt.want)
		}
	}
	if status, why := w.ask("POST", "issue", w.form(), nil); status != http.StatusForbidden || why != office.SlipValid {
		t.Errorf("a second one: %d, %q; want %s", status, why, office.SlipValid)
	}
	var head struct{ Head string }
	w.must("GET", "record", nil, &head)
	if !strings.HasPrefix(head.Head, "railgate.issuer.acts\n5\n") {
		t.Errorf("the record's head: %q; want one of 5 acts", head.Head)
	}
}

func TestWhatTheDeskRefuses(t *testing.T) {
	w := newWindow(t)
	var s state
	w.must("GET", "state", nil, &s)
	if s.Officer != "李警官" || s.Lead || len(s.Documents) != 7 || len(s.Reasons) != 7 || len(s.Revoke) != 4 {
		t.Errorf("state: %+v", s)
	}
	for _, tt := range []struct {
		name, path string
		in         any
		status     int
		why        office.Reason
	}{
		{"no id", "print", map[string]string{}, http.StatusBadRequest, ""},
		{"an id of 7 bytes", "print", map[string]string{"id": "01234567890123"}, http.StatusBadRequest, ""},
		{"an id that is none", "print", map[string]string{"id": "0123456789abcdeg"}, http.StatusBadRequest, ""},
		{"an unknown id", "print", map[string]string{"id": "0123456789abcdef"}, http.StatusForbidden, office.NoSuchSlip},
		{"another member", "print", map[string]string{"id": "0123456789abcdef", "x": ""}, http.StatusBadRequest, ""},
		{"an empty form", "issue", map[string]string{}, http.StatusForbidden, office.Incomplete},
		{"both numbers", "find", map[string]string{"slip": "0123456789abcdef", "number": "1"}, http.StatusBadRequest, ""},
		{"7 digits", "find", map[string]string{"slip": "0123456"}, http.StatusForbidden, office.NoSuchSlip},
		{"nothing", "find", map[string]string{}, http.StatusForbidden, office.NoSuchSlip},
		{"a body of more than 4 KB", "issue", map[string]string{"name": strings.Repeat("李", 2000)}, http.StatusBadRequest, ""},
	} {
		if status, why := w.ask("POST", tt.path, tt.in, nil); status != tt.status || why != tt.why {
			t.Errorf("%s: %d, %q; want %d, %q", tt.name, status, why, tt.status, tt.why)
		}
	}
	resp, err := http.Post(w.URL+"/desk/api/issue", "text/plain", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a form of another page: %d; want %d", resp.StatusCode, http.StatusBadRequest)
	}
}

// Without a guard's word nothing is answered: a desk that is mounted wrongly is shut.
func TestNobodyIsAnswered(t *testing.T) {
	w := newWindow(t)
	w.who = Person{}
	for _, path := range []string{"state", "slips", "record"} {
		if status, _ := w.ask("GET", path, nil, nil); status != http.StatusInternalServerError {
			t.Errorf("%s: %d; want 500", path, status)
		}
	}
	for _, path := range []string{"issue", "print", "find", "cancel", "revoke"} {
		if status, _ := w.ask("POST", path, w.form(), nil); status != http.StatusInternalServerError {
			t.Errorf("%s: %d; want 500", path, status)
		}
	}
	if !strings.Contains(w.log.String(), errNobody.Error()) {
		t.Errorf("the log says %q", w.log)
	}
}

// An officer's turn is the officer's own.
func TestOfficersWaitTheirTurn(t *testing.T) {
	w := newWindow(t)
	status, n := 0, 0
	for ; n < 100 && status != http.StatusTooManyRequests; n++ {
		status, _ = w.ask("POST", "find", map[string]string{"number": "E1"}, nil)
	}
	if status != http.StatusTooManyRequests || n < 40 {
		t.Errorf("after %d look-ups: %d; want to wait after 40", n, status)
	}
	w.who = lead()
	w.must("POST", "find", map[string]string{"number": "E1"}, nil)
}

// What an officer types is in no log.
func TestTheDesksLogNamesNobody(t *testing.T) {
	w := newWindow(t)
	f := w.form()
	f["name"] = "Xylophone Quartz"
	w.must("POST", "issue", f, nil)
	w.ask("POST", "issue", map[string]any{"name": "Xylophone Quartz", "number": f["number"], "nonsense": 1}, nil)
	w.must("POST", "find", map[string]any{"number": f["number"]}, nil)
	for _, needle := range []string{"Xylophone", "Quartz", f["number"].(string)} {
		if strings.Contains(w.log.String(), needle) {
			t.Errorf("the log has %q:\n%s", needle, w.log)
		}
	}
}

// What may be done with a slip is in the list, and what may not be done is refused.
func TestR20EndingOverHTTP(t *testing.T) {
	w := newWindow(t)
	if w.office.Now().In(time.FixedZone("", 8*3600)).Hour() == 23 { // the list is of a day, and half an hour passes below
		if err := w.office.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var s shownSlip
	w.must("POST", "issue", w.form(), &s)
	officer := w.who
	for _, tt := range []struct {
		name           string
		by             Person
		after          time.Duration
		cancel, revoke bool
	}{
		{"the officer", officer, 0, true, true},
		{"another", Person{office.Officer{Subject: "officer-8"}, "赵警官"}, 0, false, false},
		{"who is in charge", lead(), 0, true, true},
		{"the officer, half an hour later", officer, 31 * time.Minute, false, true},
	} {
		if err := w.office.Advance(tt.after); err != nil {
			t.Fatal(err)
		}
		w.who = tt.by
		if got := w.list().Slips[0]; got.Cancel != tt.cancel || got.Revoke != tt.revoke || got.Own != (tt.by.Subject == officer.Subject) {
			t.Errorf("%s: %+v; want to cancel %v, to revoke %v", tt.name, got, tt.cancel, tt.revoke)
		}
	}
	if status, why := w.ask("POST", "cancel", map[string]string{"id": s.ID}, nil); status != http.StatusForbidden || why != office.TooLateToCancel {
		t.Errorf("cancelling too late: %d, %q; want %s", status, why, office.TooLateToCancel)
	}
	for name, in := range map[string]map[string]string{"no id": {"reason": "lost"}, "another member": {"id": s.ID, "why": "lost"}} {
		if status, _ := w.ask("POST", "revoke", in, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d; want 400", name, status)
		}
	}
	w.must("POST", "revoke", map[string]string{"id": s.ID, "reason": "lost"}, nil)
	if got := w.list().Slips[0]; got.State != office.SlipIsRevoked || got.EndedAs != "lost" || got.Cancel || got.Revoke {
		t.Errorf("revoked: %+v", got)
	}
	w.must("POST", "issue", w.form(), &s)
	w.must("POST", "cancel", map[string]string{"id": s.ID}, nil)
	if got := w.list().Slips[0]; got.State != office.SlipIsCancelled {
		t.Errorf("cancelled: %+v", got)
	}
}

// What a phone holds is found by the document's number, with its end alone, and revoked as a slip is.
func TestR20ALostPhoneOverHTTP(t *testing.T) {
	w := newWindow(t)
	w.approve()
	var found slips
	w.must("POST", "find", map[string]string{"number": "11010519491231002X"}, &found)
	if len(found.Slips) != 0 || len(found.Electronic) != 1 || found.Electronic[0].Ends <= w.office.Now().UnixMilli() {
		t.Fatalf("found %+v; want the phone's", found)
	}
	id := found.Electronic[0].ID
	if status, why := w.ask("POST", "revoke", map[string]string{"id": id, "reason": "nonsense"}, nil); status != http.StatusForbidden || why != office.Incomplete {
		t.Errorf("without a reason: %d, %q", status, why)
	}
	w.must("POST", "revoke", map[string]string{"id": id, "reason": "lost"}, nil)
	if status, why := w.ask("POST", "cancel", map[string]string{"id": id}, nil); status != http.StatusForbidden || why != office.NoSuchSlip {
		t.Errorf("cancelling what a phone holds: %d, %q; want %s", status, why, office.NoSuchSlip)
	}
	if status, why := w.ask("POST", "print", map[string]string{"id": id}, nil); status != http.StatusForbidden || why != office.NoSuchSlip {
		t.Errorf("printing what a phone holds: %d, %q; want %s", status, why, office.NoSuchSlip)
	}
}
