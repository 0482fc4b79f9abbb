package mint

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"io"

	"railgate/verify"
)

// DeviceProof is a phone's proof for a slot of its credential: ES256, r ‖ s.
func DeviceProof(credential []byte, slot uint8, phone *ecdsa.PrivateKey, random io.Reader) ([]byte, error) {
	proof, err := signES256(phone, verify.DeviceMessage(credential, slot), random)
	if err != nil {
		return nil, fmt.Errorf("device proof: %w", err)
	}
	return proof, nil
}

// signES256 signs a message: r ‖ s.
func signES256(priv *ecdsa.PrivateKey, message []byte, random io.Reader) ([]byte, error) {
	hash := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(random, priv, hash[:])
	if err != nil {
		return nil, err
	}
	return joinSignature(r, s), nil
}
