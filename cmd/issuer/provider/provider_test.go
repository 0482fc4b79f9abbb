package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"railgate/cmd/issuer/provider"
	"railgate/cmd/issuer/provider/providertest"
)

const page = "https://temporary-id.example/"

// finish goes to the provider and back, as the answer is changed on the way.
func finish(t *testing.T, p *providertest.Provider, claims map[string]any, change func(*provider.Answer)) (*provider.Identity, error) {
	t.Helper()
	c := provider.New(p.Config(page))
	trip, to, err := c.Begin(t.Context(), c.CheckAsk(), "nonce-1")
	if err != nil {
		t.Fatal(err)
	}
	a := provider.ReadAnswer(p.Visit(to, claims))
	if change != nil {
		change(&a)
	}
	return c.Finish(t.Context(), c.CheckAsk(), trip, "nonce-1", a)
}

func TestAnAnswerSaysWhoWasThere(t *testing.T) {
	p := providertest.New(t)
	id, err := finish(t, p, providertest.Person("李雷", "11010519491231002X"), func(a *provider.Answer) { a.Issuer = p.URL })
	if err != nil {
		t.Fatal(err)
	}
	name, err := id.Text("verified_claims.claims.name")
	if id.Subject != "sub-11010519491231002X" || name != "李雷" || err != nil || time.Since(id.Proven) > time.Minute || len(id.Methods) != 1 {
		t.Errorf("%+v, %q, %v; want 李雷, by face, now", id, name, err)
	}
}

// A provider that lies in one part of its statement is refused, for that part's reason.
func TestALieInEachPartIsRefused(t *testing.T) {
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	for _, tt := range []struct {
		name string
		lie  func(map[string]any)
		want error
	}{
		{"another trip's nonce", set("nonce", "nonce-2"), provider.ErrNonce},
		{"no nonce", set("nonce", nil), provider.ErrNonce},
		{"another client", set("aud", "another"), provider.ErrAudience},
		{"two readers, and no word who asked", set("aud", []string{providertest.Client, "another"}), provider.ErrAudience},
		{"two readers, and the other one asked", func(c map[string]any) {
			c["aud"], c["azp"] = []string{providertest.Client, "another"}, "another"
		}, provider.ErrAudience},
		{"one reader, and another one asked", set("azp", "another"), provider.ErrAudience},
		{"another provider", set("iss", "https://another.example"), provider.ErrIssuer},
		{"expired", set("exp", time.Now().Add(-time.Minute).Unix()), provider.ErrExpired},
		{"proven before the trip", set("auth_time", time.Now().Add(-40*time.Second).Unix()), provider.ErrNotFresh},
		{"proven in the future", set("auth_time", time.Now().Add(50*time.Second).Unix()), provider.ErrNotFresh},
		{"no word when it was proven", set("auth_time", nil), provider.ErrNotFresh},
		{"by password", set("amr", []string{"pwd", "otp"}), provider.ErrNotSo},
		{"no word how it was proven", set("amr", nil), provider.ErrNotSo},
		{"about nobody", set("sub", ""), provider.ErrSubject},
		{"amr is no list", set("amr", 7), provider.ErrToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := providertest.New(t)
			p.Lie = tt.lie
			if id, err := finish(t, p, providertest.Person("李雷", "1"), nil); id != nil || !errors.Is(err, tt.want) {
				t.Errorf("%v, %v; want %v", id, err, tt.want)
			}
		})
	}
}

// What is as it should be in the limits of the lies above is taken.
func TestWhatIsStillTrueIsTaken(t *testing.T) {
	for name, lie := range map[string]func(map[string]any){
		"two readers, this one asked": func(c map[string]any) {
			c["aud"], c["azp"] = []string{providertest.Client, "another"}, providertest.Client
		},
		"a clock that is a little slow": func(c map[string]any) { c["auth_time"] = time.Now().Add(-25 * time.Second).Unix() },
		"a clock that is a little fast": func(c map[string]any) { c["auth_time"] = time.Now().Add(25 * time.Second).Unix() },
		"a face and a password":         func(c map[string]any) { c["amr"] = []string{"pwd", "face"} },
	} {
		t.Run(name, func(t *testing.T) {
			p := providertest.New(t)
			p.Lie = lie
			if _, err := finish(t, p, providertest.Person("李雷", "1"), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnAnswerOfAnotherTripIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*provider.Answer)
		want   error
	}{
		{"another state", func(a *provider.Answer) { a.State = "x" }, provider.ErrState},
		{"no state", func(a *provider.Answer) { a.State = "" }, provider.ErrState},
		{"another provider", func(a *provider.Answer) { a.Issuer = "https://another.example" }, provider.ErrIssuer},
		{"no code", func(a *provider.Answer) { a.Code = "" }, provider.ErrCode},
		{"a code that the provider does not know", func(a *provider.Answer) { a.Code = "x" }, provider.ErrCode},
		{"the person turned back", func(a *provider.Answer) { a.Error = "access_denied" }, provider.ErrCancelled},
		{"the person chose no account", func(a *provider.Answer) { a.Error = "account_selection_required" }, provider.ErrGivenUp},
		{"the person did not consent", func(a *provider.Answer) { a.Error = "consent_required" }, provider.ErrGivenUp},
		{"the request is not the provider's", func(a *provider.Answer) { a.Error = "invalid_scope" }, provider.ErrUnavailable},
		{"the client is not the provider's", func(a *provider.Answer) { a.Error = "unauthorized_client" }, provider.ErrUnavailable},
		{"refused", func(a *provider.Answer) { a.Error = "face_not_verified" }, provider.ErrRefused},
		{"an error that nobody knows", func(a *provider.Answer) { a.Error = strings.Repeat("x", 1000) }, provider.ErrRefused},
		{"not by face", func(a *provider.Answer) { a.Error = "unmet_authentication_requirements" }, provider.ErrNotMet},
		{"nobody came", func(a *provider.Answer) { a.Error = "login_required" }, provider.ErrGivenUp},
		{"busy", func(a *provider.Answer) { a.Error = "temporarily_unavailable" }, provider.ErrUnavailable},
		{"an error of another trip", func(a *provider.Answer) { a.Error, a.State = "access_denied", "x" }, provider.ErrState},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := finish(t, providertest.New(t), providertest.Person("李雷", "1"), tt.change)
			if id != nil || !errors.Is(err, tt.want) {
				t.Errorf("%v, %v; want %v", id, err, tt.want)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the error has %d bytes: what the provider writes is clipped", len(err.Error()))
			}
		})
	}
}

// A provider that says who it is in each answer says so in all: one without its name is another's
// (RFC 9207), whether it brings a code or an error.
func TestAnAnswerWithoutItsProvidersNameIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*provider.Answer)
		want   error
	}{
		{"with its name", nil, nil},
		{"without", func(a *provider.Answer) { a.Issuer = "" }, provider.ErrIssuer},
		{"an error without", func(a *provider.Answer) { a.Issuer, a.Error = "", "access_denied" }, provider.ErrIssuer},
		{"another's", func(a *provider.Answer) { a.Issuer += "/" }, provider.ErrIssuer},
	} {
		p := providertest.New(t)
		p.Named = true
		if _, err := finish(t, p, providertest.Person("李雷", "1"), tt.change); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
	}
}

// A trip that was never begun has no state; an answer without one is not its answer.
func TestATripThatWasNeverBegunHasNoAnswer(t *testing.T) {
	c := provider.New(providertest.New(t).Config(page))
	if _, err := c.Finish(t.Context(), c.CheckAsk(), provider.Trip{}, "", provider.Answer{Code: "x"}); !errors.Is(err, provider.ErrState) {
		t.Errorf("%v; want %v", err, provider.ErrState)
	}
}

func TestACodeIsGoodOnceAndForOneVerifier(t *testing.T) {
	p := providertest.New(t)
	c := provider.New(p.Config(page))
	trip, to, err := c.Begin(t.Context(), c.CheckAsk(), "n")
	if err != nil {
		t.Fatal(err)
	}
	a := provider.ReadAnswer(p.Visit(to, providertest.Person("李雷", "1")))
	other := trip
	other.Verifier = strings.Repeat("x", 43)
	if _, err := c.Finish(t.Context(), c.CheckAsk(), other, "n", a); !errors.Is(err, provider.ErrCode) || strings.Contains(err.Error(), a.Code) {
		t.Errorf("another verifier: %v; want %v, without the code", err, provider.ErrCode)
	}
	if _, err := c.Finish(t.Context(), c.CheckAsk(), trip, "n", a); err != nil {
		t.Error(err)
	}
	if _, err := c.Finish(t.Context(), c.CheckAsk(), trip, "n", a); !errors.Is(err, provider.ErrCode) {
		t.Errorf("the second time: %v; want %v", err, provider.ErrCode)
	}
}

func TestAKeyThatIsNotPublishedSignsNothing(t *testing.T) {
	p := providertest.New(t)
	p.Forge = true
	if id, err := finish(t, p, providertest.Person("李雷", "1"), nil); id != nil || !errors.Is(err, provider.ErrSignature) {
		t.Errorf("%v, %v; want %v", id, err, provider.ErrSignature)
	}
}

// A statement is by the key that is published and in the way that the provider says it signs, or
// it is refused: whatever its header says of itself.
func TestAStatementThatVouchesForItselfIsRefused(t *testing.T) {
	public := func(p *providertest.Provider) []byte {
		der, err := x509.MarshalPKIXPublicKey(p.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	part := base64.RawURLEncoding.EncodeToString
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]func(*providertest.Provider, []byte) string{
		"signed by nobody": func(_ *providertest.Provider, claims []byte) string {
			return part([]byte(`{"alg":"none"}`)) + "." + part(claims) + "."
		},
		"by nobody, in capitals, with the key's id": func(_ *providertest.Provider, claims []byte) string {
			return part([]byte(`{"alg":"NONE","kid":"1"}`)) + "." + part(claims) + "."
		},
		"with the public key for a secret": func(p *providertest.Provider, claims []byte) string {
			return p.SignBy(jose.HS256, jose.JSONWebKey{Key: public(p), KeyID: "1"}, nil, claims)
		},
		"with the client's name for a secret": func(p *providertest.Provider, claims []byte) string {
			return p.SignBy(jose.HS256, []byte(strings.Repeat(providertest.Client, 4)), nil, claims)
		},
		"by a key that it brings": func(p *providertest.Provider, claims []byte) string {
			return p.SignBy(jose.ES256, own, &jose.SignerOptions{EmbedJWK: true}, claims)
		},
		"by another key of the same id": func(p *providertest.Provider, claims []byte) string {
			return p.SignBy(jose.ES256, jose.JSONWebKey{Key: own, KeyID: "1"}, nil, claims)
		},
		"with a signature of zeros": func(_ *providertest.Provider, claims []byte) string {
			return part([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + part(claims) + "." + part(make([]byte, 64))
		},
		"no statement": func(*providertest.Provider, []byte) string { return "x" },
	} {
		t.Run(name, func(t *testing.T) {
			p := providertest.New(t)
			p.Sign = func(claims []byte) string { return sign(p, claims) }
			if id, err := finish(t, p, providertest.Person("李雷", "1"), nil); id != nil || !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v, %v; want %v", id, err, provider.ErrSignature)
			}
		})
	}
}

func TestAProviderThatDoesNotAnswer(t *testing.T) {
	t.Run("at the start, and then it does", func(t *testing.T) {
		p := providertest.New(t)
		p.Down = true
		c := provider.New(p.Config(page))
		if _, _, err := c.Begin(t.Context(), c.CheckAsk(), "n"); !errors.Is(err, provider.ErrUnavailable) {
			t.Errorf("%v; want %v", err, provider.ErrUnavailable)
		}
		p.Down = false
		if _, _, err := c.Begin(t.Context(), c.CheckAsk(), "n"); err != nil {
			t.Error(err)
		}
	})
	t.Run("meanwhile", func(t *testing.T) {
		p := providertest.New(t)
		_, err := finish(t, p, providertest.Person("李雷", "1"), func(*provider.Answer) { p.Stop() })
		if !errors.Is(err, provider.ErrUnavailable) {
			t.Errorf("%v; want %v", err, provider.ErrUnavailable)
		}
	})
	for status, want := range map[int]error{500: provider.ErrUnavailable, 503: provider.ErrUnavailable, 401: provider.ErrUnavailable} {
		p := providertest.New(t)
		p.Fails = status
		if _, err := finish(t, p, providertest.Person("李雷", "1"), nil); !errors.Is(err, want) {
			t.Errorf("status %d: %v; want %v", status, err, want)
		}
	}
	t.Run("without a statement", func(t *testing.T) {
		p := providertest.New(t)
		p.Quiet = true
		if _, err := finish(t, p, nil, nil); !errors.Is(err, provider.ErrToken) {
			t.Errorf("%v; want %v", err, provider.ErrToken)
		}
	})
}

// The provider is asked for a fresh proof and what the configuration adds, and never sees the
// verifier before the code is exchanged.
func TestWhatTheProviderIsAsked(t *testing.T) {
	p := providertest.New(t)
	config := p.Config(page)
	config.Check.Parameters = map[string]string{"acr_values": "face-high"}
	c := provider.New(config)
	trip, to, err := c.Begin(t.Context(), c.CheckAsk(), "n")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": providertest.Client, "redirect_uri": page, "scope": "openid", "nonce": "n", "state": trip.State,
		"max_age": "0", "code_challenge_method": "S256", "response_type": "code", "acr_values": "face-high",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q; want %q", name, q.Get(name), want)
		}
	}
	if strings.Contains(to, trip.Verifier) || len(trip.Verifier) < 43 || len(trip.State) < 43 {
		t.Errorf("the verifier is sent, or trip %+v can be guessed", trip)
	}
	again, _, err := c.Begin(t.Context(), c.CheckAsk(), "n")
	if err != nil || again.State == trip.State || again.Verifier == trip.Verifier {
		t.Errorf("two trips are alike: %+v, %v", again, err)
	}
}
