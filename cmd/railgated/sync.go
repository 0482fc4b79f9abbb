package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify/lane"
)

// A syncer brings the keyset from the nation's repository, whenever that can be reached.
// A gate works on without it: how long is a grade.
type syncer struct {
	cfg   *configs.Sync
	store *store.Store
	clock *clock.Clock
	keys  *keyring.Ring
	log   *slog.Logger
	note  func(journal.Record) // appends a record

	site, siteTargets *sync.Web
	want              chan struct{} // has room for one: ask now
	asked             time.Time     // when somebody wanted that last; owned by the lane's goroutine

	busy gosync.Mutex // held for a round: a repository is refreshed once at a time

	mu      gosync.Mutex  // guards the fields below
	done    chan struct{} // closed when the round that begins next has ended
	last    synced
	version int64
	expires time.Time
	err     error
	told    sync.Grade
}

// synced is what is kept of the last whole refresh.
type synced struct {
	At time.Time `cbor:"1,keyasint"`
}

const (
	nation     = "nation"
	syncedNote = "synced nation"
	keysTarget = "keys.json"

	maxKeyset   = 64 << 20 // bytes
	syncBackoff = 10 * time.Minute
	syncTimeout = 2 * time.Minute
	askedEvery  = time.Minute // how often an unknown key may ask
)

// newSyncer is nil where no repository is configured.
func newSyncer(cfg *configs.Sync, s *store.Store, c *clock.Clock, k *keyring.Ring, note func(journal.Record), log *slog.Logger) *syncer {
	if cfg.Nation == "" {
		return nil
	}
	base := strings.TrimSuffix(cfg.Nation, "/")
	y := &syncer{site: sync.NewWeb(base, nil), siteTargets: sync.NewWeb(base+"/targets", nil), cfg: cfg, store: s, clock: c, keys: k, log: log, note: note, want: make(chan struct{}, 1), done: make(chan struct{})}
	y.resume()
	y.told = y.grade()
	return y
}

// resume takes what the store has kept of the last refresh, unless there was one since. It
// is asked for again where the store could not be read at the start.
func (y *syncer) resume() {
	if y == nil {
		return
	}
	var last synced
	if ok, err := y.store.Note(syncedNote, &last); !ok || err != nil {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.last.At.IsZero() {
		y.last = last
	}
}

func (y *syncer) String() string { return "sync" }

// Run asks the repository now and then, more seldom where that fails.
func (y *syncer) Run(ctx context.Context) error {
	failures := 0
	for {
		if err := y.round(ctx, y.sources()); err != nil {
			failures++
		} else {
			failures = 0
		}
		timer := time.NewTimer(y.wait(failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-y.want:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// wait is the time until the next round: with a spread, so that the gates of a nation do
// not ask at once, and doubled for each failure.
func (y *syncer) wait(failures int) time.Duration {
	wait := y.cfg.Every << min(failures, 10)
	if failures > 0 {
		wait = min(max(wait, y.cfg.Every), max(syncBackoff, y.cfg.Every))
	}
	return wait*9/10 + rand.N(wait/5+1)
}

// round asks a repository once, and notes how that went.
func (y *syncer) round(ctx context.Context, from sources) error {
	y.busy.Lock()
	defer y.busy.Unlock()
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	listing, err := y.refresh(ctx, from)
	y.mu.Lock()
	if err == nil {
		y.version, y.expires = listing.Version(), listing.Expires()
	}
	if news := fmt.Sprint(err) != fmt.Sprint(y.err); news && err != nil && ctx.Err() != context.Canceled {
		y.log.Warn("the keyset's repository cannot be used; the keyset stays as it is", "nation", y.cfg.Nation, "err", err)
	} else if news && err == nil && y.err != nil {
		y.log.Info("the keyset's repository works again", "nation", y.cfg.Nation)
	}
	y.err = err
	close(y.done)
	y.done = make(chan struct{})
	y.mu.Unlock()
	y.tell()
	return err
}

// refresh takes what a repository offers.
func (y *syncer) refresh(ctx context.Context, from sources) (*sync.Listing, error) {
	root, err := os.ReadFile(y.cfg.Root(nation))
	if err != nil {
		return nil, fmt.Errorf("first root: %w", err)
	}
	r := &sync.Repository{Name: nation, Root: root, Metadata: from.metadata, Targets: from.targets, State: y.store, Now: y.referenceTime}
	listing, err := r.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := y.takeKeys(ctx, listing); err != nil {
		return nil, err
	}
	y.learnTime()
	return listing, y.keep()
}

// sources are where a repository's metadata and targets are.
type sources struct{ metadata, targets sync.Source }

// sources are the configuration's: a web server's or a folder's.
func (y *syncer) sources() sources {
	if filepath.IsAbs(y.cfg.Nation) {
		return sources{sync.Folder(y.cfg.Nation), sync.Folder(filepath.Join(y.cfg.Nation, "targets"))}
	}
	return sources{y.site, y.siteTargets}
}

// referenceTime is the trusted time; where there is none, what is proven: a gate whose
// clock is at 1970 must not find everything too new to have ended, nor one at 2099
// everything ended.
func (y *syncer) referenceTime() time.Time {
	if now := y.clock.Now(); now.OK {
		return now.Time
	}
	return y.clock.Proven().Proven()
}

// takeKeys puts the keyset to use, if it is another.
func (y *syncer) takeKeys(ctx context.Context, l *sync.Listing) error {
	target, err := l.Find(ctx, keysTarget)
	if err != nil {
		return err
	}
	kept, err := y.store.File(nation, keysTarget)
	if err != nil {
		return err
	}
	if kept != nil && target.Matches(kept) {
		if y.keys.Current() == nil { // the copy was lost
			return y.keys.Receive(kept)
		}
		return nil
	}
	data, err := l.Bytes(ctx, target, maxKeyset)
	if err != nil {
		return err
	}
	if err := y.keys.Receive(data); err != nil {
		return fmt.Errorf("%s: %w", keysTarget, err)
	}
	y.note(journal.Record{Kind: journal.Synced, Detail: fmt.Sprintf("keyset version %d", y.keys.Current().Version)})
	return y.store.PutFiles(nation, map[string][]byte{keysTarget: data})
}

// learnTime takes from timestamp.json when it was signed: it is at least that late.
func (y *syncer) learnTime() {
	data, err := y.store.File(nation, "timestamp.json")
	if err != nil || data == nil {
		return
	}
	var doc struct {
		Signed struct {
			SignedAt time.Time `json:"signed_at"`
		} `json:"signed"`
	}
	if json.Unmarshal(data, &doc) == nil && !doc.Signed.SignedAt.IsZero() {
		y.clock.Prove(nation, doc.Signed.SignedAt)
	}
}

// keep notes a whole refresh, by the trusted time: the age of a keyset counts from here.
func (y *syncer) keep() error {
	now := y.clock.Now()
	if !now.OK {
		return nil
	}
	last := synced{At: now.Time}
	if err := y.store.PutNote(syncedNote, last); err != nil {
		return err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.last = last
	return nil
}

// grade is how far the gate is behind.
func (y *syncer) grade() sync.Grade {
	return sync.GradeOf(y.last.At, y.clock.Now().Time, y.cfg.OfflineFor, y.cfg.OfflineStop)
}

// tell journals a change of the grade.
func (y *syncer) tell() {
	y.mu.Lock()
	now := y.grade()
	changed := now != y.told
	y.told = now
	y.mu.Unlock()
	if changed {
		y.note(journal.Record{Kind: journal.Synced, Detail: "the repository is " + string(now)})
	}
}

// stopped says why no code may open any more; "" where one may.
func (y *syncer) stopped() string {
	if y == nil || !y.clock.Now().OK {
		return "" // by a clock that may be wrong nothing is too old
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.last.At.IsZero() || y.grade() != sync.Stopped {
		return ""
	}
	return fmt.Sprintf("the repository has not been reached since %s", y.last.At.UTC().Format(time.RFC3339))
}

// unknownKey asks the repository at once, for the key may be a new one.
func (y *syncer) unknownKey() {
	if y == nil || time.Since(y.asked) < askedEvery {
		return
	}
	y.asked = time.Now()
	y.askNow()
}

// askNow has the next round begin at once, and gives what is closed when it has ended.
func (y *syncer) askNow() <-chan struct{} {
	y.mu.Lock()
	done := y.done
	y.mu.Unlock()
	select {
	case y.want <- struct{}{}:
	default:
	}
	return done
}

// status says how far the gate is behind, for people and scripts.
func (y *syncer) status(s *control.Status) {
	if y == nil {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	grade := y.grade()
	s.Sync = &control.Sync{State: string(grade), Nation: y.cfg.Nation, Last: y.last.At, Version: y.version, Expires: y.expires}
	why := ""
	if y.err != nil {
		s.Sync.Error = y.err.Error()
		why = ": " + y.err.Error()
	}
	if grade == sync.Degraded && s.Mode != string(lane.ModeOutOfService) {
		found(s, control.SyncDegraded, fmt.Sprintf("the repository has not been reached since %s%s", y.last.At.UTC().Format(time.RFC3339), why))
	}
}

var errNoSync = errors.New("no repository is configured: sync.nation is empty")
