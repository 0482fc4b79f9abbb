package office

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"log/slog"
	"sync"
	"time"

	"railgate/cmd/issuer/acts"
	"railgate/cmd/limit"
	"railgate/verify"
)

// An Office is the issuer at work: the rules, applied to what is on record. Its
// methods may be called concurrently.
type Office struct {
	register  *register
	vault     *vault
	signing   *signing
	record    *acts.Log // of what officers do
	notary    *notary
	checker   Checker
	checkTime time.Duration
	bench     bool
	guesses   *limit.Limiter // tries of an account's password from an address
	hash      hasher         // of passwords
	log       *slog.Logger

	// issuing is held for reading while codes are signed, from the look at what is on record on, and
	// by whoever makes void what was signed, from the time of that until it is on record. So no code is
	// signed by a record that is being voided, as of a second that its revocation does not reach.
	issuing sync.RWMutex

	mu    sync.Mutex // guards the field below
	moved time.Duration
}

// Denied is a reason as an error.
type Denied struct{ Reason }

func (d Denied) Error() string { return string(d.Reason) }

func Deny(r Reason) error { return Denied{r} }

// Bench tells whether this is a bench, whose time can be moved.
func (s *Office) Bench() bool { return s.bench }

// Now is the issuer's time: the system's, moved forward by a bench.
func (s *Office) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.moved)
}

// Advance moves a bench's time.
func (s *Office) Advance(d time.Duration) error {
	s.mu.Lock()
	s.moved += d
	s.mu.Unlock()
	return s.signing.rotate(s.Now())
}

// Run keeps the keys in rotation and forgets what is old, until ctx ends.
func (s *Office) Run(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		s.notary.watch(s.Now())
		if err := errors.Join(s.signing.rotate(s.Now()), s.register.prune(s.Now())); err != nil {
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
	inSlip     = "slip"
	inCode     = "slip's code"
)

// NewVisitor is a token for a page that has just been opened.
func (s *Office) NewVisitor() (string, error) { return s.vault.visitorToken() }

// Keyset is what gates read.
func (s *Office) Keyset() verify.Document { return s.signing.document() }

// Self is who is signed in; nil: nobody is.
func (s *Office) Self(who Session) (*Person, error) {
	if who.account == nil {
		return nil, nil
	}
	p, err := s.accountPerson(who.account)
	return &p, err
}

// Shown is the certificate that a session may see, with whose it is (R10).
func (s *Office) Shown(who Session) (*Certificate, Person, error) {
	_, rec, c, err := s.seen(who)
	if err != nil {
		return nil, Person{}, err
	}
	p, err := s.unseal(rec.Sealed, inRegister)
	return c, p, err
}

// Besides are the certificates that are valid beside the one that a session may see.
func (s *Office) Besides(who Session) ([]Beside, error) {
	_, rec, c, err := s.seen(who)
	if err != nil {
		return nil, err
	}
	return rec.Dossier.beside(c, s.Now()), nil
}

// seen is the certificate that a session may see (R10).
func (s *Office) seen(who Session) (verify.HolderID, *record, *Certificate, error) {
	if who.ID == "" {
		return "", nil, nil, who.nobody()
	}
	holder, rec, err := s.register.seenBy(who.ID)
	if err != nil {
		return "", nil, nil, err
	}
	if rec != nil {
		if c := rec.Dossier.seenBy(who.ID); c != nil {
			return holder, rec, c, nil
		}
	}
	return "", nil, nil, Deny(VerifyAgain)
}

// Leave makes a session see nothing any more (R10).
func (s *Office) Leave(who Session) error {
	holder, rec, err := s.register.seenBy(who.ID)
	if err != nil || rec == nil {
		return err
	}
	return s.register.change(holder, func(rec *record) error {
		rec.Dossier.leave(who.ID)
		return nil
	})
}

// Choose sets who makes the codes of the session's certificate.
func (s *Office) Choose(rotation verify.Rotation, who Session) error {
	holder, _, c, err := s.seen(who)
	if err != nil {
		return err
	}
	return s.register.change(holder, func(rec *record) error {
		for i := range rec.Dossier.Certificates {
			if rec.Dossier.Certificates[i].ID == c.ID {
				rec.Dossier.Certificates[i].Rotation = rotation
			}
		}
		return nil
	})
}

// A Proof is what a phone gives to make its codes by itself: the anchor of its chain,
// or its public key, and nothing where the issuer makes them.
type Proof struct {
	Anchor []byte `json:"anchor,omitempty"` // 16 bytes
	Key    []byte `json:"key,omitempty"`    // P-256, uncompressed (SEC 1), 65 bytes
}

var ErrProof = errors.New("the phone's proof does not match the certificate's rotation")

// Credential signs what a session's codes are made of, from now on (R8), if it may
// have any (R5, R9). Nothing is written: an issuer-rotated code costs one reading.
func (s *Office) Credential(p Proof, who Session) (*Certificate, verify.Claims, verify.Credential, error) {
	s.issuing.RLock()
	defer s.issuing.RUnlock()
	holder, _, c, err := s.seen(who)
	if err != nil {
		return nil, verify.Claims{}, nil, err
	}
	now := s.Now()
	if r := c.MayShow(now); r != "" {
		return nil, verify.Claims{}, nil, Deny(r)
	}
	claims := c.claims(holder, now)
	if err := p.enter(&claims, c.Rotation); err != nil {
		return nil, verify.Claims{}, nil, err
	}
	signed, err := s.signing.issue(claims, now)
	return c, claims, signed, err
}

// enter puts what the phone gives into the claims.
func (p *Proof) enter(claims *verify.Claims, rotation verify.Rotation) error {
	switch {
	case rotation == verify.ByIssuer && p.Anchor == nil && p.Key == nil:
		return nil
	case rotation == verify.ByChain && len(p.Anchor) == 16 && p.Key == nil:
		claims.Anchor = p.Anchor
		return nil
	case rotation == verify.ByDevice && p.Anchor == nil:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p.Key)
		if err != nil {
			return ErrProof
		}
		claims.Phone, err = verify.NewPhoneKey(key)
		return err
	}
	return ErrProof
}

// History are a signed-in user's applications of the last month (R11), for an account
// whose person was checked; in a companion's session, those that this user made for them.
func (s *Office) History(who Session) ([]Application, error) {
	switch {
	case who.over:
		return nil, Deny(SignInOver)
	case who.account == nil:
		return nil, Deny(SignedOut)
	case !who.account.Proven:
		return nil, Deny(NotVerified)
	}
	p, err := s.personOf(who)
	if err != nil {
		return nil, err
	}
	rec, err := s.register.person(s.vault.holder(p.Document, p.Number))
	if err != nil || rec == nil {
		return nil, err
	}
	return rec.Dossier.history(true, s.guardianOf(who), s.Now()), nil
}

func (s *Office) sealed(v any, purpose string) ([]byte, error) {
	plain, err := fileEncoding.Marshal(v)
	if err != nil {
		return nil, err
	}
	return s.vault.seal(plain, purpose), nil
}

func (s *Office) unseal(sealed []byte, purpose string) (Person, error) {
	var p Person
	plain, err := s.vault.open(sealed, purpose)
	if err != nil {
		return p, err
	}
	return p, fileDecoding.Unmarshal(plain, &p)
}

func (s *Office) accountPerson(a *account) (Person, error) { return s.unseal(a.Sealed, inAccount) }
