package verify

import (
	"errors"
	"fmt"
)

// A Credential is the part of a code that the issuer signs, as encoded.
type Credential []byte

// Issue encodes claims and has them signed: sign gets the COSE Sig_structure (RFC 9052
// §4.4) and gives the 64 bytes of its signature. Issue refuses claims that no gate
// would parse; whether a gate would grant them is the issuer's to know. The keys that
// sign are in railgate/verify/mint.
func Issue(c Claims, algorithm Algorithm, id KeyID, sign func(message []byte) ([]byte, error)) (Credential, error) {
	payload, err := c.encode()
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	protected := must(encMode.Marshal(wireHeader{Algorithm: int64(algorithm), KeyID: []byte(id)}))
	sig, err := sign(signedMessage(protected, []byte{}, payload))
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	return must(encMode.Marshal(wireCredential{Protected: protected, Payload: payload, Signature: sig})), nil
}

func (c *Claims) encode() ([]byte, error) {
	w := wireClaims{
		Holder:      []byte(c.Holder),
		Expires:     c.Expires,
		IssuedAt:    c.IssuedAt,
		Certificate: []byte(c.Certificate),
		Rotation:    c.encodeRotation(),
	}
	if c.Phone != nil {
		w.Confirm = &wireConfirm{Key: c.Phone.cose()}
	}
	payload := must(encMode.Marshal(w))
	if err := (&Code{payload: payload}).parseClaims(); err != nil {
		return nil, errors.New("claims outside what the wire allows")
	}
	return payload, nil
}

func (c *Claims) encodeRotation() []byte {
	if c.Anchor != nil {
		return must(encMode.Marshal(wireClassAnchor{Class: uint8(c.Class), Live: c.Live, Anchor: c.Anchor}))
	}
	return must(encMode.Marshal(wireClass{Class: uint8(c.Class), Live: c.Live}))
}

// Text is the code of an issuer-rotated or a static credential.
func (c Credential) Text() string { return text(c) }

// RotatedText is the code of a slot of a holder-rotated credential, with its
// chain link (16 bytes) or device proof (64 bytes).
func (c Credential) RotatedText(slot uint8, proof []byte) (string, error) {
	body, err := encMode.Marshal(wireRotated{Credential: []byte(c), Slot: slot, Proof: proof})
	if err != nil {
		return "", fmt.Errorf("code of slot %d: %w", slot, err)
	}
	return text(body), nil
}

func text(body []byte) string {
	return string(appendBase45([]byte(Prefix), body))
}
