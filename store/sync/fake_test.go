package sync

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A fakeRepository publishes in memory, well or badly.
type fakeRepository struct {
	t         *testing.T
	now       time.Time
	keys      map[string][]ed25519.PrivateKey // by role
	root      *metadata.Metadata[metadata.RootType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	targets   *metadata.Metadata[metadata.TargetsType]
	files     map[string][]byte // as a web server has them
	opened    []string
	fail      map[string]error // by name
	forge     map[string]func([]byte) []byte
}

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

var roles = []string{metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS}

func newFake(t *testing.T) *fakeRepository {
	t.Helper()
	end := noon.Add(24 * time.Hour)
	f := &fakeRepository{t: t, now: noon, keys: map[string][]ed25519.PrivateKey{}, files: map[string][]byte{}, fail: map[string]error{}, forge: map[string]func([]byte) []byte{}}
	f.root, f.timestamp, f.snapshot, f.targets = metadata.Root(end), metadata.Timestamp(end), metadata.Snapshot(end), metadata.Targets(end)
	for _, role := range roles {
		f.addKey(role)
	}
	f.addKey(metadata.ROOT)
	f.addKey(metadata.ROOT)
	f.root.Signed.Roles[metadata.ROOT].Threshold = 2
	f.publishRoot()
	f.addTarget("keys.json", []byte("one"))
	f.publish()
	return f
}

func (f *fakeRepository) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeRepository) addKey(role string) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	f.must(err)
	key, err := metadata.KeyFromPublicKey(private.Public())
	f.must(err)
	f.must(f.root.Signed.AddKey(key, role))
	f.keys[role] = append(f.keys[role], private)
}

// rotate gives a role new keys.
func (f *fakeRepository) rotate(role string) {
	f.root.Signed.Roles[role].KeyIDs = nil
	old := f.keys[role]
	f.keys[role] = nil
	for range old {
		f.addKey(role)
	}
	f.root.Signed.Version++
	if role == metadata.ROOT { // the old keys sign as well
		f.keys[role] = append(f.keys[role], old...)
		f.publishRoot()
		f.keys[role] = f.keys[role][:len(old)]
		return
	}
	f.publishRoot()
}

func sign[T metadata.Roles](f *fakeRepository, role string, m *metadata.Metadata[T]) []byte {
	f.t.Helper()
	m.ClearSignatures()
	for _, key := range f.keys[role] {
		s, err := signature.LoadSigner(key, crypto.Hash(0))
		f.must(err)
		_, err = m.Sign(s)
		f.must(err)
	}
	data, err := m.ToBytes(false)
	f.must(err)
	return data
}

func (f *fakeRepository) publishRoot() {
	f.files[strconv.FormatInt(f.root.Signed.Version, 10)+".root.json"] = sign(f, metadata.ROOT, f.root)
}

func (f *fakeRepository) addTarget(name string, data []byte) {
	info, err := metadata.TargetFile().FromBytes(name, data, "sha256")
	f.must(err)
	f.targets.Signed.Targets[name] = info
	sum := sha256.Sum256(data)
	f.files["targets/"+hex.EncodeToString(sum[:])+"."+name] = data
}

// publish signs targets, snapshot and timestamp as they are.
func (f *fakeRepository) publish() {
	targets := sign(f, metadata.TARGETS, f.targets)
	f.snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(f.targets.Signed.Version)
	snapshot := sign(f, metadata.SNAPSHOT, f.snapshot)
	info := metadata.MetaFile(f.snapshot.Signed.Version)
	info.Length = int64(len(snapshot))
	f.timestamp.Signed.Meta["snapshot.json"] = info
	f.files[fmt.Sprintf("%d.targets.json", f.targets.Signed.Version)] = targets
	f.files[fmt.Sprintf("%d.snapshot.json", f.snapshot.Signed.Version)] = snapshot
	f.files["timestamp.json"] = sign(f, metadata.TIMESTAMP, f.timestamp)
}

// next publishes a change.
func (f *fakeRepository) next(name, text string) {
	f.addTarget(name, []byte(text))
	f.targets.Signed.Version++
	f.snapshot.Signed.Version++
	f.timestamp.Signed.Version++
	f.publish()
}

// Open implements [Source] for metadata.
func (f *fakeRepository) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f.opened = append(f.opened, name)
	if err := f.fail[name]; err != nil {
		return nil, err
	}
	data, ok := f.files[name]
	if !ok {
		return nil, ErrNotFound
	}
	if forge := f.forge[name]; forge != nil {
		data = forge(bytes.Clone(data))
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// memory is a state that can be cut off before any write.
type memory struct {
	files map[string][]byte
	left  int // writes until the power is cut; negative: it is not
}

var errCut = errors.New("power cut")

func (m *memory) File(repository, name string) ([]byte, error) {
	return m.files[repository+"/"+name], nil
}

func (m *memory) PutFiles(repository string, files map[string][]byte) error {
	if m.left == 0 {
		return errCut
	}
	m.left--
	for name, data := range files {
		if data == nil {
			delete(m.files, repository+"/"+name)
		} else {
			m.files[repository+"/"+name] = bytes.Clone(data)
		}
	}
	return nil
}

func newMemory() *memory { return &memory{files: map[string][]byte{}, left: -1} }

func (m *memory) clone() *memory { return &memory{files: maps.Clone(m.files), left: -1} }

// gate is a repository as a gate sees it.
func (f *fakeRepository) gate(state State) *Repository {
	return &Repository{
		Name: "nation", Root: f.files["1.root.json"], Metadata: f, Targets: below{f, "targets"}, State: state, Now: func() time.Time { return f.now },
	}
}
