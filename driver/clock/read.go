package clock

import (
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readTries = 5
	readQuick = time.Millisecond // clocks that were read within this were read at one instant
)

// ReadSystem reads the system's clocks, and whether they are synchronised.
func ReadSystem() Sample {
	s := readClocks()
	readSynced(&s)
	return s
}

func readSynced(s *Sample) { s.Synced, s.Mark = synced(s.Wall) }

// readClocks reads the system's clocks at one instant. A process that is interrupted
// between two clocks would see a jump where there was none, so the reading that took
// least time counts.
func readClocks() Sample {
	best, least := Sample{}, time.Duration(0)
	for i := range readTries {
		s, took := readOnce()
		if i == 0 || took < least {
			best, least = s, took
		}
		if took < readQuick {
			break
		}
	}
	return best
}

// readOnce reads each clock, and tells how long that took.
func readOnce() (s Sample, took time.Duration) {
	s.Raw = clockTime(unix.CLOCK_MONOTONIC_RAW)
	mono := clockTime(unix.CLOCK_MONOTONIC)
	s.Wall = time.Now().Round(0)
	// Both are slewed alike, so their difference is the time suspended.
	s.Asleep = clockTime(unix.CLOCK_BOOTTIME) - mono
	return s, clockTime(unix.CLOCK_MONOTONIC_RAW) - s.Raw
}

// clockTime reads one of the clocks that count from boot (clock_gettime(2)).
func clockTime(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic("clock: internal error: " + err.Error()) // Linux has had them all since 2.6.39
	}
	return time.Duration(ts.Nano())
}

// BootID is the kernel's name for this boot; empty where it cannot be read.
func BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// timesyncd touches this file at each synchronisation (systemd-timesyncd(8)), which
// it tries every 34 minutes at the latest (timesyncd.conf(5), PollIntervalMaxSec).
const (
	timesyncMark = "/run/systemd/timesync/synchronized"
	markedFor    = 90 * time.Minute
)

// synced asks the kernel whether its clock is disciplined (adjtimex(2); chrony
// says so there with its rtcsync directive, which is Debian's default, and
// timesyncd always). A unit with ProtectClock may not even ask: then timesyncd's
// own mark answers, and its time is returned.
func synced(now time.Time) (bool, time.Time) {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	if errors.Is(err, unix.EPERM) {
		return marked(timesyncMark, now)
	}
	return err == nil && t.Status&unix.STA_UNSYNC == 0, time.Time{}
}

// marked tells whether a mark was set lately, and when. One from later than now does
// not count: the clock was set back since.
func marked(path string, now time.Time) (bool, time.Time) {
	info, err := os.Stat(path)
	if err != nil {
		return false, time.Time{}
	}
	set := info.ModTime()
	return !set.After(now) && now.Sub(set) < markedFor, set
}
