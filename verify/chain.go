package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// linkSize is the size of a chain's links, its seed and its anchor, in bytes.
const linkSize = 16

// linkLabel separates the chain's hash from every other use of SHA-256.
const linkLabel = "railgate chain v1"

// previousLink is v[i] from v[i+1]: the first 16 bytes of
// SHA-256(label ‖ len(cti) ‖ cti ‖ i ‖ v[i+1]) (after Lamport 1981, RFC 2289).
func previousLink(cti CertificateID, i uint8, next []byte) [linkSize]byte {
	var buf [len(linkLabel) + 1 + 16 + 1 + linkSize]byte
	b := append(buf[:0], linkLabel...)
	b = append(b, byte(len(cti)))
	b = append(b, cti...)
	b = append(b, i)
	b = append(b, next...)
	sum := sha256.Sum256(b)
	return [linkSize]byte(sum[:])
}

// checkLink tells whether link is v[slot+1] of the chain that ends in anchor:
// hashed back slot+1 times it must give v[0].
func checkLink(cti CertificateID, anchor []byte, slot uint8, link []byte) bool {
	v := [linkSize]byte(link)
	for i := int(slot); i >= 0; i-- {
		v = previousLink(cti, uint8(i), v[:])
	}
	return subtle.ConstantTimeCompare(v[:], anchor) == 1
}

// A Chain is the phone's side of chain rotation: its links, newest secret last.
type Chain struct {
	links [][linkSize]byte // v[0] … v[n]
}

// NewChain makes a chain of n slots (1 to 256) for a certificate from 16 bytes
// of random.
func NewChain(cti CertificateID, n int, random io.Reader) (*Chain, error) {
	if !within(n, 1, 256) {
		return nil, fmt.Errorf("chain of %d slots: want 1 to 256", n)
	}
	if !within(len(cti), 8, 16) {
		return nil, fmt.Errorf("certificate id of %d bytes: want 8 to 16", len(cti))
	}
	c := &Chain{links: make([][linkSize]byte, n+1)}
	if _, err := io.ReadFull(random, c.links[n][:]); err != nil {
		return nil, fmt.Errorf("seed of the chain: %w", err)
	}
	for i := n - 1; i >= 0; i-- {
		c.links[i] = previousLink(cti, uint8(i), c.links[i+1][:])
	}
	return c, nil
}

// Anchor is v[0], which the issuer signs.
func (c *Chain) Anchor() []byte { return c.links[0][:] }

var errSlot = errors.New("slot outside the chain")

// Link is v[slot+1], which the phone shows in that slot.
func (c *Chain) Link(slot uint8) ([]byte, error) {
	if int(slot)+1 >= len(c.links) {
		return nil, errSlot
	}
	return c.links[slot+1][:], nil
}
