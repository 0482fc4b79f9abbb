package window

import (
	"embed"
	"io/fs"

	"railgate/cmd/pages"
)

//go:embed web
var web embed.FS

// page is the set of the page's files.
func page() *pages.Set {
	dir, err := fs.Sub(web, "web")
	if err != nil {
		panic("window: internal error: " + err.Error()) // it is embedded
	}
	files, err := pages.ReadFiles(dir)
	if err != nil {
		panic("window: internal error: " + err.Error())
	}
	files["look.css"] = pages.Look()
	s, err := pages.NewSet(files)
	if err != nil {
		panic("window: internal error: " + err.Error())
	}
	return s
}
