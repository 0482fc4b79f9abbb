package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"railgate/cmd/issuer/counter"
	"railgate/cmd/pages"
)

// openCounter adds the counter: what ticketing systems, clerks and conductors ask.
func (w *web) openCounter(dir string, log *slog.Logger) {
	c := counter.Config{
		Office: w.Office, People: w.atCounter, Record: lookUps{w}, Dir: dir, Log: log,
		Address: func(r *http.Request) string { return pages.Address(r, w.proxied) },
	}
	if w.Bench() {
		c.Tickets = counter.BenchTickets{}
	}
	w.counter = counter.New(c)
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
