package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"filippo.io/edwards25519"
	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// Algorithm is a COSE algorithm identifier.
type Algorithm int64

const (
	EdDSA Algorithm = -8     // Ed25519 (RFC 8032)
	ES256 Algorithm = -7     // ECDSA on P-256 with SHA-256, r ‖ s
	SM2   Algorithm = -65537 // SM2 with SM3 (GB/T 32918.2), ID 1234567812345678, r ‖ s; private use
)

func (a Algorithm) valid() bool { return a == EdDSA || a == ES256 || a == SM2 }

// String is the algorithm's name in a keyset.
func (a Algorithm) String() string {
	switch a {
	case EdDSA:
		return "EdDSA"
	case ES256:
		return "ES256"
	case SM2:
		return "SM2"
	}
	return fmt.Sprintf("algorithm %d", int64(a))
}

// ParseAlgorithm is the algorithm of a name in a keyset.
func ParseAlgorithm(name string) (Algorithm, error) {
	for _, a := range []Algorithm{EdDSA, ES256, SM2} {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("algorithm %q; want EdDSA, ES256 or SM2", name)
}

// signatureSize is the size in bytes of every signature here.
const signatureSize = 64

// SM2ID is the signer's default identity (GM/T 0009 §10).
const SM2ID = "1234567812345678"

// A publicKey checks signatures of one algorithm by one key.
type publicKey interface {
	algorithm() Algorithm
	// verify tells whether sig, of any length, is the key's over message.
	verify(message, sig []byte) bool
}

type ed25519Key struct{ key ed25519.PublicKey }

func (ed25519Key) algorithm() Algorithm { return EdDSA }

func (k ed25519Key) verify(message, sig []byte) bool {
	return ed25519.Verify(k.key, message, sig)
}

// newEd25519Key refuses the keys that crypto/ed25519 takes and nobody can own:
// a second spelling of a point (y or x's sign not reduced, RFC 8032 §5.1.3),
// and points of low order, under which one signature fits many messages.
func newEd25519Key(x []byte) (publicKey, error) {
	p, err := new(edwards25519.Point).SetBytes(x)
	if err != nil {
		return nil, errOffCurve
	}
	if string(p.Bytes()) != string(x) {
		return nil, errors.New("point not in its canonical form")
	}
	if new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return nil, errors.New("point of low order")
	}
	return ed25519Key{ed25519.PublicKey(x)}, nil
}

var errOffCurve = errors.New("point off its curve")

type es256Key struct{ key *ecdsa.PublicKey }

func (es256Key) algorithm() Algorithm { return ES256 }

func (k es256Key) verify(message, sig []byte) bool { return verifyES256(k.key, message, sig) }

func verifyES256(pub *ecdsa.PublicKey, message, sig []byte) bool {
	var buf [derSize]byte
	hash := sha256.Sum256(message)
	return ecdsa.VerifyASN1(pub, hash[:], derSignature(buf[:0], sig))
}

func newES256Key(x, y []byte) (publicKey, error) {
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), joinPoint(x, y))
	if err != nil {
		return nil, errOffCurve
	}
	return es256Key{pub}, nil
}

type sm2Key struct {
	key *ecdsa.PublicKey
	za  []byte // SM3 over the signer's identity and key: the same for every message
}

func (sm2Key) algorithm() Algorithm { return SM2 }

func (k sm2Key) verify(message, sig []byte) bool {
	var buf [derSize]byte
	return sm2.VerifyASN1(k.key, sm2Digest(k.za, message), derSignature(buf[:0], sig))
}

func sm2Digest(za, message []byte) []byte {
	h := sm3.New()
	h.Write(za)
	h.Write(message)
	return h.Sum(nil)
}

func newSM2Key(x, y []byte) (publicKey, error) {
	pub, err := sm2.ParseUncompressedPublicKey(joinPoint(x, y))
	if err != nil {
		return nil, errOffCurve
	}
	za, err := sm2.CalculateZA(pub, []byte(SM2ID))
	if err != nil {
		return nil, err
	}
	return sm2Key{pub, za}, nil
}

// joinPoint is SEC 1 §2.3.3's 0x04 ‖ x ‖ y.
func joinPoint(x, y []byte) []byte {
	return slices.Concat([]byte{4}, x, y)
}

// derSize is the longest ECDSA-Sig-Value (RFC 3279 §2.2.3) of two 256-bit integers.
const derSize = 72 // 2 + 2·(2 + 33)

// derSignature appends r ‖ s as the SEQUENCE of two INTEGERs that the libraries
// want, and gives nil for another length, which is no signature. It does not judge
// the values: the libraries do.
func derSignature(dst, sig []byte) []byte {
	if len(sig) != signatureSize {
		return nil
	}
	dst = append(dst, 0x30, 0)
	dst = appendInteger(dst, sig[:32])
	dst = appendInteger(dst, sig[32:])
	dst[1] = byte(len(dst) - 2)
	return dst
}

func appendInteger(dst, v []byte) []byte {
	for len(v) > 1 && v[0] == 0 {
		v = v[1:]
	}
	n := len(v)
	if v[0] >= 0x80 {
		return append(append(dst, 0x02, byte(n+1), 0), v...)
	}
	return append(append(dst, 0x02, byte(n)), v...)
}

// sigStructure is what COSE signs (RFC 9052 §4.4).
type sigStructure struct {
	_           struct{} `cbor:",toarray"`
	Context     string
	Protected   []byte
	ExternalAAD []byte
	Payload     []byte
}

func signedMessage(protected, externalAAD, payload []byte) []byte {
	return must(encMode.Marshal(&sigStructure{Context: "Signature1", Protected: protected, ExternalAAD: externalAAD, Payload: payload}))
}
