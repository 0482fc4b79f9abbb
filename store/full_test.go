package store

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// alone runs a test again in a process of its own, for what it does to its process concerns
// nobody else: go test's list of the files that were opened is a file, too. It reports whether
// it has: then the caller has nothing left to do.
func alone(t *testing.T) (ran bool) {
	t.Helper()
	const asked = "RAILGATE_TEST_ALONE"
	if os.Getenv(asked) == t.Name() {
		return false
	}
	names := strings.Split(t.Name(), "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	c := exec.Command(os.Args[0], "-test.run="+strings.Join(names, "/"))
	c.Env = append(os.Environ(), asked+"="+t.Name())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return true
}

// smallFiles is a disk on which no file grows beyond a size, until the test ends or more is
// called. Only a test that runs alone may have one.
func smallFiles(t *testing.T, bytes uint64) (more func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	more = func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(more)
	return more
}

// deep is a folder so deep that a name in it is as long as a path may be: no longer one can be
// made.
func deep(t *testing.T, name string) string {
	t.Helper()
	const most = 4096 - 1 // PATH_MAX, with the byte that ends it
	dir := memory(t)
	for left := most - len("/"+name) - len(dir); left > 0; left = most - len("/"+name) - len(dir) {
		n := min(left-1, 255)
		if left-1-n == 1 { // would leave a name of nothing
			n--
		}
		dir += "/" + strings.Repeat("d", n)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A file that could not be made whole takes no file's place.
func TestFileThatCannotBeMade(t *testing.T) {
	first := journal.Record{Kind: journal.Started}
	t.Run("its folder is not there", func(t *testing.T) {
		g := newGate(t)
		g.Store.opt.Dir = filepath.Join(memory(t), "missing")
		if err := g.create(0, first); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("create = %v; want %v", err, fs.ErrNotExist)
		}
	})
	t.Run("its name is too long", func(t *testing.T) {
		g := newGate(t)
		g.Store.opt.Dir = deep(t, fileName)
		if err := g.create(0, first); !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("create = %v; want %v", err, unix.ENAMETOOLONG)
		}
		g.loss = ""
		if found, err := g.prepare(false); found != nil || !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("prepare = %v, %v; want %v", found, err, unix.ENAMETOOLONG)
		}
	})
	t.Run("the disk is full", func(t *testing.T) {
		if alone(t) {
			return
		}
		g := newGate(t)
		g.Store.opt.Dir = memory(t)
		smallFiles(t, 100_000)
		if err := g.create(0, first); err == nil || !strings.Contains(err.Error(), unix.EFBIG.Error()) { // bbolt wraps none
			t.Errorf("create = %v; want %v", err, unix.EFBIG)
		}
		if there, err := exists(g.Store.path()); there || err != nil {
			t.Errorf("there is a file: %v, %v", there, err)
		}
	})
	t.Run("another is in its place, and cannot go", func(t *testing.T) {
		g := newGate(t)
		g.Store.opt.Dir = memory(t)
		if err := os.MkdirAll(filepath.Join(g.Store.path(), "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := g.create(0, first); err == nil {
			t.Error("create: no error")
		}
	})
}

// What cannot be asked for is neither there nor missing.
func TestFileThatCannotBeAskedForIsNotMissing(t *testing.T) {
	g := newGate(t)
	below := filepath.Join(memory(t), "file")
	if err := os.WriteFile(below, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Store.opt.Dir = below
	if _, err := g.prepare(true); !errors.Is(err, unix.ENOTDIR) || g.loss != "" {
		t.Errorf("prepare = %v, loss %q; want %v, and nothing lost", err, g.loss, unix.ENOTDIR)
	}
	var d *damageError
	if found, err := g.examine(); found != nil || !errors.Is(err, unix.ENOTDIR) || errors.As(err, &d) {
		t.Errorf("examine = %v, %v; want %v, which is no damage", found, err, unix.ENOTDIR)
	}
}

// A new file says by itself what was lost: a start that is cut after it was made is blind.
func TestANewFileSaysWhatWasLost(t *testing.T) {
	g := newGate(t)
	g.Close()
	h := newGate(t)
	h.Close()
	h.loss, h.Store.opt.Dir = "a cat took it", memory(t)
	if err := h.create(7, journal.Record{Kind: journal.SetAside}); err != nil {
		t.Fatal(err)
	}
	g.opt.Dir, g.opt.Mark = h.Store.opt.Dir, "" // no mark knows of it
	g.open()
	if b := g.Blind(); !b.Blind || b.Why != "a cat took it" || g.Seq() != 8 {
		t.Errorf("blind = %+v, seq %d; want blind, why, and 8", b, g.Seq())
	}
}

// A damage's cause can be asked for.
func TestDamageHasACause(t *testing.T) {
	if err := error(&damageError{fs.ErrPermission}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v has no cause", err)
	}
}

// A damaged file that cannot be moved out of the way is said, and stays.
func TestFileThatCannotBeSetAside(t *testing.T) {
	g := newGate(t)
	g.Store.opt.Dir = deep(t, fileName)
	if err := os.WriteFile(g.Store.path(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.setAside(&damageError{errNoBucket}); !errors.Is(err, unix.ENAMETOOLONG) || g.aside != "" || g.loss != "" {
		t.Errorf("setAside = %v, aside %q, loss %q; want %v, and nothing done", err, g.aside, g.loss, unix.ENAMETOOLONG)
	}
}

// So is a store that finds such a file.
func TestStoreWhoseFileCannotBeSetAside(t *testing.T) {
	g := newGate(t)
	g.Close()
	g.opt.Dir = deep(t, markName)
	if err := os.WriteFile(filepath.Join(g.opt.Dir, fileName), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.open()
	if err := g.Err(); !errors.Is(err, unix.ENAMETOOLONG) || !strings.Contains(err.Error(), "aside") {
		t.Errorf("Err = %v; want that it cannot be set aside", err)
	}
}

// A disk without room, or that cannot say whether it has any, is none to begin on.
func TestRoom(t *testing.T) {
	g := newGate(t)
	if err := g.room(); err != nil {
		t.Errorf("a disk with room: %v", err)
	}
	g.Store.opt.Dir = "/proc" // which has none
	if err := g.room(); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "/proc") {
		t.Errorf("no room: %v; want %v", err, unix.ENOSPC)
	}
	g.Store.opt.Dir = filepath.Join(memory(t), "missing")
	if err := g.room(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no disk: %v; want %v", err, fs.ErrNotExist)
	}
}

// A store whose mark cannot be made does not open: a restart could not know that codes were spent.
func TestStoreThatCannotBeMarked(t *testing.T) {
	g := newGate(t)
	g.Close()
	g.opt.Dir = deep(t, fileName+".new")
	g.open()
	if err := g.Err(); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("Err = %v; want %v", err, unix.ENAMETOOLONG)
	}
	if _, err := g.Commit(granted(1)); err == nil {
		t.Error("an act without a store")
	}
}
