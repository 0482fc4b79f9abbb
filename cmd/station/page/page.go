package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"railgate/cmd/limit"
	"railgate/cmd/pages"
)

// Options are what a page needs to know.
type Options struct {
	Dir     string           // the folder of the passphrase and the sessions
	Log     *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now
	Proxied bool             // callers are counted by the last entry of X-Forwarded-For
	Bench   bool             // plain HTTP, and pages of the same origin may frame this one
}

// PassphraseName is the name of the passphrase's file in the folder.
const PassphraseName = "page.passphrase.json"

const sessionsName = "page.sessions.json"

// A Page answers to the station's staff.
//
//	GET  /                the page, and its files
//	GET  /api/overview    how the station is, signed in
//	GET  /api/events      the same, live: server-sent events
//	POST /api/signin      {"passphrase": "…"}
//	POST /api/signout     {}
//
// Bodies are JSON, of 4 KB at most.
type Page struct {
	o        Options
	source   Source
	sessions *sessions
	tries    *limit.Limiter // to sign in
	asks     *limit.Limiter // for anything
	hashing  sync.Mutex
	handler  http.Handler
	latest   latest
	streams  chan struct{} // a place for each
}

const (
	maxBody    = 4 << 10
	maxStreams = 64
)

// New makes a page of a source. It may be mounted at any path that ends with a slash,
// with that path stripped.
func New(source Source, o Options) (*Page, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := openSessions(filepath.Join(o.Dir, sessionsName))
	if err != nil {
		return nil, err
	}
	p := &Page{
		o: o, source: source, sessions: s, streams: make(chan struct{}, maxStreams),
		tries: limit.New(10*time.Second, 6),
		asks:  limit.New(50*time.Millisecond, 400),
	}
	p.handler = p.routes()
	return p, nil
}

func (p *Page) ServeHTTP(rw http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(rw, r) }

func (p *Page) routes() http.Handler {
	mux := http.NewServeMux()
	for name, h := range files() {
		mux.Handle("GET /"+name, h)
	}
	mux.HandleFunc("GET /api/overview", p.signedIn(p.getOverview))
	mux.HandleFunc("GET /api/events", p.signedIn(p.getEvents))
	mux.HandleFunc("POST /api/signin", p.postSignIn)
	mux.HandleFunc("POST /api/signout", p.postSignOut)
	return p.guard(http.NewCrossOriginProtection().Handler(mux))
}

// guard says what a browser may do with the page: run its own scripts, talk to its own
// server, and be framed by nobody (by the bench's own page on a bench). It counts callers.
func (p *Page) guard(next http.Handler) http.Handler {
	protect := pages.Policy{Framed: p.o.Bench, Permissions: "geolocation=(), camera=()"}.Headers()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		protect(rw.Header())
		rw.Header().Set("Railgate-Pages", version())
		if !p.asks.Allow(pages.Address(r, p.o.Proxied), p.o.Now()) {
			tooMany(rw)
			return
		}
		r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
		next.ServeHTTP(rw, r)
	})
}

// signedIn lets only whoever is signed in ask.
func (p *Page) signedIn(h http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		switch err := p.may(r); {
		case err != nil:
			p.refuse(rw, err)
		default:
			h(rw, r)
		}
	}
}

var errSignedOut = errors.New("sign in first")

// may tells whether a caller is signed in.
func (p *Page) may(r *http.Request) error {
	l, err := readLock(filepath.Join(p.o.Dir, PassphraseName))
	if err != nil {
		return err
	}
	if !p.sessions.good(token(r), l.name(), p.o.Now()) {
		return errSignedOut
	}
	return nil
}

func (p *Page) postSignIn(rw http.ResponseWriter, r *http.Request) {
	var asked struct {
		Passphrase string `json:"passphrase"`
	}
	if err := body(r, &asked); err != nil {
		p.refuse(rw, err)
		return
	}
	from := pages.Address(r, p.o.Proxied)
	if !p.tries.Allow(from, p.o.Now()) {
		tooMany(rw)
		return
	}
	t, err := p.signIn(r.Context(), asked.Passphrase)
	if err != nil {
		p.o.Log.Warn("signing in was refused", "from", from, "err", err)
		p.refuse(rw, err)
		return
	}
	p.tries.Forget(from)
	http.SetCookie(rw, p.cookie(t, sessionLasts))
	reply(rw, http.StatusOK, struct{}{})
}

var errPassphrase = errors.New("the passphrase is wrong")

// signIn begins a session. One passphrase is hashed at a time: hashing takes memory.
func (p *Page) signIn(ctx context.Context, passphrase string) (string, error) {
	p.hashing.Lock()
	defer p.hashing.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	l, err := readLock(filepath.Join(p.o.Dir, PassphraseName))
	if err != nil {
		return "", err
	}
	if !l.opens(passphrase) {
		return "", errPassphrase
	}
	return p.sessions.begin(l.name(), p.o.Now())
}

func (p *Page) postSignOut(rw http.ResponseWriter, r *http.Request) {
	if err := body(r, new(struct{})); err != nil {
		p.refuse(rw, err)
		return
	}
	if err := p.sessions.end(token(r)); err != nil {
		p.refuse(rw, err)
		return
	}
	http.SetCookie(rw, p.cookie("", 0))
	reply(rw, http.StatusOK, struct{}{})
}

func (p *Page) getOverview(rw http.ResponseWriter, r *http.Request) {
	o, _, err := p.overview(r.Context())
	if err != nil {
		p.refuse(rw, err)
		return
	}
	reply(rw, http.StatusOK, o)
}

// errRequest is a request that the page would not make.
var errRequest = errors.New("the request is not understood")

// body reads a request's JSON. Without a type of JSON it is refused: a form on another
// site's page could send it.
func body(r *http.Request, v any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errRequest
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return errRequest
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(v) != nil || dec.More() {
		return errRequest
	}
	return nil
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(v) // a page that is gone asks again
}

type refusal struct {
	Error string `json:"error"` // signed_out, passphrase, no_passphrase, request, broken, too_many
	Text  string `json:"text"`
}

func tooMany(rw http.ResponseWriter) {
	rw.Header().Set("Retry-After", "10")
	reply(rw, http.StatusTooManyRequests, refusal{"too_many", "too many requests; wait a little"})
}

func (p *Page) refuse(rw http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errSignedOut):
		reply(rw, http.StatusUnauthorized, refusal{"signed_out", err.Error()})
	case errors.Is(err, errPassphrase):
		reply(rw, http.StatusForbidden, refusal{"passphrase", err.Error()})
	case errors.Is(err, ErrNoPassphrase):
		reply(rw, http.StatusServiceUnavailable, refusal{"no_passphrase", err.Error()})
	case errors.Is(err, errRequest):
		reply(rw, http.StatusBadRequest, refusal{"request", err.Error()})
	default:
		p.o.Log.Error("a request failed", "err", err)
		reply(rw, http.StatusInternalServerError, refusal{"broken", "the station cannot answer; its log says why"})
	}
}
