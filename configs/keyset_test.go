package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is not a file of a keyset's size is one line, at once: a FIFO that nobody writes
// kept a gate's keyset from ever being read again.
func TestReadKeysetTakesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	make := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	make(unix.Mkfifo(path("fifo"), 0o600))
	make(os.WriteFile(path("good"), []byte("{}"), 0o600))
	make(os.WriteFile(path("huge"), nil, 0o600))
	make(os.Truncate(path("huge"), MaxKeyset+1))
	make(os.WriteFile(path("full"), nil, 0o600))
	make(os.Truncate(path("full"), MaxKeyset))
	make(os.Symlink("good", path("link")))
	make(os.Symlink("loop", path("loop")))
	for _, tt := range []struct {
		path string
		size int // -1: refused
		want string
	}{
		{path("good"), 2, ""},
		{path("link"), 2, ""},
		{path("full"), MaxKeyset, ""},
		{path("huge"), -1, "has 67108865 bytes; a keyset has 67108864 at most"},
		{path("fifo"), -1, "is a FIFO, not a file"},
		{dir, -1, "is a folder, not a file"},
		{"/dev/zero", -1, "is a device, not a file"},
		{path("loop"), -1, "too many levels"},
		{path("none"), -1, "no such file"},
	} {
		data, info, err := ReadKeyset(tt.path)
		switch {
		case tt.size >= 0 && (err != nil || len(data) != tt.size || info.Size() != int64(tt.size)):
			t.Errorf("%s: %d bytes, %v; want %d", tt.path, len(data), err, tt.size)
		case tt.size < 0 && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v; want %q", tt.path, err, tt.want)
		}
	}
}
