package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"log/slog"
	"sync"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// A service is the issuer at work: the rules, applied to what is on record. Its
// methods may be called concurrently.
type service struct {
	register  *register
	vault     *vault
	signing   *signing
	checker   checker
	checkTime time.Duration
	bench     bool
	guesses   *limiter // tries of an account's password
	log       *slog.Logger

	mu    sync.Mutex // guards the field below
	moved time.Duration
}

// denied is a reason as an error.
type denied struct{ reason }

func (d denied) Error() string { return string(d.reason) }

func deny(r reason) error { return denied{r} }

// now is the issuer's time: the system's, moved forward by a bench.
func (s *service) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.moved)
}

// advance moves a bench's time.
func (s *service) advance(d time.Duration) error {
	s.mu.Lock()
	s.moved += d
	s.mu.Unlock()
	return s.signing.rotate(s.now())
}

// Run keeps the keys in rotation and forgets what is old, until ctx ends.
func (s *service) Run(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		if err := errors.Join(s.signing.rotate(s.now()), s.register.prune(s.now())); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// What a person is sealed for.
const (
	inRegister = "register"
	inAccount  = "account"
	inTicket   = "check"
)

// newVisitor is a token for a page that has just been opened.
func (s *service) newVisitor() (string, error) { return s.vault.visitorToken() }

// keyset is what gates read.
func (s *service) keyset() verify.Document { return s.signing.document() }

// self is who is signed in; nil: nobody is.
func (s *service) self(who session) (*person, error) {
	if who.account == nil {
		return nil, nil
	}
	p, err := s.accountPerson(who.account)
	return &p, err
}

// shown is the certificate that a session may see, with whose it is (R10).
func (s *service) shown(who session) (*certificate, person, error) {
	_, rec, c, err := s.seen(who)
	if err != nil {
		return nil, person{}, err
	}
	p, err := s.unseal(rec.Sealed, inRegister)
	return c, p, err
}

// seen is the certificate that a session may see (R10).
func (s *service) seen(who session) (verify.HolderID, *record, *certificate, error) {
	holder, rec, err := s.register.seenBy(who.id)
	if err != nil {
		return "", nil, nil, err
	}
	if rec != nil {
		if c := rec.Dossier.seenBy(who.id); c != nil {
			return holder, rec, c, nil
		}
	}
	return "", nil, nil, deny(verifyAgain)
}

// leave makes a session see nothing any more (R10).
func (s *service) leave(who session) error {
	holder, rec, err := s.register.seenBy(who.id)
	if err != nil || rec == nil {
		return err
	}
	return s.register.change(holder, func(rec *record) error {
		for i := range rec.Dossier.Certificates {
			if c := &rec.Dossier.Certificates[i]; c.Session == who.id {
				c.Session = ""
			}
		}
		return nil
	})
}

// choose sets who makes the codes of the session's certificate.
func (s *service) choose(way verify.Way, who session) error {
	holder, _, c, err := s.seen(who)
	if err != nil {
		return err
	}
	return s.register.change(holder, func(rec *record) error {
		for i := range rec.Dossier.Certificates {
			if rec.Dossier.Certificates[i].ID == c.ID {
				rec.Dossier.Certificates[i].Way = way
			}
		}
		return nil
	})
}

// A proof is what a phone gives to make its codes by itself: the anchor of its chain,
// or its public key, and nothing where the issuer makes them.
type proof struct {
	Anchor []byte `json:"anchor,omitempty"` // 16 bytes
	Key    []byte `json:"key,omitempty"`    // P-256, uncompressed (SEC 1), 65 bytes
}

var errProof = errors.New("what the phone gives does not fit the certificate's way")

// credential signs what a session's codes are made of, from now on (R8), if it may
// have any (R5, R9). Nothing is written: an issuer-rotated code costs one reading.
func (s *service) credential(p proof, who session) (*certificate, verify.Claims, verify.Credential, error) {
	holder, _, c, err := s.seen(who)
	if err != nil {
		return nil, verify.Claims{}, nil, err
	}
	now := s.now()
	if r := c.mayShow(now); r != "" {
		return nil, verify.Claims{}, nil, deny(r)
	}
	claims := c.claims(holder, now)
	if err := p.enter(&claims, c.Way); err != nil {
		return nil, verify.Claims{}, nil, err
	}
	signed, err := s.signing.issue(claims, now)
	return c, claims, signed, err
}

// enter puts what the phone gives into the claims.
func (p *proof) enter(claims *verify.Claims, way verify.Way) error {
	switch {
	case way == verify.ByIssuer && p.Anchor == nil && p.Key == nil:
		return nil
	case way == verify.ByChain && len(p.Anchor) == 16 && p.Key == nil:
		claims.Anchor = p.Anchor
		return nil
	case way == verify.ByDevice && p.Anchor == nil:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p.Key)
		if err != nil {
			return errProof
		}
		claims.Phone, err = verify.NewPhoneKey(key)
		return err
	}
	return errProof
}

// paper is a paper certificate from the police window, which a bench has (R16). It is
// for whoever is there in person, with whatever document.
func (s *service) paper(f form) (verify.Claims, verify.Credential, person, error) {
	f.tidy()
	p := person{f.Name, f.Document, f.Number}
	if !goodName(p.Name) || p.Number == "" {
		return verify.Claims{}, nil, p, deny(incomplete)
	}
	now := s.now()
	claims := paperClaims(s.vault.holder(p.Document, p.Number), verify.CertificateID(mint.RandomID(8)), now)
	signed, err := s.signing.issue(claims, now)
	return claims, signed, p, err
}

// history are a signed-in user's applications of the last month (R11).
func (s *service) history(who session) ([]application, error) {
	if who.account == nil {
		return nil, deny(signedOut)
	}
	p, err := s.accountPerson(who.account)
	if err != nil {
		return nil, err
	}
	rec, err := s.register.person(s.vault.holder(p.Document, p.Number))
	if err != nil || rec == nil {
		return nil, err
	}
	return rec.Dossier.history(true, s.now()), nil
}

func (s *service) sealed(v any, purpose string) ([]byte, error) {
	plain, err := fileEncoding.Marshal(v)
	if err != nil {
		return nil, err
	}
	return s.vault.seal(plain, purpose), nil
}

func (s *service) unseal(sealed []byte, purpose string) (person, error) {
	var p person
	plain, err := s.vault.open(sealed, purpose)
	if err != nil {
		return p, err
	}
	return p, fileDecoding.Unmarshal(plain, &p)
}

func (s *service) accountPerson(a *account) (person, error) { return s.unseal(a.Sealed, inAccount) }
