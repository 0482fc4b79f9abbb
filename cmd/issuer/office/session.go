package office

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// A Session is who asks. A visitor's token lives in the page's memory alone, so that it
// ends with the page; a signed-in user's ends with signing out or clearing the
// browser's data (R10), and in any case after [SignInLasts]. The issuer remembers neither: a
// token carries its own proof. Numbers are big-endian; the time is in seconds since 1970.
//
//	visitor    1 ‖ 16 random bytes ‖ HMAC (16)
//	signed in  2 ‖ account (16) ‖ generation (4) ‖ time of signing in (8) ‖ 16 random bytes ‖ HMAC (16)
type Session struct {
	ID         string   // a hash of the token, as the register has it; "" without one
	account    *account // nil: a visitor
	accountKey string
	acts       *actsFor // nil: for oneself
	over       bool     // it was a signed-in user's, for longer than one lasts
}

// SignInLasts is how long a signed-in user stays so. A browser that is never cleared, or a
// copy of its cookie, is worth no more than this.
const SignInLasts = 30 * 24 * time.Hour

// signInEarly is how far a token may be of the future: the issuer's clock may have been set
// back a little since.
const signInEarly = 5 * time.Minute

// SignedIn tells whether it is a signed-in user's.
func (s Session) SignedIn() bool { return s.account != nil }

// Over tells whether it was a signed-in user's, who must sign in again.
func (s Session) Over() bool { return s.over }

// nobody is why a session without an id may do nothing.
func (s Session) nobody() error {
	if s.over {
		return Deny(SignInOver)
	}
	return Deny(SessionEnded)
}

// tokenMAC is the size of a token's proof, in bytes.
const tokenMAC = 16

func (v *vault) token(body []byte) (string, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	body = append(body, random...)
	body = append(body, mac(v.sessions, string(body))[:tokenMAC]...)
	return base64.RawURLEncoding.EncodeToString(body), nil
}

func (v *vault) visitorToken() (string, error) { return v.token([]byte{1}) }

func (v *vault) accountToken(key string, generation uint32, now time.Time) (string, error) {
	body := binary.BigEndian.AppendUint32(append([]byte{2}, key...), generation)
	return v.token(binary.BigEndian.AppendUint64(body, uint64(now.Unix())))
}

// body is what a token says, without its proof; false where this issuer did not make it.
func (v *vault) body(token string) ([]byte, bool) {
	all, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(all) < 1+16+tokenMAC || base64.RawURLEncoding.EncodeToString(all) != token {
		return nil, false // a second spelling would be a second session
	}
	body := all[:len(all)-tokenMAC]
	return body, subtle.ConstantTimeCompare(mac(v.sessions, string(body))[:tokenMAC], all[len(body):]) == 1
}

// Visitor is who has a visitor's token; nobody, if this issuer did not make it.
func (s *Office) Visitor(token string) Session {
	if body, ok := s.vault.body(token); ok && body[0] == 1 && len(body) == 17 {
		return Session{ID: hashToken(token)}
	}
	return Session{}
}

// SignedIn is who has a signed-in user's token; nobody, once the account has signed out
// anywhere (R10), or has been signed in for too long.
func (s *Office) SignedIn(token string) (Session, error) {
	body, ok := s.vault.body(token)
	if !ok || body[0] != 2 || len(body) != 45 {
		return Session{}, nil
	}
	key := string(body[1:17])
	a, err := s.register.account(key)
	if err != nil || a == nil || a.Generation != binary.BigEndian.Uint32(body[17:21]) {
		return Session{}, err
	}
	if age := s.Now().Unix() - int64(binary.BigEndian.Uint64(body[21:29])); age < -int64(signInEarly/time.Second) || age >= int64(SignInLasts/time.Second) {
		return Session{over: true}, nil
	}
	return Session{ID: hashToken(token), account: a, accountKey: key}, nil
}

func hashToken(token string) string {
	h := sha256.Sum256([]byte(token))
	return string(h[:])
}

// SignUp opens an account for its own user, who confirms the details (R12).
func (s *Office) SignUp(name, password string, f Form) error {
	f.tidy()
	if r := f.checkPerson(false, s.Now()); r != "" {
		return Deny(r)
	}
	if !goodAccount(name, password) {
		return Deny(BadAccount)
	}
	sealed, err := s.sealed(Person{f.Name, f.Document, f.Number}, inAccount)
	if err != nil {
		return err
	}
	fresh, err := newAccount(password, sealed, s.hash)
	if err != nil {
		return err
	}
	return s.register.changeAccount(s.vault.account(name), func(a *account) (*account, error) {
		if a != nil {
			return nil, Deny(AccountTaken)
		}
		return fresh, nil
	})
}

// Passwords of an account are tried from an address so often at once; each further try
// waits for its turn, and is refused if that takes longer than a page waits. Other
// addresses wait for nobody: whoever guesses does not lock the owner out.
const (
	guessesAtOnce = 10
	guessEvery    = 3 * time.Second
	guessWait     = 6 * time.Second
)

// SignIn gives a token for the cookie. From is the address that asks.
func (s *Office) SignIn(ctx context.Context, name, password, from string) (string, error) {
	key := s.vault.account(name)
	wait, ok := s.guesses.Reserve(key+from, time.Now(), guessWait)
	if !ok {
		return "", Deny(TooMany)
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	a, err := s.register.account(key)
	if err != nil {
		return "", err
	}
	if !a.opens(password, s.hash) {
		return "", Deny(WrongPassword)
	}
	s.guesses.Forget(key + from)
	return s.vault.accountToken(key, a.Generation, s.Now())
}

// SignOut ends every session of the account, in whatever tab or browser.
func (s *Office) SignOut(who Session) error {
	if who.account == nil {
		return nil
	}
	if err := errors.Join(s.Leave(who), s.leaveCompanions(who)); err != nil {
		return err
	}
	return s.register.changeAccount(who.accountKey, func(a *account) (*account, error) {
		a.Generation++
		return a, nil
	})
}
