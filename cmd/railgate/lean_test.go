package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"railgate/cmd/station/repository"
	"railgate/store/sync"
)

// A stick is what a technician carries: a repository among other things.
type stick struct {
	t   *testing.T
	dir string
}

func newStick(t *testing.T) *stick { return &stick{t, filepath.Join(t.TempDir(), "a stick [1]")} }

func (s *stick) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// publish makes a repository at a folder of the stick.
func (s *stick) publish(folder string, publications ...[]repository.File) {
	s.t.Helper()
	made := s.t.TempDir()
	r, err := repository.Create(made, repository.Options{Passphrase: noPassphrase, OnlineTargets: true, WorkFactor: 10, Now: time.Now})
	for _, files := range publications {
		if err == nil {
			err = r.Publish(files, noPassphrase)
		}
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(filepath.Join(s.dir, folder)), 0o755)
	}
	if err == nil {
		err = os.Rename(filepath.Join(made, "public"), filepath.Join(s.dir, folder))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// sent is what sync hands to railgated.
func (s *stick) sent(now time.Time) sync.Archive {
	s.t.Helper()
	r, err := archiveOf(s.t.Context(), s.dir, "GZQ", now)
	if err != nil {
		s.t.Fatal(err)
	}
	files, err := sync.ReadArchive(io.LimitReader(r, sync.MaxArchive))
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// A stick may hold anything beside a repository, and a repository of years: sync sends the newest
// publication, which a gate takes, and none of its releases.
func TestSyncTakesThePublicationAlone(t *testing.T) {
	s := newStick(t)
	var publications [][]repository.File
	for n := range 20 {
		publications = append(publications, []repository.File{{Name: "gates/A07.toml", Data: fmt.Append(nil, "# ", n, "\n")}, {Name: "release/1.5.0/arm64.raucb", Data: []byte("bundle")}})
	}
	s.publish("stations/GZQ", publications...)
	s.publish("stations/ABC")
	s.publish("nation/public", []repository.File{{Name: "keys.json", Data: []byte("keys")}, {Name: "release/1.5.0/arm64.deb", Data: []byte("package")}})
	if err := os.Truncate(s.write("holiday.mp4", ""), 3<<30); err != nil {
		t.Fatal(err)
	}
	for n := range 5000 {
		s.write(fmt.Sprint("photos/", n, ".jpg"), "")
	}
	if err := syscall.Mkfifo(filepath.Join(s.dir, "nation/public/pipe.root.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.dir, "nation/public/revocations")); err != nil {
		t.Fatal(err)
	}
	files := s.sent(time.Now())
	if len(files) > 12 {
		t.Errorf("%d files are sent; want those of the newest publications", len(files))
	}
	for name := range files {
		if strings.HasSuffix(name, ".raucb") || strings.HasSuffix(name, ".deb") || !strings.HasPrefix(name, "nation/") && !strings.HasPrefix(name, "stations/GZQ/") || strings.HasSuffix(name, "/revocations") {
			t.Errorf("%s is sent", name)
		}
	}
	for folder, want := range map[string][2]string{"stations/GZQ": {"gates/A07.toml", "# 19\n"}, "nation/public": {"keys.json", "keys"}} {
		r := &sync.Repository{Name: folder, Root: files[folder+"/1.root.json"], Metadata: sync.Below(files, folder), Targets: sync.Below(files, folder+"/targets"), State: noState{}, Now: time.Now}
		l, err := r.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		target, err := l.Find(t.Context(), want[0])
		if err != nil {
			t.Fatal(err)
		}
		if data, err := l.Bytes(t.Context(), target, 100); err != nil || string(data) != want[1] {
			t.Errorf("%s = %q, %v; want %q", want[0], data, err, want[1])
		}
	}
}

type noState struct{}

func (noState) File(_, _ string) ([]byte, error)         { return nil, nil }
func (noState) PutFiles(string, map[string][]byte) error { return nil }

// Of more than railgated takes the days around now are sent.
func TestSyncTakesTheDaysAroundNow(t *testing.T) {
	s := newStick(t)
	var days []repository.File
	for day := 20; day <= 29; day++ {
		days = append(days, repository.File{Name: fmt.Sprint("manifest/2026-11-", day, ".csv.zst"), Data: fmt.Append(make([]byte, 20<<20), day)})
	}
	s.publish("station", append(days, repository.File{Name: "station.json", Data: []byte("{}")}))
	var got []string
	for name := range s.sent(time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)) {
		if _, base, ok := strings.Cut(filepath.Base(name), ".2026-"); ok {
			got = append(got, strings.TrimSuffix(base, ".csv.zst"))
		} else if strings.HasSuffix(name, ".station.json") {
			got = append(got, "station.json")
		}
	}
	slices.Sort(got)
	if want := "11-26 11-27 11-28 11-29 station.json"; strings.Join(got, " ") != want {
		t.Errorf("sync sends %q; want %s", got, want)
	}
}

// A folder without a repository is refused before anything is asked.
func TestSyncFromAFolderWithoutARepository(t *testing.T) {
	s := newStick(t)
	s.write("photos/1.jpg", "")
	if _, err := archiveOf(t.Context(), s.dir, "GZQ", time.Now()); err == nil || !strings.Contains(err.Error(), "has no repository") {
		t.Errorf("%v; want that it has none", err)
	}
	s.write("nation/timestamp.json", "damaged") // which railgated refuses, and says why
	if files := s.sent(time.Now()); len(files) != 1 {
		t.Errorf("%d files are sent; want the timestamp", len(files))
	}
}
