package sync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A Target is a file that a listing offers.
type Target struct {
	Name   string
	Length int64
	info   *metadata.TargetFiles
}

// Names are the targets of the top-level role, in order.
func (l *Listing) Names() []string {
	return slices.Sorted(maps.Keys(l.trusted.Targets[metadata.TARGETS].Signed.Targets))
}

// KeptNames are the targets of a repository's top-level role as it was kept last, in
// order; none where nothing was.
func KeptNames(state State, repository string) ([]string, error) {
	kept, err := state.File(repository, "targets.json")
	if kept == nil || err != nil {
		return nil, err
	}
	role, err := metadata.Targets().FromBytes(kept)
	if err != nil {
		return nil, fmt.Errorf("targets.json of repository %s as it was kept: %w", repository, err)
	}
	return slices.Sorted(maps.Keys(role.Signed.Targets)), nil
}

// Version is the version of the top-level targets role.
func (l *Listing) Version() int64 { return l.trusted.Targets[metadata.TARGETS].Signed.Version }

// Timestamp is the version of the timestamp, which is another with each publication.
func (l *Listing) Timestamp() int64 { return l.trusted.Timestamp.Signed.Version }

// Expires is when the repository must have said something newer: the timestamp's end.
func (l *Listing) Expires() time.Time { return l.trusted.Timestamp.Signed.Expires }

// ErrNoTarget is a name that the repository does not list.
var ErrNoTarget = fmt.Errorf("no such target: %w", ErrNotFound)

// Find looks a target up, through as many delegated roles as the repository allows, in
// the order of the TUF specification, section 5.6.7.
func (l *Listing) Find(ctx context.Context, name string) (*Target, error) {
	type visit struct{ role, parent string }
	stack, seen := []visit{{metadata.TARGETS, metadata.ROOT}}, map[string]bool{}
	for len(stack) > 0 && len(seen) <= l.repository.Delegations {
		next := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[next.role] {
			continue
		}
		seen[next.role] = true
		role, err := l.role(ctx, next.role, next.parent)
		if err != nil {
			return nil, err
		}
		if info := role.Signed.Targets[name]; info != nil {
			return &Target{Name: name, Length: info.Length, info: info}, nil
		}
		if role.Signed.Delegations == nil {
			continue
		}
		var children []visit
		for _, d := range role.Signed.Delegations.GetRolesForTarget(name) {
			children = append(children, visit{d.Name, next.role})
			if d.Terminating {
				stack = nil
				break
			}
		}
		slices.Reverse(children)
		stack = append(stack, children...)
	}
	return nil, fmt.Errorf("%q: %w", name, ErrNoTarget)
}

// Sum is a target's hash as it was signed, in hex: what it is, in short.
func (t *Target) Sum() string {
	sum := t.info.Hashes["sha256"]
	if sum == nil {
		sum = t.info.Hashes["sha512"]
	}
	return hex.EncodeToString(sum)
}

// Matches tells whether bytes are a target's.
func (t *Target) Matches(data []byte) bool { return t.info.VerifyLengthHashes(data) == nil }

// Download writes a target to w as it comes, and says at the end whether it is the one
// that the metadata lists. After an error what was written is worth nothing.
func (l *Listing) Download(ctx context.Context, t *Target, w io.Writer) error {
	sums, err := hashesOf(t.info.Hashes)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	body, err := l.repository.Targets.Open(ctx, l.remoteName(t))
	if err != nil {
		return err
	}
	defer body.Close()
	writers := []io.Writer{w}
	for _, h := range sums {
		writers = append(writers, h)
	}
	n, err := io.Copy(io.MultiWriter(writers...), io.LimitReader(body, t.Length+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", t.Name, err)
	case n > t.Length:
		return fmt.Errorf("%s: %w (%d bytes)", t.Name, ErrTooLarge, t.Length)
	case n < t.Length:
		return fmt.Errorf("%s: ends after %d of %d bytes", t.Name, n, t.Length)
	}
	for name, h := range sums {
		if !bytes.Equal(h.Sum(nil), t.info.Hashes[name]) {
			return fmt.Errorf("%s: its %s is not the one that was signed", t.Name, name)
		}
	}
	return nil
}

// Bytes downloads a target of at most max bytes.
func (l *Listing) Bytes(ctx context.Context, t *Target, max int64) ([]byte, error) {
	if t.Length > max {
		return nil, fmt.Errorf("%s: %w (%d bytes, %d are allowed)", t.Name, ErrTooLarge, t.Length, max)
	}
	var out bytes.Buffer
	if err := l.Download(ctx, t, &out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// hashesOf are the hashes to compute; a target without one that is known is not taken.
func hashesOf(signed metadata.Hashes) (map[string]hash.Hash, error) {
	known := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}
	out := map[string]hash.Hash{}
	for name := range signed {
		make, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("unknown hash %q", name)
		}
		out[name] = make()
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no hash is signed")
	}
	return out, nil
}

// remoteName is a target's path at its source: with consistent snapshots its hash stands
// before its name.
func (l *Listing) remoteName(t *Target) string {
	if !l.trusted.Root.Signed.ConsistentSnapshot {
		return t.Name
	}
	sum := t.info.Hashes["sha256"]
	if sum == nil {
		sum = t.info.Hashes["sha512"]
	}
	dir, base := path.Split(t.Name)
	return dir + hex.EncodeToString(sum) + "." + base
}
