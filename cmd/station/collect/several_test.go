package collect

import (
	"testing"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/bus"
)

// several is a message of its records from one on, up to another.
func (g *gate) several(from, to int) *nats.Msg {
	g.b.t.Helper()
	m := g.message(from)
	p := bus.Place{Gate: g.name, Epoch: g.epoch, Seq: g.first + uint64(from), First: g.first, More: to - from - 1}
	m.Header = p.Header()
	var leaves []bus.Leaf
	for _, body := range g.records[from:to] {
		leaves = append(leaves, bus.Leaf{Hash: tlog.RecordHash(body), Body: body})
	}
	m.Data = must[[]byte](g.b.t)(bus.EncodeLeaves(m.Header, leaves))
	return m
}

// The records of a message are taken one by one, as if each had come by itself: in order, and each once.
// A record that is refused does not affect the records before it.
func TestSeveralRecordsOfOneMessage(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		g := b.gate("A07", 1)
		g.write(20)
		was := b.c.State()
		g.publish(g.several(0, 5))
		g.receipt(5)
		g.publish(g.several(3, 8)) // two of them again
		g.publish(g.message(8))
		g.receipt(9)
		if s := b.c.State(); s.Records["A07"] != 9 || s.Again-was.Again != 2 {
			t.Errorf("%d records, %d again; want 9, 2", s.Records["A07"], s.Again-was.Again)
		}

		altered := g.clone()
		altered.records[10] = altered.records[0]
		g.publish(g.several(9, 12))
		g.publish(altered.several(9, 12))
		b.until("a record that was changed", func() bool { return b.refused("A07", refusedChange) == 1 })
		g.publish(g.several(13, 15))
		b.until("two without the one before them", func() bool { return b.refused("A07", refusedGap) == 2 })
		for i, change := range []func(*nats.Msg){
			func(m *nats.Msg) { m.Header.Set(bus.HeaderMore, "3") },
			func(m *nats.Msg) { m.Header.Set(bus.HeaderMore, "64") },
			func(m *nats.Msg) { m.Data = m.Data[:len(m.Data)-1] },
		} {
			m := g.several(12, 15)
			change(m)
			g.publish(m)
			b.until("an invalid message", func() bool { return b.refused("A07", refusedHeader) == int64(i+1) })
		}
		if n := g.leaves(); n != 12 {
			t.Errorf("%d records; want 12", n)
		}
		g.publish(g.several(12, 20))
		g.receipt(20)
	})
}

// A stream says that its messages may have several records, also one that was made before.
func TestTheStreamTakesSeveralRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	b.stop()
	old := streams("GZQ")[0]
	old.Metadata = nil
	if s, err := g.js.UpdateStream(t.Context(), old); err != nil || bus.TakesSeveral(s.CachedInfo().Config.Metadata) {
		t.Fatalf("a stream of before: %v", err)
	}
	b.start()
	b.until("the stream says so", func() bool {
		s, err := g.js.Stream(t.Context(), bus.JournalStream("GZQ"))
		return err == nil && bus.TakesSeveral(s.CachedInfo().Config.Metadata)
	})
}
