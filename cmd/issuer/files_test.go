package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"railgate/cmd/issuer/office"
)

func getFile(s http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

// workersList is what a worker's script names: the version, and the files.
func workersList(t *testing.T, script string) (version string, files []string) {
	t.Helper()
	v := regexp.MustCompile(`const version = '([0-9a-f]+)'`).FindStringSubmatch(script)
	f := regexp.MustCompile(`JSON\.parse\('(.*)'\)`).FindStringSubmatch(script)
	if v == nil || f == nil {
		t.Fatalf("the worker names no version or no files:\n%s", script)
	}
	if err := json.Unmarshal([]byte(f[1]), &files); err != nil {
		t.Fatal(err)
	}
	return v[1], files
}

func TestPageIsOfOneVersion(t *testing.T) {
	s := embeddedPage()
	index := getFile(s, "/").Body.String()
	version, files := workersList(t, getFile(s, "/sw.js").Body.String())
	if version != s.Version() {
		t.Errorf("the worker is of %q, the page of %q", version, s.Version())
	}
	for _, ref := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(index, -1) {
		if rec := getFile(s, "/"+ref[1]); rec.Code != http.StatusOK {
			t.Errorf("the page names %s: status %d", ref[1], rec.Code)
		}
		if code := regexp.MustCompile(`\.(js|css)$`).MatchString(ref[1]); code && !strings.HasPrefix(ref[1], "v/"+version+"/") {
			t.Errorf("the page names %s, which has no version", ref[1])
		}
	}
	want := map[string]bool{}
	for _, name := range s.Names() {
		want[name] = true
	}
	for _, name := range files {
		if !want[name] {
			t.Errorf("the worker lists %q, which is not there or is there twice", name)
		}
		delete(want, name)
		if rec := getFile(s, "/"+name); rec.Code != http.StatusOK || strings.Contains(rec.Body.String(), "{{") {
			t.Errorf("%q: status %d", name, rec.Code)
		}
	}
	if len(want) > 0 {
		t.Errorf("the worker does not list %v", want)
	}
	for _, path := range []string{"/phone.js", "/v/0000000000000000/phone.js", "/v/" + version + "/sw.js", "/v/" + version + "/", "/index.html", "/page/"} {
		if rec := getFile(s, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: status %d; want 404: it is of no version", path, rec.Code)
		}
	}
}

func TestPageFilesSayWhatTheyAre(t *testing.T) {
	s := embeddedPage()
	for path, want := range map[string][2]string{
		"/":                                      {"text/html; charset=utf-8", ""},
		"/sw.js":                                 {"text/javascript; charset=utf-8", ""},
		"/manifest.webmanifest":                  {"application/manifest+json", ""},
		"/v/" + s.Version() + "/phone.js":        {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/v/" + s.Version() + "/phone.css":       {"text/css; charset=utf-8", "public, max-age=31536000, immutable"},
		"/v/" + s.Version() + "/phone.js?query=": {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		h := getFile(s, path).Header()
		if got := [2]string{h.Get("Content-Type"), h.Get("Cache-Control")}; got != want {
			t.Errorf("%s: %q; want %q", path, got, want)
		}
	}
}

// The page names every document that the office knows, and needs no answer to do so.
func TestPageNamesEveryDocument(t *testing.T) {
	words := getFile(embeddedPage(), "/v/"+embeddedPage().Version()+"/words.js").Body.String()
	for _, d := range office.Documents() {
		if !regexp.MustCompile(`\b` + d + `: '`).MatchString(words) {
			t.Errorf("words.js has no name for %s", d)
		}
	}
}
