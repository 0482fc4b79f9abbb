package sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"railgate/store/durable"
)

// Export writes the metadata of a listing into a folder, as a repository has it, so that
// another program can hold what was signed against its own first root. Targets are not in it.
func (l *Listing) Export(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	r := l.repository
	first, err := metadata.Root().FromBytes(r.Root)
	if err != nil {
		return fmt.Errorf("first root.json: %w", err)
	}
	for v := first.Signed.Version; v <= l.trusted.Root.Signed.Version; v++ {
		name := strconv.FormatInt(v, 10) + ".root.json"
		data := r.Root
		if v > first.Signed.Version {
			if data, err = l.rootOf(ctx, name, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		if err := durable.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return l.exportRoles(dir)
}

// rootOf is a root of the repository, or the one that was exported before.
func (l *Listing) rootOf(ctx context.Context, name, exported string) ([]byte, error) {
	if data, err := durable.ReadFile(exported, maxRoot); err == nil {
		return data, nil
	}
	return read(ctx, l.repository.Metadata, name, maxRoot)
}

// exportRoles writes the kept roles under the names by which the root says they are asked for; the
// timestamp is the last, for it names the others.
func (l *Listing) exportRoles(dir string) error {
	consistent := l.trusted.Root.Signed.ConsistentSnapshot
	for _, role := range []struct {
		name    string
		version int64
	}{
		{"targets.json", l.Version()}, {"snapshot.json", l.trusted.Snapshot.Signed.Version}, {"timestamp.json", 0},
	} {
		data, err := l.repository.State.File(l.repository.Name, role.name)
		if err != nil {
			return err
		}
		if data == nil {
			return fmt.Errorf("%s was not kept", role.name)
		}
		name := role.name
		if consistent && role.version > 0 {
			name = strconv.FormatInt(role.version, 10) + "." + name
		}
		if err := durable.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Files is a [State] in a folder, a file each; of several that are kept at once the last is the
// one by which the others count.
type Files string

func (f Files) path(repository, name string) string {
	return filepath.Join(string(f), strings.ReplaceAll(repository, "/", "_"), strings.ReplaceAll(name, "/", "_"))
}

// File implements [State].
func (f Files) File(repository, name string) ([]byte, error) {
	data, err := durable.ReadFile(f.path(repository, name), maxTargets)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// PutFiles implements [State]. Files are forgotten before others are kept: a cut between them
// leaves less than there was, which is asked for again.
func (f Files) PutFiles(repository string, files map[string][]byte) error {
	if err := os.MkdirAll(filepath.Dir(f.path(repository, "x")), 0o700); err != nil {
		return err
	}
	for name, data := range files {
		if data != nil {
			continue
		}
		if err := os.Remove(f.path(repository, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, data := range files {
		if data == nil {
			continue
		}
		if err := durable.WriteFile(f.path(repository, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
