package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"time"

	"railgate/cmd/control"
	"railgate/cmd/railgated/keyring"
	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store/durable"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify"
)

// This file is about what is revoked: lists that issuers sign (docs/wire.md). They come by the
// station's bus, by its repository, by a stick, by a file or a URL, all to [revocations.Receive].
// A gate without revokers.json has none, and misses none.

const (
	revokersTarget  = "revokers.json"
	revocationsFile = "revocations" // beside a repository's metadata, and in the store the repository of what is kept
	saveListEvery   = 10 * time.Minute
	lookEvery       = 10 * time.Second
	maxListAhead    = 5 * time.Minute
)

// listStore keeps what was taken. *[store.Store] is one.
type listStore interface {
	File(repository, name string) ([]byte, error)
	ReplaceFile(repository, name string, data []byte, replaces func(old []byte) bool) (bool, error)
}

// revocations are what the gate knows of what is revoked. Its methods may be called
// concurrently.
type revocations struct {
	cfg   *configs.Config
	store listStore
	clock *clock.Clock
	keys  *keyring.Ring
	note  func(journal.Record) // appends a record
	log   *slog.Logger
	began time.Time   // by the monotonic clock: until revocations_for after it no list is missing
	web   sync.Source // of the configuration's list; nil: none is configured
	name  string      // its name there
	fetch func()      // has the station's repository asked now

	mu    gosync.Mutex // guards the fields below
	by    *verify.Revokers
	text  string               // revokers.json
	lists map[string]*heldList // by issuer
	err   error                // why the last document was refused, or could not be read
	old   bool                 // as it was told last
}

// A heldList is a list that counts.
type heldList struct {
	list  *verify.Revocations
	data  []byte
	saved *verify.Revocations // the one that is on the disk; nil: none
}

// Why a document is not taken, beside what package verify says.
var (
	errNobodyRevokes = errors.New("there is no revokers.json, by which it could be verified")
	errOlderList     = errors.New("it is older than the list in use")
	errFutureList    = errors.New("it was signed in the future")
)

func newRevocations(cfg *configs.Config, s listStore, c *clock.Clock, k *keyring.Ring, note func(journal.Record), log *slog.Logger) *revocations {
	r := &revocations{cfg: cfg, store: s, clock: c, keys: k, note: note, log: log, began: time.Now(), lists: map[string]*heldList{}, fetch: func() {}}
	if where := cfg.Sync.Revocations; filepath.IsAbs(where) {
		r.web, r.name = sync.Folder(filepath.Dir(where)), filepath.Base(where)
	} else if where != "" {
		at := strings.LastIndexByte(where, '/')
		r.web, r.name = sync.NewWeb(where[:at], nil), where[at+1:]
	}
	r.resume()
	return r
}

// resume takes what the store has kept.
func (r *revocations) resume() {
	if r.cfg.Sync.Nation == "" {
		r.readRevokers()
	} else if data, err := r.store.File(nation, revokersTarget); err == nil {
		r.Trust(data)
	}
}

// readRevokers reads the file of the revokers of a gate without a nation. Without a list to
// come it has none.
func (r *revocations) readRevokers() {
	path := r.cfg.RevokersFile()
	if r.web == nil || path == "" {
		return
	}
	data, err := durable.ReadFile(path, verify.MaxRevokers)
	if err == nil {
		err = r.Trust(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.failed(fmt.Errorf("%s: %w", path, err))
	}
}

// now is the trusted time; where there is none, what is proven.
func (r *revocations) now() (now time.Time, trusted bool) {
	if now := r.clock.Now(); now.OK {
		return now.Time, true
	}
	return r.clock.Proven().Proven(), false
}

// Trust has lists count that keys of revokers.json have signed, those that are kept and those
// to come, and no others. No bytes: nobody revokes.
func (r *revocations) Trust(data []byte) error {
	var by *verify.Revokers
	if data != nil {
		var err error
		if by, err = verify.ParseRevokers(data); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if by != nil && r.by != nil && string(data) == r.text {
		return nil
	}
	r.by, r.text = by, string(data)
	now, _ := r.now()
	known := map[string]bool{}
	if by != nil {
		for _, k := range by.Keys {
			known[k.Issuer] = true
		}
	}
	lists := map[string]*heldList{}
	for issuer := range known {
		var best *heldList
		if held := r.lists[issuer]; held != nil {
			if list, err := verify.OpenRevocations(held.data, by, now); err == nil && list.Issuer == issuer {
				best = &heldList{list, held.data, held.saved}
			}
		}
		if kept, err := r.store.File(revocationsFile, issuer); best == nil && err == nil && kept != nil {
			if list, err := verify.OpenRevocations(kept, by, now); err == nil && list.Issuer == issuer {
				best = &heldList{list, kept, list}
			}
		}
		if best != nil {
			lists[issuer] = best
		}
	}
	r.use(lists)
	return nil
}

// use puts lists to use. The caller holds mu.
func (r *revocations) use(lists map[string]*heldList) {
	r.lists = lists
	var all []*verify.Revocations
	for _, issuer := range slices.Sorted(maps.Keys(lists)) {
		all = append(all, lists[issuer].list)
	}
	r.keys.Revoke(all)
}

// Receive takes a document, wherever it comes from. What is not newer than the list in use
// changes nothing. A list counts at once, and is on the disk before Receive returns, but for
// one that says the same as the one that is there.
func (r *revocations) Receive(data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		return errNobodyRevokes
	}
	now, trusted := r.now()
	list, err := verify.OpenRevocations(data, r.by, now)
	if err == nil && trusted && list.IssuedAt.After(now.Add(maxListAhead)) {
		err = fmt.Errorf("%w: %s", errFutureList, list.IssuedAt.UTC().Format(time.RFC3339))
	}
	if err != nil {
		r.noted(err)
		return err
	}
	held := r.lists[list.Issuer]
	if held != nil && !list.IssuedAt.After(held.list.IssuedAt) {
		if list.IssuedAt.Equal(held.list.IssuedAt) {
			return nil
		}
		return errOlderList
	}
	next := &heldList{list: list, data: data}
	if held != nil {
		next.saved = held.saved
	}
	lists := maps.Clone(r.lists)
	lists[list.Issuer] = next
	r.use(lists)
	r.noted(nil)
	if s := next.saved; s != nil && s.Same(list) && list.IssuedAt.Sub(s.IssuedAt) < saveListEvery {
		return nil // a list comes each minute, and a card wears
	}
	if _, err := r.store.ReplaceFile(revocationsFile, list.Issuer, data, r.replaces(list, now)); err != nil {
		return fmt.Errorf("revocations are not on the disk: %w", err)
	}
	next.saved = list
	return nil
}

// replaces tells of a list that is kept whether one that comes takes its place.
func (r *revocations) replaces(list *verify.Revocations, now time.Time) func(old []byte) bool {
	by := r.by
	return func(old []byte) bool {
		kept, err := verify.OpenRevocations(old, by, now)
		return err != nil || list.IssuedAt.After(kept.IssuedAt)
	}
}

// noted notes why a document is not used, once in the log for each reason. The caller holds mu.
func (r *revocations) noted(err error) {
	if fmt.Sprint(err) != fmt.Sprint(r.err) && err != nil {
		r.log.Warn("a list of revocations cannot be used; the one before stays", "err", err)
	}
	r.err = err
}

func (r *revocations) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted(err)
}

// Heard takes what the bus brings: a document, or nothing where it is to be fetched.
func (r *revocations) Heard(data []byte) {
	if len(data) == 0 {
		r.fetch()
		return
	}
	r.Receive(data) // the status says why not
}

// From takes the document beside a repository's metadata, if there is one.
func (r *revocations) From(ctx context.Context, s sync.Source) error {
	return r.from(ctx, s, revocationsFile)
}

func (r *revocations) from(ctx context.Context, s sync.Source, name string) error {
	r.mu.Lock()
	nobody := r.by == nil
	r.mu.Unlock()
	if nobody {
		return nil // nothing is asked for
	}
	data, err := sync.Read(ctx, s, name, verify.MaxRevocations)
	switch {
	case errors.Is(err, sync.ErrNotFound):
		return err
	case err != nil:
		r.failed(err)
		return err
	}
	if err := r.Receive(data); err != nil && !errors.Is(err, errOlderList) {
		return err
	}
	return nil
}

func (r *revocations) String() string { return "revocations" }

// Run reads the list of the configuration, if there is one, and says when what the gate has is
// old.
func (r *revocations) Run(ctx context.Context) error {
	every := lookEvery
	if r.cfg.Sync.Every > 0 {
		every = min(every, r.cfg.Sync.Every)
	}
	for tick := time.NewTicker(every); ; {
		if r.web != nil {
			r.look(ctx)
		}
		r.withdraw()
		r.tell()
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
	}
}

// look reads the list of the configuration.
func (r *revocations) look(ctx context.Context) {
	if r.cfg.Sync.Nation == "" {
		r.readRevokers()
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := r.from(ctx, r.web, r.name); errors.Is(err, sync.ErrNotFound) {
		r.failed(fmt.Errorf("%s: %w", r.cfg.Sync.Revocations, err))
	}
}

// withdraw takes lists out of use whose key is revoked by now.
func (r *revocations) withdraw() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, _ := r.now()
	left := maps.Clone(r.lists)
	maps.DeleteFunc(left, func(_ string, h *heldList) bool {
		at := r.by.Key(h.list.KeyID).RevokedAt
		return !at.IsZero() && !now.Before(at)
	})
	if len(left) != len(r.lists) {
		r.use(left)
	}
}

// age is how old the oldest of the lists is that the gate should have, and when that was
// signed; zero: none has come. One of the future, which a gate without the time takes, is as bad
// as one of so long ago: none that follows is taken until then. The caller holds mu.
func (r *revocations) age() (age time.Duration, signed time.Time) {
	now, trusted := r.now()
	if r.by == nil || !trusted {
		return 0, time.Time{} // by a clock that may be wrong nothing is too old
	}
	for _, k := range r.by.Keys {
		if now.After(k.NotAfter) || !k.RevokedAt.IsZero() && !now.Before(k.RevokedAt) {
			continue // it signs no more
		}
		of, at := time.Since(r.began), time.Time{}
		if h := r.lists[k.Issuer]; h != nil {
			at = h.list.IssuedAt
			of = now.Sub(at).Abs()
		}
		if of > age {
			age, signed = of, at
		}
	}
	return age, signed
}

// why says that what the gate has is old; "": it is not. The caller holds mu.
func (r *revocations) why() string {
	age, signed := r.age()
	if age <= r.cfg.Sync.RevocationsFor {
		return ""
	}
	why := fmt.Sprintf("what is revoked was signed %s, longer ago than %v", signed.UTC().Format(time.RFC3339), r.cfg.Sync.RevocationsFor)
	if now, _ := r.now(); signed.After(now) {
		why = fmt.Sprintf("what is revoked was signed %s, in the future; no other list is taken until then", signed.UTC().Format(time.RFC3339))
	}
	if signed.IsZero() {
		why = fmt.Sprintf("no list of what is revoked has come in %v", r.cfg.Sync.RevocationsFor)
	}
	if r.err != nil {
		why += ": " + r.err.Error()
	}
	return why
}

// tell journals that the list is old, and that it is no more.
func (r *revocations) tell() {
	r.mu.Lock()
	why := r.why()
	changed := r.old != (why != "")
	r.old = why != ""
	r.mu.Unlock()
	if !changed {
		return
	}
	if why == "" {
		why = "what is revoked is known again"
	}
	r.note(journal.Record{Kind: journal.Synced, Detail: why})
}

// status says what the gate knows of what is revoked.
func (r *revocations) status(s *control.Status) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil && r.web == nil {
		return
	}
	out := &control.Revocations{Source: r.cfg.Sync.Revocations}
	now, trusted := r.now()
	for _, h := range r.lists {
		out.Count += len(h.list.Entries)
		if out.Issued.IsZero() || h.list.IssuedAt.Before(out.Issued) {
			out.Issued, out.Expires = h.list.IssuedAt, h.list.Expires
		}
	}
	if r.err != nil {
		out.Error = r.err.Error()
	}
	why := r.why()
	if r.by == nil {
		why = "revocations are configured, and there is no " + revokersTarget + " by which they could be verified"
	}
	out.Old = why != "" || trusted && !out.Expires.IsZero() && !now.Before(out.Expires)
	s.Revocations = out
	if why == "" {
		return
	}
	found(s, control.RevocationsOld, why)
	if s.Sync == nil && r.web != nil {
		s.Causes[len(s.Causes)-1].Remedy = r.lookAt()
	}
}

// lookAt is a command that shows whether the list of the configuration is there.
func (r *revocations) lookAt() string {
	if where := r.cfg.Sync.Revocations; filepath.IsAbs(where) {
		return "ls -l " + control.Quote(where) + " " + control.Quote(r.cfg.RevokersFile())
	}
	return "curl -fsSI " + control.Quote(r.cfg.Sync.Revocations)
}
