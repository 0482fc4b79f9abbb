package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"railgate/driver/slots"
	"railgate/store/sync"
	"railgate/store/update"
)

// An order is how a release is asked for.
type order struct {
	byHand, downgrade bool
}

// spareBytes must stay free on the data partition: the store's records need them.
const spareBytes = 64 << 20

// bundleName is the bundle in root's own folder, while it is installed.
const bundleName = "bundle.raucb"

// install copies a bundle into root's own folder, where nobody else can change it, hashing it
// on the way, and only then has the slot written, and restarts.
func (u *updater) install(ctx context.Context, from *os.File, r *release, o order) error {
	if err := u.prepare(); err != nil {
		return err
	}
	s, err := u.slots.State(ctx)
	if err != nil {
		return err
	}
	other := s.Other()
	if other == nil || s.Booted() == nil {
		return fmt.Errorf("%w: rauc status shows no slot that runs, or no other one", slots.ErrNone)
	}
	if err := u.slots.Ready(); err != nil { // it would only fall back
		return err
	}
	if err := u.knowWhatRuns(ctx, s.Booted()); err != nil {
		return err
	}
	e := update.Asked{Release: r.version, Sum: r.sum, Slot: other.Bootname, ByHand: o.byHand, Downgrade: o.downgrade, Before: u.before(ctx)}
	if err := u.mayAsk(e); err != nil { // before a minute is spent on copying
		return err
	}
	bundle := filepath.Join(u.dir, bundleName)
	defer os.Remove(bundle)
	if err := u.copyBundle(ctx, from, bundle, r); err != nil {
		return err
	}
	if err := u.isStill(ctx, bundle, r); err != nil {
		return fmt.Errorf("%s: %w", from.Name(), err)
	}
	if _, err := u.do(ctx, e); err != nil {
		return err
	}
	return u.write(ctx, bundle, r)
}

// isStill asks root's copy of a bundle for its version, where the bundle alone says it: the file that was asked first may have been another one, as on
// a stick that somebody else can write.
func (u *updater) isStill(ctx context.Context, bundle string, r *release) error {
	if !r.own {
		return nil
	}
	version, err := u.slots.Version(ctx, bundle)
	if err == nil && version != r.version {
		err = fmt.Errorf("%w: its version was %s, and in the copy that would be installed it is %s", errSum, r.version, version)
	}
	return err
}

// knowWhatRuns records the release that runs where no start has done so: without it nothing
// would be older.
func (u *updater) knowWhatRuns(ctx context.Context, booted *slots.Slot) error {
	s, err := update.Load(u.dir)
	if err != nil || s.Running != "" || s.Trial != nil {
		return err
	}
	release := u.image
	if release == "" {
		release = booted.Version
	}
	_, err = u.do(ctx, update.Started{Slot: booted.Bootname, Release: release})
	return err
}

// mayAsk says whether the law would take the wish.
func (u *updater) mayAsk(e update.Asked) error {
	s, err := update.Load(u.dir)
	if err == nil {
		_, _, err = update.Step(s, e)
	}
	return err
}

// write has RAUC write the slot, and restarts.
func (u *updater) write(ctx context.Context, bundle string, r *release) error {
	began := time.Now()
	err := u.slots.Install(ctx, bundle, func(percent int, doing string) {
		p := notice{Step: "install", Release: r.version, Percent: percent, Says: doing}
		if percent > 0 && percent < 100 {
			p.Left = time.Since(began).Seconds() * float64(100-percent) / float64(percent)
		}
		u.tell(p)
	})
	if err != nil {
		_, marked := u.do(ctx, update.NotWritten{Why: err.Error()})
		return errors.Join(err, marked)
	}
	if _, err := u.do(ctx, update.Wrote{}); err != nil {
		return err
	}
	os.Remove(bundle)
	u.tell(notice{Step: "restart", Release: r.version, Says: "the gate restarts; the release is kept once it has proved good"})
	_, err = u.do(ctx, update.MayRestart{})
	return err
}

// copyBundle copies and hashes at once: what is hashed is what is installed.
func (u *updater) copyBundle(ctx context.Context, from *os.File, to string, r *release) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := sync.Room(u.dir, r.length+spareBytes); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	h := sha256.New()
	m := &meter{tell: u.tell, step: "copy", release: r.version, total: r.length, began: time.Now()}
	n, err := io.Copy(io.MultiWriter(out, h, m), &patientReader{ctx, io.LimitReader(from, r.length+1)})
	if err != nil {
		return fmt.Errorf("copying %s: %w", from.Name(), err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != r.length || sum != r.sum {
		return fmt.Errorf("%s: %w: it has %d bytes and sha256 %s; release %s has %d bytes and sha256 %s", from.Name(), errSum, n, sum, r.version, r.length, r.sum)
	}
	return errors.Join(out.Sync(), out.Close())
}

// patientReader ends with its context.
type patientReader struct {
	ctx context.Context
	io.Reader
}

func (r *patientReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// A meter tells how fast bytes go by, a few times a second.
type meter struct {
	tell          func(notice)
	step, release string
	have, total   int64
	began, told   time.Time
}

func (m *meter) Write(p []byte) (int, error) {
	m.have += int64(len(p))
	now := time.Now()
	if now.Sub(m.told) < 200*time.Millisecond && m.have < m.total {
		return len(p), nil
	}
	m.told = now
	m.tell(measured(m.step, m.release, m.have, m.total, now.Sub(m.began)))
	return len(p), nil
}

// measured is a notice with its speed, and the time that is left at that.
func measured(step, release string, have, total int64, spent time.Duration) notice {
	p := notice{Step: step, Release: release, Bytes: have, Total: total}
	if total > 0 {
		p.Percent = int(have * 100 / total)
	}
	if s := spent.Seconds(); s > 0 && have > 0 {
		p.Speed = float64(have) / s
		p.Left = float64(total-have) / p.Speed
	}
	return p
}
