package sync

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
)

const maxArchiveFiles = 4096

// MaxArchive is how many bytes an archive may have: it is in memory until it is taken.
const MaxArchive = 96 << 20

// An Archive is a repository in memory.
type Archive map[string][]byte

// ReadArchive reads the regular files of a tar archive.
func ReadArchive(r io.Reader) (Archive, error) {
	files := Archive{}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return files, nil
		case err != nil:
			return nil, fmt.Errorf("archive: %w", err)
		case h.Typeflag != tar.TypeReg:
			continue
		case len(files) == maxArchiveFiles:
			return nil, errors.New("archive: too many files")
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("archive: %s: %w", h.Name, err)
		}
		files[path.Clean(h.Name)] = data
	}
}

// Open implements [Source].
func (a Archive) Open(_ context.Context, name string) (io.ReadCloser, error) {
	data, ok := a[path.Clean(name)]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Below is a source of a folder's files.
func Below(s Source, folder string) Source { return below{s, folder} }

type below struct {
	Source
	folder string
}

func (b below) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return b.Source.Open(ctx, b.folder+"/"+name)
}

// NationFolders and StationFolders are where a stick may have the files of a nation's
// repository, and of a station's.
func NationFolders() []string { return []string{"nation", "nation/public", "."} }

// StationFolders is described with [NationFolders].
func StationFolders(station string) []string {
	return []string{"stations/" + station, "stations/" + station + "/public", "station", "station/public"}
}

// Find is the first of the folders that has a repository.
func (a Archive) Find(folders []string) (folder string, ok bool) {
	for _, folder := range folders {
		if _, ok := a[path.Join(folder, "timestamp.json")]; ok {
			return folder, true
		}
	}
	return "", false
}
