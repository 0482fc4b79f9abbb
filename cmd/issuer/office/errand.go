package office

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// An errand is what a real-person check is for. It goes to the page and comes back
// sealed, so that the issuer need not remember it.
type errand struct {
	Kind     string // apply, view, revoke
	Person   Person // who is checked
	For      Person // whose certificate it is; zero: the same
	Rotation verify.Rotation
	Session  string // that asked
	Until    int64  // seconds since 1970
	Random   string // 16 bytes: no two errands are alike
	Trip     []byte // to the provider of the check; nil: none was begun
}

// errandFor is how long the page may take from the form to the check, and the check itself.
const errandFor = 10 * time.Minute

// nonce binds a trip to the provider to its errand: it is a hash of what the errand is for.
func (e errand) nonce() (string, error) {
	e.Until, e.Trip = 0, nil
	data, err := fileEncoding.Marshal(e)
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:]), err
}

// Begin looks through a form and gives the errand for its check.
func (s *Office) Begin(kind string, f Form, rotation verify.Rotation, who Session) ([]byte, error) {
	if who.ID == "" {
		return nil, who.nobody()
	}
	now := s.Now()
	if who.account != nil {
		p, err := s.personOf(who)
		if err != nil {
			return nil, err
		}
		f.Name, f.Document, f.Number = p.Name, p.Document, p.Number // one's own, and nobody else's (R1, R12)
	}
	f.tidy()
	check := f.checkPerson
	if kind == "apply" {
		check = f.check
	}
	if r := check(who.account != nil, now); r != "" {
		return nil, Deny(r)
	}
	if kind == "apply" && who.acts != nil && !mayBeCompanion(f.Number, now) { // a child grows up
		return nil, Deny(NotCompanion)
	}
	return s.errand(kind, Person{f.Name, f.Document, f.Number}, rotation, who)
}

// Recheck is the errand of one who sees a certificate already (R9).
func (s *Office) Recheck(who Session) ([]byte, error) {
	_, rec, c, err := s.seen(who)
	if err != nil {
		return nil, err
	}
	if !c.valid(s.Now()) {
		return nil, Deny(CertificateEnded)
	}
	p, err := s.unseal(rec.Sealed, inRegister)
	if err != nil {
		return nil, err
	}
	return s.errand("view", p, c.Rotation, who)
}

func (s *Office) errand(kind string, p Person, rotation verify.Rotation, who Session) ([]byte, error) {
	e := errand{Kind: kind, Person: p, Rotation: rotation, Session: who.ID, Until: s.Now().Add(errandFor).Unix(), Random: mint.RandomID(16)}
	if who.acts != nil {
		e.Person, e.For = who.acts.guardian, p
	}
	return s.sealed(e, inTicket)
}

// subject is whose certificate an errand is about.
func (e *errand) subject() Person {
	if e.For.Number == "" {
		return e.Person
	}
	return e.For
}

// openErrand is the errand of a ticket, which must be of who brings it and not too old.
func (s *Office) openErrand(ticket []byte, who Session) (e errand, err error) {
	plain, err := s.vault.open(ticket, inTicket)
	if err == nil {
		err = fileDecoding.Unmarshal(plain, &e)
	}
	if err != nil || e.Session != who.ID || s.Now().Unix() >= e.Until {
		return errand{}, Deny(CheckStale)
	}
	return e, nil
}

// Depart begins the trip to the provider of the check: it gives the URL of the provider's
// page, and the ticket to come back with. At is the address of the page as the phone sees it.
func (s *Office) Depart(ctx context.Context, ticket []byte, at string, who Session) (next []byte, page string, err error) {
	e, err := s.openErrand(ticket, who)
	if err != nil {
		return nil, "", err
	}
	failures, err := s.register.failures(s.vault.holder(e.Person.Document, e.Person.Number))
	if err != nil {
		return nil, "", err
	}
	if len(recent(failures, s.Now())) >= failuresAtMost {
		return nil, "", Deny(CheckTooMany)
	}
	nonce, err := e.nonce()
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.checkTime)
	defer cancel()
	if e.Trip, page, err = s.checker.Begin(ctx, nonce, e.Person, at); err != nil {
		s.log.Error("a real-person check cannot begin", "err", err)
		return nil, "", Deny(reasonOfCheck(err))
	}
	e.Until = s.Now().Add(errandFor).Unix()
	next, err = s.sealed(e, inTicket)
	return next, page, err
}

// Check takes what the phone brought back from the provider, and then does the errand (R4).
func (s *Office) Check(ctx context.Context, ticket []byte, a Answer, who Session) (*Certificate, error) {
	e, err := s.openErrand(ticket, who)
	if err != nil {
		return nil, err
	}
	if e.Trip == nil {
		return nil, Deny(CheckStale)
	}
	why, err := s.verdict(ctx, &e, a)
	if err != nil {
		return nil, err
	}
	// What is on record decides: an answer is taken once, and of a person who has failed too
	// often none is.
	why, err = s.register.checked(s.vault.holder(e.Person.Document, e.Person.Number), &e, why, s.Now())
	if err != nil {
		return nil, err
	}
	if why != "" {
		return nil, Deny(why)
	}
	out, err := s.settle(&e)
	if errors.Is(err, Deny(DetailsDiffer)) {
		return nil, err
	}
	if err := s.prove(who, e.Person); err != nil {
		return nil, err
	}
	return out, err
}

// verdict tells why the check of an errand did not pass, if so.
func (s *Office) verdict(ctx context.Context, e *errand, a Answer) (Reason, error) {
	nonce, err := e.nonce()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.checkTime)
	defer cancel()
	seen, err := s.checker.Finish(ctx, e.Trip, nonce, a)
	switch {
	case err != nil:
		s.log.Warn("a real-person check did not pass", "err", err)
		return reasonOfCheck(err), nil
	case !seen.is(e.Person):
		s.log.Warn("a real-person check saw somebody else")
		if e.For.Number != "" {
			return GuardianMismatch, nil
		}
		return CheckMismatch, nil
	}
	return "", nil
}

// prove notes that the account's own person was checked. What a form says, the right
// name included, proves nothing: until then the account learns nothing of that person.
func (s *Office) prove(who Session, p Person) error {
	if who.account == nil || who.account.Proven {
		return nil
	}
	own, err := s.accountPerson(who.account)
	if err != nil || own != p {
		return err
	}
	return s.register.changeAccount(who.accountKey, func(a *account) (*account, error) {
		a.Proven = true
		return a, nil
	})
}

// settle does an errand whose person was checked.
func (s *Office) settle(e *errand) (out *Certificate, err error) {
	p := e.subject()
	sealed, err := s.sealed(p, inRegister)
	if err != nil {
		return nil, err
	}
	var why Reason
	var guardian verify.HolderID
	if e.For.Number != "" {
		guardian = s.vault.holder(e.Person.Document, e.Person.Number)
	}
	if e.Kind == "revoke" {
		return nil, s.settleRevoke(p, guardian)
	}
	s.issuing.Lock() // what another phone holds becomes void
	defer s.issuing.Unlock()
	now := s.Now()
	err = s.register.change(s.vault.holder(p.Document, p.Number), func(rec *record) error {
		if known, err := s.unseal(rec.Sealed, inRegister); err == nil && !sameName(known.Name, p.Name) {
			return Deny(DetailsDiffer)
		}
		if rec.Dossier.heldByAnother(guardian, now) && (e.Kind == "view" || now.Before(rec.Dossier.current(now).Renewable())) {
			return Deny(HeldByAnother)
		}
		if e.Kind == "view" {
			if out, why = rec.Dossier.reverify(e.Session, now); why != "" {
				return Deny(why)
			}
			return nil
		}
		rec.Sealed = sealed
		out, why = rec.Dossier.apply(verify.CertificateID(mint.RandomID(8)), e.Rotation, e.Session, guardian, now)
		return nil // a denied application is recorded as well
	})
	if err == nil && why != "" {
		err = Deny(why)
	}
	if err == nil && e.Kind == "apply" {
		s.log.Info("a certificate is approved", "cti", out.ID, "way", out.Rotation, "ends", out.Ends().UTC().Format(time.RFC3339))
	}
	return out, err
}

// settleRevoke revokes what the person holds who was checked, or a companion whose guardian was
// checked: the phone is lost.
func (s *Office) settleRevoke(p Person, guardian verify.HolderID) error {
	now := s.Now()
	holder := s.vault.holder(p.Document, p.Number)
	rec, err := s.register.person(holder)
	if err != nil {
		return err
	}
	mine := func(c *Certificate, now time.Time) bool {
		return c.valid(now) && (guardian == "" || c.Guardian == guardian)
	}
	if rec != nil {
		if known, err := s.unseal(rec.Sealed, inRegister); err == nil && !sameName(known.Name, p.Name) {
			return Deny(DetailsDiffer)
		}
		some := slices.ContainsFunc(rec.Dossier.Certificates, func(c Certificate) bool { return mine(&c, now) })
		if !some && rec.Dossier.heldByAnother(guardian, now) {
			return Deny(HeldByAnother)
		}
	}
	_, err = s.revoke(holder, ending{meant: mine, reason: "lost phone", by: "the holder"})
	return err
}
