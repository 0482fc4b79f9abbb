package mint

import (
	"errors"
	"fmt"
	"io"

	"railgate/verify"
)

// A Chain is the phone's side of chain rotation: its links, newest secret last.
type Chain struct {
	links [][verify.LinkSize]byte // v[0] … v[n]
}

// NewChain makes a chain of n slots (1 to 256) for a certificate from 16 bytes
// of random.
func NewChain(cti verify.CertificateID, n int, random io.Reader) (*Chain, error) {
	if n < 1 || n > 256 {
		return nil, fmt.Errorf("chain of %d slots: want 1 to 256", n)
	}
	if len(cti) < 8 || len(cti) > 16 {
		return nil, fmt.Errorf("certificate id of %d bytes: want 8 to 16", len(cti))
	}
	c := &Chain{links: make([][verify.LinkSize]byte, n+1)}
	if _, err := io.ReadFull(random, c.links[n][:]); err != nil {
		return nil, fmt.Errorf("seed of the chain: %w", err)
	}
	for i := n - 1; i >= 0; i-- {
		c.links[i] = verify.PreviousLink(cti, uint8(i), c.links[i+1][:])
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
