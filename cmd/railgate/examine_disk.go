package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/store"
)

// clock checks whether the system knows the time, and will after a power cut. What the
// daemon thinks of its clock it says itself.
func (p *patient) clock() []finding {
	var found []finding
	sample := p.host.clock()
	seconds, _ := strconv.ParseInt(built, 10, 64) // the linker's
	made := time.Unix(seconds, 0)
	required := p.cfg == nil || p.cfg.Clock.RequireSync
	switch {
	case p.status != nil && p.status.Clock.Trusted:
		found = append(found, good("%s", p.status.Clock.Source))
	case p.status != nil:
	case sample.Wall.Before(made):
		why := fmt.Sprintf("it says %s, and this program was made %s", sample.Wall.UTC().Format(time.DateTime), made.UTC().Format(time.DateTime))
		found = append(found, sick(control.BelowProven(why, control.Keeper{Synced: sample.Synced, BeforeBuild: true}, "{config}", p.config)))
	case sample.Synced:
		found = append(found, good("synchronised"))
	case required:
		found = append(found, p.found(control.ClockNotSynchronised, "the kernel says that nothing keeps its clock right"))
	}
	if _, err := os.Stat(p.host.path("/dev/rtc0")); err != nil && required {
		found = append(found, p.found(control.NoBatteryClock, "/dev/rtc0 is missing"))
	}
	return found
}

const (
	freeWanted  = 512 << 20
	freeNeeded  = 1 << 20 // with less the store does not begin to work
	filesNeeded = 8       // the gate's own, and their successors
	fsyncWrites = 20
	fsyncSlow   = 100 * time.Millisecond
	commitSlow  = time.Second
)

// disk checks the data folder, the room, and how long a write takes to be durable.
func (p *patient) disk() []finding {
	var f unix.Statfs_t
	if err := unix.Statfs(p.data, &f); errors.Is(err, fs.ErrNotExist) {
		return []finding{p.found(control.DataMissing, p.data+" is not there")}
	} else if err != nil {
		return []finding{p.found(control.DiskFailing, err.Error())}
	}
	if f.Flags&unix.ST_RDONLY != 0 {
		return []finding{p.found(control.DiskReadOnly, p.data+" is on a file system that is mounted read-only")}
	}
	for path, way := range map[string]uint32{p.data: rOK | wOK | xOK, filepath.Join(p.data, storeName): rOK | wOK, filepath.Join(p.data, "gate.lock"): rOK | wOK} {
		if r, err := p.user.access(path, way); err == nil && r != nil && errors.Is(r.err, fs.ErrPermission) {
			return []finding{p.rights(control.DataUnwritable, r, path, "write to")}
		}
	}
	if p.ofService() && !p.unit.mayWrite(p.data) {
		return []finding{p.found(control.DataReadOnly, fmt.Sprintf("%s is not among the folders that %s may write to (%s)", p.data, unitName, strings.Join(p.unit.writable, ", ")))}
	}
	if f.Files > 0 && f.Ffree < filesNeeded {
		return []finding{p.noFiles(f.Ffree)}
	}
	free := int64(f.Bavail) * int64(f.Bsize)
	room := good("%s are free in %s", bytesOf(free), p.data)
	switch {
	case free < freeNeeded:
		return []finding{p.found(control.DiskFull, room.Text)}
	case free < freeWanted:
		room = p.found(control.DiskLow, room.Text)
	}
	return append([]finding{room}, p.speed()...)
}

// noFiles is a disk with room and no room for another file.
func (p *patient) noFiles(left uint64) finding {
	f := p.found(control.DiskFull, fmt.Sprintf("%s is on a file system that has room for %d more files, whatever their size", p.data, left))
	f.Fix = fmt.Sprintf(`du -xa --inodes "$(stat -c %%m %s)" | sort -n | tail -n 20`, control.Quote(p.data))
	return f
}

// noRights is a folder to which not even root may write.
func (p *patient) noRights(err error) finding {
	f := p.found(control.DataUnwritable, fmt.Sprintf("%v, though its mode and owner are right: it is marked immutable, or a security module forbids it", err))
	f.Fix = "chattr -R -i -a " + control.Quote(p.data)
	return f
}

// speed times durable writes, and looks at the daemon's own.
func (p *patient) speed() []finding {
	times, err := timeSyncs(p.data)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return []finding{p.found(control.DiskFull, err.Error())}
	case errors.Is(err, unix.EROFS):
		return []finding{p.found(control.DiskReadOnly, err.Error())}
	case errors.Is(err, unix.EPERM) && os.Geteuid() == 0:
		return []finding{p.noRights(err)}
	case errors.Is(err, fs.ErrPermission):
		return []finding{good("not timed: you may not write to %s", p.data)}
	case err != nil:
		return []finding{p.found(control.DiskFailing, err.Error())}
	}
	median, slow := times[len(times)/2], times[len(times)*9/10]
	text := fmt.Sprintf("a durable write takes %v, one in ten over %v", median.Round(10*time.Microsecond), slow.Round(10*time.Microsecond))
	if commit := p.lastCommit(); commit > commitSlow {
		return []finding{p.found(control.DiskSlow, fmt.Sprintf("railgated's last commit took %v; %s", commit.Round(time.Millisecond), text))}
	}
	if slow > fsyncSlow {
		return []finding{p.found(control.DiskSlow, text)}
	}
	return []finding{good("%s", text)}
}

// lastCommit is how long the daemon's last commit took; 0: not known.
func (p *patient) lastCommit() time.Duration {
	if p.status == nil {
		return 0
	}
	return time.Duration(p.status.Timings.Commit) * time.Microsecond
}

// timeSyncs times small durable writes, shortest first.
func timeSyncs(dir string) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "doctor-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	var times []time.Duration
	for i := range fsyncWrites {
		began := time.Now()
		if _, err := f.WriteAt(page, int64(i%4)*4096); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times, nil
}

// storeName is the store's file in the data folder.
const storeName = "gate.db"

// store looks for files that were set aside, and reads the one that a daemon which
// does not run has left.
func (p *patient) store() []finding {
	var found []finding
	aside, _ := filepath.Glob(filepath.Join(p.data, storeName+".damaged-*")) // the pattern is good
	for _, path := range aside {
		if filepath.Ext(path) != ".ndjson" { // which the remedy makes
			found = append(found, p.found(control.StoreSetAside, path, "{file}", path))
		}
	}
	if p.status != nil {
		return append(found, good("%d records, %d codes remembered", p.status.Store.Seq, p.status.Store.Spent))
	}
	_, err := store.OpenReader(p.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return append(found, good("none yet"))
	case errors.Is(err, store.ErrLocked):
		return append(found, p.storeHeld(err))
	case errors.Is(err, fs.ErrPermission):
		return append(found, good("not looked at: %v", err))
	case err != nil:
		return append(found, p.found(control.StoreDown, err.Error()))
	}
	return append(found, good("can be read"))
}

// storeHeld says who has the store: railgated itself, though it does not answer, or another.
func (p *patient) storeHeld(err error) finding {
	others := p.host.fileHolders(filepath.Join(p.data, storeName), p.pid)
	if len(others) == 0 && p.pid != 0 {
		return good("railgated has it (pid %d)", p.pid)
	}
	if len(others) == 0 {
		return p.found(control.StoreBusy, err.Error())
	}
	return p.found(control.StoreBusy, fmt.Sprintf("%s is held by %v", filepath.Join(p.data, storeName), others[0]), "{end}", others[0].end())
}
