package mint

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"railgate/store/durable"
	"railgate/verify"
)

// A Revoker is an issuer's online key: it signs revocations, and can sign nothing else. Its
// methods may be called concurrently.
type Revoker struct{ signer *Signer }

// KeyID is the key's kid.
func (r Revoker) KeyID() verify.KeyID { return r.signer.ID }

// Sign signs a list of revocations, and gives the document.
func (r Revoker) Sign(l verify.RevocationList, random io.Reader) ([]byte, error) {
	return verify.SignRevocations(l, r.signer.algorithm, r.signer.ID, func(message []byte) ([]byte, error) { return r.signer.sign(message, random) })
}

// A RevokerFile is an issuer's secret: its revokers, with what revokers.json says of them.
type RevokerFile struct {
	Version uint64           `json:"version"`
	Keys    []PrivateRevoker `json:"keys"`
}

// A PrivateRevoker is a JWK (RFC 7517) with its private part.
type PrivateRevoker struct {
	verify.DocumentRevoker
	D string `json:"d"` // 32 bytes in base64url
}

// The files in an issuer's folder, beside those of its keys.
const (
	RevokerFileName = "revoker.json"  // a RevokerFile, mode 0600
	RevokersName    = "revokers.json" // what gates read
)

// ErrNoRevoker is a folder without a revoker.
var ErrNoRevoker = errors.New("there is no revoker key yet; issuer keys makes it")

// LoadRevokers reads the revokers in an issuer's folder.
func LoadRevokers(dir string) (*RevokerFile, error) {
	path := filepath.Join(dir, RevokerFileName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoRevoker)
	}
	if err != nil {
		return nil, err
	}
	f := new(RevokerFile)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Add makes a revoker of an issuer that may sign from one time to another, with a random
// kid of 4 bytes.
func (f *RevokerFile) Add(issuer string, a verify.Algorithm, from, to time.Time) error {
	s, err := GenerateSigner(verify.KeyID(RandomID(4)), a, rand.Reader)
	if err != nil {
		return err
	}
	k := s.Document(issuer, nil, from, to)
	f.Version++
	f.Keys = append(f.Keys, PrivateRevoker{
		DocumentRevoker: verify.DocumentRevoker{
			KeyID: k.KeyID, Type: k.Type, Curve: k.Curve, Algorithm: k.Algorithm, X: k.X, Y: k.Y, Issuer: issuer, NotBefore: k.NotBefore, NotAfter: k.NotAfter,
		},
		D: base64.RawURLEncoding.EncodeToString(s.Private()),
	})
	return nil
}

// Revoker is the newest of an issuer's that may sign at a time.
func (f *RevokerFile) Revoker(issuer string, at time.Time) (Revoker, error) {
	for i := len(f.Keys) - 1; i >= 0; i-- {
		k := &f.Keys[i]
		if k.Issuer == issuer && !at.Before(k.NotBefore) && !at.After(k.NotAfter) && k.RevokedAt == nil {
			p := PrivateKey{DocumentKey: verify.DocumentKey{KeyID: k.KeyID, Algorithm: k.Algorithm}, D: k.D}
			s, err := p.signer()
			return Revoker{s}, err
		}
	}
	return Revoker{}, fmt.Errorf("no revoker of %q may sign at %s; issuer keys --add makes one", issuer, at.UTC().Format(time.RFC3339))
}

// Document is what gates read.
func (f *RevokerFile) Document() verify.RevokersDocument {
	d := verify.RevokersDocument{Version: f.Version, Keys: []verify.DocumentRevoker{}}
	for _, k := range f.Keys {
		d.Keys = append(d.Keys, k.DocumentRevoker)
	}
	return d
}

// RevokersJSON is the document as revokers.json has it.
func (f *RevokerFile) RevokersJSON() ([]byte, error) { return marshal(f.Document()) }

// Revokers is the document as a gate understands it.
func (f *RevokerFile) Revokers() (*verify.Revokers, error) {
	data, err := f.RevokersJSON()
	if err != nil {
		return nil, err
	}
	return verify.ParseRevokers(data)
}

// Save writes the file, then revokers.json, each whole or not at all.
func (f *RevokerFile) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	private, err := marshal(f)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, RevokerFileName), private, 0o600); err != nil {
		return err
	}
	public, err := f.RevokersJSON()
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, RevokersName), public, 0o644)
}
