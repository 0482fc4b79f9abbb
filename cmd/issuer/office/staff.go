package office

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

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
	if !s.staff.give(claims.Certificate, now) {
		return verify.Claims{}, nil, Deny(StaffSignInDue) // signed out meanwhile
	}
	s.log.Info("staff codes are given out", "cti", claims.Certificate, "subject", m.Subject)
	return claims, signed, nil
}

// staffCertificate is the id of all that is given out in one sign-in.
func (v *vault) staffCertificate(m Member) verify.CertificateID {
	return verify.CertificateID(mac(v.sessions, "staff\x00"+m.Session+"\x00"+m.Subject)[:8])
}

// EndStaffCodes revokes what was given out in a sign-in that has ended, if any of it may still be
// valid: the phone makes its codes by itself, and would go on for the rest of its 30 minutes.
func (s *Office) EndStaffCodes(m Member) error {
	id, now := s.vault.staffCertificate(m), s.Now()
	if !s.staff.end(id, now) {
		return nil
	}
	before := uint64(voidFrom(now).Unix())
	err := s.register.revoke(id, revoked{Before: before, Until: before + uint64(reach/time.Second), At: mint.Seconds(now), Reason: "signed out", By: m.Subject})
	if err == nil {
		s.log.Info("staff codes are revoked: their sign-in has ended", "cti", id, "subject", m.Subject)
	}
	return err
}

// staffOut is what was given out to members of staff, by the id of each sign-in. It may be used
// concurrently, and is empty after a start, which ends each sign-in.
type staffOut struct {
	mu    sync.Mutex                         // guards the fields below
	given map[verify.CertificateID]time.Time // when, the last time
	ended map[verify.CertificateID]time.Time
}

// give notes that something is given out; false: the sign-in has ended.
func (o *staffOut) give(id verify.CertificateID, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ended := o.ended[id]; ended {
		return false
	}
	if o.given == nil {
		o.given = map[verify.CertificateID]time.Time{}
	}
	o.given[id] = now
	return true
}

// end notes that a sign-in has ended, and tells whether anything of it may still be valid.
func (o *staffOut) end(id verify.CertificateID, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended == nil {
		o.ended = map[verify.CertificateID]time.Time{}
	}
	o.ended[id] = now
	given, out := o.given[id]
	return out && now.Sub(given) < reach
}

// forget forgets what can be valid no more.
func (o *staffOut) forget(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	over := func(_ verify.CertificateID, at time.Time) bool { return now.Sub(at) >= reach }
	maps.DeleteFunc(o.given, over)
	maps.DeleteFunc(o.ended, over)
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
