package collect

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/note"

	"railgate/cmd/station/ledger"
	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/bus"
	"railgate/store/identity"
	"railgate/store/journal"
)

func TestAJournalIsReceipted(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		g := b.gate("A07", 1)
		g.first = 41
		g.write(30)
		g.send(0)
		g.receipt(17)
		g.receipt(30)
		g.receipt(30) // its answer was lost
		g.write(1)
		g.send(30)
		g.receipt(31)
		if n := b.c.State().Records["A07"]; n != 31 {
			t.Errorf("%d records taken; want 31", n)
		}
	})
}

// A receipt is for what is in the ledger alone, and in order.
func TestNoReceiptForWhatHasNotCome(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	g.write(9)
	if a := g.ask(g.head(9)); a.Status != bus.Behind || a.Have != 0 {
		t.Errorf("nothing sent: %+v; want behind, 0", a)
	}
	for i := range 5 {
		g.publish(g.message(i))
	}
	if a := g.ask(g.head(9)); a.Status != bus.Behind || a.Have != 5 {
		t.Errorf("5 of 9 sent: %+v; want behind, 5", a)
	}
	g.send(5)
	g.receipt(9)
}

// Duplicates are taken once; invalid records are refused and stop nobody.
func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		g, other := b.gate("A07", 1), b.gate("A08", 2)
		g.write(8)
		g.send(0)
		g.receipt(8)
		g.send(3) // again
		altered := g.message(4)
		altered.Data = g.records[5]
		unfit := func(change func(h map[string][]string)) *nats.Msg {
			m := g.message(7)
			change(m.Header)
			return m
		}
		g.write(3)
		for _, tt := range []struct {
			gate, why string
			m         *nats.Msg
		}{
			{"A07", refusedChange, altered},
			{"A07", refusedGap, g.message(10)},
			{"A07", refusedFirst, unfit(func(h map[string][]string) { h[bus.HeaderFirst] = []string{"2"} })},
			{"A07", refusedHeader, unfit(func(h map[string][]string) { h[bus.HeaderSeq] = []string{"x"} })},
			{"A07", refusedHeader, unfit(func(h map[string][]string) { h[bus.HeaderGate] = []string{"A08"} })},
			{"A07", refusedHeader, unfit(func(h map[string][]string) { delete(h, bus.HeaderEpoch) })},
			{"A07", refusedGap, unfit(func(h map[string][]string) { h[bus.HeaderEpoch] = []string{"e2"} })},
			{"A07", refusedSize, func() *nats.Msg { m := g.message(8); m.Data = make([]byte, bus.MaxRecord+1); return m }()},
			{unknownGate, refusedGate, b.unknown("A09", 3).withOne().message(0)},
		} {
			before := b.refused(tt.gate, tt.why)
			g.publish(tt.m)
			b.until(tt.why, func() bool { return b.refused(tt.gate, tt.why) == before+1 })
		}
		other.write(4)
		other.send(0)
		other.receipt(4)
		g.send(8)
		g.receipt(11)
		if s := b.c.State(); s.Again != 5 || s.Records["A07"] != 11 {
			t.Errorf("%d records again, %d taken; want 5, 11", s.Again, s.Records["A07"])
		}
	})
}

func (g *gate) withOne() *gate {
	g.write(1)
	return g
}

// A record that this version cannot read is kept: the gate's tree has it.
func TestAnUnreadableRecordStopsNothing(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		g := b.gate("A07", 1)
		g.write(2)
		g.records = append(g.records, []byte("\xff\x00 no CBOR"), nil)
		g.writeOne(journal.Record{Time: b.now(), Kind: "\xff\x00", Reason: strings.Repeat("x", 5000), Direction: "\xff"})
		g.write(1)
		g.send(0)
		g.receipt(6)
	})
}

func TestOnlyAGatesOwnHeadCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g, other := b.gate("A07", 1), b.gate("A08", 2)
	g.write(3)
	g.send(0)
	other.write(3)
	other.send(0)
	other.receipt(3)
	thief := g.clone()
	thief.id = other.id
	stranger := b.unknown("A09", 3).withOne()
	elsewhere := g.clone()
	elsewhere.epoch = "e.1"
	for name, a := range map[string]bus.Answer{
		"another gate's head":  g.ask(other.head(3)),
		"another gate's key":   g.ask(thief.head(3)),
		"no note":              g.ask([]byte("hello")),
		"nothing":              g.ask(nil),
		"a changed head":       g.ask(bytes.Replace(g.head(3), []byte("\n3\n"), []byte("\n2\n"), 1)),
		"a gate not enrolled":  stranger.ask(stranger.head(1)),
		"a head of no records": g.ask(g.head(0)),
	} {
		if a.Status != bus.Refused || a.Why == "" {
			t.Errorf("%s: %+v; want refused", name, a)
		}
	}
	g.receipt(3)
}

// An older copy of a card has fewer records than were receipted, or others.
func TestAnOldCardIsFound(t *testing.T) {
	t.Parallel()
	ledgertest.Each(t, func(t *testing.T, database string) {
		b := newBench(t, database)
		g := b.gate("A07", 1)
		g.write(10)
		g.send(0)
		g.receipt(10)
		old := g.clone()
		g.write(10)
		g.send(10)
		g.receipt(20)

		a := old.ask(old.head(10))
		if a.Status != bus.RolledBack {
			t.Fatalf("an old card: %+v; want rolled_back", a)
		}
		g.check(a.Note, 20)

		old.writeOne(journal.Record{Time: b.now(), Kind: journal.Started})
		old.write(14)
		old.send(10) // ten of them are refused: the station has others
		a = old.ask(old.head(25))
		if a.Status != bus.Behind || a.Have != 20 {
			t.Fatalf("a copy that goes on: %+v; want behind, 20", a)
		}
		g.check(a.Note, 20) // by which the copy sees what it is
		if a = old.ask(old.head(25)); a.Status != bus.Behind {
			t.Fatalf("a copy that sends nothing: %+v; want behind", a)
		}
		g.check(a.Note, 20)
		old.send(20)
		if a = old.ask(old.head(25)); a.Status != bus.RolledBack {
			t.Fatalf("a copy that goes on, again: %+v; want rolled_back", a)
		}
		g.check(a.Note, 20)
		known, _ := b.c.gate("A07")
		if all := must[[]ledger.Rollback](t)(b.ledger.Rollbacks(t.Context(), known.ID)); len(all) != 1 || all[0].Epoch != "e1" {
			t.Errorf("rollbacks: %+v; want one of e1", all)
		}

		// The true gate goes on: what the copy sent above the receipt gives way.
		g.write(3)
		g.send(20)
		if a := g.ask(g.head(23)); a.Status == bus.Behind {
			g.send(int(a.Have))
		}
		g.receipt(23)
	})
}

// A gate that began another epoch does not go on with the one before.
func TestAnEndedEpochDoesNotGoOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	g.write(5)
	g.send(0)
	g.receipt(5)
	old := g.clone()
	g.epoch, g.first, g.records = "e2", 6, nil
	g.write(2)
	g.send(0)
	g.receipt(2)
	old.write(1)
	old.send(5)
	b.until("it is refused", func() bool { return b.refused("A07", refusedEpoch) == 1 })
	if a := old.ask(old.head(5)); a.Status != bus.Refused || !strings.Contains(a.Why, "old card") {
		t.Errorf("the ended epoch asks: %+v; want refused", a)
	}
	if a := old.ask(old.head(6)); a.Status != bus.Refused || !strings.Contains(a.Why, "old card") {
		t.Errorf("the ended epoch asks with a record that was refused: %+v; want refused, or it sends that again for good", a)
	}
	known, _ := b.c.gate("A07")
	if all := must[[]ledger.Rollback](t)(b.ledger.Rollbacks(t.Context(), known.ID)); len(all) != 1 {
		t.Errorf("rollbacks: %+v; want one", all)
	}
	g.receipt(2)
}

// Somebody on the bus put a record in the gate's place: the gate's head tells, and it is
// asked to send again.
func TestAForgedRecordGivesWay(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	g.write(4)
	g.send(0)
	g.receipt(4)
	forged := g.clone()
	forged.writeOne(journal.Record{Time: b.now(), Kind: journal.Decision, Decision: journal.Granted})
	forged.send(4)
	b.until("it has come", func() bool { return g.leaves() == 5 })
	g.write(3)
	g.send(4)
	a := g.ask(g.head(7))
	if a.Status != bus.Behind || a.Have != 4 {
		t.Fatalf("after a forged record: %+v; want behind, 4", a)
	}
	g.send(int(a.Have))
	g.receipt(7)
}

// The time is the gate's own head, cosigned with the time of the station's clock.
func TestAGateIsToldTheTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	g.write(2) // none of it is sent: a gate asks before anything else
	m := must[*nats.Msg](t)(g.conn.Request(bus.TimeSubject("GZQ", "A07"), g.head(2), 10*time.Second))
	own := must[note.Verifier](t)(g.id.Public("GZQ", "A07").Verifier(g.origin()))
	s := must[*torchwood.CosignatureSigner](t)(torchwood.NewCosignatureSigner(bus.TimeKeyName("GZQ"), b.times))
	_, n, err := journal.OpenHead(m.Data, g.origin(), own, s.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range n.Sigs {
		if sig.Name == bus.TimeKeyName("GZQ") {
			if at := must[int64](t)(torchwood.CosignatureTimestamp(sig)); at != b.now().Unix() {
				t.Errorf("the time is %d; want %d", at, b.now().Unix())
			}
		}
	}
	if g.leaves() != 0 || b.c.State().Answered != 1 {
		t.Error("something was kept of a question for the time")
	}
	stranger := g.clone()
	stranger.id = identity.FromSeed([32]byte{9})
	if m, err := g.conn.Request(bus.TimeSubject("GZQ", "A07"), stranger.head(2), 500*time.Millisecond); err == nil {
		t.Errorf("another key is told the time: %s", m.Data)
	}
}

// Uses of multi-ride tickets, as gates tell each other.
func TestUsesAreReplicated(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	for n := range 3 {
		s := bus.Spent{Kind: bus.Granted, Gate: "A07", Epoch: "e1", Seq: uint64(n + 1), Role: journal.Entry, Certificate: "c", Ticket: "t1", Uses: n + 1}
		m := nats.NewMsg(bus.SpentSubject("GZQ", "A07"))
		m.Data = must[[]byte](t)(s.Encode())
		g.publish(m)
	}
	junk := nats.NewMsg(bus.SpentSubject("GZQ", "A07"))
	junk.Data = []byte("junk")
	g.publish(junk)
	b.until("they are there", func() bool {
		n, err := b.ledger.Uses(context.Background(), "GZQ", "t1")
		return err == nil && n == 3
	})
}

// People are counted by the records' own time, and the lane's state is the newest record's.
func TestPeopleAndLanesAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	in, out := b.gate("A07", 1), b.gate("A08", 2)
	in.write(5)
	in.writeOne(journal.Record{Time: b.now(), Kind: journal.OutOfService, Direction: "entry", Detail: "scanner: gone"})
	out.writeOne(journal.Record{Time: b.now().AddDate(-50, 0, 0), Kind: journal.Passage, Direction: "exit"}) // its clock was wrong
	in.send(0)
	out.send(0)
	in.receipt(6)
	out.receipt(1)
	people := must[map[int64]ledger.People](t)(b.ledger.Passages(t.Context(), b.now().Add(-time.Minute)))
	gates := must[[]ledger.Gate](t)(b.ledger.Gates(t.Context()))
	if got := people[gates[0].ID]; got != (ledger.People{Entered: 5}) {
		t.Errorf("A07: %+v; want 5 entered", got)
	}
	if got := people[gates[1].ID]; got != (ledger.People{Left: 1}) {
		t.Errorf("A08: %+v; want 1 left", got)
	}
	if l := gates[0].Lane; l.State != "out_of_service" || l.Why != "scanner: gone" || l.Direction != "entry" {
		t.Errorf("A07's lane: %+v", l)
	}
}

// What a gate's newest records say of it is kept, and what is over is over.
func TestWhatAGateSaysOfItselfIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, ledgertest.SQLite(t))
	g := b.gate("A07", 1)
	for _, r := range []journal.Record{
		{Kind: journal.Started, Detail: "railgated 1.4"}, {Kind: journal.Synced, Detail: "the nation's repository is stale"},
		{Kind: journal.Synced, Detail: "keyset version 7"}, {Kind: journal.Synced, Detail: "release 1.5.0 failed: no answer"}, {Kind: journal.ClockDisputed, Detail: "the station is 26 h behind"},
		{Kind: journal.Synced, Detail: "the nation's repository is fresh"}, {Kind: journal.Synced, Detail: "the station's repository is stale"},
	} {
		r.Time = b.now()
		g.writeOne(r)
	}
	g.send(0)
	g.receipt(7)
	id := must[[]ledger.Gate](t)(b.ledger.Gates(t.Context()))[0].ID
	said := func(what string) string {
		return must[map[int64]map[string]ledger.Fact](t)(b.ledger.Facts(t.Context()))[id][what].Said
	}
	for what, want := range map[string]string{
		ledger.FactRelease: "railgated 1.4", ledger.FactNation: "fresh", ledger.FactStation: "stale", ledger.FactKeyset: "version 7", ledger.FactUpdate: "1.5.0 failed: no answer", ledger.FactClock: "the station is 26 h behind",
	} {
		if got := said(what); got != want {
			t.Errorf("%s = %q; want %q", what, got, want)
		}
	}
	g.writeOne(journal.Record{Time: b.now(), Kind: journal.ClockStep, Detail: "the clock is right again"})
	g.send(7)
	g.receipt(8)
	if got := said(ledger.FactClock); got != "" {
		t.Errorf("the clock, when it is right again: %q; want nothing", got)
	}
}
