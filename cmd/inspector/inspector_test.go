package inspector

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"railgate/verify"
	"railgate/verify/lane"
)

// someFiles stand for what make build makes.
var someFiles = fstest.MapFS{"inspector.wasm.br": {Data: packedQuickly([]byte("a program"))}, "wasm_exec.js": {Data: []byte("// a script")}, "README.md": {Data: []byte("text")}}

func ask(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

func options() Options {
	return Options{
		Now: func() time.Time { return time.UnixMilli(1234567890123) }, Log: slog.New(slog.DiscardHandler),
		Keys: func() ([]byte, error) { return []byte(`{"keys":1}`), nil },
	}
}

func TestWhatTheInspectorAnswers(t *testing.T) {
	o := options()
	o.Revokers, o.Revocations = func() ([]byte, error) { return []byte("{}"), nil }, func() ([]byte, error) { return []byte{1}, nil }
	h := newHandler(o, someFiles)
	for path, want := range map[string][2]string{
		"/now":           {"application/json", `{"now":1234567890123}` + "\n"},
		"/keys.json":     {"application/json", `{"keys":1}`},
		"/revokers.json": {"application/json", "{}"},
		"/revocations":   {"application/cose", "\x01"},
	} {
		rec := ask(h, path)
		if got := [2]string{rec.Header().Get("Content-Type"), rec.Body.String()}; rec.Code != http.StatusOK || got != want || rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %v; want %q, not stored", path, rec.Code, got, rec.Header(), want)
		}
	}
	page := ask(h, "/")
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "开始核验") {
		t.Errorf("/: %d %.100s; want the page", page.Code, page.Body)
	}
	for _, ref := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		if strings.HasPrefix(ref[1], "../") {
			continue // its server's, beside the inspector
		}
		if rec := ask(h, "/"+ref[1]); rec.Code != http.StatusOK {
			t.Errorf("the page names %s: status %d", ref[1], rec.Code)
		}
	}
	for _, path := range []string{"/README.md", "/inspector.wasm", "/built/", "/page/"} {
		if rec := ask(h, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: status %d; want 404", path, rec.Code)
		}
	}
}

// A server without revocations has none; one whose document is not there says so, and in its log why.
func TestDocumentsThatAreNotThere(t *testing.T) {
	var log bytes.Buffer
	o := options()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Keys = func() ([]byte, error) { return nil, errors.New("disk full") }
	h := newHandler(o, someFiles)
	if rec := ask(h, "/keys.json"); rec.Code != http.StatusServiceUnavailable || strings.Contains(rec.Body.String(), "disk") {
		t.Errorf("keys: %d %s; want 503 without the cause", rec.Code, rec.Body)
	}
	if !strings.Contains(log.String(), "disk full") || !strings.Contains(log.String(), "keys.json") {
		t.Errorf("log %q; want the cause", log.String())
	}
	for _, path := range []string{"/revokers.json", "/revocations"} {
		if rec := ask(h, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d; want 404", path, rec.Code)
		}
	}
}

// A browser may use the camera and run the page's own scripts and program, and nothing else.
func TestWhatABrowserMayDoWithTheInspector(t *testing.T) {
	h := newHandler(options(), someFiles)
	for _, path := range []string{"/", "/sw.js", "/nothing"} {
		got := ask(h, path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
				"worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			"Permissions-Policy": "geolocation=(), camera=(self), microphone=()",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s %q; want %q", path, name, got.Get(name), want)
			}
		}
	}
}

// A bench's page may frame the inspector: pages of the same server, and no others.
func TestABenchMayFrameTheInspector(t *testing.T) {
	o := options()
	o.Framed = true
	if got := ask(newHandler(o, someFiles), "/").Header().Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'self'; ") {
		t.Errorf("policy %q; want frames of the same server's pages", got)
	}
}

// A program that was built without make says so on the page, and how to mend it.
func TestWithoutItsProgramThePageSaysSo(t *testing.T) {
	for name, programs := range map[string]fstest.MapFS{
		"nothing":             {"README.md": {}},
		"no program":          {"wasm_exec.js": someFiles["wasm_exec.js"]},
		"no script to run it": {"inspector.wasm.br": someFiles["inspector.wasm.br"]},
	} {
		rec := ask(newHandler(options(), programs), "/")
		if body := rec.Body.String(); rec.Code != http.StatusServiceUnavailable || !strings.Contains(body, "make build") || !strings.Contains(body, "未包含") {
			t.Errorf("%s: %d %s; want to be told of make build", name, rec.Code, body)
		}
	}
	if rec := ask(New(options()), "/now"); rec.Code != http.StatusOK {
		t.Errorf("what is embedded: /now %d", rec.Code)
	}
}

// Words, light and sound are the gate's at a real-name check, for every reason of the decision.
func TestTheInspectorSaysWhatAGateSays(t *testing.T) {
	table := says()
	cases, err := os.ReadFile("testdata/cases.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"reason": ?"([a-z_]+)"`).FindAllSubmatch(cases, -1) {
		if _, ok := table[string(m[1])]; !ok {
			t.Fatalf("no words for %s", m[1])
		}
	}
	for reason, got := range table {
		m := lane.Say(lane.Occasion{Reason: reason, Check: true}, lane.Languages())
		if want := (saying{m.Light, m.Sound, m.Words[0].Text, m.Words[1].Text}); got != want {
			t.Errorf("%s: %+v; want %+v", reason, got, want)
		}
	}
	if ok := table[string(verify.OK)]; ok.Light != lane.Green || ok.Zh != "核验通过" || ok.En != "Identity verified" || ok.Sound != lane.SoundPass {
		t.Errorf("granted: %+v", ok)
	}
	if other := table[""]; other.Light != lane.Red || other.Zh == "" {
		t.Errorf("any other reason: %+v; want red, with words", other)
	}
	words, err := os.ReadFile("page/words.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons() {
		// Where a passenger is sent away without a cause, whoever inspects is told the cause.
		if table[string(r)] == table[""] && !regexp.MustCompile(`(?m)^  `+string(r)+`: \[`).Match(words) {
			t.Errorf("words.js does not say what %s is", r)
		}
	}
}

// Each threat to the inspector in docs/security.md has a test that is there.
func TestEachThreatToTheInspectorHasItsTest(t *testing.T) {
	data, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n## The inspector\n(.*?)\n## `).FindSubmatch(data)
	if section == nil {
		t.Fatal("docs/security.md has no section about the inspector")
	}
	var names []string
	for _, pattern := range []string{"*_test.go", "inspect/*_test.go", "../pages/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(text, -1) {
				names = append(names, string(m[1]))
			}
		}
	}
	rows := regexp.MustCompile(`(?m)^\| .* \| (.*) \|$`).FindAllSubmatch(section[1], -1)
	if len(rows) < 8 {
		t.Fatalf("%d rows; want the heading and six threats at least", len(rows))
	}
	for _, row := range rows[2:] {
		tests := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(row[1], -1)
		if len(tests) == 0 {
			t.Errorf("no test in %q", row[0])
		}
		for _, m := range tests {
			if !slices.Contains(names, string(m[1])) {
				t.Errorf("%s is not a test here, in %q", m[1], row[0])
			}
		}
	}
}
