package main

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// routes are what HTTPS answers.
func (s *station) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	nation, own := s.d.part(nationPart), s.d.part(stationPart)
	if nation != s.d.dir {
		mux.Handle("GET /nation/", http.StripPrefix("/nation", files(filepath.Join(nation, "public"))))
	}
	mux.Handle("GET /station/", http.StripPrefix("/station", files(filepath.Join(own, "public"))))
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /inspect/", s.inspector())
	page, err := s.page()
	if err != nil {
		return nil, err
	}
	mux.Handle("/", page)
	return mux, nil
}

// files serves a public folder: files alone, no lists of them. A gate asks with the tag of
// what it has and is told that it is the newest.
func files(dir string) http.Handler {
	root := os.DirFS(dir)
	serve := http.FileServerFS(root)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(r.URL.Path, "/") || strings.HasSuffix(name, ".new") {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
		rw.Header().Set("Cache-Control", "no-cache")
		serve.ServeHTTP(rw, r)
	})
}

// troubles are what does not work now, in words.
func (s *station) troubles() []string {
	s.mu.Lock()
	c := s.collector
	s.mu.Unlock()
	if c == nil {
		return []string{"the ledger or the message server is not reached yet"}
	}
	var all []string
	for part, why := range c.State().Troubles {
		all = append(all, part+": "+why)
	}
	if s.courier != nil && s.courier.trouble() != "" {
		all = append(all, "revocations from the issuer: "+s.courier.trouble())
	}
	slices.Sort(all)
	return all
}
