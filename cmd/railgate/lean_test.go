package main

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A stick that has whole releases is no larger for sync: a bundle is larger than what the socket takes.
func TestSyncLeavesReleasesOnTheStick(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"nation/timestamp.json", "nation/targets/keys.json", "nation/targets/release/1.5.0/abc.arm64.raucb", "nation/targets/release/1.5.0/abc.arm64.deb"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for r := tar.NewReader(archiveOf(dir)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			got = append(got, h.Name)
		}
	}
	if want := "nation/targets/keys.json nation/timestamp.json"; strings.Join(got, " ") != want {
		t.Errorf("sync sends %q; want %s", got, want)
	}
}
