package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"railgate/store"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
	"railgate/store/link"
)

// A running is a station that serves in a test.
type running struct {
	t    *testing.T
	dir  string
	log  *lines
	stop func() error
	web  string // host:port of HTTPS
	bus  string // host:port of the bus
}

// lines is what a program writes, line by line; a test waits for one.
type lines struct {
	mu   gosync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	close(l.more)
	l.more = make(chan struct{})
	return len(b), nil
}

// find waits for a line and gives its first group.
func (l *lines) find(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		text, more := l.text.String(), l.more
		l.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s is not in\n%s", pattern, text)
		}
	}
}

// command runs station with the folder, as it is from now on.
func command(ctx context.Context, dir string, out io.Writer, in io.Reader, args ...string) error {
	root := newCommands(&desk{now: time.Now, workFactor: 10})
	root.SetArgs(append(args, "--dir", dir, "--passphrase-file", filepath.Join(dir, "passphrase")))
	root.SetOut(out)
	root.SetErr(out)
	root.SetIn(in)
	return root.ExecuteContext(ctx)
}

func (r *running) command(args ...string) (string, error) {
	var out bytes.Buffer
	err := command(r.t.Context(), r.dir, &out, strings.NewReader(""), args...)
	return out.String(), err
}

func (r *running) must(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...)
	if err != nil {
		r.t.Fatalf("station %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// newStation makes a station and has it serve.
func newStation(t *testing.T) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(r.dir, "passphrase"), []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.must("init", "--station", "GZQ", "--server", "tls://127.0.0.1:4222")
	r.serve()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *running) serve(flags ...string) {
	r.t.Helper()
	r.log = &lines{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := r.log
	go func() {
		done <- command(ctx, r.dir, log, nil, append([]string{"serve", "--station", "GZQ", "--listen", "127.0.0.1:0", "--bus", "127.0.0.1:0"}, flags...)...)
	}()
	r.stop = gosync.OnceValue(func() error { cancel(); return <-done })
	r.web = r.log.find(r.t, `HTTPS listens" address=(\S+)`)
	r.bus = r.log.find(r.t, `bus listens" address=(\S+)`)
}

// until waits for something that must come. A gate whose question for a receipt is refused asks
// again after a minute.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(100 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it does not come", what)
		}
	}
}

func (r *running) info() *bus.Station {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, "station", stationFile))
	if err != nil {
		r.t.Fatal(err)
	}
	info, err := bus.ParseStation(data)
	if err != nil {
		r.t.Fatal(err)
	}
	return info
}

// A lane is a gate in a test: a real store and a real link.
type laneGate struct {
	*link.Link
	t     *testing.T
	name  string
	id    *identity.Identity
	store *store.Store
	clock *rightClock
	sold  chan []byte // what was sold during the day, as it came
	heard chan []byte // what is revoked, as it came
	stop  func()
}

// rightClock is a gate's clock that is right.
type rightClock struct {
	mu   gosync.Mutex
	told []time.Time
}

func (c *rightClock) Now() (time.Time, bool) { return time.Now(), true }

func (c *rightClock) Proven() time.Time { return time.Now().Add(-time.Minute) }

func (c *rightClock) Confirm(_ string, at time.Time, _ time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, at)
	return nil
}

func (c *rightClock) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.told)
}

func seedOf(name string) *identity.Identity {
	var seed [32]byte
	copy(seed[:], name)
	return identity.FromSeed(seed)
}

// gate starts a gate whose store is in a folder; what it had before is told by has.
func (r *running) gate(name, dir string, has ...func(*laneGate)) *laneGate {
	r.t.Helper()
	s, err := store.Open(store.Options{
		Dir: dir, Days: 90, MaxBytes: 1 << 30, PassbackFor: 2 * time.Hour, Now: func() (time.Time, bool) { return time.Now(), true }, Station: func() bool { return true },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	g := &laneGate{t: r.t, name: name, id: seedOf(name), store: s, clock: new(rightClock), sold: make(chan []byte, 100), heard: make(chan []byte, 100)}
	g.Link = link.New(link.Options{
		Station: "GZQ", Gate: name, Identity: g.id, Store: s, Clock: g.clock, PassbackFor: 2 * time.Hour, Log: slog.New(slog.DiscardHandler),
		Note:        func(rec journal.Record) { rec.Time = time.Now(); s.Append(rec) },
		Tickets:     func(msg []byte) { g.sold <- msg },
		Revocations: func(list []byte) { g.heard <- list },
	})
	for _, has := range has {
		has(g)
	}
	g.Use(r.info(), []string{"tls://" + r.bus})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	g.stop = gosync.OnceFunc(func() { cancel(); <-done; s.Close() })
	r.t.Cleanup(g.stop)
	return g
}

// enroll enrolls a gate by what it prints.
func (r *running) enroll(name string) {
	r.t.Helper()
	data, err := json.Marshal(seedOf(name).Public("GZQ", name))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := command(r.t.Context(), r.dir, io.Discard, bytes.NewReader(data), "enroll", "-"); err != nil {
		r.t.Fatal(err)
	}
}

// pass writes n passages.
func (g *laneGate) pass(n int) {
	g.t.Helper()
	for range n {
		if _, err := g.store.Commit(journal.Record{Time: time.Now(), Kind: journal.Passage, Direction: "entry"}); err != nil {
			g.t.Fatal(err)
		}
	}
	g.Wrote()
}

// receipted waits until the station has all of the gate's records.
func (g *laneGate) receipted() {
	g.t.Helper()
	until(g.t, "a receipt of "+g.name, func() bool {
		log, err := g.store.Log()
		if err != nil {
			g.t.Fatal(err)
		}
		seq, _ := g.store.Receipt()
		return seq >= log.First+uint64(log.Tree.N)-1
	})
}

func (r *running) view(gate string) (v gateView) {
	r.t.Helper()
	for line := range strings.Lines(r.must("gates", "--json")) {
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			r.t.Fatal(err)
		}
		if v.Gate == gate {
			return v
		}
	}
	r.t.Fatalf("gate %s is not listed", gate)
	return v
}
