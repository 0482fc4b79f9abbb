package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/bus"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// policy publishes the lane's policy and waits until the gate has its version, or refuses it.
func (p *pair) policy(d *process, text string) control.StationSync {
	p.t.Helper()
	before := d.status().Sync.Station
	p.station.put(map[string]string{"gates/A07.toml": text, "gates/B01.toml": "[lane]\nper_day = 9\n"})
	d.until("a policy", func() bool { s := d.status().Sync.Station; return s.Version > before.Version })
	return *d.status().Sync.Station
}

func (d *process) setting(key string) configs.Setting {
	d.t.Helper()
	answer, err := d.client().Config(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	i := slices.IndexFunc(answer.Settings, func(s configs.Setting) bool { return s.Key == key })
	return answer.Settings[i]
}

// The station's policy lies over the file without a restart, and is kept over one without the station.
func TestAPolicyAppliesWithoutARestart(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	d := p.start()
	d.until("the station", func() bool { s := d.status().Sync.Station; return s != nil && s.State == "fresh" })
	if got := d.setting("lane.per_day"); got.From != "default" {
		t.Errorf("per_day comes from %q before a policy; want the default", got.From)
	}
	claims := p.claims()
	again := func() string { // a next code of the same holder
		c := p.claims()
		c.Holder = claims.Holder
		return p.mint(c)
	}
	d.scan(p.mint(claims))
	d.waitFor(1, kind(journal.Passage))
	p.policy(d, "[lane]\nper_day = 1\n")
	if got := d.setting("lane.per_day"); !strings.HasPrefix(got.From, "station policy ") || got.Value != 1.0 {
		t.Errorf("per_day = %v from %q; want 1 from the station", got.Value, got.From)
	}
	d.until("the lane goes by it", func() bool {
		d.scan(again())
		return d.count(decided("denied", "limit_reached")) > 0
	})
	d.stop()
	if err := os.Rename(p.station.repo.Public(), p.station.repo.Public()+".away"); err != nil {
		t.Fatal(err)
	}
	d = p.start()
	denied := d.count(decided("denied", "limit_reached"))
	d.scan(again())
	d.waitFor(denied+1, decided("denied", "limit_reached"))
	d.scan(d.code()) // of another holder
	d.until("another holder", func() bool { return d.count(kind(journal.Passage)) > 1 })
	if err := os.Rename(p.station.repo.Public()+".away", p.station.repo.Public()); err != nil {
		t.Fatal(err)
	}
	d.until("the station again", func() bool { return d.status().Sync.Station.Error == "" })
	p.policy(d, "")
	d.until("the file alone", func() bool { return d.setting("lane.per_day").From == "default" && d.status().Sync.Station.Policy == 0 })
}

// A bad policy is refused whole: the old one stays, and status, cause and journal say why, once.
func TestABadPolicyLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	d := p.start()
	d.until("the station", func() bool { s := d.status().Sync.Station; return s != nil && s.State == "fresh" })
	good := p.policy(d, "[lane]\nper_day = 7\n").Policy
	refused := func(r *journal.Record) bool {
		return r.Kind == journal.Synced && strings.HasPrefix(r.Detail, "lane policy refused: ")
	}
	s := p.policy(d, "[lane]\nper_day = 8\ndirection = \"sideways\"\n")
	if s.Policy != good || !strings.Contains(s.PolicyError, "gates/A07.toml:3: lane.direction") || !slices.Contains(causes(d.status()), control.PolicyRefused) {
		t.Errorf("%+v, causes %v; want version %d and why the next is refused", s, causes(d.status()), good)
	}
	if got := d.setting("lane.per_day"); got.Value != 7.0 {
		t.Errorf("per_day = %v; want 7", got.Value)
	}
	if s.State != "fresh" || s.Error != "" {
		t.Errorf("the station is %s, %q; want it fresh: it was reached", s.State, s.Error)
	}
	d.client().Sync(t.Context(), nil) // another round
	d.waitFor(1, refused)
	p.policy(d, "[lane]\nper_day = 9\n")
	d.until("the next", func() bool {
		return d.setting("lane.per_day").Value == 9.0 && d.status().Sync.Station.PolicyError == ""
	})
	if slices.Contains(causes(d.status()), control.PolicyRefused) {
		t.Error("a policy that is good again is refused")
	}
}

// Outside its hours a lane lets nobody in and is healthy.
func TestOutOfHoursIsNotOutOfService(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	d := p.start()
	d.until("the station", func() bool { s := d.status().Sync.Station; return s != nil && s.State == "fresh" })
	now := time.Now().In(lane.Shanghai)
	hours := lane.Hours{From: (now.Hour()*60 + now.Minute() + 120) % 1440, Until: (now.Hour()*60 + now.Minute() + 180) % 1440}
	p.policy(d, "[lane]\nhours = \""+hours.String()+"\"\n")
	d.until("out of hours", func() bool { d.scan(d.code()); return d.count(decided("denied", "out_of_hours")) > 0 })
	if s := d.status(); s.Health != control.Healthy || s.Mode != "closed" || len(s.Causes) > 0 {
		t.Errorf("health %s, mode %s, causes %v; want healthy and closed", s.Health, s.Mode, causes(s))
	}
	p.policy(d, "")
	d.until("open again", func() bool { d.scan(d.code()); n, _ := d.pulses(); return n > 0 })
}

// The zone is the station's; one that this machine does not know refuses station.json.
func TestAStationsZone(t *testing.T) {
	if z, err := zoneOf("Asia/Shanghai"); err != nil || z != lane.Shanghai {
		t.Errorf("Asia/Shanghai = %v, %v; want it without files", z, err)
	}
	if _, err := zoneOf("Atlantis/Capital"); err == nil {
		t.Error("a zone that nobody knows is taken")
	}
	cfg, err := configs.Parse("gate.toml", []byte("station = \"GZQ\"\n[[scanner]]\ndriver = \"serial\"\nport = \"/dev/p\"\n[turnstile]\ndriver = \"sim\"\n[lane]\nhours = \"05:30-23:45\"\nper_day = 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := laneRules(cfg, &bus.Station{Zone: "UTC"})
	if r.Zone != time.UTC || r.Station != "GZQ" || r.Hours != (lane.Hours{From: 330, Until: 1425}) || r.PerDay != 3 || r.Tickets {
		t.Errorf("%+v; want UTC's hours at GZQ", r)
	}
}
