package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"railgate/store/journal"
)

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// gate is a store in a folder that outlives it.
type gate struct {
	*Store
	t       *testing.T
	opt     Options
	now     time.Time
	trusted bool
	proven  time.Time // zero: as now
	boot    string
	booted  time.Duration // since then
	log     bytes.Buffer

	marksKept [][]byte // as they were before the file was first restored
}

// proof is a proven time, for the tests.
type proof time.Time

func (p proof) Proven() time.Time { return time.Time(p) }

// provenNow goes with the gate's time unless a test says otherwise.
func (g *gate) provenNow() Proven {
	if g.proven.IsZero() {
		return proof(g.now)
	}
	return proof(g.proven)
}

func newGate(t *testing.T) *gate {
	g := &gate{t: t, now: noon, trusted: true, boot: "one"}
	g.opt = Options{Dir: filepath.Join(memory(t), "data"), Mark: filepath.Join(memory(t), "mark"), Days: 90, MaxBytes: 1 << 30, PassbackFor: 2 * time.Hour}
	g.opt.Now = func() (time.Time, bool) { return g.now, g.trusted }
	g.opt.Proven = g.provenNow
	g.opt.Boot = func() (string, time.Duration) { return g.boot, g.booted }
	g.open()
	t.Cleanup(func() { g.Store.Close() })
	return g
}

// memory is a folder in memory, where there is one: these tests open thousands of
// files, and prove nothing about a disk.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "railgate-store-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (g *gate) open() {
	g.t.Helper()
	s, err := Open(g.opt, slog.New(slog.NewTextHandler(&g.log, nil)))
	if err != nil {
		g.t.Fatal(err)
	}
	g.Store = s
}

func (g *gate) reopenAfter(f func(path string)) {
	g.t.Helper()
	if err := g.Close(); err != nil {
		g.t.Fatal(err)
	}
	if f != nil {
		f(g.path())
	}
	g.open()
}

func use(n int) journal.Use {
	return journal.Use{Role: journal.Entry, Certificate: journal.ID(fmt.Sprintf("cert%08d", n)), IssuedAt: noon.Unix(), Slot: uint8(n % 30), Begins: noon.Unix() + int64(n%30*60)}
}

func granted(n int) journal.Record {
	u := use(n)
	return journal.Record{Time: noon.Add(time.Duration(n) * time.Second), Kind: journal.Decision, Decision: "granted", Reason: "ok", Certificate: u.Certificate, Slot: &u.Slot, Direction: "entry"}
}

func (g *gate) grant(n int) {
	g.t.Helper()
	if _, err := g.Grant(use(n), noon.Add(time.Hour), granted(n)); err != nil {
		g.t.Fatalf("grant %d: %v", n, err)
	}
}

func (g *gate) kinds() (kinds []journal.Kind) {
	g.t.Helper()
	records, err := g.Records(0, 10000)
	if err != nil {
		g.t.Fatal(err)
	}
	for i, r := range records {
		if i > 0 && r.Seq != records[i-1].Seq+1 {
			g.t.Errorf("seq %d follows %d", r.Seq, records[i-1].Seq)
		}
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

func (g *gate) flushNow(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.queue = append(g.queue, entry{record: journal.Record{Time: noon, Kind: journal.Forced}})
	}
	g.flush()
}
