// Package signin signs people with a role in: the officer at the police window, the
// conductor, the clerk, a member of staff. The OpenID Connect provider that does the
// real-person check proves who they are and says what they are; which of its values is which
// role is configuration.
//
// A session is kept here, in memory, and ends after [Lasts], with signing out, and with the
// program. The browser has a random token in a cookie that scripts do not see and other
// sites' pages do not send along with what they post.
//
//	GET  /signin/start?back=PATH   to the provider's page; PATH is of this server
//	GET  /signin/done              back from it, and on to PATH
//	POST /signin/out               ends the session
package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"railgate/cmd/issuer/provider"
)

// Lasts is how long one stays signed in.
const Lasts = 8 * time.Hour

// awayFor is how long one may take at the provider's page.
const awayFor = 10 * time.Minute

// The roles. A page asks for one of them with [Guard.Require].
const (
	Window     = "window"      // the officer at the police window
	WindowLead = "window-lead" // the one in charge there, who may end others' slips
	Conductor  = "conductor"   // on board
	Clerk      = "clerk"       // at the counter
	Staff      = "staff"       // a member of staff, who has a code for the staffed lane
)

// A Person is who is signed in.
type Person struct {
	Subject string // the provider's name of the person: what a record names
	Name    string
	Roles   []string
	Until   time.Time
	Session string // this sign-in and no other: a hash of its token
}

// May tells whether a person has a role.
func (p Person) May(role string) bool { return slices.Contains(p.Roles, role) }

type personKey struct{}

// From is who makes a request that has come through [Guard.Require].
func From(r *http.Request) (Person, bool) {
	p, ok := r.Context().Value(personKey{}).(Person)
	return p, ok
}

// A Guard lets people with a role in. Its methods may be called concurrently.
type Guard struct {
	provider *provider.Client // nil: none is connected
	page     string           // URL of this server's root as browsers see it, with a slash at its end
	secure   bool             // cookies go by https alone
	log      *slog.Logger
	aead     cipher.AEAD // seals who is away at the provider; a new key at each start
	origin   *http.CrossOriginProtection

	mu       sync.Mutex // guards the fields below
	sessions map[[sha256.Size]byte]Person
	spent    map[string]time.Time // states of trips that are over, until when they would be taken
}

// New makes a guard. Without a provider (nil) nobody gets in, and the pages say why.
func New(p *provider.Client, log *slog.Logger) *Guard {
	g := &Guard{
		provider: p, page: "/", log: log, aead: newSeal(), origin: http.NewCrossOriginProtection(),
		sessions: map[[sha256.Size]byte]Person{}, spent: map[string]time.Time{},
	}
	if p != nil {
		g.page = p.Config().Page
		g.secure = strings.HasPrefix(g.page, "https:")
	}
	return g
}

func newSeal() cipher.AEAD {
	key := make([]byte, 32)
	rand.Read(key) // it never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("signin: internal error: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("signin: internal error: " + err.Error())
	}
	return aead
}

// Require lets a request through to a handler only of somebody who has a role, and a request
// that changes something only from this server's own pages. Others get a page in words, or
// JSON where they did not ask for a page: 401 not signed in (a page: on to the provider),
// 403 without the role, 503 without a provider.
func (g *Guard) Require(role string, next http.Handler) http.Handler {
	if !slices.Contains(provider.Roles(), role) {
		panic("signin: internal error: unknown role " + role)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.origin.Check(r); err != nil {
			http.Error(w, "a page of another site asks for this", http.StatusForbidden)
			return
		}
		p, ok := g.who(r)
		switch {
		case g.provider == nil && !ok:
			g.refuse(w, r, http.StatusServiceUnavailable, noProvider)
		case !ok && isPage(r):
			http.Redirect(w, r, g.startURL(r.URL.RequestURI()), http.StatusSeeOther)
		case !ok:
			g.refuse(w, r, http.StatusUnauthorized, notSignedIn)
		case !p.May(role):
			g.refuse(w, r, http.StatusForbidden, noRole)
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), personKey{}, p)))
		}
	})
}

// Handler answers below /signin/. Ended is told whose session has ended, by signing out or by
// signing in again, before that is answered: what was given out in it ends with it. Of a session
// that the program does not know (it began before the program did, or has ended already) it is told
// Session alone. nil: nothing was.
func (g *Guard) Handler(ended func(Person) error) http.Handler {
	if ended == nil {
		ended = func(Person) error { return nil }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /signin/start", g.start)
	mux.HandleFunc("GET /signin/done", func(w http.ResponseWriter, r *http.Request) { g.done(w, r, ended) })
	mux.HandleFunc("POST /signin/out", func(w http.ResponseWriter, r *http.Request) { g.out(w, r, ended) })
	mux.HandleFunc("GET /signin/signin.css", style)
	return g.origin.Handler(mux)
}

// The cookies: of a session, and of somebody who is away at the provider. The provider's page
// leads back here from another site, so they are sent along when one comes from there (Lax),
// and never with what another site's page posts.
const (
	sessionCookie = "railgate_person"
	awayCookie    = "railgate_away"
)

func (g *Guard) cookie(name, value string, lasts time.Duration) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: g.secure}
	if c.MaxAge = int(lasts / time.Second); c.MaxAge == 0 {
		c.MaxAge = -1
	}
	return c
}

// Who is the person who makes a request, whatever they may; false: nobody is signed in.
func (g *Guard) Who(r *http.Request) (Person, bool) { return g.who(r) }

// who is the person whose session a request is of.
func (g *Guard) who(r *http.Request) (Person, bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return Person{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.sessions[sha256.Sum256([]byte(c.Value))]
	return p, ok && time.Now().Before(p.Until)
}

// Admit opens a session for somebody whom the provider has proven, and gives its cookie. Only
// this package's own handler calls it, and tests (signintest).
func (g *Guard) Admit(p Person) *http.Cookie {
	token := make([]byte, 32)
	rand.Read(token) // it never fails
	text := base64.RawURLEncoding.EncodeToString(token)
	now := time.Now()
	p.Until = now.Add(Lasts)
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, other := range g.sessions {
		if !now.Before(other.Until) {
			delete(g.sessions, key)
		}
	}
	key := sha256.Sum256([]byte(text))
	p.Session = string(key[:])
	g.sessions[key] = p
	return g.cookie(sessionCookie, text, Lasts)
}

// end ends the session of a request, if the browser has one.
func (g *Guard) end(r *http.Request, ended func(Person) error) error {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	key := sha256.Sum256([]byte(c.Value))
	g.mu.Lock()
	p, known := g.sessions[key]
	delete(g.sessions, key)
	g.mu.Unlock()
	if !known {
		p = Person{Session: string(key[:])}
	}
	return ended(p)
}

// away is what the browser keeps, sealed, while a person is at the provider.
type away struct {
	Trip  provider.Trip
	Nonce string
	Back  string
	Until int64
}

// startURL is where one signs in, with the path to come back to.
func (g *Guard) startURL(back string) string {
	return g.page + "signin/start?back=" + url.QueryEscape(ownPath(back))
}

func (g *Guard) start(w http.ResponseWriter, r *http.Request) {
	if g.provider == nil {
		g.refuse(w, r, http.StatusServiceUnavailable, noProvider)
		return
	}
	a := away{Nonce: randomText(), Back: ownPath(r.URL.Query().Get("back")), Until: time.Now().Add(awayFor).Unix()}
	trip, to, err := g.provider.Begin(r.Context(), g.provider.SignInAsk(), a.Nonce)
	if err != nil {
		g.log.Error("signing in: the provider is unavailable", "err", err)
		g.refuse(w, r, http.StatusBadGateway, unavailable.backTo(a.Back))
		return
	}
	a.Trip = trip
	http.SetCookie(w, g.cookie(awayCookie, g.seal(a), awayFor))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (g *Guard) done(w http.ResponseWriter, r *http.Request, ended func(Person) error) {
	http.SetCookie(w, g.cookie(awayCookie, "", 0))
	if g.provider == nil {
		g.refuse(w, r, http.StatusServiceUnavailable, noProvider)
		return
	}
	a, ok := g.unseal(r)
	if !ok || time.Now().Unix() >= a.Until {
		g.refuse(w, r, http.StatusForbidden, stale.backTo(a.Back))
		return
	}
	id, err := g.provider.Finish(r.Context(), g.provider.SignInAsk(), a.Trip, a.Nonce, provider.ReadAnswer(r.URL.Query()))
	if err != nil {
		g.log.Error("signing in: the provider's answer is not taken", "err", err)
		g.refuse(w, r, http.StatusForbidden, whyNot(err).backTo(a.Back))
		return
	}
	if !g.spend(a) {
		g.refuse(w, r, http.StatusForbidden, stale.backTo(a.Back))
		return
	}
	p := g.person(id)
	if len(p.Roles) == 0 {
		g.log.Warn("signing in: a person without a role", "subject", p.Subject)
		g.refuse(w, r, http.StatusForbidden, noRole.backTo(a.Back))
		return
	}
	if err := g.end(r, ended); err != nil { // the browser forgets that one's cookie
		g.log.Error("what was given out in the sign-in before does not end", "err", err)
	}
	g.log.Info("a person is signed in", "subject", p.Subject, "roles", strings.Join(p.Roles, " "))
	http.SetCookie(w, g.Admit(p))
	http.Redirect(w, r, g.page+strings.TrimPrefix(a.Back, "/"), http.StatusSeeOther)
}

// person reads who somebody is and which roles they have.
func (g *Guard) person(id *provider.Identity) Person {
	c := g.provider.Config().SignIn
	p := Person{Subject: id.Subject, Name: id.Subject}
	if name, err := id.Text(c.Name); err == nil {
		p.Name = name
	}
	has := id.Texts(c.Roles)
	for _, role := range provider.Roles() {
		if slices.ContainsFunc(c.Values[role], func(v string) bool { return slices.Contains(has, v) }) {
			p.Roles = append(p.Roles, role)
		}
	}
	return p
}

// spend marks a trip as over; false: it was already. It forgets those that are too old to be
// taken anyway.
func (g *Guard) spend(a away) bool {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for state, until := range g.spent {
		if !now.Before(until) {
			delete(g.spent, state)
		}
	}
	if _, known := g.spent[a.Trip.State]; known {
		return false
	}
	g.spent[a.Trip.State] = time.Unix(a.Until, 0)
	return true
}

func (g *Guard) out(w http.ResponseWriter, r *http.Request, ended func(Person) error) {
	if err := g.end(r, ended); err != nil { // the browser keeps the cookie, to try again by
		g.log.Error("somebody has signed out, and what was given out does not end with it", "err", err)
		g.refuse(w, r, http.StatusInternalServerError, notEnded)
		return
	}
	http.SetCookie(w, g.cookie(sessionCookie, "", 0))
	w.WriteHeader(http.StatusNoContent)
}

func (g *Guard) seal(a away) string {
	plain, err := json.Marshal(a)
	if err != nil {
		panic("signin: internal error: " + err.Error()) // it has texts and a number
	}
	return base64.RawURLEncoding.EncodeToString(g.aead.Seal(nil, nil, plain, nil))
}

func (g *Guard) unseal(r *http.Request) (a away, ok bool) {
	c, err := r.Cookie(awayCookie)
	if err != nil {
		return a, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return a, false
	}
	plain, err := g.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return a, false
	}
	return a, json.Unmarshal(plain, &a) == nil
}

func randomText() string {
	b := make([]byte, 32)
	rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// whyNot is what a person is told about an answer that is not taken.
func whyNot(err error) words {
	switch {
	case errors.Is(err, provider.ErrUnavailable):
		return unavailable
	case errors.Is(err, provider.ErrState), errors.Is(err, provider.ErrCode), errors.Is(err, provider.ErrNotFresh), errors.Is(err, provider.ErrGivenUp):
		return stale
	}
	return refused
}
