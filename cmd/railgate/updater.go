package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver/slots"
	"railgate/store/update"
)

// An updater is the part of an update that runs as root. It trusts nobody's word: not the
// daemon's, which runs without rights, for what is in a file that it staged, nor a stick's.
type updater struct {
	cfg    *configs.Config
	dir    string // what is recorded, and the bundle while it is installed: root's alone
	slots  slots.Slots
	now    func() time.Time
	uptime func() time.Duration // since the machine started, which nobody sets
	sleep  func(context.Context, time.Duration) error
	status func(context.Context) (*control.Status, error) // the daemon's
	tell   func(notice)
	wished bool   // the daemon asks, and nobody else
	image  string // the release that the running system calls itself; "": it does not say
}

// A notice is how far a step of an update is.
type notice struct {
	Step    string  `json:"step"` // find, copy, install, restart, prove, done
	Release string  `json:"release,omitempty"`
	Bytes   int64   `json:"bytes,omitempty"`
	Total   int64   `json:"total,omitempty"`
	Percent int     `json:"percent,omitempty"`
	Speed   float64 `json:"bytes_per_second,omitempty"`
	Left    float64 `json:"seconds_left,omitempty"`
	Says    string  `json:"says,omitempty"`
}

// newUpdater is this machine's.
func newUpdater(g *gate, tell func(notice)) (*updater, error) {
	path := g.config
	if path == "" {
		path = configs.DefaultPath
	}
	cfg, err := configs.Load(path)
	if err != nil {
		return nil, err
	}
	if g.data != "" {
		cfg.Data = g.data
	}
	return updaterOf(cfg, tell), nil
}

func updaterOf(cfg *configs.Config, tell func(notice)) *updater {
	return &updater{
		cfg: cfg, dir: update.Folder, slots: &slots.Rauc{Boot: slots.FindTryboot()}, now: time.Now, uptime: sinceStart, sleep: sleepFor,
		status: control.NewClient(cfg.Data).Status, tell: tell, image: imageVersion("/etc/os-release"),
	}
}

// sinceStart is how long the machine has been up.
func sinceStart() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func sleepFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// imageVersion is IMAGE_VERSION of os-release(5).
func imageVersion(path string) string {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "IMAGE_VERSION="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// debianArch is this machine's architecture as releases are named.
func debianArch() string {
	if runtime.GOARCH == "arm" {
		return "armhf"
	}
	return runtime.GOARCH
}

// prepare makes the folder of what is recorded.
func (u *updater) prepare() error {
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(u.dir, 0o755)
}

// step takes one step of the law: under a lock, for a technician and the unit may come
// together, and durably, before anything is done. It returns the state before and after.
func (u *updater) step(e update.Event) (old, next update.State, effects []update.Effect, err error) {
	lock, err := os.OpenFile(filepath.Join(u.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return old, next, nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return old, next, nil, err
	}
	if old, err = update.Load(u.dir); err != nil {
		return old, next, nil, err
	}
	if next, effects, err = update.Step(old, e); err != nil {
		return old, old, nil, err
	}
	return old, next, effects, update.Save(u.dir, next)
}

// do takes a step and carries out what it says, but for an installation, which has its own
// progress to tell.
func (u *updater) do(ctx context.Context, e update.Event) (update.State, error) {
	old, next, effects, err := u.step(e)
	if err != nil {
		return next, err
	}
	var errs []error
	for _, effect := range effects {
		errs = append(errs, u.carryOut(ctx, effect, old, next))
	}
	return next, errors.Join(errs...)
}

func (u *updater) carryOut(ctx context.Context, e update.Effect, old, next update.State) error {
	switch e {
	case update.MarkGood:
		return u.slots.MarkGood(ctx)
	case update.MarkBad:
		return u.markBad(ctx, old, next)
	case update.Restart:
		return u.slots.Reboot(ctx)
	}
	return nil
}

// marksFor is for how long a mark that does not land is tried again: a slot that is not marked bad is started once more, and is not left then.
const (
	marksFor  = 3 * time.Minute
	marksWait = 10 * time.Second
)

// markBad marks the slot of the release that is or was on trial.
func (u *updater) markBad(ctx context.Context, old, next update.State) error {
	bootname := next.Bad
	if old.Trial != nil {
		bootname = old.Trial.Slot
	}
	for began := u.uptime(); ; {
		err := u.markSlotBad(ctx, bootname)
		if err == nil || u.uptime()-began >= marksFor {
			return err
		}
		if u.sleep(ctx, marksWait) != nil {
			return err
		}
	}
}

func (u *updater) markSlotBad(ctx context.Context, bootname string) error {
	s, err := u.slots.State(ctx)
	if err != nil {
		return err
	}
	for _, slot := range s.Slots {
		if slot.Bootname == bootname {
			return u.slots.MarkBad(ctx, slot.Name)
		}
	}
	return fmt.Errorf("slot %s, which is to be marked bad, is not there", bootname)
}

// before is how the gate is now, so that what is broken already is not held against a release.
func (u *updater) before(ctx context.Context) update.Before {
	s, err := u.status(ctx)
	if err != nil {
		return update.Before{}
	}
	sight := sighting(s)
	return update.Before{Down: sight.Down, Causes: sight.Causes}
}

// sighting is what a status says of how well the gate is.
func sighting(s *control.Status) update.Sighting {
	t := update.Sighting{Answers: true, Started: s.Started, Passages: s.Counts.Records["passage"]}
	for _, d := range s.Devices {
		if !d.Up {
			t.Down = append(t.Down, d.Kind+" "+d.Name)
		}
	}
	for _, c := range s.Causes {
		if c.Severity == control.OutOfService {
			t.Causes = append(t.Causes, c.Cause)
		}
	}
	slices.Sort(t.Causes)
	return t
}
