package counter

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Each route has a description, and each description a route.
func TestEachRouteIsDescribed(t *testing.T) {
	d := newDesk(t)
	have := []string{"GET " + Revocations} // cmd/issuer's own
	for _, r := range d.c.routes() {
		have = append(have, r.method+" "+r.path)
	}
	want := described(t).Routes()
	slices.Sort(have)
	slices.Sort(want)
	if len(have) == 0 || !slices.Equal(have, want) {
		t.Errorf("there are the routes %q; openapi.yaml describes %q", have, want)
	}
	for _, r := range d.c.routes() {
		if !Describes(r.path) {
			t.Errorf("%s is not held against openapi.yaml", r.path)
		}
	}
	rec := d.ask("GET", "/v1/openapi.yaml", "", "")
	if rec.Header().Get("Content-Type") != "application/yaml" || rec.Body.String() != string(OpenAPI) {
		t.Errorf("%d, %s: not the document", rec.Code, rec.Header().Get("Content-Type"))
	}
}

// What holds answers against the document finds what is not described.
func TestAnAnswerThatIsNotDescribedIsFound(t *testing.T) {
	doc := described(t)
	const problemJSON = "application/problem+json"
	const answer = `"reason":"ok","words":[{"language":"zh","text":"a"},{"language":"en","text":"a"}],"time":"2026-11-29T04:00:00Z","sub":"0011223344556677","cti":"0011223344556677","class":1,"expires":"2026-11-30T04:00:00Z"`
	const question = `{"code":"RG1:A","purpose":"sale"}`
	for _, tt := range []struct {
		name, path, sent string
		status           int
		header           []string
		body             string
		wrong            bool
	}{
		{"as described", "/v1/resolve", question, 200, nil, `{"decision":"granted",` + answer + `}`, false},
		{"an unknown member", "/v1/resolve", question, 200, nil, `{"decision":"granted","mother":"x",` + answer + `}`, true},
		{"a name for a denied code", "/v1/resolve", question, 200, nil, `{"decision":"denied","name":"x","document":"y",` + answer + `}`, true},
		{"an unknown decision", "/v1/resolve", question, 200, nil, `{"decision":"perhaps",` + answer + `}`, true},
		{"a member is missing", "/v1/resolve", question, 200, nil, `{` + answer + `}`, true},
		{"a question that is not described", "/v1/resolve", `{"code":"RG1:A","purpose":"sale","why":1}`, 200, nil, `{"decision":"granted",` + answer + `}`, true},
		{"another status", "/v1/resolve", question, 418, nil, `{}`, true},
		{"another type", "/v1/resolve", question, 400, []string{"Content-Type", "text/plain"}, `no`, true},
		{"429 without Retry-After", "/v1/resolve", question, 429, []string{"Content-Type", problemJSON}, `{"type":"/v1/problems/too_many","title":"a","zh":"a","status":429}`, true},
		{"429", "/v1/resolve", question, 429, []string{"Content-Type", problemJSON, "Retry-After", "3"}, `{"type":"/v1/problems/too_many","title":"a","zh":"a","status":429}`, false},
		{"a route that is none", "/v1/nothing", question, 200, nil, `{}`, true},
		{"a refusal in plain words", "/v1/nothing", question, 404, []string{"Content-Type", "text/plain"}, `no`, true},
	} {
		r := httptest.NewRequest("POST", tt.path, strings.NewReader(tt.sent))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer x")
		rec := httptest.NewRecorder()
		rec.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(tt.header); i += 2 {
			rec.Header().Set(tt.header[i], tt.header[i+1])
		}
		rec.WriteHeader(tt.status)
		rec.WriteString(tt.body)
		if wrong := doc.Check(r, []byte(tt.sent), rec.Result(), []byte(tt.body)); (len(wrong) > 0) != tt.wrong {
			t.Errorf("%s: found %q; want something: %v", tt.name, wrong, tt.wrong)
		}
	}
}

// The reasons of openapi.yaml are verify's, and its roles, scopes and purposes the package's.
func TestTheDocumentNamesEachScopeAndPurpose(t *testing.T) {
	text := string(OpenAPI)
	for _, s := range Scopes() {
		if !strings.Contains(text, string(s)+`": `) && !strings.Contains(text, "            "+string(s)+": ") {
			t.Errorf("scope %s is not described", s)
		}
	}
	purposes := "enum: ["
	for i, p := range Purposes() {
		if i > 0 {
			purposes += ", "
		}
		purposes += string(p)
	}
	if !strings.Contains(text, purposes+"]") {
		t.Errorf("the document has not %q", purposes)
	}
}

// Files of the page, each by its name, and none other.
func TestThePagesFiles(t *testing.T) {
	d := newDesk(t)
	for path, want := range map[string]string{
		"/counter/": "text/html; charset=utf-8", "/counter/counter.js": "text/javascript; charset=utf-8", "/counter/counter.css": "text/css; charset=utf-8",
		"/counter/look.css": "text/css; charset=utf-8",
		"/counter/words.js": "text/javascript; charset=utf-8", "/counter/icon.svg": "image/svg+xml",
	} {
		if rec := d.ask("GET", path, "", ""); rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != want {
			t.Errorf("%s: %d %s; want %s", path, rec.Code, rec.Header().Get("Content-Type"), want)
		}
	}
	for _, path := range []string{"/counter/index.html", "/counter/nothing", "/counter/web/counter.js"} {
		if rec := d.ask("GET", path, "", ""); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d; want 404", path, rec.Code)
		}
	}
}
