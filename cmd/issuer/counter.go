package main

import (
	"context"
	"log/slog"
	"net/http"

	"railgate/cmd/issuer/counter"
	"railgate/cmd/issuer/office"
	"railgate/cmd/pages"
	"railgate/verify"
)

// openCounter adds the counter: what ticketing systems, clerks and conductors ask.
func (w *web) openCounter(dir string, log *slog.Logger) {
	c := counter.Config{
		Office: w.Office, People: w.atCounter, Record: lookUps{w.Office}, Dir: dir, Log: log,
		Address: func(r *http.Request) string { return pages.Address(r, w.proxied) },
	}
	if w.Bench() {
		c.Tickets = counter.BenchTickets{}
	}
	w.counter = counter.New(c)
}

// lookUps puts what is looked up on the issuer's record of acts.
type lookUps struct{ *office.Office }

func (l lookUps) Record(ctx context.Context, a counter.Act) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	by := a.Who
	if a.Kind == "client" {
		by = "client:" + a.Who
	}
	return l.RecordLookUp(office.LookUp{
		Time: a.Time, By: by, Purpose: string(a.Purpose), Certificate: a.Certificate, Holder: a.Holder, Reason: verify.Reason(a.Reason), Told: counter.Told(a.Shown),
	})
}

// atCounter is who is signed in.
func (w *web) atCounter(r *http.Request) (*counter.Person, error) {
	p, ok := w.people.Who(r)
	if !ok {
		return nil, nil
	}
	return &counter.Person{ID: p.Subject, Name: p.Name, Roles: p.Roles}, nil
}

// refuseCrossSite answers to another site's page, each in its way.
func (w *web) refuseCrossSite(rw http.ResponseWriter, r *http.Request) {
	if w.counter != nil && counter.Describes(r.URL.Path) {
		w.counter.RefuseCrossSite(rw, r)
		return
	}
	http.Error(rw, "a page of another site asks for this", http.StatusForbidden)
}
