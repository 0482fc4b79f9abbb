package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
)

// PhoneKey is a phone's P-256 public key as the credential carries it: a
// compressed point, which may yet turn out to be off the curve.
type PhoneKey struct {
	x   [32]byte
	odd bool // y's last bit
}

// NewPhoneKey compresses a P-256 public key.
func NewPhoneKey(pub *ecdsa.PublicKey) (*PhoneKey, error) {
	if pub.Curve != elliptic.P256() {
		return nil, errors.New("phone's key: not on P-256")
	}
	point, err := pub.Bytes()
	if err != nil {
		return nil, fmt.Errorf("phone's key: %w", err)
	}
	return &PhoneKey{x: [32]byte(point[1:33]), odd: point[64]&1 == 1}, nil
}

// phone checks the COSE_Key's fixed members (EC2, P-256, 32 bytes of x).
func (k *coseKey) phone() (*PhoneKey, error) {
	if k.Kty != 2 || k.Crv != 1 || len(k.X) != 32 {
		return nil, ErrMalformed
	}
	return &PhoneKey{x: [32]byte(k.X), odd: k.Sign}, nil
}

func (k *PhoneKey) cose() coseKey {
	return coseKey{Kty: 2, Crv: 1, X: k.x[:], Sign: k.odd}
}

var errPhonePoint = errors.New("phone's key: point off its curve")

func (k *PhoneKey) publicKey() (*ecdsa.PublicKey, error) {
	compressed := [33]byte{0: 2}
	if k.odd {
		compressed[0] = 3
	}
	copy(compressed[1:], k.x[:])
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), compressed[:])
	if x == nil {
		return nil, errPhonePoint
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), uncompressedPoint(x, y))
}

// uncompressedPoint is SEC 1 §2.3.3's 0x04 ‖ x ‖ y for a 256-bit curve.
func uncompressedPoint(x, y *big.Int) []byte {
	point := make([]byte, 65)
	point[0] = 4
	x.FillBytes(point[1:33])
	y.FillBytes(point[33:])
	return point
}

// DeviceMessage is what the phone signs: a COSE Sig_structure (RFC 9052 §4.4)
// over the slot, bound to the credential by its hash.
func DeviceMessage(credential []byte, slot uint8) []byte {
	hash := sha256.Sum256(credential)
	return signedMessage(deviceProtected, hash[:], must(encMode.Marshal(slot)))
}

// deviceProtected is << {1: -7} >>.
var deviceProtected = []byte{0xa1, 0x01, 0x26}

// checkDevice tells whether proof is the phone's signature for the slot.
func checkDevice(phone *PhoneKey, credential []byte, slot uint8, proof []byte) bool {
	pub, err := phone.publicKey()
	if err != nil {
		return false
	}
	return verifyES256(pub, DeviceMessage(credential, slot), proof)
}
