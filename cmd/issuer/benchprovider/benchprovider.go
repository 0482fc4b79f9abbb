// Package benchprovider is an OpenID Connect provider for a bench: its page lets whoever sits
// before it choose who they are and how the check ends, without a password. Everything else
// is a provider's of production: the issuer on a bench runs the code that it runs elsewhere.
package benchprovider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"railgate/cmd/issuer/provider"
)

// Path is where the provider lies, below the passenger's page.
const Path = "provider/"

const client = "railgate-bench"

// A Provider is the bench's.
type Provider struct {
	http.Handler
	store *store
	page  string // URL of the passenger's page
}

// New makes the provider of a bench whose page browsers see at a URL, with a slash at its end.
func New(page string, log *slog.Logger) (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &Provider{page: page, store: &store{page: page, key: key, trips: map[string]*trip{}, codes: map[string]string{}}}
	var seal [32]byte
	rand.Read(seal[:]) // it never fails
	server, err := op.NewProvider(&op.Config{CryptoKey: seal, CodeMethodS256: true}, p.store, op.StaticIssuer(p.issuer()), op.WithAllowInsecure(), op.WithLogger(log))
	if err != nil {
		return nil, err
	}
	callback := op.AuthCallbackURL(server)
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("GET /bench.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write(styleText)
	})
	issuer := op.NewIssuerInterceptor(server.IssuerFromRequest)
	mux.Handle("POST /login", issuer.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.choose(w, r, callback) })))
	p.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action *; frame-ancestors 'self'; base-uri 'none'")
		mux.ServeHTTP(w, r)
	})
	return p, nil
}

func (p *Provider) issuer() string { return strings.TrimSuffix(p.page+Path, "/") }

// Config connects the bench's page to the provider.
func (p *Provider) Config() provider.Config {
	return provider.Config{
		Issuer: p.issuer(), ClientID: client, Page: p.page,
		Check: provider.Check{
			Scopes: []string{"openid"}, Methods: []string{"face"}, LoginHint: true,
			Name: "verified_claims.claims.name", Number: "verified_claims.verification.evidence.document_details.document_number",
			Require: map[string]string{"verified_claims.verification.trust_framework": "bench"},
		},
		SignIn: provider.SignIn{
			Scopes: []string{"openid"}, Name: "name", Roles: "roles",
			Values: map[string][]string{"window": {"police-window", "police-window-lead"}, "window-lead": {"police-window-lead"}, "conductor": {"conductor"}, "clerk": {"counter"}, "staff": {"staff"}},
		},
	}
}

// A passenger is somebody whom the bench's face check knows.
type passenger struct{ Name, Number string }

var passengers = []passenger{{"李雷", "11010519491231002X"}, {"韩梅梅", "440106198803052464"}, {"林小满", "51010420140601312X"}}

// A worker is somebody with a role.
type worker struct{ ID, Name, Role, Chinese, English string }

var workers = []worker{
	{"wang", "王警官", "police-window", "公安制证窗口民警", "Officer at the police window"},
	{"sun", "孙警长", "police-window-lead", "公安制证窗口负责人", "Lead at the police window"},
	{"chen", "陈车长", "conductor", "列车长", "Conductor on board"},
	{"zhao", "赵售票", "counter", "售票窗口职员", "Clerk at the counter"},
	{"liu", "刘站务", "staff", "车站工作人员", "Member of staff"},
	{"guest", "访客", "", "没有岗位的人", "Somebody without a role"},
}

// An outcome is how a check can end without anybody being seen, by the provider's error.
type outcome struct{ ID, Chinese, English, Error string }

var outcomes = []outcome{
	{"fails", "不通过", "does not pass", "face_not_verified"},
	{"not_alive", "不是真人面容", "no living face", "unmet_authentication_requirements"},
	{"times_out", "超时", "times out", "login_required"},
	{"cancels", "本人返回", "is cancelled", "access_denied"},
	{"unavailable", "服务不可用", "the service is unavailable", "temporarily_unavailable"},
}

//go:embed login.html
var loginText string

var loginPage = template.Must(template.New("login").Parse(loginText))

//go:embed bench.css
var styleText []byte

func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	t, err := p.store.trip(r.URL.Query().Get("trip"))
	if err != nil {
		http.Error(w, "开始得太久了，请返回重试。 This was begun too long ago: go back and start again.", http.StatusGone)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	hint, _ := readHint(t.LoginHint)
	others := []passenger{}
	for _, one := range passengers {
		if one != hint {
			others = append(others, one)
		}
	}
	loginPage.Execute(w, map[string]any{ // who is gone asks again
		"Trip": t.id, "SignIn": strings.HasSuffix(t.RedirectURI, "/signin/done"), "Hint": hint, "Passengers": others, "Workers": workers, "Outcomes": outcomes,
	})
}

// readHint is who is expected, by the login_hint that the check sends.
func readHint(text string) (passenger, bool) {
	name, number, ok := strings.Cut(text, "|")
	return passenger{name, number}, ok
}

// choose ends a trip as the one before the page has chosen.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request, callback func(context.Context, string) string) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	t, err := p.store.trip(r.FormValue("trip"))
	if err != nil {
		http.Error(w, "开始得太久了，请返回重试。 This was begun too long ago: go back and start again.", http.StatusGone)
		return
	}
	for _, o := range outcomes {
		if r.FormValue("ends") == o.ID {
			q := url.Values{"error": {o.Error}, "state": {t.State}}
			http.Redirect(w, r, t.RedirectURI+"?"+q.Encode(), http.StatusSeeOther)
			return
		}
	}
	claims, methods := choice(r)
	if claims == nil {
		http.Error(w, "请选择。 Choose somebody.", http.StatusBadRequest)
		return
	}
	p.store.prove(t.id, claims, methods)
	http.Redirect(w, r, callback(r.Context(), t.id), http.StatusSeeOther)
}

// choice is who was chosen, and how the provider proved it; nil: nobody.
func choice(r *http.Request) (claims map[string]any, methods []string) {
	if name, number, ok := strings.Cut(r.FormValue("face"), "|"); ok {
		return map[string]any{"sub": "passenger-" + number, "name": name, "verified_claims": verified(name, number)}, []string{"face"}
	}
	for _, w := range workers {
		if r.FormValue("worker") == w.ID {
			claims = map[string]any{"sub": "worker-" + w.ID, "name": w.Name}
			if w.Role != "" {
				claims["roles"] = []string{w.Role}
			}
			return claims, []string{"pwd"}
		}
	}
	return nil, nil
}

// verified is somebody in the manner of OpenID Connect for Identity Assurance 1.0.
func verified(name, number string) map[string]any {
	return map[string]any{
		"verification": map[string]any{
			"trust_framework": "bench", "time": time.Now().UTC().Format(time.RFC3339),
			"evidence": []any{map[string]any{"type": "document", "document_details": map[string]any{"type": "idcard", "document_number": number}}},
		},
		"claims": map[string]any{"name": name},
	}
}

// A trip is one person's visit to the page.
type trip struct {
	oidc.AuthRequest
	id      string
	begun   time.Time
	claims  map[string]any
	methods []string
	proven  time.Time
}

func (t *trip) GetID() string          { return t.id }
func (t *trip) GetACR() string         { return "" }
func (t *trip) GetAMR() []string       { return t.methods }
func (t *trip) GetAudience() []string  { return []string{client} }
func (t *trip) GetAuthTime() time.Time { return t.proven }
func (t *trip) GetClientID() string    { return t.ClientID }
func (t *trip) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: t.CodeChallenge, Method: t.CodeChallengeMethod}
}
func (t *trip) GetNonce() string                   { return t.Nonce }
func (t *trip) GetRedirectURI() string             { return t.RedirectURI }
func (t *trip) GetResponseType() oidc.ResponseType { return t.ResponseType }
func (t *trip) GetResponseMode() oidc.ResponseMode { return t.ResponseMode }
func (t *trip) GetScopes() []string                { return t.Scopes }
func (t *trip) GetState() string                   { return t.State }
func (t *trip) Done() bool                         { return t.claims != nil }

func (t *trip) GetSubject() string {
	sub, _ := t.claims["sub"].(string)
	return sub
}

// signingKey is the provider's, as its library asks for it.
type signingKey struct{ key *ecdsa.PrivateKey }

func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                  { return k.key }
func (signingKey) ID() string                                  { return "bench" }

// publicKey is its public part.
type publicKey struct{ key *ecdsa.PublicKey }

func (publicKey) ID() string                         { return "bench" }
func (publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                         { return k.key }

// errUnknown is a trip or a code that is not there, or spent.
var errUnknown = fmt.Errorf("not here, or spent")
