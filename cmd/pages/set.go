package pages

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
)

// A Set is the files of a page, all of one version. What the page is made of lies
// under v/VERSION/, so that no file of one version is ever loaded beside one of another:
// a file that comes late, from the network or from a cache, is of the page that asked
// for it or is not there.
//
//	/                  index.html, which names files under v/VERSION/
//	/sw.js             the service worker: the page's own, if there is one, and then worker.js
//	/v/VERSION/…       scripts, styles, programs and data; they never change
//	/icon.svg, …       what browsers ask for by a fixed name
//
// A file NAME.br is answered as NAME, packed as it is where the browser takes that (RFC 7932): each
// does that has a secure connection. In the others {{version}} stands for the version, and in the
// worker {{files}} for the list of the files.
type Set struct {
	version string
	files   map[string]file // by path, without the first slash
}

type file struct {
	data   []byte
	packed bool // by brotli
}

// worker is what all service workers do: keep the page for when the network is cut.
//
//go:embed worker.js
var worker []byte

// NewSet makes the set of files, by their names.
func NewSet(named map[string][]byte) (*Set, error) {
	if own, ok := named["sw.js"]; ok {
		named = maps.Clone(named)
		named["sw.js"] = slices.Concat(own, worker)
	}
	s := &Set{version: digest(named), files: map[string]file{}}
	for name, data := range named {
		f := file{data: data}
		if name, f.packed = strings.CutSuffix(name, ".br"); !f.packed {
			f.data = bytes.ReplaceAll(data, []byte("{{version}}"), []byte(s.version))
		}
		s.files[s.place(name)] = f
	}
	return s, s.moveWorker()
}

// place is the path of a file.
func (s *Set) place(name string) string {
	switch path.Ext(name) {
	case ".js", ".css", ".wasm", ".json":
		return "v/" + s.version + "/" + name
	case ".html":
		return ""
	}
	return name
}

// moveWorker puts the service worker beside the page, which it serves, with the list of
// the files. A worker that differs in a byte is a new one to a browser: it fetches the
// whole set before it takes over.
func (s *Set) moveWorker() error {
	from := s.place("sw.js")
	w, ok := s.files[from]
	if !ok {
		return nil
	}
	delete(s.files, from)
	list, err := json.Marshal(s.Names())
	s.files["sw.js"] = file{data: bytes.Replace(w.data, []byte("{{files}}"), list, 1)}
	return err
}

// Version is a digest of the files: it changes with any byte of any of them.
func (s *Set) Version() string { return s.version }

// Names are the paths of the set but the worker's own, in order.
func (s *Set) Names() []string {
	names := []string{}
	for name := range s.files {
		if name != "sw.js" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Size is how many bytes a browser loads that has nothing of the set.
func (s *Set) Size() (n int) {
	for _, f := range s.files {
		n += len(f.data)
	}
	return n
}

// ReadFiles reads all files of a folder.
func ReadFiles(dir fs.FS) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[name], err = fs.ReadFile(dir, name)
		return err
	})
	return all, err
}

func digest(files map[string][]byte) string {
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		sum := sha256.Sum256(files[name])
		h.Write([]byte(name))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ServeHTTP answers with a file of the set.
func (s *Set) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[1:]
	f, ok := s.files[name]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	shown := path.Base(name)
	switch {
	case name == "":
		shown = "index.html"
	case path.Ext(name) == ".webmanifest":
		rw.Header().Set("Content-Type", "application/manifest+json")
	case strings.HasPrefix(name, "v/"):
		rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // its path names what it is
	}
	data, err := f.encode(rw, r)
	if err != nil {
		http.Error(rw, "the file is damaged", http.StatusInternalServerError)
		return
	}
	http.ServeContent(rw, r, shown, time.Time{}, bytes.NewReader(data))
}

// encode is a file as the browser takes it.
func (f file) encode(rw http.ResponseWriter, r *http.Request) ([]byte, error) {
	if !f.packed {
		return f.data, nil
	}
	rw.Header().Set("Vary", "Accept-Encoding")
	if takesBrotli(r) {
		rw.Header().Set("Content-Encoding", "br")
		return f.data, nil
	}
	return io.ReadAll(brotli.NewReader(bytes.NewReader(f.data)))
}

// takesBrotli tells whether a browser names brotli among what it takes. Browsers give no weights.
func takesBrotli(r *http.Request) bool {
	for taken := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(taken) == "br" {
			return true
		}
	}
	return false
}
