package sync

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// A State keeps a repository's accepted files. [railgate/store.Store] is one.
type State interface {
	// File is a file that was kept, nil where there is none.
	File(repository, name string) ([]byte, error)
	// PutFiles keeps files, and forgets those whose bytes are nil, in one transaction.
	PutFiles(repository string, files map[string][]byte) error
}

// The sizes up to which metadata is read, in bytes, where other metadata does not say less.
const (
	maxRoot      = 512 << 10
	maxTimestamp = 16 << 10
	maxSnapshot  = 2 << 20
	maxTargets   = 5 << 20
)

const maxRootRotations = 256

// A Repository is a TUF repository as a gate sees it. Its methods must not be called
// concurrently.
type Repository struct {
	Name        string // its name in State
	Root        []byte // the first root.json, from the image or from the technician
	Metadata    Source
	Targets     Source
	State       State
	Now         func() time.Time // the reference time
	Delegations int              // how many delegated roles may be asked for a target; 0: none
}

// A Listing is what a repository offers, all of it verified and not expired.
type Listing struct {
	repository *Repository
	trusted    *trustedmetadata.TrustedMetadata
}

// ErrRefused is the answer to metadata that came and cannot be taken: older than what came
// before (rollback), expired (freeze), of two publications (mix and match), or not signed as
// the root says. Without it in an error the repository could not be read.
var ErrRefused = errors.New("is refused")

// Refresh brings the metadata up to date (TUF specification, section 5.3 to 5.6). Each
// role that is accepted is kept at once, so that an attacker cannot have it forgotten by
// breaking the next.
func (r *Repository) Refresh(ctx context.Context) (l *Listing, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser is not ours, and what it reads comes from outside
			l, err = nil, fmt.Errorf("repository %s: %v", r.Name, p)
		}
	}()
	l = &Listing{repository: r}
	for _, step := range []func(context.Context) error{l.refreshRoot, l.refreshTimestamp, l.refreshSnapshot, l.refreshTargets} {
		err := step(ctx)
		switch {
		case errors.Is(err, &metadata.ErrRepository{}):
			return nil, fmt.Errorf("repository %s %w: %w", r.Name, ErrRefused, err)
		case err != nil:
			return nil, fmt.Errorf("repository %s: %w", r.Name, err)
		}
	}
	return l, nil
}

// refreshRoot begins with the newest root that is kept, and follows the rotations.
func (l *Listing) refreshRoot(ctx context.Context) error {
	r := l.repository
	if err := l.beginRoot(); err != nil {
		return err
	}
	l.trusted.RefTime = r.Now().UTC()
	for range maxRootRotations {
		name := strconv.FormatInt(l.trusted.Root.Signed.Version+1, 10) + ".root.json"
		data, err := read(ctx, r.Metadata, name, maxRoot)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		old := l.trusted.Root
		if _, err := l.trusted.UpdateRoot(data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := goodRoot(l.trusted.Root); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := r.State.PutFiles(r.Name, l.afterRotation(old, data)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Listing) beginRoot() error {
	r := l.repository
	kept, err := r.State.File(r.Name, "root.json")
	if err != nil {
		return err
	}
	if kept != nil {
		if l.trusted, err = trustedmetadata.New(kept); err == nil {
			return goodRoot(l.trusted.Root)
		}
	}
	if l.trusted, err = trustedmetadata.New(r.Root); err != nil {
		return fmt.Errorf("first root.json: %w", err)
	}
	if err := goodRoot(l.trusted.Root); err != nil {
		return fmt.Errorf("first root.json: %w", err)
	}
	return r.State.PutFiles(r.Name, map[string][]byte{"root.json": r.Root})
}

// CheckFirstRoot tells whether a gate could begin a repository with a root: the first version, which its own keys have signed.
func CheckFirstRoot(data []byte) error {
	trusted, err := trustedmetadata.New(data)
	if err != nil {
		return err
	}
	if v := trusted.Root.Signed.Version; v != 1 {
		return fmt.Errorf("version %d of a root; gates begin with the first, 1.root.json", v)
	}
	return goodRoot(trusted.Root)
}

// goodRoot refuses a root whose roles nobody need sign.
func goodRoot(root *metadata.Metadata[metadata.RootType]) error {
	for _, name := range []string{metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS} {
		if role := root.Signed.Roles[name]; role == nil || role.Threshold < 1 {
			return fmt.Errorf("role %s has no threshold", name)
		}
	}
	return nil
}

// afterRotation is what to keep once a root is accepted. Where the keys of timestamp or
// snapshot changed, what the old ones signed is forgotten: they may have been stolen and
// used to sign a version so high that nothing could follow it (fast-forward recovery, TUF
// specification, section 5.3.11).
func (l *Listing) afterRotation(old *metadata.Metadata[metadata.RootType], root []byte) map[string][]byte {
	files := map[string][]byte{"root.json": root}
	changed := func(role string) bool {
		a, b := slices.Sorted(slices.Values(old.Signed.Roles[role].KeyIDs)), slices.Sorted(slices.Values(l.trusted.Root.Signed.Roles[role].KeyIDs))
		return !slices.Equal(a, b)
	}
	if changed(metadata.TIMESTAMP) || changed(metadata.SNAPSHOT) {
		files["timestamp.json"], files["snapshot.json"] = nil, nil
	}
	return files
}

// refreshTimestamp always asks the repository; the one that is kept protects against an
// older one.
func (l *Listing) refreshTimestamp(ctx context.Context) error {
	r := l.repository
	kept, err := r.State.File(r.Name, "timestamp.json")
	if err != nil {
		return err
	}
	if kept != nil {
		l.trusted.UpdateTimestamp(kept) // one that is damaged or of old keys protects no more
	}
	data, err := read(ctx, r.Metadata, "timestamp.json", maxTimestamp)
	if err != nil {
		return err
	}
	switch _, err := l.trusted.UpdateTimestamp(data); {
	case errors.Is(err, &metadata.ErrEqualVersionNumber{}):
		return nil
	case err != nil:
		return fmt.Errorf("timestamp.json: %w", err)
	}
	return r.State.PutFiles(r.Name, map[string][]byte{"timestamp.json": data})
}

func (l *Listing) refreshSnapshot(ctx context.Context) error {
	r := l.repository
	kept, err := r.State.File(r.Name, "snapshot.json")
	if err != nil {
		return err
	}
	if kept != nil {
		if _, err := l.trusted.UpdateSnapshot(kept, true); err == nil {
			return nil
		}
	}
	info := l.trusted.Timestamp.Signed.Meta["snapshot.json"]
	if info == nil {
		return errors.New("timestamp.json does not list snapshot.json")
	}
	data, err := l.fetch(ctx, metadata.SNAPSHOT, info, maxSnapshot)
	if err != nil {
		return err
	}
	if _, err := l.trusted.UpdateSnapshot(data, false); err != nil {
		return fmt.Errorf("snapshot.json: %w", err)
	}
	return r.State.PutFiles(r.Name, map[string][]byte{"snapshot.json": data})
}

func (l *Listing) refreshTargets(ctx context.Context) error {
	_, err := l.role(ctx, metadata.TARGETS, metadata.ROOT)
	return err
}

// role is a targets role, from what is kept where that is what the snapshot says.
func (l *Listing) role(ctx context.Context, name, parent string) (*metadata.Metadata[metadata.TargetsType], error) {
	r := l.repository
	if known := l.trusted.Targets[name]; known != nil {
		return known, l.delegated(name, parent, known)
	}
	file := url.QueryEscape(name) + ".json"
	kept, err := r.State.File(r.Name, file)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		if role, err := l.trusted.UpdateDelegatedTargets(kept, name, parent); err == nil {
			return role, nil
		}
	}
	info := l.trusted.Snapshot.Signed.Meta[name+".json"]
	if info == nil {
		return nil, fmt.Errorf("snapshot.json does not list %s.json", name)
	}
	data, err := l.fetch(ctx, name, info, maxTargets)
	if err != nil {
		return nil, err
	}
	role, err := l.trusted.UpdateDelegatedTargets(data, name, parent)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return role, r.State.PutFiles(r.Name, map[string][]byte{file: data})
}

// delegated tells whether a role that was read for one delegator is signed for another:
// each names keys of its own.
func (l *Listing) delegated(name, parent string, role *metadata.Metadata[metadata.TargetsType]) error {
	if parent == metadata.ROOT {
		return l.trusted.Root.VerifyDelegate(name, role)
	}
	return l.trusted.Targets[parent].VerifyDelegate(name, role)
}

// fetch reads a role's metadata, up to the size that is told, or the role's own limit.
func (l *Listing) fetch(ctx context.Context, role string, info *metadata.MetaFiles, limit int64) ([]byte, error) {
	name := url.QueryEscape(role) + ".json"
	if l.trusted.Root.Signed.ConsistentSnapshot {
		name = strconv.FormatInt(info.Version, 10) + "." + name
	}
	if info.Length > 0 {
		limit = min(limit, info.Length)
	}
	return read(ctx, l.repository.Metadata, name, limit)
}
