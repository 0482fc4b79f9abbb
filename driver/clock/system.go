package clock

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Clock keeps a [Trust] by the system's clocks. Its methods may be called
// concurrently.
type Clock struct {
	log  *slog.Logger
	read func() Sample

	mu      sync.Mutex // guards the fields below
	trust   *Trust
	beats   uint64
	pretend time.Duration // how far a bench has moved the wall clock
}

// New makes a clock that has read the system once.
func New(cfg Config, floor time.Time, log *slog.Logger) *Clock {
	c := &Clock{log: log, read: ReadSystem, trust: NewTrust(cfg, BootID(), floor, nil)}
	c.trust.Observe(c.read())
	return c
}

// Resume takes what was kept on the disk: a floor, and an anchor, which is worth
// something in the same boot.
func (c *Clock) Resume(floor time.Time, kept *Anchor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Resume(floor, kept)
	c.trust.Observe(c.sample())
}

// Run reads the system every second and hands each state to changed.
func (c *Clock) Run(ctx context.Context, changed func(State)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		c.mu.Lock()
		before := c.trust.State()
		now := c.trust.Observe(c.sample())
		c.beats++
		c.mu.Unlock()
		c.report(before, now)
		changed(now)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *Clock) report(before, now State) {
	if now.Step != 0 {
		c.log.Warn("the wall clock was stepped", "by", now.Step.Round(time.Millisecond), "source", now.Source)
	}
	if now.Source == before.Source {
		return
	}
	if now.Trusted() {
		c.log.Info("the clock is trusted", "source", now.Source)
	} else {
		c.log.Warn("the clock is not trusted", "why", now.Why)
	}
}

// Now is the best time there is, and whether to judge codes by it.
func (c *Clock) Now() (now time.Time, trusted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.Now(c.sample()), c.trust.State().Trusted()
}

// sample reads the system, as a bench has it. The caller holds mu.
func (c *Clock) sample() Sample {
	s := c.read()
	s.Wall = s.Wall.Add(c.pretend)
	return s
}

// Pretend moves the wall clock, on a bench where a day must pass in a second. It is
// seen as a step.
func (c *Clock) Pretend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pretend += d
}

// State is what is believed about the time.
func (c *Clock) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.State()
}

// Witness takes the signing time of a code whose signature holds, and whether it was
// the code to show now.
func (c *Clock) Witness(certificate string, issued, now time.Time, inTime bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Witness(certificate, issued, now, inTime)
}

// RaiseFloor says that it is at least now.
func (c *Clock) RaiseFloor(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.RaiseFloor(now)
}

// Anchor is what to keep for a restart in the same boot; nil: nothing.
func (c *Clock) Anchor() *Anchor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust.Anchor()
}

// Beats counts the turns of Run.
func (c *Clock) Beats() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beats
}

// ReadSystem reads the system's clocks.
func ReadSystem() Sample {
	return Sample{Wall: time.Now().Round(0), Mono: bootTime(), Synced: synced()}
}

// bootTime is the time since boot, suspended time included (clock_gettime(2)).
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("clock: internal error: " + err.Error()) // Linux has had it since 2.6.39
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
// own mark answers.
func synced() bool {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	if errors.Is(err, unix.EPERM) {
		return marked(timesyncMark, time.Now())
	}
	return err == nil && t.Status&unix.STA_UNSYNC == 0
}

// marked tells whether a mark was set lately. One from later than now is none: the
// clock was set back since.
func marked(path string, now time.Time) bool {
	info, err := os.Stat(path)
	return err == nil && !info.ModTime().After(now) && now.Sub(info.ModTime()) < markedFor
}
