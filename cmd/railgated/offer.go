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

// export leaves the lists for the part that runs as root, which reads them by its own roots, and for
// a bundle that comes on a stick without them.
func (r *releases) export(ctx context.Context, o *offer) error {
	version := fmt.Sprint(o.nation.Timestamp(), " ", o.station.Timestamp(), " ", o.station.Version())
	if r.exportedAlready(version) {
		return nil
	}
	for name, l := range map[string]*sync.Listing{"nation": o.nation, "station": o.station} {
		if err := l.Export(ctx, filepath.Join(r.folder, name)); err != nil {
			return fmt.Errorf("leaving the %s's list for the update: %w", name, err)
		}
	}
	for name, from := range map[string][2]string{
		"station.root.json": {nation, stationRoot(r.cfg)}, "assign.json": {r.sync.station.name, assignTarget},
	} {
		data, err := r.sync.store.File(from[0], from[1])
		if err == nil && data != nil {
			err = durable.WriteFile(filepath.Join(r.folder, name), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.exported = version
	r.mu.Unlock()
	return nil
}

func (r *releases) exportedAlready(version string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exported == version
}
