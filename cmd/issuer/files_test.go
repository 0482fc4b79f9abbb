package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

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
	if version != s.version {
		t.Errorf("the worker is of %q, the page of %q", version, s.version)
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
	for name := range s.files {
		want[name] = name != "sw.js"
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
	delete(want, "sw.js")
	if len(want) > 0 {
		t.Errorf("the worker does not list %v", want)
	}
	for _, path := range []string{"/phone.js", "/v/0000000000000000/phone.js", "/v/" + version + "/sw.js", "/v/" + version + "/", "/index.html", "/page/"} {
		if rec := getFile(s, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: status %d; want 404: it is of no version", path, rec.Code)
		}
	}
}

// A byte of any file makes another version, with other paths and another worker.
func TestEachByteMakesAnotherVersion(t *testing.T) {
	files := fstest.MapFS{
		"index.html": {Data: []byte(`<script src="v/{{version}}/a.js">`)}, "a.js": {Data: []byte("1")}, "icon.svg": {Data: []byte("<svg/>")},
		"sw.js": {Data: []byte("const version = '{{version}}', files = JSON.parse('{{files}}')")},
	}
	first, err := pageSet(files)
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		changed := maps.Clone(files)
		changed[name] = &fstest.MapFile{Data: append(files[name].Data[:len(files[name].Data):len(files[name].Data)], ' ')}
		second, err := pageSet(changed)
		if err != nil {
			t.Fatal(err)
		}
		if second.version == first.version || string(second.files["sw.js"]) == string(first.files["sw.js"]) {
			t.Errorf("a change of %s makes no other version", name)
		}
		if rec := getFile(second, "/v/"+first.version+"/a.js"); rec.Code != http.StatusNotFound {
			t.Errorf("the first version's file is there with the second's %s", name)
		}
	}
}

func TestPageFilesSayWhatTheyAre(t *testing.T) {
	s := embeddedPage()
	for path, want := range map[string][2]string{
		"/":                                    {"text/html; charset=utf-8", ""},
		"/sw.js":                               {"text/javascript; charset=utf-8", ""},
		"/manifest.webmanifest":                {"application/manifest+json", ""},
		"/v/" + s.version + "/phone.js":        {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/v/" + s.version + "/phone.css":       {"text/css; charset=utf-8", "public, max-age=31536000, immutable"},
		"/v/" + s.version + "/phone.js?query=": {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		h := getFile(s, path).Header()
		if got := [2]string{h.Get("Content-Type"), h.Get("Cache-Control")}; got != want {
			t.Errorf("%s: %q; want %q", path, got, want)
		}
	}
}

// The page names every document that the office knows, and needs no answer to do so.
func TestPageNamesEveryDocument(t *testing.T) {
	words := string(embeddedPage().files["v/"+embeddedPage().version+"/words.js"])
	for _, d := range office.Documents() {
		if !regexp.MustCompile(`\b` + d + `: '`).MatchString(words) {
			t.Errorf("words.js has no name for %s", d)
		}
	}
}
