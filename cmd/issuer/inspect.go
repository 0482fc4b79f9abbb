package main

import (
	"encoding/json"
	"net/http"

	"railgate/cmd/inspector"
)

// inspector is the page for conductors and clerks, by this issuer's time and keys.
func (w *web) inspector() http.Handler {
	return http.StripPrefix("/inspect", inspector.New(inspector.Options{
		Now:  w.Now,
		Keys: func() ([]byte, error) { return json.Marshal(w.Keyset()) },
		Revokers: func() ([]byte, error) {
			d, err := w.Revokers()
			if err != nil {
				return nil, err
			}
			return json.Marshal(d)
		},
		Revocations: w.Revocations,
		Log:         w.log,
		Framed:      w.Bench(),
	}))
}
