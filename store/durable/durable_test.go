package durable

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	for _, tt := range []struct {
		text string
		mode os.FileMode
	}{{"first", 0o600}, {"second, and longer", 0o666}, {"", 0o640}} {
		if err := WriteFile(path, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, tt.text)
		if info, err := os.Stat(path); err != nil || info.Mode() != tt.mode {
			t.Errorf("mode %v, %v; want %v, whatever the umask", info.Mode(), err, tt.mode)
		}
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "none", "x"), nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that does not exist: %v; want %v", err, os.ErrNotExist)
	}
}

// wantFile checks a file's text, and that nothing else is in its folder.
func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("the file holds %q, %v; want %q", got, err, want)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v; want the file alone", entries, err)
	}
}

func TestWriteFileAsGivesItAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := WriteFileAs(path, []byte("new"), 0o640, 12, 34); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "new")
	info, err := os.Stat(path)
	if st := info.Sys().(*syscall.Stat_t); err != nil || st.Uid != 12 || st.Gid != 34 || info.Mode() != 0o640 {
		t.Errorf("%d:%d, mode %v; want 12:34, 0640", st.Uid, st.Gid, info.Mode())
	}
}

var errFault = errors.New("input/output error")

// record notes each step, and lets one of them fail before or after it has happened.
func record(log *[]string, fails string, landed bool) steps {
	step := func(name string, do func() error) error {
		*log = append(*log, name)
		if name != fails {
			return do()
		}
		if landed {
			return errors.Join(errFault, do())
		}
		return errFault
	}
	return steps{
		write: func(f *os.File, data []byte) (n int, err error) {
			return n, step("write", func() error { n, err = f.Write(data); return err })
		},
		sync: func(f *os.File) error {
			info, err := f.Stat()
			if err != nil {
				return err
			}
			name := "sync the file"
			if info.IsDir() {
				name = "sync the folder"
			}
			return step(name, f.Sync)
		},
		rename: func(from, to string) error { return step("rename", func() error { return os.Rename(from, to) }) },
	}
}

func TestEveryStepIsTakenInOrder(t *testing.T) {
	var log []string
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := record(&log, "", false).writeFile(path, []byte("new"), owner{0o600, -1, -1}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"write", "sync the file", "rename", "sync the folder"}; !slices.Equal(log, want) {
		t.Errorf("steps %q; want %q", log, want)
	}
}

func TestEachFaultIsToldAndLeavesAWholeFile(t *testing.T) {
	for _, tt := range []struct {
		step   string
		landed bool
		want   string
	}{
		{"write", false, "old"},
		{"write", true, "old"},
		{"sync the file", false, "old"},
		{"sync the file", true, "old"},
		{"rename", false, "old"},
		{"sync the folder", false, "new"},
		{"sync the folder", true, "new"},
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		var log []string
		err := record(&log, tt.step, tt.landed).writeFile(path, []byte("new"), owner{0o600, -1, -1})
		if !errors.Is(err, errFault) || strings.Contains(err.Error(), "remove") || log[len(log)-1] != tt.step {
			t.Errorf("%s fails (landed %v): %v after %q; want the fault, and no step after it", tt.step, tt.landed, err, log)
		}
		wantFile(t, path, tt.want)
	}
}

// What is not a file is an error, at once; so is a file that is too long.
func TestReadFile(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(path string) error
		want error // nil: an error of the text below
		text string
	}{
		{"a pipe", func(p string) error { return syscall.Mkfifo(p, 0o600) }, ErrNotFile, ""},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o700) }, ErrNotFile, ""},
		{"a device", func(p string) error { return os.Symlink("/dev/zero", p) }, ErrNotFile, ""},
		{"nothing", func(string) error { return nil }, os.ErrNotExist, ""},
		{"too long", func(p string) error { return os.WriteFile(p, []byte("12345"), 0o600) }, nil, "more than 4 bytes"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := tt.make(path); err != nil {
			t.Fatal(err)
		}
		data, err := ReadFile(path, 4)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || data != nil {
			t.Errorf("%s: %q, %v; want %v %s", tt.name, data, err, tt.want, tt.text)
		}
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(path, 4); string(data) != "1234" || err != nil {
		t.Errorf("%q, %v; want all of it", data, err)
	}
}
