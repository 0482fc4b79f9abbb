package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"sync"
	"time"
)

// face is the gate's face for a kiosk browser, and the technician's page.
//
//go:embed face
var face embed.FS

func faceFiles() fs.FS {
	files, err := fs.Sub(face, "face")
	if err != nil {
		panic("railgated: internal error: " + err.Error()) // it is embedded
	}
	return files
}

// pageVersion is railgated's version and a digest of its pages. A page carries the one
// that it came with; when the gate tells another, the page loads itself again.
var pageVersion = sync.OnceValue(func() string {
	digest := sha256.New()
	files := faceFiles()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		digest.Write([]byte(path))
		digest.Write(data)
		return err
	})
	if err != nil {
		panic("railgated: internal error: " + err.Error()) // it is embedded
	}
	return version + " " + hex.EncodeToString(digest.Sum(nil)[:6])
})

// getPage answers with a page that carries its version.
func getPage(name string) http.HandlerFunc {
	text, err := fs.ReadFile(faceFiles(), name)
	if err != nil {
		panic("railgated: internal error: " + err.Error()) // it is embedded
	}
	text = bytes.ReplaceAll(text, []byte("{{version}}"), []byte(pageVersion()))
	return func(rw http.ResponseWriter, r *http.Request) {
		http.ServeContent(rw, r, name, time.Time{}, bytes.NewReader(text))
	}
}
