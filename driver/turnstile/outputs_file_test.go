package turnstile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A pipe, a folder or a device in the place of the outputs' file is an error at once: whoever reads it
// makes a dead daemon's outputs inactive.
func TestOutputsThatAreNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe, folder, device := filepath.Join(dir, "pipe"), filepath.Join(dir, "folder"), filepath.Join(dir, "zero")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", device); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, folder, device} {
		answer := make(chan error, 1)
		go func() { _, err := LoadOutputs(path); answer <- err }()
		select {
		case err := <-answer:
			if err == nil || !strings.Contains(err.Error(), "is not a file") {
				t.Errorf("%s: %v; want that it is no file", path, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it waits", path)
		}
	}
}
