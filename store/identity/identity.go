// Package identity is who a gate is: one secret seed in a file, and the keys that are
// derived from it, one for each use.
//
//	use               key
//	checkpoints       Ed25519, of HKDF-SHA256(seed, "railgate checkpoint")
//	the station's bus an nkey of a user, of HKDF-SHA256(seed, "railgate bus")
//	provisioning      Ed25519, of HKDF-SHA256(seed, "railgate provisioning")
//
// They are apart because the bus makes a gate sign bytes that a server chose: with the key of
// the checkpoints, such a server could have a journal signed that never was.
package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"

	"railgate/store/durable"
)

// SeedFile is the file's name in a gate's data folder.
const SeedFile = "gate.seed"

const seedSize = 32

// The keys' uses, as HKDF's info.
const (
	forCheckpoints  = "railgate checkpoint"
	forBus          = "railgate bus"
	forProvisioning = "railgate provisioning"
)

// An Identity is a gate's seed. It is safe for concurrent use.
type Identity struct{ seed [seedSize]byte }

// FromSeed is the identity of a seed.
func FromSeed(seed [seedSize]byte) *Identity { return &Identity{seed} }

// Load reads the seed in a gate's data folder. Where there is none it makes one, and returns
// once that is on the disk. A seed that is damaged is an error and is left as it is: a new one
// would be another gate.
func Load(dir string) (*Identity, error) {
	path := filepath.Join(dir, SeedFile)
	data, err := durable.ReadFile(path, seedSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return create(path)
	case err != nil:
		return nil, fmt.Errorf("the gate's identity: %w", err)
	case len(data) != seedSize:
		return nil, fmt.Errorf("the gate's identity: %s has %d bytes; want %d: put its backup back, or remove it and enroll the gate again", path, len(data), seedSize)
	}
	return FromSeed([seedSize]byte(data)), nil
}

// create makes a seed and keeps it: by a link, so that of two starts at once the second takes
// the first one's.
func create(path string) (*Identity, error) {
	var seed [seedSize]byte
	rand.Read(seed[:])
	draft := path + "." + rand.Text()
	if err := durable.WriteFile(draft, seed[:], 0o600); err != nil {
		return nil, fmt.Errorf("the gate's identity: %w", err)
	}
	defer os.Remove(draft)
	switch err := os.Link(draft, path); {
	case errors.Is(err, fs.ErrExist):
		return Load(filepath.Dir(path))
	case err != nil:
		return nil, fmt.Errorf("the gate's identity: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("the gate's identity: %w", err)
	}
	return FromSeed(seed), nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// derive is the seed of one use's key.
func (i *Identity) derive(use string) []byte {
	key, err := hkdf.Key(sha256.New, i.seed[:], nil, use, ed25519.SeedSize)
	if err != nil {
		panic("identity: internal error: " + err.Error()) // only for lengths that HKDF has not
	}
	return key
}

// Signer signs the checkpoints of a log; the key's name is the log's origin.
func (i *Identity) Signer(origin string) (note.Signer, error) {
	key := ed25519.NewKeyFromSeed(i.derive(forCheckpoints))
	v, err := verifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &signer{v, key}, nil
}

// signer is a note.Signer; package note makes one only from a text that holds the secret.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s *signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// NKey signs the gate in at the station's bus, as a user.
func (i *Identity) NKey() (nkeys.KeyPair, error) {
	return nkeys.FromRawSeed(nkeys.PrefixByteUser, i.derive(forBus))
}

// Provisioning signs a gate's requests for its first configuration.
func (i *Identity) Provisioning() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(i.derive(forProvisioning))
}

// Public is what a station must know of the gate to take its journal.
func (i *Identity) Public(station, gate string) Public {
	key, err := i.NKey()
	if err != nil {
		panic("identity: internal error: " + err.Error()) // only for a seed of another length
	}
	bus, err := key.PublicKey()
	if err != nil {
		panic("identity: internal error: " + err.Error())
	}
	return Public{
		Station: station, Gate: gate, Bus: bus,
		Journal:      ed25519.NewKeyFromSeed(i.derive(forCheckpoints)).Public().(ed25519.PublicKey),
		Provisioning: i.Provisioning().Public().(ed25519.PublicKey),
	}
}
