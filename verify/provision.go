package verify

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"
)

// This file is the RGP1 code: a gate's first configuration, signed, for one gate and once. It has
// RG1's envelope and nothing else in common with a passenger's code:
//
//	code       = "RGP1:" base45(credential)
//	credential = [protected: bstr .cbor {1: -8, 4: signer}, {}, payload: bstr .cbor claims, signature: bstr .size 64]
//	claims     = {4: exp, 6: iat, 7: id, 8: {1: COSE_Key of the gate}, -65537: [4, settings]}
//
// signer is the whole Ed25519 key (32 bytes), so that a gate which has no list of signers can
// show its fingerprint. The class is 4, which no RG1 code has; an RG1 code has a sub, which this
// one has not; and the signature is over other bytes: the Sig_structure's external_aad is
// [ProvisionContext], where RG1's is empty.

// ProvisionPrefix begins every provisioning code.
const ProvisionPrefix = "RGP1:"

// ProvisionContext is signed with every provisioning code, as COSE's external_aad.
const ProvisionContext = "railgate provisioning 1"

// classProvision is the class of provisioning codes. No key signs it, and no lane takes it.
const classProvision = 4

// maxProvision bounds a body in bytes: a serial scanner's frame has 1024 characters.
const (
	maxProvision     = 640
	maxProvisionText = len(ProvisionPrefix) + maxProvision/2*3
)

// provisionID is the size of a code's name in bytes.
const provisionID = 16

// MostProvision is the longest that a provisioning code may be good for.
const MostProvision = 30 * 24 * time.Hour

// ErrNotProvision is the answer to every text that is not exactly an RGP1 code.
var ErrNotProvision = errors.New("not an RGP1 code")

// A Provision is what a provisioning code says.
type Provision struct {
	ID       string            // 16 bytes, held raw: it is spent once
	Gate     ed25519.PublicKey // the provisioning key of the gate that it is for
	Signer   ed25519.PublicKey
	Issued   time.Time
	Expires  time.Time
	Settings Settings

	protected, payload, signature []byte
}

type (
	wireSigner struct {
		Algorithm int64  `cbor:"1,keyasint"`
		Signer    []byte `cbor:"4,keyasint"`
	}
	wireProvision struct {
		Expires  uint64        `cbor:"4,keyasint"`
		IssuedAt uint64        `cbor:"6,keyasint"`
		ID       []byte        `cbor:"7,keyasint"`
		Confirm  wireGate      `cbor:"8,keyasint"`
		Class    wireProvClass `cbor:"-65537,keyasint"`
	}
	wireGate struct { // RFC 8747 §3.2
		Key okpKey `cbor:"1,keyasint"`
	}
	okpKey struct { // RFC 9053 §7.2
		Kty int64  `cbor:"1,keyasint"`
		Crv int64  `cbor:"-1,keyasint"`
		X   []byte `cbor:"-2,keyasint"`
	}
	wireProvClass struct {
		_        struct{} `cbor:",toarray"`
		Class    uint8
		Settings wireSettings
	}
)

// COSE's numbers for an Ed25519 key (RFC 9053 §7.1 and §7.2).
const (
	ktyOKP     = 1
	crvEd25519 = 6
)

// IssueProvision makes the text of a provisioning code that key signs. It refuses what no gate
// would take.
func IssueProvision(p Provision, key ed25519.PrivateKey) (string, error) {
	p.Signer = key.Public().(ed25519.PublicKey)
	payload := must(encMode.Marshal(wireProvision{
		Expires: unixSeconds(p.Expires), IssuedAt: unixSeconds(p.Issued), ID: []byte(p.ID),
		Confirm: wireGate{okpKey{ktyOKP, crvEd25519, p.Gate}}, Class: wireProvClass{Class: classProvision, Settings: p.Settings.wire()},
	}))
	if err := (&Provision{payload: payload}).parseClaims(); err != nil {
		return "", fmt.Errorf("a provisioning code: %w", errors.Join(err, p.Settings.Check()))
	}
	protected := must(encMode.Marshal(wireSigner{int64(EdDSA), p.Signer}))
	body := must(encMode.Marshal(wireCredential{
		Protected: protected, Payload: payload,
		Signature: ed25519.Sign(key, signedMessage(protected, []byte(ProvisionContext), payload)),
	}))
	if len(body) > maxProvision {
		return "", fmt.Errorf("a provisioning code: %d bytes; want %d at most: use shorter URLs", len(body), maxProvision)
	}
	return string(appendBase45([]byte(ProvisionPrefix), body)), nil
}

// ParseProvision takes a provisioning code apart. Nothing in it has been verified yet. Its only
// error is [ErrNotProvision].
func ParseProvision(text string) (*Provision, error) {
	digits, ok := strings.CutPrefix(text, ProvisionPrefix)
	if !ok || len(text) > maxProvisionText {
		return nil, ErrNotProvision
	}
	body, err := appendBase45Decoded(make([]byte, 0, maxProvision+2), digits)
	if err != nil {
		return nil, ErrNotProvision
	}
	var w wireCredential
	if decodeExact(body, &w) != nil || len(w.Signature) != signatureSize {
		return nil, ErrNotProvision
	}
	var h wireSigner
	if decodeExact(w.Protected, &h) != nil || Algorithm(h.Algorithm) != EdDSA {
		return nil, ErrNotProvision
	}
	if _, err := newEd25519Key(h.Signer); err != nil {
		return nil, ErrNotProvision
	}
	p := &Provision{Signer: h.Signer, protected: w.Protected, payload: w.Payload, signature: w.Signature}
	if p.parseClaims() != nil {
		return nil, ErrNotProvision
	}
	return p, nil
}

func (p *Provision) parseClaims() error {
	var w wireProvision
	if decodeExact(p.payload, &w) != nil {
		return ErrNotProvision
	}
	if w.Class.Class != classProvision || len(w.ID) != provisionID || w.Confirm.Key.Kty != ktyOKP || w.Confirm.Key.Crv != crvEd25519 {
		return ErrNotProvision
	}
	if _, err := newEd25519Key(w.Confirm.Key.X); err != nil {
		return ErrNotProvision
	}
	p.ID, p.Gate = string(w.ID), w.Confirm.Key.X
	p.Issued, p.Expires = unixTime(w.IssuedAt), unixTime(w.Expires)
	if !p.Expires.After(p.Issued) || p.Expires.Sub(p.Issued) > MostProvision {
		return ErrNotProvision
	}
	var err error
	if p.Settings, err = w.Class.Settings.settings(); err != nil {
		return ErrNotProvision
	}
	return nil
}

// signed tells whether the code's own signer signed it.
func (p *Provision) signed() bool {
	return ed25519.Verify(p.Signer, signedMessage(p.protected, []byte(ProvisionContext), p.payload), p.signature)
}

func unixSeconds(t time.Time) uint64 { return uint64(max(0, t.Unix())) }
