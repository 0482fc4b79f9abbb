package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify/lane"
)

// This file brings the manifests of the days around now to the folder where package
// manifest makes tables of them.

const maxManifest = 256 << 20 // bytes, compressed

// ticketsOf are a holder's tickets at a time; none where there is no station.
func (y *syncer) ticketsOf(holder journal.ID, now time.Time, rides func(journal.ID) int) []lane.Ticket {
	if y == nil {
		return nil
	}
	return y.tickets.of(holder, now, rides)
}

// takeManifests fetches those that are others than before.
func (y *syncer) takeManifests(ctx context.Context, l *sync.Listing) error {
	if y.tickets == nil {
		return nil
	}
	for _, day := range y.tickets.days() {
		name := fmt.Sprintf("manifest/%04d-%02d-%02d.csv.zst", day/10000, day/100%100, day%100)
		target, err := l.Find(ctx, name)
		if errors.Is(err, sync.ErrNoTarget) {
			continue
		}
		if err == nil {
			err = y.takeManifest(ctx, l, target, day)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (y *syncer) takeManifest(ctx context.Context, l *sync.Listing, target *sync.Target, day int) error {
	path := y.tickets.source(day)
	kept, err := y.store.File(y.station.name, target.Name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil && string(kept) == target.Sum() {
		return nil
	}
	if target.Length > maxManifest {
		return fmt.Errorf("%s: %w (%d bytes, %d are allowed)", target.Name, sync.ErrTooLarge, target.Length, maxManifest)
	}
	if err := fetchFile(ctx, l, target, path); err != nil {
		return err
	}
	y.tickets.wake()
	return y.store.PutFiles(y.station.name, map[string][]byte{target.Name: []byte(target.Sum())})
}

// fetchFile puts a target's bytes into a file's place, durably, once they are those that
// were signed.
func fetchFile(ctx context.Context, l *sync.Listing, target *sync.Target, path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".fetched-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
		err = errors.Join(err, f.Close())
	}()
	if err := l.Download(ctx, target, f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
