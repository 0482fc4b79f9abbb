package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"railgate/cmd/station/repository"
	"railgate/store/bus"
	"railgate/store/durable"
)

// The two repositories of one operator, in one folder.
const (
	nationPart  = "nation"
	stationPart = "station"
)

// stationFile is station.json as it was published.
const stationFile = "station.json"

// part is the folder of one of the two repositories: below --dir, or --dir itself, where
// that has only one.
func (d *desk) part(name string) string {
	below := filepath.Join(d.dir, name)
	if _, err := os.Stat(filepath.Join(below, "public")); err == nil {
		return below
	}
	return d.dir
}

// parts are the folders of the repositories that are there.
func (d *desk) parts() []string {
	nation, station := d.part(nationPart), d.part(stationPart)
	switch {
	case nation == station:
		return []string{nation}
	case nation == d.dir:
		return []string{station}
	case station == d.dir:
		return []string{nation}
	}
	return []string{nation, station}
}

// nationIsHere tells whether the nation's repository is in the folder beside the station's.
func (d *desk) nationIsHere() bool {
	return len(d.parts()) == 2
}

// A place is a station as its folder has it.
type place struct {
	dir  string
	info *bus.Station
	keys keyring
}

// file is a file or a folder in the station's folder.
func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

// errServed is a folder that another program has taken.
var errServed = errors.New("another station serve or collect has this folder; systemctl stop railgate-station ends the service")

// take takes the station's folder for a program that keeps its streams, its ledger and its newest
// receipts: two message servers over the same files damage them. Whoever publishes or asks
// needs none of this. The folder is free again once the file is closed, however the process ends.
func (p *place) take() (*os.File, error) {
	dir, err := os.Open(p.file("keys"))
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errServed
	}
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("%s: %w", p.dir, err)
	}
	return dir, nil
}

const maxStationFile = 64 << 10

// errNoStation is a folder that no station was made in.
var errNoStation = errors.New("there is no station")

// place reads the station's folder; name must be its station's, where it is not "".
func (d *desk) place(name string) (*place, error) {
	p := &place{dir: d.part(stationPart)}
	data, err := durable.ReadFile(p.file(stationFile), maxStationFile)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s: %w; station init --dir %s --station NAME makes one", d.dir, errNoStation, d.dir)
	}
	if err == nil {
		p.info, err = bus.ParseStation(data)
	}
	if err != nil {
		return nil, err
	}
	if name != "" && name != p.info.Station {
		return nil, fmt.Errorf("%s is station %s; not %s", p.dir, p.info.Station, name)
	}
	p.keys, err = loadKeys(filepath.Join(p.dir, "keys"))
	return p, err
}

// publishStation makes station.json of a station's keys, and publishes it.
func (d *desk) publishStation(dir string, s *bus.Station) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stationFile)
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	r, err := repository.Open(dir, d.now)
	if err != nil {
		return err
	}
	return r.Publish([]repository.File{{Name: stationFile, Data: data}}, d.asker.ask)
}

// rootName is the name under which the nation publishes a station's first root.
func rootName(station string) string { return "stations/" + station + "/root.json" }

// publishRoot publishes a station's first root in the nation's repository: what a gate begins
// with.
func (d *desk) publishRoot(nation, station, dir string) error {
	r, err := repository.Open(nation, d.now)
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "public", "1.root.json")
	return r.Publish([]repository.File{{Name: rootName(station), Path: root}}, func(key string) (string, error) {
		return d.asker.ask("the nation's " + key)
	})
}
