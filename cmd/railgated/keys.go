package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"railgate/cmd/control"
	"railgate/verify"
)

// A keyring holds the keyset in use and reads its file again when that changes. A
// file that cannot be used leaves the old keyset in use.
type keyring struct {
	path  string
	log   *slog.Logger
	beats atomic.Uint64
	again chan struct{} // has room for one: read the file now

	mu    sync.Mutex // guards the fields below
	keys  *verify.Keyset
	since time.Time
	stamp time.Time // of the file that was read last, good or bad
	size  int64
	err   error
}

func newKeyring(path string, log *slog.Logger) *keyring {
	return &keyring{path: path, log: log, again: make(chan struct{}, 1)}
}

func (k *keyring) String() string { return "keyset" }

// load reads the file, where one is configured, if it has changed since it was read.
func (k *keyring) load() error {
	if k.path == "" {
		return nil
	}
	info, err := os.Stat(k.path)
	if err != nil {
		return k.failed(fmt.Errorf("keyset: %w", err))
	}
	k.mu.Lock()
	same := info.ModTime().Equal(k.stamp) && info.Size() == k.size
	last := k.err
	k.mu.Unlock()
	if same {
		return last
	}
	data, err := os.ReadFile(k.path)
	if err != nil {
		return k.failed(fmt.Errorf("keyset: %w", err))
	}
	keys, err := verify.ParseKeyset(data)
	k.mu.Lock()
	k.stamp, k.size = info.ModTime(), info.Size()
	k.mu.Unlock()
	if err != nil {
		return k.failed(fmt.Errorf("%s: %w", k.path, err))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys != nil && keys.Version < k.keys.Version {
		k.log.Warn("the keyset's version went back; this is a local file, so it is used", "from", k.keys.Version, "to", keys.Version)
	}
	k.keys, k.since, k.err = keys, time.Now(), nil
	k.log.Info("keyset in use", "file", k.path, "version", keys.Version, "keys", len(keys.Keys))
	return nil
}

// failed notes an error, once for each.
func (k *keyring) failed(err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil || k.err.Error() != err.Error() {
		k.err = err
		if k.keys != nil {
			k.log.Error("the keyset cannot be read; the old one stays in use", "err", err, "version", k.keys.Version)
		}
	}
	return err
}

// current is the keyset in use; nil: there is none.
func (k *keyring) current() *verify.Keyset {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys
}

// why says why there is no keyset.
func (k *keyring) why() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err.Error()
	}
	return "none is configured: set keys in the configuration"
}

// Run looks for a new file every now and then.
func (k *keyring) Run(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		k.beats.Add(1)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-k.again:
		}
		k.load()
	}
}

// reload has the file looked at now.
func (k *keyring) reload() {
	select {
	case k.again <- struct{}{}:
	default:
	}
}

// keysWarn is how long before the last key ends a gate asks for new ones, and the
// part of the key's time that must have passed.
const (
	keysWarn     = 7 * 24 * time.Hour
	keysWarnPart = 10
)

// status is the keyset in use, and what a technician should know of it at a time.
func (k *keyring) status(now time.Time, trusted bool) (s control.Keyset, causes []control.Cause) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s = control.Keyset{Loaded: k.keys != nil, Source: k.path, Since: k.since}
	if k.keys == nil {
		return s, nil
	}
	s.Version, s.Keys, s.Revoked = k.keys.Version, len(k.keys.Keys), k.keys.RevokedCount()
	var lasts time.Duration
	for _, key := range k.keys.Keys {
		if key.RevokedAt.IsZero() && key.NotAfter.After(s.Expires) {
			s.Expires, lasts = key.NotAfter, key.NotAfter.Sub(key.NotBefore)
		}
	}
	if k.err != nil {
		causes = append(causes, k.cause(keysetFault(k.err), fmt.Sprintf("the keyset cannot be read, version %d stays in use: %v", k.keys.Version, k.err)))
	}
	switch end := s.Expires.UTC().Format(time.RFC3339); {
	case trusted && !now.Before(s.Expires):
		causes = append(causes, k.cause(control.KeysetExpired, fmt.Sprintf("the last key ended %s: every code is denied", end)))
	case trusted && s.Expires.Sub(now) < min(keysWarn, lasts/keysWarnPart):
		causes = append(causes, k.cause(control.KeysetEndsSoon, fmt.Sprintf("the last key ends %s: get a new keyset", end)))
	}
	return s, causes
}

// cause is one that the lane works with.
func (k *keyring) cause(id, why string) control.Cause {
	c := control.NewCause(id, why, "{keys}", k.path)
	c.Severity = control.Degraded
	return c
}

// causeID names why there is no keyset.
func (k *keyring) causeID() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		return control.KeysetNotConfigured
	}
	return keysetFault(k.err)
}

// keysetFault names what is wrong with a keyset's file.
func keysetFault(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return control.KeysetMissing
	case errors.Is(err, fs.ErrPermission):
		return control.KeysetUnreadable
	}
	return control.KeysetInvalid
}
