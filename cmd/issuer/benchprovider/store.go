package benchprovider

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// tripFor is how long a trip may take, and its code is good.
const tripFor = 15 * time.Minute

// mostTrips bounds what is remembered: the oldest are forgotten.
const mostTrips = 10000

// A store remembers trips and codes, in memory, as the library asks (op.Storage).
type store struct {
	page string
	key  *ecdsa.PrivateKey

	mu    sync.Mutex // guards the fields below
	trips map[string]*trip
	codes map[string]string // code → trip
}

func (s *store) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is needed")
	}
	t := &trip{AuthRequest: *r, id: rand.Text(), begun: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, other := range s.trips {
		if len(s.trips) >= mostTrips || time.Since(other.begun) > tripFor {
			delete(s.trips, id)
		}
	}
	s.trips[t.id] = t
	return t, nil
}

// trip is a copy of one.
func (s *store) trip(id string) (*trip, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.trips[id]
	if t == nil || time.Since(t.begun) > tripFor {
		return nil, errUnknown
	}
	c := *t
	return &c, nil
}

// prove notes who was before the page.
func (s *store) prove(id string, claims map[string]any, methods []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.trips[id]; t != nil {
		t.claims, t.methods, t.proven = claims, methods, time.Now()
	}
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	t, err := s.trip(id)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// AuthRequestByCode takes a code: it is good once.
func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id, known := s.codes[code]
	delete(s.codes, code)
	s.mu.Unlock()
	if !known {
		return nil, errUnknown
	}
	t, err := s.trip(id)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (s *store) DeleteAuthRequest(context.Context, string) error { return nil } // its claims are asked for after it; it ages

// CreateAccessToken gives a token that opens nothing: what a client needs is in the statement.
func (s *store) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(time.Minute), nil
}

// SetUserinfoFromRequest puts what a person has proven into the statement.
func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	t, ok := r.(*trip)
	if !ok {
		return errUnknown
	}
	info.Subject = t.GetSubject()
	for name, value := range t.claims {
		if name != "sub" {
			info.AppendClaims(name, value)
		}
	}
	return nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{s.key}, nil }

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{&s.key.PublicKey}}, nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != client {
		return nil, errUnknown
	}
	return page(s.page), nil
}

func (s *store) Health(context.Context) error { return nil }

// What a bench's clients do not ask for.
var errNotHere = errors.New("this provider has no such thing")

func (s *store) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNotHere
}
func (s *store) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errNotHere
}
func (s *store) TerminateSession(context.Context, string, string) error { return nil }
func (s *store) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return nil
}
func (s *store) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}
func (s *store) AuthorizeClientIDSecret(context.Context, string, string) error { return errNotHere }
func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}
func (s *store) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errNotHere
}
func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotHere
}
func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}
func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotHere
}
func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotHere
}

// A page is the bench's passenger page as the provider's one client: it has no secret, and
// proves itself by PKCE.
type page string

func (page) GetID() string                        { return client }
func (p page) RedirectURIs() []string             { return []string{string(p), string(p) + "signin/done"} }
func (page) RedirectURIGlobs() []string           { return []string{"http://**", "https://**"} } // wherever the bench's page is open
func (page) PostLogoutRedirectURIGlobs() []string { return nil }
func (page) PostLogoutRedirectURIs() []string     { return nil }
func (page) ApplicationType() op.ApplicationType  { return op.ApplicationTypeNative } // native clients may be at http on loopback
func (page) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodNone }
func (page) ResponseTypes() []oidc.ResponseType   { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (page) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (p page) LoginURL(id string) string          { return string(p) + Path + "login?trip=" + id }
func (page) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (page) IDTokenLifetime() time.Duration       { return 5 * time.Minute }
func (page) DevMode() bool                        { return true } // http beyond loopback, on a bench
func (page) IsScopeAllowed(string) bool           { return false }
func (page) IDTokenUserinfoClaimsAssertion() bool { return true }
func (page) ClockSkew() time.Duration             { return 0 }
func (page) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (page) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
