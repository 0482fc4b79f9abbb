package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"railgate/store/durable"
	"railgate/store/sync"
	"railgate/verify/lane"
)

// An offer is what the repositories say of releases, by their last whole refresh.
type offer struct {
	nation, station *sync.Listing
	release         string // that the station gives this gate; "": none
}

// offered is the newest offer; nil: both repositories have not been reached since the start.
func (y *syncer) offered() *offer {
	if y == nil {
		return nil
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.nation.listing == nil || y.station == nil || y.station.listing == nil {
		return nil
	}
	return &offer{y.nation.listing, y.station.listing, y.release}
}

// zone is the station's.
func (y *syncer) zone() *time.Location {
	if s := y.Station(); s != nil {
		if zone, err := zoneOf(s.Zone); err == nil {
			return zone
		}
	}
	return lane.Shanghai
}

// debianArch is this machine's architecture as releases are named.
func debianArch() string {
	if runtime.GOARCH == "arm" {
		return "armhf"
	}
	return runtime.GOARCH
}

// export leaves a list for the part that runs as root, which reads it by its own roots, and for
// a bundle that comes on a stick without one.
func (r *releases) export(ctx context.Context, f *feed, l *sync.Listing) error {
	version := fmt.Sprint(l.Timestamp(), " ", l.Version())
	if f.left == version {
		return nil
	}
	if err := l.Export(ctx, filepath.Join(r.folder, f.word)); err != nil {
		return err
	}
	name, target := "station.root.json", stationRoot(r.cfg)
	if f == r.sync.station {
		name, target = assignTarget, assignTarget
	}
	data, err := r.sync.store.File(f.name, target)
	if err == nil && data != nil {
		err = durable.WriteFile(filepath.Join(r.folder, name), data, 0o644)
	}
	if err == nil {
		f.left = version
	}
	return err
}
