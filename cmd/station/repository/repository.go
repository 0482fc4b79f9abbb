// Package repository publishes a TUF repository in a folder, for any web server or USB
// stick to carry:
//
//	keys/root-1.age root-2.age root-3.age    two of these sign a root; kept apart from one another, offline
//	keys/targets.age (or .key)               signs the list of files; the nation's is offline
//	keys/snapshot.key timestamp.key          online: they say what is newest
//	public/1.root.json ... timestamp.json    what gates fetch,
//	public/targets/HASH.NAME                 by the hash of its content
//
// A publication is written file by file, each durably, timestamp.json last: a gate sees
// the old one or the new one, and a publication that was cut is made again. Several programs
// may publish in one folder: each waits for the one before, and goes on from what that left.
package repository

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"railgate/store/durable"
)

// How long what a role signs is good for.
const (
	rootFor      = 365 * 24 * time.Hour
	targetsFor   = 365 * 24 * time.Hour
	snapshotFor  = 30 * 24 * time.Hour
	TimestampFor = 72 * time.Hour
)

const (
	rootKeys      = 3
	rootThreshold = 2
)

// A Repository is a folder with its metadata in memory.
type Repository struct {
	dir       string
	now       func() time.Time
	root      *metadata.Metadata[metadata.RootType]
	targets   *metadata.Metadata[metadata.TargetsType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
}

// Options are what a new repository needs.
type Options struct {
	Passphrase    Passphrase // of root-1, root-2, root-3, targets
	OnlineTargets bool       // the targets key has no passphrase: a station's manifest changes daily
	WorkFactor    int        // of the passphrases' scrypt, as a power of two; 0: age's own, a second on a good machine
	Now           func() time.Time
}

// ErrExists is a folder that has a repository already.
var ErrExists = errors.New("there is a repository already")

// Create makes keys and a first, empty publication. After an error the folder is as it was.
func Create(dir string, opt Options) (*Repository, error) {
	done := &Repository{dir: dir, now: opt.Now}
	if _, err := os.Stat(done.keys()); err == nil {
		return nil, fmt.Errorf("%s: %w", dir, ErrExists)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	draft, err := os.MkdirTemp(dir, ".init-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(draft)
	r, err := create(draft, opt)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(r.public(), done.public()); err != nil {
		return nil, err
	}
	if err := os.Rename(r.keys(), done.keys()); err != nil {
		return nil, err
	}
	r.dir = dir
	return r, nil
}

func create(dir string, opt Options) (*Repository, error) {
	r := &Repository{dir: dir, now: opt.Now}
	for _, d := range []string{r.keys(), filepath.Join(r.public(), "targets")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(r.keys(), 0o700); err != nil {
		return nil, err
	}
	now := opt.Now().UTC().Truncate(time.Second)
	r.root, r.targets = metadata.Root(now.Add(rootFor)), metadata.Targets(now.Add(targetsFor))
	r.snapshot, r.timestamp = metadata.Snapshot(now.Add(snapshotFor)), metadata.Timestamp(now.Add(TimestampFor))
	signers, err := r.makeKeys(opt)
	if err != nil {
		return nil, err
	}
	r.root.Signed.Roles[metadata.ROOT].Threshold = rootThreshold
	if err := sign(r.root, signers[metadata.ROOT]...); err != nil {
		return nil, err
	}
	if err := r.write("1.root.json", r.root); err != nil {
		return nil, err
	}
	return r, r.sign(signers[metadata.TARGETS][0])
}

// makeKeys makes a key for each role and enters it into the root.
func (r *Repository) makeKeys(opt Options) (map[string][]ed25519.PrivateKey, error) {
	signers := map[string][]ed25519.PrivateKey{}
	add := func(role, name string, offline bool) error {
		passphrase := ""
		if offline {
			var err error
			if passphrase, err = opt.Passphrase(name); err != nil {
				return fmt.Errorf("key %s: %w", name, err)
			}
			if passphrase == "" {
				return fmt.Errorf("key %s: a passphrase is needed", name)
			}
		}
		key, err := makeKey(r.keys(), name, passphrase, opt.WorkFactor)
		if err != nil {
			return err
		}
		public, err := metadata.KeyFromPublicKey(key.Public())
		if err != nil {
			return err
		}
		signers[role] = append(signers[role], key)
		return r.root.Signed.AddKey(public, role)
	}
	for n := range rootKeys {
		if err := add(metadata.ROOT, "root-"+strconv.Itoa(n+1), true); err != nil {
			return nil, err
		}
	}
	for _, k := range []struct {
		role    string
		offline bool
	}{{metadata.TARGETS, !opt.OnlineTargets}, {metadata.SNAPSHOT, false}, {metadata.TIMESTAMP, false}} {
		if err := add(k.role, k.role, k.offline); err != nil {
			return nil, err
		}
	}
	return signers, nil
}

func (r *Repository) keys() string   { return filepath.Join(r.dir, "keys") }
func (r *Repository) public() string { return filepath.Join(r.dir, "public") }

// Public is the folder that gates fetch from.
func (r *Repository) Public() string { return r.public() }

// ErrNone is a folder without a repository.
var ErrNone = errors.New("there is no repository; station init makes one")

// Open reads a repository, as far as it is published.
func Open(dir string, now func() time.Time) (*Repository, error) {
	r := &Repository{dir: dir, now: now}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r, nil
}

// read reads what is published.
func (r *Repository) read() (err error) {
	version := newestRoot(r.public())
	if version == 0 {
		return fmt.Errorf("%s: %w", r.dir, ErrNone)
	}
	if r.root, err = metadata.Root().FromFile(filepath.Join(r.public(), strconv.Itoa(version)+".root.json")); err != nil {
		return err
	}
	if r.timestamp, err = metadata.Timestamp().FromFile(filepath.Join(r.public(), "timestamp.json")); err != nil {
		return err
	}
	name := func(role string, v int64) string {
		return filepath.Join(r.public(), strconv.FormatInt(v, 10)+"."+role+".json")
	}
	if r.snapshot, err = metadata.Snapshot().FromFile(name(metadata.SNAPSHOT, r.timestamp.Signed.Meta["snapshot.json"].Version)); err != nil {
		return err
	}
	r.targets, err = metadata.Targets().FromFile(name(metadata.TARGETS, r.snapshot.Signed.Meta["targets.json"].Version))
	return err
}

// newestRoot is the highest version in a row; 0: none.
func newestRoot(dir string) int {
	for n := 1; ; n++ {
		if _, err := os.Stat(filepath.Join(dir, strconv.Itoa(n)+".root.json")); err != nil {
			return n - 1
		}
	}
}

// RootJSON is the newest root, which gates begin with.
func (r *Repository) RootJSON() ([]byte, error) { return r.root.ToBytes(false) }

// SignedAt is when the timestamp was signed, by the clock of then; zero: it does not say.
func (r *Repository) SignedAt() time.Time {
	text, _ := r.timestamp.Signed.UnrecognizedFields[SignedAt].(string)
	at, _ := time.Parse(time.RFC3339, text)
	return at
}

// Names are the files that are published, in order.
func (r *Repository) Names() []string {
	var names []string
	for name := range r.targets.Signed.Targets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Expires is when the timestamp ends.
func (r *Repository) Expires() time.Time { return r.timestamp.Signed.Expires }

// Ends are when each role's newest document ends, by role.
func (r *Repository) Ends() map[string]time.Time {
	return map[string]time.Time{
		metadata.ROOT: r.root.Signed.Expires, metadata.TARGETS: r.targets.Signed.Expires,
		metadata.SNAPSHOT: r.snapshot.Signed.Expires, metadata.TIMESTAMP: r.timestamp.Signed.Expires,
	}
}

// Path is where a published file's bytes lie; "" where none has the name.
func (r *Repository) Path(name string) string {
	info := r.targets.Signed.Targets[name]
	if info == nil {
		return ""
	}
	return r.pathOf(name, info)
}

func (r *Repository) pathOf(name string, info *metadata.TargetFiles) string {
	dir, base := filepath.Split(name)
	return filepath.Join(r.public(), "targets", dir, info.Hashes["sha256"].String()+"."+base)
}

// sign gives each role but root the next publication, from targets down to timestamp.
func (r *Repository) sign(targetsKey ed25519.PrivateKey) error {
	r.targets.Signed.Expires = r.now().UTC().Truncate(time.Second).Add(targetsFor)
	if err := sign(r.targets, targetsKey); err != nil {
		return err
	}
	if err := r.write(strconv.FormatInt(r.targets.Signed.Version, 10)+".targets.json", r.targets); err != nil {
		return err
	}
	r.snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(r.targets.Signed.Version)
	return r.signSnapshot()
}

func (r *Repository) signSnapshot() error {
	key, err := loadKey(r.keys(), metadata.SNAPSHOT, nil)
	if err != nil {
		return err
	}
	r.snapshot.Signed.Expires = r.now().UTC().Truncate(time.Second).Add(snapshotFor)
	if err := sign(r.snapshot, key); err != nil {
		return err
	}
	if err := r.write(strconv.FormatInt(r.snapshot.Signed.Version, 10)+".snapshot.json", r.snapshot); err != nil {
		return err
	}
	r.timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(r.snapshot.Signed.Version)
	return r.signTimestamp()
}

// SignedAt is the member of timestamp.json's signed part that says when it was signed, in
// RFC 3339: what gates may take for proven time.
const SignedAt = "signed_at"

func (r *Repository) signTimestamp() error {
	key, err := loadKey(r.keys(), metadata.TIMESTAMP, nil)
	if err != nil {
		return err
	}
	now := r.now().UTC().Truncate(time.Second)
	r.timestamp.Signed.Expires = now.Add(TimestampFor)
	r.timestamp.Signed.UnrecognizedFields = map[string]any{SignedAt: now.Format(time.RFC3339)}
	if err := sign(r.timestamp, key); err != nil {
		return err
	}
	return r.write("timestamp.json", r.timestamp)
}

// Timestamp says again that what is published is the newest. A snapshot that is about to
// end is signed again as well.
func (r *Repository) Timestamp() error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r.timestamp.Signed.Version++
	if r.snapshot.Signed.Expires.Sub(r.now()) < snapshotFor/3 {
		r.snapshot.Signed.Version++
		return r.signSnapshot()
	}
	return r.signTimestamp()
}

// sign replaces a document's signatures.
func sign[T metadata.Roles](m *metadata.Metadata[T], keys ...ed25519.PrivateKey) error {
	m.ClearSignatures()
	for _, key := range keys {
		s, err := signature.LoadSigner(key, crypto.Hash(0))
		if err != nil {
			return err
		}
		if _, err := m.Sign(s); err != nil {
			return err
		}
	}
	return nil
}

// writer is a document of any role.
type writer interface {
	ToBytes(pretty bool) ([]byte, error)
}

func (r *Repository) write(name string, m writer) error {
	data, err := m.ToBytes(false)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(r.public(), name), data, 0o644)
}
