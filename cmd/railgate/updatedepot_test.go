package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
	"railgate/cmd/station/repository"
	"railgate/configs"
	"railgate/driver/slots"
	"railgate/store/update"
)

// A twin is a machine with two slots, as RAUC and a bootloader that tries once keep it.
type twin struct {
	usual, tried, running string
	flag                  bool
	holds                 map[string]string // what was written into a slot, by its bootname
	bad                   map[string]bool
	fail                  map[string]error // by what is done
	did                   []string
	copied                string // the version that root's copy of a bundle calls itself; "": the same
}

func newTwin() *twin {
	return &twin{usual: "A", running: "A", holds: map[string]string{"A": "old"}, bad: map[string]bool{}, fail: map[string]error{}}
}

func slotName(bootname string) string {
	return map[string]string{"A": "rootfs.0", "B": "rootfs.1"}[bootname]
}

func (m *twin) note(what string) error { m.did = append(m.did, what); return m.fail[what] }

func (m *twin) State(context.Context) (*slots.State, error) {
	if err := m.fail["state"]; err != nil {
		return nil, err
	}
	s := &slots.State{Primary: m.usual}
	for _, name := range []string{"A", "B"} {
		s.Slots = append(s.Slots, slots.Slot{Name: slotName(name), Bootname: name, Booted: m.running == name, Good: !m.bad[name]})
	}
	return s, nil
}

func (m *twin) Ready() error { return m.fail["ready"] }

func (m *twin) Version(_ context.Context, bundle string) (string, error) {
	if filepath.Base(bundle) == bundleName && m.copied != "" {
		return m.copied, nil
	}
	return "1.5.0", m.fail["version"]
}

func (m *twin) Install(_ context.Context, bundle string, progress func(int, string)) error {
	progress(50, "Copying image")
	data, err := os.ReadFile(bundle)
	if err != nil {
		return err
	}
	other := map[string]string{"A": "B", "B": "A"}[m.running]
	m.holds[other] = string(data)
	if err := m.note("install"); err != nil {
		return err
	}
	m.tried, m.bad[other] = other, false
	return nil
}

func (m *twin) MarkGood(context.Context) error {
	if err := m.note("good " + m.running); err != nil {
		return err
	}
	if m.usual != m.running {
		m.usual, m.tried = m.running, ""
	}
	return nil
}

func (m *twin) MarkBad(_ context.Context, name string) error {
	for _, bootname := range []string{"A", "B"} {
		if slotName(bootname) == name {
			m.bad[bootname] = true
			if m.tried == bootname {
				m.tried = ""
			}
		}
	}
	return m.note("bad " + name)
}

func (m *twin) Reboot(context.Context) error { m.flag = true; return m.note("reboot") }

// boot is the bootloader's part of a start.
func (m *twin) boot() {
	m.running = m.usual
	if m.flag && m.tried != "" {
		m.running = m.tried
	}
	m.flag = false
}

// A depot is a nation, a station and a gate's updater, in folders.
type depot struct {
	t       *testing.T
	dir     string
	nation  *repository.Repository
	station *repository.Repository
	m       *twin
	u       *updater
	status  *control.Status // nil: railgated does not answer
	clock   time.Duration
	told    []notice
}

var noPassphrase = func(string) (string, error) { return "correct horse battery", nil }

func newDepot(t *testing.T) *depot {
	t.Helper()
	d := &depot{t: t, dir: t.TempDir(), m: newTwin(), status: &control.Status{Started: time.Unix(1, 0)}}
	var err error
	make := func(name string) *repository.Repository {
		r, err := repository.Create(filepath.Join(d.dir, "repositories", name), repository.Options{Passphrase: noPassphrase, OnlineTargets: name == "station", WorkFactor: 10, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	d.nation, d.station = make("nation"), make("station")
	if err = os.MkdirAll(filepath.Join(d.dir, "roots"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("roots/nation.root.json", string(d.root(d.nation)))
	cfg := &configs.Config{Station: "GZQ", Gate: "A07", Data: filepath.Join(d.dir, "data"), Sync: configs.Sync{Nation: "https://rail.example/nation", Station: "https://station.example", Roots: filepath.Join(d.dir, "roots")}}
	d.u = &updater{
		cfg: cfg, dir: filepath.Join(d.dir, "root"), slots: d.m, now: time.Now, image: "1.4.0",
		uptime: func() time.Duration { return d.clock },
		sleep:  func(_ context.Context, by time.Duration) error { d.clock += by; return nil },
		tell:   func(n notice) { d.told = append(d.told, n) },
	}
	d.u.status = func(context.Context) (*control.Status, error) {
		if d.status == nil {
			return nil, control.ErrNotRunning
		}
		s := *d.status
		return &s, nil
	}
	return d
}

func (d *depot) root(r *repository.Repository) []byte {
	d.t.Helper()
	root, err := r.RootJSON()
	if err != nil {
		d.t.Fatal(err)
	}
	return root
}

func (d *depot) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func (d *depot) publish(r *repository.Repository, name, text string) {
	d.t.Helper()
	if err := r.Publish([]repository.File{{Name: name, Path: d.write("publish/"+strings.ReplaceAll(name, "/", "_"), text)}}, noPassphrase); err != nil {
		d.t.Fatal(err)
	}
}

func (d *depot) release(version, text string) {
	d.t.Helper()
	d.publish(d.nation, "release/"+version+bundleSuffix(), text)
}

// export is what the daemon leaves for root: lists, roots, and the bundle.
func (d *depot) export(version, text string) {
	d.t.Helper()
	for name, r := range map[string]*repository.Repository{"nation": d.nation, "station": d.station} {
		if err := os.CopyFS(filepath.Join(d.dir, "data/update", name), os.DirFS(r.Public())); err != nil && !errors.Is(err, os.ErrExist) {
			d.t.Fatal(err)
		}
	}
	d.write("data/update/station.root.json", string(d.root(d.station)))
	d.write("data/update/"+version+".raucb", text)
}

// file installs a bundle as railgate update FILE does, answering what it asks.
func (d *depot) file(name string, f updateFlags, answer string) (string, error) {
	c := &cobra.Command{}
	var said bytes.Buffer
	c.SetErr(&said)
	c.SetIn(strings.NewReader(answer))
	c.SetContext(d.t.Context())
	err := f.fromFile(c, d.u, name)
	return said.String(), err
}

// state is what is recorded.
func (d *depot) state() update.State {
	d.t.Helper()
	s, err := update.Load(d.u.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// start is a start of the machine.
func (d *depot) start(image string) error {
	d.m.boot()
	d.u.image = image
	return d.u.boot(d.t.Context())
}

func (d *depot) want(running string, floor string, failed int) {
	d.t.Helper()
	s := d.state()
	if d.m.running != running || s.Floor != floor || len(s.Failed) != failed {
		d.t.Errorf("slot %s runs, floor %q, %d failed (%+v); want %s, %q, %d", d.m.running, s.Floor, len(s.Failed), s, running, floor, failed)
	}
}
