package counter

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The token endpoint, by the letter of RFC 6749.
func TestR35TheTokenEndpoint(t *testing.T) {
	d := newDesk(t)
	few := d.add(Client{ID: "few", Scopes: []Scope{Resolve, ResolveName}, Purposes: []Purpose{Sale}, PerMinute: 100, PerDay: 1000})
	const grantType = "grant_type=client_credentials"
	post := "client_id=few&client_secret=" + few
	for _, tt := range []struct {
		name, query, contentType, auth, body string
		status                               int
		code, scope                          string
	}{
		{"by Basic", "", asForm, basic("few", few), grantType, 200, "", "resolve resolve:name"},
		{"in the body", "", asForm, "", grantType + "&" + post, 200, "", "resolve resolve:name"},
		{"with the id in both", "", asForm, basic("few", few), grantType + "&client_id=few", 200, "", "resolve resolve:name"},
		{"one scope", "", asForm, basic("few", few), grantType + "&scope=resolve", 200, "", "resolve"},
		{"a scope twice", "", asForm, basic("few", few), grantType + "&scope=resolve+resolve", 200, "", "resolve"},
		{"escaped, as RFC 6749 has it", "", asForm, basic("%66ew", strings.ReplaceAll(few, "_", "%5F")), grantType, 200, "", "resolve resolve:name"},
		{"what is unknown is ignored", "", asForm, basic("few", few), grantType + "&audience=x", 200, "", "resolve resolve:name"},
		{"a scope that it has not", "", asForm, basic("few", few), grantType + "&scope=resolve+resolve:number", 400, "invalid_scope", ""},
		{"a scope that nobody has", "", asForm, basic("few", few), grantType + "&scope=admin", 400, "invalid_scope", ""},
		{"two spaces", "", asForm, basic("few", few), grantType + "&scope=resolve++resolve:name", 400, "invalid_scope", ""},
		{"another grant", "", asForm, basic("few", few), "grant_type=password", 400, "unsupported_grant_type", ""},
		{"no grant", "", asForm, basic("few", few), "", 400, "unsupported_grant_type", ""},
		{"a parameter twice", "", asForm, basic("few", few), grantType + "&" + grantType, 400, "invalid_request", ""},
		{"proves itself twice", "", asForm, basic("few", few), grantType + "&" + post, 400, "invalid_request", ""},
		{"in the address", "?" + grantType, asForm, basic("few", few), "", 400, "invalid_request", ""},
		{"a form that cannot be read", "", asForm, basic("few", few), grantType + "&%zz=1", 400, "invalid_request", ""},
		{"a wrong secret", "", asForm, basic("few", few+"x"), grantType, 401, "invalid_client", ""},
		{"another's secret", "", asForm, basic("few", d.secret), grantType, 401, "invalid_client", ""},
		{"no secret", "", asForm, basic("few", ""), grantType, 401, "invalid_client", ""},
		{"an unknown client", "", asForm, basic("nobody", few), grantType, 401, "invalid_client", ""},
		{"nobody", "", asForm, "", grantType, 401, "invalid_client", ""},
		{"another id in the body", "", asForm, basic("few", few), grantType + "&client_id=ticketing", 401, "invalid_client", ""},
		{"not Basic", "", asForm, "Digest x", grantType, 401, "invalid_client", ""},
		{"Basic that cannot be read", "", asForm, basic("%zz", few), grantType, 401, "invalid_client", ""},
		{"Basic whose secret cannot be read", "", asForm, basic("few", "%zz"), grantType, 401, "invalid_client", ""},
		{"JSON", "", asJSON, basic("few", few), `{"grant_type":"client_credentials"}`, 415, "", ""},
		{"too large", "", asForm, basic("few", few), grantType + "&x=" + strings.Repeat("a", 17<<10), 413, "", ""},
	} {
		header := []string{}
		if tt.auth != "" {
			header = []string{"Authorization", tt.auth}
		}
		rec := d.ask("POST", "/oauth/token"+tt.query, tt.contentType, tt.body, header...)
		var got struct {
			grant
			tokenError
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != tt.status || got.Name != tt.code || got.Scope != tt.scope {
			t.Errorf("%s: %d %s; want %d %s %s", tt.name, rec.Code, rec.Body, tt.status, tt.code, tt.scope)
		}
		if (tt.status == 401) != (rec.Header().Get("WWW-Authenticate") == `Basic realm="railgate", charset="UTF-8"`) {
			t.Errorf("%s: WWW-Authenticate %q", tt.name, rec.Header().Get("WWW-Authenticate"))
		}
		if rec.Header().Get("Cache-Control") != "no-store" || tt.status == 200 && (rec.Header().Get("Pragma") != "no-cache" || got.Type != "Bearer" || got.Expires != 300) {
			t.Errorf("%s: header %v, %+v; want a Bearer for 300 s that nobody keeps", tt.name, rec.Header(), got.grant)
		}
	}
	for _, secret := range []string{d.secret, few} {
		if strings.Contains(d.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
	if !strings.Contains(d.log.String(), "client=nobody") {
		t.Errorf("log %s; want who did not prove themselves", d.log)
	}
}

// What ends a token, and what does not.
func TestR35ATokenEnds(t *testing.T) {
	key, c := newTokenKey(), Client{ID: "ticketing", Secret: digestOf("a"), Scopes: []Scope{Resolve, ResolveName}}
	other, renewed, fewer := c, c, c
	other.ID = "another"
	renewed.Secret = digestOf("b")
	fewer.Scopes = []Scope{Resolve}
	token := makeToken(key, &c, []Scope{Resolve, ResolveName}, noon)
	for _, tt := range []struct {
		name    string
		key     []byte
		clients []Client
		later   time.Duration
		want    []Scope // nil: it is not taken
	}{
		{"at once", key, []Client{other, c}, 0, []Scope{Resolve, ResolveName}},
		{"in its last second", key, []Client{c}, 299 * time.Second, []Scope{Resolve, ResolveName}},
		{"after five minutes", key, []Client{c}, 300 * time.Second, nil},
		{"the issuer started again", newTokenKey(), []Client{c}, 0, nil},
		{"the client is removed", key, []Client{other}, 0, nil},
		{"the client has another secret", key, []Client{renewed}, 0, nil},
		{"a scope is taken away", key, []Client{fewer}, 0, []Scope{Resolve}},
	} {
		got, scopes, err := readToken(tt.key, token, tt.clients, noon.Add(tt.later))
		if (err == nil) != (tt.want != nil) || !slices.Equal(scopes, tt.want) || err == nil && got.ID != c.ID {
			t.Errorf("%s: %v %q, %v; want %q", tt.name, got, scopes, err, tt.want)
		}
	}
}

// A token is taken as it was made, and not with a byte changed, added or missing.
func TestR35ATokenIsNotAltered(t *testing.T) {
	key, c := newTokenKey(), Client{ID: "ticketing", Secret: digestOf("a"), Scopes: Scopes()}
	token := makeToken(key, &c, []Scope{Resolve}, noon)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	taken := func(text string) bool {
		_, _, err := readToken(key, text, []Client{c}, noon)
		return err == nil
	}
	if !taken(token) {
		t.Fatal("the token itself is not taken")
	}
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		if taken(base64.RawURLEncoding.EncodeToString(changed)) || taken(base64.RawURLEncoding.EncodeToString(raw[:i])) {
			t.Errorf("with byte %d changed, or cut off there, it is taken", i)
		}
	}
	more := slices.Clone(raw[:len(raw)-tokenMAC])
	more = append(append(more, " resolve:number"...), raw[len(raw)-tokenMAC:]...)
	for _, text := range []string{"", token + "=", token + "\n", " " + token, base64.RawURLEncoding.EncodeToString(more), base64.StdEncoding.EncodeToString(raw) + "x"} {
		if taken(text) {
			t.Errorf("%q is taken", text)
		}
	}
	long := Client{ID: "ticketing", Secret: c.Secret, Scopes: slices.Repeat([]Scope{Resolve}, 60)}
	if text := makeToken(key, &long, long.Scopes, noon); len(text) <= maxToken || taken(text) {
		t.Errorf("a token of %d characters is taken", len(text))
	}
	filled := Scope(strings.Repeat("x", maxToken*3/4-tokenMAC-8-len("ticketing")-1))
	if text := makeToken(key, &c, []Scope{filled}, noon); len(text) != maxToken || !taken(text) {
		t.Errorf("a token of %d characters is refused", len(text))
	}
	second := []byte(token) // a last character whose unused bits are set
	if spare := len(raw) % 3; spare != 0 {
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		at := len(second) - 1
		second[at] = letters[strings.IndexByte(letters, second[at])|1]
		if string(second) != token && taken(string(second)) {
			t.Error("a second spelling is taken")
		}
	}
}

func FuzzToken(f *testing.F) {
	key, c := []byte("a key"), Client{ID: "ticketing", Secret: digestOf("a"), Scopes: Scopes()}
	good := makeToken(key, &c, []Scope{Resolve}, noon)
	for _, seed := range []string{good, good[:20], "", "AAAA", strings.Repeat("A", 600)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := readToken(key, text, []Client{c}, noon); err == nil && text != good {
			t.Errorf("%q is taken", text)
		}
	})
}

// RFC 6750: what is said to whom a look-up is refused for want of a token.
func TestR35WhoHasNoTokenIsTold(t *testing.T) {
	d := newDesk(t)
	code := d.code(t, nil)
	noResolve := d.token("ticketing", d.secret, "resolve:name")
	good := d.token("ticketing", d.secret, "")
	for _, tt := range []struct {
		name      string
		header    []string
		why       string
		challenge string
	}{
		{"nothing", nil, "unauthorized", `Bearer realm="railgate"`},
		{"a good token", []string{"Authorization", "Bearer " + good}, "", ""},
		{"in small letters", []string{"Authorization", "bearer " + good}, "", ""},
		{"no token", []string{"Authorization", "Bearer nonsense"}, "invalid_token", `error="invalid_token"`},
		{"another scheme", []string{"Authorization", basic("ticketing", d.secret)}, "invalid_token", `error="invalid_token"`},
		{"a good token under another scheme", []string{"Authorization", "Basic " + good}, "invalid_token", `error="invalid_token"`},
		{"two tokens", []string{"Authorization", "Bearer " + good, "Authorization", "Bearer " + good}, "invalid_token", `error="invalid_token"`},
		{"without resolve", []string{"Authorization", "Bearer " + noResolve}, "insufficient_scope", `error="insufficient_scope", scope="resolve"`},
	} {
		rec := d.resolve("", code, Sale, tt.header...)
		if got := rec.Header().Get("WWW-Authenticate"); why(t, rec) != tt.why || tt.challenge == "" && got != "" || !strings.Contains(got, tt.challenge) {
			t.Errorf("%s: %d, %q; want %s, %s", tt.name, rec.Code, got, tt.why, tt.challenge)
		}
	}
	if rec := d.resolve("", code, Sale); strings.Contains(rec.Header().Get("WWW-Authenticate"), "error") {
		t.Error("where nothing was sent there is an error code (RFC 6750, 3.1)")
	}
	if rec := d.ask("POST", "/v1/resolve?access_token="+good, asJSON, `{"code":"RG1:A","purpose":"sale"}`); rec.Code != http.StatusUnauthorized {
		t.Errorf("a token in the address: status %d; want 401", rec.Code)
	}
	if err := RemoveClient(d.c.dir, "ticketing"); err != nil {
		t.Fatal(err)
	}
	if rec := d.resolve(good, code, Sale); why(t, rec) != "invalid_token" {
		t.Errorf("once the client is removed: %d; want 401", rec.Code)
	}
}

func TestR36EachClientHasItsLimits(t *testing.T) {
	d := newDesk(t)
	few := d.add(Client{ID: "few", Scopes: Scopes(), Purposes: Purposes(), PerMinute: 2, PerDay: 3})
	code := d.code(t, nil)
	token, other := d.token("few", few, ""), d.token("ticketing", d.secret, "")
	step := func(n string, later time.Duration, want string, after string) {
		t.Helper()
		d.now = noon.Add(later)
		rec := d.resolve(token, code, Sale)
		if why(t, rec) != want || rec.Header().Get("Retry-After") != after {
			t.Errorf("%s: %d, after %q; want %q, after %q", n, rec.Code, rec.Header().Get("Retry-After"), want, after)
		}
	}
	step("the first", 0, "", "")
	step("the second", 0, "", "")
	step("the third of the minute", 0, "too_many", "30")
	step("a second later", time.Second, "too_many", "29")
	step("half a minute later", 30*time.Second, "", "")
	step("the fourth of the day", time.Minute, "too_many", "28740") // 8 h after the first, less a minute
	if got := why(t, d.resolve(other, code, Sale)); got != "" {
		t.Errorf("another client: %s; want an answer", got)
	}
	if n := len(d.acts.acts); n != 4 {
		t.Errorf("%d look-ups are recorded; want the 4 that were answered", n)
	}
}

func TestR36PeopleHaveTheirLimits(t *testing.T) {
	d := newDesk(t)
	d.person = &Person{ID: "staff-9", Roles: []string{Clerk}}
	code := d.code(t, nil)
	for range 60 {
		if got := why(t, d.resolve("", code, Sale)); got != "" {
			t.Fatal(got)
		}
	}
	if got := why(t, d.resolve("", code, Sale)); got != "too_many" {
		t.Errorf("the 61st of a minute: %q; want too_many", got)
	}
	if c, err := byRole(d.person); err != nil || c.perDay != 3000 {
		t.Errorf("%+v, %v; want 3000 a day", c, err)
	}
	d.person = &Person{ID: "staff-10", Roles: []string{Clerk}}
	if got := why(t, d.resolve("", code, Sale)); got != "" {
		t.Errorf("somebody else: %q", got)
	}
}

// Before it is known who asks, the address counts.
func TestR36AddressesHaveTheirLimits(t *testing.T) {
	d := newDesk(t)
	for range 60 {
		d.ask("POST", "/oauth/token", asForm, "", "Authorization", "Basic x")
	}
	if rec := d.ask("POST", "/oauth/token", asForm, "", "Authorization", basic("ticketing", d.secret)); why(t, rec) != "too_many" || rec.Header().Get("Retry-After") != "1" {
		t.Errorf("the 61st request for a token: %d; want 429, after 1 s", rec.Code)
	}
	d.c.limits.lookups = newLimits().lookups
	for n := range 601 {
		rec := d.resolve("nonsense", "RG1:A", Sale)
		if want := map[bool]int{false: 401, true: 429}[n == 600]; rec.Code != want {
			t.Fatalf("guess %d of a token: %d; want %d", n+1, rec.Code, want)
		}
	}
	l := newLimits()
	for range 600 {
		l.lookUp("192.0.2.1", noon)
	}
	for n, want := range []bool{true, false} { // one more each five milliseconds
		if _, ok := l.lookUp("192.0.2.1", noon.Add(5*time.Millisecond)); ok != want {
			t.Errorf("five milliseconds later, look-up %d: %v; want %v", n+1, ok, want)
		}
	}
}

func TestR37ClerksAndConductorsAlone(t *testing.T) {
	d := newDesk(t)
	d.tickets.list = []Ticket{}
	code := d.code(t, nil)
	for _, tt := range []struct {
		name    string
		person  *Person
		header  []string
		purpose Purpose
		why     string
		number  bool
	}{
		{"nobody", nil, nil, Sale, "unauthorized", false},
		{"a clerk", &Person{ID: "9", Roles: []string{Clerk}}, nil, Sale, "", true},
		{"a clerk inspects", &Person{ID: "9", Roles: []string{"window", Clerk}}, nil, Inspection, "", true},
		{"a conductor", &Person{ID: "9", Roles: []string{Conductor}}, nil, Inspection, "", false},
		{"a conductor sells", &Person{ID: "9", Roles: []string{Conductor}}, nil, Sale, "purpose_not_allowed", false},
		{"the police window", &Person{ID: "9", Roles: []string{"window"}}, nil, Inspection, "not_staff", false},
		{"no role", &Person{ID: "9"}, nil, Inspection, "not_staff", false},
		{"a clerk, from another site's page", &Person{ID: "9", Roles: []string{Clerk}}, []string{"Sec-Fetch-Site", "cross-site"}, Sale, "cross_site", false},
		{"a clerk, from another origin", &Person{ID: "9", Roles: []string{Clerk}}, []string{"Origin", "https://elsewhere.example"}, Sale, "cross_site", false},
		{"a clerk, from the own page", &Person{ID: "9", Roles: []string{Clerk}}, []string{"Sec-Fetch-Site", "same-origin"}, Sale, "", true},
		{"a cookie does not help a bad token", &Person{ID: "9", Roles: []string{Clerk}}, []string{"Authorization", "Bearer nonsense"}, Sale, "invalid_token", false},
	} {
		d.person = tt.person
		rec := d.resolve("", code, tt.purpose, tt.header...)
		var a Answer
		json.Unmarshal(rec.Body.Bytes(), &a) // a problem has none of it
		if why(t, rec) != tt.why || (a.Number != "") != tt.number || (a.Name != "") != (tt.why == "") {
			t.Errorf("%s: %d %s; want %q, the number: %v", tt.name, rec.Code, rec.Body, tt.why, tt.number)
		}
	}
	d.person, d.broken = nil, errDisk
	if rec := d.resolve("", code, Sale); why(t, rec) != "broken" {
		t.Errorf("who cannot be looked up is taken for nobody: %d", rec.Code)
	}
}

// The page is told who is signed in.
func TestThePageIsToldWhoIsSignedIn(t *testing.T) {
	d := newDesk(t)
	for _, tt := range []struct {
		person *Person
		status int
		body   string
	}{
		{nil, 401, "unauthorized"},
		{&Person{ID: "9", Name: "王芳", Roles: []string{Clerk}}, 200, `{"name":"王芳","purposes":["sale","refund","change","inspection"]}`},
		{&Person{ID: "9", Name: "王芳", Roles: []string{Conductor}}, 200, `{"name":"王芳","purposes":["inspection"]}`},
		{&Person{ID: "9", Name: "王芳"}, 403, "not_staff"},
	} {
		d.person = tt.person
		if rec := d.ask("GET", "/counter/me", "", ""); rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.body) {
			t.Errorf("%+v: %d %s; want %d %s", tt.person, rec.Code, rec.Body, tt.status, tt.body)
		}
	}
}
