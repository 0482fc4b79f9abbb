package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/store/update"
	"railgate/verify/lane"
)

// A stager is the part of a gate that brings releases, with a nation and a station, on a machine with two slots.
type stager struct {
	*releases
	t               *testing.T
	nation, station *publisher
	dir             string
	records         []journal.Record
	decided         uint64
	clock           time.Time
}

func newStager(t *testing.T) *stager {
	t.Helper()
	d := &stager{t: t, dir: t.TempDir(), nation: newPublisher(t), station: newPublisherOf(t, "station"), clock: time.Date(2026, 11, 28, 12, 0, 0, 0, lane.Shanghai)}
	st, err := store.Open(store.Options{Dir: filepath.Join(d.dir, "data"), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return time.Now(), true }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	cfg := &configs.Config{Station: "GZQ", Gate: "A07", Data: filepath.Join(d.dir, "data")}
	cfg.Update = configs.Update{Install: "asked", Hours: lane.Hours{From: 90, Until: 240}}
	y := &syncer{cfg: cfg, store: st, nation: &feed{name: "nation", word: "nation"}, station: &feed{name: "station GZQ", word: "station"}}
	d.releases = &releases{
		cfg: cfg, folder: filepath.Join(cfg.Data, "update"), recorded: filepath.Join(d.dir, "root"), wishes: filepath.Join(d.dir, "update.json"), slots: true, sync: y, store: st,
		note: func(r journal.Record) { d.records = append(d.records, r) }, activity: func() uint64 { return d.decided }, now: func() time.Time { return d.clock },
		log: slog.New(slog.DiscardHandler), want: make(chan bool, 1), wished: map[string]time.Time{},
	}
	y.leave = d.export
	d.nation.put(map[string]string{"release/1.5.0/" + debianArch() + ".raucb": "bundle", "stations/GZQ/root.json": d.station.root()})
	if err := st.PutFiles("nation", map[string][]byte{"stations/GZQ/root.json": []byte(d.station.root())}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.recorded, 0o755); err != nil {
		t.Fatal(err)
	}
	d.refresh("")
	return d
}

// refresh is a round of the repositories, after which the station gives a release.
func (d *stager) refresh(release string) {
	d.t.Helper()
	y := d.releases.sync
	for _, f := range []struct {
		*feed
		p *publisher
	}{{y.nation, d.nation}, {y.station, d.station}} {
		public := f.p.repo.Public()
		r := &sync.Repository{Name: f.name, Root: []byte(f.p.root()), Metadata: sync.Folder(public), Targets: sync.Folder(filepath.Join(public, "targets")), State: y.store, Now: time.Now}
		l, err := r.Refresh(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		if err := y.leave(d.t.Context(), f.feed, l); err != nil {
			d.t.Fatal(err)
		}
		y.mu.Lock()
		f.listing = l
		y.mu.Unlock()
	}
	y.mu.Lock()
	y.release = release
	y.mu.Unlock()
}

func (d *stager) record(s update.State) {
	d.t.Helper()
	if err := update.Save(d.recorded, s); err != nil {
		d.t.Fatal(err)
	}
}

// wish is the release that is wished for, and takes the wish away as root does; "": none is.
func (d *stager) wish() string {
	d.t.Helper()
	data, err := os.ReadFile(d.wishes)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	var w struct{ Release string }
	if err := errors.Join(err, json.Unmarshal(data, &w), os.Remove(d.wishes)); err != nil {
		d.t.Fatal(err)
	}
	return w.Release
}

func (d *stager) mustLook(install bool) {
	d.t.Helper()
	if err := d.look(d.t.Context(), install); err != nil {
		d.t.Fatal(err)
	}
}

func (d *stager) told() *control.Status {
	s := new(control.Status)
	d.status(s)
	return s
}

func TestTheStationsReleaseIsStagedAndInstalledWhenAsked(t *testing.T) {
	d := newStager(t)
	d.mustLook(false)
	if _, err := os.Stat(filepath.Join(d.folder, "nation/timestamp.json")); err != nil {
		t.Errorf("without a release: %v; want the lists left for a stick's bundle", err)
	}
	os.WriteFile(filepath.Join(d.folder, "1.3.0.raucb.part"), nil, 0o600)
	d.refresh("1.5.0")
	d.mustLook(false)
	if got, err := os.ReadFile(filepath.Join(d.folder, "1.5.0.raucb")); string(got) != "bundle" || err != nil {
		t.Errorf("%q, %v; want the bundle", got, err)
	}
	if _, err := os.Stat(filepath.Join(d.folder, "1.3.0.raucb.part")); err == nil {
		t.Error("what was staged of another release stays")
	}
	if u := d.told().Update; u.Assigned != "1.5.0" || u.Staged != "1.5.0" || u.Total != 6 {
		t.Errorf("told %+v", u)
	}
	if w := d.wish(); w != "" {
		t.Errorf("%s is wished for, and nobody asked", w)
	}
	d.mustLook(true)
	if w := d.wish(); w != "1.5.0" {
		t.Errorf("%q is wished for; want 1.5.0", w)
	}
}

func TestInQuietHoursAReleaseIsInstalledByItself(t *testing.T) {
	d := newStager(t)
	d.refresh("1.5.0")
	night := time.Date(2026, 11, 29, 2, 0, 0, 0, lane.Shanghai)
	for _, tt := range []struct {
		name    string
		install string
		clock   time.Time
		quiet   time.Duration // for how long nobody has come
		want    string
	}{
		{"not by default", "asked", night, time.Hour, ""},
		{"by day", "quiet", night.Add(10 * time.Hour), time.Hour, ""},
		{"somebody has come", "quiet", night, time.Minute, ""},
		{"no time", "quiet", time.Time{}, time.Hour, ""},
		{"at night, with nobody there", "quiet", night, time.Hour, "1.5.0"},
		{"once an hour", "quiet", night, time.Hour, ""},
	} {
		d.cfg.Update.Install, d.clock, d.quietAt = tt.install, tt.clock, time.Now().Add(-tt.quiet)
		d.mustLook(false)
		if w := d.wish(); w != tt.want {
			t.Errorf("%s: %q is wished for; want %q", tt.name, w, tt.want)
		}
	}
	d.wished = map[string]time.Time{}
	d.decided++ // a code in the middle of the night
	d.mustLook(false)
	if w := d.wish(); w != "" {
		t.Errorf("%s is wished for just after somebody came", w)
	}
}

// What runs, what is on trial and what failed is not wished for, and what is recorded is told.
func TestWhatIsRecordedOfAnUpdateIsTold(t *testing.T) {
	d := newStager(t)
	d.refresh("1.5.0")
	d.mustLook(false)
	sum := d.sum
	failure := []update.Failure{{Release: "1.5.0", Sum: sum, Why: "railgated does not answer"}}
	d.record(update.State{Running: "1.4.0", Slot: "A", Failed: failure, Events: []update.Noted{{Seq: 1, What: "1.5.0 is written into slot B"}, {Seq: 2, What: "1.5.0 failed: railgated does not answer"}}, Seq: 2})
	d.cfg.Update.Install, d.clock, d.quietAt = "quiet", time.Date(2026, 11, 29, 2, 0, 0, 0, lane.Shanghai), time.Now().Add(-time.Hour)
	d.mustLook(false)
	if w := d.wish(); w != "" {
		t.Errorf("%s is wished for by itself, and failed", w)
	}
	s := d.told()
	if len(s.Causes) != 1 || s.Causes[0].Cause != control.UpdateFailed || !strings.Contains(s.Causes[0].Why, "does not answer") || s.Update.Failed != "1.5.0" || s.Update.Running != "1.4.0" {
		t.Errorf("%+v, %+v; want update_failed", s.Causes, s.Update)
	}
	d.mustLook(false)
	var details []string
	for _, r := range d.records {
		details = append(details, r.Detail)
	}
	if got := strings.Join(details, "; "); got != "release 1.5.0 is staged; release 1.5.0 is written into slot B; release 1.5.0 failed: railgated does not answer" {
		t.Errorf("journaled: %s", got)
	}
	d.mustLook(true)
	if w := d.wish(); w != "1.5.0" {
		t.Errorf("%q is wished for, when a person asks; want 1.5.0", w)
	}
	for name, s := range map[string]update.State{
		"on trial": {Running: "1.4.0", Slot: "A", Trial: &update.Trial{Release: "1.5.0", Sum: sum, Slot: "B", Phase: update.Running}},
		"kept":     {Running: "1.5.0-3", Slot: "B", Has: map[string]update.Installed{"B": {Release: "1.5.0", Sum: sum}}},
		"it runs":  {Running: "1.5.0", Slot: "A"},
	} {
		d.record(s)
		d.mustLook(true)
		if w := d.wish(); w != "" {
			t.Errorf("%s: %s is wished for", name, w)
		}
	}
}

func TestAReleaseThatCannotBeBroughtIsACause(t *testing.T) {
	d := newStager(t)
	d.refresh("1.5.0")
	if err := os.RemoveAll(filepath.Join(d.nation.repo.Public(), "targets/release")); err != nil {
		t.Fatal(err)
	}
	err := d.look(t.Context(), true)
	if err == nil || d.wish() != "" {
		t.Fatalf("%v; want an error, and no wish", err)
	}
	d.err = err
	if s := d.told(); len(s.Causes) != 1 || s.Causes[0].Cause != control.UpdateNotStaged {
		t.Errorf("%+v; want update_not_staged", s.Causes)
	}
	os.WriteFile(filepath.Join(d.recorded, update.StateName), []byte("{"), 0o600)
	if err := d.look(t.Context(), true); err == nil || !strings.Contains(err.Error(), "recorded") {
		t.Errorf("with a record that cannot be read: %v", err)
	}
}

func TestAMachineWithOneSystemStagesNothing(t *testing.T) {
	d := newStager(t)
	d.slots = false
	d.refresh("1.5.0")
	d.mustLook(true)
	if _, err := os.Stat(filepath.Join(d.folder, "1.5.0.raucb")); err == nil || d.wish() != "" {
		t.Error("something is staged, or wished for")
	}
}

// A gate without a station is updated by hand, and says what became of it.
func TestAGateWithoutAStationTellsWhatIsRecorded(t *testing.T) {
	d := newStager(t)
	d.releases.sync = nil
	d.record(update.State{Running: "1.4.0", Slot: "A", Failed: []update.Failure{{Release: "1.5.0", Sum: "x", Why: "no answer"}}})
	d.mustLook(true)
	if s := d.told(); len(s.Causes) != 1 || s.Causes[0].Cause != control.UpdateFailed || s.Update.Running != "1.4.0" {
		t.Errorf("%+v, %+v; want update_failed", s.Causes, s.Update)
	}
}

// An asked installation is not lost beside a look that is due.
func TestAskingIsNotLost(t *testing.T) {
	d := newStager(t)
	d.ask(false)
	d.ask(true)
	if !<-d.want {
		t.Error("what was asked for is lost")
	}
}

// Who asks is told of the release that the station gives now, before it has been looked at: not of the one before, which is staged, nor
// of what went wrong with that.
func TestWhoAsksIsToldOfTheReleaseOfNow(t *testing.T) {
	d := newStager(t)
	d.refresh("1.5.0")
	d.mustLook(false)
	d.err = errors.New("the server was away")
	d.refresh("1.6.0")
	d.ask(false)
	if u := d.told().Update; u.Assigned != "1.6.0" || u.Staged != "" || u.Bytes != 0 || u.Total != 0 || u.Error != "" {
		t.Errorf("told %+v; want 1.6.0, of which nothing is here yet", u)
	}
}
