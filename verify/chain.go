package verify

import (
	"crypto/sha256"
	"crypto/subtle"
)

// LinkSize is the size of a chain's links, its seed and its anchor, in bytes.
const LinkSize = 16

// linkLabel separates the chain's hash from every other use of SHA-256.
const linkLabel = "railgate chain v1"

// PreviousLink is v[i] from v[i+1]: the first 16 bytes of
// SHA-256(label ‖ len(cti) ‖ cti ‖ i ‖ v[i+1]) (after Lamport 1981, RFC 2289).
func PreviousLink(cti CertificateID, i uint8, next []byte) [LinkSize]byte {
	var buf [len(linkLabel) + 1 + 16 + 1 + LinkSize]byte
	b := append(buf[:0], linkLabel...)
	b = append(b, byte(len(cti)))
	b = append(b, cti...)
	b = append(b, i)
	b = append(b, next...)
	sum := sha256.Sum256(b)
	return [LinkSize]byte(sum[:])
}

// checkLink tells whether link is v[slot+1] of the chain that ends in anchor:
// hashed back slot+1 times it must give v[0].
func checkLink(cti CertificateID, anchor []byte, slot uint8, link []byte) bool {
	v := [LinkSize]byte(link)
	for i := int(slot); i >= 0; i-- {
		v = PreviousLink(cti, uint8(i), v[:])
	}
	return subtle.ConstantTimeCompare(v[:], anchor) == 1
}
