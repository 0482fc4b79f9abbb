package main

import (
	"net/http"
	"time"

	"railgate/cmd/issuer/office"
	"railgate/cmd/pages"
)

// shownCompanion is somebody whom a signed-in user acts for, with the certificate that this
// user may see.
type shownCompanion struct {
	ID          string            `json:"id"`
	Person      *shownPerson      `json:"person"`
	Certificate *shownCertificate `json:"certificate,omitempty"`
}

func (w *web) companions(who office.Session, now time.Time) (out []shownCompanion, err error) {
	all, err := w.Companions(who)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		as, err := w.For(who, c.ID)
		if err != nil {
			return nil, err
		}
		shown := shownCompanion{ID: c.ID, Person: showPerson(c.Person)}
		if shown.Certificate, err = w.certificate(as, now); err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

func (w *web) postAddCompanion(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
	var in office.Form
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	return nil, w.AddCompanion(in, who)
}

func (w *web) postDropCompanion(_ http.ResponseWriter, r *http.Request, who office.Session) (any, error) {
	var in struct {
		ID string `json:"id"`
	}
	if err := pages.ReadJSON(r.Body, &in); err != nil {
		return nil, err
	}
	return nil, w.DropCompanion(in.ID, who)
}
