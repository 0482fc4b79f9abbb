package main

import (
	"fmt"
	"os"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/driver"
	"railgate/verify"
	"railgate/verify/lane"
)

// status tells how the gate is.
func (l *runner) status(c *configs.Config, started time.Time) *control.Status {
	view := l.seen()
	s := &control.Status{
		Mode: string(view.Mode), Problems: []string{}, Causes: []control.Cause{},
		Station: c.Station, Gate: c.Gate, Direction: view.Rules.Direction, Zone: zoneName(view.Rules.Zone), Version: version, PID: os.Getpid(), Started: started, Config: c.Path,
		Store: l.stats.read(l.store.Stats),
	}
	l.addReasons(s, view, c)
	l.addDevices(s, c)
	l.addClock(s)
	l.addKeyset(s, c)
	l.sync.status(s)
	l.revoked.status(s)
	if l.sync != nil {
		l.sync.tickets.status(s, view.Rules.Tickets)
	}
	l.releases.status(s)
	l.provision.status(s)
	l.wire.status(s, l.sync.config(c).Bus.Cut)
	if n := l.in.overruns(); n > 0 {
		s.Counts.Dropped["overrun"] = uint64(n)
	}
	if view.Obstructed {
		found(s, control.SensorBlocked, "the passage sensor is blocked: is something standing in the lane?")
	}
	if view.Mode == lane.ModeEmergency {
		found(s, control.EmergencyActive, "the emergency input is active: the fire loop is open")
	}
	if view.Mode != lane.ModeOutOfService && !view.BlindSince.IsZero() {
		found(s, control.SpentCodesLost, "the store lost its memory: paper codes from before are denied")
		s.Causes[len(s.Causes)-1].Severity = control.Degraded
	}
	l.addStore(s)
	l.addService(s)
	if reason, n := l.told.fault(); reason != "" {
		found(s, string(reason), nobodyGetsIn(reason, n), "{sync}", c.Sync.Nation)
	}
	s.Health = health(s)
	return s
}

// zoneName is a zone's name; the zone where nothing says another is China's.
func zoneName(zone *time.Location) string {
	if zone == nil {
		zone = lane.Shanghai
	}
	return zone.String()
}

// addStore says what the station knows of the journal that the gate does not, or lacks of it.
func (l *runner) addStore(s *control.Status) {
	if s.Store.RolledBack {
		found(s, control.StoreRolledBack, "the store was rolled back: the station has records that are not here, and codes from before are denied")
	}
	if n := s.Store.Unsent; n > 0 {
		found(s, control.JournalUnsent, fmt.Sprintf("the station does not have the journal: the bodies of %d records made room", n))
	}
}

// addReasons says why the lane is out of service, if it is.
func (l *runner) addReasons(s *control.Status, view lane.Snapshot, c *configs.Config) {
	names := []string{"{config}", c.Path, "{keys}", c.Keys, "{data}", c.Data, "{sync}", c.Sync.Nation}
	for i, why := range view.Why {
		cause := lane.Cause(i)
		if l.provision.waiting() && (cause == lane.CauseKeyset || cause == lane.CauseClock) {
			continue // they come with the station
		}
		if why != "" {
			found(s, l.causeID(cause), fmt.Sprintf("%v: %s", cause, why), names...)
			if c := &s.Causes[len(s.Causes)-1]; c.Cause == control.ClockBelowFloor {
				*c = control.BelowProven(c.Why, keeper(l.clock.State()), names...)
			}
		}
	}
}

// causeID is the name in the table of causes of what a lane misses.
func (l *runner) causeID(c lane.Cause) string {
	switch c {
	case lane.CauseStore:
		return control.StoreDown
	case lane.CauseSpentCodes:
		return control.SpentCodesLost
	case lane.CauseClock:
		if l.clock.State().Below {
			return control.ClockBelowFloor
		}
		return control.ClockNotSynchronised
	case lane.CauseKeyset:
		if l.sync.stopped() != "" {
			return control.SyncStopped
		}
		return l.keys.CauseID()
	case lane.CauseTurnstile:
		if p, ok := l.turnstile.(*patientTurnstile); ok {
			return p.cause()
		}
		return control.TurnstileDown
	case lane.CauseProvision:
		return control.NotProvisioned
	}
	return control.ScannerDown
}

// addService says what staff made of the lane, and until when.
func (l *runner) addService(s *control.Status) {
	service, left := l.takeover()
	if service == "" {
		return
	}
	until := s.Clock.Time.Add(left).Round(time.Second)
	s.Service, s.ServiceUntil = service, &until
}

// nobodyGetsIn says what to look at where the last decisions opened nothing, most of
// them for one reason of the gate's own.
func nobodyGetsIn(reason verify.Reason, n int) string {
	suspect := "is the clock right? railgate clock show"
	switch reason {
	case verify.UnknownKey, verify.BadSignature:
		suspect = "is it this issuer's keyset, and a new one? railgate keys show"
	case verify.ClassNotAccepted:
		suspect = "are classes under [lane], and the keyset, those of this lane? railgate keys show"
	case verify.BadClaims, verify.BadProof:
		suspect = "does the keyset have its issuer's rules? railgate keys show"
	case lane.NoPassage:
		suspect = "does the turnstile move, and does the passage sensor see who walks? railgate watch"
	case verify.KeyRevoked, verify.KeyNotValid:
		suspect = "is the keyset too old? railgate keys show"
	case lane.TooLate:
		suspect = "the disk is too slow: railgate doctor"
	case lane.NoTicket:
		suspect = "is it the manifest of today? railgate status"
	}
	return fmt.Sprintf("nobody gets in: %d of the last decisions were %s; %s", n, reason, suspect)
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
		s.Devices = append(s.Devices, control.Device{
			Kind: kind, Name: d.String(), Driver: driverName, Up: h.Up, Since: h.Since, Error: h.Err,
			Note: h.Note, Suffix: h.Suffix, Foreign: h.Foreign, Lines: linesOf(h.Lines, c),
		})
		// A lane that is out of service for a device has said so; of one that waits to be provisioned its panel is looked for too.
		if !h.Up && (s.Mode != string(lane.ModeOutOfService) || l.provision.waiting() && kind == "panel" && h.Err != "") {
			found(s, map[string]string{"scanner": control.ScannerDown, "turnstile": control.TurnstileDown, "panel": control.PanelDown}[kind], fmt.Sprintf("%s %s: %s", kind, d, whyDown(d)))
			c := &s.Causes[len(s.Causes)-1]
			c.Severity, c.About, c.Since = control.Degraded, d.String(), h.Since // the lane works without it
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

// linesOf are a turnstile's lines: without the fire loop's where it is not wired.
func linesOf(lines []driver.Line, c *configs.Config) (told []control.Line) {
	for _, l := range lines {
		if l.Name != "emergency" || c.Turnstile.Driver != "gpio" || c.Turnstile.Emergency != "" {
			told = append(told, control.Line(l))
		}
	}
	return told
}

func (l *runner) addKeyset(s *control.Status, cfg *configs.Config) {
	var causes []control.Cause
	s.Keyset, causes = l.keys.Status(s.Clock.Time, s.Clock.Trusted)
	for _, c := range causes {
		found(s, c.Cause, c.Why, "{keys}", s.Keyset.Source, "{sync}", cfg.Sync.Nation)
		s.Causes[len(s.Causes)-1].Severity = c.Severity
	}
}
