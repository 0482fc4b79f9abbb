package office

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"regexp"
	"unicode/utf8"

	"railgate/verify/mint"
)

// An account is a signed-in user's: who it is, and how to know them again.
type account struct {
	Sealed     []byte // a person, by vault.seal
	Salt       []byte
	Hash       []byte // PBKDF2 of the password
	Generation uint32 // counts sign-outs: each ends every session before it (R10)
	Companions []companion
	Proven     bool // a real-person check has passed as this person, in a session of this account
}

const (
	saltSize = 16 // bytes
	hashSize = 32
)

// passwordWork is OWASP's number of rounds for PBKDF2 with HMAC-SHA-256.
const passwordWork = 600_000

var accountName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,32}$`)

// goodAccount tells whether an account may be called and kept so.
func goodAccount(name, password string) bool {
	return accountName.MatchString(name) && utf8.RuneCountInString(password) >= 8 && len(password) <= 256
}

func newAccount(password string, sealed []byte, hash hasher) (*account, error) {
	a := &account{Sealed: sealed, Salt: []byte(mint.RandomID(saltSize))}
	var err error
	a.Hash, err = hash(password, a.Salt)
	return a, err
}

func hashPassword(password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, salt, passwordWork, hashSize)
}

// A hasher is hashPassword, or a test's.
type hasher func(password string, salt []byte) ([]byte, error)

// opens tells whether a password is the account's. It does the same work where there is
// no account, so that the time it takes does not tell which accounts there are.
func (a *account) opens(password string, hash hasher) bool {
	known := a != nil
	if !known {
		a = &account{Salt: make([]byte, saltSize)}
	}
	h, err := hash(password, a.Salt)
	return err == nil && subtle.ConstantTimeCompare(h, a.Hash) == 1 && known
}
