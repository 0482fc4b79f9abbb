package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"railgate/cmd/issuer/benchprovider"
	"railgate/cmd/issuer/counter"
	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/signin"
	"railgate/cmd/issuer/window"
	"railgate/cmd/limit"
	"railgate/cmd/pages"
)

// A web answers to the passenger's page and to gates.
//
//	GET  /                  the page; files.go has its files
//	GET  /keys.json         the keyset that gates read
//	GET  /inspect/          the inspector, for conductors and clerks; railgate/cmd/inspector
//	GET  /v1/revocations    what is revoked, signed (docs/wire.md); with an ETag
//	GET  /revokers.json     the keys that sign it
//	GET  /healthz           the process answers
//	GET  /api/state         what the page shows: the time, who is signed in, the certificate
//	GET  /api/history       the applications of the last month
//	POST /api/visit         a visitor's token
//	POST /api/signup, /api/signin, /api/signout, /api/leave
//	POST /api/apply, /api/view, /api/revoke, /api/recheck     the errand for a real-person check
//	POST /api/check/start   the way to the provider of the check
//	POST /api/check         what the phone brought back from there; then what it was for
//	POST /api/code          a code, or what the phone makes codes of
//	POST /api/way           who makes the codes
//	POST /api/companions/add, /api/companions/drop   those whom a signed-in user acts for
//	     /signin/           people with a role sign in and out (package signin)
//	     /staff/            staff codes, for members of staff (staff.go)
//	     /desk/             the police window, for officers (package window)
//	     /v1/, /oauth/, /counter/    ticketing systems, clerks, conductors (package counter)
//	POST /api/bench/advance, /api/bench/paper    with --bench
//	     /provider/         with --bench: the provider (package benchprovider)
//
// Bodies are JSON, of 16 KB at most. A denial is {"denied": {reason, zh, en, …}} with
// status 403 (429: too often). The header Railgate-For says which companion a request is for. Times are milliseconds since 1970, by the issuer.
type web struct {
	*office.Office
	log     *slog.Logger
	limits  *limits
	people  *signin.Guard    // lets people with a role in
	counter *counter.Counter // nil: there is none
	proxied bool             // callers are counted by the last entry of X-Forwarded-For

	provider http.Handler // a bench's own; nil: there is none
}

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 10

func (w *web) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", embeddedPage())
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "ok") })
	mux.HandleFunc("GET /keys.json", w.getKeys)
	mux.Handle("GET /inspect/", w.inspector())
	mux.HandleFunc("GET /revokers.json", w.getRevokers)
	desk := w.people.Require(signin.Window, http.StripPrefix("/desk", window.New(w.Office, window.Options{Who: officer, Log: w.log})))
	staff := w.limited(w.people.Require(signin.Staff, w.staff()))
	for _, method := range []string{http.MethodGet, http.MethodPost} { // "GET /" is not to conflict with them
		mux.Handle(method+" /signin/", w.limited(w.people.Handler(w.endStaff)))
		mux.Handle(method+" /desk/", desk)
		mux.Handle(method+" /staff/", staff)
	}
	if w.provider != nil {
		for _, method := range []string{"GET", "POST"} {
			mux.Handle(method+" /"+benchprovider.Path, http.StripPrefix("/"+strings.TrimSuffix(benchprovider.Path, "/"), w.provider))
		}
	}
	read := func(pattern string, h handler) { mux.HandleFunc(pattern, w.answer(h, w.readLimits())) }
	write := func(pattern string, h handler) { mux.HandleFunc(pattern, w.answer(h, w.writeLimits())) }
	read("GET /api/state", w.getState)
	read("GET /api/history", w.getHistory)
	read("POST /api/code", w.postCode)
	read("POST /api/leave", w.postLeave)
	write("POST /api/visit", w.postVisit)
	write("POST /api/signup", w.postSignUp)
	write("POST /api/signin", w.postSignIn)
	write("POST /api/signout", w.postSignOut)
	write("POST /api/apply", w.postBegin("apply"))
	write("POST /api/view", w.postBegin("view"))
	write("POST /api/revoke", w.postBegin("revoke"))
	write("POST /api/recheck", w.postRecheck)
	write("POST /api/check/start", w.postDepart)
	write("POST /api/check", w.postCheck)
	write("POST /api/way", w.postWay)
	write("POST /api/companions/add", w.postAddCompanion)
	write("POST /api/companions/drop", w.postDropCompanion)
	if w.Bench() {
		write("POST /api/bench/advance", w.postAdvance)
		write("POST /api/bench/paper", w.postPaper)
	}
	all := http.NewServeMux() // the API answers to every method, and "GET /" is not to conflict with it
	all.Handle("/", mux)
	if w.counter != nil {
		w.counter.Mount(mux)
		api := w.counter.API(w.getRevocations)
		all.Handle("/v1/", api)
		all.Handle("/oauth/", api)
	}
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(w.refuseCrossSite))
	return w.guard(own.Handler(all))
}

// officer is who asks at the police window.
func officer(r *http.Request) (window.Person, bool) {
	p, ok := signin.From(r)
	return window.Person{Officer: office.Officer{Subject: p.Subject, Lead: p.May(signin.WindowLead)}, Name: p.Name}, ok
}

// guard says what a browser may do with the page: run its own scripts, talk to its own
// server, and be framed by nobody (by the bench's own page on a bench).
func (w *web) guard(next http.Handler) http.Handler {
	protect := pages.Policy{Framed: w.Bench(), Sources: "worker-src 'self'; manifest-src 'self'; ", Permissions: "geolocation=(self), camera=(self)"}.Headers()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		protect(rw.Header()) // nothing is stored: the page's service worker keeps what it needs
		r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
		next.ServeHTTP(rw, r)
	})
}

// A handler answers one request of the page with what becomes JSON. nil: nothing.
type handler func(rw http.ResponseWriter, r *http.Request, who office.Session) (any, error)

type pair struct{ session, address *limit.Limiter }

func (w *web) readLimits() pair  { return pair{w.limits.readSession, w.limits.readAddress} }
func (w *web) writeLimits() pair { return pair{w.limits.writeSession, w.limits.writeAddress} }

// answer finds out who asks and how often, and puts the answer into JSON.
func (w *web) answer(h handler, p pair) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if !p.address.Allow(pages.Address(r, w.proxied), now) {
			w.refuse(rw, office.Deny(office.TooMany))
			return
		}
		who, err := w.session(r)
		if who.ID != "" && !p.session.Allow(who.ID, now) {
			err = office.Deny(office.TooMany)
		}
		if err == nil && r.Method == http.MethodPost && !pages.IsJSON(r) {
			err = pages.ErrRequest
		}
		var v any
		if err == nil {
			v, err = h(rw, r, who)
		}
		if err != nil {
			w.refuse(rw, err)
			return
		}
		reply(rw, http.StatusOK, v)
	}
}

// limited bounds how often an address may do what writes or costs a trip to the provider.
func (w *web) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.limits.writeAddress.Allow(pages.Address(r, w.proxied), time.Now()) {
			w.refuse(rw, office.Deny(office.TooMany))
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	if v == nil {
		v = struct{}{}
	}
	json.NewEncoder(rw).Encode(v) // a page that is gone asks again
}

func (w *web) refuse(rw http.ResponseWriter, err error) {
	var d office.Denied
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &d) && d.Reason == office.TooMany:
		rw.Header().Set("Retry-After", "5")
		reply(rw, http.StatusTooManyRequests, refusal{d.Words()})
	case errors.As(err, &d):
		reply(rw, http.StatusForbidden, refusal{d.Words()})
	case errors.As(err, &large):
		http.Error(rw, "the request is too large", http.StatusRequestEntityTooLarge)
	case errors.Is(err, pages.ErrRequest) || errors.Is(err, office.ErrProof):
		http.Error(rw, err.Error(), http.StatusBadRequest)
	default:
		w.log.Error("a request failed", "err", err)
		reply(rw, http.StatusInternalServerError, refusal{office.Broken.Words()})
	}
}

type refusal struct {
	Denied office.Denial `json:"denied"`
}

func (w *web) getKeys(rw http.ResponseWriter, _ *http.Request) {
	reply(rw, http.StatusOK, w.Keyset())
}

func (w *web) getRevokers(rw http.ResponseWriter, _ *http.Request) {
	d, err := w.Revokers()
	if err != nil {
		w.refuse(rw, err)
		return
	}
	reply(rw, http.StatusOK, d)
}

// getRevocations gives the list to whoever asks: it is signed, and names nobody. A station
// asks every few seconds, and mostly gets the answer that it has the newest.
func (w *web) getRevocations(rw http.ResponseWriter, r *http.Request) {
	list, err := w.Revocations()
	if err != nil {
		w.refuse(rw, err)
		return
	}
	sum := sha256.Sum256(list)
	rw.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	rw.Header().Set("Content-Type", "application/cose")
	rw.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(list))
}
