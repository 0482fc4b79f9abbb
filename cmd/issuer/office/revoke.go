package office

import (
	"context"
	"errors"
	"slices"
	"time"

	"railgate/cmd/issuer/acts"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/mint"
)

// This file is about revoking: what was signed of a certificate until now is void, on
// whatever phone it is. revocations.go signs the list of it that gates read.
//
// There are two occasions. A real-person check that another session passes takes the
// certificate to that one: what the first phone holds is revoked in the same commit. And
// somebody revokes: the passenger, the police, whoever runs the issuer.

// A revoked certificate, as the register has it. Times are seconds since 1970.
type revoked struct {
	Before uint64 // what was signed earlier is revoked
	Until  uint64 // none of it can be valid after that
	At     uint64
	Reason string
	By     string
}

// movedReason is that of a check which another phone passed.
const movedReason = "verified on another phone"

// reach is how long a credential of a certificate can be valid after it was signed.
const reach = mint.Liveness + mint.Late

// voidFrom is the first second of which nothing has been signed yet: what is signed in a
// second that has begun cannot be told apart from what was signed before.
func voidFrom(now time.Time) time.Time { return now.Truncate(time.Second).Add(time.Second) }

// void revokes what was signed of a certificate until now, if any of it can be valid.
func (c *Certificate) void(now time.Time) {
	if !now.Before(c.LiveUntil().Add(mint.Late)) {
		return
	}
	from := voidFrom(now)
	if !c.From.Before(from) { // voided in this second already, and codes may have been signed as of then
		from = c.From.Add(time.Second)
	}
	c.From = from
}

// ErrCertificateID is a cti that no certificate can have.
var ErrCertificateID = errors.New("a certificate's id has 8 to 16 bytes")

// Revoke makes void what was signed of a certificate until now, and says why and by whom
// in the register. A temporary ID is not lost by that: its holder verifies again, and gets
// codes on the phone that passes. A slip is void for good, and so is an id that is not on
// record: it is taken for a slip's of another issuer with these keys.
func (s *Office) Revoke(ctx context.Context, id verify.CertificateID, reason, by string) error {
	if len(id) < 8 || len(id) > 16 {
		return ErrCertificateID
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	now := s.Now()
	holder, err := s.register.holderOf(id)
	if err != nil {
		return err
	}
	if holder != "" {
		_, err := s.revoke(holder, ending{meant: func(c *Certificate, _ time.Time) bool { return c.ID == id }, reason: reason, by: by, act: operatorEnded})
		return err
	}
	if err := s.endSlip(id, operatorEnded, reason, Officer{Subject: by, Lead: true}); !errors.Is(err, Deny(NoSuchSlip)) {
		return err
	}
	act := acts.Act{Time: now, Kind: acts.Revoked, By: by, Slip: journal.ID(id), Detail: operatorEnded}
	err = s.register.revokeUnknown(s.record, act, id, slipVoid(now, reason, by))
	if err == nil {
		s.log.Info("a slip is revoked", "cti", id, "why", reason, "by", by)
	}
	return err
}

// slipVoid is what the register files of a slip that is no longer to be taken.
func slipVoid(now time.Time, reason, by string) revoked {
	before := uint64(voidFrom(now).Unix())
	return revoked{Before: before, Until: before + uint64(validFor/time.Second), At: mint.Seconds(now), Reason: reason, By: by}
}

// RevokePerson is [Office.Revoke] for all certificates of a person that are valid, electronic and
// paper, by the document. Without one it denies with [NoCertificate].
func (s *Office) RevokePerson(ctx context.Context, document, number, reason, by string) ([]verify.CertificateID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f := Form{Document: document, Number: number}
	f.tidy()
	all := ending{meant: (*Certificate).valid, slip: true, reason: reason, by: by, act: operatorEnded}
	return s.revoke(s.vault.holder(f.Document, f.Number), all)
}

// RevokeElectronic makes void what a phone holds of a certificate, for one of [RevokeReasons]:
// the phone is lost, and its holder is at the window, or the police say so (R20).
func (s *Office) RevokeElectronic(id verify.CertificateID, why string, by Officer) error {
	if !slices.Contains(RevokeReasons(), why) {
		return Deny(Incomplete)
	}
	holder, err := s.register.holderOf(id)
	if err != nil {
		return err
	}
	if holder == "" {
		return Deny(NoSuchSlip)
	}
	meant := func(c *Certificate, now time.Time) bool { return c.ID == id && c.valid(now) }
	_, err = s.revoke(holder, ending{meant: meant, reason: why, by: by.Subject, act: why})
	if errors.Is(err, Deny(NoCertificate)) {
		err = Deny(SlipOver)
	}
	return err
}

// An Electronic is a certificate on a phone, as an officer is told of it.
type Electronic struct {
	ID   verify.CertificateID
	Ends time.Time
}

// Electronic are those of a person that are valid, for an officer who has looked the person up
// ([Office.FindPerson], which is on record).
func (s *Office) Electronic(number string) (out []Electronic, err error) {
	f := Form{Number: number}
	f.tidy()
	rec, err := s.register.person(s.vault.holder(ResidentCard, f.Number))
	if err != nil || rec == nil {
		return nil, err
	}
	for _, c := range rec.Dossier.Certificates {
		if c.valid(s.Now()) {
			out = append(out, Electronic{c.ID, c.Ends()})
		}
	}
	return out, nil
}

// An ending is what is revoked of a person.
type ending struct {
	meant      func(c *Certificate, now time.Time) bool // of the electronic certificates
	slip       bool                                     // and the slip that is valid
	reason, by string
	act        string // what the record of acts says of each; "": the holder does it, and it is no act
}

// revoke voids what is meant of a person's, and records it, in one commit: no session sees a
// certificate of it any more. It denies with [NoCertificate] where that is nothing.
func (s *Office) revoke(holder verify.HolderID, e ending) (ids []verify.CertificateID, err error) {
	s.issuing.Lock()
	defer s.issuing.Unlock()
	err = s.register.voids(s.record, holder, func(rec *record) (done []acts.Act, slips map[verify.CertificateID]revoked, err error) {
		now := s.Now() // later than the issue of whatever is on record, a slip of this instant too
		rec.reason, rec.by = e.reason, e.by
		ids = nil
		for i := range rec.Dossier.Certificates {
			if c := &rec.Dossier.Certificates[i]; e.meant(c, now) {
				c.void(now)
				c.Session = ""
				ids = append(ids, c.ID)
			}
		}
		if sl := rec.Dossier.validSlip(now); sl != nil && e.slip {
			sl.Ended, sl.EndedAs = now, e.act
			slips = map[verify.CertificateID]revoked{sl.ID: slipVoid(now, e.reason, e.by)}
			ids = append(ids, sl.ID)
		}
		if len(ids) == 0 {
			return nil, nil, Deny(NoCertificate)
		}
		for _, id := range ids {
			if e.act != "" {
				done = append(done, acts.Act{Time: now, Kind: acts.Revoked, By: e.by, Slip: journal.ID(id), Person: s.vault.person(holder), Detail: e.act})
			}
		}
		return done, slips, nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.log.Info("a certificate is revoked", "cti", id, "why", e.reason, "by", e.by)
	}
	return ids, nil
}

// revocation is what the register files of a certificate that was made void.
func (rec *record) revocation(c *Certificate) revoked {
	before := mint.Seconds(c.From)
	r := revoked{Before: before, Until: before + uint64(reach/time.Second), At: before - 1, Reason: rec.reason, By: rec.by}
	if r.Reason == "" {
		r.Reason = movedReason
	}
	return r
}
