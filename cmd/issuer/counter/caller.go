package counter

import (
	"net/http"
	"slices"
	"strings"
)

// A Person is somebody of the staff who is signed in.
type Person struct {
	ID    string   // as the record has it
	Name  string   // for the person's own page
	Roles []string // clerk, conductor; others give nothing here
}

// People tells who is signed in, by the request's cookie; nil: nobody is.
type People func(r *http.Request) (*Person, error)

// Roles that may look codes up.
const (
	Clerk     = "clerk"     // at a counter
	Conductor = "conductor" // on board
)

// What people may do in a minute and a day. A queue at a counter is a code each few seconds.
const (
	personPerMinute = 60
	personPerDay    = 3000
)

// A caller is who asks, with what they may.
type caller struct {
	kind      string // client, person
	id        string
	scopes    []Scope
	purposes  []Purpose
	perMinute int
	perDay    int
}

// caller finds out who asks: a client by its token, else a person by the cookie. A browser
// adds the cookie by itself, so that a page of another site is refused here, too.
func (c *Counter) caller(r *http.Request) (*caller, error) {
	if values := r.Header.Values("Authorization"); len(values) > 0 {
		return c.byToken(values)
	}
	p, err := c.signedIn(r)
	if err != nil {
		return nil, err
	}
	if err := c.origin.Check(r); err != nil {
		return nil, because("cross_site", "")
	}
	return byRole(p)
}

// signedIn is the person whose cookie a request has.
func (c *Counter) signedIn(r *http.Request) (*Person, error) {
	p, err := c.people(r)
	if err == nil && p == nil {
		no := because("unauthorized", "")
		no.challenge = `Bearer realm="railgate"` // RFC 6750 §3.1: no error code where nothing was sent
		err = no
	}
	return p, err
}

// byToken is the client of a bearer token (RFC 6750 §2.1).
func (c *Counter) byToken(values []string) (*caller, error) {
	scheme, token, _ := strings.Cut(values[0], " ")
	no := because("invalid_token", "")
	no.challenge = `Bearer realm="railgate", error="invalid_token", error_description="ask for a new one"`
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return nil, no
	}
	all, err := c.clients()
	if err != nil {
		return nil, err
	}
	client, scopes, err := readToken(c.key, token, all, c.now())
	if err != nil {
		return nil, no
	}
	if !slices.Contains(scopes, Resolve) {
		no := because("insufficient_scope", "")
		no.challenge = `Bearer realm="railgate", error="insufficient_scope", scope="resolve"`
		return nil, no
	}
	return &caller{"client", client.ID, scopes, client.Purposes, client.PerMinute, client.PerDay}, nil
}

// byRole is what a person may: a clerk sells, refunds, changes and checks, and a conductor
// checks.
func byRole(p *Person) (*caller, error) {
	switch {
	case slices.Contains(p.Roles, Clerk):
		return &caller{"person", p.ID, Scopes(), Purposes(), personPerMinute, personPerDay}, nil
	case slices.Contains(p.Roles, Conductor):
		return &caller{"person", p.ID, []Scope{Resolve, ResolveName, ResolveTicket}, []Purpose{Inspection}, personPerMinute, personPerDay}, nil
	}
	return nil, because("not_staff", "")
}
