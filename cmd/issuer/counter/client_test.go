package counter

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func aClient(id string) Client {
	return Client{ID: id, Scopes: []Scope{Resolve}, Purposes: []Purpose{Sale}, PerMinute: 1, PerDay: 1, Added: noon}
}

func TestClientsAreAddedAndRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "issuer")
	if all, err := Clients(dir); err != nil || all != nil {
		t.Errorf("without a folder: %v, %v; want none", all, err)
	}
	secret, err := AddClient(dir, aClient("one"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, ClientsName))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, ClientsName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("clients.json: %v, %v; want mode 0600", info.Mode(), err)
	}
	if len(secret) != 4+43 || !strings.HasPrefix(secret, "rgs_") || bytes.Contains(data, []byte(secret[4:])) {
		t.Errorf("secret %q, file %s; want 256 bits, and not in the file", secret, data)
	}
	if _, err := AddClient(dir, aClient("one")); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("the same id: %v", err)
	}
	second, err := AddClient(dir, aClient("two"))
	if err != nil || second == secret {
		t.Errorf("the second's secret is the first's, or %v", err)
	}
	all, err := Clients(dir)
	if err != nil || len(all) != 2 || !all[0].opens(secret) || all[0].opens(second) || !all[1].opens(second) || all[0].opens("") {
		t.Errorf("%+v, %v; want one and two, each with its secret", all, err)
	}
	if err := RemoveClient(dir, "one"); err != nil {
		t.Error(err)
	}
	if err := RemoveClient(dir, "one"); err == nil || !strings.Contains(err.Error(), "no client") {
		t.Errorf("removed twice: %v", err)
	}
	if all, err := Clients(dir); err != nil || len(all) != 1 || all[0].ID != "two" {
		t.Errorf("%+v, %v; want two alone", all, err)
	}
}

// Nobody is let in where there is no client, whatever is sent.
func TestNoClientHasNoSecret(t *testing.T) {
	var nobody *Client
	if nobody.opens("") || nobody.opens("x") {
		t.Error("no client is opened")
	}
}

// Two who add clients at once lose neither.
func TestClientsAreAddedAtOnce(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			if _, err := AddClient(dir, aClient(fmt.Sprintf("client-%d", n))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if all, err := Clients(dir); err != nil || len(all) != 8 {
		t.Errorf("%d clients, %v; want 8", len(all), err)
	}
}

func TestClientsThatAreRefused(t *testing.T) {
	digest := strings.Repeat("A", 43) + "="
	one := func(change ...string) string {
		text := `{"id":"one","secret_sha256":"` + digest + `","scopes":["resolve"],"purposes":["sale"],"per_minute":1,"per_day":1,"added":"2026-11-29T04:00:00Z"}`
		return strings.NewReplacer(change...).Replace(text)
	}
	for _, tt := range []struct{ name, clients, want string }{
		{"good", one(), ""},
		{"none", "", ""},
		{"the longest id", one(`"one"`, `"`+strings.Repeat("a", 32)+`"`), ""},
		{"a longer one", one(`"one"`, `"`+strings.Repeat("a", 33)+`"`), "3 to 32"},
		{"the shortest id", one(`"one"`, `"a-1"`), ""},
		{"a shorter one", one(`"one"`, `"a1"`), "3 to 32"},
		{"ends with a hyphen", one(`"one"`, `"on-"`), "3 to 32"},
		{"in capitals", one(`"one"`, `"ONE"`), "3 to 32"},
		{"no digest", one(digest, ""), "0 bytes"},
		{"a short digest", one(digest, "AAAA"), "3 bytes"},
		{"no scope", one(`["resolve"]`, `[]`), "no scope"},
		{"an unknown scope", one(`["resolve"]`, `["admin"]`), "unknown or twice"},
		{"a scope twice", one(`["resolve"]`, `["resolve","resolve"]`), "unknown or twice"},
		{"no purpose", one(`["sale"]`, `[]`), "no purpose"},
		{"an unknown purpose", one(`["sale"]`, `["curiosity"]`), "unknown or twice"},
		{"none a minute", one(`"per_minute":1`, `"per_minute":0`), "a minute"},
		{"most a minute", one(`"per_minute":1`, `"per_minute":6000`), ""},
		{"more a minute", one(`"per_minute":1`, `"per_minute":6001`), "a minute"},
		{"none a day", one(`"per_day":1`, `"per_day":0`), "a day"},
		{"most a day", one(`"per_day":1`, `"per_day":5000000`), ""},
		{"more a day", one(`"per_day":1`, `"per_day":5000001`), "a day"},
		{"an unknown member", one(`"per_day"`, `"admin":true,"per_day"`), "unknown field"},
		{"one id twice", one() + "," + one(), "twice"},
	} {
		_, err := ParseClients([]byte(`{"clients":[` + tt.clients + `]}`))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
	if _, err := ParseClients([]byte(`{"clients":[]}{}`)); err == nil {
		t.Error("two documents are taken")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ClientsName), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Clients(dir); err == nil || !strings.Contains(err.Error(), ClientsName) {
		t.Errorf("a damaged file: %v; want its name", err)
	}
	if _, err := AddClient(dir, aClient("one")); err == nil {
		t.Error("a client is added to a damaged file, which loses the others")
	}
	if _, err := AddClient(t.TempDir(), Client{ID: "one"}); err == nil {
		t.Error("a client without scopes is added")
	}
}

func FuzzParseClients(f *testing.F) {
	for _, seed := range []string{`{"clients":[]}`, `{"clients":[{"id":"one","secret_sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","scopes":["resolve"],"purposes":["sale"],"per_minute":1,"per_day":1}]}`, `{`, `null`, `{"clients":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := ParseClients(data)
		if err != nil {
			return
		}
		for i := range all {
			if err := all[i].Check(); err != nil {
				t.Error(err)
			}
		}
	})
}

// Clients that cannot be read let nobody in, and the cause is in the log.
func TestClientsThatCannotBeRead(t *testing.T) {
	d := newDesk(t)
	token := d.token("ticketing", d.secret, "")
	if err := os.WriteFile(filepath.Join(d.c.dir, ClientsName), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if rec := d.resolve(token, d.code(t, nil), Sale); why(t, rec) != "broken" {
		t.Errorf("a look-up: %d %s; want 500", rec.Code, rec.Body)
	}
	if rec := d.ask("POST", "/oauth/token", asForm, "grant_type=client_credentials", "Authorization", basic("ticketing", d.secret)); why(t, rec) != "broken" {
		t.Errorf("a token: %d %s; want 500", rec.Code, rec.Body)
	}
	if !strings.Contains(d.log.String(), ClientsName) {
		t.Errorf("log %s; want the file's name", d.log)
	}
}
