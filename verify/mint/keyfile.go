package mint

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"railgate/verify"
)

// KeyFile is the issuer's secret: its private keys with what keys.json says of them.
type KeyFile struct {
	Version uint64                   `json:"version"`
	Issuer  verify.DocumentIssuer    `json:"issuer"`
	Keys    []PrivateKey             `json:"keys"`
	Revoked []verify.DocumentRevoked `json:"revoked"`
}

// PrivateKey is a JWK (RFC 7517) with its private part.
type PrivateKey struct {
	verify.DocumentKey
	D string `json:"d"` // 32 bytes in base64url
}

const (
	KeyFileName = "private.json"
	KeysetName  = "keys.json"
)

// algorithms are those that keys can be made for, by their names.
func Algorithms() map[string]verify.Algorithm {
	all := map[string]verify.Algorithm{}
	for _, a := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.SM2} {
		all[a.String()] = a
	}
	return all
}

func ParseAlgorithm(name string) (verify.Algorithm, error) {
	a, ok := Algorithms()[name]
	if !ok {
		return 0, fmt.Errorf("algorithm %q; want EdDSA, ES256 or SM2", name)
	}
	return a, nil
}

// NewKeyFile is an issuer with the railway's rules and no keys yet.
func NewKeyFile(id string) *KeyFile {
	return &KeyFile{
		Issuer:  verify.DocumentIssuer{ID: id, Period: 60, Liveness: 1800, Validity: 86400, Early: 5, Late: 10},
		Keys:    []PrivateKey{},
		Revoked: []verify.DocumentRevoked{},
	}
}

// addKey makes a key that may sign every class from now on.
func (f *KeyFile) AddKey(a verify.Algorithm, from, to time.Time) error {
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	s, err := verify.GenerateSigner(verify.KeyID(id), a, rand.Reader)
	if err != nil {
		return err
	}
	f.Keys = append(f.Keys, PrivateKey{
		DocumentKey: s.Document(f.Issuer.ID, []verify.Class{verify.Temporary, verify.Paper, verify.Staff}, from, to),
		D:           base64.RawURLEncoding.EncodeToString(s.Private()),
	})
	return nil
}

// document is the keyset that gates read.
func (f *KeyFile) Document() verify.Document {
	d := verify.Document{Version: f.Version, Issuers: []verify.DocumentIssuer{f.Issuer}, Revoked: f.Revoked}
	for _, k := range f.Keys {
		d.Keys = append(d.Keys, k.DocumentKey)
	}
	return d
}

// signer is the newest key of an algorithm that may sign at a time.
func (f *KeyFile) Signer(a verify.Algorithm, at time.Time) (*verify.Signer, error) {
	for _, k := range slices.Backward(f.Keys) {
		if k.Algorithm != a.String() || at.Before(k.NotBefore) || at.After(k.NotAfter) || k.RevokedAt != nil {
			continue
		}
		return k.signer(a)
	}
	return nil, fmt.Errorf("no %v key may sign at %s; issuer keys --add makes one", a, at.UTC().Format(time.RFC3339))
}

func (k *PrivateKey) signer(a verify.Algorithm) (*verify.Signer, error) {
	private, err := base64.RawURLEncoding.DecodeString(k.D)
	if err != nil {
		return nil, fmt.Errorf("key %s: private part: %w", k.KeyID, err)
	}
	id, err := DecodeHex(k.KeyID)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.KeyID, err)
	}
	return verify.NewSigner(verify.KeyID(id), a, private)
}

func (f *KeyFile) Period() time.Duration { return time.Duration(f.Issuer.Period) * time.Second }

// slots is how many slots a credential has.
func (f *KeyFile) Slots() int { return int(f.Issuer.Liveness / f.Issuer.Period) }

var ErrNoKeys = errors.New("there are no keys yet; issuer keys makes them")

func LoadKeyFile(dir string) (*KeyFile, error) {
	path := filepath.Join(dir, KeyFileName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoKeys)
	}
	if err != nil {
		return nil, err
	}
	f := new(KeyFile)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// save writes the private file, then the keyset, each whole or not at all: a key
// signs only once gates may know it.
func (f *KeyFile) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, KeyFileName), 0o600, f); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, KeysetName), 0o644, f.Document())
}

func writeJSON(path string, mode os.FileMode, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
