package main

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"railgate/verify"
	"railgate/verify/mint"
)

// A signing key signs for a week. The next one is published a day before it begins,
// so that every gate knows it when its first code comes; the old one stays in the
// keyset until nothing that it signed can be valid.
const (
	keySigns     = 7 * 24 * time.Hour
	keyPublished = 24 * time.Hour // before it signs
	keyLasts     = 2 * keySigns   // it may sign for so long, should the next be late
)

// A signing office signs with the key of the day. Its methods may be called
// concurrently.
type signing struct {
	dir string
	alg verify.Algorithm
	log *slog.Logger

	mu     sync.Mutex // guards the fields below
	file   *mint.KeyFile
	signer *verify.Signer
	since  time.Time // signer is the right one from then …
	until  time.Time // … until then
}

// openSigning reads the issuer's keys, and makes the first on the first start.
func openSigning(dir string, alg verify.Algorithm, now time.Time, log *slog.Logger) (*signing, error) {
	f, err := mint.LoadKeyFile(dir)
	if errors.Is(err, mint.ErrNoKeys) {
		f, err = mint.NewKeyFile("railgate"), nil
	}
	if err != nil {
		return nil, err
	}
	s := &signing{dir: dir, alg: alg, log: log, file: f}
	return s, s.rotate(now)
}

// rotate makes the next key when it is time, and writes the keyset.
func (s *signing) rotate(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed, err := rotate(s.file, s.alg, now)
	if err != nil || !changed {
		return err
	}
	s.signer = nil
	s.log.Info("a new signing key is published", "version", s.file.Version, "keys", len(s.file.Keys))
	return s.file.Save(s.dir)
}

// rotate drops keys that no gate needs any more and adds those that will be needed:
// one that signs at once where there is none, and the next one a day before its time.
func rotate(f *mint.KeyFile, a verify.Algorithm, now time.Time) (changed bool, err error) {
	now = now.Truncate(time.Second)
	before := len(f.Keys)
	f.Keys = slices.DeleteFunc(f.Keys, func(k mint.PrivateKey) bool { return now.After(k.NotAfter.Add(validFor + time.Hour)) })
	changed = len(f.Keys) != before
	if _, err := f.Signer(a, now); err != nil {
		// a gate whose clock is a little slow must take the first code as well
		from := now.Add(-time.Hour)
		if err := f.AddKey(a, from, from.Add(keyLasts)); err != nil {
			return false, err
		}
		changed = true
	}
	if next := newest(f, a).NotBefore.Add(keySigns); !now.Before(next.Add(-keyPublished)) {
		if earliest := now.Add(keyPublished); next.Before(earliest) {
			next = earliest
		}
		if err := f.AddKey(a, next, next.Add(keyLasts)); err != nil {
			return false, err
		}
		changed = true
	}
	if changed {
		f.Version++
	}
	return changed, nil
}

// newest is the key of an algorithm that signs last.
func newest(f *mint.KeyFile, a verify.Algorithm) *mint.PrivateKey {
	for i := len(f.Keys) - 1; i >= 0; i-- {
		if f.Keys[i].Algorithm == a.String() && f.Keys[i].RevokedAt == nil {
			return &f.Keys[i]
		}
	}
	panic("issuer: internal error: no key of " + a.String()) // rotate has seen to one
}

// issue signs claims.
func (s *signing) issue(c verify.Claims, now time.Time) (verify.Credential, error) {
	signer, err := s.current(now)
	if err != nil {
		return nil, err
	}
	return signer.Issue(c, rand.Reader)
}

// current is the key that signs now. It is kept for a minute: unpacking one takes as
// long as signing.
func (s *signing) current(now time.Time) (*verify.Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signer != nil && !now.Before(s.since) && now.Before(s.until) {
		return s.signer, nil
	}
	signer, err := s.file.Signer(s.alg, now)
	if err != nil {
		return nil, err
	}
	s.signer, s.since, s.until = signer, now, now.Truncate(time.Minute).Add(time.Minute)
	return signer, nil
}

// document is the keyset that gates read.
func (s *signing) document() verify.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.file.Document()
	d.Keys, d.Revoked = slices.Clone(d.Keys), slices.Clone(d.Revoked)
	return d
}
