package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A folder that cannot be made durable is an error.
func TestFolderThatCannotBeSynced(t *testing.T) {
	if err := syncDir(filepath.Join(memory(t), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v; want %v", err, fs.ErrNotExist)
	}
	if err := syncDir("/proc/self"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a folder of the kernel's: %v; want %v", err, unix.EINVAL)
	}
}

// The folder's lock is the group's to read, names its owner, and is waited for.
func TestLockOfAFolder(t *testing.T) {
	dir := memory(t)
	if _, err := lockFolder(filepath.Join(dir, "missing"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v; want %v", err, fs.ErrNotExist)
	}
	if err := os.WriteFile(filepath.Join(dir, lockName), []byte("1234567890"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, lockName))
	f, err := lockFolder(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("the lock's file is %v, %v; want at most rw-r-----", info.Mode(), err)
	}
	files := openFiles(t)
	if _, err := lockFolder(dir, 0); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())+")") {
		t.Errorf("a second lock: %v; want %v, and by whom", err, ErrLocked)
	}
	if now := openFiles(t); now != files {
		t.Errorf("%d files are open; want %d", now, files)
	}
	time.AfterFunc(30*time.Millisecond, func() { f.Close() })
	again, err := lockFolder(dir, time.Minute)
	if err != nil {
		t.Fatalf("a lock that is let go: %v", err)
	}
	again.Close()
}

// The number of a process is written over a longer one.
func TestOwnerOfALock(t *testing.T) {
	path := filepath.Join(memory(t), lockName)
	if err := os.WriteFile(path, []byte(strings.Repeat("9", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := writePID(f); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("the file has %q, %v; want the process's number", text, err)
	}
	f.Close()
	if err := writePID(f); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a file that cannot be written: %v; want %v", err, fs.ErrClosed)
	}
}

// What cannot be written down is an error.
func TestOwnerOfALockThatCannotBeNamed(t *testing.T) {
	f, err := os.OpenFile(filepath.Join(memory(t), lockName), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := writePID(f); err == nil { // os.File refuses to write at a place of a file that is appended to
		t.Error("no error")
	}
}

// A file that may not grow is an error, not an owner.
func TestOwnerOfALockOnAFullDisk(t *testing.T) {
	if alone(t) {
		return
	}
	f, err := os.Create(filepath.Join(memory(t), lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	smallFiles(t, 0)
	if err := writePID(f); !errors.Is(err, unix.EFBIG) {
		t.Errorf("a file that may not grow: %v; want %v", err, unix.EFBIG)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestWhatExists(t *testing.T) {
	dir := memory(t)
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{dir: true, link: true, link + "2": false} {
		if there, err := exists(path); there != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", path, there, err, want)
		}
	}
	if there, err := exists("/dev/null/below"); there || !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("below a file: %v, %v; want %v", there, err, unix.ENOTDIR)
	}
}
