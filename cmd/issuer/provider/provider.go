// Package provider is an OpenID Connect provider as its client sees it: a person is sent to
// the provider's page and comes back with a code, for which the provider gives a signed
// statement of who was before it, how that was proven, and when (OpenID Connect Core 1.0,
// authorization code flow; PKCE, RFC 7636).
//
// A statement is taken only when it is signed by the provider's key, from the provider, for
// this client, for this very trip (state, nonce, code), and about somebody who was proven
// during the trip (max_age=0, auth_time). Each of these has an error of its own.
package provider

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Why an answer is not taken.
var (
	ErrUnavailable = errors.New("the provider does not answer")
	ErrRefused     = errors.New("the provider says no")
	ErrNotMet      = errors.New("the provider cannot prove it as asked") // unmet_authentication_requirements
	ErrGivenUp     = errors.New("the provider waited for the person in vain")
	ErrCancelled   = errors.New("the person turned back at the provider") // access_denied
	ErrState       = errors.New("the answer is of another trip (state)")
	ErrCode        = errors.New("the code is spent, expired or not the provider's")
	ErrToken       = errors.New("the provider's statement cannot be read")
	ErrSignature   = errors.New("the statement is not signed by the provider's key")
	ErrIssuer      = errors.New("the statement is another provider's (iss)")
	ErrAudience    = errors.New("the statement is for another client (aud)")
	ErrExpired     = errors.New("the statement has expired (exp)")
	ErrNonce       = errors.New("the statement is of another trip (nonce)")
	ErrSubject     = errors.New("the statement is about nobody (sub)")
	ErrNotFresh    = errors.New("the person was not proven during this trip (auth_time)")
	ErrNotSo       = errors.New("the person was not proven in the way that is asked for (amr)")
	ErrClaim       = errors.New("the statement does not have one value of the claim")
)

// clockLeeway is how far the provider's clock may be from this machine's.
const clockLeeway = 30 * time.Second

// answerTime is how long the provider may take for one answer.
const answerTime = 10 * time.Second

// A Client asks one provider. Its methods may be called concurrently. The provider need not
// be there when it is made: it is looked up when somebody is first sent to it.
type Client struct {
	config Config
	http   *http.Client
	now    func() time.Time

	mu    sync.Mutex // guards the field below
	found *found
}

// found is what a provider says of itself.
type found struct {
	*oidc.Provider
	keys  oidc.KeySet
	named bool // its answers say who it is (RFC 9207)
}

// New makes the client of a provider.
func New(c Config) *Client {
	return &Client{config: c, http: &http.Client{Timeout: answerTime}, now: time.Now}
}

// Config is what the client was made with.
func (c *Client) Config() Config { return c.config }

// A Trip is one visit to the provider's page. Whoever begins it keeps it, sealed or on the
// server, until the person is back.
type Trip struct {
	State    string
	Verifier string // of PKCE
	Started  int64  // seconds since 1970, by the system's clock
}

// An Ask is what a trip is for: where the provider sends the person back to, and what it is
// asked besides.
type Ask struct {
	Back       string // a URL that the provider knows
	Scopes     []string
	Parameters map[string]string // of the authorization request
	Methods    []string          // one of these must be among the statement's amr (RFC 8176); empty: any way
}

// An Answer is what the person brings back, as the query of Ask.Back has it.
type Answer struct {
	Code   string `json:"code"`
	State  string `json:"state"`
	Error  string `json:"error"` // RFC 6749, 4.1.2.1
	Issuer string `json:"iss"`   // RFC 9207; "" where the provider does not say
}

// ReadAnswer reads an answer from a query.
func ReadAnswer(q url.Values) Answer {
	return Answer{Code: q.Get("code"), State: q.Get("state"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

// Begin gives a trip and the URL of the provider's page. The nonce must come back in the
// statement: the caller binds the trip to its purpose by it. ErrUnavailable is the only error.
func (c *Client) Begin(ctx context.Context, ask Ask, nonce string) (Trip, string, error) {
	p, err := c.find(ctx)
	if err != nil {
		return Trip{}, "", err
	}
	t := Trip{State: random(), Verifier: oauth2.GenerateVerifier(), Started: c.now().Unix()}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(t.Verifier), oidc.Nonce(nonce)}
	for name, value := range ask.Parameters {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	options = append(options, oauth2.SetAuthURLParam("max_age", "0")) // who is signed in there proves it again
	return t, c.oauth(p, ask).AuthCodeURL(t.State, options...), nil
}

// Finish takes the answer of a trip to the provider, and gives who was there.
func (c *Client) Finish(ctx context.Context, ask Ask, t Trip, nonce string, a Answer) (*Identity, error) {
	if t.State == "" || subtle.ConstantTimeCompare([]byte(a.State), []byte(t.State)) != 1 {
		return nil, ErrState
	}
	if a.Issuer != "" && a.Issuer != c.config.Issuer {
		return nil, ErrIssuer
	}
	p, err := c.find(ctx)
	switch {
	case err != nil:
		return nil, err
	case a.Issuer == "" && p.named: // RFC 9207, 2.4: an answer without it is somebody else's
		return nil, ErrIssuer
	case a.Error != "":
		return nil, said(a.Error)
	case a.Code == "":
		return nil, ErrCode
	}
	token, err := c.oauth(p, ask).Exchange(oidc.ClientContext(ctx, c.http), a.Code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return nil, exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, ErrToken
	}
	return c.read(ctx, p, raw, ask, t, nonce)
}

// said is the error of what the provider answers instead of a code.
func said(code string) error {
	kind := ErrRefused
	switch code {
	case "temporarily_unavailable", "server_error":
		kind = ErrUnavailable
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "invalid_target",
		"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported", "registration_not_supported":
		return fmt.Errorf("%w: the client is refused: %q", ErrUnavailable, code) // nothing that the person did
	case "access_denied":
		kind = ErrCancelled
	case "unmet_authentication_requirements": // OpenID Connect Core Error Code of that name
		kind = ErrNotMet
	case "login_required", "interaction_required", "account_selection_required", "consent_required":
		kind = ErrGivenUp
	}
	return fmt.Errorf("%w: %q", kind, clip(code))
}

// exchangeError tells a code that is refused from a provider that does not answer. What the
// provider writes goes no further: it may hold the code.
func exchangeError(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode < http.StatusInternalServerError {
		if answer.ErrorCode == "invalid_grant" {
			return ErrCode
		}
		return fmt.Errorf("%w: the client is refused: %q", ErrUnavailable, clip(answer.ErrorCode))
	}
	var address *url.Error
	if errors.As(err, &address) || answer != nil {
		return ErrUnavailable
	}
	return ErrToken
}

// read verifies a statement.
func (c *Client) read(ctx context.Context, p *found, raw string, ask Ask, t Trip, nonce string) (*Identity, error) {
	seen := &watchedKeys{KeySet: p.keys}
	// The signature comes first. What is said is compared below, so that each part has its error.
	v := oidc.NewVerifier(c.config.Issuer, seen, &oidc.Config{
		SupportedSigningAlgs: algorithms(p.Provider), SkipIssuerCheck: true, SkipClientIDCheck: true, Now: c.now,
	})
	token, err := v.Verify(oidc.ClientContext(ctx, c.http), raw)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, ErrExpired
	case err != nil:
		return nil, seen.why()
	}
	id := &Identity{Subject: token.Subject}
	var said struct {
		Party    string   `json:"azp"`
		AuthTime int64    `json:"auth_time"`
		Methods  []string `json:"amr"`
	}
	if token.Claims(&said) != nil || token.Claims(&id.claims) != nil {
		return nil, ErrToken
	}
	id.Proven, id.Methods = time.Unix(said.AuthTime, 0), said.Methods
	switch {
	case token.Issuer != c.config.Issuer:
		return nil, ErrIssuer
	case !c.isFor(token.Audience, said.Party):
		return nil, ErrAudience
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1 || nonce == "":
		return nil, ErrNonce
	case token.Subject == "":
		return nil, ErrSubject
	case !c.during(t, id.Proven):
		return nil, ErrNotFresh
	case len(ask.Methods) > 0 && !slices.ContainsFunc(ask.Methods, func(m string) bool { return slices.Contains(id.Methods, m) }):
		return nil, ErrNotSo
	}
	return id, nil
}

// isFor tells whether a statement is for this client: among its readers, and the one that
// asked for it where there are several (OpenID Connect Core, 3.1.3.7).
func (c *Client) isFor(audience []string, party string) bool {
	if !slices.Contains(audience, c.config.ClientID) {
		return false
	}
	if len(audience) > 1 || party != "" {
		return party == c.config.ClientID
	}
	return true
}

// during tells whether somebody was proven between the trip's start and now.
func (c *Client) during(t Trip, proven time.Time) bool {
	return !proven.Before(time.Unix(t.Started, 0).Add(-clockLeeway)) && !proven.After(c.now().Add(clockLeeway))
}

// find looks the provider up (OpenID Connect Discovery 1.0), until it is found. Nobody waits
// for another's look.
func (c *Client) find(ctx context.Context) (*found, error) {
	c.mu.Lock()
	known := c.found
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, c.http), c.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var says struct {
		Keys  string `json:"jwks_uri"`
		Named bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&says); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// The keys outlive this request: they are read again when one is new.
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), c.http), says.Keys)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = &found{p, keys, says.Named}
	return c.found, nil
}

// Look looks the provider up, to tell at the start whether it is there.
func (c *Client) Look(ctx context.Context) error {
	_, err := c.find(ctx)
	return err
}

func (c *Client) oauth(p *found, ask Ask) *oauth2.Config {
	return &oauth2.Config{ClientID: c.config.ClientID, ClientSecret: c.config.secret, Endpoint: p.Endpoint(), RedirectURL: ask.Back, Scopes: ask.Scopes}
}

// algorithms are those that the provider signs with; RS256 where it does not say.
func algorithms(p *oidc.Provider) []string {
	var says struct {
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if p.Claims(&says) != nil {
		return nil
	}
	known := []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
	return slices.DeleteFunc(says.Algorithms, func(a string) bool { return !slices.Contains(known, a) })
}

// watchedKeys tells why a statement's signature was not accepted.
type watchedKeys struct {
	oidc.KeySet
	asked bool
	err   error
}

func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	k.asked, k.err = true, err
	return payload, err
}

func (k *watchedKeys) why() error {
	var address *url.Error
	switch {
	case errors.As(k.err, &address):
		return ErrUnavailable
	case k.asked && k.err == nil:
		return ErrToken
	}
	return ErrSignature
}

// random is 32 random bytes in base64url.
func random() string {
	b := make([]byte, 32)
	rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// clip shortens what a stranger wrote.
func clip(text string) string { return text[:min(len(text), 64)] }

// An Identity is who was before the provider's page.
type Identity struct {
	Subject string    // the provider's name of the person
	Proven  time.Time // auth_time
	Methods []string  // amr
	claims  map[string]json.RawMessage
}
