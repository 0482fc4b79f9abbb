package office

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"railgate/store/durable"
	"railgate/store/journal"
	"railgate/verify"
)

// A vault keeps what must not be read from the issuer's file, or guessed: names and
// numbers are sealed (AES-256-GCM), holders' pseudonyms and sessions are keyed hashes
// (HMAC-SHA-256). Its key is a file of 32 random bytes that only its owner may read;
// without it the register's names are lost, and every holder gets another pseudonym.
// Its methods may be called concurrently.
type vault struct {
	aead     cipher.AEAD
	holders  []byte
	accounts []byte
	sessions []byte
	people   []byte             // of who is in the record of acts
	heads    ed25519.PrivateKey // signs the record's heads
}

const (
	vaultKeyName = "identity.key"
	vaultKeySize = 32
	holderSize   = 12 // bytes of a sub: 96 bits, never two of a country's holders alike
)

// openVault reads the key file, and makes it on the first start.
func openVault(path string) (*vault, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the names: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the key of the names: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("the key of the names: others may read %s; chmod 600 it", path)
	case len(key) != vaultKeySize:
		return nil, fmt.Errorf("the key of the names: %s has %d bytes; want %d", path, len(key), vaultKeySize)
	}
	return newVault(key)
}

// makeKey writes a new key, so that it outlasts a power cut before anything is
// sealed with it.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, vaultKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	return key, durable.WriteFile(path, key, 0o600)
}

func newVault(key []byte) (*vault, error) {
	v := new(vault)
	var seal, heads []byte
	for label, sub := range map[string]*[]byte{"seal": &seal, "holders": &v.holders, "accounts": &v.accounts, "sessions": &v.sessions, "acts people": &v.people, "acts heads": &heads} {
		k, err := hkdf.Expand(sha256.New, key, "railgate issuer "+label, 32)
		if err != nil {
			return nil, err
		}
		*sub = k
	}
	v.heads = ed25519.NewKeyFromSeed(heads)
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	v.aead, err = cipher.NewGCMWithRandomNonce(block)
	return v, err
}

// seal encrypts a text for one purpose: it cannot be opened for another.
func (v *vault) seal(plain []byte, purpose string) []byte {
	return v.aead.Seal(nil, nil, plain, []byte(purpose))
}

var errSealed = errors.New("sealed with another key, for another purpose, or damaged")

func (v *vault) open(sealed []byte, purpose string) ([]byte, error) {
	plain, err := v.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// holder is the pseudonym (sub) of who has a document: the same in every certificate
// and in the day's ticket manifest.
func (v *vault) holder(document, number string) verify.HolderID {
	return verify.HolderID(mac(v.holders, document+"\x00"+number)[:holderSize])
}

// account is what an account is filed under.
func (v *vault) account(name string) string { return string(mac(v.accounts, name)[:16]) }

// person is who a pseudonym is of, in the record of acts: another than in codes.
func (v *vault) person(holder verify.HolderID) journal.ID {
	return journal.ID(mac(v.people, string(holder))[:16])
}
