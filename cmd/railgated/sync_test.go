package main

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"railgate/cmd/control"
	"railgate/cmd/station/repository"
	"railgate/store/journal"
	"railgate/store/sync"
	"railgate/verify"
	"railgate/verify/mint"
)

// A publisher is the nation's in a test, or a station's.
type publisher struct {
	t    *testing.T
	dir  string
	repo *repository.Repository
}

func passphrase(string) (string, error) { return "correct horse battery", nil }

func newPublisher(t *testing.T) *publisher { return newPublisherOf(t, "nation") }

func newPublisherOf(t *testing.T, name string) *publisher {
	t.Helper()
	p := &publisher{t: t, dir: filepath.Join(t.TempDir(), name)}
	var err error
	p.repo, err = repository.Create(p.dir, repository.Options{Passphrase: passphrase, OnlineTargets: name == "station", WorkFactor: 10, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *publisher) publish(signer *mint.Signer, version uint64) {
	p.t.Helper()
	f := mint.NewKeyFile("test")
	f.Version = version
	f.Add(signer, time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour), verify.Temporary)
	data, err := f.KeysetJSON()
	if err != nil {
		p.t.Fatal(err)
	}
	p.put(map[string]string{"keys.json": string(data)})
}

// put publishes files by their names as targets; "" takes one away.
func (p *publisher) put(files map[string]string) {
	p.t.Helper()
	var all []repository.File
	for name, text := range files {
		path := ""
		if text != "" {
			path = filepath.Join(p.t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				p.t.Fatal(err)
			}
		}
		all = append(all, repository.File{Name: name, Path: path})
	}
	if err := p.repo.Publish(all, passphrase); err != nil {
		p.t.Fatal(err)
	}
}

func (p *publisher) root() string {
	p.t.Helper()
	root, err := p.repo.RootJSON()
	if err != nil {
		p.t.Fatal(err)
	}
	return string(root)
}

// synced is a site whose keyset comes from a repository.
func syncedSite(t *testing.T, p *publisher, nation string, more string) *site {
	t.Helper()
	s := newSite(t, "", func(c string) string {
		c = strings.Replace(c, "keys ", "#keys ", 1)
		return c + "\n[sync]\nnation = \"" + nation + "\"\nroots = \"" + filepath.Join(p.dir, "roots") + "\"\nevery = \"1s\"\n" + more
	})
	root, err := os.ReadFile(filepath.Join(p.repo.Public(), "1.root.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(p.dir, "roots"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "roots/nation.root.json"), root, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// A pipe in the place of the first root is one line of the log. It hangs neither the start nor the stop, and
// the gate goes on as soon as the root is there.
func TestARootThatIsAPipe(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := syncedSite(t, p, p.repo.Public(), "")
	p.publish(s.signer, 1)
	root := filepath.Join(p.dir, "roots/nation.root.json")
	text, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(root), unix.Mkfifo(root, 0o600)); err != nil {
		t.Fatal(err)
	}
	d := s.start()
	d.until("the error told", func() bool { return strings.Contains(d.status().Sync.Error, "not a file") })
	if err := errors.Join(os.Remove(root), os.WriteFile(root, text, 0o644)); err != nil {
		t.Fatal(err)
	}
	d.until("the keyset", func() bool { return d.status().Keyset.Version == 1 })
	if status := d.stop(); status != exitOK {
		t.Errorf("exit status %d; want %d; log:\n%s", status, exitOK, d.log)
	}
}

// Keys come over the network, a withdrawn network changes nothing, and a restart without it neither.
func TestTheKeysetComesFromItsRepository(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	var down atomic.Bool
	files := http.FileServer(http.Dir(p.repo.Public()))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer web.Close()
	s := syncedSite(t, p, web.URL, "")
	d := s.start()
	if st := d.status(); st.Health != control.OutOfService || len(st.Causes) == 0 || st.Causes[0].Cause != control.KeysetNotSynced {
		t.Errorf("status %s %+v; want out of service, for no keyset has come", st.Health, st.Causes)
	}
	p.publish(s.signer, 1)
	d.until("opened by a code", func() bool { d.scan(d.code()); n, _ := d.pulses(); return n > 0 })
	d.until("fresh", func() bool { return d.status().Sync.State == string(sync.Fresh) })
	if st := d.status(); st.Sync == nil || st.Sync.State != string(sync.Fresh) || st.Keyset.Version != 1 || st.Sync.Last.IsZero() {
		t.Errorf("sync = %+v, keyset %+v; want fresh, with version 1", st.Sync, st.Keyset)
	}
	d.waitFor(1, func(r *journal.Record) bool { return r.Kind == journal.Synced && r.Detail == "keyset version 1" })
	down.Store(true)
	d.until("the error told", func() bool { return strings.Contains(d.status().Sync.Error, "502") })
	d.stop()
	before, _ := d.pulses()
	d = s.start()
	d.scan(d.code())
	d.until("opened without the network", func() bool { n, _ := d.pulses(); return n > before })
}

// A code of a key that is not there yet has the repository asked at once.
func TestAnUnknownKeyAsksTheRepository(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := syncedSite(t, p, p.repo.Public(), "")
	p.publish(s.signer, 1)
	s.write("gate.toml", strings.Replace(s.config, `every = "1s"`, `every = "24h"`, 1))
	d := s.start()
	d.until("synced", func() bool { return d.status().Keyset.Version == 1 })
	newer, err := mint.GenerateSigner("kid2", verify.EdDSA, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.signer = newer
	p.publish(newer, 2)
	d.scan(d.code())
	d.until("the new keyset", func() bool { return d.status().Keyset.Version == 2 })
	d.scan(d.code())
	d.wantPulses(1)
}

// The repository on a USB stick, which only the technician may read, comes through the socket.
func TestARepositoryComesOnAStick(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := syncedSite(t, p, "http://127.0.0.1:1/nation", "") // nobody listens there
	p.publish(s.signer, 7)
	d := s.launch()
	d.until("ready", func() bool { return strings.Contains(d.log.String(), "msg=ready") })
	answer, err := d.client().Sync(t.Context(), tarOf(t, p.repo.Public(), nil))
	if err != nil || answer.Error != "" || d.status().Keyset.Version != 7 {
		t.Fatalf("Sync = %+v, %v; keyset %d; want version 7", answer, err, d.status().Keyset.Version)
	}
	p.publish(s.signer, 8)
	forge := func(name string, data []byte) []byte {
		if strings.Contains(name, "keys.json") {
			data = bytes.ToUpper(data)
		}
		return data
	}
	for name, body := range map[string]*bytes.Buffer{
		"garbage":           bytes.NewBufferString("garbage"),
		"nothing":           tarOf(t, t.TempDir(), nil),
		"a forged keyset":   tarOf(t, p.repo.Public(), forge),
		"another's archive": tarOf(t, newPublisher(t).repo.Public(), nil),
	} {
		if _, err := d.client().Sync(t.Context(), body); err == nil || d.status().Keyset.Version != 7 {
			t.Errorf("%s: %v, keyset %d; want an error, and version 7", name, err, d.status().Keyset.Version)
		}
	}
}

func tarOf(t *testing.T, dir string, change func(string, []byte) []byte) *bytes.Buffer {
	t.Helper()
	out := new(bytes.Buffer)
	w := tar.NewWriter(out)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if change != nil {
			data = change(name, data)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out
}

// Without its repository for too long a gate closes, and opens again once it is reached.
func TestOfflineForTooLongClosesTheLane(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := syncedSite(t, p, p.repo.Public(), "offline_for = \"1h\"\noffline_stop = \"48h\"\n")
	p.publish(s.signer, 1)
	d := s.start()
	d.until("fresh", func() bool { st := d.status(); return st.Sync != nil && st.Sync.State == "fresh" })
	if err := os.Rename(p.repo.Public(), p.repo.Public()+".away"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		state string
		cause string
	}{{40 * time.Minute, "stale", ""}, {30 * time.Minute, "degraded", control.SyncDegraded}, {48 * time.Hour, "stopped", control.SyncStopped}} {
		if err := d.client().Pretend(t.Context(), tt.after); err != nil {
			t.Fatal(err)
		}
		d.until(tt.state, func() bool {
			st := d.status()
			var causes []string
			for _, c := range st.Causes {
				causes = append(causes, c.Cause)
			}
			return st.Sync.State == tt.state && (tt.cause == "" || strings.Contains(strings.Join(causes, " "), tt.cause))
		})
	}
	if st := d.status(); st.Health != control.OutOfService {
		t.Errorf("health %s after offline_stop; want out of service", st.Health)
	}
	d.waitFor(1, func(r *journal.Record) bool {
		return r.Kind == journal.Synced && r.Detail == "the nation's repository is stopped"
	})
	if err := os.Rename(p.repo.Public()+".away", p.repo.Public()); err != nil {
		t.Fatal(err)
	}
	d.until("in service again", func() bool { return d.status().Mode == "closed" })
	d.waitFor(2, func(r *journal.Record) bool {
		return r.Kind == journal.Synced && r.Detail == "the nation's repository is fresh"
	})
}

// A repository that is put back to an older copy changes nothing at a gate, and the gate says
// what it sees: a cause, a record, and both gone once the newest is published again.
func TestARepositoryThatIsPutBackIsSaid(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	s := syncedSite(t, p, p.repo.Public(), "")
	p.publish(s.signer, 1)
	old, newest := t.TempDir(), t.TempDir()
	copyTree(t, p.repo.Public(), old)
	p.publish(s.signer, 2)
	copyTree(t, p.repo.Public(), newest)
	d := s.launch()
	putBack := func(from string) {
		if err := os.RemoveAll(p.repo.Public()); err != nil {
			t.Fatal(err)
		}
		copyTree(t, from, p.repo.Public())
	}
	d.until("ready", func() bool { return strings.Contains(d.log.String(), "msg=ready") })
	d.until("version 2", func() bool { return d.status().Keyset.Version == 2 })

	putBack(old)
	refused := func() bool { return slices.Contains(causes(d.status()), control.RepositoryRefused) }
	d.until("the cause", refused)
	d.waitFor(1, func(r *journal.Record) bool {
		return r.Kind == journal.Synced && strings.Contains(r.Detail, "repository nation is refused: timestamp.json")
	})
	if st := d.status(); st.Keyset.Version != 2 || st.Mode != "closed" {
		t.Errorf("keyset %d, lane %s; want version 2, and a lane that works", st.Keyset.Version, st.Mode)
	}
	putBack(newest)
	d.until("no cause", func() bool { return !refused() })
}
