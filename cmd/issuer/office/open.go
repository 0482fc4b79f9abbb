package office

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"railgate/cmd/issuer/acts"
	"railgate/cmd/limit"
	"railgate/verify"
)

// A Config is what an office is opened with.
type Config struct {
	Dir       string           // its folder
	Algorithm verify.Algorithm // of its signatures
	Bench     bool             // the time can be moved, and there is an example account
	Checker   Checker          // the real-person check; nil: none is connected
	CheckTime time.Duration    // how long its provider may take to answer; 0: [CheckTime]
	Log       *slog.Logger

	hash hasher // of passwords; nil: hashPassword
}

// Open opens the issuer's folder, and makes what is not there yet.
func Open(c Config) (*Office, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	s := &Office{checker: c.Checker, checkTime: CheckTime, bench: c.Bench, guesses: limit.New(guessEvery, guessesAtOnce), hash: c.hash, log: c.Log}
	if s.checker == nil {
		s.checker = closedCheck{}
		c.Log.Warn("no real-person check is connected: every application is sent to the police window")
	}
	if s.hash == nil {
		s.hash = hashPassword
	}
	if c.CheckTime != 0 {
		s.checkTime = c.CheckTime
	}
	var err error
	if s.vault, err = openVault(filepath.Join(c.Dir, vaultKeyName)); err != nil {
		return nil, err
	}
	if s.record, err = acts.NewLog(s.vault.heads); err != nil {
		return nil, err
	}
	if s.signing, err = openSigning(c.Dir, c.Algorithm, s.Now(), c.Log); err != nil {
		return nil, err
	}
	if s.register, err = openRegister(c.Dir); err != nil {
		return nil, err
	}
	s.notary, err = openNotary(c.Dir, s.signing.document().Issuers[0].ID, c.Algorithm, s.register, s.Now(), c.Log)
	if err == nil && c.Bench {
		err = s.addExample()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenRecords opens what is on record in an issuer's folder where no issuer runs, for
// whoever revokes: it makes no key and signs nothing.
func OpenRecords(dir string, log *slog.Logger) (*Office, error) {
	s := &Office{log: log}
	var err error
	if s.vault, err = openVault(filepath.Join(dir, vaultKeyName)); err != nil {
		return nil, err
	}
	if s.record, err = acts.NewLog(s.vault.heads); err != nil {
		return nil, err
	}
	s.register, err = openRegister(dir)
	return s, err
}

// Close closes the register.
func (s *Office) Close() error { return s.register.close() }

// addExample makes the bench's account.
func (s *Office) addExample() error {
	err := s.SignUp("example", "passenger", Form{Name: "李雷", Document: ResidentCard, Number: "11010519491231002X", Confirmed: true})
	if errors.Is(err, Deny(AccountTaken)) {
		return nil
	}
	return err
}
