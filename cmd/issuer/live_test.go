package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/verify"
)

// A liveIssuer is an issuer serve that is a program of its own, with its own provider.
type liveIssuer struct {
	*desk
	program *exec.Cmd
	said    *bytes.Buffer // on standard error, once it has ended
}

// live starts the program on a folder.
func live(t *testing.T, dir string) *liveIssuer {
	t.Helper()
	l := &liveIssuer{program: exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data", dir, "--bench"), said: new(bytes.Buffer)}
	l.program.Env = append(os.Environ(), asIssuer+"=1")
	l.program.Stderr = l.said
	out, err := l.program.StdoutPipe()
	if err == nil {
		err = l.program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.program.Process.Kill(); l.program.Wait() })
	at, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("it does not begin: %v", err)
	}
	l.desk = &desk{t: t, dir: dir, srv: &httptest.Server{URL: strings.TrimSuffix(strings.TrimSpace(at), "/")}, log: new(bytes.Buffer)}
	return l
}

// ends ends the program by a signal, and gives what it has said.
func (l *liveIssuer) ends(by syscall.Signal) string {
	l.t.Helper()
	if err := l.program.Process.Signal(by); err != nil {
		l.t.Fatal(err)
	}
	if err := l.program.Wait(); err != nil && by != syscall.SIGKILL {
		l.t.Errorf("it ended with %v", err)
	}
	return l.said.String()
}

// later moves the issuer's time.
func (l *liveIssuer) later(by time.Duration) {
	l.t.Helper()
	l.phone().must("POST", "api/bench/advance", map[string]int64{"seconds": int64(by / time.Second)}, nil)
}

// at is another start of the issuer for the same page.
func (p *phone) at(l *liveIssuer) *phone {
	moved := *p
	moved.d = l.desk
	return &moved
}

// says is what is said of a code at a counter.
func (l *liveIssuer) says(token, code string) string {
	l.t.Helper()
	status, a := l.lookUp(code, "sale", "Authorization", "Bearer "+token)
	if status != http.StatusOK {
		return http.StatusText(status)
	}
	return a.Reason
}

// worker is somebody whom the provider has signed in with a role, as a browser.
func (l *liveIssuer) worker(name, page string) *http.Client {
	l.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	resp, err := browser.Get(l.srv.URL + "/signin/start?back=" + page)
	if err != nil {
		l.t.Fatal(err)
	}
	resp.Body.Close()
	resp, err = browser.PostForm(l.srv.URL+"/provider/login", url.Values{"trip": {resp.Request.URL.Query().Get("trip")}, "worker": {name}})
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != page {
		l.t.Fatalf("%s is at %s, %d; want at %s", name, resp.Request.URL, resp.StatusCode, page)
	}
	return browser
}

// desks asks the window, and gives the denial's reason.
func (l *liveIssuer) desks(who *http.Client, path string, in, out any) string {
	l.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := who.Post(l.srv.URL+"/desk/api/"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	var no refusal
	if resp.StatusCode != http.StatusOK {
		if err := json.Unmarshal(data, &no); err != nil || no.Denied.Reason == "" {
			l.t.Fatalf("%s: %d %s", path, resp.StatusCode, data)
		}
	} else if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			l.t.Fatal(err)
		}
	}
	return string(no.Denied.Reason)
}

// The announcement's people at an issuer that is a program of its own, over plain HTTP, as somebody
// else's script would: it is killed twice on the way. What was answered before stands after it.
func TestALiveIssuerIsKilledOnTheWay(t *testing.T) {
	dir, err := os.MkdirTemp("", "iss") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l := live(t, dir)
	status, secret, errOut := tool(t, "--dir", dir, "client", "add", "ticketing", "--scopes", "resolve,resolve:name", "--purposes", "sale")
	if status != 0 {
		t.Fatal(errOut)
	}
	token := l.token(strings.TrimSpace(secret))

	// A passenger applies; the counter is told who it is; another phone takes it over.
	first, second := l.visitor(), l.visitor()
	for how, want := range map[string]office.Reason{"fails": office.CheckFailed, "mismatch": office.CheckMismatch} {
		if why := l.visitor().goes("api/apply", applied{goodForm(), "issuer"}, how); why != want {
			t.Errorf("a check that %s: %q; want %s", how, why, want)
		}
	}
	if why := first.applies("issuer"); why != "" {
		t.Fatal(why)
	}
	firsts, _ := first.code()
	if status, a := l.lookUp(firsts, "sale", "Authorization", "Bearer "+token); status != http.StatusOK || a.Reason != "ok" || a.Name != "李*" {
		t.Errorf("the counter: %d %+v; want ok, and the masked name", status, a)
	}
	if status, _ := l.lookUp(firsts, "refund", "Authorization", "Bearer "+token); status != http.StatusForbidden {
		t.Errorf("another purpose: %d; want %d", status, http.StatusForbidden)
	}
	if why := second.goes("api/view", applied{goodForm(), "issuer"}, "passes"); why != "" {
		t.Fatal(why)
	}

	// The officer issues paper; the program is killed as soon as that is answered.
	wang := l.worker("wang", "/desk/")
	f := office.SlipForm{Name: "李雷", Document: office.ResidentCard, Number: goodForm().Number, Why: "no_phone",
		Journey: office.Journey{Train: "G1", Day: time.Now().In(office.RailwayTime).Format(time.DateOnly), From: "北京南", To: "上海虹桥"}}
	if why := l.desks(wang, "issue", f, nil); why != string(office.ElectronicValid) {
		t.Errorf("with a valid one on the phone: %q; want %s", why, office.ElectronicValid)
	}
	var slip struct{ ID, State string }
	f.Told = true
	if why := l.desks(wang, "issue", f, &slip); why != "" {
		t.Fatal(why)
	}
	said := l.ends(syscall.SIGKILL)

	l = live(t, dir)
	if got := l.says(token, firsts); got != http.StatusText(http.StatusUnauthorized) {
		t.Errorf("a token of before: %s", got)
	}
	token = l.token(strings.TrimSpace(secret))
	first, second = first.at(l), second.at(l)
	if first.state().Certificate != nil || l.says(token, firsts) != string(verify.Revoked) {
		t.Errorf("what the first phone held: %s; want %s, and nothing on its page", l.says(token, firsts), verify.Revoked)
	}
	l.later(time.Second)
	seconds, why := second.code()
	if got := l.says(token, seconds); got != string(verify.OK) {
		t.Errorf("what the second phone shows: %s (%s)", got, why)
	}
	if why := l.desks(wang, "print", map[string]string{"id": slip.ID}, nil); why != "sign_in" {
		t.Errorf("the officer's session of before: %q", why)
	}
	wang = l.worker("wang", "/desk/")
	if why := l.desks(wang, "issue", f, nil); why != string(office.SlipValid) {
		t.Errorf("paper again: %q; want %s", why, office.SlipValid)
	}

	// The phone is lost, and the paper too: both are void after another kill, and on record.
	if why := l.visitor().goes("api/revoke", applied{Form: goodForm()}, "passes"); why != "" {
		t.Fatal(why)
	}
	if why := l.desks(wang, "revoke", map[string]string{"id": slip.ID, "reason": "lost"}, nil); why != "" {
		t.Fatal(why)
	}
	said += l.ends(syscall.SIGKILL)
	l = live(t, dir)
	token = l.token(strings.TrimSpace(secret))
	if got := l.says(token, seconds); got != string(verify.Revoked) || second.at(l).state().Certificate != nil {
		t.Errorf("what the lost phone holds: %s; want %s, and nothing on its page", got, verify.Revoked)
	}
	wang = l.worker("wang", "/desk/")
	if why := l.desks(wang, "print", map[string]string{"id": slip.ID}, nil); why != string(office.SlipOver) {
		t.Errorf("the paper that was lost: %q; want %s", why, office.SlipOver)
	}
	if _, list, _ := l.list(""); len(list) == 0 {
		t.Error("there is no list of revocations")
	} else if r, err := verify.OpenRevocations(list, l.revokers(), time.Now().Add(time.Minute)); err != nil || r == nil {
		t.Errorf("the list: %v", err)
	}
	if status, out, errOut := tool(t, "--dir", dir, "record", "verify"); status != 0 || !strings.Contains(out, "acts, as they were signed") {
		t.Errorf("the record: %d %s%s", status, out, errOut)
	}
	said += l.ends(syscall.SIGTERM)
	if status, out, errOut := tool(t, "--dir", dir, "revoke", "--number", goodForm().Number); status != 0 || strings.Count(out, "revoked ") != 1 {
		t.Errorf("revoking where nothing runs: %d %s%s; want the certificate of the phone", status, out, errOut)
	}
	if strings.Contains(said, "李雷") || strings.Contains(said, goodForm().Number) || strings.Contains(said, "RG1:") || strings.Contains(said, strings.TrimSpace(secret)) {
		t.Errorf("the log names somebody, or has a code or a secret:\n%s", said)
	}
}
