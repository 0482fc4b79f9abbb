// Package drivertest has what tests of devices and of daemons share.
package drivertest

import (
	"bytes"
	"sync"
)

// A Log keeps what is written in memory, for a test that reads it meanwhile. Its methods
// may be called concurrently.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer]. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
