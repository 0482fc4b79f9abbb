package pages

import (
	"bytes"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

// someFiles are those of a small page.
func someFiles() map[string][]byte {
	return map[string][]byte{
		"index.html": []byte(`<script src="v/{{version}}/a.js">`), "a.js": []byte("1 {{version}}"), "icon.svg": []byte("<svg/>"), "words.json": []byte("{}"),
		"p.wasm.br": packed("{{version}}"), "m.webmanifest": []byte("{}"),
		"sw.js": []byte("const kept = 'a-page-';"),
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

func newTestSet(t *testing.T, files map[string][]byte) *Set {
	t.Helper()
	s, err := NewSet(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func getFile(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

// A byte of any file makes another version, with other paths and another worker.
func TestEachByteMakesAnotherVersion(t *testing.T) {
	first := newTestSet(t, someFiles())
	for name := range someFiles() {
		changed := someFiles()
		changed[name] = append(changed[name], ' ')
		second := newTestSet(t, changed)
		if second.Version() == first.Version() || string(second.files["sw.js"].data) == string(first.files["sw.js"].data) {
			t.Errorf("a change of %s makes no other version", name)
		}
		if rec := getFile(second, "/v/"+first.Version()+"/a.js"); rec.Code != http.StatusNotFound {
			t.Errorf("the first version's file is there with the second's %s", name)
		}
	}
	renamed := someFiles()
	renamed["b.js"] = renamed["a.js"]
	delete(renamed, "a.js")
	if newTestSet(t, renamed).Version() == first.Version() {
		t.Error("a file of another name makes no other version")
	}
}

func TestWhereFilesOfASetLie(t *testing.T) {
	s := newTestSet(t, someFiles())
	v := "v/" + s.Version() + "/"
	if got, want := s.Names(), []string{"", "icon.svg", "m.webmanifest", v + "a.js", v + "p.wasm", v + "words.json"}; !slices.Equal(got, want) {
		t.Fatalf("names %q; want %q", got, want)
	}
	const forever = "public, max-age=31536000, immutable"
	for path, want := range map[string]struct{ kind, cache, encoding, body string }{
		"":               {"text/html; charset=utf-8", "", "", `<script src="` + v + `a.js">`},
		"icon.svg":       {"image/svg+xml", "", "", "<svg/>"},
		"m.webmanifest":  {"application/manifest+json", "", "", "{}"},
		"sw.js":          {"text/javascript; charset=utf-8", "", "", "const kept = 'a-page-';" + strings.NewReplacer("{{version}}", s.Version(), "{{files}}", `["","icon.svg","m.webmanifest","`+v+`a.js","`+v+`p.wasm","`+v+`words.json"]`).Replace(string(worker))},
		v + "a.js":       {"text/javascript; charset=utf-8", forever, "", "1 " + s.Version()},
		v + "p.wasm":     {"application/wasm", forever, "", "{{version}}"},
		v + "words.json": {"application/json", forever, "", "{}"},
	} {
		rec := getFile(s, "/"+path)
		got := struct{ kind, cache, encoding, body string }{rec.Header().Get("Content-Type"), rec.Header().Get("Cache-Control"), rec.Header().Get("Content-Encoding"), rec.Body.String()}
		if rec.Code != http.StatusOK || got != want {
			t.Errorf("/%s: %d %+v; want %+v", path, rec.Code, got, want)
		}
	}
	for _, path := range []string{"/a.js", "/p.wasm", "/" + v + "p.wasm.br", "/index.html", "/" + v, "/" + v + "sw.js"} {
		if rec := getFile(s, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: status %d; want 404", path, rec.Code)
		}
	}
}

// A page that has no worker of its own has none.
func TestAPageWithoutAWorker(t *testing.T) {
	files := someFiles()
	delete(files, "sw.js")
	if rec := getFile(newTestSet(t, files), "/sw.js"); rec.Code != http.StatusNotFound {
		t.Errorf("status %d; want 404", rec.Code)
	}
}

func TestAPackedFileGoesAsTheBrowserTakesIt(t *testing.T) {
	files := someFiles()
	s := newTestSet(t, files)
	for _, tt := range []struct{ takes, encoding, body string }{
		{"gzip, deflate, br, zstd", "br", string(files["p.wasm.br"])},
		{"br", "br", string(files["p.wasm.br"])},
		{"gzip, deflate", "", "{{version}}"},
		{"brx, xbr", "", "{{version}}"},
		{"", "", "{{version}}"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v/"+s.Version()+"/p.wasm", nil)
		r.Header.Set("Accept-Encoding", tt.takes)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if got := rec.Header().Get("Content-Encoding"); rec.Code != http.StatusOK || got != tt.encoding || rec.Body.String() != tt.body || rec.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("taking %q: %d, encoding %q, %q, %v; want %q, %q", tt.takes, rec.Code, got, rec.Body, rec.Header(), tt.encoding, tt.body)
		}
	}
	files["p.wasm.br"] = []byte("\x1f\x8b no brotli")
	damaged := newTestSet(t, files)
	if rec := getFile(damaged, "/v/"+damaged.Version()+"/p.wasm"); rec.Code != http.StatusInternalServerError {
		t.Errorf("a damaged file: status %d; want 500", rec.Code)
	}
}

func TestTheSizeOfASet(t *testing.T) {
	s := newTestSet(t, map[string][]byte{"index.html": []byte("12345"), "a.js": []byte("1")})
	if got, want := s.Size(), 5+1; got != want {
		t.Errorf("size %d; want %d", got, want)
	}
}

func TestFilesOfAFolderAreRead(t *testing.T) {
	got, err := ReadFiles(fstest.MapFS{"a.js": {Data: []byte("1")}, "sub/b.js": {Data: []byte("2")}})
	want := map[string][]byte{"a.js": []byte("1"), "sub/b.js": []byte("2")}
	if err != nil || !maps.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Errorf("files %q, %v; want %q", got, err, want)
	}
	missing, err := fs.Sub(fstest.MapFS{}, "page")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFiles(missing); err == nil {
		t.Errorf("a folder that is not there has files %q", got)
	}
}
