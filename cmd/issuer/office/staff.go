package office

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// Member is a member of staff who is signed in: by the provider's name of the person, since when
// and for how long yet.
type Member struct {
	Subject   string
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
		Holder: s.vault.holder("staff", m.Subject), Certificate: verify.CertificateID(mint.RandomID(8)), Class: verify.Staff,
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
	if err == nil {
		s.log.Info("staff codes are given out", "cti", claims.Certificate, "subject", m.Subject)
	}
	return claims, signed, err
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
