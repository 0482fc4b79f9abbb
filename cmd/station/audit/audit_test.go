package audit_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/audit"
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

var noon = time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)

// A ward is a ledger in a test, and the keys of its station.
type ward struct {
	t        testing.TB
	database string
	key      *torchwood.CosignatureSigner
	anchors  map[string][]byte
	copies   []audit.Copy
	seq      int // of receipts: each in an hour of its own
}

func newWard(t testing.TB, database string) *ward {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	return &ward{t: t, database: database, key: must[*torchwood.CosignatureSigner](t)(torchwood.NewCosignatureSigner(bus.ReceiptKeyName("GZQ"), key)), anchors: map[string][]byte{}}
}

func (w *ward) open() *ledger.Ledger {
	w.t.Helper()
	return must[*ledger.Ledger](w.t)(ledger.Open(w.t.Context(), w.database))
}

// fill makes a gate with one log, receipted at each of some numbers of leaves.
func (w *ward) fill(gate, epoch string, first uint64, n int, receipts ...int) {
	w.t.Helper()
	l := w.open()
	defer l.Close()
	id := identity.FromSeed([32]byte{gate[0]})
	ok := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	ok(l.Enroll(w.t.Context(), id.Public("GZQ", gate), noon, false))
	var g ledger.Gate
	for _, g = range must[[]ledger.Gate](w.t)(l.Gates(w.t.Context())) {
		if g.Gate == gate {
			break
		}
	}
	origin := must[string](w.t)(journal.Origin("GZQ", gate, epoch))
	signer := must[note.Signer](w.t)(id.Signer(origin))
	const batch = 20_000
	for from := 0; from < n; from += batch {
		ok(l.Update(w.t.Context(), func(tx *ledger.Tx) error {
			e := must[*ledger.Epoch](w.t)(tx.Epoch(g.ID, epoch))
			if e == nil {
				e = must[*ledger.Epoch](w.t)(tx.Begin(g.ID, epoch, first))
			}
			var records []ledger.Record
			for i := from; i < min(n, from+batch); i++ {
				r := journal.Record{
					Time: noon.Add(time.Duration(i) * time.Second), Kind: journal.Decision, Decision: journal.Granted, Reason: "ok", Direction: "entry",
					Certificate: "0123456789abcdef", Holder: journal.ID(fmt.Sprintf("holder-%09d", i)), KeyID: "kid",
				}
				body := must[[]byte](w.t)(journal.Encode(r))
				records = append(records, ledger.Record{Seq: first + uint64(i), Leaf: tlog.RecordHash(body), Body: body, Said: r})
				e.Edge.Append(records[len(records)-1].Leaf)
				e.Newest = r.Time
			}
			return errors.Join(tx.Insert(e, records), tx.Grown(e))
		}))
	}
	for _, leaves := range receipts {
		ok(l.Update(w.t.Context(), func(tx *ledger.Tx) error {
			e := must[*ledger.Epoch](w.t)(tx.Epoch(g.ID, epoch))
			e.Receipt.Edge = must[journal.Edge](w.t)(tx.EdgeAt(e, int64(leaves)))
			text := must[[]byte](w.t)(journal.SignHead(origin, e.Receipt.Edge.Tree(), signer, w.key))
			v := must[note.Verifier](w.t)(id.Public("GZQ", gate).Verifier(origin))
			rc := must[journal.Receipt](w.t)(journal.OpenReceipt(text, origin, v, w.key.Verifier()))
			w.seq++
			w.anchors[origin] = text
			return tx.ReceiptedIn(e, text, rc.Time(), int64(w.seq))
		}))
	}
}

func (w *ward) audit(gate string) ([]audit.Log, error) {
	l := w.open()
	defer l.Close()
	return w.auditOf(l, gate)
}

func (w *ward) auditOf(l *ledger.Ledger, gate string) ([]audit.Log, error) {
	return audit.Run(w.t.Context(), audit.Options{
		Ledger: l, Station: "GZQ", Gate: gate, Anchors: w.anchors, Copies: w.copies,
		Receipts: func() (note.Verifier, error) { return w.key.Verifier(), nil },
	})
}

// head is a head that a gate has signed, of an epoch's first leaves.
func (w *ward) head(gate, epoch string, leaves int64) []byte {
	w.t.Helper()
	l := w.open()
	defer l.Close()
	var edge journal.Edge
	for _, e := range must[[]*ledger.Epoch](w.t)(l.Epochs(w.t.Context(), 1)) {
		if e.Name != epoch {
			continue
		}
		err := l.Records(w.t.Context(), e.ID, func(r *ledger.Row) error {
			if edge.Tree().N < leaves {
				edge.Append(tlog.RecordHash(r.Body))
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return signed(w.t, gate, epoch, edge.Tree())
}

// signed is a head that a gate has signed.
func signed(t testing.TB, gate, epoch string, tree tlog.Tree) []byte {
	t.Helper()
	origin := must[string](t)(journal.Origin("GZQ", gate, epoch))
	signer := must[note.Signer](t)(identity.FromSeed([32]byte{gate[0]}).Signer(origin))
	return must[[]byte](t)(journal.SignHead(origin, tree, signer))
}

// findings are what is wrong, in words.
func findings(logs []audit.Log) string {
	var all []string
	for _, l := range logs {
		if l.Finding != nil {
			all = append(all, fmt.Sprintf("%s.%s: %s %d-%d: %s", l.Gate, l.Epoch, l.Finding.Kind, l.Finding.Seq, l.Finding.Upto, l.Finding.What))
		}
	}
	return strings.Join(all, "; ")
}

// honest is a ledger that nobody has touched: two gates, one of them with two logs. It is
// audited, and nothing is found.
func honest(t *testing.T, database string) *ward {
	t.Helper()
	w := newWard(t, database)
	w.fill("A07", "e1", 1, 60, 20, 50, 60)
	w.fill("A07", "e2", 61, 100, 30, 64, 90)
	w.fill("B08", "e1", 500, 64, 64)
	logs := must[[]audit.Log](t)(w.audit(""))
	if f := findings(logs); f != "" || len(logs) != 3 {
		t.Fatalf("an honest ledger of %d logs: %s", len(logs), f)
	}
	return w
}

// A tampering is done to records of a log with id 2: numbers 61 to 160, receipts at 30, 64
// and 90 leaves (numbers 90, 124, 150).
type tampering struct {
	name string
	sql  []string
	kind string
	seq  uint64 // the record that must be named, or be among those that are; 0: none
}

// forged are statements that put another record in the place of one, with its right hash and
// columns: nothing but a signed root tells.
func forged(t testing.TB, seq uint64) []string {
	r := journal.Record{Time: noon, Kind: journal.Passage, Direction: "exit", Detail: "forged"}
	body := must[[]byte](t)(journal.Encode(r))
	leaf, c := tlog.RecordHash(body), ledger.ColumnsOf(r)
	return []string{fmt.Sprintf(`UPDATE records SET body = %s, leaf = %s, time = %d, kind = '%s', reason = '', direction = 'exit' WHERE epoch = 2 AND seq = %d`, blob(body), blob(leaf[:]), c.Time, c.Kind, seq)}
}

// blob marks bytes in a statement; exec writes them in the syntax of its database.
func blob(b []byte) string { return fmt.Sprintf("{{%x}}", b) }

func (w *ward) exec(statements []string) {
	w.t.Helper()
	driver, left, right := "sqlite", "X'", "'"
	if ledger.IsPostgres(w.database) {
		driver, left, right = "pgx", `'\x`, "'"
	}
	db := must[*sql.DB](w.t)(sql.Open(driver, w.database))
	defer db.Close()
	for _, s := range statements {
		s = strings.NewReplacer("{{", left, "}}", right).Replace(s)
		r, err := db.Exec(s)
		if err != nil {
			w.t.Fatalf("%s: %v", s, err)
		}
		if n, err := r.RowsAffected(); n == 0 || err != nil {
			w.t.Fatalf("%s changes nothing (%v)", s, err)
		}
	}
}

// swapped are statements that change two records' contents with each other.
func swapped(a, b uint64, columns ...string) []string {
	var set []string
	for _, c := range columns {
		set = append(set, fmt.Sprintf("%s = (SELECT o.%s FROM records o WHERE o.epoch = 2 AND o.seq = %d + %d - records.seq)", c, c, a, b))
	}
	return []string{fmt.Sprintf("UPDATE records SET %s WHERE epoch = 2 AND seq IN (%d, %d)", strings.Join(set, ", "), a, b)}
}

func tamperings(t testing.TB, rng *rand.Rand) []tampering {
	var all []tampering
	add := func(kind string, seq uint64, name string, statements ...string) {
		all = append(all, tampering{name, statements, kind, seq})
	}
	q := fmt.Sprintf
	covered := func() uint64 { return 61 + uint64(rng.IntN(90)) } // has a receipt
	for range 8 {
		n := covered()
		add(audit.Missing, n, q("drop %d", n), q("DELETE FROM records WHERE epoch = 2 AND seq = %d", n))
		n = covered()
		add(audit.Altered, n, q("alter the body of %d", n), q("UPDATE records SET body = {{a0}} WHERE epoch = 2 AND seq = %d", n))
		n = covered()
		add(audit.Altered, n, q("alter the hash of %d", n), q("UPDATE records SET leaf = {{%064x}} WHERE epoch = 2 AND seq = %d", n, n))
		n = covered()
		add(audit.Altered, n, q("forge %d", n), forged(t, n)...)
		n = 61 + uint64(rng.IntN(99))
		add(audit.Altered, n, q("swap %d and its neighbour's body", n), swapped(n, n+1, "body")...)
		n = 61 + uint64(rng.IntN(89))
		add(audit.Altered, n, q("swap %d and its neighbour, all of them", n), swapped(n, n+1, "body", "leaf", "time", "kind", "reason", "direction")...)
		n = covered()
		add(audit.Altered, n, q("take the body of %d out", n), q("UPDATE records SET body = {{}}, time = 0, kind = 'removed', reason = '', direction = '' WHERE epoch = 2 AND seq = %d", n))
		column := []string{"kind = 'passage'", "reason = 'no_ticket'", "direction = 'exit'", "time = 0"}[rng.IntN(4)]
		n = covered()
		add(audit.Altered, n, q("%s of %d", column, n), q("UPDATE records SET %s WHERE epoch = 2 AND seq = %d", column, n))
	}
	copyTo := "INSERT INTO records (epoch, seq, leaf, body, time, kind, reason, direction) SELECT epoch, %d, leaf, body, time, kind, reason, direction FROM records WHERE epoch = 2 AND seq = %d"
	for range 6 {
		n := covered()
		add(audit.Repeated, 161, q("repeat %d at the end", n), q(copyTo, 161, n))
		n = covered()
		add(audit.Altered, n+1, q("repeat %d in its place and move the rest", n), // by way of numbers that are free
			q("UPDATE records SET seq = seq + 100001 WHERE epoch = 2 AND seq > %d", n), q("UPDATE records SET seq = seq - 100000 WHERE epoch = 2 AND seq > 100000"), q(copyTo, n+1, n))
		n = 150 - uint64(rng.IntN(30))
		add(audit.Missing, n, q("end the log before %d", n), q("DELETE FROM records WHERE epoch = 2 AND seq >= %d", n))
		n = covered()
		add(audit.Altered, n, q("drop %d and move the rest", n), q("DELETE FROM records WHERE epoch = 2 AND seq = %d", n),
			q("UPDATE records SET seq = seq + 99999 WHERE epoch = 2 AND seq > %d", n), q("UPDATE records SET seq = seq - 100000 WHERE epoch = 2 AND seq > 99999"))
	}
	add(audit.Repeated, 60, "repeat one before the first", q(copyTo, 60, 61))
	add(audit.Receipt, 0, "drop a receipt", "DELETE FROM receipts WHERE epoch = 2 AND leaves = 64")
	add(audit.Receipt, 0, "drop the newest receipt", "DELETE FROM receipts WHERE epoch = 2 AND leaves = 90")
	add(audit.Receipt, 0, "drop the newest receipt and its mark", "DELETE FROM receipts WHERE epoch = 2 AND leaves = 90", "UPDATE epochs SET receipts = 2, receipt_leaves = 64 WHERE id = 2")
	add(audit.Receipt, 0, "a receipt of another gate", "UPDATE receipts SET note = (SELECT o.note FROM receipts o WHERE o.epoch = 3) WHERE epoch = 2 AND leaves = 64")
	add(audit.Receipt, 0, "a receipt says more", "UPDATE receipts SET leaves = 65 WHERE epoch = 2 AND leaves = 64")
	add(audit.Receipt, 0, "a receipt of another time", "UPDATE receipts SET time = time + 3600000000 WHERE epoch = 2 AND leaves = 64")
	add(audit.Receipt, 0, "a receipt that nobody signed", "UPDATE receipts SET note = {{00}} WHERE epoch = 2 AND leaves = 64")
	add(audit.Receipt, 0, "a receipt twice", "INSERT INTO receipts (epoch, hour, leaves, note, time) SELECT epoch, hour + 1000, leaves, note, time FROM receipts WHERE epoch = 2 AND leaves = 90")
	add(audit.Receipt, 0, "receipts in another order", "UPDATE receipts SET hour = hour + 1000 WHERE epoch = 2 AND leaves = 30")
	add(audit.Head, 0, "the log's count", "UPDATE epochs SET leaves = 99 WHERE id = 2")
	add(audit.OfLog, 0, "the log's edge", "UPDATE epochs SET edge = {{00}} WHERE id = 2")
	add(audit.Receipt, 0, "the edge of the newest receipt", "UPDATE epochs SET receipt_edge = (SELECT o.receipt_edge FROM epochs o WHERE o.id = 1) WHERE id = 2")
	add(audit.Missing, 60, "the log's first number", "UPDATE epochs SET first = 60 WHERE id = 2")
	add(audit.Receipt, 0, "the log's name", "UPDATE epochs SET epoch = 'e9' WHERE id = 2")
	add(audit.Receipt, 0, "the gate's key", "UPDATE gate_keys SET journal = (SELECT o.journal FROM gates o WHERE o.gate = 'B08')")
	add(audit.OfLog, 0, "the whole log", "DELETE FROM receipts WHERE epoch = 2", "DELETE FROM records WHERE epoch = 2", "DELETE FROM epochs WHERE id = 2")
	add(audit.OfLog, 0, "the whole gate", "DELETE FROM receipts WHERE epoch < 3", "DELETE FROM records WHERE epoch < 3", "DELETE FROM epochs WHERE id < 3", "DELETE FROM gate_keys WHERE gate = 1", "DELETE FROM gates WHERE id = 1")
	add(audit.Missing, 161, "the gate has signed for more", fmt.Sprintf("UPDATE epochs SET asked = 103, asked_note = %s WHERE id = 2", blob(signed(t, "A07", "e2", tlog.Tree{N: 103}))))
	add(audit.Head, 0, "the count of what the gate has signed for", fmt.Sprintf("UPDATE epochs SET asked = 90, asked_note = %s WHERE id = 2", blob(signed(t, "A07", "e2", tlog.Tree{N: 80}))))
	add(audit.Head, 0, "what nobody signed, as what the gate has signed for", "UPDATE epochs SET asked = 90, asked_note = {{00}} WHERE id = 2")
	add(audit.OfGate, 0, "the gate's key on the bus", "UPDATE gates SET bus = 'UA' WHERE id = 1")
	add(audit.OfGate, 0, "another key is the gate's newest", "UPDATE gate_keys SET journal = (SELECT o.journal FROM gates o WHERE o.gate = 'B08') WHERE gate = 1", "UPDATE gates SET gate = 'A07' WHERE id = 1")
	return all
}

func TestEveryTamperingIsNamed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, database string) {
		w := honest(t, database)
		all := tamperings(t, rand.New(rand.NewPCG(1, 2)))
		all = append(all, tampering{name: "an older copy of all", kind: audit.Missing, seq: 125})
		if len(all) < 100 {
			t.Errorf("%d tamperings; want 100", len(all))
		}
		named := 0
		for _, tt := range all {
			c := *w
			c.database = ledgertest.Copy(t, w.database)
			if tt.name == "an older copy of all" {
				c.rollBack()
			}
			c.exec(tt.sql)
			logs, err := c.audit("")
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if !isNamed(logs, tt) {
				t.Errorf("%s: found %q; want %s of %d", tt.name, findings(logs), tt.kind, tt.seq)
				continue
			}
			named++
		}
		t.Logf("%d of %d tamperings are named", named, len(all))
	})
}

// isNamed tells whether the log that was changed is named, with the record where there is one.
func isNamed(logs []audit.Log, tt tampering) bool {
	for _, l := range logs {
		f := l.Finding
		switch {
		case f == nil:
		case l.Gate == "B08" && tt.name != "the gate's key":
			return false
		case f.Kind == tt.kind && (tt.seq == 0 || f.Seq <= tt.seq && tt.seq <= f.Upto):
			return true
		}
	}
	return false
}

// rollBack puts the second log back to what it was at its receipt for 64 leaves, without a
// trace in the database.
func (w *ward) rollBack() {
	l := w.open()
	defer l.Close()
	w.exec([]string{"DELETE FROM receipts WHERE epoch = 2 AND leaves = 90", "DELETE FROM records WHERE epoch = 2 AND seq > 124"})
	err := l.Update(w.t.Context(), func(tx *ledger.Tx) error {
		e := must[*ledger.Epoch](w.t)(tx.Epoch(1, "e2"))
		e.Receipt.Edge = journal.Edge{}
		e.Receipt.Edge = must[journal.Edge](w.t)(tx.EdgeAt(e, 64))
		e.Edge, e.Newest = e.Receipt.Edge, noon.Add(63*time.Second)
		note := must[[]byte](w.t)(tx.Note(e))
		at := must[[]ledger.Kept](w.t)(l.Receipts(context.Background(), 2))[1]
		return errors.Join(tx.Grown(e), tx.ReceiptedIn(e, note, at.Time, at.Hour))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec([]string{"UPDATE epochs SET receipts = 2 WHERE id = 2"})
}

// A copy of the ledger that is older, and otherwise sound, is known by the receipts beside it
// alone.
func TestAnOlderCopyIsKnownByTheReceiptsBesideIt(t *testing.T) {
	w := honest(t, ledgertest.SQLite(t))
	w.rollBack()
	anchors := w.anchors
	w.anchors = nil
	if f := findings(must[[]audit.Log](t)(w.audit(""))); f != "" {
		t.Errorf("the older copy has a trace: %s", f)
	}
	w.anchors = anchors
	if f := findings(must[[]audit.Log](t)(w.audit(""))); !strings.Contains(f, "A07.e2") {
		t.Errorf("found %q; want A07.e2", f)
	}
}

// Records that no head vouches for are dropped, and asked for again: an honest ledger meanwhile.
func TestALogWhoseEndWasDroppedIsSound(t *testing.T) {
	w := newWard(t, ledgertest.SQLite(t))
	w.fill("A07", "e1", 1, 60, 20)
	w.fill("B08", "e1", 1, 60)
	l := w.open()
	for gate := range int64(2) {
		err := l.Update(t.Context(), func(tx *ledger.Tx) error {
			return tx.Drop(must[*ledger.Epoch](t)(tx.Epoch(gate+1, "e1")))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	logs := must[[]audit.Log](t)(w.audit(""))
	if f := findings(logs); f != "" || logs[0].Records != 20 || logs[1].Records != 0 {
		t.Errorf("%+v, %+v: %s", logs[0], logs[1], f)
	}
}

func TestOneGateIsAudited(t *testing.T) {
	w := honest(t, ledgertest.SQLite(t))
	if logs, err := w.audit("B08"); err != nil || len(logs) != 1 || logs[0].Records != 64 || logs[0].Covered != 64 {
		t.Errorf("audit of B08: %+v, %v", logs, err)
	}
	if _, err := w.audit("C09"); !errors.Is(err, audit.ErrGate) {
		t.Errorf("audit of C09: %v; want ErrGate", err)
	}
}

// A gate whose keys were replaced has old receipts under the old key.
func TestOldReceiptsAreHeldToTheOldKey(t *testing.T) {
	w := honest(t, ledgertest.SQLite(t))
	l := w.open()
	err := l.Enroll(t.Context(), identity.FromSeed([32]byte{99}).Public("GZQ", "A07"), noon.Add(time.Hour), true)
	l.Close()
	if err != nil {
		t.Fatal(err)
	}
	if f := findings(must[[]audit.Log](t)(w.audit("A07"))); f != "" {
		t.Errorf("found %s", f)
	}
}

// go test -run '^$' -bench AMillionRecords -benchtime 1x ./cmd/station/audit
func BenchmarkAMillionRecords(b *testing.B) {
	w := newWard(b, ledgertest.SQLite(b))
	const n = 1_000_000
	w.fill("A07", "e1", 1, n, n/2, n)
	for b.Loop() {
		began := time.Now()
		if f := findings(must[[]audit.Log](b)(w.audit(""))); f != "" {
			b.Fatal(f)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/million")
	}
}
