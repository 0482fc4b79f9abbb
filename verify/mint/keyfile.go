package mint

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"railgate/store/durable"
	"railgate/verify"
)

// A KeyFile is an issuer's secret: its private keys, with what keys.json says of them.
type KeyFile struct {
	Version uint64                   `json:"version"`
	Issuer  verify.DocumentIssuer    `json:"issuer"`
	Keys    []PrivateKey             `json:"keys"`
	Revoked []verify.DocumentRevoked `json:"revoked"`
}

// A PrivateKey is a JWK (RFC 7517) with its private part.
type PrivateKey struct {
	verify.DocumentKey
	D string `json:"d"` // 32 bytes in base64url
}

// The files in an issuer's folder.
const (
	KeyFileName = "private.json" // a KeyFile, mode 0600
	KeysetName  = "keys.json"    // what gates read
)

// Passengers is what a web service's keys sign: temporary IDs and paper. Staff codes
// take a lane over, so gates take them only from keys that sign nothing else.
func Passengers() []verify.Class { return []verify.Class{verify.Temporary, verify.Paper} }

// The railway's rules that its codes carry.
const (
	Period   = 60 * time.Second // a code changes
	Liveness = 30 * time.Minute // after a real-person check
	Validity = 24 * time.Hour   // of a certificate, from its approval
	early    = 5 * time.Second  // a gate's tolerance before a code's minute
	Late     = 10 * time.Second // and after it
)

// NewKeyFile is an issuer with the railway's rules and no keys yet.
func NewKeyFile(id string) *KeyFile {
	in := func(d time.Duration) uint32 { return uint32(d / time.Second) }
	return &KeyFile{
		Issuer:  verify.DocumentIssuer{ID: id, Period: in(Period), Liveness: in(Liveness), Validity: in(Validity), Early: in(early), Late: in(Late)},
		Keys:    []PrivateKey{},
		Revoked: []verify.DocumentRevoked{},
	}
}

// AddKey makes a key that may sign codes of some classes from one time to another,
// and gives it a random kid of 4 bytes.
func (f *KeyFile) AddKey(a verify.Algorithm, from, to time.Time, classes ...verify.Class) error {
	s, err := GenerateSigner(verify.KeyID(RandomID(4)), a, rand.Reader)
	if err != nil {
		return err
	}
	f.Add(s, from, to, classes...)
	return nil
}

// Add adds a key that may sign codes of some classes from one time to another.
func (f *KeyFile) Add(s *Signer, from, to time.Time, classes ...verify.Class) {
	f.Keys = append(f.Keys, PrivateKey{
		DocumentKey: s.Document(f.Issuer.ID, classes, from, to),
		D:           base64.RawURLEncoding.EncodeToString(s.Private()),
	})
}

// Document is the keyset that gates read.
func (f *KeyFile) Document() verify.Document {
	d := verify.Document{Version: f.Version, Issuers: []verify.DocumentIssuer{f.Issuer}, Revoked: f.Revoked}
	for _, k := range f.Keys {
		d.Keys = append(d.Keys, k.DocumentKey)
	}
	return d
}

// KeysetJSON is the document as keys.json has it.
func (f *KeyFile) KeysetJSON() ([]byte, error) { return marshal(f.Document()) }

// Keyset is the document as a gate understands it.
func (f *KeyFile) Keyset() (*verify.Keyset, error) {
	data, err := f.KeysetJSON()
	if err != nil {
		return nil, err
	}
	return verify.ParseKeyset(data)
}

func marshal(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", " ")
	return append(data, '\n'), err
}

// Signer is the newest key of an algorithm that may sign a class at a time.
func (f *KeyFile) Signer(a verify.Algorithm, class verify.Class, at time.Time) (*Signer, error) {
	for _, k := range slices.Backward(f.Keys) {
		if k.Algorithm == a.String() && k.signs(class, at) {
			return k.signer()
		}
	}
	return nil, fmt.Errorf("no %v key may sign at %s what is of class %d; %s makes one", a, at.UTC().Format(time.RFC3339), class, remedy(class))
}

// remedy is the command that makes a key for a class.
func remedy(class verify.Class) string {
	if class == verify.Staff {
		return "issuer keys --staff --add"
	}
	return "issuer keys --add"
}

func (k *PrivateKey) signs(class verify.Class, at time.Time) bool {
	return slices.Contains(k.Classes, uint(class)) && !at.Before(k.NotBefore) && !at.After(k.NotAfter) && k.RevokedAt == nil
}

func (k *PrivateKey) signer() (*Signer, error) {
	a, err := verify.ParseAlgorithm(k.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.KeyID, err)
	}
	private, err := base64.RawURLEncoding.DecodeString(k.D)
	if err != nil {
		return nil, fmt.Errorf("key %s: private part: %w", k.KeyID, err)
	}
	id, err := hex.DecodeString(k.KeyID)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.KeyID, err)
	}
	return NewSigner(verify.KeyID(id), a, private)
}

// Period is how long one code is shown.
func (f *KeyFile) Period() time.Duration { return time.Duration(f.Issuer.Period) * time.Second }

// Slots is how many slots a credential has.
func (f *KeyFile) Slots() int { return int(f.Issuer.Liveness / f.Issuer.Period) }

// ErrNoKeys is a folder without a key file.
var ErrNoKeys = errors.New("there are no keys yet; issuer keys makes them")

// LoadKeyFile reads the key file in an issuer's folder.
func LoadKeyFile(dir string) (*KeyFile, error) {
	path := filepath.Join(dir, KeyFileName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoKeys)
	}
	if err != nil {
		return nil, err
	}
	f, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func parseKeyFile(data []byte) (*KeyFile, error) {
	f := new(KeyFile)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, err
	}
	if f.Issuer.Period == 0 {
		return nil, errors.New("the issuer has no period")
	}
	return f, nil
}

// Save writes the key file, then the keyset, each whole or not at all: a key
// signs only once gates may know it.
func (f *KeyFile) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	private, err := marshal(f)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, KeyFileName), private, 0o600); err != nil {
		return err
	}
	keyset, err := f.KeysetJSON()
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, KeysetName), keyset, 0o644)
}
