package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"

	"railgate/cmd/control"
	"railgate/store/sync"
)

// postSync asks the repository now, or takes the one that comes as a tar archive, such as
// from a USB stick that only the caller may read. It answers when that has ended.
func (s *server) postSync(w http.ResponseWriter, r *http.Request) {
	y := s.lane.sync
	if y == nil {
		http.Error(w, errNoSync.Error(), http.StatusConflict)
		return
	}
	if r.Header.Get("Content-Type") == control.TarType {
		files, err := readArchive(http.MaxBytesReader(w, r.Body, maxArchive))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := y.round(r.Context(), sources{files, files.below("targets")}); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	} else {
		select {
		case <-y.askNow():
		case <-r.Context().Done():
			return
		}
	}
	var status control.Status
	y.status(&status)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(status.Sync)
}

const (
	maxArchive      = 96 << 20 // bytes
	maxArchiveFiles = 4096
)

// An archive is a repository in memory.
type archive map[string][]byte

// readArchive reads the regular files of a tar archive.
func readArchive(r io.Reader) (archive, error) {
	files := archive{}
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

// Open implements [sync.Source].
func (a archive) Open(_ context.Context, name string) (io.ReadCloser, error) {
	data, ok := a[path.Clean(name)]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, sync.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (a archive) below(folder string) sync.Source { return below{a, folder} }

type below struct {
	archive
	folder string
}

func (b below) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return b.archive.Open(ctx, b.folder+"/"+name)
}
