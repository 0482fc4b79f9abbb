package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"time"
)

// page is the passenger's page.
//
//go:embed page
var page embed.FS

// A set is the files of the page, all of one version. What the page is made of lies
// under v/VERSION/, so that no file of one version is ever loaded beside one of another:
// a file that comes late, from the network or from a cache, is of the page that asked
// for it or is not there.
//
//	/                  index.html, which names files under v/VERSION/
//	/sw.js             the service worker, with the version and the list of the files
//	/v/VERSION/…       scripts and styles; they never change
//	/icon.svg, …       what browsers ask for by a fixed name
type set struct {
	version string
	files   map[string][]byte // by path, without the first slash
}

// embeddedPage is the set of the page that this program carries.
func embeddedPage() *set {
	dir, err := fs.Sub(page, "page")
	if err != nil {
		panic("issuer: internal error: " + err.Error()) // it is embedded
	}
	s, err := pageSet(dir)
	if err != nil {
		panic("issuer: internal error: " + err.Error())
	}
	return s
}

// pageSet makes the set of the files of a folder.
func pageSet(dir fs.FS) (*set, error) {
	all, err := readAll(dir)
	if err != nil {
		return nil, err
	}
	s := &set{version: digest(all), files: map[string][]byte{}}
	for name, data := range all {
		switch path.Ext(name) {
		case ".js", ".css":
			name = "v/" + s.version + "/" + name
		case ".html":
			name = ""
		}
		s.files[name] = bytes.ReplaceAll(data, []byte("{{version}}"), []byte(s.version))
	}
	return s, s.moveWorker()
}

// moveWorker puts the service worker beside the page, which it serves, with the list of
// the files. A worker that differs in a byte is a new one to a browser: it fetches the
// whole set before it takes over.
func (s *set) moveWorker() error {
	from := "v/" + s.version + "/sw.js"
	worker := s.files[from]
	delete(s.files, from)
	list, err := json.Marshal(s.names())
	s.files["sw.js"] = bytes.Replace(worker, []byte("{{files}}"), list, 1)
	return err
}

// names are the paths of the set but the worker's own, in order.
func (s *set) names() []string {
	names := []string{}
	for name := range s.files {
		if name != "sw.js" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func readAll(dir fs.FS) (map[string][]byte, error) {
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

// digest is a version: it changes with any byte of any file.
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
func (s *set) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[1:]
	data, ok := s.files[name]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	file := path.Base(name)
	switch path.Ext(name) {
	case "":
		file = "index.html"
	case ".webmanifest":
		rw.Header().Set("Content-Type", "application/manifest+json")
	case ".js", ".css":
		if name != "sw.js" {
			rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // its path names what it is
		}
	}
	http.ServeContent(rw, r, file, time.Time{}, bytes.NewReader(data))
}
