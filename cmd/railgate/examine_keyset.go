package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/verify"
)

const (
	rOK = unix.R_OK
	wOK = unix.W_OK
	xOK = unix.X_OK
)

// keyset checks the keyset's file, as the service's user sees it.
func (p *patient) keyset() []finding {
	if p.cfg == nil {
		return nil
	}
	if p.cfg.Sync.Nation != "" {
		return p.syncedKeyset()
	}
	if p.cfg.Provision.Waiting { // a gate with keys of its own would refuse to be provisioned
		return []finding{good("none yet: it comes from the nation, once the gate is set up")}
	}
	if p.cfg.Keys == "" {
		return []finding{p.found(control.KeysetNotConfigured, "keys is empty in "+p.config+", and there is no station")}
	}
	if p.ofService() && p.unit.hides(strings.TrimPrefix(p.cfg.Keys, p.host.root)) {
		return []finding{p.found(control.KeysetHidden, fmt.Sprintf("%s is hidden from %s by ProtectHome or PrivateTmp", p.cfg.Keys, unitName))}
	}
	if r, err := p.user.access(p.cfg.Keys, rOK); err == nil && r != nil && errors.Is(r.err, fs.ErrPermission) {
		return []finding{p.rights(control.KeysetUnreadable, r, p.cfg.Keys, "read")}
	}
	data, _, err := configs.ReadKeyset(p.cfg.Keys)
	if errors.Is(err, fs.ErrNotExist) {
		return []finding{p.install(control.KeysetMissing, err.Error())}
	}
	if err != nil {
		return []finding{p.install(control.KeysetInvalid, err.Error())}
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil {
		return []finding{p.install(control.KeysetInvalid, fmt.Sprintf("%s: %v", p.cfg.Keys, err))}
	}
	return p.keysetContent(p.cfg.Keys, keys)
}

// syncedKeyset checks the keyset that came from a repository, which railgated keeps. What a
// railgated that runs thinks of its own it says itself.
func (p *patient) syncedKeyset() []finding {
	kept := filepath.Join(p.data, control.KeptKeysetName)
	data, _, err := configs.ReadKeyset(kept)
	switch {
	case p.status != nil:
		return []finding{good("version %d, from %s", p.status.Keyset.Version, p.cfg.Sync.Nation)}
	case errors.Is(err, fs.ErrNotExist):
		return []finding{p.found(control.KeysetNotSynced, "none has come from "+p.cfg.Sync.Nation+" yet")}
	case err != nil:
		return []finding{good("not looked at: %v", err)}
	}
	keys, err := verify.ParseKeyset(data)
	if err != nil { // railgated takes the store's copy
		return []finding{good("not looked at: %s: %v", kept, err)}
	}
	return p.keysetContent(kept, keys)
}

// keysetContent checks what a keyset is good for.
func (p *patient) keysetContent(path string, keys *verify.Keyset) (found []finding) {
	now := time.Now()
	if p.status != nil && p.status.Clock.Trusted {
		now = p.status.Clock.Time
	}
	last := lastKey(keys)
	switch {
	case last.IsZero():
		found = append(found, p.install(control.KeysetExpired, fmt.Sprintf("%s: version %d: every key is withdrawn", path, keys.Version)))
	case last.Before(now):
		found = append(found, p.install(control.KeysetExpired, fmt.Sprintf("%s: version %d: the last key ended %s", path, keys.Version, last.In(p.zone()).Format(time.DateTime))))
		found[0].Since = last
	}
	if p.status != nil && p.foreign(keys) {
		found = append(found, p.found(control.KeysetForeign, fmt.Sprintf("%s has none of the keys in use (%s)", path, strings.Join(p.status.Keyset.KeyIDs, ", "))))
	}
	if len(found) == 0 {
		found = append(found, good("version %d, %d keys, the last ends %s", keys.Version, len(keys.Keys), last.In(p.zone()).Format(time.DateTime)))
	}
	return found
}

// lastKey is when the last key that is not withdrawn ends.
func lastKey(keys *verify.Keyset) (last time.Time) {
	for _, k := range keys.Keys {
		if k.RevokedAt.IsZero() && k.NotAfter.After(last) {
			last = k.NotAfter
		}
	}
	return last
}

// foreign tells whether a keyset has no key of the one in use.
func (p *patient) foreign(keys *verify.Keyset) bool {
	inUse := p.status.Keyset.KeyIDs
	return len(inUse) > 0 && !slices.ContainsFunc(keys.Keys, func(k *verify.Key) bool {
		return slices.Contains(inUse, hex.EncodeToString([]byte(k.ID)))
	})
}

// install is a finding that a good keyset mends. The one from before is proposed, where
// there is one that is good.
func (p *patient) install(id, why string) finding {
	f := p.found(id, why)
	if p.cfg.Keys == "" {
		return f
	}
	old := p.cfg.Keys + oldSuffix
	data, _, err := configs.ReadKeyset(old)
	if err != nil {
		return f
	}
	keys, err := verify.ParseKeyset(data)
	if err == nil && lastKey(keys).After(time.Now()) && (p.status == nil || !p.foreign(keys)) {
		f.Fix = strings.Replace(f.Fix, "KEYS.JSON", control.Quote(old), 1)
		f.Text += "; the keyset from before is good"
		f.Hands = ""
	}
	return f
}
