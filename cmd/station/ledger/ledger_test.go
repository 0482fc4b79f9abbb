package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/cmd/station/ledger/ledgertest"
	"railgate/store/identity"
	"railgate/store/journal"
)

func TestMain(m *testing.M) { os.Exit(ledgertest.Main(m)) }

var noon = time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)

func open(t testing.TB, database string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// enroll enrolls a gate that has the n-th identity.
func enroll(t testing.TB, l *ledger.Ledger, gate string, n byte) ledger.Gate {
	t.Helper()
	must(t, l.Enroll(t.Context(), identity.FromSeed([32]byte{n}).Public("GZQ", gate), noon, false))
	gates, err := l.Gates(t.Context())
	must(t, err)
	i := slices.IndexFunc(gates, func(g ledger.Gate) bool { return g.Gate == gate })
	if i < 0 {
		t.Fatalf("gate %s is not enrolled: %v", gate, gates)
	}
	return gates[i]
}

func record(t testing.TB, seq uint64, r journal.Record) ledger.Record {
	t.Helper()
	body, err := journal.Encode(r)
	must(t, err)
	return ledger.Record{Seq: seq, Leaf: tlog.RecordHash(body), Body: body, Said: r}
}

// grow appends n records to an epoch, and makes it where there is none.
func grow(t testing.TB, l *ledger.Ledger, gate int64, name string, first uint64, n int) *ledger.Epoch {
	t.Helper()
	var e *ledger.Epoch
	must(t, l.Update(t.Context(), func(tx *ledger.Tx) (err error) {
		if e, err = tx.Epoch(gate, name); err == nil && e == nil {
			e, err = tx.Begin(gate, name, first)
		}
		if err != nil {
			return err
		}
		var records []ledger.Record
		for range n {
			seq := e.First + uint64(e.Leaves())
			r := record(t, seq, journal.Record{Time: noon.Add(time.Duration(seq) * time.Second), Kind: journal.Passage, Direction: "entry", Detail: fmt.Sprint(seq)})
			e.Edge.Append(r.Leaf)
			e.Newest = r.Said.Time
			records = append(records, r)
		}
		return errors.Join(tx.Insert(e, records), tx.Grown(e))
	}))
	return e
}

func TestALedgerKeepsWhatGatesSent(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		grow(t, l, g.ID, "e1", 5, 11)
		must(t, l.Close())

		l = open(t, database) // the migrations are carried out once
		e := grow(t, l, g.ID, "e1", 5, 20)
		if e.First != 5 || e.Leaves() != 31 || !e.Newest.Equal(noon.Add(35*time.Second)) {
			t.Errorf("the epoch has %d leaves from %d on, the newest of %v", e.Leaves(), e.First, e.Newest)
		}
		var edge journal.Edge
		want := int64(5)
		must(t, l.Records(t.Context(), e.ID, func(r *ledger.Row) error {
			var said journal.Record
			must(t, journal.Decode(r.Body, &said))
			if r.Seq != want || ledger.ColumnsOf(said) != r.Columns || said.Detail != fmt.Sprint(want) {
				t.Errorf("record %d: %+v; want %d", r.Seq, r.Columns, want)
			}
			edge.Append(tlog.Hash(r.Leaf))
			want++
			return nil
		}))
		if edge.Tree() != e.Edge.Tree() {
			t.Errorf("the records' tree is %v; want %v", edge.Tree(), e.Edge.Tree())
		}
		if n, err := l.Size(t.Context(), 0); n != 31 || err != nil {
			t.Errorf("Size = %d, %v; want 31", n, err)
		}
	})
}

// A transaction that fails leaves nothing, and a record is kept once.
func TestNothingIsKeptOfATransactionThatFails(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		e := grow(t, l, g.ID, "e1", 1, 3)
		again := record(t, 2, journal.Record{Time: noon, Kind: journal.Started})
		for name, f := range map[string]func(tx *ledger.Tx) error{
			"f fails":          func(tx *ledger.Tx) error { return errors.New("no") },
			"a record again":   func(tx *ledger.Tx) error { return tx.Insert(e, []ledger.Record{again}) },
			"a stream's place": func(tx *ledger.Tx) error { return tx.Advance(ledger.Position{Seq: 9}, ledger.Position{Stream: "s"}) },
		} {
			err := l.Update(t.Context(), func(tx *ledger.Tx) error {
				must(t, tx.Insert(e, []ledger.Record{record(t, 4, journal.Record{Time: noon, Kind: journal.Started})}))
				return f(tx)
			})
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		rows := 0
		must(t, l.Records(t.Context(), e.ID, func(*ledger.Row) error { rows++; return nil }))
		if rows != 3 {
			t.Errorf("%d records; want 3", rows)
		}
	})
}

func TestAGateIsEnrolledOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		if same := enroll(t, l, "A07", 1); !reflect.DeepEqual(same, g) {
			t.Errorf("enrolled again: %+v; want %+v", same, g)
		}
		other := identity.FromSeed([32]byte{2}).Public("GZQ", "A07")
		if err := l.Enroll(t.Context(), other, noon, false); !errors.Is(err, ledger.ErrOther) {
			t.Errorf("other keys: %v; want ErrOther", err)
		}
		enroll(t, l, "A08", 3)
		copied, partly := identity.FromSeed([32]byte{3}).Public("GZQ", "A07"), other
		partly.Bus = copied.Bus
		for _, p := range []identity.Public{copied, partly, identity.FromSeed([32]byte{3}).Public("GZQ", "A09")} {
			if err := l.Enroll(t.Context(), p, noon, true); !errors.Is(err, ledger.ErrTaken) {
				t.Errorf("%s with a key of A08: %v; want ErrTaken", p.Gate, err)
			}
		}
		must(t, l.Enroll(t.Context(), other, noon.Add(time.Hour), true))
		keys, err := l.Keys(t.Context(), g.ID)
		if err != nil || len(keys) != 2 || !slices.Equal(keys[0].Journal, other.Journal) || !slices.Equal(keys[1].Journal, g.Journal) {
			t.Errorf("keys: %x, %v; want the new one and the old one", keys, err)
		}
	})
}

func TestReceiptsAreKeptOneAnHour(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		e := grow(t, l, g.ID, "e1", 7, 20)
		receipt := func(n int64, at time.Time) {
			t.Helper()
			must(t, l.Update(t.Context(), func(tx *ledger.Tx) (err error) {
				if e, err = tx.Epoch(g.ID, "e1"); err != nil {
					return err
				}
				if e.Receipt.Edge, err = tx.EdgeAt(e, n); err != nil {
					return err
				}
				return tx.Receipted(e, fmt.Append(nil, "note ", n), at)
			}))
		}
		receipt(3, noon)
		receipt(8, noon.Add(time.Minute))
		receipt(19, noon.Add(time.Hour))
		receipt(20, noon.AddDate(-1, 0, 0)) // the clock was set back: it is the newest all the same
		all, err := l.Receipts(t.Context(), e.ID)
		if err != nil || len(all) != 2 || all[0].Leaves != 8 || string(all[1].Note) != "note 20" || e.Kept != 2 {
			t.Errorf("receipts: %v, %v, %d counted; want those of 8 and of 20 leaves", all, err, e.Kept)
		}
		if e.Receipt.Edge.Tree() != e.Edge.Tree() {
			t.Errorf("the edge at 20 leaves: %v; want %v", e.Receipt.Edge.Tree(), e.Edge.Tree())
		}
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
			if note, err := tx.Note(e); string(note) != "note 20" || err != nil {
				t.Errorf("the newest receipt is %q, %v", note, err)
			}
			if _, err := tx.EdgeAt(e, 21); !errors.Is(err, ledger.ErrGap) {
				t.Errorf("the edge at 21 of 20 leaves: %v; want ErrGap", err)
			}
			return nil
		}))
	})
}

func TestWhatNothingVouchesForIsDropped(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		e := grow(t, l, g.ID, "e1", 1, 9)
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) (err error) {
			if e.Receipt.Edge, err = tx.EdgeAt(e, 4); err != nil {
				return err
			}
			return errors.Join(tx.Receipted(e, []byte("note"), noon), tx.Drop(e))
		}))
		if e.Leaves() != 4 || !e.Doubted {
			t.Errorf("%d leaves, doubted %v; want 4, true", e.Leaves(), e.Doubted)
		}
		if e = grow(t, l, g.ID, "e1", 1, 2); e.Leaves() != 6 {
			t.Errorf("%d leaves after two more; want 6", e.Leaves())
		}
	})
}

func TestCountsAddUp(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		at := noon.Unix() / 60
		in := ledger.Minute{Gate: g.ID, Minute: at, Kind: "passage", Direction: "entry"}
		out := ledger.Minute{Gate: g.ID, Minute: at + 1, Kind: "passage", Direction: "exit"}
		early := ledger.Minute{Gate: g.ID, Minute: at - 1, Kind: "passage", Direction: "entry"}
		denied := ledger.Minute{Gate: g.ID, Minute: at, Kind: "decision", Reason: "bad\x00\xff", Direction: "entry"}
		for range 2 {
			must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
				return tx.Count(map[ledger.Minute]int64{in: 5, out: 2, early: 100, denied: 1})
			}))
		}
		people, err := l.Passages(t.Context(), noon)
		if want := (ledger.People{Entered: 10, Left: 4}); err != nil || people[g.ID] != want || want.Inside() != 6 {
			t.Errorf("Passages = %v, %v; want %v", people, err, want)
		}
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.ForgetMinutes(noon) }))
		got := map[ledger.Minute]int64{}
		must(t, l.Minutes(t.Context(), time.Unix(0, 0), func(m ledger.Minute, n int64) error { got[m] = n; return nil }))
		denied.Reason = "bad??"
		if want := map[ledger.Minute]int64{in: 10, out: 4, denied: 2}; !reflect.DeepEqual(got, want) {
			t.Errorf("Minutes = %v; want %v", got, want)
		}
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
			return errors.Join(tx.SetUses("GZQ", "A07", "t1", 3), tx.SetUses("GZQ", "A08", "t1", 2), tx.SetUses("GZQ", "A07", "t1", 4))
		}))
		if n, err := l.Uses(t.Context(), "GZQ", "t1"); n != 6 || err != nil {
			t.Errorf("Uses = %d, %v; want 6", n, err)
		}
	})
}

func TestAStreamIsReadByOne(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		advance := func(was, now ledger.Position) error {
			return l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.Advance(was, now) })
		}
		none, err := l.Position(t.Context(), "s")
		must(t, err)
		first := ledger.Position{Stream: "s", Created: noon, Seq: 7}
		must(t, advance(none, first))
		if err := advance(none, ledger.Position{Stream: "s", Created: noon, Seq: 8}); !errors.Is(err, ledger.ErrMoved) {
			t.Errorf("from where it was before: %v; want ErrMoved", err)
		}
		if got, err := l.Position(t.Context(), "s"); got != first || err != nil {
			t.Errorf("Position = %v, %v; want %v", got, err, first)
		}
	})
}

func TestRefusalsAndRollbacksAreShown(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		g := enroll(t, l, "A07", 1)
		for n := range 2 {
			at := noon.Add(time.Duration(n) * time.Minute)
			must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
				return errors.Join(
					tx.Refuse(ledger.Refused{Station: "GZQ", Gate: "?", Why: "unknown gate", N: 2, First: at, Last: at, Detail: fmt.Sprint(n)}),
					tx.RolledBack(ledger.Rollback{Gate: g.ID, Epoch: "e1", Time: at, Head: []byte("h"), Proof: []byte("p"), Why: fmt.Sprint(n)}),
					tx.Heard(map[int64]time.Time{g.ID: noon.Add(time.Duration(1-n) * time.Minute)}),
					tx.SetLane(g.ID, ledger.Lane{State: "emergency", Why: "fire", Since: noon}))
			}))
		}
		refused, err := l.AllRefused(t.Context())
		if err != nil || len(refused) != 1 || refused[0].N != 4 || refused[0].Detail != "1" || !refused[0].First.Equal(noon) {
			t.Errorf("AllRefused = %+v, %v", refused, err)
		}
		back, err := l.Rollbacks(t.Context(), g.ID)
		if err != nil || len(back) != 1 || back[0].Why != "1" {
			t.Errorf("Rollbacks = %+v, %v", back, err)
		}
		g = enroll(t, l, "A07", 1)
		if !g.Heard.Equal(noon) || g.Lane != (ledger.Lane{State: "emergency", Why: "fire", Since: noon}) {
			t.Errorf("heard %v, lane %+v", g.Heard, g.Lane)
		}
	})
}

func TestWhatIsNoLedgerIsRefused(t *testing.T) {
	for _, database := range []string{"mysql://x/y", t.TempDir(), "/dev/null/x", "postgres://127.0.0.1:1/x?connect_timeout=2"} {
		if l, err := ledger.Open(context.Background(), database); err == nil {
			l.Close()
			t.Errorf("%s is opened", database)
		}
	}
	if got := ledger.Redacted("postgres://u:secret@h/d"); got != "postgres://u:xxxxx@h/d" {
		t.Errorf("Redacted = %s", got)
	}
}

func TestTheNewestFactCounts(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		l := open(t, database)
		a, b := enroll(t, l, "A07", 1), enroll(t, l, "A08", 2)
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
			return errors.Join(tx.SetFact(a.ID, ledger.FactRelease, ledger.Fact{Said: "1.3", Since: noon}), tx.SetFact(b.ID, ledger.FactClock, ledger.Fact{Said: "off", Since: noon}),
				tx.SetFact(a.ID, ledger.FactRelease, ledger.Fact{Said: "1.4", Since: noon.Add(time.Hour)}))
		}))
		got, err := l.Facts(t.Context())
		must(t, err)
		want := map[int64]map[string]ledger.Fact{
			a.ID: {ledger.FactRelease: {Said: "1.4", Since: noon.Add(time.Hour)}}, b.ID: {ledger.FactClock: {Said: "off", Since: noon}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Facts = %v; want %v", got, want)
		}
	})
}
