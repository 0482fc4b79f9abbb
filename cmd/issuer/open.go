package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"railgate/verify"
)

// A config is what an office is opened with.
type config struct {
	Dir       string           // its folder
	Algorithm verify.Algorithm // of its signatures
	Bench     bool             // the check does as it is told, the time can be moved, and there is an example account
	Log       *slog.Logger
}

// openService opens the issuer's folder, and makes what is not there yet.
func openService(c config) (*service, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	s := &service{checker: closedCheck{}, checkTime: checkTime, bench: c.Bench, guesses: newLimiter(time.Minute, 10), log: c.Log}
	if c.Bench {
		s.checker, s.checkTime = benchCheck{}, benchCheckTime
	} else {
		c.Log.Warn("no real-person check is connected: every application is sent to the police window")
	}
	var err error
	if s.vault, err = openVault(filepath.Join(c.Dir, vaultKeyName)); err != nil {
		return nil, err
	}
	if s.signing, err = openSigning(c.Dir, c.Algorithm, s.now(), c.Log); err != nil {
		return nil, err
	}
	if s.register, err = openRegister(c.Dir); err != nil {
		return nil, err
	}
	if c.Bench {
		err = s.addExample()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close closes the register.
func (s *service) close() error { return s.register.close() }

// addExample makes the bench's account.
func (s *service) addExample() error {
	err := s.signUp("example", "passenger", form{Name: "李雷", Document: residentCard, Number: "11010519491231002X", Confirmed: true})
	if errors.Is(err, deny(accountTaken)) {
		return nil
	}
	return err
}
