package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	gosync "sync"
	"time"

	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/sync"
)

// A syncer follows the nation's repository, and the station's where one is configured,
// whenever they can be reached. A gate works on without them: how long is a grade.
type syncer struct {
	cfg             *configs.Config
	store           *store.Store
	clock           *clock.Clock
	keys            *keyring.Ring
	log             *slog.Logger
	note            func(journal.Record) // appends a record
	nation, station *feed                // station is nil where none is configured

	tickets *tickets // nil: no station is configured
	revoked *revocations

	want  chan struct{} // has room for one: ask now
	asked time.Time     // when somebody wanted that last; owned by the lane's goroutine

	busy gosync.Mutex // held for a round: a repository is refreshed once at a time

	leave func(context.Context, *feed, *sync.Listing) error // for an update; nil: the machine has one system

	mu       gosync.Mutex  // guards the fields below, and what a round changes of a repository
	done     chan struct{} // closed when the round that begins next has ended
	is       *bus.Station  // station.json; nil: none has come
	watchers []func(*bus.Station)
	release  string // that the station gives this gate; "": none

	merged    *configs.Config // with the station's policy over it; nil: there is none
	policy    int64           // its version
	policyErr error           // why the newest is not in use; nil: it is
	changed   func()          // is told when the lane's rules are others
}

const (
	syncBackoff = 10 * time.Minute
	syncTimeout = 10 * time.Minute // a manifest over a slow line; what stalls is given up sooner
	askedEvery  = time.Minute      // how often an unknown key may ask
)

// newSyncer is nil where no repository is configured.
func newSyncer(cfg *configs.Config, s *store.Store, c *clock.Clock, k *keyring.Ring, r *revocations, note func(journal.Record), log *slog.Logger) *syncer {
	if cfg.Sync.Nation == "" {
		return nil
	}
	y := &syncer{cfg: cfg, store: s, clock: c, keys: k, revoked: r, log: log, note: note, want: make(chan struct{}, 1), done: make(chan struct{})}
	r.fetch = func() { y.askNow() }
	y.nation = newNation(y)
	if cfg.Sync.Station != "" {
		y.station = newStation(y)
		y.tickets = newTickets(cfg.Data, func() (time.Time, bool) { now := c.Now(); return now.Time, now.OK }, func() time.Time { return c.Proven().Proven() }, note, log)
	}
	y.resume()
	for _, r := range y.feeds() {
		r.told = y.grade(r)
	}
	return y
}

// feeds are those that are followed, in the order in which they are refreshed: the
// nation says how a station's begins.
func (y *syncer) feeds() []*feed {
	if y.station == nil {
		return []*feed{y.nation}
	}
	return []*feed{y.nation, y.station}
}

// resume takes what the store has kept of the last refresh, unless there was one since. It
// is asked for again where the store could not be read at the start.
func (y *syncer) resume() {
	if y == nil {
		return
	}
	for _, r := range y.feeds() {
		var last synced
		if ok, err := y.store.Note(r.note, &last); !ok || err != nil {
			continue
		}
		y.mu.Lock()
		if r.last.At.IsZero() {
			r.last = last
		}
		y.mu.Unlock()
	}
	if y.Station() == nil {
		y.resumeStation()
		y.resumePolicy()
	}
}

func (y *syncer) String() string { return "sync" }

// Run asks the repositories now and then, more seldom where none can be used.
func (y *syncer) Run(ctx context.Context) error {
	failures := 0
	for {
		failures++
		if used, _ := y.round(ctx, y.configured); used > 0 {
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
	every := y.cfg.Sync.Every
	wait := every << min(failures, 10)
	if failures > 0 {
		wait = min(max(wait, every), max(syncBackoff, every))
	}
	return wait*9/10 + rand.N(wait/5+1)
}

// configured is where a repository is by the configuration.
func (y *syncer) configured(r *feed) (sources, bool) {
	if r == y.station {
		return r.sources(y.pins()), true
	}
	return r.sources(nil), true
}

// round asks each repository once that from knows, and notes how that went. It returns how
// many could be used, and why others could not.
func (y *syncer) round(ctx context.Context, from func(*feed) (sources, bool)) (used int, err error) {
	y.busy.Lock()
	defer y.busy.Unlock()
	var all []error
	for _, r := range y.feeds() {
		s, ok := from(r)
		if !ok {
			continue
		}
		if err := y.ask(ctx, r, s); err != nil {
			all = append(all, fmt.Errorf("%s: %w", r.word, err))
		} else {
			used++
		}
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	close(y.done)
	y.done = make(chan struct{})
	return used, errors.Join(all...)
}

// ask asks one repository, and notes how that went.
func (y *syncer) ask(ctx context.Context, r *feed, from sources) error {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	listing, err := y.refresh(ctx, r, from)
	if err == nil && y.leave != nil {
		if err := y.leave(ctx, r, listing); err != nil {
			y.log.Warn("the list of releases cannot be left for an update", r.word, r.where, "err", err)
		}
	}
	if r == y.station || y.station == nil {
		y.revoked.From(ctx, from.metadata) // whether or not the rest could be used: it proves itself
	}
	usual, _ := y.configured(r) // it takes mu
	y.mu.Lock()
	if err == nil {
		r.version, r.expires = listing.Version(), listing.Expires()
		if usual == from { // a stick is gone before long
			r.listing = listing
		}
	}
	if news := fmt.Sprint(err) != fmt.Sprint(r.err); news && err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		y.log.Warn("a repository cannot be used; what came from it before stays in use", r.word, r.where, "err", err)
		if errors.Is(err, sync.ErrRefused) {
			defer y.note(journal.Record{Kind: journal.Synced, Detail: err.Error()})
		}
	} else if news && err == nil && r.err != nil {
		y.log.Info("a repository works again", r.word, r.where)
	}
	r.err = err
	y.mu.Unlock()
	y.tell(r)
	return err
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
