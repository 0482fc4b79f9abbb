package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Source is where a repository's files are.
type Source interface {
	// Open opens a file by its path, with forward slashes. ErrNotFound is the answer where
	// there is none; any other error says that it is not known.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// ErrNotFound is a file that a source does not have.
var ErrNotFound = errors.New("not found")

// ErrTooLarge is a file that is larger than its metadata or its role allows.
var ErrTooLarge = errors.New("larger than allowed")

// A Folder is a source on a disk.
type Folder string

// Open implements [Source]. It opens regular files only, and none outside the folder.
func (f Folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A pipe in a file's place would be waited for.
	file, err := root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s: not a regular file", name), err, file.Close())
	}
	return file, nil
}

// Read reads a whole file of a source, of at most max bytes, for what proves itself.
func Read(ctx context.Context, s Source, name string, max int64) ([]byte, error) {
	return read(ctx, s, name, max)
}

// read reads a whole file of at most max bytes.
func read(ctx context.Context, s Source, name string, max int64) ([]byte, error) {
	file, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, max+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%s: %w (%d bytes)", name, ErrTooLarge, max)
	}
	return data, nil
}
