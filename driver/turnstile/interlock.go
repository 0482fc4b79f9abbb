package turnstile

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// An interlock is held while a relay is active. It is a lock on a file, so that
// two daemons that drive the two directions of one turnstile exclude each other
// and the kernel releases it when one of them dies. A nil interlock excludes nobody.
type interlock struct {
	path string
	file *os.File
	held bool
}

func newInterlock(path string) *interlock {
	if path == "" {
		return nil
	}
	return &interlock{path: path}
}

// try takes the lock if it is free.
func (l *interlock) try() (bool, error) {
	if l == nil || l.held {
		return true, nil
	}
	if l.file == nil {
		f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o660)
		if err != nil {
			return false, err
		}
		l.file = f
	}
	err := unix.Flock(int(l.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", l.path, err)
	}
	l.held = true
	return true, nil
}

func (l *interlock) release() {
	if l == nil || !l.held {
		return
	}
	// Unlocking a file that this process locked fails only if the file is closed.
	unix.Flock(int(l.file.Fd()), unix.LOCK_UN)
	l.held = false
}

func (l *interlock) close() error {
	if l == nil || l.file == nil {
		return nil
	}
	l.held = false
	return l.file.Close()
}
