package mint

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"

	"railgate/verify"
)

// A Signer is an issuer's private key. Its methods may be called concurrently.
type Signer struct {
	ID verify.KeyID

	algorithm verify.Algorithm
	private   []byte // 32 bytes: the Ed25519 seed (RFC 8032), or the scalar
	sign      func(message []byte, random io.Reader) ([]byte, error)
	jwk       verify.DocumentKey // kty, crv, alg, x, y
}

// privateKeySize is the size of every private key here, in bytes.
const privateKeySize = 32

// GenerateSigner makes a new key.
func GenerateSigner(id verify.KeyID, algorithm verify.Algorithm, random io.Reader) (*Signer, error) {
	for range 64 { // a random scalar is out of range once in 2^32 at most
		private := make([]byte, privateKeySize)
		if _, err := io.ReadFull(random, private); err != nil {
			return nil, fmt.Errorf("new %v key: %w", algorithm, err)
		}
		s, err := NewSigner(id, algorithm, private)
		if !errors.Is(err, errScalar) {
			return s, err
		}
	}
	return nil, fmt.Errorf("new %v key: %w", algorithm, errScalar)
}

var errScalar = errors.New("private key out of range")

// NewSigner restores a key from its 32 private bytes.
func NewSigner(id verify.KeyID, algorithm verify.Algorithm, private []byte) (*Signer, error) {
	if len(id) < 1 || len(id) > 8 {
		return nil, fmt.Errorf("kid of %d bytes: want 1 to 8", len(id))
	}
	if len(private) != privateKeySize {
		return nil, fmt.Errorf("private key of %d bytes: want %d", len(private), privateKeySize)
	}
	s := &Signer{ID: id, algorithm: algorithm, private: append([]byte(nil), private...)}
	switch algorithm {
	case verify.EdDSA:
		s.setEdDSA()
		return s, nil
	case verify.ES256:
		return s, s.setES256()
	case verify.SM2:
		return s, s.setSM2()
	}
	return nil, fmt.Errorf("%v is not one of EdDSA, ES256, SM2", algorithm)
}

func (s *Signer) setEdDSA() {
	key := ed25519.NewKeyFromSeed(s.private)
	s.jwk = verify.DocumentKey{Type: "OKP", Curve: "Ed25519", X: encodeCoordinate(key[32:])}
	s.sign = func(message []byte, _ io.Reader) ([]byte, error) { return ed25519.Sign(key, message), nil }
}

func (s *Signer) setES256() error {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), s.private)
	if err != nil {
		return errScalar
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return err
	}
	s.jwk = ecJWK("P-256", point[1:33], point[33:])
	s.sign = func(message []byte, random io.Reader) ([]byte, error) { return signES256(key, message, random) }
	return nil
}

func (s *Signer) setSM2() error {
	key, err := sm2.NewPrivateKey(s.private)
	if err != nil {
		return errScalar
	}
	za, err := sm2.CalculateZA(&key.PublicKey, []byte(verify.SM2ID))
	if err != nil {
		return err
	}
	var x, y [32]byte
	s.jwk = ecJWK("SM2", key.X.FillBytes(x[:]), key.Y.FillBytes(y[:]))
	s.sign = func(message []byte, random io.Reader) ([]byte, error) {
		digest := sm3.Sum(append(slices.Clip(za), message...))
		r, s, err := sm2.Sign(random, &key.PrivateKey, digest[:])
		if err != nil {
			return nil, err
		}
		return joinSignature(r, s), nil
	}
	return nil
}

func ecJWK(curve string, x, y []byte) verify.DocumentKey {
	return verify.DocumentKey{Type: "EC", Curve: curve, X: encodeCoordinate(x), Y: encodeCoordinate(y)}
}

func encodeCoordinate(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Algorithm is the algorithm that the key signs with.
func (s *Signer) Algorithm() verify.Algorithm { return s.algorithm }

// Private is the key's 32 private bytes, for its owner to keep.
func (s *Signer) Private() []byte { return append([]byte(nil), s.private...) }

// Document is the key's public half for keys.json.
func (s *Signer) Document(issuer string, classes []verify.Class, notBefore, notAfter time.Time) verify.DocumentKey {
	d := s.jwk
	d.KeyID, d.Algorithm, d.Issuer = s.ID.String(), s.algorithm.String(), issuer
	d.NotBefore, d.NotAfter = notBefore.UTC(), notAfter.UTC()
	for _, c := range classes {
		d.Classes = append(d.Classes, uint(c))
	}
	return d
}

// Issue signs claims: see the function of that name.
func (s *Signer) Issue(c verify.Claims, random io.Reader) (verify.Credential, error) {
	return verify.Issue(c, s.algorithm, s.ID, func(message []byte) ([]byte, error) { return s.sign(message, random) })
}

// joinSignature is r ‖ s, 32 bytes each.
func joinSignature(r, s *big.Int) []byte {
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return sig
}
