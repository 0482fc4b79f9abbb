package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/store/durable"
	"railgate/store/journal"
)

// A Reader reads the journal from the file of a gate whose daemon is not running. It
// has the file only while it reads, so it keeps no daemon from starting.
type Reader struct {
	path        string
	first, last uint64
}

// OpenReader looks through a data folder's file. While a daemon has it the error is
// ErrLocked, and names who. A damaged file is an error that says so.
func OpenReader(dir string) (*Reader, error) {
	r := &Reader{path: filepath.Join(dir, fileName)}
	err := r.with(func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		found, err := inspect(f, info.Size())
		if err != nil {
			return fmt.Errorf("%s is damaged: %w", r.path, err)
		}
		r.first, r.last = found.first, found.last
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Records are up to n records that follow a number, oldest first; those that were
// there when the reader was opened. Where a daemon has taken the file since, the error
// is ErrLocked: ask the daemon for the rest.
func (r *Reader) Records(after uint64, n int) (records []journal.Record, err error) {
	err = r.with(func(f *os.File) error {
		records, err = readRecords(f, r.first, r.last, after, n)
		return err
	})
	return records, err
}

// readerWait bounds the wait for a daemon that is going.
const readerWait = time.Second

// with opens the file for as long as f reads it, under the lock that bbolt takes.
func (r *Reader) with(read func(*os.File) error) error {
	f, err := durable.Open(r.path)
	if err != nil {
		return err
	}
	defer f.Close() // and with it the lock goes
	for end := time.Now().Add(readerWait); ; time.Sleep(20 * time.Millisecond) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w (%s)", r.path, ErrLocked, holder(r.path))
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", r.path, err)
	}
	return read(f)
}

// locksReads is how often the kernel's list of locks is read: it comes in pieces, and where
// others lock and unlock in between, a lock that is held all the time may be in none of them.
const locksReads = 20

// holder names the process that has a file locked, as far as the kernel tells.
func holder(path string) string {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return err.Error()
	}
	pid, err := searchLocks(stat.Ino, func() ([]byte, error) { return os.ReadFile("/proc/locks") })
	if err != nil {
		return err.Error()
	}
	name, err := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	if err != nil {
		return "process " + pid
	}
	return "process " + pid + ", " + strings.TrimSpace(string(name))
}

// searchLocks finds the process that has a file in one of several readings of the kernel's list.
func searchLocks(inode uint64, read func() ([]byte, error)) (pid string, err error) {
	for range locksReads {
		locks, err := read()
		if err != nil {
			return "", err
		}
		if pid := lockHolder(string(locks), inode); pid != "" {
			return pid, nil
		}
	}
	return "", errors.New("the kernel does not say which")
}

// lockHolder finds the process that has a file in the kernel's list of locks
// (proc_locks(5)); "": none is there. A line is
//
//	1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
//
// with "->" after the number where somebody waits.
func lockHolder(locks string, inode uint64) string {
	suffix := fmt.Sprintf(":%d", inode)
	for line := range strings.Lines(locks) {
		f := strings.Fields(line)
		if len(f) == 8 && f[1] == "FLOCK" && strings.HasSuffix(f[5], suffix) && f[4] != "0" && f[4] != "-1" {
			return f[4]
		}
	}
	return ""
}
