package collect

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// A cosigner signs checkpoints as C2SP's tlog-cosignature has it (cosignature/v1), with the
// time of the station's clock. torchwood's signer asks the machine's clock; this one is told.
type cosigner struct {
	note.Verifier
	key ed25519.PrivateKey
	now func() time.Time
}

func newCosigner(name string, key ed25519.PrivateKey, now func() time.Time) (*cosigner, error) {
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return nil, err
	}
	return &cosigner{s.Verifier(), key, now}, nil
}

// Sign is a note.Signer's: the seconds since 1970 (8 bytes, big-endian) and the signature.
func (c *cosigner) Sign(msg []byte) ([]byte, error) {
	if _, err := torchwood.ParseCheckpoint(string(msg)); err != nil {
		return nil, err
	}
	at := c.now().Unix()
	sig := ed25519.Sign(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, msg))
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), sig...), nil
}

// cosign adds the cosigner's signature to a note that was opened, and tells the time that it
// has: a whole second. Signatures that nobody checked are left out.
func (c *cosigner) cosign(n *note.Note) (text []byte, at time.Time, err error) {
	n.UnverifiedSigs = nil
	at = time.Unix(c.now().Unix(), 0)
	text, err = note.Sign(n, &cosigner{c.Verifier, c.key, func() time.Time { return at }})
	return text, at, err
}
