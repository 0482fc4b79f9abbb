package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"railgate/store/durable"
	"railgate/store/sync"
)

// A feed is one of the two repositories that a gate follows. Its syncer's mutex guards what a
// round changes; web and targets are the round's own.
type feed struct {
	name  string // in the store: of two stations' repositories the files are apart
	word  string // for people: nation, station
	where string // its URL or folder
	note  string // the store's name for when it was refreshed
	prove string // whose signature its timestamp is
	root  func() ([]byte, error)

	fingerprint string // of the first root, where no file has it; "": none is known
	take        func(context.Context, *sync.Listing) error

	pins         []string // that web was made with
	web, targets *sync.Web
	last         synced
	version      int64
	expires      time.Time
	err          error
	listing      *sync.Listing // the last of the network's; nil: none since the start
	left         string        // the version that was left for the update; the round's own
	told         sync.Grade
}

// synced is what is kept of the last whole refresh.
type synced struct {
	At time.Time `cbor:"1,keyasint"`
}

// sources are where a repository's metadata and targets are.
type sources struct{ metadata, targets sync.Source }

// sources are the configuration's: a folder's, or a web server's, which is held to the
// public keys that the station has named, if it has.
func (r *feed) sources(pins []string) sources {
	if filepath.IsAbs(r.where) {
		return sources{sync.Folder(r.where), sync.Folder(filepath.Join(r.where, "targets"))}
	}
	if r.web == nil || strings.Join(pins, " ") != strings.Join(r.pins, " ") {
		base := strings.TrimSuffix(r.where, "/")
		r.web, r.targets, r.pins = sync.NewWeb(base, pins), sync.NewWeb(base+"/targets", pins), pins
	}
	return sources{r.web, r.targets}
}

// refresh takes what a repository offers.
func (y *syncer) refresh(ctx context.Context, r *feed, from sources) (*sync.Listing, error) {
	root, err := y.firstRoot(ctx, r, from.metadata)
	if err != nil {
		return nil, fmt.Errorf("first root: %w", err)
	}
	client := &sync.Repository{Name: r.name, Root: root, Metadata: from.metadata, Targets: from.targets, State: y.store, Now: y.referenceTime}
	listing, err := client.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.take(ctx, listing); err != nil {
		return nil, err
	}
	y.learnTime(r)
	return listing, y.keep(r)
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

// learnTime takes from timestamp.json when it was signed: it is at least that late.
func (y *syncer) learnTime(r *feed) {
	data, err := y.store.File(r.name, "timestamp.json")
	if err != nil || data == nil {
		return
	}
	var doc struct {
		Signed struct {
			SignedAt time.Time `json:"signed_at"`
		} `json:"signed"`
	}
	if json.Unmarshal(data, &doc) == nil && !doc.Signed.SignedAt.IsZero() {
		y.clock.Prove(r.prove, doc.Signed.SignedAt)
	}
}

// keep notes a whole refresh, by the trusted time: the age of what it brought counts from
// here.
func (y *syncer) keep(r *feed) error {
	now := y.clock.Now()
	if !now.OK {
		return nil
	}
	last := synced{At: now.Time}
	if err := y.store.PutNote(r.note, last); err != nil {
		return err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	r.last = last
	return nil
}

// file brings a target of at most max bytes, as bytes, and tells whether it is another
// than the one that is kept; the caller keeps it once it is in use. Nothing: the
// repository does not list it.
func (y *syncer) file(ctx context.Context, r *feed, l *sync.Listing, name string, max int64) (data []byte, news bool, err error) {
	kept, err := y.store.File(r.name, name)
	if err != nil {
		return nil, false, err
	}
	target, err := l.Find(ctx, name)
	if errors.Is(err, sync.ErrNoTarget) {
		return nil, kept != nil, nil
	}
	if err != nil {
		return nil, false, err
	}
	if kept != nil && target.Matches(kept) {
		return kept, false, nil
	}
	data, err = l.Bytes(ctx, target, max)
	return data, true, err
}

// firstRoot is the first root of a repository: the technician's file, else the repository's own,
// where the gate was told its fingerprint when it was provisioned.
func (y *syncer) firstRoot(ctx context.Context, r *feed, from sync.Source) ([]byte, error) {
	if r.fingerprint != "" {
		if _, err := os.Stat(y.cfg.Sync.Root(r.word)); errors.Is(err, fs.ErrNotExist) {
			return sync.FirstRoot(ctx, r.name, r.fingerprint, from, y.store)
		}
	}
	return r.root()
}

// rootFile is the first root of a repository as the technician put it on the gate.
func (y *syncer) rootFile(word string) ([]byte, error) {
	return durable.ReadFile(y.cfg.Sync.Root(word), maxRoot)
}
