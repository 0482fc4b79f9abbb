// Package verify holds the RG1 code, the keyset and the decision: pure
// functions of a text, a keyset, a lane's rules and a time. It opens no file,
// reads no clock and keeps no state.
//
// # The code
//
// RG1 is a CWT (RFC 8392) in an untagged COSE_Sign1 (RFC 9052), in
// deterministic CBOR (RFC 8949 §4.2.1), in base45 (RFC 9285), in a QR code's
// alphanumeric mode:
//
//	code       = "RG1:" base45(body)
//	body       = credential / [credential, slot, proof]
//	credential = [protected: bstr .cbor {1: alg, 4: kid}, {}, payload: bstr .cbor claims, signature: bstr .size 64]
//	claims     = {2: sub, 4: exp, 6: iat, 7: cti, ? 8: {1: COSE_Key}, -65537: [class, live, ? anchor]}
//
// docs/wire.md has every length and range. What is not exactly that is
// [ErrMalformed]; so a body has one spelling, and the bytes a gate decides
// about are the bytes that were signed.
//
// # Three rotations
//
// Issuer-rotated: the issuer signs a new credential each period. Chain-rotated:
// the phone reveals the next link of a hash chain whose anchor was signed.
// Device-bound: the phone signs the slot's number with a key that was signed.
// A static code (paper) has nothing to prove and no slot.
package verify

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Prefix begins every code.
const Prefix = "RG1:"

// maxBody is the longest body: a device-bound code with an SM2 header, an
// 8-byte kid, a 32-byte sub, a 16-byte cti and 8-byte times. Longer texts are
// refused unread, so nothing here allocates by a length that it was only told.
const (
	maxBody = 292
	maxText = len(Prefix) + maxBody/2*3
)

// Class says what document a code stands for.
type Class uint8

const (
	Temporary Class = 1 // electronic temporary ID, rotating
	Paper     Class = 2 // paper temporary ID, static
	Staff     Class = 3 // station staff, rotating
)

// ParseClass is the class of a number.
func ParseClass[N int | uint](n N) (Class, error) {
	if n < N(Temporary) || n > N(Staff) {
		return 0, fmt.Errorf("class %d: want 1, 2 or 3", n)
	}
	return Class(n), nil
}

func (c Class) valid() bool { return c >= Temporary && c <= Staff }

// Rotation says who makes each code of a credential.
type Rotation uint8

const (
	Static Rotation = iota // printed once, nothing to prove
	ByIssuer
	ByChain
	ByDevice
)

func (w Rotation) String() string {
	return [...]string{"static", "issuer", "chain", "device"}[w]
}

// ParseRotation is the rotation of a name.
func ParseRotation(name string) (Rotation, error) {
	for w := Static; w <= ByDevice; w++ {
		if w.String() == name {
			return w, nil
		}
	}
	return 0, fmt.Errorf("way %q; want issuer, chain, device or static", name)
}

// KeyID (kid) names an issuer's key: 1 to 8 bytes, held raw.
type KeyID string

// HolderID (sub) is the holder's pseudonym: 8 to 32 bytes, held raw.
type HolderID string

// CertificateID (cti) names a 24-hour certificate: 8 to 16 bytes, held raw.
type CertificateID string

func (id KeyID) String() string         { return hex.EncodeToString([]byte(id)) }
func (id HolderID) String() string      { return hex.EncodeToString([]byte(id)) }
func (id CertificateID) String() string { return hex.EncodeToString([]byte(id)) }

// ErrMalformed is the answer to every text that is not exactly an RG1 code.
var ErrMalformed = errors.New("not an RG1 code")

// Claims are what an issuer signs. Times are seconds since 1970.
type Claims struct {
	Holder      HolderID
	Certificate CertificateID
	Expires     uint64 // the certificate ends
	IssuedAt    uint64 // this credential was signed
	Live        uint64 // the last real-person verification
	Class       Class
	Anchor      []byte    // 16 bytes: chain-rotated; nil otherwise
	Phone       *PhoneKey // device-bound; nil otherwise
}

// Code is a text taken apart. Nothing in it has been verified yet.
type Code struct {
	Algorithm Algorithm
	KeyID     KeyID
	Claims    Claims
	Rotation  Rotation
	Slot      uint8 // 0 for issuer-rotated and static codes

	credential []byte // as encoded in the body
	protected  []byte
	payload    []byte
	signature  []byte
	proof      []byte
}

// The wire's shapes. Field order is the deterministic order.
type (
	wireRotated struct {
		_          struct{} `cbor:",toarray"`
		Credential cbor.RawMessage
		Slot       uint8
		Proof      []byte
	}
	wireCredential struct {
		_           struct{} `cbor:",toarray"`
		Protected   []byte
		Unprotected struct{}
		Payload     []byte
		Signature   []byte
	}
	wireHeader struct {
		Algorithm int64  `cbor:"1,keyasint"`
		KeyID     []byte `cbor:"4,keyasint"`
	}
	wireClaims struct {
		Holder      []byte          `cbor:"2,keyasint"`
		Expires     uint64          `cbor:"4,keyasint"`
		IssuedAt    uint64          `cbor:"6,keyasint"`
		Certificate []byte          `cbor:"7,keyasint"`
		Confirm     *wireConfirm    `cbor:"8,keyasint,omitempty"`
		Rotation    cbor.RawMessage `cbor:"-65537,keyasint"`
	}
	wireConfirm struct { // RFC 8747 §3.2
		Key coseKey `cbor:"1,keyasint"`
	}
	coseKey struct { // RFC 9053 §7.1, a compressed point
		Kty  int64  `cbor:"1,keyasint"`
		Crv  int64  `cbor:"-1,keyasint"`
		X    []byte `cbor:"-2,keyasint"`
		Sign bool   `cbor:"-3,keyasint"`
	}
	wireClass struct {
		_     struct{} `cbor:",toarray"`
		Class uint8
		Live  uint64
	}
	wireClassAnchor struct {
		_      struct{} `cbor:",toarray"`
		Class  uint8
		Live   uint64
		Anchor []byte
	}
)

var decMode = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	MaxNestedLevels:   4,
	MaxArrayElements:  16,
	MaxMapPairs:       16,
}.DecMode())

var encMode = must(cbor.CoreDetEncOptions().EncMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic("verify: internal error: " + err.Error())
	}
	return v
}

// decodeExact decodes data into v and refuses any spelling but the
// deterministic one, by spelling v again: whatever the decoder lets pass (a
// null for a number, a long integer, an array for bytes) comes out otherwise.
func decodeExact(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return ErrMalformed
	}
	again, err := encMode.Marshal(v)
	if err != nil || !bytes.Equal(again, data) {
		return ErrMalformed
	}
	return nil
}

// Parse takes a text apart without verifying anything. Its only error is
// [ErrMalformed].
func Parse(text string) (*Code, error) {
	digits, ok := strings.CutPrefix(text, Prefix)
	if !ok || len(text) > maxText {
		return nil, ErrMalformed
	}
	body, err := appendBase45Decoded(make([]byte, 0, maxBody+2), digits)
	if err != nil || len(body) == 0 {
		return nil, ErrMalformed
	}
	c := &Code{credential: body}
	rotated := body[0] == 0x83 // an array of three
	if rotated {
		var w wireRotated
		if err := decodeExact(body, &w); err != nil {
			return nil, err
		}
		c.credential, c.Slot, c.proof = w.Credential, w.Slot, w.Proof
	}
	if err := c.parseCredential(); err != nil {
		return nil, err
	}
	if rotated != (c.Rotation == ByChain || c.Rotation == ByDevice) || len(c.proof) != c.Rotation.proofSize() {
		return nil, ErrMalformed // a proof and nothing to prove, or the reverse
	}
	return c, nil
}

func (c *Code) parseCredential() error {
	var w wireCredential
	if err := decodeExact(c.credential, &w); err != nil {
		return err
	}
	if len(w.Signature) != signatureSize {
		return ErrMalformed
	}
	c.protected, c.payload, c.signature = w.Protected, w.Payload, w.Signature

	var h wireHeader
	if err := decodeExact(w.Protected, &h); err != nil {
		return err
	}
	c.Algorithm = Algorithm(h.Algorithm)
	if !c.Algorithm.valid() || !within(len(h.KeyID), 1, 8) {
		return ErrMalformed
	}
	c.KeyID = KeyID(h.KeyID)
	return c.parseClaims()
}

func (c *Code) parseClaims() error {
	var w wireClaims
	if err := decodeExact(c.payload, &w); err != nil {
		return err
	}
	if !within(len(w.Holder), 8, 32) || !within(len(w.Certificate), 8, 16) {
		return ErrMalformed
	}
	c.Claims = Claims{
		Holder:      HolderID(w.Holder),
		Certificate: CertificateID(w.Certificate),
		Expires:     w.Expires,
		IssuedAt:    w.IssuedAt,
	}
	if err := c.parseRotation(w.Rotation); err != nil {
		return err
	}
	if w.Confirm != nil {
		phone, err := w.Confirm.Key.phone()
		if err != nil {
			return err
		}
		c.Claims.Phone = phone
	}
	return c.setRotation()
}

func (c *Code) parseRotation(data []byte) error {
	if bytes.HasPrefix(data, []byte{0x83}) { // an array of three
		var w wireClassAnchor
		if err := decodeExact(data, &w); err != nil {
			return err
		}
		if len(w.Anchor) != LinkSize {
			return ErrMalformed
		}
		c.Claims.Class, c.Claims.Live, c.Claims.Anchor = Class(w.Class), w.Live, w.Anchor
	} else {
		var w wireClass
		if err := decodeExact(data, &w); err != nil {
			return err
		}
		c.Claims.Class, c.Claims.Live = Class(w.Class), w.Live
	}
	if !c.Claims.Class.valid() {
		return ErrMalformed
	}
	return nil
}

// setRotation tells the rotation by what was signed. Paper is static, so it
// has nothing to prove; an anchor and a phone's key exclude each other.
func (c *Code) setRotation() error {
	chain, device := c.Claims.Anchor != nil, c.Claims.Phone != nil
	switch {
	case chain && device, c.Claims.Class == Paper && (chain || device):
		return ErrMalformed
	case chain:
		c.Rotation = ByChain
	case device:
		c.Rotation = ByDevice
	case c.Claims.Class == Paper:
		c.Rotation = Static
	default:
		c.Rotation = ByIssuer
	}
	return nil
}

func (w Rotation) proofSize() int {
	switch w {
	case ByChain:
		return LinkSize
	case ByDevice:
		return signatureSize
	}
	return 0
}

func within(n, low, high int) bool { return n >= low && n <= high }
