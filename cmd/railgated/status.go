package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver"
	"railgate/verify/lane"
)

// keysWarn is how long before the last key ends a gate asks for new ones, and the
// part of the key's time that must have passed.
const (
	keysWarn     = 7 * 24 * time.Hour
	keysWarnPart = 10
)

// status tells how the gate is.
func (l *runner) status(c *configs.Config, started time.Time) *control.Status {
	view := l.seen()
	s := &control.Status{
		Mode: string(view.Mode), Problems: append([]string{}, view.Reasons...),
		Station: c.Station, Gate: c.Gate, Direction: l.rules.Direction, Version: version, PID: os.Getpid(), Started: started, Config: c.Path,
		Store: l.store.Stats(),
	}
	l.addDevices(s, c)
	l.addClock(s)
	l.addKeyset(s)
	l.mu.Lock()
	s.Counts = control.Counts{
		Readings: maps.Clone(l.counts.Readings), Decided: maps.Clone(l.counts.Decided),
		Dropped: maps.Clone(l.counts.Dropped), Records: maps.Clone(l.counts.Records),
	}
	s.Timings = l.timings
	s.History = control.History{
		Minutes: slices.Clone(l.history.minutes), Totals: slices.Clone(l.history.totals), Recent: slices.Clone(l.history.recent),
	}
	l.mu.Unlock()
	if n := l.in.overruns(); n > 0 {
		s.Counts.Dropped["overrun"] = uint64(n)
	}
	if view.Obstructed {
		s.Problems = append(s.Problems, "the passage sensor is blocked: is something standing in the lane?")
	}
	if view.Mode == lane.ModeEmergency {
		s.Problems = append(s.Problems, "the emergency input is active: the fire loop is open")
	}
	if view.Mode != lane.ModeOutOfService && !view.BlindSince.IsZero() {
		s.Problems = append(s.Problems, "the store lost its memory: paper codes from before are denied")
	}
	s.Health = health(s)
	return s
}

func health(s *control.Status) control.Health {
	switch {
	case s.Mode == string(lane.ModeOutOfService):
		return control.OutOfService
	case len(s.Problems) > 0:
		return control.Degraded
	}
	return control.Healthy
}

func (l *runner) addDevices(s *control.Status, c *configs.Config) {
	add := func(kind, driverName string, d interface {
		fmt.Stringer
		Health() driver.Health
	}) {
		h := d.Health()
		s.Devices = append(s.Devices, control.Device{Kind: kind, Name: d.String(), Driver: driverName, Up: h.Up, Since: h.Since, Error: h.Err})
		if !h.Up && s.Mode != string(lane.ModeOutOfService) {
			s.Problems = append(s.Problems, fmt.Sprintf("%s %s: %s", kind, d, missing(d)))
		}
	}
	for i, d := range l.scanners {
		add("scanner", c.Scanners[i].Driver, d)
	}
	if l.turnstile != nil {
		add("turnstile", c.Turnstile.Driver, l.turnstile)
	}
	add("panel", c.Panel.Driver, l.panel)
}

func (l *runner) addClock(s *control.Status) {
	state := l.clock.State()
	now, trusted := l.clock.Now()
	l.mu.Lock()
	suspect, histogram := l.ages.Suspect(), l.ages.Histogram()
	l.mu.Unlock()
	s.Clock = control.Clock{
		Time: now, Source: state.Source, Trusted: trusted, Why: state.Why, Error: state.Error.Seconds(), Floor: state.Floor,
		Suspect: suspect, Histogram: histogram,
	}
	if suspect {
		s.Problems = append(s.Problems, "most passengers' codes are outside their minute: is the clock right?")
	}
}

func (l *runner) addKeyset(s *control.Status) {
	k := l.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	s.Keyset = control.Keyset{Loaded: k.keys != nil, Source: k.path, Since: k.since}
	if k.keys == nil {
		return
	}
	s.Keyset.Version, s.Keyset.Keys, s.Keyset.Revoked = k.keys.Version, len(k.keys.Keys), k.keys.RevokedCount()
	var lasts time.Duration
	for _, key := range k.keys.Keys {
		if key.RevokedAt.IsZero() && key.NotAfter.After(s.Keyset.Expires) {
			s.Keyset.Expires, lasts = key.NotAfter, key.NotAfter.Sub(key.NotBefore)
		}
	}
	if k.err != nil {
		s.Problems = append(s.Problems, fmt.Sprintf("the keyset cannot be read, version %d stays in use: %v", k.keys.Version, k.err))
	}
	if s.Clock.Trusted && s.Keyset.Expires.Sub(s.Clock.Time) < min(keysWarn, lasts/keysWarnPart) {
		s.Problems = append(s.Problems, fmt.Sprintf("the last key ends %s: get a new keyset", s.Keyset.Expires.UTC().Format(time.RFC3339)))
	}
}
