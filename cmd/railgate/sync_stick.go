package main

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"railgate/store/sync"
)

// This file reads a stick for railgated, which may not: of all that is on it the newest publication
// of each repository, and nothing else. Whether it is a good one is for railgated to say.

// A stickFile is a file that a gate may need.
type stickFile struct {
	name string // with the folder
	size int64
	day  time.Time // a manifest's; zero: another file
}

// archiveOf is what a folder has for a gate of a station as a tar archive, made as it is read. Where all of it is
// more than railgated takes, the manifests of the days furthest from now stay away.
func archiveOf(ctx context.Context, dir, station string, now time.Time) (io.Reader, error) {
	var files []stickFile
	for _, folder := range repositoriesOf(dir, station) {
		files = append(files, publication(ctx, dir, folder)...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no repository; want the folder with timestamp.json, or the one with nation/ and station/", dir)
	}
	files = fitting(files, now)
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		for _, f := range files {
			if err := addFile(ctx, t, sync.Folder(dir), f); err != nil {
				w.CloseWithError(fmt.Errorf("%s: %w", filepath.Join(dir, f.name), err))
				return
			}
		}
		w.CloseWithError(t.Close())
	}()
	return r, nil
}

// repositoriesOf are the folders of a folder that may be repositories: a stick for a whole nation has
// thousands of other stations.
func repositoriesOf(dir, station string) (folders []string) {
	for _, folder := range append(sync.NationFolders(), sync.StationFolders(station)...) {
		if _, err := os.Stat(filepath.Join(dir, folder, "timestamp.json")); err == nil {
			folders = append(folders, folder)
		}
	}
	return folders
}

// publication are the files of the newest publication in a folder, as far as they are there.
func publication(ctx context.Context, dir, folder string) []stickFile {
	p := stickReader{ctx: ctx, dir: sync.Folder(dir), folder: folder}
	p.take("timestamp.json")
	p.take("revocations")
	entries, _ := os.ReadDir(filepath.Join(dir, folder))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".root.json") {
			p.take(e.Name())
		}
	}
	var signed struct {
		Signed struct {
			Meta    map[string]struct{ Version int64 }
			Targets map[string]struct{ Hashes map[string]string }
		}
	}
	for _, of := range [][2]string{{"timestamp.json", "snapshot.json"}, {"snapshot.json", "targets.json"}} {
		p.read(of[0], &signed)
		p.version = signed.Signed.Meta[of[1]].Version
		p.take(of[1])
		p.take(fmt.Sprintf("%d.%s", p.version, of[1]))
	}
	p.read("targets.json", &signed)
	for name, target := range signed.Signed.Targets {
		if strings.HasSuffix(name, ".raucb") || strings.HasSuffix(name, ".deb") {
			continue // railgate update takes these, a file at a time
		}
		base := path.Base(name)
		p.target(name, "targets/"+name)
		p.target(name, "targets/"+strings.TrimSuffix(name, base)+target.Hashes["sha256"]+"."+base)
	}
	return p.files
}

// A stickReader collects the files of a repository.
type stickReader struct {
	ctx     context.Context
	dir     sync.Folder
	folder  string
	version int64 // of the document that is read next
	files   []stickFile
}

// take takes a file where it is there and a file.
func (p *stickReader) take(name string) bool {
	name = path.Join(p.folder, name)
	f, err := p.dir.Open(p.ctx, name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.(*os.File).Stat()
	if err == nil {
		p.files = append(p.files, stickFile{name: name, size: info.Size()})
	}
	return err == nil
}

// target takes a target's file.
func (p *stickReader) target(name, file string) {
	if !p.take(file) {
		return
	}
	if day, ok := strings.CutPrefix(name, "manifest/"); ok {
		p.files[len(p.files)-1].day, _ = time.Parse(time.DateOnly, strings.TrimSuffix(day, ".csv.zst"))
	}
}

// maxDocument is more than any role's metadata has.
const maxDocument = 8 << 20

// read reads a document, by its version where it has one; what cannot be read says nothing.
func (p *stickReader) read(name string, into any) {
	data, err := sync.Read(p.ctx, p.dir, path.Join(p.folder, fmt.Sprintf("%d.%s", p.version, name)), maxDocument)
	if err != nil {
		data, err = sync.Read(p.ctx, p.dir, path.Join(p.folder, name), maxDocument)
	}
	if err == nil {
		json.Unmarshal(data, into)
	}
}

// fitting are the files of which railgated takes all.
func fitting(files []stickFile, now time.Time) []stickFile {
	all := int64(0)
	for _, f := range files {
		all += f.space()
	}
	far := slices.Clone(files)
	slices.SortStableFunc(far, func(a, b stickFile) int { return cmp.Compare(b.day.Sub(now).Abs(), a.day.Sub(now).Abs()) })
	for _, f := range far {
		if all <= sync.MaxArchive-tarEnd {
			break
		}
		if !f.day.IsZero() {
			all -= f.space()
			files = slices.DeleteFunc(files, func(g stickFile) bool { return g == f })
		}
	}
	return files
}

const (
	tarBlock = 512
	tarEnd   = 2 * tarBlock
)

// space is what a file takes of an archive: its header, a longer name's, and whole blocks.
func (f stickFile) space() int64 { return 4*tarBlock + (f.size+tarBlock-1)/tarBlock*tarBlock }

func addFile(ctx context.Context, t *tar.Writer, dir sync.Folder, f stickFile) error {
	file, err := dir.Open(ctx, f.name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: f.size, Mode: 0o644}); err != nil {
		return err
	}
	_, err = io.CopyN(t, file, f.size)
	return err
}
