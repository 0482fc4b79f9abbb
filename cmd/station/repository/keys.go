package repository

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"

	"railgate/store/durable"
)

// A Passphrase gives the passphrase of a key by its name, such as "root-1".
type Passphrase func(key string) (string, error)

const pemType = "RAILGATE ED25519 SEED"

// makeKey makes a key and writes its seed, encrypted under a passphrase (age's scrypt,
// age-encryption.org/v1) unless that is "".
func makeKey(dir, name, passphrase string, workFactor int) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	plain := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: key.Seed()})
	if passphrase == "" {
		return key, durable.WriteFile(filepath.Join(dir, name+".key"), plain, 0o600)
	}
	sealed, err := encrypt(plain, passphrase, workFactor)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return key, durable.WriteFile(filepath.Join(dir, name+".age"), sealed, 0o600)
}

func encrypt(plain []byte, passphrase string, workFactor int) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	if workFactor > 0 {
		to.SetWorkFactor(workFactor)
	}
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	err = errors.Join(err, w.Close(), text.Close())
	return out.Bytes(), err
}

// ErrNoKey is a key that is not in the folder: it is kept elsewhere.
var ErrNoKey = errors.New("key is not here")

// loadKey reads a key, asking for its passphrase where it has one.
func loadKey(dir, name string, ask Passphrase) (ed25519.PrivateKey, error) {
	plain, err := os.ReadFile(filepath.Join(dir, name+".key"))
	if err == nil {
		return parseKey(name, plain)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	sealed, err := os.ReadFile(filepath.Join(dir, name+".age"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrNoKey)
	}
	if err != nil {
		return nil, err
	}
	passphrase, err := ask(name)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	if plain, err = decrypt(sealed, passphrase); err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return parseKey(name, plain)
}

// ErrPassphrase is a passphrase that does not open a key.
var ErrPassphrase = errors.New("wrong passphrase")

func decrypt(sealed []byte, passphrase string) ([]byte, error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), id)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 1<<12))
}

func parseKey(name string, plain []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(plain)
	if block == nil || block.Type != pemType || len(block.Bytes) != ed25519.SeedSize || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("key %s: not a key of this program", name)
	}
	return ed25519.NewKeyFromSeed(block.Bytes), nil
}

// MakeKey makes a key that has no passphrase, in a folder of keys.
func MakeKey(dir, name string) (ed25519.PrivateKey, error) { return makeKey(dir, name, "", 0) }

// LoadKey reads a key that has no passphrase.
func LoadKey(dir, name string) (ed25519.PrivateKey, error) {
	key, err := loadKey(dir, name, func(string) (string, error) { return "", errors.New("it must have no passphrase") })
	if err != nil {
		return nil, fmt.Errorf("key %w", err)
	}
	return key, nil
}
