package repository

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"golang.org/x/sys/unix"

	"railgate/store/durable"
)

// A File is something to publish: its name as a target, and its bytes. With neither Data nor
// Path the name is taken off the list.
type File struct {
	Name string
	Data []byte
	Path string // where the bytes are, in the place of Data; it is read once, and may be a pipe
}

// Publish adds or replaces files, and takes names off the list. ask gives the targets key's
// passphrase where it has one.
func (r *Repository) Publish(files []File, ask Passphrase) error {
	key, err := loadKey(r.keys(), metadata.TARGETS, ask)
	if err != nil {
		return err
	}
	unlock, err := r.lock() // after a passphrase was asked for, which may take a person minutes
	if err != nil {
		return err
	}
	defer unlock()
	for _, f := range files {
		if err := r.stage(f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	r.targets.Signed.Version++
	r.snapshot.Signed.Version++
	r.timestamp.Signed.Version++
	return r.sign(key)
}

// Restored signs what is published again under versions that no gate can have seen, after the folder
// was put back from a copy: gates have had the versions that come next, and take none twice. They go
// by this clock's seconds, of which there are more than publications. A root that the copy does not
// have is not brought back.
func (r *Repository) Restored(ask Passphrase) error {
	key, err := loadKey(r.keys(), metadata.TARGETS, ask)
	if err != nil {
		return err
	}
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	version := max(r.now().Unix(), r.targets.Signed.Version+1, r.snapshot.Signed.Version+1, r.timestamp.Signed.Version+1)
	r.targets.Signed.Version, r.snapshot.Signed.Version, r.timestamp.Signed.Version = version, version, version
	return r.sign(key)
}

// lockWait is how long a publication waits for another one's end: a release is copied meanwhile.
const lockWait = time.Minute

// ErrBusy is a folder in which another program publishes.
var ErrBusy = errors.New("another program is publishing in this folder; try again when it has ended")

// lock waits until nobody else publishes here, and reads what they left: whoever signed what was
// read before would take their files off the list again. The lock is on the folder, so that no
// file of another user's is left behind; it ends with the process.
func (r *Repository) lock() (unlock func(), err error) {
	dir, err := os.Open(r.dir)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockWait); ; time.Sleep(20 * time.Millisecond) {
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			break
		}
		if time.Now().After(end) {
			err = ErrBusy
			break
		}
	}
	if err == nil {
		err = r.read()
	}
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("%s: %w", r.dir, err)
	}
	return func() { dir.Close() }, nil
}

// stage puts a file's bytes where gates fetch them, under their hash.
func (r *Repository) stage(f File) error {
	if !filepath.IsLocal(f.Name) || f.Name != filepath.ToSlash(filepath.Clean(f.Name)) {
		return errors.New("not a name that a repository may have")
	}
	var from io.Reader = bytes.NewReader(f.Data)
	if f.Data == nil {
		if f.Path == "" {
			delete(r.targets.Signed.Targets, f.Name)
			return nil
		}
		file, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	info, err := r.copy(f.Name, from)
	if err == nil {
		r.targets.Signed.Targets[f.Name] = info
	}
	return err
}

// unfinished are copies that are on their way, or were cut.
const unfinished = ".*.new"

// copy writes a file's bytes, durably, and gives it its name once its hash is known.
func (r *Repository) copy(name string, from io.Reader) (*metadata.TargetFiles, error) {
	folder := filepath.Join(r.public(), "targets")
	removeUnfinished(folder, unfinished)
	removeUnfinished(r.public(), "*.json.*.new")
	f, err := os.CreateTemp(folder, unfinished)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	length, err := io.Copy(io.MultiWriter(f, hash), from)
	info := &metadata.TargetFiles{Path: name, Length: length, Hashes: metadata.Hashes{"sha256": hash.Sum(nil)}}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	to := r.pathOf(name, info)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return info, errors.Join(durable.SyncFolder(filepath.Dir(to)), durable.SyncFolder(folder))
}

// removeUnfinished removes what a copy, or a signature, left that was cut: whoever has the lock makes the only one.
// What cannot be removed does no harm.
func removeUnfinished(folder, pattern string) {
	files, _ := os.ReadDir(folder)
	for _, f := range files {
		if is, _ := filepath.Match(pattern, f.Name()); is {
			os.Remove(filepath.Join(folder, f.Name()))
		}
	}
}
