package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"railgate/driver/eye/frames"
)

// A set is pictures that are measured together.
type set struct {
	name     string
	approach bool // its pictures are sequences, a folder each
	pictures []picture
}

// A picture is one, as a PGM that every driver reads.
type picture struct {
	path  string
	text  *string // what its code says; "" if there is none in it, nil if that is not known
	pitch float64 // pixels a module; 0 if not known
}

// pitchInName finds a picture's pitch in its name.
var pitchInName = regexp.MustCompile(`_m([0-9]+\.[0-9]+)`)

func pitchOf(path string) float64 {
	found := pitchInName.FindStringSubmatch(filepath.Base(path))
	if found == nil {
		return 0
	}
	pitch, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return 0
	}
	return pitch
}

// drawn is a set of the repository's frames, drawn into a folder unless it is there.
func drawn(dir string, s frames.Set) (set, error) {
	dir = filepath.Join(dir, s.Name)
	if !isDrawn(dir, s) {
		if err := errors.Join(os.RemoveAll(dir), draw(dir, s)); err != nil {
			return set{}, err
		}
	}
	found, err := folder(dir, "")
	found.name, found.approach = s.Name, s.Kind == frames.Approach
	return found, err
}

// isDrawn draws three frames again: when they and the number of files are as before,
// so is the rest.
func isDrawn(dir string, s frames.Set) bool {
	paths, err := picturesIn(dir)
	if err != nil || len(paths) != s.Len {
		return false
	}
	for _, i := range []int{0, s.Len / 2, s.Len - 1} {
		f := s.Frame(i)
		b, err := os.ReadFile(filepath.Join(dir, f.Name+".pgm"))
		if err != nil || !bytes.Equal(b, pgm(f.Image)) {
			return false
		}
	}
	return true
}

// draw draws a set on all cores.
func draw(dir string, s frames.Set) error {
	var work sync.WaitGroup
	next, errs := make(chan int), make([]error, s.Len)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				errs[i] = drawOne(dir, s.Frame(i))
			}
		})
	}
	for i := range s.Len {
		next <- i
	}
	close(next)
	work.Wait()
	return errors.Join(errs...)
}

func drawOne(dir string, f frames.Frame) error {
	path := filepath.Join(dir, f.Name)
	if err := writePGM(path+".pgm", f.Image); err != nil {
		return err
	}
	return os.WriteFile(path+".txt", []byte(f.Text), 0o644)
}

// folders are the sets in a folder: its own pictures, or else those of each folder in it.
func folders(dir, cache string) ([]set, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isPicture(e.Name()) }) {
		s, err := folder(dir, cache)
		return []set{s}, err
	}
	var sets []set
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		s, err := folder(filepath.Join(dir, e.Name()), cache)
		if err != nil {
			return nil, err
		}
		if len(s.pictures) > 0 {
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("no PGM, PNG or JPEG in %q or a folder in it", dir)
	}
	return sets, nil
}

// folder is a folder's pictures and those below it. Beside NAME.pgm may be NAME.txt with what
// the code says, empty if there is none. PNG and JPEG become PGM in the cache.
func folder(dir, cache string) (set, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return set{}, err
	}
	paths, err := picturesIn(dir)
	if err != nil {
		return set{}, err
	}
	s := set{name: filepath.Base(dir)}
	for _, path := range paths {
		p := picture{path: path, pitch: pitchOf(path)}
		b, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + ".txt")
		if err == nil {
			text := string(b)
			p.text = &text
		}
		if p.path, err = plain(path, cache); err != nil {
			return set{}, fmt.Errorf("%s: %w", path, err)
		}
		s.pictures = append(s.pictures, p)
	}
	return s, nil
}

func isPicture(name string) bool {
	return slices.Contains([]string{".pgm", ".png", ".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(name)))
}

// picturesIn are the paths below a folder, in their order.
func picturesIn(dir string) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && isPicture(path) {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

// plain is a picture's path, or that of its copy as a PGM.
func plain(path, cache string) (string, error) {
	if strings.EqualFold(filepath.Ext(path), ".pgm") {
		return path, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Append(nil, path, info.Size(), info.ModTime()))
	copied := filepath.Join(cache, fmt.Sprintf("%.8x.pgm", key))
	if _, err := os.Stat(copied); err == nil {
		return copied, nil
	}
	img, err := loadPicture(path)
	if err != nil {
		return "", err
	}
	return copied, writePGM(copied, img)
}

// merged joins sets whose names begin alike: "syn720-" makes syn720-v7 and syn720-v8 one.
func merged(sets []set, prefixes []string) []set {
	var out []set
	for _, s := range sets {
		for _, prefix := range prefixes {
			if strings.HasPrefix(s.name, prefix) {
				s.name = strings.TrimRight(prefix, "-_.")
				break
			}
		}
		i := slices.IndexFunc(out, func(o set) bool { return o.name == s.name })
		if i < 0 {
			out = append(out, s)
			continue
		}
		out[i].pictures = append(out[i].pictures, s.pictures...)
	}
	return out
}
