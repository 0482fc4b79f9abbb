package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"railgate/cmd/station/ledger"
	"railgate/store/journal"
)

// This file audits one log: its receipts, its records one by one, its end.

// A mark is a head that the records must have.
type mark struct {
	tree tlog.Tree
	what string
}

// A walk audits one log.
type walk struct {
	a      *audit
	gate   ledger.Gate
	keys   []ledger.Key
	origin string
	log    Log

	epoch  *ledger.Epoch
	marks  []mark // by leaves
	edge   journal.Edge
	sound  int64        // leaves up to which a mark was right,
	before journal.Edge // the edge there,
	span   *span        // and the records up to the first mark that was not
	newest int64        // the time that the record before says
	bares  []stretch    // records without a body of which no later one has told yet
}

func (w *walk) run(ctx context.Context, r ledger.Reader, name string) error {
	epochs, err := r.Epochs(ctx, w.gate.ID)
	if err != nil {
		w.find(Finding{Kind: OfLog, What: err.Error()})
		return ctx.Err()
	}
	i := slices.IndexFunc(epochs, func(e *ledger.Epoch) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	w.epoch = epochs[i]
	w.log.First, w.log.Covered = w.epoch.First, w.epoch.Receipt.Leaves()
	if err := w.signed(ctx, r); err != nil {
		return err
	}
	if err := r.Records(ctx, w.epoch.ID, w.record); err != nil {
		return err
	}
	w.progress(true)
	w.end()
	w.unannounced()
	if err := w.narrow(ctx, r); err != nil {
		return err
	}
	if newest := i == len(epochs)-1; w.log.Finding == nil {
		w.unsent(newest)
	}
	return nil
}

// find keeps the first that is wrong. One with a record's number that is lower is the first.
func (w *walk) find(f Finding) {
	if f.Upto < f.Seq {
		f.Upto = f.Seq
	}
	if old := w.log.Finding; old == nil || old.Seq == 0 && f.Seq > 0 {
		w.log.Finding = &f
	}
}

// signed reads the receipts, and finds one that is missing or is not what was given.
func (w *walk) signed(ctx context.Context, r ledger.Reader) error {
	kept, err := r.Receipts(ctx, w.epoch.ID)
	if err != nil {
		return err
	}
	w.log.Receipts = len(kept)
	newest, at := int64(0), time.Time{}
	for _, k := range kept {
		rc, err := w.open(k.Note)
		switch {
		case err != nil:
			w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt for %d records: %v", k.Leaves, err)})
			continue
		case rc.Tree().N != k.Leaves || !rc.Time().Equal(k.Time):
			w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt for %d records of %v says %d records, %v", k.Leaves, k.Time, rc.Tree().N, rc.Time())})
		case k.Leaves < newest:
			w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt for %d records came after one for %d", k.Leaves, newest)})
		}
		newest, at = max(newest, rc.Tree().N), k.Time
		w.marks = append(w.marks, mark{rc.Tree(), "the receipt"})
	}
	switch {
	case int64(len(kept)) != w.epoch.Kept:
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("%d receipts are kept; there were %d", len(kept), w.epoch.Kept)})
	case newest != w.epoch.Receipt.Leaves():
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the newest receipt is for %d records; one for %d was given", newest, w.epoch.Receipt.Leaves())})
	}
	w.row(at)
	w.marks = append(w.marks, mark{w.epoch.Receipt.Edge.Tree(), "the edge at the newest receipt"}, mark{w.epoch.Edge.Tree(), "the log's edge"})
	if text := w.a.o.Anchors[w.origin]; text != nil {
		w.anchor(text, newest)
	}
	slices.SortStableFunc(w.marks, func(a, b mark) int { return int(a.tree.N - b.tree.N) })
	return nil
}

// anchor holds the ledger against the newest receipt that was kept elsewhere.
func (w *walk) anchor(text []byte, newest int64) {
	rc, err := w.open(text)
	if err != nil {
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the receipt that is kept beside the ledger: %v", err)})
		return
	}
	if n := rc.Tree().N; n > newest {
		w.find(Finding{Kind: Receipt, What: fmt.Sprintf("the newest receipt is for %d records, and one for %d was given: the ledger is older than it", newest, n)})
	}
	w.marks = append(w.marks, mark{rc.Tree(), "the receipt that is kept beside the ledger"})
}

// open opens a receipt of this log.
func (w *walk) open(text []byte) (rc journal.Receipt, err error) {
	err = byAnyKey(w.keys, w.origin, func(v note.Verifier) (err error) {
		rc, err = journal.OpenReceipt(text, w.origin, v, w.a.receipts)
		return err
	})
	return rc, err
}

// record holds one record against the one before it, its hash and its columns.
func (w *walk) record(row *ledger.Row) error {
	want := w.epoch.First + uint64(w.log.Records)
	seq := uint64(row.Seq)
	switch {
	case row.Seq < 0 || seq < want:
		w.find(Finding{Kind: Repeated, Seq: max(1, seq), What: fmt.Sprintf("record %d is before the log's first, %d", row.Seq, w.epoch.First)})
		return nil // it is in no tree
	case seq > want:
		w.find(Finding{Kind: Missing, Seq: want, Upto: seq - 1, What: "not there"})
	}
	said, leaf := ledger.Read(row.Body), tlog.RecordHash(row.Body)
	switch {
	case len(row.Body) == 0 && len(row.Leaf) == len(leaf):
		copy(leaf[:], row.Leaf)
		w.bare(seq)
	case !bytes.Equal(row.Leaf, leaf[:]):
		w.find(Finding{Kind: Altered, Seq: seq, What: "its bytes do not have its hash"})
	}
	if row.Columns != ledger.ColumnsOf(said) {
		w.find(Finding{Kind: Altered, Seq: seq, What: "its columns do not say what it says"})
	}
	w.made(said)
	w.edge.Append(leaf)
	w.log.Records++
	w.newest = row.Columns.Time
	w.reach()
	w.progress(false)
	return nil
}

// reach holds the tree so far against the marks that have as many leaves.
func (w *walk) reach() {
	n := w.edge.Tree
	for len(w.marks) > 0 && w.marks[0].tree.N <= w.log.Records {
		m := w.marks[0]
		w.marks = w.marks[1:]
		if m.tree.N == 0 || m.tree.N < w.log.Records {
			continue
		}
		if t := n(); t.Hash != m.tree.Hash {
			if w.span == nil {
				w.span = &span{w.epoch.First + uint64(w.sound), w.epoch.First + uint64(t.N) - 1, w.before, m.tree.Hash}
			}
			w.find(Finding{Kind: Altered, Seq: w.epoch.First + uint64(w.sound), Upto: w.epoch.First + uint64(t.N) - 1, What: "one of these records is not as it was: the tree does not have the root of " + m.what})
			continue
		}
		w.sound, w.before = w.log.Records, w.edge
	}
}

// end finds records that are missing or too many at the end.
func (w *walk) end() {
	first := w.epoch.First
	for _, m := range w.marks {
		if m.tree.N > w.log.Records {
			w.find(Finding{Kind: Missing, Seq: first + uint64(w.log.Records), Upto: first + uint64(m.tree.N) - 1, What: "not there; " + m.what + " has it"})
		}
	}
	if n := w.epoch.Leaves(); n < w.log.Records {
		w.find(Finding{Kind: Repeated, Seq: first + uint64(n), Upto: first + uint64(w.log.Records) - 1, What: "the log ends before it"})
	}
	if n := w.epoch.Counted; n != w.epoch.Leaves() {
		w.find(Finding{Kind: Head, What: fmt.Sprintf("the log's row counts %d records, and its edge has %d", n, w.epoch.Leaves())})
	}
	if at := w.epoch.Newest; !w.epoch.NewestIs(w.newest) {
		w.find(Finding{Kind: Head, What: fmt.Sprintf("the log's row has a newest record of %v, and it is of another time", at)})
	}
}

// unsent finds records that the gate has signed for and that never came: an epoch that has
// ended gets no more.
func (w *walk) unsent(newest bool) {
	have := w.epoch.Leaves()
	if w.epoch.Asked <= have {
		return
	}
	what := "the gate has signed for it, and it has not come"
	if !newest {
		what = "the gate has signed for it and began another epoch: it will not come"
	}
	w.find(Finding{Kind: Missing, Seq: w.epoch.First + uint64(have), Upto: w.epoch.First + uint64(w.epoch.Asked) - 1, What: what})
}

const sayEach = 20_000

func (w *walk) progress(last bool) {
	if !last {
		w.a.done++
	}
	if w.a.o.Progress != nil && (last || w.a.done%sayEach == 0) {
		w.a.o.Progress(w.a.done, w.a.of)
	}
}
