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
	for {
		free, err := l.lock()
		if err != nil || !free {
			return false, err
		}
		if l.named() { // else it was removed, or another put in its place, before it was locked
			l.held = true
			return true, nil
		}
	}
}

// lock locks the file that has the interlock's name now. One that was opened before and has
// lost its name since excludes nobody: whoever comes later locks another.
func (l *interlock) lock() (bool, error) {
	if l.file != nil && !l.named() {
		l.file.Close() // nothing was written
		l.file = nil
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
	return true, nil
}

// named tells whether the open file has the interlock's name still.
func (l *interlock) named() bool {
	open, err := l.file.Stat()
	named, err2 := os.Stat(l.path)
	return err == nil && err2 == nil && os.SameFile(open, named)
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
