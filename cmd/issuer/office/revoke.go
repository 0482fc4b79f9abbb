package office

import (
	"context"
	"errors"
	"time"

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
		_, err := s.revoke(holder, func(c *Certificate) bool { return c.ID == id }, reason, by, now)
		return err
	}
	if err := s.endSlip(id, operatorEnded, reason, Officer{Subject: by, Lead: true}); !errors.Is(err, Deny(NoSuchSlip)) {
		return err
	}
	before := uint64(voidFrom(now).Unix())
	err = s.register.revoke(id, revoked{Before: before, Until: before + uint64(validFor/time.Second), At: mint.Seconds(now), Reason: reason, By: by})
	if err == nil {
		s.log.Info("a slip is revoked", "cti", id, "why", reason, "by", by)
	}
	return err
}

// RevokePerson is [Office.Revoke] for all temporary IDs of a person that are valid, by the
// document. Without one it denies with [NoCertificate].
func (s *Office) RevokePerson(ctx context.Context, document, number, reason, by string) ([]verify.CertificateID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f := Form{Document: document, Number: number}
	f.tidy()
	return s.revokeHolder(s.vault.holder(f.Document, f.Number), reason, by, s.Now())
}

func (s *Office) revokeHolder(holder verify.HolderID, reason, by string, now time.Time) ([]verify.CertificateID, error) {
	ids, err := s.revoke(holder, func(c *Certificate) bool { return c.valid(now) }, reason, by, now)
	if err == nil && len(ids) == 0 {
		err = Deny(NoCertificate)
	}
	return ids, err
}

// revoke voids those of a person's certificates that are meant: no session sees them any more.
func (s *Office) revoke(holder verify.HolderID, meant func(*Certificate) bool, reason, by string, now time.Time) (ids []verify.CertificateID, err error) {
	rec, err := s.register.person(holder)
	if err != nil || rec == nil {
		return nil, err
	}
	err = s.register.change(holder, func(rec *record) error {
		rec.reason, rec.by = reason, by
		ids = nil
		for i := range rec.Dossier.Certificates {
			if c := &rec.Dossier.Certificates[i]; meant(c) {
				c.void(now)
				c.Session = ""
				ids = append(ids, c.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.log.Info("a certificate is revoked", "cti", id, "why", reason, "by", by)
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
