package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/journal"
)

// A reader that is not reading has nothing: a daemon that starts meanwhile opens at
// once, and has the file from then on.
func TestReaderKeepsNoDaemonFromStarting(t *testing.T) {
	t.Parallel() // it waits
	g := used(t, 60)
	g.Close()
	r, err := OpenReader(g.opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Records(0, 50)
	if err != nil || len(first) != 50 {
		t.Fatalf("%d records, %v; want 50", len(first), err)
	}
	g.open()
	if g.Err() != nil {
		t.Fatalf("the daemon's store: %v", g.Err())
	}
	_, err = r.Records(50, 50)
	if me := fmt.Sprintf("process %d", os.Getpid()); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), me) || !strings.Contains(err.Error(), g.path()) {
		t.Errorf("the next batch: %v; want %v, the file and %s", err, ErrLocked, me)
	}
	g.Close()
	if rest, err := r.Records(50, 1000); err != nil || len(rest) != 71 {
		t.Errorf("after the daemon: %d records, %v; want the 71 that were there", len(rest), err)
	}
}

// A file that somebody has locked is named, and who has it.
func TestLockedFileIsNamed(t *testing.T) {
	t.Parallel() // it waits
	g := used(t, 1)
	g.Close()
	f, err := os.Open(g.path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	g.open()
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), g.path()) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("Err = %v; want the file and the process", err)
	}
	f.Close()
	if !g.reopen() {
		t.Errorf("after it was let go: %v", g.Err())
	}
}

// A lock that the kernel's list left out once is found in the next.
func TestLocksAreReadAgain(t *testing.T) {
	readings := 0
	read := func() ([]byte, error) {
		if readings++; readings < locksReads {
			return []byte("1: POSIX  ADVISORY  WRITE 612 fe:00:1234 0 EOF\n"), nil
		}
		return []byte("1: FLOCK  ADVISORY  WRITE 99 fe:00:1234 0 EOF\n"), nil
	}
	if pid, err := searchLocks(1234, read); pid != "99" || err != nil || readings != locksReads {
		t.Errorf("%q, %v after %d readings; want 99 after %d", pid, err, readings, locksReads)
	}
	if pid, err := searchLocks(1, read); pid != "" || err == nil {
		t.Errorf("%q, %v; want that the kernel does not say which", pid, err)
	}
	if _, err := searchLocks(1, func() ([]byte, error) { return nil, fs.ErrPermission }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v; want that the list may not be read", err)
	}
}

func FuzzLockHolder(f *testing.F) {
	const locks = `1: POSIX  ADVISORY  WRITE 612 fe:00:1234 0 EOF
2: FLOCK  ADVISORY  READ  77 fe:00:12345 0 EOF
3: FLOCK  ADVISORY  WRITE 99 fe:00:1234 0 EOF
3: -> FLOCK  ADVISORY  READ 100 fe:00:1234 0 EOF
4: FLOCK  ADVISORY  WRITE 0 fe:00:5 0 EOF
5: FLOCK  ADVISORY  WRITE -1 fe:00:6 0 EOF
`
	for inode, want := range map[uint64]string{1234: "99", 12345: "77", 5: "", 6: "", 34: ""} {
		if got := lockHolder(locks, inode); got != want {
			f.Errorf("holder of %d = %q; want %q", inode, got, want)
		}
	}
	f.Add(locks, uint64(1234))
	f.Add("1: FLOCK", uint64(0))
	f.Fuzz(func(t *testing.T, locks string, inode uint64) {
		if pid := lockHolder(locks, inode); pid != "" && !strings.Contains(locks, pid) {
			t.Errorf("%q is not in %q", pid, locks)
		}
	})
}

// A reader begins with the oldest record that is kept, and says what it cannot read.
func TestReaderOfAPrunedJournal(t *testing.T) {
	g := used(t, 3)
	g.flushNow(t)
	g.mu.Lock()
	g.age.old = 3
	g.mu.Unlock()
	if _, n, err := g.prune(noon); n != 3 || err != nil {
		t.Fatalf("%d pruned, %v", n, err)
	}
	g.Close()
	r, err := OpenReader(g.opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	records, err := r.Records(0, 2)
	if err != nil || len(records) != 2 || records[0].Seq != 4 || records[0].Kind == journal.Damaged {
		t.Errorf("%+v, %v; want it to begin with record 4", records, err)
	}
	zero(t, g.path(), 0, 2*pageSize)
	if records, err := r.Records(0, 2); err == nil {
		t.Errorf("%+v of a file without a meta page; want an error", records)
	}
}

// A reader waits for a daemon that is going.
func TestReaderWaitsForADaemonThatIsGoing(t *testing.T) {
	g := used(t, 1)
	g.Close()
	f, err := os.Open(g.path())
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Millisecond, func() { f.Close() })
	if _, err := OpenReader(g.opt.Dir); err != nil {
		t.Error(err)
	}
}

// Who has a file locked is named as far as the kernel tells.
func TestWhoHasAFile(t *testing.T) {
	path := filepath.Join(memory(t), "file")
	if got := holder(path); !strings.Contains(got, unix.ENOENT.Error()) {
		t.Errorf("no file: %q", got)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := holder(path); got != "the kernel does not say which" {
		t.Errorf("a file that nobody has: %q", got)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if want := fmt.Sprintf("process %d, %s", os.Getpid(), strings.TrimSpace(string(comm))); err != nil || holder(path) != want {
		t.Errorf("%q; want %q", holder(path), want)
	}
}
