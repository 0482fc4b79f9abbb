package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"

	"railgate/cmd/control"
	"railgate/store/bus"
	"railgate/store/journal"
)

// stationJSON is station.json of a station, with pins.
func stationJSON(t *testing.T, name string, pins ...string) string {
	t.Helper()
	vkey := func(name string) string {
		s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
		if err != nil {
			t.Fatal(err)
		}
		return s.Verifier().String()
	}
	data, err := (&bus.Station{
		Station: name, Zone: "Asia/Shanghai", Pins: pins, ReceiptKey: vkey(bus.ReceiptKeyName(name)), TimeKey: vkey(bus.TimeKeyName(name)),
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pair is a nation and a station, with a gate of theirs.
type pair struct {
	*site
	nation, station *publisher
}

// newPair publishes a keyset, the station's root and station.json. change edits the gate's configuration.
func newPair(t *testing.T, change ...func(string) string) *pair {
	t.Helper()
	p := &pair{nation: newPublisher(t), station: newPublisherOf(t, "station")}
	p.site = syncedSite(t, p.nation, p.nation.repo.Public(), "station = \""+p.station.repo.Public()+"\"\n")
	for _, f := range change {
		p.config = f(p.config)
	}
	p.write("gate.toml", p.config)
	p.nation.publish(p.signer, 1)
	p.nation.put(map[string]string{"stations/GZQ/root.json": p.station.root(), "release/1.4.0/arm64.raucb": "bundle"})
	p.station.put(map[string]string{"station.json": stationJSON(t, "GZQ")})
	return p
}

func causes(s *control.Status) (all []string) {
	for _, c := range s.Causes {
		all = append(all, c.Cause)
	}
	return all
}

// A station's root comes by the nation; what the station said is kept over a restart without it.
func TestAStationsFilesComeFromItsRepository(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.station.put(map[string]string{"assign.json": `{"default": "1.4.0"}`})
	d := p.start()
	d.until("both fresh", func() bool {
		s := d.status().Sync
		return s.State == "fresh" && s.Station != nil && s.Station.State == "fresh" && s.Station.Release == "1.4.0"
	})
	d.waitFor(1, func(r *journal.Record) bool {
		return r.Kind == journal.Synced && strings.HasPrefix(r.Detail, "station.json of GZQ")
	})
	d.scan(d.code())
	d.wantPulses(1)
	d.stop()
	if err := os.Rename(p.station.repo.Public(), p.station.repo.Public()+".away"); err != nil {
		t.Fatal(err)
	}
	d = p.start()
	d.until("silent", func() bool { return d.status().Sync.Station.Error != "" })
	if s := d.status(); s.Sync.Station.State != "fresh" || s.Sync.Error != "" || s.Health != control.Healthy {
		t.Errorf("sync %+v, station %+v, health %s; want both fresh, the station's in error, and healthy", s.Sync, s.Sync.Station, s.Health)
	}
	d.scan(d.code())
	d.wantPulses(2)
}

// A station that publishes what is not its own is refused whole, and says so.
func TestAStationMayPublishOnlyItsOwn(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.station.put(map[string]string{"assign.json": `{"default": "1.4.0"}`})
	d := p.start()
	d.until("the station's release", func() bool { s := d.status().Sync.Station; return s != nil && s.Release == "1.4.0" })
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
		cause bool
	}{
		{"a keyset", map[string]string{"keys.json": "{}"}, "is not a station's to publish", true},
		{"another station's root", map[string]string{"stations/BJX/root.json": "{}"}, "is not a station's to publish", true},
		{"another station's gate", map[string]string{"BJX/gates/A07.toml": "x"}, "is not a station's to publish", true},
		{"a release's files", map[string]string{"release/1.4.0/arm64.raucb": "bundle"}, "is not a station's to publish", true},
		{"a release that the nation does not list", map[string]string{"assign.json": `{"default": "1.4.0", "gates": {"B01": "6.6.6"}}`}, "the nation does not list it", true},
		{"another station's station.json", map[string]string{"station.json": stationJSON(t, "BJX")}, `this gate is at "GZQ"`, false},
		{"a station.json of garbage", map[string]string{"station.json": "garbage"}, "station.json", false},
	} {
		p.station.put(tt.files)
		d.until(tt.name+" refused", func() bool { return strings.Contains(d.status().Sync.Station.Error, tt.want) })
		s := d.status()
		if got := slices.Contains(causes(s), control.StationRefused); got != tt.cause || s.Keyset.Version != 1 || s.Sync.Station.Release != "1.4.0" || s.Sync.Error != "" {
			t.Errorf("%s: causes %v, keyset %d, release %s, nation's error %q; want keyset 1, release 1.4.0", tt.name, causes(s), s.Keyset.Version, s.Sync.Station.Release, s.Sync.Error)
		}
		back := map[string]string{"assign.json": `{"default": "1.4.0"}`, "station.json": stationJSON(t, "GZQ")}
		for name := range tt.files {
			if back[name] == "" {
				back[name] = "" // away
			}
		}
		p.station.put(back)
		d.until("the station works again", func() bool { return d.status().Sync.Station.Error == "" })
	}
	d.scan(d.code())
	d.wantPulses(1)
}

// Once station.json names its server's key, no other server is asked; its certificate's dates do not matter.
func TestAStationIsHeldToItsPinnedKey(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	files := http.FileServer(http.Dir(p.station.repo.Public()))
	web := httptest.NewTLSServer(files) // its certificate is self-signed, and example.com's
	defer web.Close()
	p.write("gate.toml", strings.Replace(p.config, p.station.repo.Public(), web.URL, 1))
	d := p.start()
	d.until("the station before it names a key", func() bool { s := d.status().Sync.Station; return s != nil && s.State == "fresh" })
	p.station.put(map[string]string{"station.json": stationJSON(t, "GZQ", bus.Pin([]byte("another key")))})
	d.until("another key refused", func() bool {
		return strings.Contains(d.status().Sync.Station.Error, "the server's public key is not pinned")
	})
	p.station.put(map[string]string{"station.json": stationJSON(t, "GZQ", bus.Pin(web.Certificate().RawSubjectPublicKeyInfo))})
	stick := t.TempDir()
	copyTree(t, p.station.repo.Public(), filepath.Join(stick, "station"))
	if answer, err := d.client().Sync(t.Context(), tarOf(t, stick, nil)); err != nil {
		t.Fatalf("the station's new key by stick: %+v, %v", answer, err)
	}
	p.station.put(map[string]string{"assign.json": `{"default": "1.4.0"}`})
	d.until("the pinned key", func() bool { s := d.status().Sync.Station; return s.Error == "" && s.Release == "1.4.0" })
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// One stick brings both repositories, to a gate that reaches neither.
func TestAStickBringsBothRepositories(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	config := strings.Replace(p.config, p.nation.repo.Public(), "http://127.0.0.1:1/nation", 1)
	p.write("gate.toml", strings.Replace(config, p.station.repo.Public(), "http://127.0.0.1:1/station", 1))
	d := p.launch()
	d.until("ready", func() bool { return strings.Contains(d.log.String(), "msg=ready") })
	for _, folders := range [][2]string{{"nation", "station"}, {"nation/public", "stations/GZQ"}} {
		stick := t.TempDir()
		p.station.put(map[string]string{"assign.json": fmt.Sprintf(`{"gates": {"A07": "1.4.0", %q: ""}}`, filepath.Base(folders[1]))})
		copyTree(t, p.nation.repo.Public(), filepath.Join(stick, folders[0]))
		copyTree(t, p.station.repo.Public(), filepath.Join(stick, folders[1]))
		answer, err := d.client().Sync(t.Context(), tarOf(t, stick, nil))
		if err != nil || answer.Station == nil || answer.Station.Release != "1.4.0" || d.status().Keyset.Version != 1 {
			text, _ := json.Marshal(answer)
			t.Fatalf("%v: %s, %v; want release 1.4.0 and keyset 1", folders, text, err)
		}
	}
	other := t.TempDir()
	copyTree(t, newPublisherOf(t, "station").repo.Public(), filepath.Join(other, "station"))
	if _, err := d.client().Sync(t.Context(), tarOf(t, other, nil)); err == nil {
		t.Error("another station's repository is taken from a stick")
	}
}
