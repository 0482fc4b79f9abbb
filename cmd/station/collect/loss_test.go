package collect

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/bus"
)

// The stream is read once, over restarts of the collector, and again where it was replaced.
func TestTheStreamIsReadOnce(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		g := b.gate("A07", 1)
		g.write(5)
		g.send(0)
		g.receipt(5)
		b.stop()
		g.write(5)
		g.send(5)
		b.start()
		g.receipt(10)
		if s := b.c.State(); s.Again != 0 || s.Records["A07"] != 5 {
			t.Errorf("after a restart: %d again, %d taken; want 0, 5", s.Again, s.Records["A07"])
		}
		if err := g.js.DeleteStream(t.Context(), bus.JournalStream("GZQ")); err != nil {
			t.Fatal(err)
		}
		b.until("the stream is made again", func() bool {
			_, err := g.js.Stream(context.Background(), bus.JournalStream("GZQ"))
			return err == nil
		})
		g.write(5)
		g.send(8) // it goes back to what it knows to be receipted
		b.until("they are read", func() bool { return g.leaves() == 15 })
		g.receipt(15)
	})
}

func TestAPurgedStreamLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	g.write(5)
	g.send(0)
	g.receipt(5)
	b.stop()
	g.write(5)
	g.send(5)
	stream := must[jetstream.Stream](t)(g.js.Stream(t.Context(), bus.JournalStream("GZQ")))
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.start()
	g.write(1)
	g.send(10)
	a := g.ask(g.head(11))
	if a.Status != bus.Behind || a.Have != 5 {
		t.Fatalf("after a purge: %+v; want behind, 5", a)
	}
	g.send(5)
	g.receipt(11)
}

// A ledger that was put back from a copy reads the stream again; what is no longer there it
// asks gates for.
func TestALedgerOfLastWeek(t *testing.T) {
	t.Parallel()
	for _, purged := range []bool{false, true} {
		database := ledgertest.SQLite(t)
		b := newBench(t, database)
		g := b.gate("A07", 1)
		g.write(5)
		g.send(0)
		g.receipt(5)
		b.stop()
		copied := must[[]byte](t)(os.ReadFile(database))
		b.start()
		g.write(5)
		g.send(5)
		g.receipt(10)
		b.stop()
		for _, name := range []string{database, database + "-wal", database + "-shm"} {
			if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(database, copied, 0o600); err != nil {
			t.Fatal(err)
		}
		if purged {
			stream := must[jetstream.Stream](t)(g.js.Stream(t.Context(), bus.JournalStream("GZQ")))
			if err := stream.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.start()
		if purged {
			a := g.ask(g.head(10))
			if a.Status != bus.Behind || a.Have != 5 {
				t.Fatalf("a gate with a newer receipt asks: %+v; want behind, 5", a)
			}
			g.send(5)
		}
		g.receipt(10)
	}
}

// While the disk is full there are no receipts, and nothing is lost.
func TestAFullDiskGivesNoReceipt(t *testing.T) {
	t.Parallel()
	database := ledgertest.SQLite(t)
	b := newBench(t, database)
	g := b.gate("A07", 1)
	g.write(3)
	g.send(0)
	g.receipt(3)
	// The disk: a trigger that answers as SQLite does where there is no room.
	db := must[*sql.DB](t)(sql.Open("sqlite", database))
	defer db.Close()
	fill := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	fill(`CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`)
	g.write(3)
	g.send(3)
	b.until("it says so", func() bool { return strings.Contains(b.c.State().Troubles["journal"], "disk is full") })
	if a := g.ask(g.head(6)); a.Status != bus.Later {
		t.Errorf("with a full disk: %+v; want to be asked later", a)
	}
	fill(`DROP TRIGGER full`)
	b.until("it goes on", func() bool { return g.leaves() == 6 })
	g.receipt(6)
	if s := b.c.State(); len(s.Troubles) > 0 {
		t.Errorf("troubles: %v; want none", s.Troubles)
	}
}

// A file of receipts that is damaged stops no receipt, and is kept.
func TestADamagedFileOfReceiptsIsPutAside(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	g.write(2)
	g.send(0)
	g.receipt(2)
	b.stop()
	if a, err := ReadAnchors(b.anchors); err != nil || len(a) != 1 {
		t.Errorf("the newest receipts: %v, %v; want one", a, err)
	}
	if err := os.WriteFile(b.anchors, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start()
	g.receipt(2)
	b.stop()
	if data, err := os.ReadFile(b.anchors + ".damaged"); err != nil || string(data) != "{" {
		t.Errorf("the damaged file: %q, %v", data, err)
	}
	if a, err := ReadAnchors(b.anchors); err != nil || len(a) != 1 {
		t.Errorf("the newest receipts: %v, %v; want one", a, err)
	}
}
