// Package providertest is an OpenID Connect provider for tests, which can be made to lie in
// each part of what it says.
package providertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"railgate/cmd/issuer/provider"
)

// Client is the client that the provider knows; its secret is in nobody's file.
const Client = "railgate-test"

// A Provider signs what it is told to. Fields are set before it is asked.
type Provider struct {
	URL     string
	Lie     func(claims map[string]any) // changes what is signed; nil: the truth
	Forge   bool                        // signs with a key that it does not publish
	Sign    func(claims []byte) string  // makes the statement; nil: it is signed by the key that is published
	Replays bool                        // takes a code as often as it comes
	Fails   int                         // the status of the token endpoint's answer; 0: it works
	Quiet   bool                        // answers without a statement
	Down    bool                        // is not to be found
	Named   bool                        // says who it is in each answer (RFC 9207), and that it does

	t         testing.TB
	srv       *httptest.Server
	key, fake *ecdsa.PrivateKey

	mu    sync.Mutex // guards the fields below
	codes map[string]*grant
}

// A grant is what a code stands for.
type grant struct {
	claims    map[string]any
	challenge string
	back      string
	used      bool
}

// New starts a provider, which the test ends.
func New(t testing.TB) *Provider {
	p := &Provider{t: t, key: newKey(t), fake: newKey(t), codes: map[string]*grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	p.srv = httptest.NewServer(mux)
	p.URL = p.srv.URL
	t.Cleanup(p.srv.Close)
	return p
}

// Stop ends the provider: nothing answers any more.
func (p *Provider) Stop() { p.srv.Close() }

// Config connects a page to the provider.
func (p *Provider) Config(page string) provider.Config {
	c, err := provider.ParseConfig(strings.NewReader(`
issuer = "` + p.URL + `"
client_id = "` + Client + `"
page = "` + page + `"
[check]
name = "verified_claims.claims.name"
number = "verified_claims.claims.number"
[signin]
[signin.values]
window = ["police"]
conductor = ["train"]
clerk = ["counter", "counter-lead"]
staff = ["staff"]
`))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// Person are the claims of somebody whose face was seen just now.
func Person(name, number string) map[string]any {
	return map[string]any{
		"sub": "sub-" + number, "name": name, "amr": []string{"face"},
		"verified_claims": map[string]any{
			"verification": map[string]any{"trust_framework": "test"},
			"claims":       map[string]any{"name": name, "number": number},
		},
	}
}

// Visit is somebody at the provider's page, to which the client has sent them: it gives what
// they bring back. Claims with nil as a value are left out.
func (p *Provider) Visit(page string, claims map[string]any) url.Values {
	u, err := url.Parse(page)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("max_age") != "0" || q.Get("response_type") != "code" {
		p.t.Errorf("the provider is asked %v; want a code, S256 and max_age=0", q)
	}
	said := map[string]any{
		"iss": p.URL, "aud": q.Get("client_id"), "nonce": q.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(), "auth_time": time.Now().Unix(),
	}
	maps.Copy(said, claims)
	if p.Lie != nil {
		p.Lie(said)
	}
	maps.DeleteFunc(said, func(_ string, v any) bool { return v == nil })
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = &grant{claims: said, challenge: q.Get("code_challenge"), back: q.Get("redirect_uri")}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	if p.Named {
		answer.Set("iss", p.URL)
	}
	return answer
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	if p.Down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	write(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256"}, "authorization_response_iss_parameter_supported": p.Named,
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if p.Fails != 0 {
		write(w, p.Fails, map[string]string{"error": "server_error"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.codes[r.FormValue("code")]
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case g == nil, g.used && !p.Replays, g.back != r.FormValue("redirect_uri"), g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "code " + r.FormValue("code")})
		return
	}
	g.used = true
	answer := map[string]any{"access_token": rand.Text(), "token_type": "Bearer"}
	if !p.Quiet {
		answer["id_token"] = p.sign(g.claims)
	}
	write(w, http.StatusOK, answer)
}

func (p *Provider) sign(claims map[string]any) string {
	key := p.key
	if p.Forge {
		key = p.fake
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	if p.Sign != nil {
		return p.Sign(payload)
	}
	return p.SignBy(jose.ES256, jose.JSONWebKey{Key: key, KeyID: "1"}, nil, payload)
}

// PublicKey is the key that the provider publishes.
func (p *Provider) PublicKey() *ecdsa.PublicKey { return &p.key.PublicKey }

// SignBy makes a statement (JWS, compact) with whatever key and header.
func (p *Provider) SignBy(alg jose.SignatureAlgorithm, key any, options *jose.SignerOptions, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	return text
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // who is gone asks again
}
