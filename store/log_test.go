package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"crypto/ed25519"
	"crypto/rand"

	"go.etcd.io/bbolt"

	"railgate/store/journal"
)

// station signs receipts, as a gate's key and a station's together.
type station struct {
	gate     note.Signer
	opens    note.Verifier
	receipts *torchwood.CosignatureSigner
}

func newStation(t *testing.T) *station {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "gate")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	gate, err1 := note.NewSigner(skey)
	opens, err2 := note.NewVerifier(vkey)
	receipts, err3 := torchwood.NewCosignatureSigner("railgate.GZQ.receipts", key)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return &station{gate, opens, receipts}
}

// receipt is the station's word that it has a tree of a log.
func (s *station) receipt(t *testing.T, epoch string, tree tlog.Tree) journal.Receipt {
	t.Helper()
	origin, err := journal.Origin("GZQ", "A07", epoch)
	if err != nil {
		t.Fatal(err)
	}
	head, err := journal.SignHead(origin, tree, s.gate, s.receipts)
	if err != nil {
		t.Fatal(err)
	}
	r, err := journal.OpenReceipt(head, origin, s.opens, s.receipts.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (g *gate) logNow() Log {
	g.t.Helper()
	l, err := g.Log()
	if err != nil {
		g.t.Fatal(err)
	}
	return l
}

// wantLog holds the log against the journal: its root is that of the records' own leaves.
func (g *gate) wantLog(what string) Log {
	g.t.Helper()
	l := g.logNow()
	g.mu.Lock()
	edge, after := g.epoch.base, g.epoch.bareFrom()-1
	g.mu.Unlock()
	for {
		leaves, err := g.Leaves(after, 100)
		if err != nil {
			g.t.Fatalf("%s: %v", what, err)
		}
		for _, leaf := range leaves {
			if leaf.Seq != after+1 || leaf.Body != nil && tlog.RecordHash(leaf.Body) != leaf.Hash {
				g.t.Fatalf("%s: leaf %+v follows %d", what, leaf, after)
			}
			edge.Append(leaf.Hash)
			after++
		}
		if len(leaves) == 0 {
			break
		}
	}
	if edge.Tree() != l.Tree || l.First+uint64(l.Tree.N)-1 != g.Seq() {
		g.t.Fatalf("%s: the log is %+v; want %v, and its end at %d", what, l, edge.Tree(), g.Seq())
	}
	return l
}

// first is the record with which the log begins.
func (g *gate) leaf0(l Log) journal.Record {
	g.t.Helper()
	records, err := g.Records(l.First-1, 1)
	if err != nil || len(records) != 1 {
		g.t.Fatal(records, err)
	}
	return records[0]
}

func TestTheLogIsThatOfTheRecords(t *testing.T) {
	g := newGate(t)
	begins := g.wantLog("new")
	if begins.Tree.N != 1 || begins.First != 1 || !journal.GoodName(begins.Epoch) || g.leaf0(begins).Kind != journal.Epoch {
		t.Errorf("the log is %+v, from %+v on; want one leaf, an epoch's", begins, g.leaf0(begins))
	}
	for n := range 40 {
		g.grant(n)
		g.Append(journal.Record{Time: noon, Kind: journal.Forced})
	}
	g.flushNow(t)
	full := g.wantLog("after 80 records")
	if full.Epoch != begins.Epoch || full.Tree.N != 81 {
		t.Errorf("the log is %+v; want 81 leaves of %s", full, begins.Epoch)
	}
	g.reopenAfter(nil)
	if again := g.wantLog("after a start"); again != full {
		t.Errorf("after a start the log is %+v; want %+v", again, full)
	}
	for _, n := range []int64{0, 1, 7, 64, 80, 81} {
		tree, err := g.RootAt(n)
		if err != nil || tree.N != n || n == 81 && tree != full.Tree || n == 1 && tree != begins.Tree {
			t.Errorf("RootAt(%d) = %v, %v", n, tree, err)
		}
	}
	if _, err := g.RootAt(82); !errors.Is(err, ErrForked) {
		t.Errorf("RootAt(82): %v; want %v", err, ErrForked)
	}
}

// A commit that failed has neither its record nor its leaf, one that landed has both,
// and so has the start after it.
func TestALeafGoesWithItsRecord(t *testing.T) {
	for _, lands := range []bool{true, false} {
		g := newGate(t)
		g.grant(1)
		before := g.wantLog("before")
		g.commit = func(tx *bbolt.Tx) error {
			if lands {
				tx.Commit()
			}
			return errors.New("input/output error")
		}
		if _, err := g.Grant(use(2), noon.Add(time.Hour), granted(2)); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		if _, err := g.Log(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("the log of a store that is unavailable: %v", err)
		}
		g.commit = (*bbolt.Tx).Commit
		if !g.reopen() {
			t.Fatal(g.Err())
		}
		after := g.wantLog(fmt.Sprintf("landed %v", lands))
		if want := before.Tree.N + map[bool]int64{true: 1}[lands]; after.Tree.N != want || after.Epoch != before.Epoch {
			t.Errorf("landed %v: the log is %+v; want %d leaves of %s", lands, after, want, before.Epoch)
		}
	}
}

func TestReceipts(t *testing.T) {
	g, st := newGate(t), newStation(t)
	for n := range 20 {
		g.grant(n)
	}
	l := g.logNow()
	if seq, note := g.Receipt(); seq != 0 || note != nil {
		t.Errorf("Receipt = %d, %q; want none", seq, note)
	}
	tree, err := g.RootAt(15)
	if err != nil {
		t.Fatal(err)
	}
	r := st.receipt(t, l.Epoch, tree)
	if err := g.PutReceipt(r); err != nil {
		t.Fatal(err)
	}
	for _, again := range []bool{false, true} { // Close has written it
		if seq, note := g.Receipt(); seq != 15 || string(note) != string(r.Note()) {
			t.Errorf("reopened %v: Receipt = %d, %q; want 15", again, seq, note)
		}
		g.reopenAfter(nil)
	}
	older, _ := g.RootAt(10)
	if err := g.PutReceipt(st.receipt(t, l.Epoch, older)); err != nil {
		t.Errorf("an older receipt: %v", err)
	}
	other := tree
	other.Hash[0]++
	for name, tt := range map[string]struct {
		r    journal.Receipt
		want error
	}{
		"another root":  {st.receipt(t, l.Epoch, other), ErrForked},
		"more leaves":   {st.receipt(t, l.Epoch, tlog.Tree{N: l.Tree.N + 1, Hash: tree.Hash}), ErrForked},
		"another epoch": {st.receipt(t, "other", tree), errOtherEpoch},
		"no receipt":    {journal.Receipt{}, errOtherEpoch},
	} {
		if err := g.PutReceipt(tt.r); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", name, err, tt.want)
		}
	}
	if seq, note := g.Receipt(); seq != 15 || string(note) != string(r.Note()) {
		t.Errorf("in the end: Receipt = %d, %q; want 15", seq, note)
	}
	g.wantLog("in the end")
}

func TestRolledBack(t *testing.T) {
	g, st := newGate(t), newStation(t)
	g.grant(1)
	l := g.logNow()
	for name, r := range map[string]journal.Receipt{"its own root": st.receipt(t, l.Epoch, l.Tree), "another epoch": st.receipt(t, "other", l.Tree), "no receipt": {}} {
		if err := g.RolledBack(r, "test"); err == nil || g.Blind().Blind || g.logNow() != l {
			t.Fatalf("%s: %v, %+v; want an error, and nothing changed", name, err, g.Blind())
		}
	}
	g.receive(st, 2)
	if err := g.RolledBack(st.receipt(t, l.Epoch, tlog.Tree{N: 9}), "test"); err != nil {
		t.Fatal(err)
	}
	rolled := g.logNow().Epoch
	for range 2 {
		b, now := g.Blind(), g.wantLog("rolled back")
		if seq, note := g.Receipt(); seq != 2 || note != nil {
			t.Errorf("Receipt = %d, %q; want none of the new epoch", seq, note)
		}
		if !b.Blind || !b.RolledBack || b.Closed == 0 || now.Epoch == l.Epoch || now.Epoch != rolled || now.First != 3 {
			t.Errorf("%+v, %+v; want blind, and another epoch from 3 on", b, now)
		}
		if r := g.leaf0(now); r.Kind != journal.Epoch || r.Reason != StoreRolledBack || r.Before != l.Epoch {
			t.Errorf("it begins with %+v", r)
		}
		if _, err := g.Grant(use(5), noon.Add(time.Hour), granted(5)); !errors.Is(err, journal.ErrSpent) {
			t.Errorf("a grant of a store that was rolled back: %v", err)
		}
		g.reopenAfter(nil)
	}
	if err := g.RolledBack(st.receipt(t, l.Epoch, tlog.Tree{N: 9}), "test"); err == nil {
		t.Error("the same proof is taken twice")
	}
	if err := g.Accept(proof(noon.Add(-time.Hour)), journal.Record{Time: noon, Kind: journal.ClockAccepted}); err != nil || !g.Blind().RolledBack {
		t.Errorf("the time was lowered meanwhile: %v, %+v; want it still told", err, g.Blind())
	}
	g.look()
	g.booted, g.now = 2*time.Minute, noon.Add(26*time.Hour)
	g.Keep()
	g.look()
	if b := g.Blind(); b.Blind || b.RolledBack || g.Stats().RolledBack {
		t.Errorf("when no code from before can be valid: %+v; want seeing", b)
	}
}

// A start holds the log against the journal: a mismatch is damage, though its
// checksum does. One that is short of leaves was written by a version that knows of none.
func TestAStartChecksTheLog(t *testing.T) {
	type change func(*edgeValue, *baseValue, *received)
	short := func(e *journal.Edge, n int) {
		*e = journal.Edge{}
		for range n {
			e.Append(tlog.RecordHash(nil))
		}
	}
	for name, tt := range map[string]struct {
		change change
		damage bool
	}{
		"as it was":                 {func(e *edgeValue, b *baseValue, r *received) {}, false},
		"a leaf too many":           {func(e *edgeValue, b *baseValue, r *received) { e.Edge.Append(tlog.RecordHash(nil)) }, true},
		"a later first leaf":        {func(e *edgeValue, b *baseValue, r *received) { e.First++ }, true},
		"no first leaf":             {func(e *edgeValue, b *baseValue, r *received) { e.First = 0 }, true},
		"a base that is too long":   {func(e *edgeValue, b *baseValue, r *received) { b.Base.Append(tlog.RecordHash(nil)) }, true},
		"more leaves behind it":     {func(e *edgeValue, b *baseValue, r *received) { b.Bare++ }, true},
		"leaves that are not there": {func(e *edgeValue, b *baseValue, r *received) { short(&b.Base, int(b.Base.N()-1)); b.Bare++ }, true},
		"fewer than none":           {func(e *edgeValue, b *baseValue, r *received) { b.Bare = -1 }, true},
		"another epoch's base":      {func(e *edgeValue, b *baseValue, r *received) { b.Epoch = "other" }, true},
		"another epoch's receipt":   {func(e *edgeValue, b *baseValue, r *received) { r.Epoch = "other" }, true},
		"a name that is none":       {func(e *edgeValue, b *baseValue, r *received) { e.Epoch, b.Epoch, r.Epoch = "a.b", "a.b", "a.b" }, true},
		"a receipt that is too long": {func(e *edgeValue, b *baseValue, r *received) {
			r.Edge = e.Edge
			r.Edge.Append(tlog.RecordHash(nil))
			r.Note = newStation(t).receipt(t, e.Epoch, r.Edge.Tree()).Note()
		}, true},
		"a receipt of another edge": {func(e *edgeValue, b *baseValue, r *received) { r.Edge = e.Edge }, true},
		"a receipt of no edge":      {func(e *edgeValue, b *baseValue, r *received) { r.Edge = journal.Edge{} }, true},
		"an edge without a receipt": {func(e *edgeValue, b *baseValue, r *received) { r.Note = nil }, true},
		"a leaf too few":            {func(e *edgeValue, b *baseValue, r *received) { short(&e.Edge, int(e.Edge.N()-1)) }, false},
		"a base that is too short":  {func(e *edgeValue, b *baseValue, r *received) { short(&b.Base, int(b.Base.N()-1)) }, false},
	} {
		g, st := withStation(t)
		g.forced(40)
		g.receive(st, 20)
		g.limit.journal = g.Stats().Bytes * 3 / 8
		g.Keep()
		g.writeNow()
		g.limit.journal = 1 << 30
		if g.Stats().Unsent == 0 || g.epoch.base.N() != 20 {
			t.Fatalf("%+v, a base of %d leaves", g.Stats(), g.epoch.base.N())
		}
		was := g.wantLog(name)
		g.reopenAfter(func(path string) { changeLog(t, path, tt.change) })
		b, now := g.Blind(), g.wantLog(name)
		aside, _ := filepath.Glob(g.path() + ".damaged-*")
		if b.Blind != tt.damage || (len(aside) == 1) != tt.damage || (now == was) != (name == "as it was") {
			t.Errorf("%s: %+v, set aside %v, the log %+v; want damage %v", name, b, aside, now, tt.damage)
		}
		if r := g.leaf0(now); now != was && (r.Kind != journal.Epoch || r.Before != was.Epoch && !tt.damage) {
			t.Errorf("%s: the log begins with %+v", name, r)
		}
	}
}

// changeLog changes what a file says of its log, with its checksums.
func changeLog(t *testing.T, path string, change func(*edgeValue, *baseValue, *received)) {
	t.Helper()
	db, err := openFile(path, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		var e edgeValue
		var base baseValue
		var r received
		b := tx.Bucket(metaBucket)
		err := errors.Join(getMeta(b, edgeName, &e), getMeta(b, baseName, &base), getMeta(b, receiptName, &r))
		change(&e, &base, &r)
		return errors.Join(err, putMeta(tx, edgeName, e), putMeta(tx, baseName, base), putMeta(tx, receiptName, r))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// A receipt is on the disk with the next record, or when the store is kept or closed: it
// costs no commit of its own.
func TestAReceiptCostsNoCommit(t *testing.T) {
	for name, write := range map[string]func(g *gate){
		"the next record": func(g *gate) { g.grant(30) },
		"Keep":            func(g *gate) { g.Keep() },
	} {
		g, st := newGate(t), newStation(t)
		g.grant(1)
		g.Keep()
		commits := 0
		g.commit = func(tx *bbolt.Tx) error { commits++; return tx.Commit() }
		g.receive(st, 2)
		if seq, _ := g.Receipt(); commits != 0 || seq != 2 {
			t.Errorf("%s: %d commits, a receipt up to %d; want none, and 2", name, commits, seq)
		}
		write(g)
		if commits != 1 {
			t.Errorf("%s: %d commits; want one", name, commits)
		}
		g.Keep()
		if commits != 1 {
			t.Errorf("%s, and then: %d commits; want one: it is written", name, commits)
		}
		said := g.Store
		g.mu.Lock()
		g.db.Close() // as a power cut
		g.mu.Unlock()
		g.lock.Close()
		g.open()
		if seq, note := g.Receipt(); seq != 2 || note == nil {
			t.Errorf("%s, and a power cut: a receipt up to %d; want 2", name, seq)
		}
		said.db = nil
		said.Close()
	}
}

// A roll-back whose commit failed is whole, or has not begun: never another epoch that sees.
func TestARollBackThatFailed(t *testing.T) {
	for _, lands := range []bool{true, false} {
		g, st := newGate(t), newStation(t)
		g.grant(1)
		was := g.logNow()
		proof := st.receipt(t, was.Epoch, tlog.Tree{N: 9})
		g.commit = func(tx *bbolt.Tx) error {
			if lands {
				tx.Commit()
			}
			return errors.New("input/output error")
		}
		if err := g.RolledBack(proof, "test"); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		g.commit = (*bbolt.Tx).Commit
		if !g.reopen() {
			t.Fatal(g.Err())
		}
		now, blind := g.wantLog("after it failed"), g.Blind()
		if (now.Epoch != was.Epoch) != lands || blind.RolledBack != lands || blind.Blind != lands {
			t.Errorf("landed %v: %+v, %+v", lands, now, blind)
		}
		if err := g.RolledBack(proof, "again"); (err == nil) == lands || !g.Blind().RolledBack {
			t.Errorf("landed %v, and again: %v, %+v; want it rolled back, once", lands, err, g.Blind())
		}
		g.wantLog("in the end")
	}
}
