package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"railgate/cmd/station/page"
	"railgate/cmd/station/repository"
	"railgate/verify"
)

// ends are when what is published, and what a browser is shown, ends: the soonest first.
// What cannot be read is left out: the page tells it in another place.
func (s *station) ends() []page.End {
	var all []page.End
	for _, dir := range s.d.parts() {
		r, err := repository.Open(dir, s.d.now)
		if err != nil {
			continue
		}
		for role, at := range r.Ends() {
			all = append(all, page.End{What: "repository", Name: filepath.Base(dir) + ": " + role, Ends: at})
		}
		all = append(all, keyEnds(r.Path("keys.json"))...)
	}
	if c, err := x509.ParseCertificate(s.place.keys.tls.Certificate[0]); err == nil {
		all = append(all, page.End{What: "certificate", Name: "HTTPS", Ends: c.NotAfter})
	}
	slices.SortFunc(all, func(a, b page.End) int { return a.Ends.Compare(b.Ends) })
	return all
}

// keyEnds are when each issuer's last key ends. Keys before it end all the time: they rotate.
func keyEnds(path string) (all []page.End) {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return nil
	}
	for _, issuer := range keys.Issuers {
		var last time.Time
		n := 0
		for _, k := range keys.Keys {
			if k.Issuer == issuer && k.RevokedAt.IsZero() {
				n++
				if k.NotAfter.After(last) {
					last = k.NotAfter
				}
			}
		}
		all = append(all, page.End{What: "key", Name: fmt.Sprintf("%s: the last of %d keys", issuer.ID, n), Ends: last})
	}
	return all
}
