package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/durable"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/store/update"
)

// releases brings the release that the station gives this gate, and asks for it to be
// installed. railgated may write no slot: what it stages is held against the signed lists
// again by the part that runs as root (railgate update-staged).
type releases struct {
	cfg      *configs.Config
	folder   string // what is exported and staged, in the data folder
	recorded string // root's folder
	wishes   string // the file that says what is wanted
	slots    bool   // this machine has two
	sync     *syncer
	store    notes
	note     func(journal.Record)
	activity func() uint64 // how many readings were decided about: a gate at which it stays is quiet
	now      func() time.Time
	log      *slog.Logger

	want chan bool // has room for one: look now; true: a person asks for an installation

	lastCount uint64 // owned by Run, as the next two
	quietAt   time.Time
	wished    map[string]time.Time // by the bundle's hash

	mu      gosync.Mutex // guards the fields below
	state   update.State
	err     error // why the last look failed
	release string
	sum     string
	staged  bool
	have    int64
	total   int64
}

// notes are the store's.
type notes interface {
	Note(name string, v any) (bool, error)
	PutNote(name string, v any) error
}

const (
	releaseEvery = 15 * time.Second
	quietFor     = 10 * time.Minute // nobody has come
	wishEvery    = time.Hour        // how often a release is wished for by itself
	spareBytes   = 256 << 20        // that staging leaves on the disk, for the store
	maxState     = 64 << 10
)

// newReleases is nil where no station is configured and the machine has one system.
func newReleases(g *gate, note func(journal.Record)) *releases {
	_, err := os.Stat("/etc/rauc/system.conf")
	if err != nil && (g.sync == nil || g.sync.station == nil) {
		return nil
	}
	dir := runtimeFolder()
	if dir == "" {
		dir = g.cfg.Data
	}
	r := &releases{
		cfg: g.cfg, folder: filepath.Join(g.cfg.Data, "update"), recorded: update.Folder, wishes: filepath.Join(dir, "update.json"), slots: err == nil,
		sync: g.sync, store: g.store, note: note, now: func() time.Time { return g.clock.Now().Time }, log: g.log, want: make(chan bool, 1), wished: map[string]time.Time{},
		activity: func() uint64 { return g.lane.told.decisions() },
	}
	if g.sync != nil && r.slots {
		g.sync.leave = r.export
	}
	return r
}

// ask has the release looked at now; install: a person wants it installed. What is told from then on is of the release that the
// station gives now: who asks must not be told that the one before is staged, or runs already, or could not be brought.
func (r *releases) ask(install bool) {
	if o := r.sync.offered(); o != nil {
		r.mu.Lock()
		r.err = nil
		if o.release != r.release {
			r.release, r.sum, r.staged, r.have, r.total = o.release, "", false, 0, 0
		}
		r.mu.Unlock()
	}
	select {
	case r.want <- install:
	default:
		if install { // a look is due already, and must know
			select {
			case <-r.want:
			default:
			}
			r.want <- true
		}
	}
}

// Run looks at what is recorded and what the station gives, now and then, and when it is asked.
func (r *releases) Run(ctx context.Context) error {
	install := false
	for {
		err := r.look(ctx, install)
		if ctx.Err() != nil {
			return nil
		}
		r.mu.Lock()
		news := fmt.Sprint(err) != fmt.Sprint(r.err)
		r.err = err
		r.mu.Unlock()
		if news && err != nil {
			r.log.Warn("the station's release cannot be brought; the one that runs stays", "err", err)
		}
		timer := time.NewTimer(releaseEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case install = <-r.want:
			timer.Stop()
		case <-timer.C:
			install = false
		}
	}
}

// look does what is to be done now.
func (r *releases) look(ctx context.Context, install bool) error {
	r.countQuiet()
	if err := r.readState(); err != nil {
		return err
	}
	if !r.slots {
		return nil
	}
	offer := r.sync.offered()
	if offer == nil {
		return nil
	}
	target, err := r.assigned(ctx, offer)
	if err != nil || target == nil {
		return err
	}
	s := r.seen()
	if s.Trial != nil || s.Has[s.Slot].Sum == target.Sum() || s.Running == offer.release {
		return nil
	}
	if failed(s, target.Sum()) && !install {
		return nil
	}
	if err := r.stage(ctx, offer, target); err != nil {
		return err
	}
	if install || r.byItself(target.Sum()) {
		return r.wish(offer.release, target.Sum())
	}
	return nil
}

func failed(s update.State, sum string) bool {
	for _, f := range s.Failed {
		if f.Sum == sum {
			return true
		}
	}
	return false
}

func (r *releases) seen() update.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// eventsNote is the store's name for the newest event of an update that was journaled.
const eventsNote = "update events"

// readState reads what root has recorded, and journals what is new in it.
func (r *releases) readState() error {
	data, err := durable.ReadFile(filepath.Join(r.recorded, update.StateName), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s update.State
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return fmt.Errorf("what is recorded of updates: %w", err)
	}
	r.mu.Lock()
	r.state = s
	r.mu.Unlock()
	var told uint64
	if _, err := r.store.Note(eventsNote, &told); err != nil || told >= s.Seq {
		return err
	}
	for _, e := range s.Events {
		if e.Seq > told {
			r.note(journal.Record{Kind: journal.Synced, Detail: "release " + e.What})
		}
	}
	return r.store.PutNote(eventsNote, s.Seq)
}

// assigned is the target of the release that the station gives; nil: it gives none.
func (r *releases) assigned(ctx context.Context, o *offer) (*sync.Target, error) {
	var target *sync.Target
	var err error
	if o.release != "" {
		target, err = o.nation.Find(ctx, "release/"+o.release+"/"+debianArch()+".raucb")
	}
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", o.release, err)
	}
	sum := ""
	if target != nil {
		sum = target.Sum()
	}
	r.mu.Lock()
	if r.sum != sum {
		r.staged, r.have, r.total = false, 0, 0
	}
	r.release, r.sum = o.release, sum
	r.mu.Unlock()
	return target, nil
}

// stage brings the bundle, slowly: the passengers' records go to the same disk.
func (r *releases) stage(ctx context.Context, o *offer, t *sync.Target) error {
	r.mu.Lock()
	done := r.staged
	r.mu.Unlock()
	path := filepath.Join(r.folder, o.release+".raucb")
	if info, err := os.Stat(path); done && err == nil && info.Size() == t.Length {
		return nil
	}
	r.tidy(o.release)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var looked time.Time
	err := o.nation.Stage(ctx, t, sync.Staging{
		Path: path, Spare: spareBytes, Rate: r.cfg.Update.Rate, SyncEvery: 256 << 10,
		Progress: func(have, total int64) {
			r.mu.Lock()
			if r.release == o.release {
				r.have, r.total = have, total
			}
			r.mu.Unlock()
			if time.Since(looked) > releaseEvery {
				looked = time.Now()
				if now := r.sync.offered(); now == nil || now.release != o.release {
					cancel() // the station gives another by now
				}
			}
		},
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	if r.release == o.release { // else the station gives another by now
		r.staged, r.have, r.total = true, t.Length, t.Length
	}
	r.mu.Unlock()
	r.log.Info("the station's release is staged", "release", o.release)
	r.note(journal.Record{Kind: journal.Synced, Detail: "release " + o.release + " is staged"})
	return nil
}

// tidy removes what was staged of other releases.
func (r *releases) tidy(release string) {
	entries, _ := os.ReadDir(r.folder)
	for _, e := range entries {
		name, _, ok := strings.Cut(e.Name(), ".raucb")
		if ok && name != release {
			os.Remove(filepath.Join(r.folder, e.Name()))
		}
	}
}

// countQuiet notes since when nobody has come.
func (r *releases) countQuiet() {
	if n := r.activity(); n != r.lastCount || r.quietAt.IsZero() {
		r.lastCount, r.quietAt = n, time.Now()
	}
}

// byItself tells whether a release may be installed now although nobody asks: in the hours that
// the configuration names, by a time that is believed, when nobody has come for a while.
func (r *releases) byItself(sum string) bool {
	now := r.now()
	at := r.sync.zone()
	return r.cfg.Update.Install == "quiet" && !now.IsZero() && r.cfg.Update.Hours.Open(now.In(at)) && time.Since(r.quietAt) >= quietFor && time.Since(r.wished[sum]) >= wishEvery
}

// wish says which release is wanted. The file appears whole: a path unit watches for it.
func (r *releases) wish(release, sum string) error {
	data, err := json.Marshal(map[string]string{"release": release})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(r.wishes, data, 0o600); err != nil {
		return err
	}
	r.wished[sum] = time.Now()
	r.log.Info("the station's release is to be installed", "release", release)
	return nil
}

// status says how far updates are.
func (r *releases) status(s *control.Status) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := &control.Update{Slots: r.slots, Running: r.state.Running, Slot: r.state.Slot, Assigned: r.release, Bytes: r.have, Total: r.total, Error: words(r.err)}
	if r.staged {
		u.Staged = r.release
	}
	if t := r.state.Trial; t != nil {
		u.Trial, u.Phase = t.Release, string(t.Phase)
	}
	if n := len(r.state.Events); n > 0 {
		u.Last = r.state.Events[n-1].What
	}
	if n := len(r.state.Failed); n > 0 {
		f := r.state.Failed[n-1]
		u.Failed, u.Why = f.Release, f.Why
		if f.Sum == r.sum || r.sum == "" {
			found(s, control.UpdateFailed, fmt.Sprintf("release %s failed on this gate: %s", f.Release, f.Why))
		}
	}
	if r.err != nil {
		found(s, control.UpdateNotStaged, "the station's release cannot be brought: "+r.err.Error())
	}
	s.Update = u
}
