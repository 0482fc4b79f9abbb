package page

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"unicode/utf8"

	"golang.org/x/crypto/scrypt"

	"railgate/store/durable"
)

// A lock knows the page's passphrase again. It is kept as JSON: scrypt's parameters
// (RFC 7914), the salt, what scrypt made.
type lock struct {
	LogN int    `json:"log_n"` // N = 2^log_n
	R    int    `json:"r"`
	P    int    `json:"p"`
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

const (
	shortest = 12 // characters
	longest  = 256
	saltSize = 16
	hashSize = 32
	maxLock  = 4 << 10 // bytes of the file
)

// usual is OWASP's choice for 32 MB: N = 2^15, r = 8, p = 3.
var usual = lock{LogN: 15, R: 8, P: 3}

// ErrNoPassphrase is the answer where none was ever set.
var ErrNoPassphrase = errors.New("no passphrase is set; station passphrase sets one")

// SetPassphrase keeps a new passphrase, hashed, in a file. Every session of the page that
// reads the file ends with it.
func SetPassphrase(path, passphrase string) error { return setPassphrase(path, passphrase, usual) }

func setPassphrase(path, passphrase string, l lock) error {
	if n := utf8.RuneCountInString(passphrase); n < shortest || len(passphrase) > longest {
		return fmt.Errorf("a passphrase has %d characters or more, and %d bytes at most", shortest, longest)
	}
	l.Salt = make([]byte, saltSize)
	rand.Read(l.Salt) // it never fails
	var err error
	if l.Hash, err = l.hash(passphrase); err != nil {
		return err
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(data, '\n'), 0o600)
}

func (l *lock) hash(passphrase string) ([]byte, error) {
	return scrypt.Key([]byte(passphrase), l.Salt, 1<<l.LogN, l.R, l.P, hashSize)
}

// opens tells whether a passphrase is the lock's.
func (l *lock) opens(passphrase string) bool {
	if len(passphrase) > longest {
		return false
	}
	h, err := l.hash(passphrase)
	return err == nil && subtle.ConstantTimeCompare(h, l.Hash) == 1
}

// name changes with every passphrase that is set. It tells nothing of it.
func (l *lock) name() string {
	sum := sha256.Sum256(append([]byte("railgate station page "), l.Salt...))
	return hex.EncodeToString(sum[:])
}

// readLock reads what SetPassphrase wrote.
func readLock(path string) (*lock, error) {
	data, err := durable.ReadFile(path, maxLock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoPassphrase
	}
	if err != nil {
		return nil, err
	}
	l, err := parseLock(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; station passphrase makes it again", path, err)
	}
	return l, nil
}

func parseLock(data []byte) (*lock, error) {
	var l lock
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return nil, fmt.Errorf("not a passphrase's file: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a passphrase's file: more follows it")
	}
	// At most 128 MB and four times the usual work: a file is no way to stop a station.
	if l.LogN < 10 || l.LogN > 17 || l.R != 8 || l.P < 1 || l.P > 4 || len(l.Salt) != saltSize || len(l.Hash) != hashSize {
		return nil, errors.New("not a passphrase's file: its parameters are out of range")
	}
	return &l, nil
}
