package collect

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/hub"
	"railgate/cmd/station/ledger"
	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
)

func TestMain(m *testing.M) { os.Exit(ledgertest.Main(m)) }

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// A bench is a station in a test: a message server, a ledger, a collector that runs.
type bench struct {
	t        testing.TB
	database string
	anchors  string
	hub      *hub.Hub
	ledger   *ledger.Ledger
	c        *Collector
	receipts ed25519.PrivateKey
	times    ed25519.PrivateKey
	stop     func()

	mu sync.Mutex
	at time.Time // the station's clock
}

func newKey(t testing.TB) ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newBench(t testing.TB, database string) *bench {
	b := &bench{
		t: t, database: database, anchors: filepath.Join(t.TempDir(), "receipts.json"), receipts: newKey(t), times: newKey(t),
		at: time.Now().Truncate(time.Second),
	}
	own := must[nkeys.KeyPair](t)(nkeys.CreateUser())
	b.hub = must[*hub.Hub](t)(hub.Start(hub.Options{Station: "GZQ", Listen: "127.0.0.1:0", Dir: t.TempDir(), Own: own, TLS: &tls.Config{}, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(b.hub.Close)
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// start starts the ledger and the collector.
func (b *bench) start() {
	b.t.Helper()
	b.ledger = must[*ledger.Ledger](b.t)(ledger.Open(context.Background(), b.database))
	conn := must[*nats.Conn](b.t)(b.hub.Connect())
	b.c = must[*Collector](b.t)(New(Options{
		Station: "GZQ", Receipts: b.receipts, Time: b.times, Ledger: b.ledger, Conn: conn, Anchors: b.anchors, Log: slog.New(slog.NewTextHandler(b.t.Output(), nil)), Now: b.now,
	}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.c.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
		conn.Close()
		b.ledger.Close()
	})
	b.until("the streams are there", func() bool { return b.c.State().Beats > 0 })
}

// until waits for something that must come.
func (b *bench) until(what string, f func() bool) {
	b.t.Helper()
	deadline := time.After(30 * time.Second)
	for !f() {
		select {
		case <-b.c.Changed():
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			b.t.Fatalf("%s: not within half a minute; %+v", what, b.c.State())
		}
	}
}

// A gate is one in a test: its identity, its records, and its connection.
type gate struct {
	b       *bench
	name    string
	id      *identity.Identity
	conn    *nats.Conn
	js      jetstream.JetStream
	epoch   string
	first   uint64
	records [][]byte
}

// gate enrolls a gate.
func (b *bench) gate(name string, n byte) *gate {
	b.t.Helper()
	id := identity.FromSeed([32]byte{n})
	if err := b.ledger.Enroll(b.t.Context(), id.Public("GZQ", name), b.now(), false); err != nil {
		b.t.Fatal(err)
	}
	b.until("the gate is known", func() bool { _, ok := b.c.gate(name); return ok })
	return b.unknown(name, n)
}

// unknown is a gate that is not enrolled; on this bus it may say anything.
func (b *bench) unknown(name string, n byte) *gate {
	b.t.Helper()
	conn := must[*nats.Conn](b.t)(b.hub.Connect())
	b.t.Cleanup(conn.Close)
	return &gate{b: b, name: name, id: identity.FromSeed([32]byte{n}), conn: conn, js: must[jetstream.JetStream](b.t)(jetstream.New(conn)), epoch: "e1", first: 1}
}

// clone is the gate's card, copied.
func (g *gate) clone() *gate {
	c := *g
	c.records = append([][]byte{}, g.records...)
	return &c
}

// write makes n new records.
func (g *gate) write(n int) {
	for range n {
		g.writeOne(journal.Record{Time: g.b.now(), Kind: journal.Passage, Direction: "entry", Detail: fmt.Sprint(len(g.records))})
	}
}

func (g *gate) writeOne(r journal.Record) {
	g.records = append(g.records, must[[]byte](g.b.t)(journal.Encode(r)))
}

// message is one of its records as it goes over the bus.
func (g *gate) message(i int) *nats.Msg {
	m := nats.NewMsg(bus.JournalSubject("GZQ", g.name))
	m.Header = bus.Place{Gate: g.name, Epoch: g.epoch, Seq: g.first + uint64(i), First: g.first}.Header()
	m.Data = g.records[i]
	return m
}

func (g *gate) publish(m *nats.Msg) {
	g.b.t.Helper()
	if _, err := g.js.PublishMsg(g.b.t.Context(), m); err != nil {
		g.b.t.Fatal(err)
	}
}

// send publishes its records from one on.
func (g *gate) send(from int) {
	g.b.t.Helper()
	for i := from; i < len(g.records); i++ {
		g.publish(g.message(i))
	}
}

func (g *gate) edge(n int) journal.Edge {
	var e journal.Edge
	for _, body := range g.records[:n] {
		e.Append(tlog.RecordHash(body))
	}
	return e
}

func (g *gate) origin() string {
	return must[string](g.b.t)(journal.Origin("GZQ", g.name, g.epoch))
}

// head is its signed head of n records.
func (g *gate) head(n int) []byte {
	g.b.t.Helper()
	e := g.edge(n)
	signer := must[note.Signer](g.b.t)(g.id.Signer(g.origin()))
	return must[[]byte](g.b.t)(journal.SignHead(g.origin(), e.Tree(), signer))
}

// ask asks for a receipt.
func (g *gate) ask(head []byte) bus.Answer {
	g.b.t.Helper()
	m := must[*nats.Msg](g.b.t)(g.conn.Request(bus.ReceiptSubject("GZQ", g.name), head, 20*time.Second))
	return must[bus.Answer](g.b.t)(bus.ParseAnswer(m.Data))
}

// receipt asks for a receipt of n records, which must be given.
func (g *gate) receipt(n int) {
	g.b.t.Helper()
	a := g.ask(g.head(n))
	if a.Status != bus.Received {
		g.b.t.Fatalf("gate %s asks for %d records: %+v; want a receipt", g.name, n, a)
	}
	g.check(a.Note, n)
}

// check holds a receipt to what a gate asks of one.
func (g *gate) check(text []byte, n int) {
	g.b.t.Helper()
	own := must[note.Verifier](g.b.t)(g.id.Public("GZQ", g.name).Verifier(g.origin()))
	s := must[*torchwood.CosignatureSigner](g.b.t)(torchwood.NewCosignatureSigner(bus.ReceiptKeyName("GZQ"), g.b.receipts))
	tree, _, err := journal.OpenHead(text, g.origin(), own, s.Verifier())
	e := g.edge(n)
	if err != nil || tree != e.Tree() {
		g.b.t.Fatalf("receipt: %v, %v; want one of %v", tree, err, e.Tree())
	}
}

// leaves is how many records of the gate's epoch the ledger has.
func (g *gate) leaves() int64 {
	all, err := g.b.ledger.Epochs(context.Background(), 0)
	if err != nil {
		g.b.t.Fatal(err)
	}
	known, _ := g.b.c.gate(g.name)
	for _, e := range all {
		if e.Gate == known.ID && e.Name == g.epoch {
			return e.Leaves()
		}
	}
	return 0
}

// refused is how many messages were refused for a reason, as the ledger has it.
func (b *bench) refused(gate, why string) (n int64) {
	all, err := b.ledger.AllRefused(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range all {
		if r.Gate == gate && r.Why == why {
			n += r.N
		}
	}
	return n
}
