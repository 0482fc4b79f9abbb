package main

import (
	"embed"
	"io/fs"

	"railgate/cmd/pages"
)

// page is the passenger's page.
//
//go:embed page
var page embed.FS

// embeddedPage is the set of the page that this program carries.
func embeddedPage() *pages.Set {
	dir, err := fs.Sub(page, "page")
	if err != nil {
		panic("issuer: internal error: " + err.Error()) // it is embedded
	}
	files, err := pages.ReadFiles(dir)
	if err != nil {
		panic("issuer: internal error: " + err.Error())
	}
	files["look.css"] = pages.Look()
	s, err := pages.NewSet(files)
	if err != nil {
		panic("issuer: internal error: " + err.Error())
	}
	return s
}
