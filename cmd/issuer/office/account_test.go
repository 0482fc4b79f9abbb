package office

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"railgate/verify"
)

// cheapHash spares a test PBKDF2's work, and counts it.
func cheapHash(count *[]string) hasher {
	var mu sync.Mutex
	return func(password string, salt []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		*count = append(*count, password)
		h := sha256.Sum256(append([]byte(password), salt...))
		return h[:], nil
	}
}

// An office that was told no other hash keeps passwords by PBKDF2.
func TestPasswordsAreHashedByPBKDF2(t *testing.T) {
	o, err := Open(Config{Dir: t.TempDir(), Algorithm: verify.EdDSA, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := o.SignUp("known", "correct horse", goodForm()); err != nil {
		t.Fatal(err)
	}
	a, err := o.register.account(o.vault.account("known"))
	if err != nil || a == nil {
		t.Fatal(a, err)
	}
	if want, err := pbkdf2.Key(sha256.New, "correct horse", a.Salt, 600_000, 32); err != nil || !bytes.Equal(a.Hash, want) {
		t.Errorf("the password is kept as %x, %v; want %x", a.Hash, err, want)
	}
}

// Whether there is an account must not show in the time that an answer takes: the same
// work is done. The account that is not there opens with no password.
func TestUnknownAccountsCostTheSameWork(t *testing.T) {
	o := newOffice(t, t.TempDir())
	var hashed []string
	o.hash = cheapHash(&hashed)
	if err := o.SignUp("known", "correct horse", goodForm()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"known", "unknown", "", strings.Repeat("x", 5000)} {
		hashed = nil
		if _, err := o.SignIn(t.Context(), name, "a guess", "192.0.2.1"); !errors.Is(err, Deny(WrongPassword)) {
			t.Errorf("%.10q: %v; want %s", name, err, WrongPassword)
		}
		if !slices.Equal(hashed, []string{"a guess"}) {
			t.Errorf("%.10q: hashed %q; want the guess, once", name, hashed)
		}
	}
	hashed = nil
	if err := o.SignUp("known", "another one", goodForm()); !errors.Is(err, Deny(AccountTaken)) || len(hashed) != 1 {
		t.Errorf("signing up as somebody else: %v, %d hashes; want %s after one", err, len(hashed), AccountTaken)
	}
	empty := func(string, []byte) ([]byte, error) { return nil, nil }
	if (*account)(nil).opens("", empty) {
		t.Error("an account that is not there opens with an empty hash")
	}
}

func TestWhichAccountsAreTaken(t *testing.T) {
	for _, tt := range []struct {
		name, password string
		want           bool
	}{
		{"abc", "12345678", true},
		{"ab", "12345678", false},
		{strings.Repeat("a", 32), "12345678", true},
		{strings.Repeat("a", 33), "12345678", false},
		{"A-Z_0.9", "12345678", true},
		{"with space", "12345678", false},
		{"李雷李", "12345678", false},
		{"abc\n", "12345678", false},
		{"abc", "1234567", false},
		{"abc", "八个汉字作为密码", true},
		{"abc", "七个汉字的密码", false},
		{"abc", strings.Repeat("x", 256), true},
		{"abc", strings.Repeat("x", 257), false},
	} {
		if got := goodAccount(tt.name, tt.password); got != tt.want {
			t.Errorf("account %.40q, password of %d bytes: %v; want %v", tt.name, len(tt.password), got, tt.want)
		}
	}
}

// Each account has a salt of its own, in which its hash is made; a hash that cannot be
// made opens nothing.
func TestAccountsAreSalted(t *testing.T) {
	var hashed []string
	cheap := cheapHash(&hashed)
	a, err := newAccount("correct horse", []byte("sealed"), cheap)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newAccount("correct horse", nil, cheap)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Salt) != 16 || string(a.Salt) == string(b.Salt) || string(a.Hash) == string(b.Hash) || string(a.Sealed) != "sealed" {
		t.Errorf("accounts %+v and %+v; want 16 bytes of salt, each its own", a, b)
	}
	if !a.opens("correct horse", cheap) || a.opens("correct horsf", cheap) || a.opens("", cheap) {
		t.Error("an account opens with another password, or not with its own")
	}
	broken := func(string, []byte) ([]byte, error) { return a.Hash, errors.New("no hash") }
	if a.opens("correct horse", broken) {
		t.Error("an account opens though the hash could not be made")
	}
	if _, err := newAccount("correct horse", nil, broken); err == nil {
		t.Error("an account is made without a hash")
	}
	if h, err := hashPassword("correct horse", a.Salt); err != nil || len(h) != 32 {
		t.Errorf("a hash of %d bytes, %v; want 32", len(h), err)
	}
}

// What is hashed for an account that is not there has a salt of the same size.
func TestUnknownAccountsHaveASalt(t *testing.T) {
	size := 0
	(*account)(nil).opens("a guess", func(_ string, salt []byte) ([]byte, error) { size = len(salt); return nil, nil })
	if size != 16 {
		t.Errorf("a salt of %d bytes; want 16, as others have", size)
	}
}

// After ten guesses from an address each further try from there waits for three
// seconds after the last; the owner elsewhere does not, and there for no longer.
func TestGuessesWaitAndTheOwnerDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, t.TempDir())
		var hashed []string
		o.hash = cheapHash(&hashed)
		if err := o.SignUp("owner", "correct horse", goodForm()); err != nil {
			t.Fatal(err)
		}
		signIn := func(ctx context.Context, password, from string) (time.Duration, error) {
			began := time.Now()
			_, err := o.SignIn(ctx, "owner", password, from)
			return time.Since(began), err
		}
		want := func(name, password, from string, wait time.Duration, why Reason) {
			t.Helper()
			took, err := signIn(t.Context(), password, from)
			var d Denied
			if errors.As(err, &d); d.Reason != why || took != wait {
				t.Errorf("%s: %q after %v; want %q after %v", name, d.Reason, took, why, wait)
			}
		}
		for range guessesAtOnce {
			want("a guess", "a guess", "thief", 0, WrongPassword)
		}
		want("the owner elsewhere", "correct horse", "home", 0, "")
		want("one guess more", "a guess", "thief", guessEvery, WrongPassword)
		want("the owner at the same address", "correct horse", "thief", guessEvery, "")
		want("and again", "a slip", "thief", 0, WrongPassword)

		for range guessesAtOnce {
			signIn(t.Context(), "a guess", "thieves")
		}
		hashed = nil
		var wg sync.WaitGroup
		refused := make(chan bool, 5)
		for range cap(refused) {
			wg.Go(func() {
				_, err := signIn(t.Context(), "a guess", "thieves")
				refused <- errors.Is(err, Deny(TooMany))
			})
		}
		wg.Wait()
		close(refused)
		n := 0
		for r := range refused {
			if r {
				n++
			}
		}
		if n != 3 || len(hashed) != 2 {
			t.Errorf("of five guesses at once %d are refused and %d are tried; want 3, 2", n, len(hashed))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(guessWait)
		for range guessesAtOnce + 1 {
			signIn(gone, "a guess", "gone")
		}
		if _, err := signIn(gone, "correct horse", "gone"); !errors.Is(err, context.Canceled) {
			t.Errorf("somebody who has gone: %v; want %v", err, context.Canceled)
		}
	})
}
