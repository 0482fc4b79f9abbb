package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/sync"
)

// This file is about what comes from the gate's station: who it is (station.json), the
// lanes' policy, the day's tickets, which release each gate gets. Nothing else does.

const (
	stationTarget = "station.json"
	assignTarget  = "assign.json"
	maxSmall      = 256 << 10 // bytes, of station.json and of a policy
	maxAssign     = 2 << 20
)

func newStation(y *syncer) *feed {
	r := &feed{name: "station " + y.cfg.Station, word: "station", where: y.cfg.Sync.Station, note: "synced station " + y.cfg.Station, prove: y.cfg.Station, fingerprint: y.cfg.Sync.StationRoot}
	r.root = y.stationsRoot
	r.take = y.takeStation
	return r
}

// stationsRoot is the first root of the station's repository: the technician's, or else
// the nation's.
func (y *syncer) stationsRoot() ([]byte, error) {
	root, err := y.rootFile("station")
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	root, err = y.store.File(nation, stationRoot(y.cfg))
	if err == nil && root == nil {
		err = fmt.Errorf("neither %s nor the nation's %s is there", y.cfg.Sync.Root("station"), stationRoot(y.cfg))
	}
	return root, err
}

// stationPaths are what a station may publish.
var stationPaths = regexp.MustCompile(`^(station\.json|assign\.json|gates/[A-Za-z0-9_-]{1,32}\.toml|manifest/\d{4}-\d\d-\d\d\.csv\.zst)$`)

// ErrNotAStations is a file that a station lists and may not.
var ErrNotAStations = errors.New("is not a station's to publish")

// takeStation puts to use what the station publishes. A station that lists anything that
// is not its own is refused whole.
func (y *syncer) takeStation(ctx context.Context, l *sync.Listing) error {
	for _, name := range l.Names() {
		if !stationPaths.MatchString(name) {
			return fmt.Errorf("%q: %w", name, ErrNotAStations)
		}
	}
	if err := y.takeStationFile(ctx, l); err != nil {
		return err
	}
	if err := y.takePolicy(ctx, l); err != nil {
		return err
	}
	if err := y.takeAssigned(ctx, l); err != nil {
		return err
	}
	return y.takeManifests(ctx, l)
}

// takeStationFile puts station.json to use.
func (y *syncer) takeStationFile(ctx context.Context, l *sync.Listing) error {
	data, news, err := y.file(ctx, y.station, l, stationTarget, maxSmall)
	if err != nil || !news {
		return err
	}
	if data == nil {
		return fmt.Errorf("%s: %w", stationTarget, sync.ErrNoTarget)
	}
	s, err := y.parseStation(data)
	if err != nil {
		return err
	}
	if err := y.store.PutFiles(y.station.name, map[string][]byte{stationTarget: data}); err != nil {
		return err
	}
	y.note(journal.Record{Kind: journal.Synced, Detail: fmt.Sprintf("station.json of %s, version %d", s.Station, l.Version())})
	y.setStation(s)
	return nil
}

func (y *syncer) parseStation(data []byte) (*bus.Station, error) {
	s, err := bus.ParseStation(data)
	if err != nil {
		return nil, err
	}
	if s.Station != y.cfg.Station {
		return nil, fmt.Errorf("%s is of station %q; this gate is at %q", stationTarget, s.Station, y.cfg.Station)
	}
	if _, err := zoneOf(s.Zone); err != nil {
		return nil, fmt.Errorf("%s: %w", stationTarget, err)
	}
	return s, nil
}

// resumeStation takes station.json as it was kept: a gate whose station is not reached
// goes on by it.
func (y *syncer) resumeStation() {
	if y.station == nil {
		return
	}
	data, err := y.store.File(y.station.name, stationTarget)
	if err != nil || data == nil {
		return
	}
	s, err := y.parseStation(data)
	if err != nil {
		y.log.Warn("station.json as it was kept cannot be used; it is fetched again", "err", err)
		return
	}
	y.setStation(s)
}

// setStation hands station.json to whoever waits for it.
func (y *syncer) setStation(s *bus.Station) {
	y.mu.Lock()
	y.is = s
	watchers := slices.Clone(y.watchers)
	y.mu.Unlock()
	for _, changed := range watchers {
		changed(s)
	}
	if zone, err := zoneOf(s.Zone); err == nil {
		y.tickets.setZone(zone)
	}
	y.rulesChanged() // its zone
}

// Station is station.json; nil: none has come yet, or no station is configured.
func (y *syncer) Station() *bus.Station {
	if y == nil {
		return nil
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.is
}

// WatchStation calls changed with station.json: now if there is one, and whenever another
// comes. changed must not block.
func (y *syncer) WatchStation(changed func(*bus.Station)) {
	if y == nil {
		return
	}
	y.mu.Lock()
	y.watchers = append(y.watchers, changed)
	s := y.is
	y.mu.Unlock()
	if s != nil {
		changed(s)
	}
}

// pins are the public keys that the station's server may have; none before station.json
// has come.
func (y *syncer) pins() []string {
	if s := y.Station(); s != nil {
		return s.Pins
	}
	return nil
}

// takeAssigned notes which release the station gives this gate. Every release that it
// names must be one that the nation lists.
func (y *syncer) takeAssigned(ctx context.Context, l *sync.Listing) error {
	data, news, err := y.file(ctx, y.station, l, assignTarget, maxAssign)
	if err != nil {
		return err
	}
	listed, err := sync.KeptNames(y.store, nation)
	if err != nil {
		return err
	}
	a, err := sync.ParseAssignment(data, listed)
	if err != nil {
		return fmt.Errorf("%s: %w", assignTarget, err)
	}
	y.mu.Lock()
	y.release = a.Of(y.cfg.Gate)
	y.mu.Unlock()
	if news {
		return y.store.PutFiles(y.station.name, map[string][]byte{assignTarget: data})
	}
	return nil
}
