package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A Resumer is a source that can go on within a file.
type Resumer interface {
	// OpenFrom opens a file from a byte on. ErrFromStart is the answer of a server that
	// cannot.
	OpenFrom(ctx context.Context, name string, offset int64) (io.ReadCloser, error)
}

// ErrFromStart is a file that a source gives from its beginning only.
var ErrFromStart = errors.New("it is given from its beginning only")

// ErrNoRoom is a disk on which a file does not fit.
var ErrNoRoom = errors.New("the disk has no room for it")

// ErrNotSigned is a file that is not the one that was signed.
var ErrNotSigned = errors.New("it is not the file that was signed")

// Staging is how a large target is brought.
type Staging struct {
	Path     string                  // where it is put once it is whole and right; beside it, with .part, until then
	Spare    int64                   // bytes that must stay free on the disk
	Rate     int64                   // bytes a second at most; 0: any number
	Progress func(have, total int64) // nil: nobody wants to know

	SyncEvery int64 // bytes that are written between two syncs, which others' records wait for; 0: 8 MB
}

const (
	partSuffix = ".part"
	chunk      = 64 << 10
	syncEvery  = 8 << 20 // bytes that a power cut may cost
)

// Stage brings a target to a file. What a cut or a lost line leaves is gone on with, and the
// whole file is hashed from the disk at the end: what is at Path is what was signed, and is
// durable.
func (l *Listing) Stage(ctx context.Context, t *Target, s Staging) error {
	if f, err := os.Open(s.Path); err == nil {
		err := t.Check(f)
		f.Close()
		if err == nil {
			return nil
		}
	}
	part, err := os.OpenFile(s.Path+partSuffix, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o640)
	if err != nil {
		return err
	}
	defer part.Close()
	resumed, err := l.fill(ctx, t, part, &s)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	err = t.Check(part)
	if err != nil && resumed { // a cut may have left bytes that were never written
		if err = part.Truncate(0); err == nil {
			if _, err = l.fill(ctx, t, part, &s); err == nil {
				err = t.Check(part)
			}
		}
	}
	if errors.Is(err, ErrNotSigned) {
		err = errors.Join(err, os.Remove(part.Name()))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return settle(part, s.Path)
}

// settle gives a whole file its name, durably.
func settle(part *os.File, path string) error {
	if err := part.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// fill writes what a part lacks. It tells whether there was something before.
func (l *Listing) fill(ctx context.Context, t *Target, part *os.File, s *Staging) (resumed bool, err error) {
	have, err := part.Seek(0, io.SeekEnd)
	if err == nil && have > t.Length {
		have, err = 0, part.Truncate(0)
	}
	if err != nil {
		return false, err
	}
	if err := Room(filepath.Dir(s.Path), t.Length-have+s.Spare); err != nil {
		return false, err
	}
	resumed = have > 0
	if have == t.Length {
		return resumed, nil
	}
	body, have, err := l.openFrom(ctx, t, have)
	if err != nil {
		return resumed, err
	}
	defer body.Close()
	if err := part.Truncate(have); err != nil {
		return resumed, err
	}
	if _, err := part.Seek(have, io.SeekStart); err != nil {
		return resumed, err
	}
	n, err := pour(ctx, part, io.LimitReader(body, t.Length-have+1), have, t.Length, s)
	switch have += n; {
	case err != nil:
		return resumed, errors.Join(err, part.Sync())
	case have > t.Length:
		return resumed, errors.Join(fmt.Errorf("%w (%d bytes)", ErrTooLarge, t.Length), part.Truncate(0))
	case have < t.Length:
		return resumed, errors.Join(fmt.Errorf("ends after %d of %d bytes; it goes on from there", have, t.Length), part.Sync())
	}
	return resumed, nil
}

// openFrom opens a target where its part ends, or from its beginning where that cannot be.
func (l *Listing) openFrom(ctx context.Context, t *Target, have int64) (io.ReadCloser, int64, error) {
	name := l.remoteName(t)
	if r, ok := l.repository.Targets.(Resumer); ok && have > 0 {
		body, err := r.OpenFrom(ctx, name, have)
		if !errors.Is(err, ErrFromStart) {
			return body, have, err
		}
	}
	body, err := l.repository.Targets.Open(ctx, name)
	return body, 0, err
}

// pour copies at a rate, and has what is written reach the disk now and then.
func pour(ctx context.Context, to *os.File, from io.Reader, have, total int64, s *Staging) (n int64, err error) {
	began, synced, every := time.Now(), int64(0), s.SyncEvery
	if every == 0 {
		every = syncEvery
	}
	buf := make([]byte, chunk)
	for {
		k, err := from.Read(buf)
		if k > 0 {
			if _, err := to.Write(buf[:k]); err != nil {
				return n, err
			}
			n += int64(k)
			if s.Progress != nil {
				s.Progress(min(have+n, total), total)
			}
		}
		if n-synced >= every {
			if err := to.Sync(); err != nil {
				return n, err
			}
			synced = n
		}
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
		if err := rest(ctx, began, n, s.Rate); err != nil {
			return n, err
		}
	}
}

// rest waits until n bytes are not more than a rate allows.
func rest(ctx context.Context, began time.Time, n, rate int64) error {
	if rate <= 0 {
		return ctx.Err()
	}
	ahead := time.Duration(float64(n)/float64(rate)*float64(time.Second)) - time.Since(began)
	if ahead <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Room tells whether a folder's disk has room for so many bytes more.
func Room(dir string, bytes int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < bytes {
		return fmt.Errorf("%w: %s has %d MB free, %d MB are needed", ErrNoRoom, dir, free>>20, (bytes+1<<20-1)>>20)
	}
	return nil
}

// Check reads a file from its beginning, and tells whether it is the target.
func (t *Target) Check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeType != 0 || info.Size() != t.Length {
		return fmt.Errorf("%w: it has %d bytes, want %d", ErrNotSigned, info.Size(), t.Length)
	}
	sums, err := hashesOf(t.info.Hashes)
	if err != nil {
		return err
	}
	var writers []io.Writer
	for _, h := range sums {
		writers = append(writers, h)
	}
	if _, err := io.Copy(io.MultiWriter(writers...), io.NewSectionReader(f, 0, t.Length)); err != nil {
		return err
	}
	for name, h := range sums {
		if string(h.Sum(nil)) != string(t.info.Hashes[name]) {
			return fmt.Errorf("%w: its %s is another", ErrNotSigned, name)
		}
	}
	return nil
}
