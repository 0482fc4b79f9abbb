package office

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
	zeros := func(string, []byte) ([]byte, error) { return make([]byte, 32), nil }
	if (*account)(nil).opens("", zeros) {
		t.Error("an account that is not there opens with a hash of zeros")
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
