package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify"
	"railgate/verify/lane"
)

// This file is about the lane's policy: gates/GATE.toml of the station, over the local
// file, applied between two passages.

// policyTarget is the name of this gate's policy among the station's files.
func (y *syncer) policyTarget() string { return "gates/" + y.cfg.Gate + ".toml" }

// takePolicy puts the lane's policy to use. One that is wrong is refused whole: the old
// one stays, and the gate says why.
func (y *syncer) takePolicy(ctx context.Context, l *sync.Listing) error {
	name := y.policyTarget()
	data, news, err := y.file(ctx, y.station, l, name, maxSmall)
	if err != nil {
		return err
	}
	if !news {
		y.refusePolicy(nil)
		return nil
	}
	p := configs.Policy{Name: name, Version: l.Version(), Data: data}
	cfg, err := y.cfg.WithPolicy(p)
	if err != nil {
		y.refusePolicy(fmt.Errorf("version %d: %w", p.Version, err))
		return nil
	}
	files := map[string][]byte{name: data, name + " version": []byte(strconv.FormatInt(p.Version, 10))}
	detail := fmt.Sprintf("lane policy version %d", p.Version)
	if data == nil {
		files, cfg, p.Version, detail = map[string][]byte{name: nil, name + " version": nil}, nil, 0, "the station has no policy for this gate any more"
	}
	if err := y.store.PutFiles(y.station.name, files); err != nil {
		return err
	}
	y.note(journal.Record{Kind: journal.Synced, Detail: detail})
	y.setPolicy(cfg, p.Version)
	return nil
}

// resumePolicy takes the policy as it was kept.
func (y *syncer) resumePolicy() {
	if y.station == nil {
		return
	}
	name := y.policyTarget()
	data, err := y.store.File(y.station.name, name)
	if err != nil || data == nil {
		return
	}
	version, _ := y.store.File(y.station.name, name+" version") // for people alone
	p := configs.Policy{Name: name, Data: data}
	p.Version, _ = strconv.ParseInt(string(version), 10, 64)
	cfg, err := y.cfg.WithPolicy(p)
	if err != nil { // the local file has changed, or this version of railgated knows less
		y.refusePolicy(fmt.Errorf("version %d, as it was kept: %w", p.Version, err))
		return
	}
	y.setPolicy(cfg, p.Version)
}

// setPolicy puts a configuration to use that has a policy; nil: the local file's.
func (y *syncer) setPolicy(cfg *configs.Config, version int64) {
	y.mu.Lock()
	y.merged, y.policy, y.policyErr = cfg, version, nil
	y.mu.Unlock()
	y.rulesChanged()
}

// refusePolicy notes why the station's newest policy is not in use, once; nil: it is.
func (y *syncer) refusePolicy(err error) {
	y.mu.Lock()
	news := words(err) != words(y.policyErr)
	y.policyErr = err
	y.mu.Unlock()
	if news && err != nil {
		y.log.Error("the lane's policy is refused; the old one stays in use", "err", err)
		y.note(journal.Record{Kind: journal.Synced, Detail: "lane policy refused: " + err.Error()})
	}
}

// rulesChanged tells the lane that its rules are others, if anybody listens yet.
func (y *syncer) rulesChanged() {
	y.mu.Lock()
	changed := y.changed
	y.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// onRules has changed called whenever the lane's rules are others.
func (y *syncer) onRules(changed func()) {
	if y == nil {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.changed = changed
}

// config is the local file with the station's policy over it, where there is one.
func (y *syncer) config(local *configs.Config) *configs.Config {
	if y == nil {
		return local
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.merged != nil {
		return y.merged
	}
	return local
}

// laneRules are the law's rules of a configuration, at a station; nil: none is known.
func laneRules(cfg *configs.Config, s *bus.Station) *lane.Rules {
	l := &cfg.Lane
	r := &lane.Rules{
		Direction: l.Direction, Station: cfg.Station, Passback: l.Passback, PassbackFor: l.PassbackFor, OpenFor: l.OpenFor,
		Tickets: l.Tickets, Hours: l.Hours, PerDay: l.PerDay,
		Role: map[string]journal.Role{"entry": journal.Entry, "exit": journal.Exit, "check": journal.Check}[l.Direction],
	}
	r.Opens = r.Role != journal.Check
	r.OnlyLook = l.Staff == "diagnosis"
	r.Claims, r.Cut = cfg.Sync.Station != "", cfg.Bus.Cut
	for _, class := range l.Classes {
		r.Accept.Classes = append(r.Accept.Classes, verify.Class(class))
	}
	if s != nil {
		r.Zone, _ = zoneOf(s.Zone) // station.json with another was refused
	}
	return r
}

// zoneOf is a time zone by its name. China's needs no files on the machine.
func zoneOf(name string) (*time.Location, error) {
	if name == lane.Shanghai.String() {
		return lane.Shanghai, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone: %w; is tzdata installed?", err)
	}
	return zone, nil
}

// newRules are the lane's as they are to be now.
func (g *gate) newRules() *lane.Rules {
	cfg := g.sync.config(g.cfg)
	g.store.SetPassbackFor(cfg.Lane.PassbackFor)
	return laneRules(cfg, g.sync.Station())
}

// getConfig says each key of the configuration, its value and where that comes from.
func (s *server) getConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(control.Config{Path: s.cfg.Path, Settings: s.lane.sync.config(s.cfg).Settings()})
}
