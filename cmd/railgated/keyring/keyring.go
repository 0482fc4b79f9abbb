// Package keyring holds the keyset that a gate uses: read from a file, received from a
// repository, kept over a restart.
package keyring

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/verify"
)

// A Ring holds the keyset in use, and reads its file again when that changes. A file
// that cannot be used leaves the old keyset in use, over a restart too: the data folder
// has a copy of the keyset that was taken last.
type Ring struct {
	path   string // of the file; "": none is configured
	source string // the repository that keysets come from; "": none is configured
	kept   string // of the copy
	log    *slog.Logger
	beats  atomic.Uint64
	again  chan struct{} // has room for one: read the file now

	file   sync.Mutex  // held while the file is read; guards the fields below
	last   fileVersion // of the file that was read last; zero: read it again
	unkept []byte      // a keyset that was taken, until there is a copy of it
	noted  string      // the last error that was logged

	mu    sync.Mutex // guards the fields below
	keys  *verify.Keyset
	under *verify.Keyset        // keys, under what is revoked
	lists []*verify.Revocations // what is
	since time.Time
	err   error // why the file is not in use
}

// New begins with the copy of the last keyset, if there is one and there is a source;
// [Ring.Begin] goes on with the file. read is the file as it has been read, nil where it
// has not: a copy of the same bytes is not parsed again.
func New(path, source, dataDir string, read *configs.KeysetFile, log *slog.Logger) *Ring {
	k := &Ring{path: path, source: source, kept: filepath.Join(dataDir, control.KeptKeysetName), log: log, again: make(chan struct{}, 1)}
	if path == "" && source == "" {
		return k
	}
	data, info, err := configs.ReadKeyset(k.kept)
	if errors.Is(err, fs.ErrNotExist) {
		return k
	}
	var keys *verify.Keyset
	switch {
	case err != nil:
	case read != nil && bytes.Equal(data, read.Data):
		keys = read.Keys
	default:
		keys, err = verify.ParseKeyset(data)
	}
	if err != nil {
		log.Warn("the copy of the last keyset cannot be used", "err", err)
		return k
	}
	k.keys, k.under, k.since = keys, keys, info.ModTime()
	return k
}

func (k *Ring) String() string { return "keyset" }

// Current is the keyset in use, under what is revoked; nil: there is none.
func (k *Ring) Current() *verify.Keyset {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.under
}

// Revoke has lists of revocations count from now on, in the place of those before.
func (k *Ring) Revoke(lists []*verify.Revocations) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lists = lists
	if k.keys != nil {
		k.under = k.keys.With(lists...)
	}
}

// Use puts a keyset to use.
func (k *Ring) Use(keys *verify.Keyset) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.under, k.since, k.err = keys, keys.With(k.lists...), time.Now(), nil
}

// refuse notes why the file is not in use.
func (k *Ring) refuse(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *Ring) refusal() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// WhyNone says why there is no keyset.
func (k *Ring) WhyNone() string {
	if err := k.refusal(); err != nil {
		return err.Error()
	}
	if k.source != "" {
		return "none has come from " + k.source + " yet"
	}
	return "none is configured: set keys in the configuration"
}

// keysWarn is how long before the last key ends a gate asks for new ones, and the
// part of the key's time that must have passed.
const (
	keysWarn     = 7 * 24 * time.Hour
	keysWarnPart = 10
)

// Status is the keyset in use at a time, and what a technician should know of it.
func (k *Ring) Status(now time.Time, trusted bool) (s control.Keyset, causes []control.Cause) {
	k.mu.Lock()
	keys, err := k.keys, k.err
	s = control.Keyset{Loaded: keys != nil, Source: cmp.Or(k.path, k.source), Since: k.since}
	k.mu.Unlock()
	if keys == nil {
		return s, nil
	}
	d := control.DescribeKeyset(keys)
	s.Version, s.Keys, s.Revoked, s.Issuers = d.Version, len(d.Keys), d.Revoked, d.Issuers
	for _, key := range d.Keys {
		s.KeyIDs = append(s.KeyIDs, key.KeyID)
	}
	var lasts time.Duration
	for _, key := range keys.Keys {
		if key.RevokedAt.IsZero() && key.NotAfter.After(s.Expires) {
			s.Expires, lasts = key.NotAfter, key.NotAfter.Sub(key.NotBefore)
		}
	}
	if err != nil {
		causes = append(causes, k.cause(keysetFault(err), fmt.Sprintf("the keyset's file cannot be used, version %d stays in use: %v", s.Version, err)))
	}
	switch end := s.Expires.UTC().Format(time.RFC3339); {
	case trusted && !now.Before(s.Expires):
		causes = append(causes, k.cause(control.KeysetExpired, fmt.Sprintf("the last key ended %s: every code is denied", end)))
	case trusted && s.Expires.Sub(now) < min(keysWarn, lasts/keysWarnPart):
		causes = append(causes, k.cause(control.KeysetEndsSoon, fmt.Sprintf("the last key ends %s: get a new keyset", end)))
	}
	return s, causes
}

// cause is a cause with which the lane still works.
func (k *Ring) cause(id, why string) control.Cause {
	c := control.NewCause(id, why, "{keys}", k.path)
	c.Severity = control.Degraded
	return c
}

// CauseID names why there is no keyset.
func (k *Ring) CauseID() string {
	if err := k.refusal(); err != nil {
		return keysetFault(err)
	}
	if k.source != "" {
		return control.KeysetNotSynced
	}
	return control.KeysetNotConfigured
}

// keysetFault names what is wrong with a keyset's file.
func keysetFault(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return control.KeysetMissing
	case errors.Is(err, fs.ErrPermission):
		return control.KeysetUnreadable
	case errors.Is(err, ErrForeign):
		return control.KeysetForeign
	}
	return control.KeysetInvalid
}

// Beats counts the turns of Run.
func (k *Ring) Beats() uint64 { return k.beats.Load() }

// HasFile tells whether a file is configured.
func (k *Ring) HasFile() bool { return k.path != "" }
