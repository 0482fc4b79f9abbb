package counter

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"time"

	"railgate/cmd/pages"
)

//go:embed web
var web embed.FS

// mountPage adds the clerk's page and its files. It is loaded whole each time, and never
// kept: nothing of it is of another version.
func mountPage(mux *http.ServeMux) {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic("counter: internal error: " + err.Error()) // it is embedded
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic("counter: internal error: " + err.Error())
	}
	for _, e := range entries {
		data, err := fs.ReadFile(files, e.Name())
		if err != nil {
			panic("counter: internal error: " + err.Error())
		}
		path := "/counter/" + e.Name()
		if e.Name() == "index.html" {
			path = "/counter/{$}"
		}
		mux.HandleFunc("GET "+path, serve(e.Name(), data))
	}
	mux.HandleFunc("GET /counter/look.css", serve("look.css", pages.Look()))
}

func serve(name string, data []byte) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		http.ServeContent(rw, r, name, time.Time{}, bytes.NewReader(data))
	}
}

// me is what the page is told of who is signed in.
type me struct {
	Name     string    `json:"name"`
	Purposes []Purpose `json:"purposes"`
}

// getMe tells the page who is signed in, and what for.
func (c *Counter) getMe(rw http.ResponseWriter, r *http.Request) {
	p, err := c.signedIn(r)
	if err != nil {
		c.refuse(rw, err)
		return
	}
	who, err := byRole(p)
	if err != nil {
		c.refuse(rw, err)
		return
	}
	write(rw, http.StatusOK, "application/json", me{p.Name, who.purposes})
}
