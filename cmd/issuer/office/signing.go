package office

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

// A signing office signs with the key of the day. Its methods may be called
// concurrently.
type signing struct {
	dir string
	alg verify.Algorithm
	log *slog.Logger

	mu     sync.Mutex // guards the fields below
	file   *mint.KeyFile
	signer *mint.Signer
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

// rotate reads what issuer keys has added meanwhile, makes the next key when it is time,
// and writes the keyset.
func (s *signing) rotate(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f, err := mint.LoadKeyFile(s.dir); {
	case err == nil && f.Version > s.file.Version:
		s.file, s.signer = f, nil
		s.log.Info("new keys are read", "version", f.Version, "keys", len(f.Keys))
	case err != nil && !errors.Is(err, mint.ErrNoKeys):
		s.log.Error("the keys in memory stay in use", "err", err)
	}
	changed, err := s.file.Rotate(s.alg, now)
	if err != nil || !changed {
		return err
	}
	s.signer = nil
	s.log.Info("a new signing key is published", "version", s.file.Version, "keys", len(s.file.Keys))
	return s.file.Save(s.dir)
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
func (s *signing) current(now time.Time) (*mint.Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signer != nil && !now.Before(s.since) && now.Before(s.until) {
		return s.signer, nil
	}
	signer, err := s.file.Signer(s.alg, verify.Temporary, now)
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
