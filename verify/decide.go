package verify

import (
	"slices"
	"time"
)

// Reason says why a code is granted or denied. The lane adds reasons of its own.
type Reason string

// The reasons, in the order in which they are looked for; the first that
// applies is the answer.
const (
	Malformed          Reason = "malformed"
	UnknownKey         Reason = "unknown_key"
	BadSignature       Reason = "bad_signature"
	KeyRevoked         Reason = "key_revoked"
	KeyNotValid        Reason = "key_not_valid"
	ClassNotAccepted   Reason = "class_not_accepted"
	BadClaims          Reason = "bad_claims"
	Revoked            Reason = "revoked"
	CertificateExpired Reason = "certificate_expired"
	LivenessExpired    Reason = "liveness_expired"
	BadProof           Reason = "bad_proof"
	NotYetValid        Reason = "not_yet_valid"
	CodeExpired        Reason = "code_expired"
	OK                 Reason = "ok"
)

// Rules are what a lane adds to the decision.
type Rules struct {
	Classes []Class // which it takes
}

// Verdict is the answer to one text.
type Verdict struct {
	Reason Reason

	// KeyID is set once the text is an RG1 code, whether or not its signature holds.
	KeyID KeyID

	// Signed says that the issuer's signature holds; only then are the fields
	// below set, and true.
	Signed      bool
	Holder      HolderID
	Certificate CertificateID
	Class       Class
	Rotation    Rotation
	Slot        uint8 // 0 for issuer-rotated and static codes
	IssuedAt    time.Time
	Expires     time.Time     // the certificate ends
	Begins      time.Time     // the slot begins; a static code's, when it was issued
	Ends        time.Time     // the first instant at which the code is out of date, with the issuer's tolerance
	Early       time.Duration // the issuer's tolerance before Begins
	StaffKey    bool          // the key signs staff codes and nothing else
}

// Granted tells whether the code lets its holder pass.
func (v *Verdict) Granted() bool { return v.Reason == OK }

// Decide gives the answer for a text at a time.
func Decide(text string, keys *Keyset, rules Rules, now time.Time) Verdict {
	code, err := Parse(text)
	if err != nil {
		return Verdict{Reason: Malformed}
	}
	v := Verdict{KeyID: code.KeyID}
	key := keys.Key(code.KeyID)
	if key == nil {
		v.Reason = UnknownKey
		return v
	}
	if !code.signedBy(key) {
		v.Reason = BadSignature
		return v
	}
	v.describe(code, key)
	v.Reason = code.judge(key, keys, rules, now)
	return v
}

// signedBy tells whether the header names the key's own algorithm and the
// issuer's signature verifies.
func (c *Code) signedBy(key *Key) bool {
	return c.Algorithm == key.Algorithm() && key.public.verify(signedMessage(c.protected, []byte{}, c.payload), c.signature)
}

func (v *Verdict) describe(c *Code, key *Key) {
	v.Signed = true
	v.Holder, v.Certificate = c.Claims.Holder, c.Claims.Certificate
	v.Class, v.Rotation, v.Slot = c.Claims.Class, c.Rotation, c.Slot
	v.IssuedAt, v.Expires = unixTime(c.Claims.IssuedAt), unixTime(c.Claims.Expires)
	v.Early = key.Issuer.Early
	v.StaffKey = len(key.Classes) == 1 && key.Classes[0] == Staff
	v.Begins = c.begins(key.Issuer)
	if c.Rotation == Static {
		v.Ends = v.Expires
	} else {
		v.Ends = v.Begins.Add(key.Issuer.Period + key.Issuer.Late)
	}
}

// begins is when the code's slot begins.
func (c *Code) begins(issuer *Issuer) time.Time {
	return unixTime(c.Claims.IssuedAt).Add(time.Duration(c.Slot) * issuer.Period)
}

// judge goes on where the signature holds.
func (c *Code) judge(key *Key, keys *Keyset, rules Rules, now time.Time) Reason {
	issuer, iat := key.Issuer, unixTime(c.Claims.IssuedAt)
	switch {
	case !key.RevokedAt.IsZero() && !now.Before(key.RevokedAt):
		return KeyRevoked
	case iat.Before(key.NotBefore) || iat.After(key.NotAfter):
		return KeyNotValid
	case !slices.Contains(key.Classes, c.Claims.Class) || !slices.Contains(rules.Classes, c.Claims.Class):
		return ClassNotAccepted
	case !c.Claims.plausible(issuer):
		return BadClaims
	case keys.withdraws(issuer, &c.Claims):
		return Revoked
	case !now.Before(unixTime(c.Claims.Expires)):
		return CertificateExpired // even of a credential signed after its own end
	case c.Claims.Expires < c.Claims.IssuedAt:
		return BadClaims
	}
	return c.judgeTime(issuer, now)
}

// judgeTime goes on where the certificate is good: is this code, of this slot,
// the one to show now?
func (c *Code) judgeTime(issuer *Issuer, now time.Time) Reason {
	rotating := c.Rotation != Static
	begins := c.begins(issuer)
	switch {
	case rotating && !now.Before(unixTime(c.Claims.Live).Add(issuer.Liveness)):
		return LivenessExpired
	case !c.proven(issuer):
		return BadProof
	case now.Before(begins.Add(-issuer.Early)):
		return NotYetValid
	case rotating && !now.Before(begins.Add(issuer.Period+issuer.Late)):
		return CodeExpired
	}
	return OK
}

// plausible tells whether the claims fit what the issuer may give.
func (c *Claims) plausible(issuer *Issuer) bool {
	early, validity := uint64(issuer.Early/time.Second), uint64(issuer.Validity/time.Second)
	return (c.Expires <= c.IssuedAt || c.Expires-c.IssuedAt <= validity) &&
		(c.Live <= c.IssuedAt || c.Live-c.IssuedAt <= early)
}

// proven checks what the phone adds to a credential. It costs nothing for the
// ways where there is nothing to prove.
func (c *Code) proven(issuer *Issuer) bool {
	switch c.Rotation {
	case ByChain:
		return int(c.Slot) < issuer.Slots() && checkLink(c.Claims.Certificate, c.Claims.Anchor, c.Slot, c.proof)
	case ByDevice:
		return int(c.Slot) < issuer.Slots() && checkDevice(c.Claims.Phone, c.credential, c.Slot, c.proof)
	}
	return true
}

// maxUnix keeps times from the wire where time.Time can compare them: the year
// 9999. A larger one is as far in the future.
const maxUnix = 253402300799

func unixTime(seconds uint64) time.Time {
	return time.Unix(int64(min(seconds, maxUnix)), 0).UTC()
}
