package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"railgate/store/durable"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/store/update"
)

// This file finds out what a bundle is: which release of the nation's it is, by its hash.

// A release is a bundle that may be installed.
type release struct {
	version string
	length  int64
	sum     string // SHA-256, in hex
	own     bool   // version is what the bundle calls itself, and no list does
}

// Why a bundle is not installed.
var (
	errNotListed = errors.New("the nation's list does not have it")
	errNoList    = errors.New("there is no list of the nation's releases here")
	errSum       = errors.New("it is not the bundle that was meant")
)

// bundleSuffix is how the nation names this machine's bundles: release/<version>/<arch>.raucb.
func bundleSuffix() string { return "/" + debianArch() + ".raucb" }

// nation reads the nation's list from a folder, with root's own memory of what it has seen.
func (u *updater) nation(ctx context.Context, dir string) (*sync.Listing, error) {
	root, err := durable.ReadFile(u.cfg.Sync.Root("nation"), 512<<10)
	if errors.Is(err, fs.ErrNotExist) && u.cfg.Sync.NationRoot != "" {
		if err = u.pin(u.cfg.Sync.NationRoot); err == nil {
			root, err = sync.FirstRoot(ctx, "nation", u.cfg.Sync.NationRoot, sync.Folder(dir), u.memory())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("first root: %w", err)
	}
	return u.refresh(ctx, "nation", root, dir)
}

// memory is what root itself has seen of repositories.
func (u *updater) memory() sync.Files { return sync.Files(filepath.Join(u.dir, "tuf")) }

// pinName has the fingerprint of the nation's first root, as the gate was told it first. What a gate
// was told when it was provisioned lies in the daemon's folder; this is root's.
const pinName = "nation.root.sha256"

// errNoPin is a wish of the daemon's on a gate where root does not know the nation: the daemon could
// name any.
var errNoPin = errors.New("root has not recorded which nation this gate belongs to; systemctl start railgate-network, or railgate update --from-station as root, does it")

// pin refuses another nation than the first. A technician's command may be the first to name it; a
// wish of the daemon's may not.
func (u *updater) pin(fingerprint string) error {
	known, err := durable.ReadFile(filepath.Join(u.dir, pinName), 1<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist) && u.wished:
		return errNoPin
	case errors.Is(err, fs.ErrNotExist):
		return pinNation(u.dir, fingerprint)
	case err == nil && string(known) != fingerprint:
		return fmt.Errorf("%w; if this gate was given to another nation: rm %s", sync.ErrOtherRoot, filepath.Join(u.dir, pinName))
	}
	return err
}

// pinNation records for root which nation the gate belongs to, if nothing is recorded yet: when the
// gate is provisioned, before anything that it hears from outside could have changed it.
func pinNation(dir, fingerprint string) error {
	name := filepath.Join(dir, pinName)
	if _, err := os.Lstat(name); fingerprint == "" || err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return durable.WriteFile(name, []byte(fingerprint), 0o644)
}

func (u *updater) refresh(ctx context.Context, name string, root []byte, dir string) (*sync.Listing, error) {
	r := &sync.Repository{
		Name: name, Root: root, Metadata: sync.Folder(dir), Targets: sync.Folder(filepath.Join(dir, "targets")),
		State: u.memory(), Now: u.now,
	}
	return r.Refresh(ctx)
}

// lists are the folders in which the nation's list may be: the one that was named, those
// above the file, for a stick has whole repositories, and what the daemon has fetched.
func (u *updater) lists(file, from string) (dirs []string) {
	add := func(dir string) {
		for _, folder := range sync.NationFolders() {
			if _, err := os.Stat(filepath.Join(dir, folder, "timestamp.json")); err == nil {
				dirs = append(dirs, filepath.Join(dir, folder))
			}
		}
	}
	if from != "" {
		add(from)
		return dirs
	}
	if abs, err := filepath.Abs(file); err == nil {
		for range 5 {
			abs = filepath.Dir(abs)
			add(abs)
		}
	}
	add(filepath.Join(u.cfg.Data, stagedFolder))
	return dirs
}

// stagedFolder is the daemon's, in its data folder: what it exports and stages.
const stagedFolder = "update"

// find holds a bundle against the nation's lists. The first that has it counts; each proves
// itself by the gate's own root.
func (u *updater) find(ctx context.Context, file, from string) (*release, error) {
	if err := u.prepare(); err != nil {
		return nil, err
	}
	u.tell(notice{Step: "find", Says: "reading " + file})
	length, sum, err := hashOf(file)
	if err != nil {
		return nil, err
	}
	dirs := u.lists(file, from)
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%s: %w: it comes on a stick beside the bundle, or railgate sync brings it", file, errNoList)
	}
	var errs []error
	for _, dir := range dirs {
		l, err := u.nation(ctx, dir)
		if err == nil {
			var r *release
			if r, err = listed(ctx, l, length, sum); err == nil {
				return r, nil
			}
		}
		errs = append(errs, fmt.Errorf("%s: %w", dir, err))
	}
	return nil, fmt.Errorf("%s: %w", file, errors.Join(errs...))
}

// listed is the release of a bundle with this length and hash.
func listed(ctx context.Context, l *sync.Listing, length int64, sum string) (*release, error) {
	var known []string
	for _, name := range l.Names() {
		version, ok := strings.CutSuffix(strings.TrimPrefix(name, "release/"), bundleSuffix())
		if !ok || !update.GoodVersion(version) {
			continue
		}
		t, err := l.Find(ctx, name)
		if err != nil {
			return nil, err
		}
		if t.Length == length && t.Sum() == sum {
			return &release{version: version, length: length, sum: sum}, nil
		}
		known = append(known, version)
	}
	what := "it lists no bundle for " + debianArch()
	if len(known) > 0 {
		what = "it lists " + strings.Join(known, ", ") + " for " + debianArch()
	}
	return nil, fmt.Errorf("%w (sha256 %s, %d bytes; %s): it is damaged, of another machine, or not ours", errNotListed, sum, length, what)
}

// assigned is the release that the gate's station gives it, by the lists that the daemon has
// exported, each of which proves itself here again.
func (u *updater) assigned(ctx context.Context) (*release, error) {
	folder := filepath.Join(u.cfg.Data, stagedFolder)
	nation, err := u.nation(ctx, filepath.Join(folder, "nation"))
	if err != nil {
		return nil, err
	}
	root, err := u.stationRoot(ctx, nation, folder)
	if err != nil {
		return nil, err
	}
	station, err := u.refresh(ctx, "station "+u.cfg.Station, root, filepath.Join(folder, "station"))
	if err != nil {
		return nil, err
	}
	data, err := signedFile(ctx, station, "assign.json", filepath.Join(folder, "assign.json"), 2<<20)
	if err != nil {
		return nil, err
	}
	a, err := sync.ParseAssignment(data, nation.Names())
	if err != nil {
		return nil, fmt.Errorf("assign.json: %w", err)
	}
	version := a.Of(u.cfg.Gate)
	if version == "" || !update.GoodVersion(version) {
		return nil, fmt.Errorf("station %s gives gate %s no release", u.cfg.Station, u.cfg.Gate)
	}
	t, err := nation.Find(ctx, "release/"+version+bundleSuffix())
	if err != nil {
		return nil, err
	}
	return &release{version: version, length: t.Length, sum: t.Sum()}, nil
}

// stationRoot is the first root of the station's repository: the technician's, or else the nation's.
func (u *updater) stationRoot(ctx context.Context, nation *sync.Listing, folder string) ([]byte, error) {
	data, err := durable.ReadFile(u.cfg.Sync.Root("station"), 512<<10)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if sum := u.cfg.Sync.StationRoot; sum != "" {
		return sync.FirstRoot(ctx, "station "+u.cfg.Station, sum, sync.Folder(filepath.Join(folder, "station")), u.memory())
	}
	if !journal.GoodName(u.cfg.Station) {
		return nil, fmt.Errorf("station %q has no repository", u.cfg.Station)
	}
	return signedFile(ctx, nation, path.Join("stations", u.cfg.Station, "root.json"), filepath.Join(folder, "station.root.json"), 512<<10)
}

// signedFile is a file that must be a target as it was signed.
func signedFile(ctx context.Context, l *sync.Listing, target, file string, max int64) ([]byte, error) {
	t, err := l.Find(ctx, target)
	if err != nil {
		return nil, err
	}
	data, err := durable.ReadFile(file, max)
	if err != nil {
		return nil, err
	}
	if !t.Matches(data) {
		return nil, fmt.Errorf("%s: %w", file, sync.ErrNotSigned)
	}
	return data, nil
}

// hashOf reads a bundle through.
func hashOf(file string) (length int64, sum string, err error) {
	f, err := durable.Open(file)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	if length, err = io.Copy(h, f); err != nil {
		return 0, "", fmt.Errorf("%s: %w", file, err)
	}
	if length == 0 {
		return 0, "", fmt.Errorf("%s is empty", file)
	}
	return length, hex.EncodeToString(h.Sum(nil)), nil
}
