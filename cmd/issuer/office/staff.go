package office

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
	"railgate/verify/mint"
)

// Member is a member of staff who is signed in: by the provider's name of the person, in which
// sign-in, since when and for how long yet.
type Member struct {
	Subject   string
	Session   string
	Age, Left time.Duration
}

// StaffLiveFor is how long after signing in a member of staff has codes (R24): the sign-in is
// the check.
const StaffLiveFor = liveFor

var errNoStaffKey = errors.New("there is no key that signs staff codes and nothing else")

// StaffCredential signs what a member of staff's phone makes codes of (class 3), from now on: the
// phone signs each code by a key of its own, and only a key that signs nothing else vouches for
// it. It ends with the sign-in.
func (s *Office) StaffCredential(p Proof, m Member) (verify.Claims, verify.Credential, error) {
	now := s.Now()
	if m.Age < 0 || m.Age >= StaffLiveFor || m.Left <= 0 {
		return verify.Claims{}, nil, Deny(StaffSignInDue)
	}
	claims := verify.Claims{
		Holder: s.vault.holder("staff", m.Subject), Certificate: s.vault.staffCertificate(m), Class: verify.Staff,
		IssuedAt: mint.Seconds(now), Live: mint.Seconds(now.Add(-m.Age)), Expires: mint.Seconds(now.Add(m.Left)),
	}
	if err := p.enter(&claims, verify.ByDevice); err != nil {
		return verify.Claims{}, nil, err
	}
	signed, err := s.signing.issueStaff(claims, now)
	if errors.Is(err, errNoStaffKey) {
		s.log.Error("no staff code is given out", "err", err, "hint", "issuer keys --staff")
		return verify.Claims{}, nil, Deny(NoStaffKey)
	}
	if err != nil {
		return verify.Claims{}, nil, err
	}
	if err := s.register.giveStaff(claims.Certificate, m.Subject, now); err != nil { // signed out meanwhile, or not on the disk
		return verify.Claims{}, nil, err
	}
	s.log.Info("staff codes are given out", "cti", claims.Certificate, "subject", m.Subject)
	return claims, signed, nil
}

// staffCertificate is the id of all that is given out in one sign-in.
func (v *vault) staffCertificate(m Member) verify.CertificateID {
	return verify.CertificateID(mac(v.sessions, "staff\x00"+m.Session)[:8])
}

// EndStaffCodes revokes what was given out in a sign-in that has ended, if any of it may still be
// valid: the phone makes its codes by itself, and would go on for the rest of its 30 minutes. The
// sign-in may be of before a start of the program: then its session alone is known, and no subject.
func (s *Office) EndStaffCodes(m Member) error {
	id, now := s.vault.staffCertificate(m), s.Now()
	by, err := s.register.endStaff(id, m.Subject, now)
	if by != "" {
		s.log.Info("staff codes are revoked: their sign-in has ended", "cti", id, "subject", by)
	}
	return err
}

// A staffOut is what was given out in a sign-in of a member of staff, as the register has it, by
// the id of it all. It outlasts a start of the program, which forgets who is signed in: the phone
// does not forget its codes.
type staffOut struct {
	By    string    // the subject
	Given time.Time // the last time; zero: nothing was
	Ended time.Time // the sign-in; zero: not that anybody has said so
}

// giveStaff notes that something is given out. It denies with [StaffSignInDue] where the sign-in has
// ended.
func (r *register) giveStaff(id verify.CertificateID, by string, now time.Time) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		o, err := read[staffOut](tx, staffBucket, string(id))
		if err != nil {
			return err
		}
		if o != nil && !o.Ended.IsZero() {
			return Deny(StaffSignInDue)
		}
		if o != nil && now.Before(o.Given) { // while this waited for the register
			now = o.Given
		}
		return write(tx, staffBucket, string(id), staffOut{By: by, Given: now})
	})
}

// endStaff notes that a sign-in has ended, and files the revocation of what was given out in it, in
// one commit. It gives whose that was, "" where nothing is revoked. Of a sign-in of nobody that is
// known (by "") only what was given out is ended, and nothing else is written.
func (r *register) endStaff(id verify.CertificateID, by string, now time.Time) (revokedOf string, err error) {
	err = r.db.Update(func(tx *bbolt.Tx) error {
		revokedOf = ""
		o, err := read[staffOut](tx, staffBucket, string(id))
		switch {
		case err != nil:
			return err
		case o == nil && by == "", o != nil && !o.Ended.IsZero():
			return nil
		case o == nil:
			o = &staffOut{By: by}
		}
		if now.Before(o.Given) { // while this waited for the register
			now = o.Given
		}
		o.Ended = now
		if err := write(tx, staffBucket, string(id), o); err != nil || now.Sub(o.Given) >= reach {
			return err
		}
		revokedOf = o.By
		before := uint64(voidFrom(now).Unix())
		return r.fileRevoked(tx, id, revoked{Before: before, Until: before + uint64(reach/time.Second), At: mint.Seconds(now), Reason: "signed out", By: o.By})
	})
	return revokedOf, err
}

// pruneStaff forgets what can be valid no more.
func pruneStaff(tx *bbolt.Tx, now time.Time) error {
	var old [][]byte
	b := tx.Bucket(staffBucket)
	err := b.ForEach(func(k, _ []byte) error {
		o, err := read[staffOut](tx, staffBucket, string(k))
		if err == nil && now.Sub(o.Given) >= reach && now.Sub(o.Ended) >= reach {
			old = append(old, bytes.Clone(k))
		}
		return err
	})
	for _, k := range old {
		if err == nil {
			err = b.Delete(k)
		}
	}
	return err
}

// issueStaff signs claims by a key that signs staff codes and nothing else.
func (s *signing) issueStaff(c verify.Claims, now time.Time) (verify.Credential, error) {
	s.mu.Lock()
	only := mint.KeyFile{Issuer: s.file.Issuer}
	for _, k := range s.file.Keys {
		if slices.Equal(k.Classes, []uint{uint(verify.Staff)}) {
			only.Keys = append(only.Keys, k)
		}
	}
	s.mu.Unlock()
	for _, alg := range []verify.Algorithm{s.alg, verify.EdDSA, verify.ES256, verify.SM2} {
		if signer, err := only.Signer(alg, verify.Staff, now); err == nil {
			return signer.Issue(c, rand.Reader)
		}
	}
	return nil, errNoStaffKey
}
