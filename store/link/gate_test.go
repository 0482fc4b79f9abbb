package link

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/store/link/linktest"
)

// testClock is a clock that is right, and writes down what the station confirms.
type testClock struct {
	mu        sync.Mutex
	confirmed []confirmation
	untrusted bool
}

type confirmation struct {
	station string
	at      time.Time
	width   time.Duration
}

func (c *testClock) Now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.untrusted {
		return time.Unix(0, 0), false
	}
	return time.Now(), true
}

func (c *testClock) Proven() time.Time { return time.Now().Add(-time.Minute) }

func (c *testClock) Confirm(station string, at time.Time, width time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = append(c.confirmed, confirmation{station, at, width})
	return nil
}

func (c *testClock) all() []confirmation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.confirmed)
}

// testGate is a gate with a real store.
type testGate struct {
	*Link
	t     *testing.T
	name  string
	dir   string
	store *store.Store
	clock *testClock
	end   func()

	mu    sync.Mutex
	notes []journal.Record
}

func idOf(gate string) *identity.Identity {
	var seed [32]byte
	copy(seed[:], gate)
	return identity.FromSeed(seed)
}

func publicOf(gate string) identity.Public { return idOf(gate).Public(linktest.Name, gate) }

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{
		Dir: dir, Days: 90, MaxBytes: 1 << 30, PassbackFor: 2 * time.Hour,
		Now: func() (time.Time, bool) { return time.Now(), true },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newGate makes a gate. It runs once Start is called.
func newGate(t *testing.T, name, dir string, change ...func(*Options)) *testGate {
	t.Helper()
	g := &testGate{t: t, name: name, dir: dir, store: openStore(t, dir), clock: new(testClock)}
	opt := Options{
		Station: linktest.Name, Gate: name, Dir: dir, Identity: idOf(name), Store: g.store, Clock: g.clock, PassbackFor: 2 * time.Hour,
		Note: g.noted, Log: slog.New(slog.DiscardHandler),
	}
	if testing.Verbose() && os.Getenv("LINKLOG") != "" {
		opt.Log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("gate", name)
	}
	for _, f := range change {
		f(&opt)
	}
	g.Link = New(opt)
	return g
}

func (g *testGate) noted(r journal.Record) {
	g.mu.Lock()
	g.notes = append(g.notes, r)
	g.mu.Unlock()
	r.Time = time.Now()
	g.store.Append(r)
}

func (g *testGate) kinds(kind journal.Kind) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.notes {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// Start has the gate work for a station.
func (g *testGate) Start(f *bus.Station) *testGate {
	ctx, cancel := context.WithCancel(g.t.Context())
	wait := new(sync.WaitGroup)
	wait.Go(func() { g.store.Run(ctx, func(error) {}) })
	wait.Go(func() { g.Link.Run(ctx) })
	g.end = sync.OnceFunc(func() { cancel(); wait.Wait(); g.store.Close() })
	g.t.Cleanup(g.end)
	g.Use(f, nil)
	return g
}

// begins is an instant in the current minute.
func begins() int64 { return time.Now().Unix() }

func someUse(cti string, at int64) journal.Use {
	return journal.Use{Role: journal.Entry, Certificate: journal.ID(cti), IssuedAt: at, Begins: at}
}

// grant has the gate grant a code, as its lane does.
func (g *testGate) grant(cti string, at int64, change ...func(*journal.Record)) uint64 {
	g.t.Helper()
	slot := uint8(0)
	r := journal.Record{
		Time: time.Now(), Kind: journal.Decision, Decision: journal.Granted, Reason: "ok", Certificate: journal.ID(cti), Holder: journal.ID("sub-" + cti),
		Slot: &slot, Direction: "entry", Issued: at, Begins: at, Ends: at + 70,
	}
	for _, f := range change {
		f(&r)
	}
	use := someUse(cti, at)
	proof, err := g.store.Grant(use, time.Unix(r.Ends, 0), r)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Wrote()
	return proof.Seq()
}

// paper makes a grant one of a slip.
func paper(r *journal.Record) { r.Slot, r.Ends = nil, time.Now().Add(20*time.Hour).Unix() }

// write writes n records that mean nothing to others.
func (g *testGate) write(n int) {
	g.t.Helper()
	for i := range n {
		g.store.Append(journal.Record{Time: time.Now(), Kind: journal.Forced, Detail: fmt.Sprint(i)})
	}
	if _, err := g.store.Commit(journal.Record{Time: time.Now(), Kind: journal.Forced}); err != nil {
		g.t.Fatal(err)
	}
	g.Wrote()
}

func (g *testGate) log() store.Log {
	g.t.Helper()
	log, err := g.store.Log()
	if err != nil {
		g.t.Fatal(err)
	}
	return log
}

// until waits for something that must come.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

func (g *testGate) untilInTouch() {
	g.t.Helper()
	until(g.t, g.name+" in touch", g.InTouch)
}

// delivered tells whether the station has every record of the gate, and a receipt for each came.
func (g *testGate) delivered(s *linktest.Station) bool {
	log := g.log()
	have, _ := s.Have(g.name, log.Epoch)
	seq, _ := g.store.Receipt()
	return have == log.Tree.N && seq == log.First+uint64(log.Tree.N)-1
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil && e.Type().IsRegular() {
			err = os.WriteFile(filepath.Join(to, e.Name()), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
