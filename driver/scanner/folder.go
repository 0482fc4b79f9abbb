package scanner

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// folder plays a folder's pictures in the order of their names, again and again,
// as a camera that looks at a phone sees the same picture again and again. What
// is put into the folder or taken out of it is seen at the next turn.
type folder struct {
	dir   string
	tick  *time.Ticker
	last  string // the name of the picture that was shown last
	log   *slog.Logger
	cache map[string]cached
	links map[string]bool // that were reported
}

// A cached file was read; err says why it was not.
type cached struct {
	stamp time.Time
	size  int64
	img   *image.Gray
	err   error
	read  time.Time
	said  bool
}

const (
	// maxCached bounds the files that are known, and maxKept the pixels of those that are kept.
	maxCached = 256
	maxKept   = 32 << 20
	// readAgain is after how long a file that could not be read is tried again, though it is
	// the same.
	readAgain = time.Second
)

var errNoFile = errors.New("it is a link or a device; put the picture itself there")

func openFolder(dir string, fps float64, log *slog.Logger) (*folder, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("opening frames: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening frames: %s is not a folder", dir)
	}
	return &folder{dir: dir, tick: time.NewTicker(time.Duration(float64(time.Second) / fps)), log: log, cache: map[string]cached{}, links: map[string]bool{}}, nil
}

func (f *folder) close() error {
	f.tick.Stop()
	return nil
}

func (f *folder) next(ctx context.Context, see func(*image.Gray, time.Time)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.tick.C:
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	name, ok := f.pick(entries)
	if !ok {
		see(nil, time.Now())
		return nil
	}
	f.last = name
	see(f.load(name), time.Now())
	return nil
}

// pick is the picture after the last one, or the first.
func (f *folder) pick(entries []os.DirEntry) (string, bool) {
	var names []string
	for _, e := range entries {
		switch {
		case !isPicture(e.Name()):
		case e.Type().IsRegular():
			names = append(names, e.Name())
		case !f.links[e.Name()] && len(f.links) < maxCached:
			f.links[e.Name()] = true
			f.refuse(e.Name(), errNoFile)
		}
	}
	if len(names) == 0 {
		return "", false
	}
	i, found := slices.BinarySearch(names, f.last)
	if found {
		i++
	}
	return names[i%len(names)], true
}

func isPicture(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".pgm"}, ext)
}

// load reads a picture, or takes it from the cache while the file is the same. One that cannot
// be read is nil: it may still be being written, so it is reported only if it stays so.
func (f *folder) load(name string) *image.Gray {
	path := filepath.Join(f.dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil // it was taken out
	}
	c, known := f.cache[name]
	switch same := known && c.stamp.Equal(info.ModTime()) && c.size == info.Size(); {
	case !same:
		c = cached{stamp: info.ModTime(), size: info.Size()}
	case c.img != nil:
		return c.img
	case c.err != nil && time.Since(c.read) < readAgain:
		return nil
	case c.err != nil && !c.said:
		c.said = true
		f.refuse(name, c.err)
	}
	c.img, c.err = frame(path)
	c.read = time.Now()
	f.keep(name, c)
	return c.img
}

// refuse reports a picture that is not read.
func (f *folder) refuse(name string, err error) {
	var refused *refusedError
	if errors.As(err, &refused) {
		err = errors.New(refused.why)
	}
	f.log.Warn("a picture is not read", "picture", name, "err", err)
}

// keep remembers a file, and the picture if there is room for it.
func (f *folder) keep(name string, c cached) {
	if len(f.cache) >= maxCached {
		clear(f.cache)
	}
	kept := 0
	for _, other := range f.cache {
		if other.img != nil {
			kept += len(other.img.Pix)
		}
	}
	if c.img != nil && kept+len(c.img.Pix) > maxKept {
		for other, o := range f.cache {
			o.img = nil
			f.cache[other] = o
		}
	}
	f.cache[name] = c
}
