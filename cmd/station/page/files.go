package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"railgate/cmd/pages"
)

//go:embed web
var web embed.FS

// content reads the page's files once. In each, {{version}} stands for what version
// returns.
var content = sync.OnceValues(func() (map[string][]byte, string) {
	found, digest := map[string][]byte{}, sha256.New()
	err := fs.WalkDir(web, "web", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(web, path)
		found[path[len("web/"):]] = data
		digest.Write([]byte(path))
		digest.Write(data)
		return err
	})
	if err != nil {
		panic("page: internal error: " + err.Error()) // it is embedded
	}
	found["look.css"] = pages.Look()
	digest.Write(found["look.css"])
	v := hex.EncodeToString(digest.Sum(nil)[:8])
	for name, data := range found {
		found[name] = bytes.ReplaceAll(data, []byte("{{version}}"), []byte(v))
	}
	return found, v
})

// version is a digest of the page's files. A page carries the one that it came with;
// where the station has another, it loads itself again.
func version() string {
	_, v := content()
	return v
}

// files answers with the page's files, by name; index.html by none.
func files() map[string]http.HandlerFunc {
	all, _ := content()
	handlers := map[string]http.HandlerFunc{}
	for name, data := range all {
		h := func(rw http.ResponseWriter, r *http.Request) {
			http.ServeContent(rw, r, name, time.Time{}, bytes.NewReader(data))
		}
		if name == "index.html" {
			handlers["{$}"] = h
			continue
		}
		handlers[name] = h
	}
	return handlers
}
