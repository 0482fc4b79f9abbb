package office

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// Companions are people without a phone: a signed-in user adds them, as their guardian, applies
// for them and shows their codes. Each has a certificate and a count of their own; the check is
// the guardian's (R21).
const (
	mostCompanions = 5
	grownUp        = 18 // a companion is younger,
	elder          = 60 // or at least so old
)

// NoCard is the document of an infant who has none (R23).
const NoCard = "none"

// A companion is one of an account's.
type companion struct {
	ID     string // random
	Sealed []byte // a person, by vault.seal
}

// A Companion is somebody whom a signed-in user acts for.
type Companion struct {
	ID     string // hex
	Person Person
}

// actsFor is whom a session acts for, and who is checked for it.
type actsFor struct{ companion, guardian Person }

// Companions are those of a signed-in user, in the order in which they were added.
func (s *Office) Companions(who Session) (out []Companion, err error) {
	if who.account == nil {
		return nil, nil
	}
	for _, c := range who.account.Companions {
		p, err := s.unseal(c.Sealed, inAccount)
		if err != nil {
			return nil, err
		}
		out = append(out, Companion{hex.EncodeToString([]byte(c.ID)), p})
	}
	return out, nil
}

// AddCompanion adds one to a signed-in user's, who confirms to be the guardian.
func (s *Office) AddCompanion(f Form, who Session) error {
	own, all, err := s.household(who)
	if err != nil {
		return err
	}
	f.tidy()
	if r := f.checkCompanion(s.Now()); r != "" {
		return Deny(r)
	}
	known := func(c Companion) bool { return c.Person.Number == f.Number }
	switch {
	case own.Number == f.Number || slices.ContainsFunc(all, known):
		return Deny(CompanionKnown)
	case len(all) >= mostCompanions:
		return Deny(TooManyCompanions)
	}
	sealed, err := s.sealed(Person{f.Name, f.Document, f.Number}, inAccount)
	if err != nil {
		return err
	}
	return s.register.changeAccount(who.accountKey, func(a *account) (*account, error) {
		if len(a.Companions) != len(all) { // another tab was faster
			return nil, Deny(TooMany)
		}
		a.Companions = append(a.Companions, companion{mint.RandomID(8), sealed})
		return a, nil
	})
}

// household are a signed-in user and those companions that there are.
func (s *Office) household(who Session) (own Person, all []Companion, err error) {
	switch {
	case who.over:
		return own, nil, Deny(SignInOver)
	case who.account == nil:
		return own, nil, Deny(SignedOut)
	}
	if own, err = s.accountPerson(who.account); err != nil {
		return own, nil, err
	}
	all, err = s.Companions(who)
	return own, all, err
}

// checkCompanion tells what is wrong with the form of a companion, if anything is.
func (f *Form) checkCompanion(now time.Time) Reason {
	if f.Document == NoCard {
		return NoCardYet
	}
	if r := f.checkPerson(true, now); r != "" {
		return r
	}
	if !mayBeCompanion(f.Number, now) {
		return NotCompanion
	}
	if !f.Confirmed {
		return NotGuardian
	}
	return ""
}

// heldByAnother tells whether the holder, or another guardian, applied for the certificate that is
// valid: a guardian who knows a name and a number must not get to see it. To the holder ("") it is
// their own, whoever applied for it.
func (d *dossier) heldByAnother(guardian verify.HolderID, now time.Time) bool {
	c := d.current(now)
	return c != nil && guardian != "" && c.Guardian != guardian
}

func mayBeCompanion(number string, now time.Time) bool {
	age := ageOf(number, now)
	return age < grownUp || age >= elder
}

// ageOf is how many years the holder of a good card is old.
func ageOf(number string, now time.Time) int {
	born, _ := strconv.Atoi(number[6:14])
	year, month, day := now.In(RailwayTime).Date()
	return (year*10000 + int(month)*100 + day - born) / 10000
}

// DropCompanion takes one away. What was issued stays valid, and is shown no more.
func (s *Office) DropCompanion(id string, who Session) error {
	as, err := s.For(who, id)
	if err != nil {
		return err
	}
	if err := s.Leave(as); err != nil {
		return err
	}
	return s.register.changeAccount(who.accountKey, func(a *account) (*account, error) {
		a.Companions = slices.DeleteFunc(a.Companions, func(c companion) bool { return hex.EncodeToString([]byte(c.ID)) == id })
		return a, nil
	})
}

// For is the session in which a signed-in user acts for a companion: an errand in it is the
// companion's, and its check the user's own.
func (s *Office) For(who Session, id string) (Session, error) {
	own, all, err := s.household(who)
	if err != nil {
		return Session{}, err
	}
	i := slices.IndexFunc(all, func(c Companion) bool { return c.ID == id })
	if i < 0 {
		return Session{}, Deny(NoCompanion)
	}
	h := sha256.Sum256([]byte("companion " + id + who.ID))
	who.ID, who.acts = string(h[:]), &actsFor{all[i].Person, own}
	return who, nil
}

// leaveCompanions makes a user's session see no companion's certificate any more.
func (s *Office) leaveCompanions(who Session) error {
	all, err := s.Companions(who)
	if err != nil {
		return err
	}
	for _, c := range all {
		as, err := s.For(who, c.ID)
		if err == nil {
			err = s.Leave(as)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// personOf is whom a signed-in user's session acts for.
func (s *Office) personOf(who Session) (Person, error) {
	if who.acts != nil {
		return who.acts.companion, nil
	}
	return s.accountPerson(who.account)
}

// guardianOf is who acts for a companion in a session; "": it is one's own.
func (s *Office) guardianOf(who Session) verify.HolderID {
	if who.acts == nil {
		return ""
	}
	return s.vault.holder(who.acts.guardian.Document, who.acts.guardian.Number)
}
