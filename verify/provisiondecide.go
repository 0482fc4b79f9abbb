package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Why a provisioning code is refused, in the order in which they are looked for; after
// malformed and bad_signature, which mean what they mean for a passenger's code.
const (
	InService        Reason = "in_service"        // the gate is provisioned already
	OtherGate        Reason = "other_gate"        // the code is for another gate's key
	UnknownSigner    Reason = "unknown_signer"    // the gate has a list of signers, and this is none of them
	ProvisionExpired Reason = "provision_expired" // its time is over
	ProvisionSpent   Reason = "provision_spent"   // this gate has taken it before
	Superseded       Reason = "superseded"        // this gate has taken a newer one
	Unconfirmed      Reason = "unconfirmed"       // the gate has no list of signers: a technician must confirm this one
)

// ProvisionRules are what a gate knows when it is shown a provisioning code.
type ProvisionRules struct {
	InService bool                // it is provisioned
	Key       ed25519.PublicKey   // its own, for provisioning
	Signers   []ed25519.PublicKey // whose codes it takes; none: a technician confirms the signer
	Confirmed ed25519.PublicKey   // the signer that a technician confirmed; nil: none
	Spent     []string            // the codes that it has taken
	Newest    time.Time           // when the newest of these was issued

	// Now is certainly not later than the time: trusted time where there is one, else what is
	// proven. A gate that has never known the time has its build's. So a code may be taken after
	// its end by a gate that cannot know the time, and is never refused before it.
	Now time.Time
}

// DecideProvision gives the answer to a provisioning code: OK, or why it is not taken. The code
// is nil where nobody has signed it.
func DecideProvision(text string, r ProvisionRules) (*Provision, Reason) {
	p, err := ParseProvision(text)
	if err != nil {
		return nil, Malformed
	}
	if !p.signed() {
		return nil, BadSignature
	}
	return p, p.judge(&r)
}

// judge goes on where the signature holds.
func (p *Provision) judge(r *ProvisionRules) Reason {
	switch {
	case r.InService:
		return InService
	case !bytes.Equal(p.Gate, r.Key):
		return OtherGate
	case len(r.Signers) > 0 && !slices.ContainsFunc(r.Signers, func(k ed25519.PublicKey) bool { return bytes.Equal(k, p.Signer) }):
		return UnknownSigner
	case !r.Now.Before(p.Expires):
		return ProvisionExpired
	case slices.Contains(r.Spent, p.ID):
		return ProvisionSpent
	case p.Issued.Before(r.Newest):
		return Superseded
	case len(r.Signers) == 0 && !bytes.Equal(p.Signer, r.Confirmed):
		return Unconfirmed
	}
	return OK
}

// Fingerprint is a key's for people: the first 16 bytes of its SHA-256, in groups of four.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	text := strings.ToUpper(hex.EncodeToString(sum[:16]))
	var groups []string
	for ; text != ""; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return strings.Join(groups, " ")
}
