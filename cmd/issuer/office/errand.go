package office

import (
	"context"
	"errors"
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
}

// errandFor is how long the page may take from the form to the check.
const errandFor = 10 * time.Minute

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
	e := errand{Kind: kind, Person: p, Rotation: rotation, Session: who.ID, Until: s.Now().Add(errandFor).Unix()}
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

// Check has the person checked, and then does the errand (R4).
func (s *Office) Check(ctx context.Context, ticket []byte, how string, who Session) (*Certificate, error) {
	var e errand
	plain, err := s.vault.open(ticket, inTicket)
	if err == nil {
		err = fileDecoding.Unmarshal(plain, &e)
	}
	if err != nil || e.Session != who.ID || s.Now().Unix() >= e.Until {
		return nil, Deny(CheckStale)
	}
	ctx, cancel := context.WithTimeout(ctx, s.checkTime)
	defer cancel()
	switch err := s.checker.check(ctx, e.Person, how); {
	case errors.Is(err, errNotThePerson):
		return nil, Deny(CheckFailed)
	case errors.Is(err, errNoCheck):
		return nil, Deny(NoCheck)
	case err != nil:
		return nil, Deny(CheckTimedOut)
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
	now := s.Now()
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
		return nil, s.settleRevoke(p, guardian, now)
	}
	err = s.register.change(s.vault.holder(p.Document, p.Number), func(rec *record) error {
		if known, err := s.unseal(rec.Sealed, inRegister); err == nil && !sameName(known.Name, p.Name) {
			return Deny(DetailsDiffer)
		}
		if guardian != "" && rec.Dossier.heldByAnother(guardian, e.Kind, now) {
			return Deny(HeldByAnother)
		}
		if e.Kind == "view" {
			if out, why = rec.Dossier.reverify(e.Session, now); why != "" {
				return Deny(why)
			}
			return nil
		}
		rec.Sealed = sealed
		out, why = rec.Dossier.apply(verify.CertificateID(mint.RandomID(8)), e.Rotation, e.Session, now)
		if out != nil {
			out.Guardian = guardian
		}
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
func (s *Office) settleRevoke(p Person, guardian verify.HolderID, now time.Time) error {
	holder := s.vault.holder(p.Document, p.Number)
	rec, err := s.register.person(holder)
	if err != nil {
		return err
	}
	if rec != nil {
		if known, err := s.unseal(rec.Sealed, inRegister); err == nil && !sameName(known.Name, p.Name) {
			return Deny(DetailsDiffer)
		}
		if guardian != "" && rec.Dossier.heldByAnother(guardian, "view", now) {
			return Deny(HeldByAnother)
		}
	}
	_, err = s.revokeHolder(holder, "lost phone", "the holder", now)
	return err
}
